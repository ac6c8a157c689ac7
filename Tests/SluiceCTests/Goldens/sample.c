/* sample.c: the model `sample`, compiled by Sluice 0.1.0; graph 123456789abcdef0.
 *
 * A dense layer that counts its calls.
 *
 * This file stands alone: C99 or C++17, no libraries (but memcpy, memmove and memset, which
 * compilers may call), no memory of its own, no globals that change. It gives the same bits with
 * every compiler, at every optimisation level, on every processor. */

#ifndef SAMPLE_H_INCLUDED
#define SAMPLE_H_INCLUDED

/* How to call it, here @run; memory may come from anywhere:
 *
 *   sample_context context = {0};
 *   context.state = aligned_alloc(SAMPLE_ALIGN, SAMPLE_STATE_BYTES);
 *   context.arena = aligned_alloc(SAMPLE_ALIGN, SAMPLE_ARENA_BYTES);
 *   context.arena_bytes = SAMPLE_ARENA_BYTES;
 *   sample_status status = sample_params_bind(&context, file, bytes); // sample.params in memory
 *   status = sample_reset(&context); // once
 *   sample_run_dims dims = {B};
 *   sample_run_inputs inputs = {x, rate};
 *   sample_run_outputs outputs = {y, mean, n};
 *   status = sample_run(&context, &dims, &inputs, &outputs);
 *   if (status != SAMPLE_OK) puts(sample_status_string(status)); */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* May be defined as `static` or as an attribute for exported functions, before this is included. */
#ifndef SAMPLE_API
#define SAMPLE_API
#endif
/* A function that a program need not call. */
#if defined(__GNUC__)
#define SAMPLE_FUNCTION SAMPLE_API __attribute__((unused))
#else
#define SAMPLE_FUNCTION SAMPLE_API
#endif

#define SAMPLE_ABI_VERSION 1
#define SAMPLE_TOOL_VERSION "0.1.0"
#define SAMPLE_GRAPH_HASH UINT64_C(0x123456789abcdef0)
#define SAMPLE_PARAMS_HASH UINT64_C(0xec99575d517d99d6)

/* Memory in bytes. Parameters, state and arena begin at multiples of SAMPLE_ALIGN. The arena
 * holds nothing between calls, so functions may share one of SAMPLE_ARENA_BYTES. */
#define SAMPLE_ALIGN 64
#define SAMPLE_PARAMS_BYTES 4032
#define SAMPLE_STATE_BYTES 128
#define SAMPLE_RUN_ARENA_BYTES 10240
#define SAMPLE_ARENA_BYTES 10240

/* Where the tensors of the parameters begin, in bytes, and how many elements they have. */
#define SAMPLE_PARAM_LAYER_W_OFFSET 0  /* @layer.w : f32[24,40] */
#define SAMPLE_PARAM_LAYER_W_COUNT 960
#define SAMPLE_PARAM_LAYER_B_OFFSET 3840  /* @layer.b : f32[40] */
#define SAMPLE_PARAM_LAYER_B_COUNT 40

/* Where the tensors of the state begin, in bytes, and how many elements they have. */
#define SAMPLE_STATE_CALLS_OFFSET 0  /* @calls : i64[] */
#define SAMPLE_STATE_CALLS_COUNT 1
#define SAMPLE_STATE_MEMORY_OFFSET 64  /* @memory : f32[3,3] */
#define SAMPLE_STATE_MEMORY_COUNT 9

/* What a call says. Unless it is SAMPLE_OK, nothing was written. */
typedef enum sample_status {
  SAMPLE_OK = 0, /* it worked */
  SAMPLE_ERROR_NULL = 1, /* a pointer that is needed is NULL */
  SAMPLE_ERROR_DIM = 2, /* a dim is negative, above its maximum, or makes another one negative */
  /* a pointer is not aligned: elements to their size, blocks to SAMPLE_ALIGN */
  SAMPLE_ERROR_ALIGNMENT = 3,
  SAMPLE_ERROR_ARENA = 4, /* the arena is too small */
  /* the parameters file is of another model, of another version, or damaged */
  SAMPLE_ERROR_PARAMS = 5,
  SAMPLE_ERROR_ALIAS = 6, /* memory that is written overlaps other memory of the call */
  SAMPLE_ERROR_FUNCTION = 7, /* there is no function of that number */
  SAMPLE_ERROR_INDEX = 8, /* an index or a class in an input is out of range */
  SAMPLE_ERROR_ARITHMETIC = 9 /* the compiler or the processor computes otherwise than promised */
} sample_status;

/* Where a model's memory is. The caller owns it all; a model keeps nothing. Several threads may
 * call at once with contexts that share parameters but neither state nor arena. */
typedef struct sample_context {
  const void *params; /* SAMPLE_PARAMS_BYTES, only read */
  void *state; /* SAMPLE_STATE_BYTES, see sample_reset; a copy is a checkpoint */
  void *arena; /* scratch memory */
  size_t arena_bytes;
  /* Calls body(argument, index) for every index from 0 up to count, in any order, on any
   * threads, and returns when all are done. NULL: everything runs in the calling thread. Results
   * are the same, bit for bit. */
  void (*parallel_for)(void *user, int64_t count, void (*body)(void *argument, int64_t index),
      void *argument);
  void *user; /* the first argument of parallel_for */
} sample_context;

/* A status in words. */
SAMPLE_FUNCTION const char *sample_status_string(sample_status status);

/* Whether arithmetic is that of IEEE 754, rounded to nearest, with subnormals, as this file writes
 * it: SAMPLE_OK or SAMPLE_ERROR_ARITHMETIC. Options of the compiler (-ffast-math and its
 * parts) can change that, and so can the calling thread: fesetround, flush-to-zero set by a
 * host or by a library that was linked with -ffast-math. It takes about half a microsecond on
 * a PC. Functions that write first values, and those that bind parameters, call it; other
 * threads, and hosts that change modes, call it themselves. */
SAMPLE_FUNCTION sample_status sample_check_arithmetic(void);

/* Writes the initial state. It must run once before any function that works on the state. */
SAMPLE_FUNCTION sample_status sample_reset(const sample_context *context);

/* Checks a parameters file in memory and makes context->params point into it; nothing is copied.
 * The file must begin at a multiple of SAMPLE_ALIGN, as a mapped one does, and stay where it is. */
SAMPLE_FUNCTION sample_status sample_params_bind(sample_context *context, const void *file,
    size_t bytes);

#define SAMPLE_RUN_MAX_B 64
#define SAMPLE_RUN_X_RANK 2
#define SAMPLE_RUN_X_COUNT(B) ((size_t)(B) * (size_t)24)
#define SAMPLE_RUN_RATE_RANK 0
#define SAMPLE_RUN_RATE_COUNT ((size_t)1)
#define SAMPLE_RUN_Y_RANK 2
#define SAMPLE_RUN_Y_COUNT(B) ((size_t)(B) * (size_t)40)
#define SAMPLE_RUN_MEAN_RANK 0
#define SAMPLE_RUN_MEAN_COUNT ((size_t)1)
#define SAMPLE_RUN_N_RANK 0
#define SAMPLE_RUN_N_COUNT ((size_t)1)

typedef struct sample_run_dims {
  int64_t B; /* at most 64 */
} sample_run_dims;

typedef struct sample_run_inputs {
  const float *x; /* f32[B,24] */
  float rate; /* f32[] */
} sample_run_inputs;

typedef struct sample_run_outputs {
  float *y; /* f32[B,40] */
  float *mean; /* f32[] */
  float *n; /* f32[] */
} sample_run_outputs;

/* One layer.
 *
 * @run(x: f32[B,24], rate: f32[]) -> (y: f32[B,40], mean: f32[], n: f32[]) */
SAMPLE_FUNCTION sample_status sample_run(const sample_context *context, const sample_run_dims *dims,
    const sample_run_inputs *inputs, const sample_run_outputs *outputs);

#ifndef SAMPLE_NO_REFLECTION
/* A parameter, state, input or output. */
typedef struct sample_tensor {
  const char *name;
  const char *type; /* "f32[B,64]" */
  uint8_t dtype;    /* 0 f32, 1 f64, 2 i32, 3 i64, 4 u8, 5 bool, 6 f16, 7 bf16 */
  uint8_t rank;
  int64_t dims[8]; /* a size; -1 - s for symbol s of the function; INT64_MIN: see the type */
  int64_t offset;  /* bytes from the beginning of the block of parameters or state */
} sample_tensor;

typedef struct sample_function {
  const char *name;
  const char *const *symbols;
  const int64_t *maxima; /* of the symbols */
  const sample_tensor *inputs;
  const sample_tensor *outputs;
  int64_t arena_bytes;
  int32_t symbol_count;
  int32_t input_count;
  int32_t output_count;
} sample_function;

/* The functions in the order of their numbers. */
SAMPLE_FUNCTION const sample_function *sample_functions(int32_t *count);

/* The parameters, or the states. */
SAMPLE_FUNCTION const sample_tensor *sample_params(int32_t *count);
SAMPLE_FUNCTION const sample_tensor *sample_states(int32_t *count);

/* Calls a function by its number: symbols, inputs and outputs in order, scalars by pointer too. */
SAMPLE_FUNCTION sample_status sample_call(const sample_context *context, int32_t function,
    const int64_t *dims, const void *const *inputs, void *const *outputs);
#endif

#ifdef SAMPLE_THREADS
#include <pthread.h>

#define SAMPLE_POOL_MAX 64

/* Threads that wait for parts of work. The caller owns the memory; its members are private. */
typedef struct sample_pool {
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  pthread_cond_t done;
  pthread_t threads[SAMPLE_POOL_MAX];
  int32_t started;
  int32_t stops;
  int32_t sleepers;
  int32_t waits;
  void (*body)(void *argument, int64_t index);
  void *argument;
  int64_t count;
  int64_t finished;
  uint64_t ticket; /* number of the job in the high half, next index in the low half */
} sample_pool;

/* Starts a pool of so many threads, the caller's included. It gives how many there are, at least 1,
 * or 0 where the system refuses. A context then names the pool as its user, and as its parallel_for
 * the function below. */
SAMPLE_FUNCTION int32_t sample_pool_start(sample_pool *pool, int32_t threads);

/* Ends the threads. Nothing may run on the pool any more. */
SAMPLE_FUNCTION void sample_pool_stop(sample_pool *pool);

/* Runs a job on the pool, which runs one at a time. */
SAMPLE_FUNCTION void sample_pool_parallel_for(void *pool, int64_t count,
    void (*body)(void *argument, int64_t index), void *argument);

/* sizeof(sample_pool), for bindings. */
SAMPLE_FUNCTION size_t sample_pool_bytes(void);
#endif

#ifdef SAMPLE_PROFILE
/* How often a step ran, and for how long in the units of the clock. */
typedef struct sample_step_time {
  int64_t runs;
  int64_t time;
} sample_step_time;

/* Measures what runs from now on with this clock, or no more where it is NULL; times begin anew.
 * Calls of functions must then come one after the other. */
SAMPLE_FUNCTION void sample_profile(int64_t (*clock)(void));

/* The times of a function, by its number in the order of this file: one for every step of the plan
 * that `sluice dump --stage plan` prints. */
SAMPLE_FUNCTION const sample_step_time *sample_step_times(int32_t function, int32_t *count);
#endif

#ifdef __cplusplus
}
#endif
#endif

/* ---- The compiler --------------------------------------------------------------------------- */

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
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
#if defined(__clang__) && defined(__arm__) && defined(__ARM_NEON) && !defined(SAMPLE_ALLOW_NEON)
/* Nothing tells whether loops are vectorised, hence the macro. */
#error "clang vectorises with NEON, which takes subnormals for 0: compile this file with -fno-vectorize -fno-slp-vectorize -DSAMPLE_ALLOW_NEON"
#endif
#if (-1 & 3) != 3 || (-1 >> 1) != -1
#error "this file needs integers in two's complement, shifted right with their sign"
#endif
typedef char sample_check_byte[(unsigned char)-1 == 255 ? 1 : -1];
typedef char sample_check_float[sizeof(float) == 4 ? 1 : -1];
typedef char sample_check_double[sizeof(double) == 8 && sizeof(1.0) == 8 ? 1 : -1];

/* A product and a sum are rounded one after the other, never fused behind our back. Of the
 * other liberties that options give, some define no macro: these pragmas take back what
 * they can, and sample_check_arithmetic finds the rest. float_control stands first, since it
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

/* A pointer to memory that nothing else in a kernel points to. */
#if defined(__GNUC__)
#define SAMPLE_RESTRICT __restrict
#else
#define SAMPLE_RESTRICT
#endif

/* A function that stays one: its many exits must not make what follows look unlikely, and gcc
 * must not conclude from what it leaves unread that a caller need not write it. */
#if defined(__has_attribute)
#if __has_attribute(noipa)
#define SAMPLE_NOINLINE __attribute__((noipa))
#endif
#endif
#if !defined(SAMPLE_NOINLINE) && defined(__GNUC__)
#define SAMPLE_NOINLINE __attribute__((noinline))
#elif !defined(SAMPLE_NOINLINE)
#define SAMPLE_NOINLINE
#endif

/* A kernel that is no part of its callers: they would only take compilers longer. */
#if defined(__GNUC__)
#define SAMPLE_KERNEL __attribute__((noinline))
#elif defined(_MSC_VER)
#define SAMPLE_KERNEL __declspec(noinline)
#else
#define SAMPLE_KERNEL
#endif

/* ---- Helpers ----------------------------------------------------------------------------- */

/* Copies the bytes of one object into another one of the same size. */
#if defined(__GNUC__)
#define SAMPLE_COPY(to, from, size) __builtin_memcpy(to, from, size)
#else
static inline void sample_copy(void *to, const void *from, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
  }
}
#define SAMPLE_COPY(to, from, size) sample_copy(to, from, size)
#endif

/* Memory holds elements of one type after another: an arena, a block of state. C allows
 * that, but LLVM moves accesses by their types nevertheless, unless these say that they
 * may alias. Compilers without the attribute keep to C. */
#if defined(__GNUC__)
#define SAMPLE_MAY_ALIAS __attribute__((__may_alias__))
#else
#define SAMPLE_MAY_ALIAS
#endif

/* An element of f32 in memory. */
typedef float sample_f32 SAMPLE_MAY_ALIAS;
/* The elements that begin at an address. */
#define SAMPLE_F32(address) ((sample_f32 *)(void *)(address))
#define SAMPLE_CONST_F32(address) ((const sample_f32 *)(const void *)(address))

/* An element of i64 in memory. */
typedef int64_t sample_i64 SAMPLE_MAY_ALIAS;
/* The elements that begin at an address. */
#define SAMPLE_I64(address) ((sample_i64 *)(void *)(address))
#define SAMPLE_CONST_I64(address) ((const sample_i64 *)(const void *)(address))

/* The bits of a float. */
static inline uint32_t sample_bits_f32(float x) {
  uint32_t bits;
  SAMPLE_COPY(&bits, &x, sizeof bits);
  return bits;
}

/* The float with these bits. */
static inline float sample_from_bits_f32(uint32_t bits) {
  float x;
  SAMPLE_COPY(&x, &bits, sizeof x);
  return x;
}

/* Turns every NaN into the one that leaves a program. */
static inline float sample_canonical_f32(float x) {
  return x == x ? x : sample_from_bits_f32(0x7fc00000u);
}

/* The larger one; NaN wins, +0 is larger than -0. */
static inline float sample_maximum_f32(float a, float b) {
  const float same = sample_from_bits_f32(sample_bits_f32(a) & sample_bits_f32(b));
  const float most = a > b ? a : b;
  const float number = a == b ? same : most;
  return a != a ? a : number;
}

/* a * 2^b in the low bits; 0 where b is no bit's number. */
static inline int32_t sample_shift_left_i32(int32_t a, int32_t b) {
  const int32_t shifted = (int32_t)((uint32_t)a << ((uint32_t)b & 31u));
  return (uint32_t)b < 32u ? shifted : 0;
}

/* a + b, wrapping. */
static inline int64_t sample_add_i64(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* The nearest float. gcc before version 13 drops this rounding where a double follows it
 * and it vectorises straight-line code (it compares how many elements vectors have, not
 * how long they are): there the sign is put back by hand, which keeps the two conversions
 * apart. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
static inline float sample_f32_from_f64(double x) {
  uint64_t wide;
  uint32_t bits;
  SAMPLE_COPY(&wide, &x, sizeof wide);
  const uint32_t sign = (uint32_t)(wide >> 32) & 0x80000000u;
  wide &= UINT64_C(0x7fffffffffffffff);
  SAMPLE_COPY(&x, &wide, sizeof x);
  float nearest = (float)x;
  SAMPLE_COPY(&bits, &nearest, sizeof bits);
  bits |= sign;
  SAMPLE_COPY(&nearest, &bits, sizeof nearest);
  return nearest;
}
#define SAMPLE_F32_FROM_F64(x) sample_f32_from_f64(x)
#else
#define SAMPLE_F32_FROM_F64(x) ((float)(x))
#endif

/* Whether the target has fused multiply-adds, by type; otherwise the compiler would call
 * libm. gcc and clang each say it in words of their own. */
#if defined(SAMPLE_SOFTWARE_FMA) || !defined(__GNUC__)
#elif defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__) || defined(__VSX__) || \
    defined(__s390x__)
#define SAMPLE_HAS_FMA_F32
#define SAMPLE_HAS_FMA_F64
#else
#if defined(__FP_FAST_FMAF) || (defined(__riscv_flen) && __riscv_flen >= 32) || \
    (defined(__loongarch_frlen) && __loongarch_frlen >= 32) || \
    (defined(__ARM_FEATURE_FMA) && defined(__ARM_FP) && (__ARM_FP & 4) != 0)
#define SAMPLE_HAS_FMA_F32
#endif
#if defined(__FP_FAST_FMA) || (defined(__riscv_flen) && __riscv_flen >= 64) || \
    (defined(__loongarch_frlen) && __loongarch_frlen >= 64) || \
    (defined(__ARM_FEATURE_FMA) && defined(__ARM_FP) && (__ARM_FP & 8) != 0)
#define SAMPLE_HAS_FMA_F64
#endif
#endif

/* The instruction: clang's builtin of old may call libm for the sake of errno. */
#if defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_fma)
#define SAMPLE_FMA_OF_VECTORS
#define SAMPLE_FMA_F32(a, b, c) __builtin_elementwise_fma(a, b, c)
#define SAMPLE_FMA_F64(a, b, c) __builtin_elementwise_fma(a, b, c)
#endif
#endif
#if !defined(SAMPLE_FMA_F32)
#define SAMPLE_FMA_F32(a, b, c) __builtin_fmaf(a, b, c)
#define SAMPLE_FMA_F64(a, b, c) __builtin_fma(a, b, c)
#endif

/* a * b + c with one rounding. */
static inline float sample_fma_f32(float a, float b, float c) {
#if defined(SAMPLE_HAS_FMA_F32)
  return SAMPLE_FMA_F32(a, b, c);
#else
  /* The product of two floats is exact as a double. The sum is rounded to odd: where it is
   * not exact, an even last bit makes a step towards the exact sum and becomes 1, so that
   * the final rounding sees on which side of a tie it is. */
  const double product = (double)a * (double)b;
  const double addend = (double)c;
  double sum = product + addend;
  const double rest = sum - product;
  const double error = (product - (sum - rest)) + (addend - rest);
  uint64_t sum_bits;
  uint64_t error_bits;
  SAMPLE_COPY(&sum_bits, &sum, sizeof sum_bits);
  SAMPLE_COPY(&error_bits, &error, sizeof error_bits);
  const uint64_t towards = UINT64_C(1) - (((sum_bits ^ error_bits) >> 63) << 1);
  const uint64_t step = towards & ((sum_bits & 1) - 1);
  const uint64_t up = error > 0.0 ? step : 0;
  const uint64_t down = error < 0.0 ? step : 0;
  sum_bits += up | down;
  SAMPLE_COPY(&sum, &sum_bits, sizeof sum);
  return SAMPLE_F32_FROM_F64(sum);
#endif
}

/* Whether an address is no multiple of a power of two. */
static inline int sample_misaligned(const void *pointer, size_t alignment) {
  return ((uintptr_t)pointer & (uintptr_t)(alignment - 1)) != 0;
}

/* A run of bytes that a call works on. */
typedef struct sample_span {
  const void *start;
  size_t bytes;
} sample_span;

/* Whether one of the first `written` spans has a byte in common with another span. */
static int sample_overlap(const sample_span *spans, size_t written, size_t count) {
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

/* A kernel's work on rows of arguments: for each of them `count` iterations from `begin` on, of
 * about `cost` operations. */
typedef struct sample_job {
  void (*part)(const void *rows, ptrdiff_t at, ptrdiff_t begin, ptrdiff_t end);
  const void *rows;
  ptrdiff_t row_count;
  ptrdiff_t begin;
  ptrdiff_t count;
  int64_t cost;
  ptrdiff_t block;   /* a part of a row is a multiple of so many iterations */
  ptrdiff_t chunk;   /* how many iterations are a part */
  ptrdiff_t whole;   /* how many rows are a part, where rows are not divided */
} sample_job;

/* What is worth a part, in operations. */
#define SAMPLE_GRAIN 16384

/* A product of two counts, or the largest number. */
static inline int64_t sample_job_work(int64_t a, int64_t b) {
  return b > 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

static inline int64_t sample_job_parts(const sample_job *job) {
  if (job->count <= 0) {
    return 0;
  }
  return job->chunk < job->count
      ? (int64_t)job->row_count * ((job->count - 1) / job->chunk + 1)
      : (job->row_count - 1) / job->whole + 1;
}

/* Runs a part of the jobs of a call. */
static void sample_job_part(void *argument, int64_t index) {
  const sample_job *job = (const sample_job *)argument;
  for (int64_t parts = sample_job_parts(job); index >= parts; parts = sample_job_parts(job)) {
    index -= parts;
    ++job;
  }
  const ptrdiff_t end = job->begin + job->count;
  if (job->chunk < job->count) {
    const int64_t pieces = (job->count - 1) / job->chunk + 1;
    const ptrdiff_t begin = job->begin + (ptrdiff_t)(index % pieces) * job->chunk;
    job->part(job->rows, (ptrdiff_t)(index / pieces), begin,
        end - begin < job->chunk ? end : begin + job->chunk);
    return;
  }
  ptrdiff_t at = (ptrdiff_t)index * job->whole;
  const ptrdiff_t rest = job->row_count - at;
  const ptrdiff_t last = rest < job->whole ? job->row_count : at + job->whole;
  for (; at < last; ++at) {
    job->part(job->rows, at, job->begin, end);
  }
}

/* Runs jobs that do not depend on each other, in parts where there is enough to do. What a part
 * is depends on the work alone, never on the threads. */
static void sample_run_jobs(const sample_context *context, sample_job *jobs, ptrdiff_t count) {
  int64_t work = 0;
  int64_t parts = 0;
  for (ptrdiff_t i = 0; context->parallel_for != NULL && i < count; ++i) {
    sample_job *const job = &jobs[i];
    const int64_t row = sample_job_work(job->count, job->cost);
    const int64_t pieces = row / SAMPLE_GRAIN;
    job->chunk = job->count;
    if (pieces >= 4) {
      const ptrdiff_t size = (job->count - 1) / (ptrdiff_t)(pieces < 64 ? pieces : 64) + 1;
      job->chunk = (size + job->block - 1) / job->block * job->block;
    }
    job->whole = (ptrdiff_t)(row >= SAMPLE_GRAIN ? 1 : SAMPLE_GRAIN / (row > 0 ? row : 1));
    const int64_t all = sample_job_work(job->row_count, row);
    work = all < INT64_MAX - work ? work + all : INT64_MAX;
    parts += sample_job_parts(job);
  }
  if (parts > 1 && work >= 4 * SAMPLE_GRAIN) {
    context->parallel_for(context->user, parts, sample_job_part, jobs);
    return;
  }
  for (const sample_job *job = jobs; job < jobs + count; ++job) {
    for (ptrdiff_t at = 0; job->count > 0 && at < job->row_count; ++at) {
      job->part(job->rows, at, job->begin, job->begin + job->count);
    }
  }
}

static void sample_run_job(const sample_context *context, sample_job job) {
  sample_run_jobs(context, &job, 1);
}

/* All lanes in one: the upper half into the lower one, until one is left. */
static inline float sample_fold_add_f32(float *lanes, ptrdiff_t count) {
  for (ptrdiff_t half = count / 2; half > 0; half /= 2) {
    for (ptrdiff_t j = 0; j < half; ++j) {
      lanes[j] = lanes[j] + lanes[j + half];
    }
  }
  return lanes[0];
}

/* tanh of f32, see docs/numerics.md. */
static inline float sample_tanh_f32(float x) {
  const int32_t t1 = (int32_t)sample_bits_f32(x);
  const float t2 = sample_from_bits_f32((uint32_t)(t1 & 0x7fffffff));
  const float t3 = 10.0f < t2 ? 10.0f : t2;
  const float t4 = sample_fma_f32(t3, 2.88539f, -0.49902344f) + 12583039.0f;
  const float t5 = t4 - 12583039.0f;
  const float t6 =
      sample_from_bits_f32((uint32_t)sample_shift_left_i32((int32_t)sample_bits_f32(t4), 23));
  const float t7 = sample_fma_f32(t5, 9.523271e-10f, sample_fma_f32(t5, -0.3465736f, t3));
  const float t8 = sample_fma_f32(sample_fma_f32(0.059534468f, t7, 0.12740038f), t7, 0.33435893f);
  const float t9 = sample_fma_f32(sample_fma_f32(t8, t7, 0.66659075f), t7, 1.0000018f);
  const float t10 = sample_fma_f32(sample_fma_f32(t7 * t7, t9, t7), t6,
      sample_fma_f32(0.5f, t6, -0.5f));
  const float t11 = t10 < 1.0f ? t10 : 1.0f;
  const int32_t t12 = (int32_t)sample_bits_f32(sample_fma_f32(t11, t11 / (-1.0f - t10), t11));
  return sample_from_bits_f32((uint32_t)(t12 | (t1 & INT32_MIN)));
}

/* ---- Kernels ----------------------------------------------------------------------------- */

/* %y = matmul %x, %w + %b : f32[B,40]
 * %r = maximum %y, 0 : f32[B,40]
 *   at Dense.swift:12, dense/layer */
SAMPLE_KERNEL
static void sample_k0_dense(const sample_f32 *SAMPLE_RESTRICT x,
    const sample_f32 *SAMPLE_RESTRICT w, const sample_f32 *SAMPLE_RESTRICT b,
    sample_f32 *SAMPLE_RESTRICT y, ptrdiff_t begin, ptrdiff_t end) {
  for (ptrdiff_t i = begin; i < end; ++i) {
    for (ptrdiff_t j = 0; j < 40; j += 8) {
      float sum[8];
      for (ptrdiff_t lane = 0; lane < 8; ++lane) {
        sum[lane] = 0.0f;
      }
      for (ptrdiff_t k = 0; k < 24; ++k) {
        const float x1 = x[i * 24 + k];
        for (ptrdiff_t lane = 0; lane < 8; ++lane) {
          sum[lane] = sample_fma_f32(x1, w[k * 40 + j + lane], sum[lane]);
        }
      }
      for (ptrdiff_t lane = 0; lane < 8; ++lane) {
        y[i * 40 + j + lane] = sample_maximum_f32(sum[lane] + b[j + lane], 0.0f);
      }
    }
  }
}

/* What one call of sample_k0_dense works on. */
typedef struct sample_k0_dense_row {
  const sample_f32 *x;
  const sample_f32 *w;
  const sample_f32 *b;
  sample_f32 *y;
  ptrdiff_t B;
} sample_k0_dense_row;

static void sample_k0_dense_part(const void *rows, ptrdiff_t at, ptrdiff_t begin, ptrdiff_t end) {
  const sample_k0_dense_row *const row = (const sample_k0_dense_row *)rows + at;
  sample_k0_dense(row->x, row->w, row->b, row->y, begin, end);
}

SAMPLE_NOINLINE
static void sample_k0_dense_call(const sample_context *context, const sample_f32 *x,
    const sample_f32 *w, const sample_f32 *b, sample_f32 *y, ptrdiff_t B) {
  const sample_k0_dense_row row = {x, w, b, y, B};
  const sample_job job = {sample_k0_dense_part, &row, 1, 0, B, 3040, 1, 0, 0};
  sample_run_job(context, job);
}

/* %mean = mean %r {axes = [0,1]} : f32 */
SAMPLE_KERNEL
static void sample_k1_mean(const sample_f32 *SAMPLE_RESTRICT x, sample_f32 *SAMPLE_RESTRICT mean,
    ptrdiff_t B) {
  float sum = 0.0f;
  for (ptrdiff_t i = 0; i < B * 40; i += 1024) {
    float sum_2 = 0.0f;
    const ptrdiff_t end = i + 1024 < B * 40 ? i + 1024 : B * 40;
    float sum_2_lanes[8];
    for (ptrdiff_t lane = 0; lane < 8; ++lane) {
      sum_2_lanes[lane] = sum_2;
    }
    ptrdiff_t j = i;
    for (; j < end - 7; j += 8) {
      for (ptrdiff_t lane = 0; lane < 8; ++lane) {
        sum_2_lanes[lane] = sum_2_lanes[lane] + x[j + lane];
      }
    }
    for (ptrdiff_t lane = 0; j < end; ++j, ++lane) {
      sum_2_lanes[lane] = sum_2_lanes[lane] + x[j];
    }
    sum_2 = sample_fold_add_f32(sum_2_lanes, 8);
    sum = sum + sum_2;
  }
  mean[0] = sample_canonical_f32(sum / (float)(B * 40));
}

/* @calls := %calls + 1
 * %n = cast %calls : f32 */
static void sample_k2_count(sample_i64 *SAMPLE_RESTRICT calls, sample_f32 *SAMPLE_RESTRICT n) {
  const int64_t t1 = sample_add_i64(calls[0], 1);
  calls[0] = t1;
  n[0] = (float)t1;
}

/* @memory := %rate * %memory + %mean */
static void sample_k3_blend(const sample_f32 *SAMPLE_RESTRICT rate,
    sample_f32 *SAMPLE_RESTRICT memory, const sample_f32 *SAMPLE_RESTRICT mean) {
  const float rate1 = rate[0];
  const float mean1 = mean[0];
  for (ptrdiff_t i = 0; i < 9; ++i) {
    const float t1 = sample_canonical_f32(sample_fma_f32(rate1, sample_tanh_f32(memory[i]), mean1));
    memory[i] = t1;
  }
}

/* copy %r */
SAMPLE_KERNEL
static void sample_k4_copy(const sample_f32 *SAMPLE_RESTRICT x, sample_f32 *SAMPLE_RESTRICT y,
    ptrdiff_t B) {
  for (ptrdiff_t i = 0; i < B * 40; ++i) {
    y[i] = sample_canonical_f32(x[i]);
  }
}

/* ---- Entry points ------------------------------------------------------------------------ */

#ifdef SAMPLE_PROFILE
static sample_step_time sample_profile_times[5];
static const int32_t sample_profile_first_steps[] = {0, 5};
static int64_t (*sample_profile_clock)(void);
static int32_t sample_profile_running = -1;
static int64_t sample_profile_since;

SAMPLE_API void sample_profile(int64_t (*clock)(void)) {
  for (size_t i = 0; i < sizeof sample_profile_times / sizeof sample_profile_times[0]; ++i) {
    sample_profile_times[i].runs = 0;
    sample_profile_times[i].time = 0;
  }
  sample_profile_clock = clock;
  sample_profile_running = -1;
}

SAMPLE_API const sample_step_time *sample_step_times(int32_t function, int32_t *count) {
  const int32_t functions = (int32_t)(sizeof sample_profile_first_steps /
      sizeof sample_profile_first_steps[0]) - 1;
  *count = 0;
  if (function < 0 || function >= functions) {
    return NULL;
  }
  *count = sample_profile_first_steps[function + 1] - sample_profile_first_steps[function];
  return sample_profile_times + sample_profile_first_steps[function];
}

/* A step begins, and the one before it ends; -1 only ends. */
static void sample_profile_step(int32_t step) {
  if (sample_profile_clock == NULL) {
    return;
  }
  const int64_t now = sample_profile_clock();
  if (sample_profile_running >= 0) {
    sample_profile_times[sample_profile_running].runs += 1;
    sample_profile_times[sample_profile_running].time += now - sample_profile_since;
  }
  sample_profile_running = step;
  sample_profile_since = now;
}
#define SAMPLE_STEP(step) sample_profile_step(step)
#else
#define SAMPLE_STEP(step) ((void)0)
#endif

SAMPLE_API const char *sample_status_string(sample_status status) {
  switch (status) {
    case SAMPLE_OK:
      return "ok";
    case SAMPLE_ERROR_NULL:
      return "a pointer that is needed is NULL";
    case SAMPLE_ERROR_DIM:
      return "a dim is negative or above its maximum";
    case SAMPLE_ERROR_ALIGNMENT:
      return "a pointer is not aligned";
    case SAMPLE_ERROR_ARENA:
      return "the arena is too small";
    case SAMPLE_ERROR_PARAMS:
      return "the parameters file does not fit this model";
    case SAMPLE_ERROR_ALIAS:
      return "memory that is written overlaps other memory of the call";
    case SAMPLE_ERROR_FUNCTION:
      return "there is no function of that number";
    case SAMPLE_ERROR_INDEX:
      return "an index or a class in an input is out of range";
    case SAMPLE_ERROR_ARITHMETIC:
      return "the compiler or the processor computes otherwise than promised";
  }
  return "unknown status";
}

#if !defined(SAMPLE_HAS_FMA_F32)
/* A number, or the one NaN, as kernels choose. */
static inline double sample_chosen_f64(double x) {
  const uint64_t bits = UINT64_C(0x7ff8000000000000);
  double nan;
  SAMPLE_COPY(&nan, &bits, sizeof bits);
  return x == x ? x : nan;
}

/* A number, or infinity, as elementary functions give it. */
static inline double sample_endless_f64(double x) {
  const uint64_t bits = UINT64_C(0x7ff0000000000000);
  double infinity;
  SAMPLE_COPY(&infinity, &bits, sizeof bits);
  return x < 0.0 ? infinity : x;
}

/* Whether operations on double give what they must; see sample_check_arithmetic. */
static int sample_arithmetic_f64(void) {
  /* The operands and what operations make of them, read where nobody can foresee them. */
  static const uint64_t operands[3][8] = {
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x0010000000000000), UINT64_C(0x0000000000000003),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x8000000000000000),
      UINT64_C(0x7ff8000000000000) + 5, UINT64_C(0x4014000000000000)},
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x3fe0000000000000), UINT64_C(0x3ff0000000000000),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x4026000000000000)},
    {UINT64_C(0xbff0000004000000), UINT64_C(0x0000000000000001), UINT64_C(0x8000000000000001),
      UINT64_C(0x3c80000000000000), UINT64_C(0xbc70000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff0000000000000), UINT64_C(0x4033000000000000)},
  };
  static const uint64_t results[14][8] = {
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x0010000000000000), UINT64_C(0x0000000000000003),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x8000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x4014000000000000)},
    {UINT64_C(0xbff0000004000000), UINT64_C(0x0000000000000001), UINT64_C(0x8000000000000001),
      UINT64_C(0x3c80000000000000), UINT64_C(0xbc70000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff0000000000000), UINT64_C(0x4033000000000000)},
    {UINT64_C(0x7ff0000000000000), UINT64_C(0x0000000000000001), UINT64_C(0x7ff0000000000000),
      UINT64_C(0x3c80000000000000), UINT64_C(0x7ff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff0000000000000), UINT64_C(0x4033000000000000)},
    {UINT64_C(0x0000000000000000), UINT64_C(0x0008000000000001), UINT64_C(0x0000000000000002),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x4052800000000000)},
    {UINT64_C(0xbff0000004000000), UINT64_C(0x0000000000000001), UINT64_C(0x8000000000000001),
      UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x4033000000000000)},
    {UINT64_C(0x3f94e5e0a9cbc14e), UINT64_C(0x00005397829cbc15), UINT64_C(0x0000000000000000),
      UINT64_C(0x3f94e5e0a72f0539), UINT64_C(0x3f94e5e0a72f0539), UINT64_C(0x8000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x3fba1f58d0fac688)},
    {UINT64_C(0x3f94e5e0a9cbc14e), UINT64_C(0x3f84e5e0a72f0539), UINT64_C(0x3f94e5e0a72f0539),
      UINT64_C(0x3f94e5e0a72f0539), UINT64_C(0x3f94e5e0a72f0539), UINT64_C(0x0000000000000000),
      UINT64_C(0x3f94e5e0a72f0539), UINT64_C(0x3fccbc14e5e0a72f)},
    {UINT64_C(0xbf94e5e0ac687d63), UINT64_C(0x0000000000000000), UINT64_C(0x8000000000000000),
      UINT64_C(0x3c24e5e0a72f0539), UINT64_C(0xbc14e5e0a72f0539), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff0000000000000), UINT64_C(0x3fd8d0fac687d634)},
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x0010000000000000), UINT64_C(0x0000000000000003),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x4014000000000000)},
    {UINT64_C(0xbff0000002000000), UINT64_C(0xbfe0000000000000), UINT64_C(0xbff0000000000000),
      UINT64_C(0xbff0000000000000), UINT64_C(0xbff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0xbff0000000000000), UINT64_C(0xc026000000000000)},
    {UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x0000000000000000)},
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x0010000000000000), UINT64_C(0x0000000000000003),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x4014000000000000)},
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x0010000000000000), UINT64_C(0x0000000000000003),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x8000000000000000),
      UINT64_C(0x7ff8000000000000), UINT64_C(0x4014000000000000)},
    {UINT64_C(0x3ff0000002000000), UINT64_C(0x3fe0000000000000), UINT64_C(0x3ff0000000000000),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000), UINT64_C(0x0000000000000000),
      UINT64_C(0x3ff0000000000000), UINT64_C(0x4026000000000000)},
  };
  static const uint64_t divisor_bits = UINT64_C(0x4048800000000000);
  const volatile uint64_t *const foreign = &operands[0][0];
  const volatile uint64_t *const foreign_divisor = &divisor_bits;
  uint64_t bits;
  double a[8];
  double b[8];
  double c[8];
  double values[14][8];
  for (ptrdiff_t i = 0; i < 8; ++i) {
    bits = foreign[i];
    SAMPLE_COPY(&a[i], &bits, sizeof bits);
    bits = foreign[8 + i];
    SAMPLE_COPY(&b[i], &bits, sizeof bits);
    bits = foreign[16 + i];
    SAMPLE_COPY(&c[i], &bits, sizeof bits);
  }
  double divisor;
  bits = *foreign_divisor;
  SAMPLE_COPY(&divisor, &bits, sizeof bits);
  for (ptrdiff_t i = 0; i < 8; ++i) {
    const double x = a[i];
    const double y = b[i];
    const double z = c[i];
    values[0][i] = sample_chosen_f64(x);
    values[1][i] = sample_chosen_f64(z);
    values[2][i] = sample_endless_f64(z);
    values[3][i] = x * y + z;
    values[4][i] = (x + z) - x;
    values[5][i] = x / divisor;
    values[6][i] = y / divisor;
    values[7][i] = z / divisor;
    values[8][i] = x + 0.0;
    values[9][i] = 0.0 - y;
    values[10][i] = z - z;
    values[11][i] = x < y ? x : y;
    values[12][i] = x < 0.0 ? -x : x;
    values[13][i] = x != x ? 1.0 : y;
  }
  /* A subnormal that compilers compute. */
  const double small = 2.2250738585072014e-308 * 0.5;
  SAMPLE_COPY(&bits, &small, sizeof bits);
  int is_right = bits == UINT64_C(0x0008000000000000);
  for (ptrdiff_t row = 0; row < 14; ++row) {
    for (ptrdiff_t i = 0; i < 8; ++i) {
      SAMPLE_COPY(&bits, &values[row][i], sizeof bits);
      const int is_nan = row > 2 && (bits & UINT64_C(0x7fffffffffffffff)) >
          UINT64_C(0x7ff0000000000000);
      is_right &= (is_nan ? UINT64_C(0x7ff8000000000000) : bits) == results[row][i];
    }
  }
  return is_right;
}

#endif

/* A number, or the one NaN, as kernels choose. */
static inline float sample_chosen_f32(float x) {
  const uint32_t bits = 0x7fc00000u;
  float nan;
  SAMPLE_COPY(&nan, &bits, sizeof bits);
  return x == x ? x : nan;
}

/* A number, or infinity, as elementary functions give it. */
static inline float sample_endless_f32(float x) {
  const uint32_t bits = 0x7f800000u;
  float infinity;
  SAMPLE_COPY(&infinity, &bits, sizeof bits);
  return x < 0.0f ? infinity : x;
}

/* Whether operations on float give what they must; see sample_check_arithmetic. */
static int sample_arithmetic_f32(void) {
  /* The operands and what operations make of them, read where nobody can foresee them. */
  static const uint32_t operands[3][8] = {
    {0x3f800800u, 0x00800000u, 0x00000003u, 0x3f800000u, 0x3f800000u, 0x80000000u, 0x7fc00000u + 5,
      0x40a00000u},
    {0x3f800800u, 0x3f000000u, 0x3f800000u, 0x3f800000u, 0x3f800000u, 0x00000000u, 0x3f800000u,
      0x41300000u},
    {0xbf801000u, 0x00000001u, 0x80000001u, 0x32800000u, 0xb2000000u, 0x00000000u, 0x7f800000u,
      0x41980000u},
  };
  static const uint32_t results[15][8] = {
    {0x3f800800u, 0x00800000u, 0x00000003u, 0x3f800000u, 0x3f800000u, 0x80000000u, 0x7fc00000u,
      0x40a00000u},
    {0xbf801000u, 0x00000001u, 0x80000001u, 0x32800000u, 0xb2000000u, 0x00000000u, 0x7f800000u,
      0x41980000u},
    {0x7f800000u, 0x00000001u, 0x7f800000u, 0x32800000u, 0x7f800000u, 0x00000000u, 0x7f800000u,
      0x41980000u},
    {0x00000000u, 0x00400001u, 0x00000002u, 0x3f800000u, 0x3f800000u, 0x00000000u, 0x7fc00000u,
      0x42940000u},
    {0xbf801000u, 0x00000001u, 0x80000001u, 0x00000000u, 0x00000000u, 0x00000000u, 0x7fc00000u,
      0x41980000u},
    {0x3ca73978u, 0x00029cbcu, 0x00000000u, 0x3ca72f05u, 0x3ca72f05u, 0x80000000u, 0x7fc00000u,
      0x3dd0fac7u},
    {0x3ca73978u, 0x3c272f05u, 0x3ca72f05u, 0x3ca72f05u, 0x3ca72f05u, 0x00000000u, 0x3ca72f05u,
      0x3e65e0a7u},
    {0xbca743ebu, 0x00000000u, 0x80000000u, 0x2fa72f05u, 0xaf272f05u, 0x00000000u, 0x7f800000u,
      0x3ec687d6u},
    {0x3f800800u, 0x00800000u, 0x00000003u, 0x3f800000u, 0x3f800000u, 0x00000000u, 0x7fc00000u,
      0x40a00000u},
    {0xbf800800u, 0xbf000000u, 0xbf800000u, 0xbf800000u, 0xbf800000u, 0x00000000u, 0xbf800000u,
      0xc1300000u},
    {0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x7fc00000u,
      0x00000000u},
    {0x3f800800u, 0x00800000u, 0x00000003u, 0x3f800000u, 0x3f800000u, 0x00000000u, 0x3f800000u,
      0x40a00000u},
    {0x3f800800u, 0x00800000u, 0x00000003u, 0x3f800000u, 0x3f800000u, 0x80000000u, 0x7fc00000u,
      0x40a00000u},
    {0x3f800800u, 0x3f000000u, 0x3f800000u, 0x3f800000u, 0x3f800000u, 0x00000000u, 0x3f800000u,
      0x41300000u},
    {0x33800000u, 0x00400001u, 0x00000002u, 0x3f800000u, 0x3f800000u, 0x00000000u, 0x7fc00000u,
      0x42940000u},
  };
  static const uint32_t divisor_bits = 0x42440000u;
  const volatile uint32_t *const foreign = &operands[0][0];
  const volatile uint32_t *const foreign_divisor = &divisor_bits;
  uint32_t bits;
  float a[8];
  float b[8];
  float c[8];
  float values[15][8];
  for (ptrdiff_t i = 0; i < 8; ++i) {
    bits = foreign[i];
    SAMPLE_COPY(&a[i], &bits, sizeof bits);
    bits = foreign[8 + i];
    SAMPLE_COPY(&b[i], &bits, sizeof bits);
    bits = foreign[16 + i];
    SAMPLE_COPY(&c[i], &bits, sizeof bits);
  }
  float divisor;
  bits = *foreign_divisor;
  SAMPLE_COPY(&divisor, &bits, sizeof bits);
  for (ptrdiff_t i = 0; i < 8; ++i) {
    const float x = a[i];
    const float y = b[i];
    const float z = c[i];
    values[0][i] = sample_chosen_f32(x);
    values[1][i] = sample_chosen_f32(z);
    values[2][i] = sample_endless_f32(z);
    values[3][i] = x * y + z;
    values[4][i] = (x + z) - x;
    values[5][i] = x / divisor;
    values[6][i] = y / divisor;
    values[7][i] = z / divisor;
    values[8][i] = x + 0.0f;
    values[9][i] = 0.0f - y;
    values[10][i] = z - z;
    values[11][i] = x < y ? x : y;
    values[12][i] = x < 0.0f ? -x : x;
    values[13][i] = x != x ? 1.0f : y;
    values[14][i] = sample_fma_f32(x, y, z);
  }
  /* A subnormal that compilers compute. */
  const float small = 1.1754944e-38f * 0.5f;
  SAMPLE_COPY(&bits, &small, sizeof bits);
  int is_right = bits == 0x00400000u;
  for (ptrdiff_t row = 0; row < 15; ++row) {
    for (ptrdiff_t i = 0; i < 8; ++i) {
      SAMPLE_COPY(&bits, &values[row][i], sizeof bits);
      const int is_nan = row > 2 && (bits & 0x7fffffffu) > 0x7f800000u;
      is_right &= (is_nan ? 0x7fc00000u : bits) == results[row][i];
    }
  }
  return is_right;
}


SAMPLE_API sample_status sample_check_arithmetic(void) {
#if !defined(SAMPLE_HAS_FMA_F32)
  if (!sample_arithmetic_f64()) {
    return SAMPLE_ERROR_ARITHMETIC;
  }
#endif
  if (!sample_arithmetic_f32()) {
    return SAMPLE_ERROR_ARITHMETIC;
  }
  return SAMPLE_OK;
}


/* A number of 32 or 64 bits in the bytes of a file of this machine's byte order. */
static uint32_t sample_word_at(const unsigned char *bytes) {
  uint32_t word;
  SAMPLE_COPY(&word, bytes, sizeof word);
  return word;
}

static uint64_t sample_long_at(const unsigned char *bytes) {
  uint64_t word;
  SAMPLE_COPY(&word, bytes, sizeof word);
  return word;
}

SAMPLE_API sample_status sample_params_bind(sample_context *context, const void *file,
    size_t bytes) {
  static const char magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'P', '1'};
  const unsigned char *const header = (const unsigned char *)file;
  if (context == NULL || file == NULL) {
    return SAMPLE_ERROR_NULL;
  }
  if (sample_misaligned(file, SAMPLE_ALIGN)) {
    return SAMPLE_ERROR_ALIGNMENT;
  }
  if (bytes != (size_t)64 + SAMPLE_PARAMS_BYTES) {
    return SAMPLE_ERROR_PARAMS;
  }
  for (size_t i = 0; i < sizeof magic; ++i) {
    if (header[i] != (unsigned char)magic[i]) {
      return SAMPLE_ERROR_PARAMS;
    }
  }
  for (size_t i = 40; i < 64; ++i) {
    if (header[i] != 0) {
      return SAMPLE_ERROR_PARAMS;
    }
  }
  if (sample_word_at(header + 8) != 0x01020304u || sample_word_at(header + 12) !=
      SAMPLE_ABI_VERSION ||
      sample_long_at(header + 16) != SAMPLE_PARAMS_HASH || sample_long_at(header + 24) !=
          SAMPLE_PARAMS_BYTES) {
    return SAMPLE_ERROR_PARAMS;
  }
  uint64_t sum = UINT64_C(0x6a09e667f3bcc908);
  for (size_t i = 64; i < bytes; i += 8) {
    sum = (sum ^ sample_long_at(header + i)) * UINT64_C(0x9e3779b97f4a7c15);
    sum ^= sum >> 32;
  }
  if (sample_long_at(header + 32) != sum) {
    return SAMPLE_ERROR_PARAMS;
  }
  const sample_status arithmetic = sample_check_arithmetic();
  if (arithmetic != SAMPLE_OK) {
    return arithmetic;
  }
  context->params = header + 64;
  return SAMPLE_OK;
}

SAMPLE_API sample_status sample_reset(const sample_context *context) {
  if (context == NULL || context->state == NULL) {
    return SAMPLE_ERROR_NULL;
  }
  if (sample_misaligned(context->state, SAMPLE_ALIGN)) {
    return SAMPLE_ERROR_ALIGNMENT;
  }
  const sample_status arithmetic = sample_check_arithmetic();
  if (arithmetic != SAMPLE_OK) {
    return arithmetic;
  }
  unsigned char *const state = (unsigned char *)context->state;
  /* @calls to @memory */
  for (size_t i = 0; i < 100; ++i) {
    state[i] = 0;
  }
  return SAMPLE_OK;
}

/* What sample_run asks of its arguments. */
SAMPLE_NOINLINE
static sample_status sample_run_check(const sample_context *context, const sample_run_dims *dims,
    const sample_run_inputs *inputs, const sample_run_outputs *outputs) {
  if (context == NULL || dims == NULL || inputs == NULL || outputs == NULL) {
    return SAMPLE_ERROR_NULL;
  }
  if (dims->B < 0 || dims->B > SAMPLE_RUN_MAX_B) {
    return SAMPLE_ERROR_DIM;
  }
  const ptrdiff_t B = (ptrdiff_t)dims->B;
  if ((inputs->x == NULL && B != 0) || (outputs->y == NULL && B != 0) || outputs->mean == NULL ||
      outputs->n == NULL || context->params == NULL || context->state == NULL || context->arena ==
      NULL) {
    return SAMPLE_ERROR_NULL;
  }
  if (sample_misaligned(inputs->x, sizeof(float)) || sample_misaligned(outputs->y, sizeof(float)) ||
      sample_misaligned(outputs->mean, sizeof(float)) ||
      sample_misaligned(outputs->n, sizeof(float)) ||
      sample_misaligned(context->params, SAMPLE_ALIGN) ||
      sample_misaligned(context->state, SAMPLE_ALIGN) ||
      sample_misaligned(context->arena, SAMPLE_ALIGN)) {
    return SAMPLE_ERROR_ALIGNMENT;
  }
  if (context->arena_bytes < SAMPLE_RUN_ARENA_BYTES) {
    return SAMPLE_ERROR_ARENA;
  }
  sample_span spans[8];
  spans[0].start = outputs->y;
  spans[0].bytes = (size_t)B * 40 * sizeof(float);
  spans[1].start = outputs->mean;
  spans[1].bytes = sizeof(float);
  spans[2].start = outputs->n;
  spans[2].bytes = sizeof(float);
  spans[3].start = context->state;
  spans[3].bytes = SAMPLE_STATE_BYTES;
  spans[4].start = context->arena;
  spans[4].bytes = SAMPLE_RUN_ARENA_BYTES;
  spans[5].start = inputs->x;
  spans[5].bytes = (size_t)B * 24 * sizeof(float);
  spans[6].start = context->params;
  spans[6].bytes = SAMPLE_PARAMS_BYTES;
  spans[7].start = inputs;
  spans[7].bytes = sizeof *inputs;
  if (sample_overlap(spans, 5, 8)) {
    return SAMPLE_ERROR_ALIAS;
  }
  return SAMPLE_OK;
}

/* One layer.
 *
 * @run(x: f32[B,24], rate: f32[]) -> (y: f32[B,40], mean: f32[], n: f32[]) */
SAMPLE_API sample_status sample_run(const sample_context *context, const sample_run_dims *dims,
    const sample_run_inputs *inputs, const sample_run_outputs *outputs) {
  const sample_status status = sample_run_check(context, dims, inputs, outputs);
  if (status != SAMPLE_OK) {
    return status;
  }
  const ptrdiff_t B = (ptrdiff_t)dims->B;
  const unsigned char *const params = (const unsigned char *)context->params;
  unsigned char *const state = (unsigned char *)context->state;
  unsigned char *const arena = (unsigned char *)context->arena;
  const sample_f32 *const x = inputs->x;
  const sample_f32 *const layer_w = SAMPLE_CONST_F32(params);
  const sample_f32 *const layer_b = SAMPLE_CONST_F32(params + 3840);
  sample_f32 *const hidden = SAMPLE_F32(arena);
  sample_f32 *const mean = outputs->mean;
  sample_i64 *const calls = SAMPLE_I64(state);
  sample_f32 *const n = outputs->n;
  const sample_f32 *const rate = &inputs->rate;
  sample_f32 *const memory = SAMPLE_F32(state + 64);
  sample_f32 *const y = outputs->y;

  SAMPLE_STEP(0);
  sample_k0_dense_call(context, x, layer_w, layer_b, hidden, B);
  SAMPLE_STEP(1);
  sample_k1_mean(hidden, mean, B);
  SAMPLE_STEP(2);
  sample_k2_count(calls, n);
  SAMPLE_STEP(3);
  sample_k3_blend(rate, memory, mean);
  SAMPLE_STEP(4);
  sample_k4_copy(hidden, y, B);
  SAMPLE_STEP(-1);
  return SAMPLE_OK;
}

#ifndef SAMPLE_NO_REFLECTION
static const char *const sample_function0_symbols[1] = {"B"};
static const int64_t sample_function0_maxima[1] = {SAMPLE_RUN_MAX_B};
static const sample_tensor sample_function0_inputs[2] = {
  {"x", "f32[B,24]", 0, 2, {-1, 24}, 0},
  {"rate", "f32[]", 0, 0, {0}, 0},
};
static const sample_tensor sample_function0_outputs[3] = {
  {"y", "f32[B,40]", 0, 2, {-1, 40}, 0},
  {"mean", "f32[]", 0, 0, {0}, 0},
  {"n", "f32[]", 0, 0, {0}, 0},
};
static const sample_function sample_function_table[1] = {
  {"run", sample_function0_symbols, sample_function0_maxima, sample_function0_inputs,
    sample_function0_outputs, SAMPLE_RUN_ARENA_BYTES, 1, 2, 3},
};
static const sample_tensor sample_param_table[2] = {
  {"layer.w", "f32[24,40]", 0, 2, {24, 40}, 0},
  {"layer.b", "f32[40]", 0, 1, {40}, 3840},
};
static const sample_tensor sample_state_table[2] = {
  {"calls", "i64[]", 3, 0, {0}, 0},
  {"memory", "f32[3,3]", 0, 2, {3, 3}, 64},
};

SAMPLE_API const sample_function *sample_functions(int32_t *count) {
  if (count != NULL) {
    *count = 1;
  }
  return sample_function_table;
}

SAMPLE_API const sample_tensor *sample_params(int32_t *count) {
  if (count != NULL) {
    *count = 2;
  }
  return sample_param_table;
}

SAMPLE_API const sample_tensor *sample_states(int32_t *count) {
  if (count != NULL) {
    *count = 2;
  }
  return sample_state_table;
}

static sample_status sample_function0_call(const sample_context *context, const int64_t *dims,
    const void *const *inputs, void *const *outputs) {
  if (dims == NULL || inputs == NULL || outputs == NULL || inputs[1] == NULL) {
    return SAMPLE_ERROR_NULL;
  }
  if (sample_misaligned(inputs[1], sizeof(float))) {
    return SAMPLE_ERROR_ALIGNMENT;
  }
  const sample_run_dims d = {dims[0]};
  const sample_run_inputs in = {(const float *)inputs[0], *(const sample_f32 *)inputs[1]};
  const sample_run_outputs out = {(float *)outputs[0], (float *)outputs[1], (float *)outputs[2]};
  return sample_run(context, &d, &in, &out);
}

SAMPLE_API sample_status sample_call(const sample_context *context, int32_t function,
    const int64_t *dims, const void *const *inputs, void *const *outputs) {
  switch (function) {
    case 0:
      return sample_function0_call(context, dims, inputs, outputs);
    default:
      return SAMPLE_ERROR_FUNCTION;
  }
}
#endif

#ifdef SAMPLE_THREADS
/* ---- Threads --------------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__i386__)
#define SAMPLE_PAUSE() __builtin_ia32_pause()
#else
#define SAMPLE_PAUSE() ((void)0)
#endif

/* How often a thread looks before it sleeps: a few microseconds. */
#define SAMPLE_SPIN 2000

/* Takes parts of a job until none is left. A part is taken by raising the ticket. That fails
 * where the ticket has changed since it was read, and it changes before anything of the next job
 * is written, so what was read of the job belongs to it. */
static void sample_pool_work(sample_pool *pool, uint64_t job) {
  for (;;) {
    uint64_t ticket = __atomic_load_n(&pool->ticket, __ATOMIC_ACQUIRE);
    void (*const body)(void *, int64_t) = __atomic_load_n(&pool->body, __ATOMIC_ACQUIRE);
    void *const argument = __atomic_load_n(&pool->argument, __ATOMIC_ACQUIRE);
    const int64_t count = __atomic_load_n(&pool->count, __ATOMIC_ACQUIRE);
    const int64_t index = (int64_t)(ticket & 0xffffffffu);
    if (ticket >> 32 != job || index >= count) {
      return;
    }
    if (!__atomic_compare_exchange_n(&pool->ticket, &ticket, ticket + 1, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
      continue;
    }
    body(argument, index);
    if (__atomic_add_fetch(&pool->finished, 1, __ATOMIC_SEQ_CST) == count &&
        __atomic_load_n(&pool->waits, __ATOMIC_SEQ_CST) != 0) {
      pthread_mutex_lock(&pool->mutex);
      pthread_cond_signal(&pool->done);
      pthread_mutex_unlock(&pool->mutex);
    }
  }
}

static void *sample_pool_worker(void *argument) {
  sample_pool *const pool = (sample_pool *)argument;
  uint64_t job = 0;
  for (;;) {
    int32_t spins = 0;
    while (__atomic_load_n(&pool->ticket, __ATOMIC_SEQ_CST) >> 32 == job) {
      if (++spins < SAMPLE_SPIN) {
        SAMPLE_PAUSE();
        continue;
      }
      pthread_mutex_lock(&pool->mutex);
      __atomic_add_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      while (__atomic_load_n(&pool->ticket, __ATOMIC_SEQ_CST) >> 32 == job && !pool->stops) {
        pthread_cond_wait(&pool->wake, &pool->mutex);
      }
      __atomic_sub_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      const int32_t stops = pool->stops;
      pthread_mutex_unlock(&pool->mutex);
      if (stops) {
        return NULL;
      }
    }
    job = __atomic_load_n(&pool->ticket, __ATOMIC_ACQUIRE) >> 32;
    sample_pool_work(pool, job);
  }
}

SAMPLE_API int32_t sample_pool_start(sample_pool *pool, int32_t threads) {
  if (pool == NULL) {
    return 0;
  }
  pool->started = 0;
  pool->stops = 0;
  pool->sleepers = 0;
  pool->waits = 0;
  pool->body = NULL;
  pool->argument = NULL;
  pool->count = 0;
  pool->finished = 0;
  pool->ticket = 0;
  if (pthread_mutex_init(&pool->mutex, NULL) != 0) {
    return 0;
  }
  if (pthread_cond_init(&pool->wake, NULL) != 0) {
    pthread_mutex_destroy(&pool->mutex);
    return 0;
  }
  if (pthread_cond_init(&pool->done, NULL) != 0) {
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    return 0;
  }
  while (pool->started < threads - 1 && pool->started < SAMPLE_POOL_MAX) {
    pthread_t *const thread = &pool->threads[pool->started];
    if (pthread_create(thread, NULL, sample_pool_worker, pool) != 0) {
      break;
    }
    pool->started += 1;
  }
  return pool->started + 1;
}

SAMPLE_API void sample_pool_stop(sample_pool *pool) {
  if (pool == NULL) {
    return;
  }
  pthread_mutex_lock(&pool->mutex);
  pool->stops = 1;
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
  for (int32_t i = 0; i < pool->started; ++i) {
    pthread_join(pool->threads[i], NULL);
  }
  pthread_cond_destroy(&pool->done);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
}

SAMPLE_API void sample_pool_parallel_for(void *user, int64_t count,
    void (*body)(void *argument, int64_t index), void *argument) {
  sample_pool *const pool = (sample_pool *)user;
  if (pool->started == 0 || count < 2 || count > INT32_MAX) {
    for (int64_t i = 0; i < count; ++i) {
      body(argument, i);
    }
    return;
  }
  const uint64_t last = __atomic_load_n(&pool->ticket, __ATOMIC_RELAXED);
  const uint64_t job = ((last >> 32) + 1) & 0xffffffffu;
  /* A thread that is still at the last job finds nothing left of it, whatever it reads below. */
  __atomic_store_n(&pool->ticket, last | 0xffffffffu, __ATOMIC_SEQ_CST);
  __atomic_store_n(&pool->body, body, __ATOMIC_RELEASE);
  __atomic_store_n(&pool->argument, argument, __ATOMIC_RELEASE);
  __atomic_store_n(&pool->count, count, __ATOMIC_RELEASE);
  __atomic_store_n(&pool->finished, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->ticket, job << 32, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool->sleepers, __ATOMIC_SEQ_CST) > 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
  sample_pool_work(pool, job);
  for (int32_t spins = 0; spins < SAMPLE_SPIN; ++spins) {
    if (__atomic_load_n(&pool->finished, __ATOMIC_ACQUIRE) == count) {
      return;
    }
    SAMPLE_PAUSE();
  }
  pthread_mutex_lock(&pool->mutex);
  __atomic_store_n(&pool->waits, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&pool->finished, __ATOMIC_SEQ_CST) != count) {
    pthread_cond_wait(&pool->done, &pool->mutex);
  }
  __atomic_store_n(&pool->waits, 0, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&pool->mutex);
}

SAMPLE_API size_t sample_pool_bytes(void) {
  return sizeof(sample_pool);
}
#endif
