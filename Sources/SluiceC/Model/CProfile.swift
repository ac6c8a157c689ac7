import SluicePlan

/// Counters of time for every step of every function, in the C file behind the macro `MODEL_PROFILE`.
struct CProfile {
  private let model: CModel

  init(_ model: CModel) { self.model = model }

  /// The row of the first step of a function among those of all functions.
  func firstStep(_ function: Int) -> Int {
    model.plan.functions[..<function].reduce(0) { $0 + $1.steps.count }
  }

  /// The part of the header.
  var declarations: String { model.helpers.expand(Self.declarations) }

  /// The definitions, which stand before the entry points.
  var definitions: String {
    var count = 0
    var firsts = ["0"]
    for function in model.plan.functions {
      count += function.steps.count
      firsts.append(String(count))
    }
    var writer = CWriter()
    writer.raw(model.helpers.expand(Self.head))
    writer.line(
      "static \(model.helpers.name("step_time")) \(model.helpers.name("profile_times"))[\(max(count, 1))];")
    writer.line(
      "static const int32_t \(model.helpers.name("profile_first_steps"))[] = {\(firsts.joined(separator: ", "))};"
    )
    writer.raw(model.helpers.expand(Self.body))
    return writer.text
  }

  /// All of it.
  static var templates: String { declarations + head + body + "@profile_times @profile_first_steps" }

  private static let declarations = """
    #ifdef @@PROFILE
    /* How often a step ran, and for how long in the units of the clock. */
    typedef struct @step_time {
      int64_t runs;
      int64_t time;
    } @step_time;

    /* Measures what runs from now on with this clock, or no more where it is NULL; times begin anew.
     * Calls of functions must then come one after the other. */
    @@FUNCTION void @profile(int64_t (*clock)(void));

    /* The times of a function, by its number in the order of this file: one for every step of the plan
     * that `sluice dump --stage plan` prints. */
    @@FUNCTION const @step_time *@step_times(int32_t function, int32_t *count);
    #endif


    """

  private static let head = """
    #ifdef @@PROFILE

    """

  private static let body = """
    static int64_t (*@profile_clock)(void);
    static int32_t @profile_running = -1;
    static int64_t @profile_since;

    @@API void @profile(int64_t (*clock)(void)) {
      for (size_t i = 0; i < sizeof @profile_times / sizeof @profile_times[0]; ++i) {
        @profile_times[i].runs = 0;
        @profile_times[i].time = 0;
      }
      @profile_clock = clock;
      @profile_running = -1;
    }

    @@API const @step_time *@step_times(int32_t function, int32_t *count) {
      const int32_t functions = (int32_t)(sizeof @profile_first_steps / sizeof @profile_first_steps[0]) - 1;
      *count = 0;
      if (function < 0 || function >= functions) {
        return NULL;
      }
      *count = @profile_first_steps[function + 1] - @profile_first_steps[function];
      return @profile_times + @profile_first_steps[function];
    }

    /* A step begins, and the one before it ends; -1 only ends. */
    static void @profile_step(int32_t step) {
      if (@profile_clock == NULL) {
        return;
      }
      const int64_t now = @profile_clock();
      if (@profile_running >= 0) {
        @profile_times[@profile_running].runs += 1;
        @profile_times[@profile_running].time += now - @profile_since;
      }
      @profile_running = step;
      @profile_since = now;
    }
    #define @@STEP(step) @profile_step(step)
    #else
    #define @@STEP(step) ((void)0)
    #endif


    """
}
