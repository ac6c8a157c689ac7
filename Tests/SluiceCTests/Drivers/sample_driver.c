/* Calls the sample model in every way that its header allows or refuses; prints what is wrong. The test compiles
 * it with sanitizers, as C and as C++. Argument: a parameters file for the model. */

#include "sample.c"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void expect(int condition, const char *what, int line) {
  if (!condition) {
    printf("line %d: %s\n", line, what);
    failures += 1;
  }
}

#define EXPECT(condition) expect((condition) ? 1 : 0, #condition, __LINE__)

typedef struct memory {
  unsigned char *raw;
  unsigned char *start;
} memory;

/* Memory of exactly that size behind an address that is a multiple of 64, so that sanitizers see every step
 * beyond its end. */
static memory allocate(size_t bytes) {
  memory result;
  result.raw = (unsigned char *)malloc(bytes + 64);
  result.start = result.raw == NULL ? NULL : result.raw + 64 - (uintptr_t)result.raw % 64;
  /* The end must be the end of the block. */
  size_t lead = (size_t)(result.start - result.raw);
  unsigned char *exact = (unsigned char *)realloc(result.raw, lead + bytes);
  if (exact != result.raw) {
    result.raw = exact;
    result.start = exact + 64 - (uintptr_t)exact % 64;
    if ((size_t)(result.start - exact) > lead) {
      free(exact);
      result.raw = (unsigned char *)malloc(bytes + 128);
      result.start = result.raw + 64 - (uintptr_t)result.raw % 64;
    }
  }
  return result;
}

static int64_t parts = 0;

/* Runs parts from the last to the first: any order must do. */
static void backwards(void *user, int64_t count, void (*body)(void *argument, int64_t index), void *argument) {
  (void)user;
  parts += count;
  for (int64_t i = count - 1; i >= 0; --i) {
    body(argument, i);
  }
}

#ifdef SAMPLE_THREADS
static int64_t part_runs[64];

/* Counts a part; the argument says how many there are. */
static void count_part(void *argument, int64_t index) {
  const int64_t count = *(const int64_t *)argument;
  if (index < count) {
    __atomic_add_fetch(&part_runs[index], 1, __ATOMIC_RELAXED);
  } else {
    __atomic_add_fetch(&part_runs[63], 1000000, __ATOMIC_RELAXED);
  }
}

/* Jobs of other lengths in quick succession: every part of each runs once, none of the one before again. */
static int runs_every_part_once(int32_t threads) {
  sample_pool pool;
  int64_t counts[4] = {2, 60, 3, 40};
  sample_pool_start(&pool, threads);
  memset(part_runs, 0, sizeof part_runs);
  for (int job = 0; job < 40000; ++job) {
    sample_pool_parallel_for(&pool, counts[job % 4], count_part, &counts[job % 4]);
  }
  sample_pool_stop(&pool);
  int64_t sum = 0;
  for (int i = 0; i < 64; ++i) {
    sum += part_runs[i];
  }
  return sum == 10000 * (2 + 60 + 3 + 40) && part_runs[0] == 40000;
}
#endif

int main(int argc, char **argv) {
  memory params = allocate(64 + SAMPLE_PARAMS_BYTES);
  memory state = allocate(SAMPLE_STATE_BYTES);
  memory arena = allocate(SAMPLE_RUN_ARENA_BYTES);
  const int64_t B = 64;
  float *x = (float *)malloc(SAMPLE_RUN_X_COUNT(B) * sizeof(float));
  float *y = (float *)malloc(SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
  float *z = (float *)malloc(SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
  float *mean = (float *)malloc(sizeof(float));
  float *n = (float *)malloc(sizeof(float));
  if (argc != 2 || params.raw == NULL || state.raw == NULL || arena.raw == NULL || !x || !y || !z || !mean || !n) {
    return 2;
  }
  for (size_t i = 0; i < SAMPLE_RUN_X_COUNT(B); ++i) {
    x[i] = (float)(i % 17) * 0.25f - 2.0f;
  }
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL || fread(params.start, 1, 64 + SAMPLE_PARAMS_BYTES, file) != 64 + SAMPLE_PARAMS_BYTES) {
    return 3;
  }
  fclose(file);

  /* The parameters file, whole and damaged. */
  const size_t size = 64 + SAMPLE_PARAMS_BYTES;
  sample_context context = {NULL, NULL, NULL, 0, NULL, NULL};
  EXPECT(sample_params_bind(NULL, params.start, size) == SAMPLE_ERROR_NULL);
  EXPECT(sample_params_bind(&context, NULL, size) == SAMPLE_ERROR_NULL);
  EXPECT(sample_params_bind(&context, params.start + 4, size) == SAMPLE_ERROR_ALIGNMENT);
  EXPECT(sample_params_bind(&context, params.start, size - 1) == SAMPLE_ERROR_PARAMS);
  EXPECT(sample_params_bind(&context, params.start, 0) == SAMPLE_ERROR_PARAMS);
  for (size_t i = 0; i < size; i += i < 64 ? 1 : 97) {
    params.start[i] ^= 0x10;
    EXPECT(sample_params_bind(&context, params.start, size) == SAMPLE_ERROR_PARAMS);
    params.start[i] ^= 0x10;
  }
  EXPECT(context.params == NULL);
  EXPECT(sample_params_bind(&context, params.start, size) == SAMPLE_OK);
  EXPECT(context.params == params.start + 64);

  /* The state. */
  EXPECT(sample_reset(NULL) == SAMPLE_ERROR_NULL);
  EXPECT(sample_reset(&context) == SAMPLE_ERROR_NULL);
  context.state = state.start + 8;
  EXPECT(sample_reset(&context) == SAMPLE_ERROR_ALIGNMENT);
  context.state = state.start;
  EXPECT(sample_reset(&context) == SAMPLE_OK);

  /* What a call refuses; nothing is written then. */
  sample_run_dims dims = {B};
  sample_run_inputs inputs = {x, 0.5f};
  sample_run_outputs outputs = {y, mean, n};
  context.arena = arena.start;
  context.arena_bytes = SAMPLE_RUN_ARENA_BYTES;
  memset(y, 0xAB, SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
  memcpy(z, y, SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
  EXPECT(sample_run(NULL, &dims, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  EXPECT(sample_run(&context, NULL, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  EXPECT(sample_run(&context, &dims, NULL, &outputs) == SAMPLE_ERROR_NULL);
  EXPECT(sample_run(&context, &dims, &inputs, NULL) == SAMPLE_ERROR_NULL);
  const int64_t wrong[] = {-1, 65, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < 4; ++i) {
    dims.B = wrong[i];
    EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_DIM);
  }
  dims.B = B;
  inputs.x = NULL;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  inputs.x = (const float *)(const void *)((const char *)x + 1);
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIGNMENT);
  inputs.x = y + 3;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIAS);
  inputs.x = (const float *)(const void *)arena.start;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIAS);
  inputs.x = x;
  outputs.mean = y + 7;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIAS);
  outputs.mean = (float *)(void *)state.start;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIAS);
  outputs.mean = (float *)(void *)(params.start + 64 + SAMPLE_PARAMS_BYTES - 4);
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIAS);
  outputs.mean = &inputs.rate;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIAS);
  outputs.mean = NULL;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  outputs.mean = mean;
  context.arena_bytes -= 1;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ARENA);
  context.arena_bytes += 1;
  context.arena = arena.start + 32;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIGNMENT);
  context.arena = NULL;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  context.arena = arena.start;
  context.params = NULL;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  context.params = params.start + 65;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_ALIGNMENT);
  context.params = params.start + 64;
  context.state = NULL;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_ERROR_NULL);
  context.state = state.start;
  EXPECT(memcmp(y, z, SAMPLE_RUN_Y_COUNT(B) * sizeof(float)) == 0);

  /* Calls: one way and the other give the same bits. */
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_OK);
  EXPECT(*n == 1.0f);
  memcpy(z, y, SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
  const float first_mean = *mean;
  memset(y, 0, SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
  memset(arena.start, 0xFF, SAMPLE_RUN_ARENA_BYTES);
  const int64_t sizes[1] = {B};
  const float rate = 0.5f;
  const void *in[2] = {x, &rate};
  void *out[3] = {y, mean, n};
  EXPECT(sample_call(&context, 0, sizes, in, out) == SAMPLE_OK);
  EXPECT(*n == 2.0f);
  EXPECT(memcmp(y, z, SAMPLE_RUN_Y_COUNT(B) * sizeof(float)) == 0 && first_mean == *mean);
  context.parallel_for = backwards;
  EXPECT(sample_call(&context, 0, sizes, in, out) == SAMPLE_OK);
  EXPECT(parts > 1);
  EXPECT(memcmp(y, z, SAMPLE_RUN_Y_COUNT(B) * sizeof(float)) == 0 && first_mean == *mean);
  EXPECT(sample_call(&context, 1, sizes, in, out) == SAMPLE_ERROR_FUNCTION);
  EXPECT(sample_call(&context, -1, sizes, in, out) == SAMPLE_ERROR_FUNCTION);
  EXPECT(sample_call(&context, 0, NULL, in, out) == SAMPLE_ERROR_NULL);
  EXPECT(sample_call(&context, 0, sizes, NULL, out) == SAMPLE_ERROR_NULL);
  EXPECT(sample_call(&context, 0, sizes, in, NULL) == SAMPLE_ERROR_NULL);
  in[1] = NULL;
  EXPECT(sample_call(&context, 0, sizes, in, out) == SAMPLE_ERROR_NULL);
  dims.B = 0;
  EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_OK);
  EXPECT(*mean != *mean);

#ifdef SAMPLE_THREADS
  sample_pool pool;
  EXPECT(sample_pool_start(NULL, 4) == 0);
  for (int32_t threads = 1; threads <= 4; ++threads) {
    EXPECT(sample_pool_start(&pool, threads) == threads);
    context.parallel_for = sample_pool_parallel_for;
    context.user = &pool;
    dims.B = B;
    for (int repeat = 0; repeat < 200; ++repeat) {
      memset(y, 0, SAMPLE_RUN_Y_COUNT(B) * sizeof(float));
      EXPECT(sample_run(&context, &dims, &inputs, &outputs) == SAMPLE_OK);
      EXPECT(memcmp(y, z, SAMPLE_RUN_Y_COUNT(B) * sizeof(float)) == 0);
    }
    sample_pool_stop(&pool);
  }
  sample_pool_stop(NULL);
  EXPECT(runs_every_part_once(2) && runs_every_part_once(3));
#endif

  /* Reflection. */
  int32_t count = 0;
  const sample_function *functions = sample_functions(&count);
  EXPECT(count == 1 && strcmp(functions[0].name, "run") == 0 && functions[0].arena_bytes == SAMPLE_RUN_ARENA_BYTES);
  EXPECT(functions[0].symbol_count == 1 && strcmp(functions[0].symbols[0], "B") == 0 && functions[0].maxima[0] == 64);
  EXPECT(functions[0].input_count == 2 && functions[0].inputs[0].rank == 2 && functions[0].inputs[0].dims[0] == -1);
  EXPECT(functions[0].inputs[0].dims[1] == 24 && strcmp(functions[0].inputs[0].type, "f32[B,24]") == 0);
  const sample_tensor *variables = sample_params(&count);
  EXPECT(count == 2 && variables[1].offset == SAMPLE_PARAM_LAYER_B_OFFSET);
  variables = sample_states(&count);
  EXPECT(count == 2 && variables[0].dtype == 3 && strcmp(variables[0].name, "calls") == 0);
  for (int status = 0; status < 9; ++status) {
    EXPECT(sample_status_string((sample_status)status)[0] != 0);
  }

  free(params.raw);
  free(state.raw);
  free(arena.raw);
  free(x);
  free(y);
  free(z);
  free(mean);
  free(n);
  return failures == 0 ? 0 : 1;
}
