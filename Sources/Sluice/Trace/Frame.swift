import SluiceIR

/// A graph under construction as the DSL sees it: a function, or a body.
struct Frame {
  /// What a body takes from outside.
  enum Capture: Hashable {
    /// A value of an outer frame.
    case value(frame: UInt32, ValueID)
    /// A parameter or state, which only functions can read.
    case variable(ObjectIdentifier)
  }

  /// What gives the operand for a capture, once the body has ended.
  enum CaptureSource {
    case tensor(Tensor)
    case variable(VariableCell)
  }

  /// The number of the frame; no two frames of a trace have the same.
  let id: UInt32
  /// The name of the graph.
  let name: String
  /// Whether this is a function.
  let isFunction: Bool
  /// Where it was begun.
  let site: Site

  /// The names that inputs must have.
  var inputNames: [(value: ValueID, name: String)] = []
  /// The names that other values should have; the first wish for a value counts.
  var wishes: [(value: ValueID, name: String)] = []
  /// How many bodies were begun in it.
  var bodyCount = 0

  // Of a body.
  /// The inputs for what was captured.
  var captures: [Capture: ValueID] = [:]
  /// What was captured, in the order of the inputs.
  var captureSources: [CaptureSource] = []

  // Of a function.
  /// The bounds of symbols by name.
  var bounds: [String: Int] = [:]
  /// Parameters and states that were read.
  var reads: [ObjectIdentifier: Tensor] = [:]
  /// The new values of states.
  var written: [ObjectIdentifier: Tensor] = [:]
  /// The states that were written, in order of the first time.
  var writeOrder: [VariableCell] = []
  /// The streams of draws.
  var streams = Streams()
  /// What the function gives.
  var outputs: [(name: String, tensor: Tensor)] = []

  init(id: UInt32, name: String, isFunction: Bool, site: Site) {
    self.id = id
    self.name = name
    self.isFunction = isFunction
    self.site = site
  }
}

extension Trace {
  /// Begins a graph and makes it the innermost frame.
  func beginFrame(
    _ name: String, isFunction: Bool, of op: Op = .scan, comment: [String] = [], at site: Site
  ) {
    locate(site)
    builder.begin(isFunction ? .function : .body, name, comment: comment)
    frames.append(Frame(id: UInt32(frameNames.count), name: name, isFunction: isFunction, site: site))
    frameNames.append(isFunction ? "the function `\(name)`" : "the body of a `\(op.definition.name)`")
  }

  /// Ends the innermost frame; nil where that was not possible, because of a mistake that is reported.
  func endFrame(results: [ValueID]?, names: [StringID] = [], writes: [Graph.Write] = []) -> GraphID? {
    defer { frames.removeLast() }
    guard let results else {
      builder.abandon()
      return nil
    }
    nameValues()
    let symbols = usedSymbols()
    builder.setSymbols(symbols)
    do {
      let graph = try builder.end(results: results, names: names, writes: writes)
      if !frames[frames.count - 1].isFunction { bodySymbols[graph] = symbols }
      return graph
    } catch {
      report(error, at: frames[frames.count - 1].site)
      builder.abandon()
      return nil
    }
  }

  /// Gives the values of the innermost frame their names: inputs first, no name twice.
  private func nameValues() {
    let frame = frames[frames.count - 1]
    var taken: Set<String> = []
    var named: Set<ValueID> = []
    for (value, name) in frame.inputNames + frame.wishes where named.insert(value).inserted {
      var unique = name
      var suffix = 0
      while !taken.insert(unique).inserted {
        suffix += 1
        unique = "\(name)_\(suffix)"
      }
      builder.name(value, builder.tables.strings.intern(unique))
    }
  }

  /// The symbols of the graph under construction in order of first use.
  private func usedSymbols() -> [SymbolID] {
    let graph = builder.current
    let tables = builder.tables
    var symbols: [SymbolID] = []
    var seenTypes = [Bool](repeating: false, count: tables.types.count)
    var seenRecords = [Bool](repeating: false, count: tables.attributes.count)
    func note(_ found: [SymbolID]) {
      for symbol in found where !symbols.contains(symbol) { symbols.append(symbol) }
    }
    func note(_ dims: [DimID]) {
      for dim in dims { note(tables.dims.symbols(in: dim)) }
    }
    func note(_ type: TypeID) {
      if seenTypes[type.index] { return }
      seenTypes[type.index] = true
      note(tables.types.shape(type))
    }
    for node in graph.nodes where graph.ops[node.index] == .input {
      note(graph.types[graph.result(node).index])
    }
    for node in graph.nodes {
      let record = graph.attributes[node.index]
      if !seenRecords[record.index] {
        seenRecords[record.index] = true
        for attribute in tables.attributes.attributes(record) {
          switch attribute.value {
          case .dims(let dims): note(dims)
          case .dim(let dim): note([dim])
          case .graph(let body): note(bodySymbols[body] ?? [])
          default: break
          }
        }
      }
      for value in graph.resultRange(node) { note(graph.types[value]) }
    }
    return symbols
  }
}
