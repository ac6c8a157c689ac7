/// Where a node came from: a line of the model's source, and the chain of modules above it.
///
/// Locations form a tree through `parent` (the call site of the enclosing module), so a chain of any depth costs
/// one row a call.
public struct LocationTable: Sendable {
  /// One place.
  public struct Location: Hashable, Sendable {
    /// The file: `Module/File.swift` or a path of a `.sluice` file.
    public var file: StringID
    /// The line, from 1.
    public var line: UInt32
    /// The column, from 1; 0 where it is not known.
    public var column: UInt32
    /// The scope path, such as `gpt/block3/attention`; empty at top level.
    public var scope: StringID
    /// What the enclosing module is called in notes; none at top level.
    public var parent: LocationID

    /// A place with its enclosing call.
    public init(
      file: StringID, line: UInt32, column: UInt32, scope: StringID = .none, parent: LocationID = .none
    ) {
      self.file = file
      self.line = line
      self.column = column
      self.scope = scope
      self.parent = parent
    }
  }

  private var rows: [Location] = []
  private var index = HashIndex()
  private var last: LocationID = .none

  init() {}

  /// How many different places there are.
  public var count: Int { rows.count }

  /// The handle of a place.
  public mutating func intern(_ location: Location) -> LocationID {
    if !last.isNone, rows[last.index] == location { return last }
    var hasher = WordHasher()
    hasher.combine(UInt64(location.line) | UInt64(location.column) << 32)
    hasher.combine(UInt64(location.file.raw) | UInt64(location.scope.raw) << 32)
    hasher.combine(UInt64(location.parent.raw))
    let hash = hasher.hash
    if let known = index.find(hash, where: { rows[$0] == location }) {
      last = LocationID(known)
      return last
    }
    let id = LocationID(rows.count)
    rows.append(location)
    index.insert(id.index, hash: hash)
    last = id
    return id
  }

  /// The handle of a place that is likely new, such as the next node of a text: `intern` does not find it later.
  package mutating func append(_ location: Location) -> LocationID {
    if !last.isNone, rows[last.index] == location { return last }
    last = LocationID(rows.count)
    rows.append(location)
    return last
  }

  /// The place.
  public subscript(id: LocationID) -> Location { rows[id.index] }
}
