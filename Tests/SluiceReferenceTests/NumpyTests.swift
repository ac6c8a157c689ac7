import SluiceFormats
import Testing

@testable import SluiceReference

/// The evaluator's random numbers against those that NumPy computed; its ops are compared in `IR/tests/ops`.
struct NumpyTests {
  /// Words of a seed's stream from any place on; one crosses the block 2^32.
  @Test func randomWordsAgree() throws {
    let folder = "\(NumpyData.data)/philox"
    let names = NumpyData.files(in: folder).filter { $0.hasSuffix(".bits.npy") }
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
