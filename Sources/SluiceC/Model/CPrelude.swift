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
    if !model.functions.isEmpty { text += Self.noinline + Self.kernel }
    if model.indexLevels.contains(where: { $0 != .none }) { text += Self.indices }
    if model.uses.contains(where: { !$0.shared.isEmpty }) { text += Self.independent }
    return model.helpers.expand(text)
  }

  /// All of it.
  static let templates =
    checks + squareRoots + contraction + restrict + noinline + kernel + indices + independent

  private static let checks = """
    /* ---- The compiler --------------------------------------------------------------------------- */

    #if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \\
        defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
    #error "this file needs IEEE arithmetic: compile it without -ffast-math and its parts"
    #endif
    #if defined(_M_FP_FAST)
    #error "this file needs IEEE arithmetic: compile it with /fp:precise or /fp:strict, not /fp:fast"
    #endif
    #if (defined(__i386__) && !defined(__SSE2_MATH__)) || (defined(_M_IX86_FP) && _M_IX86_FP < 2)
    #error "this file needs floats that are computed as floats: on x86, use -msse2 -mfpmath=sse or /arch:SSE2"
    #elif defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
    #if defined(__i386__) || defined(__x86_64__)
    #error "this file needs floats that are computed as floats: on x86, use -msse2 -mfpmath=sse"
    #else
    #error "this file needs floats that are computed as floats: use -fexcess-precision=fast or -std=gnu99"
    #endif
    #endif
    #if defined(__clang__) && defined(__arm__) && defined(__ARM_NEON) && !defined(@@ALLOW_NEON)
    /* Nothing tells whether loops are vectorised, hence the macro. */
    #error "clang vectorises with NEON, which takes subnormals for 0: compile this file with -fno-vectorize -fno-slp-vectorize -D@@ALLOW_NEON"
    #endif
    #if (-1 & 3) != 3 || (-1 >> 1) != -1
    #error "this file needs integers in two's complement, shifted right with their sign"
    #endif
    typedef char @check_byte[(unsigned char)-1 == 255 ? 1 : -1];
    typedef char @check_float[sizeof(float) == 4 ? 1 : -1];
    typedef char @check_double[sizeof(double) == 8 && sizeof(1.0) == 8 ? 1 : -1];


    """

  private static let squareRoots = """
    #if defined(__SSE2__) && defined(__GNUC__) && !defined(__clang__) && !defined(@@SOFTWARE_SQRT)
    #include <emmintrin.h>
    #endif


    """

  private static let contraction = """
    /* A product and a sum are rounded one after the other, never fused behind our back. Of the
     * other liberties that options give, some define no macro: these pragmas take back what
     * they can, and @check_arithmetic finds the rest. float_control stands first, since it
     * allows to fuse; targets without it ignore it. gcc may further assume that nobody looks
     * at floating-point exceptions, which lets it vectorise conditions. Arrays in loops must not
     * share memory: gcc 12 lets some share that live at once. */
    #if defined(__clang__)
    #pragma clang diagnostic push
    #pragma clang diagnostic ignored "-Wignored-pragmas"
    #pragma float_control(precise, on)
    #pragma clang diagnostic pop
    #pragma STDC FP_CONTRACT OFF
    #elif defined(__GNUC__)
    #pragma GCC optimize("fp-contract=off", "no-associative-math", "no-reciprocal-math", "no-trapping-math")
    #pragma GCC optimize("stack-reuse=none")
    #elif defined(_MSC_VER)
    #pragma float_control(precise, on)
    #pragma fp_contract(off)
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

    /* A function that stays one: its many exits must not make what follows look unlikely, and gcc
     * must not conclude from what it leaves unread that a caller need not write it. */
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

  private static let kernel = """

    /* A kernel that is no part of its callers: they would only take compilers longer. */
    #if defined(__GNUC__)
    #define @@KERNEL __attribute__((noinline))
    #elif defined(_MSC_VER)
    #define @@KERNEL __declspec(noinline)
    #else
    #define @@KERNEL
    #endif

    """

  private static let indices = """

    /* Which calls look for indices and classes out of range in their inputs: 0 none, 1 those that
     * this costs less than 1 %, by an estimate, 2 all. Without it they mean what the language says,
     * and nothing is read or written out of place. */
    #ifndef @@CHECK_INDICES
    #define @@CHECK_INDICES 1
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
