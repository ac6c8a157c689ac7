/// One message about a mistake of the user: what was seen, where, and the way out.
///
/// Messages are lower case, without a full stop, with code in backticks.
public struct Diagnostic: Hashable, Sendable, Error {
  /// How bad it is.
  public enum Severity: String, Hashable, Sendable {
    /// The input cannot be used.
    case error
    /// The input can be used, but something is likely not meant.
    case warning
    /// Something worth knowing: an optimisation that was or was not done, a parameter that is not trained.
    case remark
    /// More about the message above.
    case note
  }

  /// A place in a source.
  public struct Place: Hashable, Sendable {
    /// The file as the user named it; `-` for standard input.
    public var file: String
    /// The line, from 1; 0 where it is not known.
    public var line: Int
    /// The column, from 1; 0 where it is not known.
    public var column: Int

    /// A place.
    public init(file: String, line: Int, column: Int) {
      self.file = file
      self.line = line
      self.column = column
    }
  }

  /// More about the message: a place and a text.
  public struct Note: Hashable, Sendable {
    /// Where.
    public var place: Place?
    /// What.
    public var message: String

    /// A note.
    public init(_ message: String, at place: Place? = nil) {
      self.message = message
      self.place = place
    }
  }

  /// How bad it is.
  public var severity: Severity
  /// Where it was seen.
  public var place: Place?
  /// What was seen.
  public var message: String
  /// The way out, and the chain of calls.
  public var notes: [Note]
  /// The source line, for the caret.
  public var sourceLine: String?

  /// A message.
  public init(
    _ severity: Severity, _ message: String, at place: Place? = nil, notes: [Note] = [],
    sourceLine: String? = nil
  ) {
    self.severity = severity
    self.place = place
    self.message = message
    self.notes = notes
    self.sourceLine = sourceLine
  }

  /// An error.
  public init(_ message: String, at place: Place? = nil, notes: [Note] = [], sourceLine: String? = nil) {
    self.init(.error, message, at: place, notes: notes, sourceLine: sourceLine)
  }
}

extension Diagnostic.Place: CustomStringConvertible {
  /// `file:line:column`, without what is not known.
  public var description: String {
    if line == 0 { return file }
    return column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
  }
}

extension Diagnostic: CustomStringConvertible {
  /// `place: error: message`, the source line with a caret, and the notes, each on a line of its own.
  public var description: String {
    var text = (place.map { "\($0): " } ?? "") + "\(severity.rawValue): \(message)"
    if let sourceLine, let place, place.column > 0 {
      let pad = String(sourceLine.prefix(place.column - 1).map { $0 == "\t" ? "\t" : " " })
      text += "\n  \(sourceLine)\n  \(pad)^"
    }
    for note in notes {
      text += "\n" + (note.place.map { "\($0): " } ?? "") + "note: \(note.message)"
    }
    return text
  }
}

/// All messages that one stage collected; thrown when at least one is an error.
public struct Diagnostics: Error, Sendable, Hashable, CustomStringConvertible {
  /// The messages in the order they were found.
  public var all: [Diagnostic]

  /// These messages.
  public init(_ all: [Diagnostic] = []) { self.all = all }

  /// Whether one of them is an error.
  public var hasErrors: Bool { all.contains { $0.severity == .error } }

  /// The same messages; those without a place have this one.
  package func located(at place: Diagnostic.Place?) -> Diagnostics {
    var result = self
    for index in result.all.indices where result.all[index].place == nil { result.all[index].place = place }
    return result
  }

  /// The messages, each as it is printed.
  public var description: String { all.map(\.description).joined(separator: "\n") }
}
