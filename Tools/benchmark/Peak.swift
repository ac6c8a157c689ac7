// What the machine can do at most: fused multiply-adds a second, and bytes of memory a second, by a small C program.

import Foundation
import SluiceC

/// Measures the limits of this machine with the C compiler that the rows use.
struct Peak {
  /// The limits with some number of threads.
  struct Memory {
    /// Bytes a second that sums over a large array read.
    var read: Double
    /// Bytes a second that copying a large array reads and writes, added.
    var copy: Double
  }

  private let folder: String
  private var program: String { folder + "/peak" }

  /// Compiles the program in a folder that exists.
  init(_ compiler: CCompiler, _ flags: [String], folder: String) throws {
    self.folder = folder
    let (source, log) = (folder + "/peak.c", folder + "/peak.log")
    try Data(Self.source.utf8).write(to: URL(fileURLWithPath: source))
    // Contraction is what makes the multiply-adds: the program has no bits to keep.
    var arguments = flags + ["-ffp-contract=fast", "-pthread", "-o", folder + "/peak", source]
    #if arch(x86_64)
      // Otherwise clang halves vectors of AVX-512.
      arguments.append("-mprefer-vector-width=512")
    #endif
    guard System.run(compiler.path, arguments, output: log) == 0 else {
      let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      throw BenchmarkError(
        description: "`\(compiler.path)` does not compile the program that measures the peak\n\(said)")
    }
  }

  /// Operations a second: two for each multiply-add of a lane.
  func flops(threads: Int) throws -> Double { try numbers(["fma", "\(threads)"])[0] }

  /// The speed of memory.
  func memory(threads: Int) throws -> Memory {
    let numbers = try numbers(["memory", "\(threads)"])
    return Memory(read: numbers[0], copy: numbers[1])
  }

  private func numbers(_ arguments: [String]) throws -> [Double] {
    let output = folder + "/peak.out"
    guard System.run(program, arguments, output: output) == 0,
      let text = try? String(contentsOfFile: output, encoding: .utf8)
    else { throw BenchmarkError(description: "the program that measures the peak failed") }
    let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    guard numbers.count == 2 else {
      throw BenchmarkError(description: "the program that measures the peak printed `\(text)`")
    }
    return numbers
  }

  /// Both modes print two numbers; `fma` prints its own twice.
  static let source = """
    /* Measures what this machine can do: peak fma|memory THREADS. */
    #define _POSIX_C_SOURCE 200809L
    #include <pthread.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <time.h>

    #if defined(__AVX512F__)
    enum { WIDTH = 16, CHAINS = 20 };
    #elif defined(__AVX__)
    enum { WIDTH = 8, CHAINS = 12 };
    #else
    enum { WIDTH = 4, CHAINS = 12 };
    #endif
    enum { MOST = 256, STREAMS = 8 };
    typedef float vector __attribute__((vector_size(4 * WIDTH)));

    static double now(void) {
      struct timespec time;
      clock_gettime(CLOCK_MONOTONIC, &time);
      return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
    }

    static pthread_barrier_t barrier;
    static volatile float factor = 0.999f, summand = 0.001f, sink;
    static size_t share; /* bytes of one thread */

    typedef struct job {
      pthread_t thread;
      double first, second;
    } job;

    /* Chains of multiply-adds that do not depend on each other. */
    static void *multiply(void *argument) {
      job *const self = (job *)argument;
      vector chain[CHAINS], m = {0}, a = {0};
      m += factor;
      a += summand;
      for (int i = 0; i < CHAINS; ++i) {
        chain[i] = a * (float)i;
      }
      pthread_barrier_wait(&barrier);
      for (int round = 0; round < 8; ++round) {
        const double start = now();
        for (int repeat = 0; repeat < 200000; ++repeat) {
    #pragma GCC unroll 32
          for (int i = 0; i < CHAINS; ++i) {
            chain[i] = chain[i] * m + a;
          }
        }
        const double rate = 2.0 * WIDTH * CHAINS * 200000 / (now() - start);
        self->first = rate > self->first ? rate : self->first;
      }
      for (int i = 0; i < CHAINS; ++i) {
        sink = chain[i][0];
      }
      self->second = self->first;
      return NULL;
    }

    /* Sums over several places of an array at once, then copies one half of it to the other. */
    static void *move(void *argument) {
      job *const self = (job *)argument;
      const size_t count = share / sizeof(vector) / STREAMS;
      vector *const data = (vector *)aligned_alloc(64, share);
      if (data == NULL) {
        exit(1);
      }
      memset(data, 0, share);
      pthread_barrier_wait(&barrier);
      for (int round = 0; round < 5; ++round) {
        vector sum[STREAMS] = {{0}};
        double start = now();
        for (size_t i = 0; i < count; ++i) {
    #pragma GCC unroll 8
          for (int stream = 0; stream < STREAMS; ++stream) {
            sum[stream] += data[(size_t)stream * count + i];
          }
        }
        double rate = (double)share / (now() - start);
        self->first = rate > self->first ? rate : self->first;
        for (int stream = 0; stream < STREAMS; ++stream) {
          sink = sum[stream][0];
        }
        start = now();
        memcpy(data, (const char *)data + share / 2, share / 2);
        rate = (double)share / (now() - start);
        sink = data[round][0];
        self->second = rate > self->second ? rate : self->second;
      }
      free(data);
      return NULL;
    }

    int main(int argc, char **argv) {
      const int threads = argc == 3 ? atoi(argv[2]) : 0;
      if (threads < 1 || threads > MOST) {
        return 64;
      }
      static job jobs[MOST];
      share = ((size_t)1 << 30) / (size_t)threads / 4096 * 4096;
      pthread_barrier_init(&barrier, NULL, (unsigned)threads);
      for (int i = 0; i < threads; ++i) {
        if (pthread_create(&jobs[i].thread, NULL, strcmp(argv[1], "fma") == 0 ? multiply : move, &jobs[i]) != 0) {
          return 1;
        }
      }
      double first = 0, second = 0;
      for (int i = 0; i < threads; ++i) {
        pthread_join(jobs[i].thread, NULL);
        first += jobs[i].first;
        second += jobs[i].second;
      }
      printf("%.6e %.6e\\n", first, second);
      return 0;
    }

    """
}

/// A measurement could not be made.
struct BenchmarkError: Error, CustomStringConvertible {
  /// What was seen, and the way out.
  var description: String
}
