/// A model: variables and the graphs that share them.
public struct Module: Sendable {
  /// The name: an identifier that also names the generated C.
  public var name: String
  /// What all graphs share.
  public var tables: Tables
  /// Functions and bodies; a body stands before the graph that uses it.
  public internal(set) var graphs: [Graph]
  /// A comment of the author, one entry a line, printed above the module.
  public var comment: [String] = []

  init(name: String, tables: Tables, graphs: [Graph]) {
    self.name = name
    self.tables = tables
    self.graphs = graphs
  }

  /// The graph of a handle.
  public subscript(id: GraphID) -> Graph { graphs[id.index] }

  /// The handles of all functions, in order.
  public var functions: [GraphID] {
    graphs.indices.filter { graphs[$0].kind == .function }.map { GraphID($0) }
  }

  /// The function of a name.
  public func function(_ name: String) -> GraphID? {
    functions.first { tables.strings[graphs[$0.index].name] == name }
  }

  /// The parameters and states, in order.
  public var variables: [Variable] { tables.variables }
}
