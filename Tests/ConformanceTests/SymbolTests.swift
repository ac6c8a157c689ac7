/// Symbolic dims: a function gives the same bits as with its sizes written out, whatever the bounds are.

import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceText
import TestSupport
import Testing

/// A function with a symbol `B`.
struct SymbolicFunction: Sendable, CustomTestStringConvertible {
  /// The name of its family and what it shows.
  var name: String
  /// The inputs, the results and the lines, without `where` and braces.
  var inputs: String
  var results: String
  var lines: [String]
  /// Bodies that it uses, with `where B` behind the signature where they have the symbol too.
  var bodies = ""

  var testDescription: String { name }

  /// The text of the function under a name, with a bound for `B` or with a number in its place.
  func text(_ name: String, bound: Int) -> String {
    let lines = lines.map { "  \($0)\n" }.joined()
    return bodies.replacing("where B", with: "where B <= \(bound)")
      + "func @\(name)(\(inputs)) -> \(results) where B <= \(bound) {\n\(lines)}\n"
  }

  func text(_ name: String, size: Int) -> String {
    let lines = lines.map { "  \($0)\n" }.joined()
    let text =
      bodies.replacing("where B ", with: "") + "func @\(name)(\(inputs)) -> \(results) {\n\(lines)}\n"
    return Self.replacing(text, size)
  }

  /// The text with the symbol `B` replaced, wherever it stands as a word.
  private static func replacing(_ text: String, _ size: Int) -> String {
    var result = ""
    let characters = Array(text)
    for (place, character) in characters.enumerated() {
      let before = place > 0 ? characters[place - 1] : " "
      let after = place + 1 < characters.count ? characters[place + 1] : " "
      let isWord =
        !before.isLetter && !"_%@.".contains(before) && !after.isLetter && !after.isNumber && after != "_"
      result += character == "B" && isWord ? "\(size)" : String(character)
    }
    return result
  }
}

struct SymbolTests {
  static let sizes = [0, 1, 3, 7]

  @Test(arguments: SymbolicFunction.samples)
  func sizesAndBoundsDoNotMatter(_ function: SymbolicFunction) throws {
    let bounds = try [7, 8, 3000].map { bound in
      try Subject(function.text("f", bound: bound), file: "bound_\(bound).sluice")
    }
    for size in Self.sizes {
      let constant = try Subject(function.text("f", size: size), file: "size_\(size).sluice")
      let inputs = Self.inputs(constant, seed: UInt64(size))
      var agreement = try Agreement(constant)
      #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
      let failures = agreement.failures("f", inputs)
      #expect(failures.isEmpty, "size \(size):\n\(failures.joined(separator: "\n"))")
      var exact = try InterpreterBackend(constant, constant.plan())
      let expected = try exact.run("f", inputs)
      for (subject, fuses) in [(bounds[0], true), (bounds[0], false), (bounds[1], true), (bounds[2], true)] {
        var backend = try InterpreterBackend(subject, subject.plan(fuses: fuses), poison: true)
        let results = try backend.run("f", inputs)
        for (position, (a, b)) in zip(results, expected).enumerated() {
          let difference = a.difference(from: b)
          #expect(
            difference == nil,
            "result \(position), size \(size), \(subject.module.name)\(fuses ? "" : ", unfused")")
        }
      }
    }
  }

  /// All samples in one module: C takes any size up to the bound.
  @Test func symbolsInC() throws {
    var text = ""
    for (index, function) in SymbolicFunction.samples.enumerated() {
      text += function.text("f\(index)", bound: 7)
    }
    let subject = try Subject(text, file: "symbols.sluice")
    let plan = try subject.plan()
    guard let c = try CBackend(subject, plan) else { return }
    var agreement = try Agreement(subject, others: [("C", c)])
    #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
    for (index, function) in SymbolicFunction.samples.enumerated() {
      for size in Self.sizes {
        let constant = try Subject(function.text("f", size: size), file: "size_\(size).sluice")
        let failures = agreement.failures("f\(index)", Self.inputs(constant, seed: UInt64(size)))
        #expect(failures.isEmpty, "\(function.name), size \(size):\n\(failures.joined(separator: "\n"))")
      }
    }
  }

  /// Random inputs of a function without symbols.
  static func inputs(_ subject: Subject, seed: UInt64) -> [HostTensor] {
    var random = SeededRandom(seed &+ 77)
    let module = subject.module
    guard let function = module.functions.last else { return [] }
    let graph = module[function]
    return graph.inputs.map { input in
      let type = graph.types[input.index]
      let shape = module.tables.types.shape(type).map { Int(module.tables.dims.value($0) ?? 0) }
      return random.tensor(module.tables.types.dtype(type), shape)
    }
  }
}
