/// Results are called what the text calls them, at every level and whatever is left of their values.

import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

struct ResultNameTests {
  private static let text = """
    param @w : f32[3] init constant(1)

    body @same(%x: f32[3]) -> f32[3] {
      return %x
    }

    func @input(%x: f32[3]) -> f32[3], f32[3] {
      %zero = constant {value = [-0.0, -0.0, -0.0]} : f32[3]
      %r = add %x, %zero : f32[3]
      %s = add %x, %zero : f32[3]
      return %r, %s
    }

    func @equal(%x: f32[3]) -> f32[3], f32[3], f32[3] {
      %a = exp %x : f32[3]
      %b = exp %x : f32[3]
      %c = call @same, %b : f32[3]
      return %a, %b, %c
    }

    func @sources(%x: f32[3]) -> f32[3], f32[3], f32[3], f32[3] {
      %w = read @w : f32[3]
      %c = constant {value = [1, 1, 1]} : f32[3]
      %d = constant {value = [1, 1, 1]} : f32[3]
      %x.twice = reshape %x {shape = [3]} : f32[3]
      return %w, %d, %c, %x.twice
    }

    func @mixed(%x: f32[3]) -> (f32[3], x: f32[3], f32[3], relu: f32[3]) {
      %one = constant {value = [1, 1, 1]} : f32[3]
      %m = multiply %x, %one : f32[3]
      %relu = relu %x : f32[3]
      return %x, %m, %relu, %m
    }

    func @unnamed(%x: f32[3]) -> f32[3], f32[3] {
      %0 = exp %x : f32[3]
      %1 = exp %x : f32[3]
      return %0, %1
    }

    func @single(%x: f32[3]) -> f32[3] {
      %y = reshape %x {shape = [3]} : f32[3]
      %0 = reshape %y {shape = [3]} : f32[3]
      return %0
    }

    func @again(%x: f32[3]) -> f32[3], f32[3] {
      return %x, %x
    }

    """
  private static let names = [
    ["r", "s"], ["a", "b", "c"], ["w", "d", "c", "x_twice"], ["x_1", "x", "relu_1", "relu"],
    ["result0", "result1"], ["result"], ["x", "x_1"],
  ]

  @Test(arguments: OptimizationLevel.allCases)
  func namesStay(_ level: OptimizationLevel) throws {
    let subject = try Subject(Self.text, file: "names.sluice")
    for fuses in [false, true] {
      let plan = try subject.plan(fuses: fuses, level: level)
      #expect(plan.functions.map { $0.outputs.map(\.name) } == Self.names)
    }
  }

  /// Through the text of what the passes left, too.
  @Test(arguments: OptimizationLevel.allCases)
  func namesStayInText(_ level: OptimizationLevel) throws {
    let module = try runPasses(parseModule(Self.text, file: "names.sluice"), level.passes)
    let again = try Subject(printModule(module), file: "again.sluice")
    for level in OptimizationLevel.allCases {
      let plan = try again.plan(level: level)
      #expect(plan.functions.map { $0.outputs.map(\.name) } == Self.names)
    }
  }
}
