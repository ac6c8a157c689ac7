/* Measures elementary functions as Sluice compiles them; Tools/accuracy builds and runs this.
 *
 *   accuracy FUNCTION f32 SAMPLES   all 2^32 inputs (SAMPLES pairs for two operands) against libm in binary64
 *   accuracy FUNCTION f64 SAMPLES   random and hard inputs against MPFR with 160 bits
 *
 * Prints: function, dtype, largest error, where (one or two inputs), part that is correctly rounded, how
 * many results were finite, how many were of the wrong kind (NaN, infinity, sign of zero, range), and one such input.
 *
 * A result that is correctly rounded counts as no error of f32. The unit of errors is that of the result's format at the exact result, 2^-149 (2^-1074) below the normal range.
 * An infinity counts as the power of two that follows the greatest number. */
#include <math.h>
#include <mpfr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "elementary.c"

enum { block = 65536 };
typedef void (*Run32)(const float *, const float *, float *);
typedef void (*Run64)(const double *, const double *, double *);
static elementary_context context;

#define ONE(f)                                                                                                        \
  static void run_##f##_f32(const float *x, const float *y, float *z) {                                               \
    (void)y;                                                                                                          \
    const elementary_eval_##f##_f32_dims d = { block };                                                               \
    const elementary_eval_##f##_f32_inputs i = { x };                                                                 \
    const elementary_eval_##f##_f32_outputs o = { z };                                                                \
    if (elementary_eval_##f##_f32(&context, &d, &i, &o) != ELEMENTARY_OK) abort();                                    \
  }                                                                                                                   \
  static void run_##f##_f64(const double *x, const double *y, double *z) {                                            \
    (void)y;                                                                                                          \
    const elementary_eval_##f##_f64_dims d = { block };                                                               \
    const elementary_eval_##f##_f64_inputs i = { x };                                                                 \
    const elementary_eval_##f##_f64_outputs o = { z };                                                                \
    if (elementary_eval_##f##_f64(&context, &d, &i, &o) != ELEMENTARY_OK) abort();                                    \
  }
#define TWO(f)                                                                                                        \
  static void run_##f##_f32(const float *x, const float *y, float *z) {                                               \
    const elementary_eval_##f##_f32_dims d = { block };                                                               \
    const elementary_eval_##f##_f32_inputs i = { x, y };                                                              \
    const elementary_eval_##f##_f32_outputs o = { z };                                                                \
    if (elementary_eval_##f##_f32(&context, &d, &i, &o) != ELEMENTARY_OK) abort();                                    \
  }                                                                                                                   \
  static void run_##f##_f64(const double *x, const double *y, double *z) {                                            \
    const elementary_eval_##f##_f64_dims d = { block };                                                               \
    const elementary_eval_##f##_f64_inputs i = { x, y };                                                              \
    const elementary_eval_##f##_f64_outputs o = { z };                                                                \
    if (elementary_eval_##f##_f64(&context, &d, &i, &o) != ELEMENTARY_OK) abort();                                    \
  }
ONE(exp) ONE(expm1) ONE(log) ONE(log1p) ONE(tanh) ONE(sigmoid) ONE(softplus) ONE(sin) ONE(cos)
ONE(exp2) ONE(log2) ONE(erf) ONE(tan) ONE(asin) ONE(acos) ONE(atan) ONE(sinh) ONE(cosh) ONE(cbrt)
TWO(atan2) TWO(power)

/* The same in binary64 and in MPFR. */
static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
#define MP(f) static void mp_##f(mpfr_t r, mpfr_t x, mpfr_t y) { (void)y; mpfr_##f(r, x, MPFR_RNDN); }
MP(exp) MP(expm1) MP(log) MP(log1p) MP(tanh) MP(sin) MP(cos) MP(exp2) MP(log2) MP(erf) MP(tan) MP(asin) MP(acos)
MP(atan) MP(sinh) MP(cosh) MP(cbrt)
static void mp_sigmoid(mpfr_t r, mpfr_t x, mpfr_t y) {
  (void)y;
  mpfr_neg(r, x, MPFR_RNDN);
  mpfr_exp(r, r, MPFR_RNDN);
  mpfr_add_ui(r, r, 1, MPFR_RNDN);
  mpfr_ui_div(r, 1, r, MPFR_RNDN);
}
static void mp_softplus(mpfr_t r, mpfr_t x, mpfr_t y) {
  const int positive = mpfr_sgn(x) > 0;
  mpfr_abs(y, x, MPFR_RNDN);
  mpfr_neg(y, y, MPFR_RNDN);
  mpfr_exp(y, y, MPFR_RNDN);
  mpfr_log1p(y, y, MPFR_RNDN);
  if (positive) mpfr_add(r, x, y, MPFR_RNDN); else mpfr_set(r, y, MPFR_RNDN);
}
static void mp_atan2(mpfr_t r, mpfr_t x, mpfr_t y) { mpfr_atan2(r, x, y, MPFR_RNDN); }
static void mp_power(mpfr_t r, mpfr_t x, mpfr_t y) { mpfr_pow(r, x, y, MPFR_RNDN); }

typedef struct {
  const char *name;
  Run32 run32;
  Run64 run64;
  double (*exact)(double);
  double (*exact2)(double, double);
  void (*many)(mpfr_t, mpfr_t, mpfr_t);
  int isPeriodic;
} Function;
#define E(f) { #f, run_##f##_f32, run_##f##_f64, f, NULL, mp_##f, 0 }
#define P(f) { #f, run_##f##_f32, run_##f##_f64, f, NULL, mp_##f, 1 }
#define G(f, e) { #f, run_##f##_f32, run_##f##_f64, NULL, e, mp_##f, 0 }
static const Function functions[] = {
  E(exp), E(expm1), E(log), E(log1p), E(tanh), E(sigmoid), E(softplus), P(sin), P(cos),
  E(exp2), E(log2), E(erf), P(tan), E(asin), E(acos), E(atan), E(sinh), E(cosh), E(cbrt),
  G(atan2, atan2), G(power, pow)
};

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t rnd(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1du;
}
static double uniform(void) { return (double)(rnd() >> 11) * 0x1p-53; }
static double from_bits(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }
static uint64_t to_bits(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
static double sign(void) { return rnd() & 1 ? -1 : 1; }
static double nudge(double x) { return from_bits(to_bits(x) + (rnd() % 65) - 32); }

typedef struct { double worst, x, y; uint64_t count, right, wrong; double wrongX, wrongY; } Result;
static Result result = { .worst = 0 };

static void wrong(double x, double y) { result.wrong++; result.wrongX = x; result.wrongY = y; }
static void note(double error, double x, double y) {
  result.count++;
  if (error <= 0.5) result.right++;
  if (!(error <= result.worst)) { result.worst = error; result.x = x; result.y = y; }
}
static int sameKind(double y, double r) { return r != r ? y != y : y == r && !!signbit(y) == !!signbit(r); }

static void judge32(const Function *f, float x, float y, float z) {
  const double r = f->exact ? f->exact(x) : f->exact2(x, y);
  if (r != r || isinf(r) || r == 0) { if (!sameKind(z, r)) wrong(x, y); return; }
  if (z == (float)r && z != 0) { result.count++; result.right++; return; } /* correctly rounded: at most 1/2 */
  if (z != z || (z == 0 && !!signbit(z) != !!signbit(r))) { wrong(x, y); return; }
  int e;
  frexp(r, &e);
  e = e - 1 < -126 ? -126 : e - 1 > 127 ? 127 : e - 1;
  const double value = isinf(z) ? copysign(0x1p128, z) : z;
  if (isinf(z) && fabs(r) >= 0x1p128 && !!signbit(z) == !!signbit(r)) return;
  note(fabs(value - r) * from_bits((uint64_t)(1023 + 23 - e) << 52), x, y);
}

static double hard[16384];
static int hardCount;
/* Doubles nearest to multiples of pi/2, by continued fractions (Muller 2016, section 11.3.2). */
static void findHard(void) {
  mpfr_t c, t;
  mpfr_inits2(1400, c, t, (mpfr_ptr)0);
  for (int e = -60; e < 1020; e++) {
    mpfr_const_pi(c, MPFR_RNDN);
    mpfr_mul_2si(c, c, 51 - e, MPFR_RNDN);
    mpz_t p0, p1, q0, q1, a, n;
    mpz_inits(p0, p1, q0, q1, a, n, (mpz_ptr)0);
    mpz_set_ui(q0, 1);
    mpz_set_ui(p1, 1);
    mpfr_set(t, c, MPFR_RNDN);
    for (int i = 0; i < 60; i++) {
      mpfr_get_z(a, t, MPFR_RNDD);
      mpz_mul(n, a, p1); mpz_add(n, n, p0); mpz_set(p0, p1); mpz_set(p1, n);
      mpz_mul(n, a, q1); mpz_add(n, n, q0); mpz_set(q0, q1); mpz_set(q1, n);
      if (mpz_sizeinbase(p1, 2) > 53) break;
      if (mpz_sgn(p1) > 0 && mpz_sizeinbase(p1, 2) > 40 && hardCount < 16384) hard[hardCount++] = ldexp(mpz_get_d(p1), e - 52);
      mpfr_sub_z(t, t, a, MPFR_RNDN);
      if (mpfr_zero_p(t)) break;
      mpfr_ui_div(t, 1, t, MPFR_RNDN);
    }
    mpz_clears(p0, p1, q0, q1, a, n, (mpz_ptr)0);
  }
  mpfr_clears(c, t, (mpfr_ptr)0);
}
static double nearPi(void) {
  static mpfr_t p;
  static int isReady;
  if (!isReady) mpfr_init2(p, 200), isReady = 1;
  mpfr_const_pi(p, MPFR_RNDN);
  mpfr_mul_ui(p, p, 1 + (rnd() & ((1ull << (rnd() % 40)) - 1)), MPFR_RNDN);
  mpfr_div_2ui(p, p, 1, MPFR_RNDN);
  return mpfr_get_d(p, MPFR_RNDN);
}

static const double special[] = { 0., -0., 1, -1, INFINITY, -INFINITY, NAN, 2, -2, 0.5, -0.5, 3, -3, 0x1p-1074, -0x1p-1074,
  0x1p-1022, -0x1p-1022, 0x1.fffffffffffffp1023, -0x1.fffffffffffffp1023, 709.78271289338397, 709.7827128933841,
  -745.13321910194111, -745.13321910194122, 710.47586007394386, 710.47586007394398, -1.0000000000000002,
  -0.99999999999999989, 1.0000000000000002, 0.99999999999999989, 1024, -1075, -1074, 0x1p53, 0x1p53 + 2, -0x1p53 - 2, 1e300 };
enum { specials = sizeof special / sizeof *special };

static double sample(int isPeriodic) {
  static const double seam[] = { 0.70710678118654752, 1.4142135623730951, 2. / 3, 4. / 3, -0.29289321881345248,
    0.41421356237309505, 1, -1, 2, 0.5, -0.5, 709.782712893384, -745.13321910194122, -708.39641853226411, 710.4758600739439,
    0.34657359027997264, -0.34657359027997264, 0.17328679513998632, 1.0397207708399179, 36.7, -37.4, 19.06, 0x1p-54,
    0x1p-1022, 0x1p-60, 1.5707963267948966, 3.1415926535897931, 0.78539816339744831, 5.9, 5.9375, 1023.5, 1024, -1022, -1074.5 };
  switch (rnd() % 16) {
  case 0: case 1: return from_bits(rnd());
  case 2: case 3: case 4: return sign() * ldexp(1 + uniform(), (int)(rnd() % 24) - 12);
  case 5: return sign() * ldexp(1 + uniform(), (int)(rnd() % 90) - 70);
  case 6: return sign() * uniform();
  case 7: return sign() * uniform() * 6;
  case 8: return sign() * uniform() * (isPeriodic ? 1e5 : 40);
  case 9: return sign() * uniform() * (isPeriodic ? 1e12 : 1076);
  case 10: return isPeriodic ? sign() * nearPi() : nudge(sign() * (double)(rnd() % 2200) * 0.5 * M_LN2);
  case 11: return isPeriodic ? nudge(sign() * nearPi()) : 1 + sign() * ldexp(uniform(), -(int)(rnd() % 50));
  case 12: {
    const double v = seam[rnd() % (sizeof seam / 8)];
    return nudge(rnd() & 1 ? v : v * (1 + sign() * ldexp(uniform(), -(int)(rnd() % 45))));
  }
  case 13: return isPeriodic && hardCount ? sign() * hard[rnd() % (uint64_t)hardCount] : from_bits(rnd() & 0x800fffffffffffffu);
  case 14: return sign() * ldexp(1 + uniform(), (int)(rnd() % 8) - 4);
  default: return -1 + ldexp(uniform(), -(int)(rnd() % 60));
  }
}

/* Pairs: of atan2 over all ratios and seams; of powers also small integers, results over the whole range of exponents,
 * bases near 1 with large exponents, thresholds of overflow and underflow. `bits` is the format's precision. */
static void samplePair(const Function *f, double *x, double *y, int bits) {
  const int range = bits == 24 ? 150 : 1076;
  *x = sample(0);
  *y = sample(0);
  if (strcmp(f->name, "power")) {
    switch (rnd() % 6) {
    case 0: *y = *x * (1 + ldexp(uniform(), -(int)(rnd() % 52))); break;
    case 1: *y = ldexp(*x, (int)(rnd() % 120) - 60); break;
    case 2: *x = (double)(rnd() % 64) - 32, *y = (double)(rnd() % 64) - 32; break;
    default: break;
    }
    return;
  }
  switch (rnd() % 10) {
  case 0: case 1: *x = ldexp(1 + uniform(), (int)(rnd() % (2 * (uint64_t)range)) - range), *y = (uniform() * 2 - 1) * range / log2(*x); break;
  case 2: *x = 0.5 + uniform() * 1.5, *y = (uniform() * 2 - 1) * range / log2(*x); break;
  case 3: *x = 1 + sign() * ldexp(uniform(), -(int)(rnd() % (uint64_t)bits)), *y = (uniform() * 2 - 1) * range / log2(*x); break;
  case 4: *x = sign() * (double)(rnd() % 4096), *y = (double)(rnd() % 128) - 64; break;
  case 5: *x = sign() * ldexp((double)(rnd() % 4096), (int)(rnd() % 40) - 20), *y = ldexp((double)(rnd() % 64) - 32, -(int)(rnd() % 3)); break;
  case 6: *x = ldexp(1 + uniform(), (int)(rnd() % (uint64_t)range) - range / 2), *y = nudge((rnd() & 1 ? range : -range) / log2(*x)); break;
  case 7: *x = fabs(*x); break;
  case 8: *x = 1 + sign() * ldexp(uniform(), -(int)(rnd() % 20)), *y = sign() * ldexp(1 + uniform(), (int)(rnd() % 24)); break;
  default: break;
  }
}

static void measure32(const Function *f, uint64_t samples) {
  static float x[block], y[block], z[block];
  const uint64_t count = f->exact ? (uint64_t)1 << 32 : samples;
  for (uint64_t done = 0; done < count; done += block) {
    for (uint32_t j = 0; j < block; j++) {
      const uint32_t u = (uint32_t)(done + j);
      if (f->exact) {
        memcpy(&x[j], &u, 4);
      } else if (done == 0 && j < specials * specials) {
        x[j] = (float)special[j / specials];
        y[j] = (float)special[j % specials];
      } else {
        double a, b;
        samplePair(f, &a, &b, 24);
        x[j] = (float)a;
        y[j] = (float)b;
      }
    }
    f->run32(x, y, z);
    for (uint32_t j = 0; j < block; j++) judge32(f, x[j], y[j], z[j]);
  }
}

static void judge64(const Function *f, double x, double y, double z) {
  static mpfr_t a, b, r;
  static int isReady;
  if (!isReady) mpfr_inits2(160, a, b, r, (mpfr_ptr)0), isReady = 1;
  mpfr_set_d(a, x, MPFR_RNDN);
  mpfr_set_d(b, y, MPFR_RNDN);
  f->many(r, a, b);
  const double rounded = mpfr_get_d(r, MPFR_RNDN);
  if (mpfr_nan_p(r) || mpfr_inf_p(r) || mpfr_zero_p(r)) { if (!sameKind(z, rounded)) wrong(x, y); return; }
  if (z != z || (z == 0 && !!signbit(z) != !!signbit(rounded))) { wrong(x, y); return; }
  if (isinf(z) && z == rounded) { note(0, x, y); return; }
  long e = mpfr_get_exp(r) - 1;
  e = e < -1022 ? -1022 : e > 1023 ? 1023 : e;
  if (isinf(z) || e == 1023) {
    mpfr_set_si_2exp(b, z < 0 ? -1 : 1, 1024, MPFR_RNDN);
    if (mpfr_cmpabs(r, b) > 0) mpfr_set(r, b, MPFR_RNDN);
    if (isinf(z)) mpfr_sub(r, r, b, MPFR_RNDN); else mpfr_sub_d(r, r, z, MPFR_RNDN);
  } else {
    mpfr_sub_d(r, r, z, MPFR_RNDN);
  }
  mpfr_mul_2si(r, r, 52 - e, MPFR_RNDN);
  note(fabs(mpfr_get_d(r, MPFR_RNDN)), x, y);
}

static void measure64(const Function *f, uint64_t samples) {
  static double x[block], y[block], z[block];
  findHard();
  for (uint64_t done = 0; done < samples; done += block) {
    for (uint32_t j = 0; j < block; j++) {
      if (f->exact) {
        x[j] = done == 0 && j < specials ? special[j] : sample(f->isPeriodic);
      } else if (done == 0 && j < specials * specials) {
        x[j] = special[j / specials];
        y[j] = special[j % specials];
      } else {
        samplePair(f, &x[j], &y[j], 53);
      }
    }
    f->run64(x, y, z);
    for (uint32_t j = 0; j < block; j++) judge64(f, x[j], y[j], z[j]);
  }
}

int main(int count, char **arguments) {
  if (count != 4) return 64;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    const Function *f = &functions[i];
    if (strcmp(f->name, arguments[1])) continue;
    const uint64_t samples = strtoull(arguments[3], NULL, 10);
    const int isSingle = !strcmp(arguments[2], "f32");
    if (isSingle) measure32(f, samples); else measure64(f, samples);
    const int digits = isSingle ? 9 : 17;
    printf("%s\t%s\t%.4f\t%.*g", f->name, arguments[2], result.worst, digits, result.x);
    if (f->exact2) printf(", %.*g", digits, result.y);
    printf("\t%.2f\t%llu\t%llu\t%.17g, %.17g\n", floor(1e4 * (double)result.right / (double)result.count) / 100,
           (unsigned long long)result.count, (unsigned long long)result.wrong, result.wrongX, result.wrongY);
    return 0;
  }
  return 64;
}
