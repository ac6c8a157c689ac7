import SluicePlan

/// A small pool of threads on pthreads, in the C file behind a macro.
struct CPool {
  private let model: CModel

  init(_ model: CModel) { self.model = model }

  /// The part of the header.
  var declarations: String { model.helpers.expand(Self.declarations) }

  /// The definitions.
  var definitions: String { model.helpers.expand(Self.definitions) }

  /// All of it.
  static var templates: String { declarations + definitions }

  private static var declarations: String {
    return """
      #ifdef @@THREADS
      #include <pthread.h>

      #define @@POOL_MAX 64

      /* Threads that wait for parts of work. The caller owns the memory; its members are private. */
      typedef struct @pool {
        pthread_mutex_t mutex;
        pthread_cond_t wake;
        pthread_cond_t done;
        pthread_t threads[@@POOL_MAX];
        int32_t started;
        int32_t stops;
        int32_t sleepers;
        int32_t waits;
        void (*body)(void *argument, int64_t index);
        void *argument;
        int64_t count;
        int64_t finished;
        uint64_t ticket; /* number of the job in the high half, next index in the low half */
      } @pool;

      /* Starts a pool of so many threads, the caller's included. It gives how many there are, at least 1,
       * or 0 where the system refuses. A context then names the pool as its user, and as its parallel_for
       * the function below. */
      @@FUNCTION int32_t @pool_start(@pool *pool, int32_t threads);

      /* Ends the threads. Nothing may run on the pool any more. */
      @@FUNCTION void @pool_stop(@pool *pool);

      /* Runs a job on the pool, which runs one at a time. */
      @@FUNCTION void @pool_parallel_for(void *pool, int64_t count, void (*body)(void *argument, int64_t index), void *argument);

      /* sizeof(@pool), for bindings. */
      @@FUNCTION size_t @pool_bytes(void);
      #endif


      """
  }

  private static var definitions: String {
    return """
      #ifdef @@THREADS
      /* ---- Threads --------------------------------------------------------------------------------- */

      #if defined(__x86_64__) || defined(__i386__)
      #define @@PAUSE() __builtin_ia32_pause()
      #else
      #define @@PAUSE() ((void)0)
      #endif

      /* How often a thread looks before it sleeps: a few microseconds. */
      #define @@SPIN 2000

      /* Takes parts of a job until none is left. A part is taken by raising the ticket. That fails
       * where the ticket has changed since it was read, and it changes before anything of the next job
       * is written, so what was read of the job belongs to it. */
      static void @pool_work(@pool *pool, uint64_t job) {
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

      static void *@pool_worker(void *argument) {
        @pool *const pool = (@pool *)argument;
        uint64_t job = 0;
        for (;;) {
          int32_t spins = 0;
          while (__atomic_load_n(&pool->ticket, __ATOMIC_SEQ_CST) >> 32 == job) {
            if (++spins < @@SPIN) {
              @@PAUSE();
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
          @pool_work(pool, job);
        }
      }

      @@API int32_t @pool_start(@pool *pool, int32_t threads) {
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
        while (pool->started < threads - 1 && pool->started < @@POOL_MAX) {
          pthread_t *const thread = &pool->threads[pool->started];
          if (pthread_create(thread, NULL, @pool_worker, pool) != 0) {
            break;
          }
          pool->started += 1;
        }
        return pool->started + 1;
      }

      @@API void @pool_stop(@pool *pool) {
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

      @@API void @pool_parallel_for(void *user, int64_t count, void (*body)(void *argument, int64_t index), void *argument) {
        @pool *const pool = (@pool *)user;
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
        @pool_work(pool, job);
        for (int32_t spins = 0; spins < @@SPIN; ++spins) {
          if (__atomic_load_n(&pool->finished, __ATOMIC_ACQUIRE) == count) {
            return;
          }
          @@PAUSE();
        }
        pthread_mutex_lock(&pool->mutex);
        __atomic_store_n(&pool->waits, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&pool->finished, __ATOMIC_SEQ_CST) != count) {
          pthread_cond_wait(&pool->done, &pool->mutex);
        }
        __atomic_store_n(&pool->waits, 0, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&pool->mutex);
      }

      @@API size_t @pool_bytes(void) {
        return sizeof(@pool);
      }
      #endif

      """
  }
}
