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

  /// How many bodies may be nested in each other where they are run.
  public static let maximumBodyDepth = 64

  /// How many bodies are nested in each other at most where a graph is run; 0 for one that runs none.
  package func bodyDepth(of id: GraphID) -> Int {
    var depths: [Int] = []
    for graph in graphs[...id.index] {
      var records: Set<AttributesID> = []
      for node in graph.nodes {
        if case .body = graph.ops[node.index].definition.family {
          records.insert(graph.attributes[node.index])
        }
      }
      var depth = 0
      for attribute in records.flatMap({ tables.attributes.attributes($0) }) {
        if case .graph(let body) = attribute.value { depth = max(depth, depths[body.index] + 1) }
      }
      depths.append(depth)
    }
    return depths[id.index]
  }

  /// Per graph how many nodes it has with all bodies that it runs copied in, again for every node that runs them;
  /// `Int.max` where that does not fit.
  package var nodeCountsWithBodies: [Int] {
    var counts: [Int] = []
    for graph in graphs {
      var count = graph.nodeCount
      for node in graph.nodes {
        guard case .body = graph.ops[node.index].definition.family else { continue }
        for attribute in tables.attributes.attributes(graph.attributes[node.index]) {
          guard case .graph(let body) = attribute.value else { continue }
          let (sum, overflow) = count.addingReportingOverflow(counts[body.index])
          count = overflow ? .max : sum
        }
      }
      counts.append(count)
    }
    return counts
  }

  /// The parameters and states, in order.
  public var variables: [Variable] { tables.variables }

  /// The variables that a function writes: all that change while the model runs.
  public var writtenVariables: Set<StringID> { Set(functions.flatMap { self[$0].writes.map(\.state) }) }
}
