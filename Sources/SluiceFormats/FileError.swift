/// What went wrong with a file, with its path and the exit code a command line should end with.
///
/// Every reader and writer of this module throws this one type.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of failure it was; it decides the exit code.
  public enum Kind: Equatable, Sendable {
    /// There is no such input.
    case notFound
    /// The operating system refused to read or write.
    case io
    /// The contents are wrong, or cannot be written in this format.
    case malformed
  }

  /// The path as it was given; `-` is standard input or output.
  public let path: String
  /// What kind of failure it was.
  public let kind: Kind
  /// What was seen and the way out, without the path: lower case, no full stop.
  public let message: String

  /// An error about the file at `path`.
  public init(path: String, kind: Kind, message: String) {
    self.path = path
    self.kind = kind
    self.message = message
  }

  /// The exit code of a command that fails with this: 66 not found, 74 input or output, 1 wrong contents.
  public var exitCode: Int32 {
    switch kind {
    case .notFound: 66
    case .io: 74
    case .malformed: 1
    }
  }

  /// The path in backticks and the message.
  public var description: String { "`\(path)`: \(message)" }
}

/// Why some bytes are not what their format promises; becomes a `FileError` once the path is known.
package struct Malformed: Error, Equatable {
  /// What was seen and the way out: lower case, no full stop.
  package let message: String

  package init(_ message: String) {
    self.message = message
  }
}

/// Runs `decode` and puts `path` in front of what it complains about.
func naming<Value>(
  _ path: String, _ decode: () throws(Malformed) -> Value
) throws(FileError) -> Value {
  do throws(Malformed) {
    return try decode()
  } catch {
    throw FileError(path: path, kind: .malformed, message: error.message)
  }
}

/// Bytes of a file made fit for a message: printable ASCII stays, the rest becomes `\xNN`, 40 bytes at most.
func printable(_ bytes: some Collection<UInt8>) -> String {
  var text = ""
  for byte in bytes.prefix(40) {
    if byte >= 0x20 && byte < 0x7f {
      text.unicodeScalars.append(Unicode.Scalar(byte))
    } else {
      text += byte < 16 ? "\\x0" : "\\x"
      text += String(byte, radix: 16)
    }
  }
  return bytes.count > 40 ? text + "..." : text
}
