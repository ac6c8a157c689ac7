/// Text in quotes: the escapes of string attributes, both ways.
package enum StringText {
  /// The text between quotes with its escapes replaced; nil where one is unknown.
  static func read(_ bytes: some Sequence<UInt8>) -> String? {
    var text: [UInt8] = []
    var rest = bytes.makeIterator()
    while let byte = rest.next() {
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      switch rest.next() {
      case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
      case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "t"): text.append(UInt8(ascii: "\t"))
      case UInt8(ascii: "u"):
        guard rest.next() == UInt8(ascii: "{") else { return nil }
        var value: UInt32 = 0
        var count = 0
        while let digit = rest.next(), digit != UInt8(ascii: "}") {
          guard let nibble = digit.hexValue, count < 6 else { return nil }
          value = value << 4 | UInt32(nibble)
          count += 1
        }
        guard count > 0, let scalar = Unicode.Scalar(value) else { return nil }
        text.append(contentsOf: String(scalar).utf8)
      default: return nil
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends text in quotes.
  package static func append(_ text: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": output.append(contentsOf: "\\\\".utf8)
      case "\"": output.append(contentsOf: "\\\"".utf8)
      case "\n": output.append(contentsOf: "\\n".utf8)
      case "\t": output.append(contentsOf: "\\t".utf8)
      default:
        if scalar.value < 32 || scalar.value == 127 {
          output.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".utf8)
        } else {
          output.append(contentsOf: String(scalar).utf8)
        }
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
