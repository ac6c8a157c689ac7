import SluicePlan

/// What a C file asks of its compiler before any code: checks that the promise of equal bits can be kept.
struct CPrelude {
  private let model: CModel

  init(_ model: CModel) { self.model = model }

  /// The checks, pragmas and macros.
  var text: String {
    var text = Self.checks
    if model.helpers.needs("has_sqrt") { text += Self.squareRoots }
    text += Self.contraction + Self.restrict
    if !model.functions.isEmpty { text += Self.noinline }
    if model.uses.contains(where: { !$0.shared.isEmpty }) { text += Self.independent }
    return model.helpers.expand(text)
  }

  /// All of it.
  static let templates = checks + squareRoots + contraction + restrict + noinline + independent

  private static let checks = """
    /* ---- The compiler --------------------------------------------------------------------------- */

    #if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \\
        defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
    #error "this file needs IEEE arithmetic: compile it without -ffast-math and its parts"
    #endif
    #if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
    #error "this file needs floats that are computed as floats: on x86, use -msse2 -mfpmath=sse"
    #endif
    #if (-1 & 3) != 3 || (-1 >> 1) != -1
    #error "this file needs integers in two's complement, shifted right with their sign"
    #endif
    typedef char @check_byte[(unsigned char)-1 == 255 ? 1 : -1];
    typedef char @check_float[sizeof(float) == 4 ? 1 : -1];
    typedef char @check_double[sizeof(double) == 8 && sizeof(1.0) == 8 ? 1 : -1];


    """

  private static let squareRoots = """
    /* The square root without libm: gcc has it among its intrinsics. */
    #if defined(__GNUC__) && !defined(__clang__) && !defined(@@SOFTWARE_SQRT)
    #if defined(__SSE2__)
    #include <emmintrin.h>
    #elif defined(__aarch64__)
    #include <arm_neon.h>
    #endif
    #endif


    """

  private static let contraction = """
    /* A product and a sum are rounded one after the other, never fused behind our back. gcc may further
     * assume that nobody looks at floating-point exceptions, which lets it vectorise conditions. */
    #if defined(__clang__)
    #pragma STDC FP_CONTRACT OFF
    #elif defined(__GNUC__)
    #pragma GCC optimize("fp-contract=off", "no-trapping-math")
    #else
    #pragma STDC FP_CONTRACT OFF
    #endif


    """

  private static let restrict = """
    /* A pointer to memory that nothing else in a kernel points to. */
    #if defined(__GNUC__)
    #define @@RESTRICT __restrict
    #else
    #define @@RESTRICT
    #endif

    """

  private static let noinline = """

    /* A function that stays one: its many exits must not make what follows look unlikely, and gcc must not
     * conclude from what it leaves unread that a caller need not write it. */
    #if defined(__has_attribute)
    #if __has_attribute(noipa)
    #define @@NOINLINE __attribute__((noipa))
    #endif
    #endif
    #if !defined(@@NOINLINE) && defined(__GNUC__)
    #define @@NOINLINE __attribute__((noinline))
    #elif !defined(@@NOINLINE)
    #define @@NOINLINE
    #endif

    """

  private static let independent = """

    /* The iterations of the loop that follows are independent, though its pointers may be equal. */
    #if defined(__clang__)
    #define @@INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
    #pragma clang diagnostic ignored "-Wpass-failed"
    #elif defined(__GNUC__)
    #define @@INDEPENDENT _Pragma("GCC ivdep")
    #else
    #define @@INDEPENDENT
    #endif

    """
}
