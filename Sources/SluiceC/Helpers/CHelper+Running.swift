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
      "job",
      """
      /* A kernel's work on rows of arguments: for each of them `count` iterations from `begin` on, of
       * about `cost` operations. */
      typedef struct @job {
        void (*part)(const void *rows, ptrdiff_t at, ptrdiff_t begin, ptrdiff_t end);
        const void *rows;
        ptrdiff_t row_count;
        ptrdiff_t begin;
        ptrdiff_t count;
        int64_t cost;
        ptrdiff_t block;   /* a part of a row is a multiple of so many iterations */
        ptrdiff_t chunk;   /* how many iterations are a part */
        ptrdiff_t whole;   /* how many rows are a part, where rows are not divided */
      } @job;
      """),
    CHelper(
      "run_jobs", needs: ["job"],
      """
      /* What is worth a part, in operations. */
      #define @@GRAIN 16384

      /* A product of two counts, or the largest number. */
      static inline int64_t @job_work(int64_t a, int64_t b) {
        return b > 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
      }

      static inline int64_t @job_parts(const @job *job) {
        if (job->count <= 0) {
          return 0;
        }
        return job->chunk < job->count
            ? (int64_t)job->row_count * ((job->count - 1) / job->chunk + 1)
            : (job->row_count - 1) / job->whole + 1;
      }

      /* Runs a part of the jobs of a call. */
      static void @job_part(void *argument, int64_t index) {
        const @job *job = (const @job *)argument;
        for (int64_t parts = @job_parts(job); index >= parts; parts = @job_parts(job)) {
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
      static void @run_jobs(const @context *context, @job *jobs, ptrdiff_t count) {
        int64_t work = 0;
        int64_t parts = 0;
        for (ptrdiff_t i = 0; context->parallel_for != NULL && i < count; ++i) {
          @job *const job = &jobs[i];
          const int64_t row = @job_work(job->count, job->cost);
          const int64_t pieces = row / @@GRAIN;
          job->chunk = job->count;
          if (pieces >= 4) {
            const ptrdiff_t size = (job->count - 1) / (ptrdiff_t)(pieces < 64 ? pieces : 64) + 1;
            job->chunk = (size + job->block - 1) / job->block * job->block;
          }
          job->whole = (ptrdiff_t)(row >= @@GRAIN ? 1 : @@GRAIN / (row > 0 ? row : 1));
          const int64_t all = @job_work(job->row_count, row);
          work = all < INT64_MAX - work ? work + all : INT64_MAX;
          parts += @job_parts(job);
        }
        if (parts > 1 && work >= 4 * @@GRAIN) {
          context->parallel_for(context->user, parts, @job_part, jobs);
          return;
        }
        for (const @job *job = jobs; job < jobs + count; ++job) {
          for (ptrdiff_t at = 0; job->count > 0 && at < job->row_count; ++at) {
            job->part(job->rows, at, job->begin, job->begin + job->count);
          }
        }
      }
      """),
    CHelper(
      "run_job", needs: ["run_jobs"],
      """
      static void @run_job(const @context *context, @job job) {
        @run_jobs(context, &job, 1);
      }
      """),
  ]
}
