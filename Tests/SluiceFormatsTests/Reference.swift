import SluiceFormats
import Testing

/// Bytes that other programs wrote, and the data they were made from.
enum Reference {
  /// Bytes from hexadecimal digits; white space is skipped.
  static func bytes(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  /// Sample `c` of the pixel in column `x` of row `y` of every reference picture.
  static func sample(_ x: Int, _ y: Int, _ c: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: x * x * 3 + y * 7 + c * 50 + x * y)
  }

  /// The samples of a reference picture.
  static func samples(_ width: Int, _ height: Int, _ channelCount: Int) -> [UInt8] {
    (0..<height).flatMap { y in
      (0..<width).flatMap { x in (0..<channelCount).map { c in sample(x, y, c) } }
    }
  }

  /// Bytes with few set bits, so that their Huffman code has short and long words.
  static func skewed(_ count: Int, seed: UInt32 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: (state >> 24) & (state >> 16))
    }
  }

  /// A text that repeats itself.
  static let bottles = Array(
    (1...99).reversed().map { "\($0) bottles of beer on the wall, \($0) bottles of beer\n" }.joined().utf8)
}

/// Expects `body` to throw a `.malformed` error about `x` whose message contains `part`.
func expectMalformed(
  _ part: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws(FileError) -> some Any
) {
  do throws(FileError) {
    _ = try body()
    Issue.record("expected an error containing `\(part)`", sourceLocation: sourceLocation)
  } catch {
    #expect(error.kind == .malformed, sourceLocation: sourceLocation)
    #expect(error.path == "x", sourceLocation: sourceLocation)
    #expect(error.message.contains(part), "\(error.message)", sourceLocation: sourceLocation)
  }
}
