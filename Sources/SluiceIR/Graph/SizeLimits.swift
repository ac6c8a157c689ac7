/// How large dims may become: checked once, so that no stride, offset or number of elements leaves 64 bits later.
extension DimTable {
  /// A bound of the magnitude over all assignments of the symbols, and of every sum and product on the way there;
  /// nil where it does not fit 64 bits.
  package func magnitude(_ dim: DimID) -> Int64? {
    var sum: Int64 = 0
    for term in terms(dim) {
      var product = term.coefficient
      guard product != .min else { return nil }
      product = Swift.abs(product)
      for symbol in term.symbols {
        let (next, overflow) = product.multipliedReportingOverflow(by: max(1, symbols[symbol.index].bound))
        if overflow { return nil }
        product = next
      }
      let (next, overflow) = sum.addingReportingOverflow(product)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  /// How many symbols are factors of a term at most.
  package func degree(_ dim: DimID) -> Int { terms(dim).lazy.map(\.symbols.count).max() ?? 0 }
}

extension Tables {
  /// The largest extent of an axis: 2^48.
  package static let largestExtent: Int64 = 1 << 48
  /// The most elements of a value, where an extent of 0 counts as 1: 2^56.
  ///
  /// Where a value is stored, it may have
  /// fewer (`Planner`); what is only looked at, such as a broadcast, may be larger.
  package static let mostElements: Int64 = 1 << 56
  /// The largest value of a dim that is no extent: 2^62.
  package static let largestDim: Int64 = 1 << 62
  /// The most symbols that are factors of a number of elements, or of another dim: as many as the plan checker
  /// multiplies.
  package static let largestDegree = 8

  /// What is too large about a shape; nil where nothing is.
  package func excess(_ shape: [DimID]) -> String? {
    var count: Int64 = 1
    for dim in shape {
      guard let extent = dims.magnitude(dim), extent <= Self.largestExtent else {
        return "the extent \(text(dim)) may be larger than 2^48"
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: max(1, extent))
      if overflow || product > Self.mostElements { return "it may have more than 2^56 elements" }
      count = product
    }
    let degree = shape.reduce(0) { $0 + dims.degree($1) }
    return degree > Self.largestDegree ? "its extents have more than 8 symbols as factors" : nil
  }

  /// The message for a value of a type that is too large.
  private func tooLarge(_ name: String, _ shape: [DimID], _ reason: String, _ place: Diagnostic.Place?)
    -> Diagnostic
  {
    let hasSymbols = shape.contains { dims.value($0) == nil }
    return Diagnostic(
      "\(name) is too large: \(reason)", at: place,
      notes: hasSymbols ? [Diagnostic.Note("lower the bounds of its symbols")] : [])
  }

  /// Everything of a graph that is too large.
  fileprivate func excesses(_ graph: Graph) -> [Diagnostic] {
    var found: [Diagnostic] = []
    var isKnown: [TypeID: String?] = [:]
    for node in graph.nodes {
      let place = self.place(graph.locations[node.index])
      for value in graph.resultRange(node) {
        let type = graph.types[value]
        let known = isKnown[type] ?? excess(types.shape(type))
        isKnown[type] = .some(known)
        guard let known else { continue }
        let name = graph.names[value].isNone ? "a value" : "`%\(strings[graph.names[value]])`"
        found.append(tooLarge("\(name) of type \(text(type))", types.shape(type), known, place))
      }
      for attribute in attributes.attributes(graph.attributes[node.index]) {
        let values: [DimID] =
          switch attribute.value {
          case .dim(let dim): [dim]
          case .dims(let dims): dims
          default: []
          }
        for dim in values {
          if dims.magnitude(dim).map({ $0 > Self.largestDim }) ?? true {
            found.append(tooLarge("\(text(dim))", [dim], "it may be larger than 2^62", place))
          } else if dims.degree(dim) > Self.largestDegree {
            found.append(tooLarge("\(text(dim))", [dim], "it has more than 8 symbols as factors", place))
          }
        }
      }
    }
    return found
  }
}

extension Module {
  /// Throws where a value, a variable or another dim may be so large that 64 bits do not hold what follows from it.
  package func checkSizes() throws(Diagnostics) {
    var found: [Diagnostic] = []
    for variable in variables {
      let shape = tables.types.shape(variable.type)
      guard let reason = tables.excess(shape) else { continue }
      found.append(
        Diagnostic(
          "`@\(tables.strings[variable.name])` of type \(tables.text(variable.type)) is too large: \(reason)",
          at: tables.place(variable.location)))
    }
    for graph in graphs { found += tables.excesses(graph) }
    if !found.isEmpty { throw Diagnostics(found) }
  }
}
