/// An array with the name it has in a file of several.
public struct NamedTensor: Sendable, Equatable {
  /// The name; never a path.
  public var name: String
  /// The array.
  public var tensor: HostTensor

  /// An array under a name.
  public init(_ name: String, _ tensor: HostTensor) {
    self.name = name
    self.tensor = tensor
  }

  /// What is wrong with a name that another program could take for a path; nil when nothing is.
  ///
  /// Names are never used as paths here; this keeps files from being written or passed on that would lead
  /// others astray.
  static func flaw(inName name: String) -> String? {
    if name.isEmpty { return "is empty" }
    if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "has a control character" }
    if name.utf8.contains(UInt8(ascii: "\\")) { return "has a backslash" }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.contains("") { return "is an absolute path or has an empty part" }
    if parts.contains("..") || parts.contains(".") { return "is a path with `.` or `..`" }
    return nil
  }

  /// The first name that occurs twice; nil where all differ.
  static func repeatedName(in names: some Sequence<String>) -> String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
  }
}
