// Every scalar operation gives the same bits compiled as evaluated, whatever the compiler and its flags.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct ScalarTests {
  private static let count = Build.isExhaustive ? 60_000 : 6_000
  private static let plan = ScalarCase.plan(ScalarCase.all, count: count)
  private static let operands = DType.allCases.map { ScalarCase.operands($0, count: count) }
  /// The elements that are compared: all in the exhaustive run, else enough of them to see every pair of specials.
  private static let compared = Array(stride(from: 0, to: count, by: Build.isExhaustive ? 1 : 5))
  private static let expected = ScalarCase.all.map { scalarCase in
    let own = scalarCase.operands.enumerated().map { operands[Int($1.rawValue)][$0] }
    // Elementary functions take a while to evaluate.
    let positions = scalarCase.op == .call && !Build.isExhaustive ? Array(compared.prefix(200)) : compared
    return positions.map { position in (position, scalarCase.evaluate(own.map { $0[position] })) }
  }

  @Test(arguments: Build.all)
  func everyOperationGivesTheBitsOfTheEvaluator(_ build: Build) throws {
    try check(build, [])
  }

  @Test func softwareRootsAndMultiplyAddsGiveThem() throws {
    try check(try #require(Build.fast.first), ["-DOPS_SOFTWARE_FMA", "-DOPS_SOFTWARE_SQRT"])
  }

  private func check(_ build: Build, _ flags: [String]) throws {
    let model = try CompiledModel(Self.plan, parameters: [], states: [], options: build.options(flags))
    let inputs = ScalarCase.inputs.enumerated().map {
      HostTensor(words: Self.operands[$0 / 3][$0 % 3], $1.dtype)
    }
    let outputs = try model.run("all", inputs: inputs)
    for (number, scalarCase) in ScalarCase.all.enumerated() {
      let output = outputs[number]
      let wrong = Self.expected[number].filter { output.word($0.0) != $0.1 }
      guard let first = wrong.first else { continue }
      let operands = scalarCase.operands.enumerated().map {
        "0x" + String(Self.operands[Int($1.rawValue)][$0][first.0], radix: 16)
      }
      Issue.record(
        """
        \(scalarCase.description)(\(operands.joined(separator: ", "))) gives 0x\(String(output.word(first.0), radix: 16)), \
        expected 0x\(String(first.1, radix: 16)); \(wrong.count) differ
        """)
    }
  }
}
