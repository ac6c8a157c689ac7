/// The evaluator against data that was made by other means: integers, fractions, 120-digit decimals.

import SluiceFormats
import SluiceIR
import Testing

@testable import SluiceReference

struct NumpyTests {
  @Test(arguments: Op.allCases, [Reference.Precision.asTyped, .exact64])
  func opAgrees(_ op: Op, _ precision: Reference.Precision) throws {
    for numpy in try NumpyCase.all(of: op) where numpy.fits {
      let module = try numpy.module()
      let result = try Reference(module, precision: precision).run(function: "f", inputs: numpy.inputs)
        .results[0]
      let expected = numpy.output.referenceTensor
      #expect(result.shape == expected.shape, "\(numpy.name)")
      // Where the data is rounded to f32, exact64 has to be as well.
      let isSingle = result.dtype == .f32 && (precision == .asTyped || numpy.output.dtype == .f32)
      for (position, (a, b)) in zip(result.floats, expected.floats).enumerated() {
        let (bound, scale) = numpy.bound(isSingle: isSingle)
        let error = error(a, b, isSingle: isSingle, scale)
        if error <= bound { continue }
        Issue.record(
          "\(op.definition.name)/\(numpy.name)[\(position)] is \(a), not \(b): off by \(error) ulp")
      }
    }
  }

  /// The distance in units in the last place of the expected number, or of `scale` where that is larger.
  private func error(_ a: Double, _ b: Double, isSingle: Bool, _ scale: Double) -> Double {
    if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? 0 : .infinity }
    let (a, b) = isSingle ? (Double(Float(a)), Double(Float(b))) : (a, b)
    if a == b { return a.sign == b.sign || a != 0 || scale > 0 ? 0 : .infinity }
    let size = Swift.max(b.magnitude, scale)
    return (a - b).magnitude / (isSingle ? Double(Float(size).ulp) : size.ulp)
  }

  @Test func dataIsThere() throws {
    let count = try Op.allCases.reduce(0) { $0 + (try NumpyCase.all(of: $1).count) }
    #expect(count > 400)
  }

  /// Words of a seed's stream from any place on; one crosses the block 2^32.
  @Test func randomWordsAgree() throws {
    let folder = "\(NumpyCase.data)/philox"
    let names = NumpyCase.files(in: folder).filter { $0.hasSuffix(".bits.npy") }
    #expect(names.count >= 7)
    for name in names {
      let numbers = name.split { !$0.isNumber }.compactMap { UInt64($0) }
      let expected = try Npy.read("\(folder)/\(name)").referenceTensor.integers
      for (offset, word) in expected.enumerated() {
        let place = numbers[1] + UInt64(offset)
        let block = Philox.block(seed: Int64(bitPattern: numbers[0]), stream: 0, index: place / 4)
        #expect(block[Int(place % 4)] == UInt32(truncatingIfNeeded: word), "\(name), word \(offset)")
      }
    }
  }
}
