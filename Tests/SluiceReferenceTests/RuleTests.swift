/// Every named rule fires on a case of its own, and changes no value.

import SluiceIR
import SluicePasses
import SluiceReference
import Testing

/// A rule with a function where it fires; calls with their results follow.
struct RuleCase: Sendable, CustomTestStringConvertible {
  var rule: String
  var text: String
  var testDescription: String { rule }

  init(_ rule: String, inputs: String, result: String, _ nodes: String..., runs: String...) {
    self.rule = rule
    text =
      "func @f(\(inputs)) -> \(result) {\n" + nodes.map { "  \($0)\n" }.joined() + "  return %r\n}\n"
      + runs.map { "// run: @f\($0)\n" }.joined()
  }

  static let all: [RuleCase] = [
    RuleCase(
      "add-zero", inputs: "%x: f32[3]", result: "f32[3]", "%0 = constant {value = -0.0} : f32[]",
      "%1 = broadcast %0 {shape = [3]} : f32[3]", "%r = add %x, %1 : f32[3]",
      runs: "([-0.0, 0, nan]) == [-0.0, 0, nan]"),
    RuleCase(
      "add-zero", inputs: "%x: i32[]", result: "i32[]", "%0 = constant {value = 0} : i32[]",
      "%r = add %0, %x : i32[]",
      runs: "(7) == 7"),
    RuleCase(
      "subtract-zero", inputs: "%x: f32[]", result: "f32[]", "%0 = constant {value = 0} : f32[]",
      "%r = subtract %x, %0 : f32[]", runs: "(-0.0) == -0.0", "(3) == 3"),
    RuleCase(
      "multiply-one", inputs: "%x: f64[]", result: "f64[]", "%0 = constant {value = 1} : f64[]",
      "%r = multiply %0, %x : f64[]", runs: "(-0.0) == -0.0", "(inf) == inf"),
    RuleCase(
      "divide-one", inputs: "%x: u8[]", result: "u8[]", "%0 = constant {value = 1} : u8[]",
      "%r = divide %x, %0 : u8[]", runs: "(255) == 255"),
    RuleCase(
      "negate-negate", inputs: "%x: i32[]", result: "i32[]", "%0 = negate %x : i32[]",
      "%r = negate %0 : i32[]",
      runs: "(-2147483648) == -2147483648", "(5) == 5"),
    RuleCase(
      "select-same", inputs: "%c: bool[2], %x: f32[2]", result: "f32[2]", "%r = select %c, %x, %x : f32[2]",
      runs: "([true, false], [1, 2]) == [1, 2]"),
    RuleCase(
      "bitcast-same", inputs: "%x: f32[]", result: "f32[]", "%r = bitcast %x {dtype = f32} : f32[]",
      runs: "(nan) == nan"),
    RuleCase(
      "cast-same", inputs: "%x: f32[]", result: "f32[]", "%r = cast %x {dtype = f32} : f32[]",
      runs: "(nan) == nan"),
    RuleCase(
      "view-same", inputs: "%x: f32[2,2]", result: "f32[2,2]", "%0 = reshape %x {shape = [2,2]} : f32[2,2]",
      "%1 = broadcast %0 {shape = [2,2]} : f32[2,2]",
      "%2 = slice %1 {start = [0,0], limit = [2,2]} : f32[2,2]", "%r = concat %2 : f32[2,2]",
      runs: "([[1, 2], [3, 4]]) == [[1, 2], [3, 4]]"),
    RuleCase(
      "reshape-reshape", inputs: "%x: f32[2,3]", result: "f32[6]",
      "%0 = reshape %x {shape = [3,2]} : f32[3,2]",
      "%r = reshape %0 {shape = [6]} : f32[6]", runs: "([[1, 2, 3], [4, 5, 6]]) == [1, 2, 3, 4, 5, 6]"),
    RuleCase(
      "transpose-identity", inputs: "%x: f32[1,2]", result: "f32[1,2]",
      "%r = transpose %x {order = [0,1]} : f32[1,2]", runs: "([[1, 2]]) == [[1, 2]]"),
    RuleCase(
      "transpose-transpose", inputs: "%x: i32[1,2,3]", result: "i32[1,3,2]",
      "%0 = transpose %x {order = [2,0,1]} : i32[3,1,2]", "%r = transpose %0 {order = [1,0,2]} : i32[1,3,2]",
      runs: "([[[1, 2, 3], [4, 5, 6]]]) == [[[1, 4], [2, 5], [3, 6]]]"),
    RuleCase(
      "transpose-ones", inputs: "%x: f32[2,1,2]", result: "f32[1,2,2]",
      "%r = transpose %x {order = [1,0,2]} : f32[1,2,2]",
      runs: "([[[1, 2]], [[3, 4]]]) == [[[1, 2], [3, 4]]]"),
    RuleCase(
      "broadcast-broadcast", inputs: "%x: f32[2,1]", result: "f32[2,2,2]",
      "%0 = broadcast %x {shape = [2,2]} : f32[2,2]", "%r = broadcast %0 {shape = [2,2,2]} : f32[2,2,2]",
      runs: "([[1], [2]]) == [[[1, 1], [2, 2]], [[1, 1], [2, 2]]]"),
    RuleCase(
      "broadcast-reshape", inputs: "%x: f32[2]", result: "f32[3,2]",
      "%0 = reshape %x {shape = [1,2]} : f32[1,2]", "%r = broadcast %0 {shape = [3,2]} : f32[3,2]",
      runs: "([1, 2]) == [[1, 2], [1, 2], [1, 2]]"),
    RuleCase(
      "broadcast-ones", inputs: "%x: f32[2]", result: "f32[1,1,2]",
      "%r = broadcast %x {shape = [1,1,2]} : f32[1,1,2]", runs: "([1, 2]) == [[[1, 2]]]"),
    RuleCase(
      "slice-slice", inputs: "%x: f32[6]", result: "f32[2]",
      "%0 = slice %x {start = [1], limit = [5]} : f32[4]",
      "%r = slice %0 {start = [2], limit = [4]} : f32[2]",
      runs: "([1, 2, 3, 4, 5, 6]) == [4, 5]"),
    RuleCase(
      "reverse-reverse", inputs: "%x: f32[2,2]", result: "f32[2,2]",
      "%0 = reverse %x {axes = [1]} : f32[2,2]", "%r = reverse %0 {axes = [-1]} : f32[2,2]",
      runs: "([[1, 2], [3, 4]]) == [[1, 2], [3, 4]]"),
    RuleCase(
      "map-reshape", inputs: "%c: bool[2], %x: f32[2]", result: "f32[2,1]",
      "%0 = reshape %c {shape = [2,1]} : bool[2,1]", "%1 = reshape %x {shape = [2,1]} : f32[2,1]",
      "%2 = constant {value = 9} : f32[]", "%3 = broadcast %2 {shape = [2,1]} : f32[2,1]",
      "%r = select %0, %1, %3 : f32[2,1]", runs: "([true, false], [1, 2]) == [[1], [9]]"),
    RuleCase(
      "keep-dims", inputs: "%x: f32[2,2]", result: "f32[1,2]",
      "%r = max %x {axes = [0], keep_dims = true} : f32[1,2]", runs: "([[1, nan], [3, 4]]) == [[3, nan]]"),
    RuleCase(
      "keep-dims", inputs: "%x: f32[2,2]", result: "i32[2,1]",
      "%r = argmin %x {keep_dims = true} : i32[2,1]", runs: "([[1, 2], [4, 3]]) == [[0], [1]]"),
    RuleCase(
      "sort-axes", inputs: "%x: f32[1,2,2]", result: "f32[2]",
      "%r = sum %x {axes = [-1,0]} : f32[2]", runs: "([[[1, 2], [3, 4]]]) == [3, 7]"),
    RuleCase(
      "sort-axes", inputs: "%x: f32[2,2]", result: "f32[]", "%r = prod %x {axes = [1,0]} : f32[]",
      runs: "([[1, 2], [3, 4]]) == 24"),
    RuleCase(
      "extreme-scale", inputs: "%x: f32[3]", result: "f32[]", "%0 = constant {value = 0.1} : f32[]",
      "%1 = broadcast %0 {shape = [3]} : f32[3]", "%2 = multiply %1, %x : f32[3]", "%r = max %2 : f32[]",
      runs: "([-1e-45, -inf, -2e-45]) == -0.0", "([0, -0.0, -1]) == 0", "([1, nan, inf]) == nan"),
    RuleCase(
      "extreme-scale", inputs: "%x: f32[0]", result: "f32[]", "%0 = constant {value = 4} : f32[]",
      "%1 = broadcast %0 {shape = [0]} : f32[0]", "%2 = divide %x, %1 : f32[0]", "%r = min %2 : f32[]",
      runs: "([]) == inf"),
    RuleCase(
      "pad-pad", inputs: "%x: f32[1,2]", result: "f32[3,5]", "%v = constant {value = 9} : f32[]",
      "%0 = pad %x, %v {low = [1,0], high = [0,2]} : f32[2,4]",
      "%r = pad %0, %v {low = [0,1], high = [1,0]} : f32[3,5]",
      runs: "([[1, 2]]) == [[9, 9, 9, 9, 9], [9, 1, 2, 9, 9], [9, 9, 9, 9, 9]]"),
    RuleCase(
      "fold-constants", inputs: "", result: "i32[2]", "%0 = constant {value = 2147483647} : i32[]",
      "%1 = broadcast %0 {shape = [2]} : i32[2]", "%r = add %1, %1 : i32[2]", runs: "() == [-2, -2]"),
    RuleCase(
      "fold-constants", inputs: "", result: "bool[]", "%0 = constant {value = nan} : f32[]",
      "%r = not_equal %0, %0 : bool[]", runs: "() == true"),
    RuleCase(
      "fold-constants", inputs: "", result: "u8[]", "%0 = constant {value = 300.5} : f64[]",
      "%r = cast %0 {dtype = u8} : u8[]", runs: "() == 255"),
    RuleCase(
      "fold-constants", inputs: "", result: "f64[]", "%0 = constant {value = true} : bool[]",
      "%1 = constant {value = 1.5} : f64[]", "%2 = constant {value = 2.5} : f64[]",
      "%r = select %0, %1, %2 : f64[]", runs: "() == 1.5"),
  ]
}

struct RuleTests {
  @Test(arguments: RuleCase.all) func ruleFiresAndKeepsTheValue(_ rule: RuleCase) throws {
    let module = try parse(rule.text)
    var fired: [String] = []
    _ = try runPasses(module, ["simplify"]) { report, _ in fired = report.remarks.map(\.message) }
    #expect(fired.contains { $0.hasPrefix("simplify: `\(rule.rule)`") }, "\(fired)")
    try checkRuns(rule.text)
  }

  @Test func everyRuleHasACase() {
    let rules = Set(Op.allCases.flatMap(\.definition.rules).map(\.name))
    #expect(rules == Set(RuleCase.all.map(\.rule)))
  }

  /// What looks like a rule but would change a bit.
  @Test(arguments: [
    // -0 + 0 is 0.
    ("f32[]", "0", "add %x, %0 : f32[]", "(-0.0) == 0"), ("f32[]", "0", "add %0, %x : f32[]", "(-0.0) == 0"),
    // 0 - x is not x, 1 / x is not x.
    ("f32[]", "0", "subtract %0, %x : f32[]", "(3) == -3"),
    ("f32[]", "1", "divide %0, %x : f32[]", "(4) == 0.25"),
    ("i32[]", "0", "subtract %0, %x : i32[]", "(3) == -3"),
    // 0 - -0 is 0.
    ("f32[]", "-0.0", "subtract %x, %0 : f32[]", "(-0.0) == 0"),
  ])
  func nearMissesStay(_ type: String, _ constant: String, _ node: String, _ run: String) throws {
    let text = """
      func @f(%x: \(type)) -> \(type) {
        %0 = constant {value = \(constant)} : \(type)
        %r = \(node)
        return %r
      }
      // run: @f\(run)

      """
    try checkRuns(text)
    let module = try parse(text)
    #expect(try runPasses(module, ["simplify"]).nodeCount == module.nodeCount)
  }

  /// Folding runs the scalar program, the evaluator the witness: they agree on exact operations.
  @Test func foldingAgreesWithTheWitness() throws {
    let values = ["0", "-0.0", "1", "-1.5", "2.5", "3e38", "1e-40", "inf", "-inf", "nan"]
    let binary = ["add", "subtract", "multiply", "divide", "minimum", "maximum"]
    let unary = ["negate", "abs", "sign", "sqrt", "rsqrt", "floor", "ceil", "round", "trunc", "relu"]
    for dtype in ["f32", "f64"] {
      var nodes: [String] = []
      for (i, x) in values.enumerated() { nodes.append("%v\(i) = constant {value = \(x)} : \(dtype)[]") }
      var names: [String] = []
      for i in values.indices {
        for op in unary {
          nodes.append("%\(op)\(i) = \(op) %v\(i) : \(dtype)[]")
          names.append("%\(op)\(i)")
        }
        for j in values.indices {
          for op in binary {
            nodes.append("%\(op)\(i)_\(j) = \(op) %v\(i), %v\(j) : \(dtype)[]")
            names.append("%\(op)\(i)_\(j)")
          }
          nodes.append("%clamp\(i)_\(j) = clamp %v\(i), %v\(j), %v2 : \(dtype)[]")
          nodes.append("%fma\(i)_\(j) = fma %v\(i), %v\(j), %v3 : \(dtype)[]")
          names += ["%clamp\(i)_\(j)", "%fma\(i)_\(j)"]
        }
      }
      let types = names.map { _ in "\(dtype)[]" }.joined(separator: ", ")
      let text =
        "func @f() -> \(types) {\n\(nodes.joined(separator: "\n"))\nreturn \(names.joined(separator: ", "))\n}\n"
      let module = try parse(text)
      let folded = try runPasses(module, ["simplify"], verifyEach: true)
      #expect(!folded.graphs[0].ops.contains { $0 != .constant })
      let witnessed = try Reference(module).run(function: "f").results
      let programmed = try Reference(folded).run(function: "f").results
      for (name, (a, b)) in zip(names, zip(programmed, witnessed))
      where !isNear(a.floats[0], b.floats[0], nil) {
        Issue.record("\(name) of \(dtype) is folded to \(a.floats[0]), not \(b.floats[0])")
      }
    }
  }
}
