/* Embeds the files of Data/ as they are. In C, because Swift has no way to embed a file that compiles in time. */
#include "SluiceData.h"

static const unsigned char china_gray[] = {
#embed "Data/china_gray.npy"
};
static const unsigned char flower_gray[] = {
#embed "Data/flower_gray.npy"
};
static const unsigned char digits_images[] = {
#embed "Data/digits_images.npy"
};
static const unsigned char digits_labels[] = {
#embed "Data/digits_labels.npy"
};
static const unsigned char kjv[] = {
#embed "Data/kjv.txt"
};
static const unsigned char mlp_hidden_weight[] = {
#embed "Data/mlp/hidden.weight.npy"
};
static const unsigned char mlp_hidden_bias[] = {
#embed "Data/mlp/hidden.bias.npy"
};
static const unsigned char mlp_output_weight[] = {
#embed "Data/mlp/output.weight.npy"
};
static const unsigned char mlp_output_bias[] = {
#embed "Data/mlp/output.bias.npy"
};

typedef struct {
  const char *name;
  const unsigned char *bytes;
  size_t byteCount;
} file;

static const file files[] = {
    {"china_gray", china_gray, sizeof china_gray},
    {"flower_gray", flower_gray, sizeof flower_gray},
    {"digits_images", digits_images, sizeof digits_images},
    {"digits_labels", digits_labels, sizeof digits_labels},
    {"kjv", kjv, sizeof kjv},
    {"mlp/hidden.weight", mlp_hidden_weight, sizeof mlp_hidden_weight},
    {"mlp/hidden.bias", mlp_hidden_bias, sizeof mlp_hidden_bias},
    {"mlp/output.weight", mlp_output_weight, sizeof mlp_output_weight},
    {"mlp/output.bias", mlp_output_bias, sizeof mlp_output_bias},
};

static int isEqual(const char *a, const char *b) {
  while (*a != 0 && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

const unsigned char *sluice_data(const char *name, size_t *byteCount) {
  for (size_t i = 0; i < sizeof files / sizeof files[0]; ++i) {
    if (isEqual(files[i].name, name)) {
      *byteCount = files[i].byteCount;
      return files[i].bytes;
    }
  }
  *byteCount = 0;
  return 0;
}
