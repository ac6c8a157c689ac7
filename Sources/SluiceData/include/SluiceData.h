/* The data that ships with Sluice, embedded: see Data/README.md for what it is and where it comes from. */
#ifndef SLUICE_DATA_H
#define SLUICE_DATA_H

#include <stddef.h>

/* The bytes of a file of Data/ and their number; null for a name that is not there. */
const unsigned char *sluice_data(const char *name, size_t *byteCount);

#endif
