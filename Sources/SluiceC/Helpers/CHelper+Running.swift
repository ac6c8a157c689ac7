// Helpers of entry points: checks of pointers, and the division of loops.

extension CHelper {
  static let running: [CHelper] = [
    CHelper(
      "misaligned",
      """
      /* Whether an address is no multiple of a power of two. */
      static inline int @misaligned(const void *pointer, size_t alignment) {
        return ((uintptr_t)pointer & (uintptr_t)(alignment - 1)) != 0;
      }
      """),
    CHelper(
      "overlap",
      """
      /* A run of bytes that a call works on. */
      typedef struct @span {
        const void *start;
        size_t bytes;
      } @span;

      /* Whether one of the first `written` spans has a byte in common with another span. */
      static int @overlap(const @span *spans, size_t written, size_t count) {
        for (size_t i = 0; i < written; ++i) {
          const uintptr_t a = (uintptr_t)spans[i].start;
          for (size_t j = i + 1; j < count; ++j) {
            const uintptr_t b = (uintptr_t)spans[j].start;
            if (spans[i].bytes > 0 && spans[j].bytes > 0 &&
                (a < b ? b - a < spans[i].bytes : a - b < spans[j].bytes)) {
              return 1;
            }
          }
        }
        return 0;
      }
      """),
    CHelper(
      "chunk",
      """
      /* How many of `count` iterations make one part of a divided loop: all of them where there is little
       * to do, otherwise a multiple of `block`. It depends on the work alone, never on the threads. */
      static inline ptrdiff_t @chunk(ptrdiff_t count, int64_t cost, ptrdiff_t block) {
        const int64_t grain = 16384;
        const int64_t most = INT64_MAX / (cost > 0 ? cost : 1);
        const int64_t parts = ((int64_t)count < most ? count * cost : INT64_MAX) / grain;
        if (parts < 4) {
          return count;
        }
        const ptrdiff_t size = (count - 1) / (ptrdiff_t)(parts < 64 ? parts : 64) + 1;
        return (size + block - 1) / block * block;
      }
      """),
  ]
}
