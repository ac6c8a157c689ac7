import SluiceIR
import SluiceText
import Testing

/// Reading and printing are linear: times are printed, not asserted, apart from a very wide limit.
struct ScaleTests {
  #if DEBUG
    static let counts = [20_000, 60_000]
  #else
    static let counts = [200_000, 1_000_000]
  #endif

  static func chain(_ count: Int) -> [UInt8] {
    var text = Array(
      "module @chain\n\nfunc @f(%x: f32[B,64], %y: f32[B,64]) -> f32[B,64] where B <= 8 {\n".utf8)
    var (a, b) = ("x", "y")
    for i in 0..<count {
      let op = ["add", "multiply", "subtract", "maximum"][i & 3]
      text.append(contentsOf: "  %value_\(i) = \(op) %\(a), %\(b) : f32[B,64]\n".utf8)
      (a, b) = (b, "value_\(i)")
    }
    text.append(contentsOf: "  return %\(b)\n}\n".utf8)
    return text
  }

  @Test func manyNodes() throws {
    let clock = ContinuousClock()
    for count in Self.counts {
      let text = Self.chain(count)
      var module: Module?
      let reading = try clock.measure { module = try parseModule(text, file: "chain.sluice") }
      let read = try #require(module)
      var printed: [UInt8] = []
      let printing = clock.measure { printed = printedModule(read) }
      #expect(read.graphs[0].nodeCount == count + 2)
      #expect(printed == text)
      print("\(count) nodes, \(text.count / 1_000_000) MB: read in \(reading), printed in \(printing)")
      #expect(reading < .seconds(60))
    }
  }
}
