/// Finds everything in a module that the rest of the compiler must be able to rely on and that does not hold.
///
/// Every stage may assume these invariants; a reader, a pass or a test asks `verify` and gets all errors, each
/// with its place and the node. Nothing here traps, however corrupt the graph is.
///
/// Module and tables:
/// - the module's name is an identifier (ASCII letters, digits and `_`, no digit first);
/// - names of graphs are unique, and so are names of variables; both are identifiers that may contain dots;
/// - there is one signature a graph, and it states the graph's name, kind, input types and result types;
/// - a variable's type exists and has integer dims, and its initialiser fits: `eye` needs a square matrix,
///   `normal` and `uniform` floats and finite numbers in order, `constant` a number of the dtype, `data` a constant
///   of the same type;
/// - dims, strings, types, constants and locations that a handle names are in their tables;
/// - a type has at most 8 axes and no negative integer dim; a symbol's bound is not negative;
/// - a constant has integer dims and exactly the bytes of its elements, and a byte of a bool is 0 or 1.
///
/// The columns of a graph:
/// - columns over nodes have equal lengths, and so have columns over values;
/// - operand ends and result ends never fall; they end at the last operand and at the last value;
/// - every value names the node that defines it;
/// - names of inputs are identifiers that may contain dots, and no two inputs have the same one.
///
/// Nodes:
/// - the first `inputCount` nodes are `input`s of one result each, without operands, and no other node is;
/// - a node has at least one result, and its operands are values of earlier nodes;
/// - an attribute record holds what the op's schema knows, in its order, with defaults left out;
/// - number, dtypes and shapes of the operands fit the op, and the results' types are what inference gives again;
/// - symbols in types and attributes stand in the graph's `where`, which names no symbol twice;
/// - `read` stands in functions only, and names a declared variable;
/// - the body that a node runs is a body, stands before the graph that uses it, and has no symbols but its user's.
///
/// The return:
/// - results are values of the graph; there is a name or none for each, and no name twice;
/// - only functions write, only declared states, each at most once, and values of exactly the state's type.
public func verify(_ module: Module) -> [Diagnostic] {
  var verifier = Verifier(module)
  verifier.checkModule()
  for graph in module.graphs.indices { verifier.checkGraph(graph) }
  return verifier.found
}

/// The errors of one graph of a module, as `verify(_:)` lists them; the tables and other graphs are not reported.
public func verify(_ graph: GraphID, of module: Module) -> [Diagnostic] {
  guard graph.index < module.graphs.count else {
    return [Diagnostic("there is no graph \(graph.raw), the module has \(module.graphs.count)")]
  }
  var verifier = Verifier(module)
  verifier.checkGraph(graph.index)
  return verifier.found
}

extension Tables {
  /// The place of a location for a message; nil where there is none.
  public func place(_ location: LocationID) -> Diagnostic.Place? {
    guard location.raw < UInt32(locations.count) else { return nil }
    let row = locations[location]
    guard row.file.raw < UInt32(strings.count) else { return nil }
    return Diagnostic.Place(file: strings[row.file], line: Int(row.line), column: Int(row.column))
  }

  /// One note for every call above a location, the innermost first.
  public func callers(_ location: LocationID) -> [Diagnostic.Note] {
    var notes: [Diagnostic.Note] = []
    var inner = location
    while inner.raw < UInt32(locations.count) {
      let scope = locations[inner].scope
      let outer = locations[inner].parent
      // A parent is interned before its child, so the chain ends.
      guard outer.raw < inner.raw else { break }
      let known = scope.raw < UInt32(strings.count)
      notes.append(
        Diagnostic.Note(known ? "in `\(strings[scope])`, called here" : "called here", at: place(outer)))
      inner = outer
    }
    return notes
  }
}

/// The state of one verification: a scratch copy of the tables for inference, and what was found.
struct Verifier {
  let module: Module
  /// A copy, since inference interns what it makes.
  var tables: Tables
  var inference = Inference()
  var answers = InferenceCache()
  var found: [Diagnostic] = []
  let stringCount: UInt32
  /// Per type, per record: whether all handles in it are in their tables.
  var soundTypes: [Bool]
  var soundRecords: [Bool]
  /// Per graph: whether its columns can be walked.
  var soundGraphs: [Bool]
  /// Per record: 1 + the op whose schema it was last found to fit.
  var fittingOps: [UInt8]
  /// Per type, record, symbol and string: 1 + the graph in which it was last seen.
  var typeSeen: [UInt32]
  var recordSeen: [UInt32]
  var symbolSeen: [UInt32]
  var nameSeen: [UInt32]

  init(_ module: Module) {
    self.module = module
    tables = module.tables
    stringCount = UInt32(tables.strings.count)
    let soundDims = (0..<tables.dims.count).map { [tables] row in
      tables.dims.terms(DimID(row)).allSatisfy { term in
        term.symbols.allSatisfy { $0.index < tables.dims.symbols.count }
      }
    }
    let isSound = { (dim: DimID) in dim.index < soundDims.count && soundDims[dim.index] }
    soundTypes = (0..<tables.types.count).map { [tables] row in
      let shape = tables.types.shape(TypeID(row))
      return shape.count <= TypeTable.maximumRank
        && shape.allSatisfy { isSound($0) && tables.dims.value($0) ?? 0 >= 0 }
    }
    soundRecords = (0..<tables.attributes.count).map { [tables] row in
      tables.attributes.attributes(AttributesID(row)).allSatisfy { attribute in
        switch attribute.value {
        case .int, .bool, .number, .dtype, .ints: true
        case .dims(let dims): dims.allSatisfy(isSound)
        case .dim(let dim): isSound(dim)
        case .symbol(let name), .string(let name): name.index < tables.strings.count
        case .graph(let graph): graph.index < module.graphs.count
        case .constant(let constant): constant.index < tables.constants.count
        }
      }
    }
    fittingOps = [UInt8](repeating: 0, count: tables.attributes.count)
    typeSeen = [UInt32](repeating: 0, count: tables.types.count)
    recordSeen = [UInt32](repeating: 0, count: tables.attributes.count)
    symbolSeen = [UInt32](repeating: 0, count: tables.dims.symbols.count)
    nameSeen = [UInt32](repeating: 0, count: tables.strings.count)
    soundGraphs = []
    // Inference asks for signatures: those of the graphs as they are, not those that the tables claim.
    tables.signatures = []
    for graph in module.graphs {
      let isSound =
        Self.structure(graph) == nil
        && graph.types.allSatisfy { $0.index < soundTypes.count && soundTypes[$0.index] }
        && graph.results.allSatisfy { $0.index < graph.valueCount } && graph.name.raw < stringCount
      soundGraphs.append(isSound)
      tables.signatures.append(
        isSound
          ? Self.signature(graph) : GraphSignature(name: .none, kind: graph.kind, inputs: [], results: []))
    }
  }

  static func signature(_ graph: Graph) -> GraphSignature {
    GraphSignature(
      name: graph.name, kind: graph.kind, inputs: graph.inputs.map { graph.types[$0.index] },
      results: graph.results.map { graph.types[$0.index] })
  }

  /// What is wrong with the lengths and ends of a graph's columns, so that it cannot be walked.
  static func structure(_ graph: Graph) -> String? {
    let nodeCount = graph.ops.count
    let nodeColumns = [
      ("operand ends", graph.operandEnds.count), ("attributes", graph.attributes.count),
      ("result ends", graph.resultEnds.count), ("locations", graph.locations.count),
    ]
    for (name, count) in nodeColumns where count != nodeCount {
      return "the graph has \(nodeCount) ops but \(count) \(name)"
    }
    let valueCount = graph.types.count
    for (name, count) in [("definers", graph.definers.count), ("names", graph.names.count)]
    where count != valueCount {
      return "the graph has types for \(valueCount) values but \(count) \(name)"
    }
    let columns = [
      ("operand", graph.operandEnds, graph.operandPool.count), ("result", graph.resultEnds, valueCount),
    ]
    for (name, ends, count) in columns {
      var last: UInt32 = 0
      for (node, end) in ends.enumerated() {
        if end < last || end > UInt32(count) {
          return "the \(name)s of node \(node) are \(last) ..< \(end) of \(count)"
        }
        last = end
      }
      if Int(last) != count { return "the last \(name) end is \(last), there are \(count) \(name)s" }
    }
    guard graph.inputCount >= 0, graph.inputCount <= nodeCount, graph.inputCount <= valueCount else {
      return "the graph has \(nodeCount) nodes and \(valueCount) values but \(graph.inputCount) inputs"
    }
    return nil
  }
}
