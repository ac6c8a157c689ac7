// Register tiles: rows of vectors, whose lanes are neighbours in memory.

extension CHelper {
  static let tile: [CHelper] = [tileMacros] + tileFloats

  private static let tileMacros = CHelper(
    "tile", needs: ["has_fma"],
    """
    /* A tile of a product: some rows at once, each of two vectors of neighbours, in registers. How
     * many rows and lanes there are is seen in no result. */
    #if defined(@@HAS_FMA_F32) && defined(@@HAS_FMA_F64) && !defined(@@PLAIN_VECTORS)
    #define @@HAS_VECTORS
    #if defined(__AVX512F__)
    #define @@VECTOR_BYTES 64
    #define @@ROWS 12
    #define @@SOME_ROWS 8
    #define @@FEW_ROWS 4
    #elif defined(__AVX__)
    #define @@VECTOR_BYTES 32
    #define @@ROWS 6
    #define @@SOME_ROWS 4
    #define @@FEW_ROWS 2
    #elif defined(__aarch64__)
    #define @@VECTOR_BYTES 16
    #define @@ROWS 12
    #define @@SOME_ROWS 8
    #define @@FEW_ROWS 4
    #else
    #define @@VECTOR_BYTES 16
    #define @@ROWS 6
    #define @@SOME_ROWS 4
    #define @@FEW_ROWS 2
    #endif
    #define @@LANE(vector, l) (vector)[l]
    #if (defined(__AVX512F__) || defined(__AVX2__)) && __STDC_HOSTED__
    #include <immintrin.h>
    #define @@HAS_MASKS
    #endif
    #else
    #define @@VECTOR_BYTES 64
    #define @@ROWS 1
    #define @@SOME_ROWS 1
    #define @@FEW_ROWS 1
    #define @@LANE(vector, l) (vector).lane[l]
    #endif
    #define @@LANES_F32 (@@VECTOR_BYTES / 4)
    #define @@LANES_F64 (@@VECTOR_BYTES / 8)

    /* Loops whose iterations are written out, and loops that stay as they are: compilers that
     * unroll what stands around a tile run out of registers. */
    #if defined(__clang__)
    #define @@EACH(i, count) _Pragma("clang loop unroll(full)") for (int i = 0; i < (count); ++i)
    #define @@ROLLED _Pragma("clang loop unroll(disable)")
    #define @@LANE_LOOP
    #elif defined(__GNUC__)
    #define @@EACH(i, count) _Pragma("GCC unroll 16") for (int i = 0; i < (count); ++i)
    #define @@ROLLED
    #define @@LANE_LOOP _Pragma("GCC unroll 1")
    #else
    #define @@EACH(i, count) for (int i = 0; i < (count); ++i)
    #define @@ROLLED
    #define @@LANE_LOOP
    #endif
    /* What lies that many elements behind p will be read soon: a hint, also behind the last one. */
    #if defined(__GNUC__)
    #define @@PREFETCH(p, distance) \\
      __builtin_prefetch((const void *)((uintptr_t)(p) + (uintptr_t)(distance) * sizeof *(p)))
    #else
    #define @@PREFETCH(p, distance) ((void)0)
    #endif
    #if defined(__GNUC__)
    #define @@TILE static inline __attribute__((always_inline))
    #elif defined(_MSC_VER)
    #define @@TILE static __forceinline
    #else
    #define @@TILE static inline
    #endif
    """)

  private static let tileFloats: [CHelper] = [
    ("f32", ["T": "float", "d": "f32", "D": "F32", "bytes": "4"], f32Parts),
    ("f64", ["T": "double", "d": "f64", "D": "F64", "bytes": "8"], f64Parts),
  ].flatMap { (dtype: String, words: [String: String], parts: (load: String, store: String)) in
    var all = words
    all["load"] = parts.load
    all["store"] = parts.store
    return [
      CHelper("vector_\(dtype)", needs: ["tile", dtype], fill(vector, all)),
      CHelper("splat_\(dtype)", needs: ["vector_\(dtype)"], fill(splat, all)),
      CHelper("lanes_fma_\(dtype)", needs: ["vector_\(dtype)", "fma_\(dtype)"], fill(lanesFma, all)),
      CHelper("lanes_add_\(dtype)", needs: ["vector_\(dtype)"], fill(lanesAdd, all)),
      CHelper(
        "lanes_canonical_\(dtype)", needs: ["vector_\(dtype)", "canonical_\(dtype)"],
        fill(lanesCanonical, all)),
      CHelper("choose_\(dtype)", needs: ["vector_\(dtype)"], fill(choose, all)),
      CHelper("load_\(dtype)", needs: ["splat_\(dtype)"], fill(load, all)),
      CHelper("store_\(dtype)", needs: ["vector_\(dtype)"], fill(store, all)),
      CHelper("load_apart_\(dtype)", needs: ["splat_\(dtype)"], fill(loadApart, all)),
      CHelper("store_apart_\(dtype)", needs: ["vector_\(dtype)"], fill(storeApart, all)),
    ]
  }

  private static let vector = """
    /* Neighbours in a register; in memory they need not be aligned. */
    #if defined(@@HAS_VECTORS)
    typedef {T} @vector_{d} __attribute__((vector_size(@@VECTOR_BYTES)));
    typedef {T} @packed_{d} __attribute__((vector_size(@@VECTOR_BYTES), aligned({bytes}), may_alias));
    #else
    typedef struct @vector_{d} {
      {T} lane[@@LANES_{D}];
    } @vector_{d};
    #endif
    """

  private static let splat = """
    /* x in all lanes. */
    @@TILE @vector_{d} @splat_{d}({T} x) {
    #if defined(@@HAS_VECTORS)
      const @vector_{d} zero = {0};
      return x - zero;
    #else
      @vector_{d} result;
      for (int l = 0; l < @@LANES_{D}; ++l) {
        result.lane[l] = x;
      }
      return result;
    #endif
    }
    """

  private static let lanesFma = """
    /* a * b + c with one rounding, lane by lane. */
    @@TILE @vector_{d} @lanes_fma_{d}(@vector_{d} a, @vector_{d} b, @vector_{d} c) {
    #if defined(@@HAS_VECTORS) && defined(__clang__) && defined(@@FMA_OF_VECTORS)
      return @@FMA_{D}(a, b, c);
    #else
      @vector_{d} result;
      @@LANE_LOOP
      for (int l = 0; l < @@LANES_{D}; ++l) {
        @@LANE(result, l) = @fma_{d}(@@LANE(a, l), @@LANE(b, l), @@LANE(c, l));
      }
      return result;
    #endif
    }
    """

  private static let lanesAdd = """
    /* a + b, lane by lane. */
    @@TILE @vector_{d} @lanes_add_{d}(@vector_{d} a, @vector_{d} b) {
    #if defined(@@HAS_VECTORS)
      return a + b;
    #else
      @vector_{d} result;
      for (int l = 0; l < @@LANES_{D}; ++l) {
        result.lane[l] = a.lane[l] + b.lane[l];
      }
      return result;
    #endif
    }
    """

  private static let lanesCanonical = """
    /* x with the one NaN that leaves a program for all NaNs. */
    @@TILE @vector_{d} @lanes_canonical_{d}(@vector_{d} x) {
      @vector_{d} result;
      @@LANE_LOOP
      for (int l = 0; l < @@LANES_{D}; ++l) {
        @@LANE(result, l) = @canonical_{d}(@@LANE(x, l));
      }
      return result;
    }
    """

  private static let choose = """
    /* a where the condition holds, else b. */
    @@TILE @vector_{d} @choose_{d}(int condition, @vector_{d} a, @vector_{d} b) {
      if (condition) {
        return a;
      }
      return b;
    }
    """

  private static let load = """
    /* The neighbours from p on, of which the first `count` exist. */
    @@TILE @vector_{d} @load_{d}(const @{d} *p, ptrdiff_t count) {
    #if defined(@@HAS_VECTORS)
      if (count >= @@LANES_{D}) {
        return *(const @packed_{d} *)p;
      }
    #endif
    {load}
      @vector_{d} result = @splat_{d}(0);
      for (ptrdiff_t l = 0; l < @@LANES_{D} && l < count; ++l) {
        @@LANE(result, l) = p[l];
      }
      return result;
    #endif
    }
    """

  private static let store = """
    /* Stores the first `count` lanes from p on. */
    @@TILE void @store_{d}(@{d} *p, @vector_{d} x, ptrdiff_t count) {
    #if defined(@@HAS_VECTORS)
      if (count >= @@LANES_{D}) {
        *(@packed_{d} *)p = x;
        return;
      }
    #endif
    {store}
      for (ptrdiff_t l = 0; l < @@LANES_{D} && l < count; ++l) {
        p[l] = @@LANE(x, l);
      }
    #endif
    }
    """

  private static let loadApart = """
    /* Elements that are `stride` apart, of which the first `count` exist. */
    @@TILE @vector_{d} @load_apart_{d}(const @{d} *p, ptrdiff_t stride, ptrdiff_t count) {
      @vector_{d} result = @splat_{d}(0);
      for (ptrdiff_t l = 0; l < @@LANES_{D} && l < count; ++l) {
        @@LANE(result, l) = p[l * stride];
      }
      return result;
    }
    """

  private static let storeApart = """
    /* Stores the first `count` lanes `stride` apart. */
    @@TILE void @store_apart_{d}(@{d} *p, ptrdiff_t stride, @vector_{d} x, ptrdiff_t count) {
      for (ptrdiff_t l = 0; l < @@LANES_{D} && l < count; ++l) {
        p[l * stride] = @@LANE(x, l);
      }
    }
    """

  private static let f32Parts = (
    load: """
    #if defined(@@HAS_MASKS) && defined(__AVX512F__)
      return (@vector_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), (const void *)p);
    #elif defined(@@HAS_MASKS)
      const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
      const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
      return (@vector_f32)_mm256_maskload_ps((const float *)p, mask);
    #else
    """,
    store: """
    #if defined(@@HAS_MASKS) && defined(__AVX512F__)
      _mm512_mask_storeu_ps((void *)p, (__mmask16)((1u << count) - 1u), (__m512)x);
    #elif defined(@@HAS_MASKS)
      const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
      const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
      _mm256_maskstore_ps((float *)p, mask, (__m256)x);
    #else
    """
  )

  private static let f64Parts = (
    load: """
    #if defined(@@HAS_MASKS) && defined(__AVX512F__)
      return (@vector_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1u), (const void *)p);
    #elif defined(@@HAS_MASKS)
      const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
      const __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)count), lanes);
      return (@vector_f64)_mm256_maskload_pd((const double *)p, mask);
    #else
    """,
    store: """
    #if defined(@@HAS_MASKS) && defined(__AVX512F__)
      _mm512_mask_storeu_pd((void *)p, (__mmask8)((1u << count) - 1u), (__m512d)x);
    #elif defined(@@HAS_MASKS)
      const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
      const __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)count), lanes);
      _mm256_maskstore_pd((double *)p, mask, (__m256d)x);
    #else
    """
  )
}
