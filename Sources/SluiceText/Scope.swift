import SluiceIR

/// What the names of one graph stand for while it is read; a new graph costs nothing, whatever came before.
struct Scope {
  /// A type as written, which may mean something else in another graph: symbols have bounds of their own.
  struct KnownType {
    var epoch: UInt32
    var type: TypeID
  }

  /// Attributes as written for an op.
  struct KnownBlock {
    var epoch: UInt32
    var row: Int
    var record: AttributesID
  }

  /// Counts graphs; rows of another epoch count as empty.
  private(set) var epoch: UInt32 = 0
  private var epochs: [UInt32] = []
  private var values: [ValueID] = []
  /// The names defined, for suggestions.
  private(set) var defined: [Int] = []
  /// Per name that was used before it was defined, the position of the error.
  private var undefined: [Int: Int] = [:]

  /// The symbols of the `where` clause.
  var symbols: [(name: StringID, symbol: SymbolID, spot: Lexer.Spot)] = []
  /// Symbols of nodes whose absence was reported.
  var missingSymbols: Set<StringID> = []
  /// Whether what is unknown here was reported already: the signature could not be read.
  var isBroken = false
  /// Whether the graph has symbols; parameters and states have none.
  var hasSymbols = false
  var isBody = false
  /// Whether the signature is being read.
  var isSignature = false

  /// Forgets everything.
  mutating func begin() {
    epoch += 1
    defined.removeAll(keepingCapacity: true)
    undefined.removeAll()
    symbols.removeAll()
    missingSymbols.removeAll()
    isBroken = false
    hasSymbols = false
    isBody = false
    isSignature = false
  }

  /// The value of a name: none where its definition failed, nil where there is no definition.
  func value(_ row: Int) -> ValueID? {
    row < epochs.count && epochs[row] == epoch ? values[row] : nil
  }

  /// The error that a use of this name before its definition has given.
  func error(_ row: Int) -> Int? { undefined.isEmpty ? nil : undefined[row] }

  /// Gives a name its value, or none when its definition failed.
  mutating func define(_ row: Int, _ value: ValueID) {
    set(row, value)
    if !undefined.isEmpty { undefined[row] = nil }
    defined.append(row)
  }

  /// Remembers that the use of a name without a definition is error number `error`.
  mutating func poison(_ row: Int, error: Int?) {
    set(row, .none)
    if let error { undefined[row] = error }
  }

  private mutating func set(_ row: Int, _ value: ValueID) {
    while epochs.count <= row {
      epochs.append(0)
      values.append(.none)
    }
    epochs[row] = epoch
    values[row] = value
  }
}

/// The parameters and states, or the functions and bodies, by name.
struct ItemTable {
  /// What is known of one.
  struct Item {
    /// The graph; none for a variable, and where the definition failed.
    var graph: GraphID = .none
    /// Whether the definition failed.
    var isPoison = false
    /// Where it was defined; none where it was only used.
    var location: LocationID = .none
    /// The error that its use before the definition has given.
    var error: Int?
  }

  private var rows: [StringID: Int] = [:]
  private var items: [Item] = []
  private var names: [StringID] = []

  /// What is known of a name.
  subscript(name: StringID) -> Item? {
    get { rows[name].map { items[$0] } }
    set {
      guard let newValue else { return }
      if let row = rows[name] {
        items[row] = newValue
      } else {
        rows[name] = items.count
        items.append(newValue)
        names.append(name)
      }
    }
  }

  /// Enters a definition, failed when it is the second one; gives the error of an earlier use.
  mutating func define(
    _ name: StringID, graph: GraphID = .none, location: LocationID, isPoison: Bool = false
  ) -> Int? {
    guard var known = self[name], !known.location.isNone else {
      let error = self[name]?.error
      self[name] = Item(graph: graph, isPoison: isPoison, location: location)
      return error
    }
    known.isPoison = true
    self[name] = known
    return nil
  }

  /// The names that were defined.
  var defined: [StringID] { items.indices.filter { !items[$0].location.isNone }.map { names[$0] } }
}
