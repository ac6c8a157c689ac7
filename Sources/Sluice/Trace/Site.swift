/// A place in the source of a model: what `#fileID`, `#line` and `#column` say.
struct Site: Hashable, Sendable {
  /// `Module/File.swift`.
  var file: String
  /// From 1.
  var line: Int
  /// From 1; 0 where it is not known.
  var column: Int

  init(_ file: String, _ line: Int, _ column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// Whether this is in one of the layers that come with this module: a place of ours, not of the model.
  var isInternal: Bool { file.hasPrefix("Sluice/") }
}
