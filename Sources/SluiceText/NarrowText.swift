package import SluiceIR

/// f16 and bf16 as text: a numeral is rounded once, and the shortest one that reads back is printed.
extension NumberText {
  /// The bits nearest to an unsigned numeral of the lexer, rounded once.
  static func narrow(_ bytes: [UInt8], _ range: Range<Int>, _ dtype: DType) -> Parsed<UInt16> {
    let number: Double
    switch double(bytes, range) {
    case .value(let value): number = value
    case .malformed: return .malformed
    case .outOfRange: return .outOfRange
    }
    var bits = NarrowFloat.narrowed(number, dtype)
    // The nearest binary64 may lie on the border between two values, and the numeral beside it.
    let low = Double(NarrowFloat.widened(NarrowFloat.narrowed(number.nextDown, dtype), dtype))
    let high = Double(NarrowFloat.widened(NarrowFloat.narrowed(number.nextUp, dtype), dtype))
    let border = high.isInfinite ? (dtype == .f16 ? 65520 : 0x1.ffp127) : (low + high) / 2
    if low < high, number == border {
      switch Decimal(bytes, range).compare(Decimal(number)) {
      case 1: bits = NarrowFloat.narrowed(number.nextUp, dtype)
      case -1: bits = NarrowFloat.narrowed(number.nextDown, dtype)
      default: break
      }
    }
    return NarrowFloat.widened(bits, dtype).isFinite ? .value(bits) : .outOfRange
  }

  /// Appends the element with these bits: the fewest digits that read back, the nearest of them.
  static func append(_ bits: UInt16, _ dtype: DType, to output: inout [UInt8]) {
    let value = NarrowFloat.widened(bits, dtype)
    guard value.isFinite, value != 0 else { return append(value, to: &output) }
    let exact = Decimal(Double(value.magnitude))
    for count in 1...9 {
      var best: Double?
      for candidate in exact.rounded(to: count) {
        let text = Array(candidate.description.utf8)
        guard case .value(let back) = narrow(text, 0..<text.count, dtype), back == bits & 0x7fff else {
          continue
        }
        let distance = (candidate - Double(value.magnitude)).magnitude
        if let best, (best - Double(value.magnitude)).magnitude <= distance { continue }
        best = candidate
      }
      if let best { return append(value.sign == .minus ? -best : best, to: &output) }
    }
    append(value, to: &output)
  }
}

/// A positive decimal number of any length: `0.d1 d2 d3 ... * 10^exponent`, without zeros at either end.
private struct Decimal {
  var digits: [UInt8] = []
  var exponent = 0

  /// The number of an unsigned numeral.
  init(_ bytes: [UInt8], _ range: Range<Int>) {
    var at = range.lowerBound
    var isFraction = false
    while at < range.upperBound, bytes[at] | 0x20 != 0x65 {
      if bytes[at] == 0x2E {
        isFraction = true
      } else {
        digits.append(bytes[at] &- 0x30)
        if !isFraction { exponent += 1 }
      }
      at += 1
    }
    if at < range.upperBound {
      // Far beyond what a binary64 can be, so that what does not fit is no nearer.
      exponent += Int(String(decoding: bytes[(at + 1)..<range.upperBound], as: UTF8.self)) ?? 0
    }
    trim()
  }

  /// The number of a binary64, exactly.
  init(_ value: Double) {
    guard value > 0 else { return }
    var scale = Int(value.exponent) - 52
    var rest = UInt64(value.significandBitPattern | 1 << 52)
    while rest % 2 == 0 {
      rest /= 2
      scale += 1
    }
    // The last digit first: times 2, or times 5 with the point moved.
    var reversed: [UInt8] = []
    while rest > 0 {
      reversed.append(UInt8(rest % 10))
      rest /= 10
    }
    for _ in 0..<Swift.max(scale, -scale) {
      var carry: UInt8 = 0
      for position in reversed.indices {
        let product = reversed[position] * (scale < 0 ? 5 : 2) + carry
        reversed[position] = product % 10
        carry = product / 10
      }
      if carry > 0 { reversed.append(carry) }
    }
    digits = reversed.reversed()
    exponent = digits.count + Swift.min(scale, 0)
    trim()
  }

  private mutating func trim() {
    let zeros = digits.prefix { $0 == 0 }.count
    digits.removeFirst(zeros)
    exponent -= zeros
    while digits.last == 0 { digits.removeLast() }
  }

  /// -1, 0 or 1 as this is less than, equal to or more than the other one; neither is 0.
  func compare(_ other: Decimal) -> Int {
    if exponent != other.exponent { return exponent < other.exponent ? -1 : 1 }
    if digits == other.digits { return 0 }
    return digits.lexicographicallyPrecedes(other.digits) ? -1 : 1
  }

  /// The numbers of at most `count` digits next below and above.
  func rounded(to count: Int) -> [Double] {
    var whole: Int64 = 0
    for digit in digits.prefix(count) { whole = whole * 10 + Int64(digit) }
    let scale = exponent - Swift.min(count, digits.count)
    let candidates = digits.count <= count ? [whole] : [whole, whole + 1]
    return candidates.compactMap { Double("\($0)e\(scale)") }
  }
}

/// The bits of f16 or bf16 nearest to decimal text with an optional sign, rounded once; nil for what is no such text,
/// or too large.
package func narrowBits(of text: String, _ dtype: DType) -> UInt64? {
  let bytes = Array(text.utf8)
  let isNegative = bytes.first == 0x2D
  let start = isNegative || bytes.first == 0x2B ? 1 : 0
  guard start < bytes.count,
    bytes[start...].allSatisfy({
      (0x30...0x39).contains($0) || $0 == 0x2E || $0 | 0x20 == 0x65 || $0 == 0x2D || $0 == 0x2B
    }),
    case .value(let bits) = NumberText.narrow(bytes, start..<bytes.count, dtype)
  else { return nil }
  return UInt64(bits) | (isNegative ? 0x8000 : 0)
}
