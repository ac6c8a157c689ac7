import SluiceFormats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command runs: the models it knows, and where its output and its messages go.
public struct Context: Sendable {
  /// The name of the program, for help.
  var program: String

  /// Writes a result to standard output.
  func output(_ text: String) throws { try FileIO.write(text, to: "-") }

  /// Writes a message to standard error, on a line of its own.
  public func message(_ text: String) { Terminal.writeToStandardError(text + "\n") }

  /// Shows progress on standard error where that is a terminal; the line is overwritten by the next one.
  public func progress(_ text: String) {
    guard Terminal.isInteractive else { return }
    Terminal.writeToStandardError("\r\u{1B}[K" + text)
  }

  /// Ends a line of progress.
  public func endProgress() {
    if Terminal.isInteractive { Terminal.writeToStandardError("\r\u{1B}[K") }
  }
}

/// The terminal behind standard error.
enum Terminal {
  /// Whether a person watches.
  static let isInteractive = isatty(STDERR_FILENO) == 1

  /// Whether messages may be coloured: a terminal, and `NO_COLOR` is not set.
  static let hasColour = unsafe isInteractive && getenv("NO_COLOR") == nil

  static func writeToStandardError(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// `error:`, in red where colour is wanted.
  static func label(_ text: String) -> String { hasColour ? "\u{1B}[1;31m\(text)\u{1B}[0m" : text }
}

/// The exit codes of the command line.
enum ExitCode {
  /// What they mean, for help.
  static let summary =
    "exit codes: \(ok) all went well, \(input) the input is wrong, \(usage) the arguments are wrong, "
    + "\(noInput) a file does not exist,\n  \(unavailable) there is no C compiler, \(`internal`) a mistake of ours, "
    + "\(io) reading or writing failed\n"
  /// All went well.
  static let ok: Int32 = 0
  /// The input is wrong: text, shapes, files that hold something else.
  static let input: Int32 = 1
  /// The arguments are wrong.
  static let usage: Int32 = 64
  /// A file that does not exist.
  static let noInput: Int32 = 66
  /// A program that is needed is not there: the C compiler.
  static let unavailable: Int32 = 69
  /// A mistake of ours.
  static let `internal`: Int32 = 70
  /// Reading or writing failed.
  static let io: Int32 = 74
  /// A signal ended the command, which kept what it had: plus the signal's number, 130 for Ctrl-C, 143 for SIGTERM.
  static let signal: Int32 = 128
}
