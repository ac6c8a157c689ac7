// Every scalar operation gives the same bits compiled as evaluated, whatever the compiler and its flags.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import Testing

@Suite struct ScalarTests {
  private static let count = Build.isExhaustive ? 40_000 : 5_000
  private static let plan = ScalarCase.plan(ScalarCase.all, count: count)
  private static let operands = ScalarCase.all.enumerated().map { $1.operands(count: count, seed: UInt64($0)) }
  private static let expected = zip(ScalarCase.all, operands).map { scalarCase, operands in
    (0..<count).map { position in scalarCase.evaluate(operands.map { $0[position] }) }
  }

  @Test(arguments: Build.all)
  func everyOperationGivesTheBitsOfTheEvaluator(_ build: Build) throws {
    try check(build, [])
  }

  @Test func softwareRootsAndMultiplyAddsGiveThem() throws {
    let build = try #require(Build.fast.first)
    try check(build, ["-DOPS_SOFTWARE_FMA", "-DOPS_SOFTWARE_SQRT"])
  }

  private func check(_ build: Build, _ flags: [String]) throws {
    let model = try CompiledModel(Self.plan, parameters: [], states: [], options: build.options(flags))
    for (number, scalarCase) in ScalarCase.all.enumerated() {
      let inputs = try zip(Self.operands[number], scalarCase.operands).map { try tensor($0, $1) }
      let output = words(try model.run("f\(number)", inputs: inputs)[0])
      let wrong = output.indices.filter { output[$0] != Self.expected[number][$0] }
      guard let first = wrong.first else { continue }
      let operands = Self.operands[number].map { "0x" + String($0[first], radix: 16) }.joined(separator: ", ")
      Issue.record(
        """
        \(scalarCase.description)(\(operands)) gives 0x\(String(output[first], radix: 16)), expected \
        0x\(String(Self.expected[number][first], radix: 16)); \(wrong.count) of \(output.count) differ
        """)
    }
  }
}
