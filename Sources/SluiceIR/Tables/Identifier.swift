/// Whether a name is made of ASCII letters, digits and `_` (and dots, if allowed), and begins with no digit.
package func isIdentifier(_ text: String, dots: Bool = false) -> Bool {
  var isFirst = true
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
      break
    case UInt8(ascii: "0")...UInt8(ascii: "9"): if isFirst { return false }
    case UInt8(ascii: "."): if isFirst || !dots { return false }
    default: return false
    }
    isFirst = false
  }
  return !isFirst
}
