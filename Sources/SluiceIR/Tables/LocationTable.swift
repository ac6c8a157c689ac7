/// Where a node came from: a line of the model's source, the scope in which it was traced, and the chain of calls.
///
/// Locations form a tree through `parent` (the call site of the enclosing module), so a chain of any depth costs
/// one row a call. Scopes are interned: a node costs its `LocationID` and nothing else.
public struct LocationTable: Sendable {
  /// One place.
  public struct Location: Hashable, Sendable {
    /// The file: `Module/File.swift` or a path of a `.sluice` file.
    public var file: StringID
    /// The line, from 1.
    public var line: UInt32
    /// The column, from 1; 0 where it is not known.
    public var column: UInt32
    /// The scope path, such as `gpt/layers.3/attention`; none where nothing is known.
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
  /// Per location and mark the location with that mark; none where nobody has asked, and missing at the end.
  private var marked: [LocationID] = []

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

  /// A place with a mark, where it was asked for before.
  fileprivate func known(_ id: LocationID, _ mark: ScopeMark) -> LocationID {
    let row = id.index * ScopeMark.allCases.count + Int(mark.rawValue)
    return row < marked.count ? marked[row] : .none
  }

  fileprivate mutating func note(_ id: LocationID, _ mark: ScopeMark, _ place: LocationID) {
    let count = ScopeMark.allCases.count
    if marked.count <= id.index * count { marked.reserveCapacity(rows.count * count) }
    while marked.count < (id.index + 1) * count { marked.append(.none) }
    marked[id.index * count + Int(mark.rawValue)] = place
  }
}

/// What a node is to the computation that its scope names, where it is not that itself; printed behind the scope.
package enum ScopeMark: UInt8, CaseIterable, Sendable {
  /// It computes a derivative: `gpt/layers.3/attention (gradient)`.
  case gradient
  /// It computes a value again for a derivative: `gpt/layers.3/attention (recomputed)`.
  case recomputed

  private var text: String { " (\(self))" }

  /// Whether a scope has this mark.
  package func marks(_ scope: String) -> Bool { scope.hasSuffix(text) }

  /// A scope with this mark; one mark at most, and what is of a derivative stays so.
  package func applied(to scope: String) -> String {
    if Self.gradient.marks(scope) || marks(scope) { return scope }
    let base =
      Self.recomputed.marks(scope) ? scope.dropLast(Self.recomputed.text.utf8.count) : scope[...]
    return base + text
  }
}

extension Tables {
  /// The scope of a location as text; empty where there is none.
  public func scope(_ location: LocationID) -> String {
    let id = scopeID(location)
    return id.raw < UInt32(strings.count) ? strings[id] : ""
  }

  /// The scope of a location; none where there is none.
  package func scopeID(_ location: LocationID) -> StringID {
    location.raw < UInt32(locations.count) ? locations[location].scope : .none
  }

  /// The same place in a scope with a mark; a place without a scope stays as it is.
  package mutating func marked(_ location: LocationID, _ mark: ScopeMark) -> LocationID {
    let scope = scopeID(location)
    guard scope.raw < UInt32(strings.count) else { return location }
    let known = locations.known(location, mark)
    if !known.isNone { return known }
    var row = locations[location]
    row.scope = strings.intern(mark.applied(to: strings[scope]))
    let place = locations.intern(row)
    locations.note(location, mark, place)
    return place
  }
}
