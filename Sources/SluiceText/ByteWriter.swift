import SluiceIR

/// Collects text as bytes and knows the column it is at.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []
  private var lineStart = 0

  /// How many bytes the line has so far.
  var column: Int { bytes.count - lineStart }

  /// Appends text.
  mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Appends bytes.
  mutating func write(_ text: ArraySlice<UInt8>) { bytes.append(contentsOf: text) }

  /// Appends an integer.
  mutating func write(_ value: Int64) { NumberText.append(value, to: &bytes) }

  /// Appends a number.
  mutating func write(_ value: Double) { NumberText.append(value, to: &bytes) }

  /// Appends an element.
  mutating func write(bits: UInt64, _ dtype: DType) { NumberText.append(bits, dtype, to: &bytes) }

  /// Appends text in quotes.
  mutating func write(quoted text: String) { StringText.append(text, to: &bytes) }

  /// Ends the line.
  mutating func newline() {
    bytes.append(0x0A)
    lineStart = bytes.count
  }

  /// Takes back what was written on this line behind the first `count` bytes of all.
  mutating func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }
}
