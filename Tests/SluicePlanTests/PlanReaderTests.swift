import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Reading plans: what is read, and what is said of mistakes.
@Suite struct PlanReaderTests {
  /// A plan as one writes it by hand, without what follows from the rest.
  static let small = """
    // Doubles.
    plan @double

    state @count : i32[]

    // y = x + x.
    func @f(x: f32[N]) -> (y: f32[N]) where N <= 8 {
      buffers
        %0 x f32[N] input x
        %1 y f32[N] output y
        %2 t f32[N] arena 64
        %3 count i32[1] state @count
      steps
        call twice(x, t)
        call copy(t, y)
    }

    // At home.
    kernel twice(a: read f32, b: write f32) where N <= 8 {
      vector i in 0 ..< N {
        value = a[i]
        sum = add(value, value)
        b[i] = sum
      }
    }

    kernel copy(a: read f32, b: write f32) where N <= 8 {
      for j in 0 ..< N {
        value = a[j]
        b[j] = value
      }
    }

    """

  @Test func whatFollowsNeedNotBeWritten() throws {
    let plan = try parsePlan(Self.small, file: "double.sluice")
    #expect(PlanChecker().check(plan).isEmpty)
    #expect(plan.module.name == "double" && plan.module.comment == ["Doubles."])
    #expect(plan.functions[0].comment == ["y = x + x."] && plan.kernels[0].comment == ["At home."])
    #expect(plan.functions[0].arenaBytes == 128 && plan.stateBytes == 64)
    #expect(plan.functions[0].buffers.map(\.capacity) == [32, 32, 32, 4])
    #expect(plan.kernels.map(\.name) == ["twice", "copy"])
    let text = printPlan(plan)
    #expect(text.contains("  call k0_twice(x, t)\n"))
    #expect(text.contains("    v2 = add(v1, v1)\n"))
    #expect(printPlan(try parsePlan(text, file: "again.sluice")) == text)
  }

  /// The example of docs/plan-text.md is a sound plan.
  @Test func theExampleOfTheDocumentationIsSound() throws {
    let text = String(decoding: try #require(Repository.read("docs/plan-text.md")), as: UTF8.self)
    let blocks = text.split(separator: "```\n", omittingEmptySubsequences: false)
    let example = try #require(blocks.first { $0.hasPrefix("// Doubles.") })
    let plan = try parsePlan(String(example), file: "double.sluice")
    #expect(PlanChecker().check(plan).isEmpty)
    #expect(plan.functions[0].steps.count == 2)
  }

  @Test func samplesAreReadBack() throws {
    for (name, plan) in SamplePlans.all {
      let text = printPlan(plan)
      let again = try parsePlan(text, file: "\(name).sluice")
      #expect(printPlan(again) == text, "\(name)")
      #expect(again.kernels.map(\.instructions.count) == plan.kernels.map(\.instructions.count), "\(name)")
      #expect(again.kernels.map(\.registers) == plan.kernels.map(\.registers), "\(name)")
      #expect(again.functions.map(\.steps.count) == plan.functions.map(\.steps.count), "\(name)")
      #expect(PlanChecker().check(again).isEmpty, "\(name)")
    }
  }

  /// Every bit of a constant is kept, as are the names of symbols that look like registers.
  @Test func bitsAndNamesAreKept() throws {
    let text = """
      plan @bits

      func @f() -> (y: f32[i0]) where i0 <= 4 {
        arena 0, at least 0
        buffers
          %0  y  f32[i0]  16 bytes  output y
        steps
          0  call k0_bits(y)
      }

      kernel k0_bits(y: write f32) where i0 <= 4 {
        v_0 = 0xffc00001 as f32
        v_1 = -0.0 as f32
        v_2 = -inf as f64
        v_3 = 0.1 as f16
        v_4 = true as bool
        v_5 = -9223372036854775808 as i64
        v_6 = piReduction[5](v_0, v_1)
        v_7 = power(v_0, v_1)
        v_8 = cast(v_0) as i32
        v_9 = select(v_4, v_0, v_1)
        v_10 = less(v_0, v_1)
        v_11 = nan as f32
        v_12 = i0
        v_13 = -1
        v_14 := v_9
        vector i_15 in 0 ..< i0 {
          y[i_15] = v_9
        }
        lanes(8) i_16 in 0 ..< i0 {
          v_14 <- maximum(v_11)
        }
        parallel i_17 in i0-1 ..< i0 {
          if v_10 {
            local row: f16[i0]
            row[v_12] = v_3
            for i_18 in v_12*2 ..< min(i0, i_17 + 4) step 4 {
              v_19 = y[v_12*(i0-1) + i_17*-1 + i0]
            }
          }
        }
      }

      """
    #expect(printPlan(try parsePlan(text, file: "bits.sluice")) == text)
  }

  /// One mistake in the small plan: what is replaced, by what, and the error.
  static let mistakes: [(old: String, new: String, error: String)] = [
    (
      "plan @double", "module @double",
      "2:1: expected `plan` and its name, such as `plan @mlp`, found `module`"
    ),
    ("state @count : i32[]", "state @count : i32[N]", "4:20: the dim `N` is no integer"),
    ("func @f(x: f32[N])", "func @f(x: f32[M])", "7:16: the symbol `M` is not declared"),
    ("(y: f32[N])", "y: f32[N]", "7:23: expected `(`, found `y`"),
    (
      "%1 y f32[N] output y", "%2 y f32[N] output y", "10:5: buffers are numbered from 0 on; this one is `%1`"
    ),
    ("output y\n", "output z\n", "10:24: there is none of this name; expected the name of an output"),
    (
      "arena 64", "arena 64 ..< 90", "11:30: 32 bytes from 64 on end before 96"
    ),
    ("%2 t f32[N]", "%2 t f32[N,2]", "11:10: a buffer has one extent: how many elements it has"),
    ("state @count\n", "state @counts\n", "12:27: there is none of this name; expected a state such as `@s`"),
    ("call twice(x, t)", "call thrice(x, t)", "14:10: there is no kernel of this name"),
    ("call twice(x, t)", "call twice(x, u)", "14:19: there is no buffer of this name"),
    ("call twice(x, t)", "call twice(x + M, t)", "14:20: the symbol `M` is not declared"),
    (
      "call twice(x, t)", "run twice(x, t)",
      "14:5: expected `call`, `together`, `loop`, `leave`, `if` or `}`, found `run`"
    ),
    (
      "a: read f32, b: write f32) where N <= 8 {\n  vector",
      "a: read f32, a: write f32) where N <= 8 {\n  vector",
      "19:27: two slots or locals are named `a`"
    ),
    (
      "vector i in 0 ..< N {", "vector i in 0 to N {",
      "20:17: expected `..<` and where the loop ends, found `to`"
    ),
    ("vector i in 0 ..< N {", "vectors i in 0 ..< N {", "20:3: expected an instruction, found `vectors`"),
    ("value = a[i]\n    sum", "value = a[k]\n    sum", "21:15: the symbol `k` is not declared"),
    ("sum = add(value, value)", "sum = add(value, other)", "22:22: this register has no value"),
    ("sum = add(value, value)", "sum = add(value)", "22:11: `add` takes 2 operands, got 1"),
    (
      "sum = add(value, value)", "sum = and(value, value)", "22:11: `and` of f32, expected an integer or bool"
    ),
    ("sum = add(value, value)", "sum = plus(value, value)", "22:11: there is no operation `plus`"),
    ("b[i] = sum", "sum = add(sum, sum)", "23:5: this register has a value already"),
    ("sum = add(value, value)", "sum = 1 as f31", "22:16: expected a dtype: f32"),
    ("b[i] = sum", "b[i*i] = sum", "23:9: a product of two registers"),
    ("b[i] = sum", "b[i + i] = sum", "23:11: this register stands in the sum already"),
    ("kernel copy", "kernel twice() {\n}\nkernel copy", "27:8: two kernels have this name"),
    ("    b[j] = value\n  }\n}\n", "    b[j] = value\n  }\n", "27:8: the kernel has no closing `}`"),
  ]

  @Test(arguments: mistakes)
  func mistakesHaveTheirPlace(_ old: String, _ new: String, _ error: String) throws {
    let text = Self.small.replacing(old, with: new, maxReplacements: 1)
    #expect(text != Self.small, "`\(old)`")
    let thrown = #expect(throws: Diagnostics.self) { try parsePlan(text, file: "t") }
    let first = try #require(thrown?.all.first)
    let found = "\(first.place?.line ?? 0):\(first.place?.column ?? 0): \(first.message)"
    #expect(found.hasPrefix(error), "\(found)")
    #expect(thrown?.all.count == 1, "\(thrown?.description ?? "")")
  }

  @Test func sizesAreChecked() {
    let head = "plan @p\nfunc @f() -> () {\n"
    for (text, message) in [
      ("plan @p\nparam @w : f32[1099511627776,1024]\nfunc @f() -> () {\n}", "this is larger than 2^50 bytes"),
      ("plan @p\nparam @w : f32[2]\nparameters 65", "this is no multiple of 64"),
      (
        "plan @p\nparam @w : f32[2]\nparameters 64\n  @w at 9223372036854775807",
        "this is more than 2^50 bytes"
      ),
      (head + "arena 9999999999999999", "this is more than 2^50 bytes"),
      (head + "arena 99999999999999999999", "the number does not fit 64 bits"),
      (head + "%0 x f32[9223372036854775807] arena 0", "this may be larger than 2^50 bytes"),
      (head + "steps\n if %99999999999999999999[0] {", "there is no buffer `%99999999999999999999`"),
    ] {
      let thrown = #expect(throws: Diagnostics.self) { try parsePlan(text, file: "t") }
      #expect(thrown?.all.contains { $0.message == message } == true, "\(thrown?.description ?? text)")
    }
  }
}
