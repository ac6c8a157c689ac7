import SluiceFormats
import SluiceIR

/// JSON for machines that read the output: built in order, printed compactly.
enum JSON {
  case string(String)
  case number(Double)
  case integer(Int)
  case bool(Bool)
  case array([JSON])
  case object([(String, JSON)])
  case null

  /// The text.
  var text: String {
    switch self {
    case .string(let value): Self.quoted(value)
    case .number(let value): value.isFinite ? "\(value)" : Self.quoted("\(value)")
    case .integer(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .null: "null"
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let fields):
      "{" + fields.map { "\(Self.quoted($0.0)):\($0.1.text)" }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 32:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension JSON {
  /// The elements of an array in row-major order: integers and truth values as such, floats exactly.
  static func elements(_ array: HostTensor) -> [JSON] {
    switch array.dtype {
    case .bool: array.bools().map { .bool($0) }
    case .u8: array.uint8s().map { .integer(Int($0)) }
    case .i32: array.int32s().map { .integer(Int($0)) }
    case .i64: array.int64s().map { .integer(Int($0)) }
    case .f32, .f64, .f16, .bf16: array.asDoubles().map { .number($0) }
    }
  }
}
