import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// The f32 multiply-add by f64 arithmetic gives what the processor's (or the C library's) gives.
@Suite struct FusedMultiplyAddTests {
  private func check(_ triples: [(Float, Float, Float)], _ kind: Loop.Kind) throws {
    var m = PlanBuilder("fma")
    var f = m.builder("fma")
    let slots = ["a", "b", "c"].map { f.slot($0, .f32, .read) }
    let out = f.slot("y", .f32, .write)
    let i = f.beginLoop(to: m.affine(triples.count), kind)
    let operands = slots.map { f.load($0, f.at(i)) }
    f.store(out, f.at(i), f.scalar(.fma, .f32, operands))
    f.endLoop()
    let inputs = [HostTensor(triples.map(\.0)), HostTensor(triples.map(\.1)), HostTensor(triples.map(\.2))]
    let result = try run(f, m, inputs + [HostTensor.zeros(.f32, shape: [triples.count])])
    for (triple, seen) in zip(triples, result[3].floats()) {
      let expected = triple.2.addingProduct(triple.0, triple.1)
      guard seen.bitPattern != expected.bitPattern, !(seen.isNaN && expected.isNaN) else { continue }
      Issue.record("\(kind): \(triple) gives \(seen), not \(expected)")
      return
    }
  }

  /// Triples whose sum is next to the middle of two floats, where rounding twice goes wrong.
  static func hard(_ random: inout SeededRandom) -> (Float, Float, Float) {
    let scale = random.pick([0, 0, 0, 40, 100, -60, -115, -124, -140, -149])
    switch random.below(4) {
    case 0:
      // A product of 25 bits that ends in 1 is in the middle; a tiny addend decides.
      let a = Float(random.below(1 << 13) | 1) * Float(sign: .plus, exponent: scale / 2, significand: 1)
      let b =
        Float(random.below(1 << 12) | 1) * Float(sign: .plus, exponent: scale - scale / 2, significand: 1)
      let tiny = Float(sign: .plus, exponent: max(scale - random.below(60), -149), significand: 1)
      return (a, b, random.pick([0, tiny, -tiny]))
    case 1:
      // A large addend, and a product a little above or below half of its last place.
      let c = Float(random.below(1 << 24) | 1 << 23) * Float(sign: .plus, exponent: scale, significand: 1)
      let half = Float(sign: .plus, exponent: max(scale - 1, -149), significand: 1)
      let near = Float(bitPattern: (1 as Float).bitPattern &+ UInt32(random.below(3)) &- 1)
      return (random.pick([half, -half]), near, random.pick([c, -c]))
    case 2:
      // Results around the least normal number and below.
      let a = Float(random.below(1 << 24)) * 0x1p-80
      let b = Float(random.below(1 << 24)) * 0x1p-90
      return (a, random.pick([b, -b]), Float(random.below(1 << 24)) * 0x1p-149 * random.pick([1, -1]))
    default:
      // The addend takes back most of the product.
      let (a, b) = (Float(random.below(1 << 24)), Float(random.below(1 << 24)))
      let c = -(a * b) * (1 + Float(random.below(3) - 1) * .ulpOfOne)
      return (a, b, c)
    }
  }

  @Test(arguments: [Loop.Kind.vector, .sequential])
  func hardCases(_ kind: Loop.Kind) throws {
    var random = SeededRandom(1)
    for _ in 0..<(isRelease ? 400 : 4) { try check((0..<1000).map { _ in Self.hard(&random) }, kind) }
  }

  private func anyFloat(_ random: inout SeededRandom) -> Float { Float(bits: random.word(.f32)) }

  @Test func randomCases() throws {
    var random = SeededRandom(2)
    for round in 0..<(isRelease ? 400 : 6) {
      try check(
        (0..<1000).map { _ in
          // Whole tiles without and with special values.
          round % 2 == 0
            ? (anyFloat(&random), anyFloat(&random), anyFloat(&random))
            : (
              Float.random(in: -1...1, using: &random), .random(in: -1...1, using: &random),
              .random(in: -1...1, using: &random)
            )
        }, .vector)
    }
  }
}
