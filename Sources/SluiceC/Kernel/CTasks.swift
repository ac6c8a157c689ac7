import SluiceIR
import SluicePlan

/// The loops of a kernel whose iterations threads share: together they are tasks with numbers from 0 on.
///
/// A number tells where each loop stands, the innermost one changing first. A single loop of step 1 goes from its own
/// start to its own end instead. A vector loop is shared where it is the only one that runs more than once.
struct CTasks {
  /// The loops, outermost first, without those that surely run once.
  let loops: [Loop]
  /// The loops that surely run once.
  let single: [Loop]
  /// What one task does.
  let inside: [CKernelTree.Node]

  /// The least work at the symbols' bounds for which dividing is worth its code.
  static let leastWork: Int64 = 65_536

  /// Whether threads share the iterations of a kernel.
  enum Division {
    case tasks(CTasks)
    /// They do not, and why.
    case none(String)

    /// What they share, if they do.
    var tasks: CTasks? {
      if case .tasks(let tasks) = self { tasks } else { nil }
    }
  }

  /// What threads share of a kernel, or why there is nothing, or too little.
  static func division(_ kernel: Kernel, _ tree: CKernelTree, _ dims: DimTable) -> Division {
    var (loops, single): ([Loop], [Loop]) = ([], [])
    var nodes = tree.nodes[...]
    let shared = kernel.sharedLoops
    if shared.isEmpty { return .none("it is no chain of independent loops") }
    for position in shared {
      guard case .loop(let loop, let body) = nodes.last, nodes.count == 1 || position == shared.lowerBound
      else { return .none("it does not end with a loop") }
      if loop.kind == .vector, !loops.isEmpty { break }
      if number(loop, dims) == 1 { single.append(loop) } else { loops.append(loop) }
      nodes = body[...]
    }
    if loops.isEmpty { return .none("its loops run once") }
    let inside = Array(nodes)
    var cost = CCost(dims)
    var most: Int64 = 1
    for loop in loops {
      guard let count = Self.most(loop, dims) else { return .none("the bounds of its loops are not simple") }
      let (product, overflows) = most.multipliedReportingOverflow(by: count)
      if overflows { return .none("its iterations are too many to count") }
      most = product
    }
    let each = cost.cost(inside)
    let (work, overflows) = cost.largest(each).multipliedReportingOverflow(by: most)
    if !overflows, work < leastWork {
      return .none("it has at most \(work) operations, and dividing is worth its while from \(leastWork) on")
    }
    return .tasks(CTasks(loops: loops, single: single, inside: inside))
  }

  /// Whether the numbers are the values of the only loop's index.
  var areIndices: Bool { loops.count == 1 && loops[0].step == 1 }

  // MARK: Counts

  private static func span(_ loop: Loop, _ dims: DimTable) -> (dim: DimID, dims: DimTable)? {
    var dims = dims
    return dims.subtract(loop.end.constant, loop.start.constant).map { ($0, dims) }
  }

  /// How often a loop runs, where that is a number.
  static func number(_ loop: Loop, _ dims: DimTable) -> Int64? {
    guard let (span, dims) = span(loop, dims), let value = dims.value(span) else { return nil }
    return value <= 0 ? 0 : (value - 1) / Int64(loop.step) + 1
  }

  /// How often a loop runs at most.
  private static func most(_ loop: Loop, _ dims: DimTable) -> Int64? {
    guard let (span, dims) = span(loop, dims), let value = dims.bound(span) else { return nil }
    return value <= 0 ? 0 : (value - 1) / Int64(loop.step) + 1
  }

  /// How often a loop runs: never less than 0.
  static func count(_ loop: Loop, _ dims: CDims) -> CExpression {
    if let number = number(loop, dims.dims) { return CExpression(String(number), .primary, .index) }
    guard let (span, table) = span(loop, dims.dims) else {
      preconditionFailure("the span of a loop that was found to have a bound has none")
    }
    var count = CDims(table, dims.names, cast: dims.cast).expression(span)
    if !table.isNeverNegative(span) {
      let text = count.text(atLeast: .additive)
      count = CExpression("(\(text) > 0 ? \(text) : 0)", .primary, .index)
    }
    if loop.step == 1 { return count }
    let padded = CExpression.binary(
      count, "+", CExpression(String(loop.step - 1), .primary, .index), .additive, .index)
    return .binary(padded, "/", CExpression(String(loop.step), .primary, .index), .multiplicative, .index)
  }

  /// The product of some counts.
  static func product(_ counts: [CExpression]) -> CExpression {
    guard var product = counts.first else { return CExpression("1", .primary, .index) }
    for count in counts.dropFirst() {
      if let a = Int64(product.text), let b = Int64(count.text) {
        product = CExpression(String(a * b), .primary, .index)
      } else {
        product = .binary(product, "*", count, .multiplicative, .index)
      }
    }
    return product
  }
}

extension CKernelPrinter {
  /// The tasks from `range.begin` to `range.end`: the place of the first one is computed, the others follow it.
  mutating func print(_ tasks: CTasks) {
    for loop in tasks.single { emitter.know(loop.index, expression(loop.start)) }
    if tasks.areIndices { return print(tasks.loops[0], tasks.inside, range: range) }
    emitter.scope.open()
    let loops = tasks.loops
    var counts: [CExpression] = []
    for loop in loops {
      var count = CTasks.count(loop, dims)
      if count.precedence < .primary || count.text.hasPrefix("("), loop != loops[0] {
        let name = emitter.scope.claim("count")
        emitter.writer.line("const ptrdiff_t \(name) = \(count.text);")
        count = CExpression(name, .primary, .index)
      }
      counts.append(count)
    }
    let begin = CExpression(range.begin, .primary, .index)
    var names: [String] = []
    for (position, loop) in loops.enumerated() {
      let name = emitter.indexName()
      names.append(name)
      emitter.know(loop.index, CExpression(name, .primary, .index))
      if position == 0, tree.uses[loop.index] == 0 { continue }
      var place = begin
      if position < loops.count - 1 {
        let inner = CTasks.product(Array(counts[(position + 1)...]))
        place = .binary(place, "/", inner, .multiplicative, .index)
      }
      if position > 0 { place = .binary(place, "%", counts[position], .multiplicative, .index) }
      if loop.step != 1 {
        place = .binary(place, "*", CExpression(String(loop.step), .primary, .index), .multiplicative, .index)
      }
      let start = expression(loop.start)
      if start.text != "0" { place = .binary(start, "+", place, .additive, .index) }
      emitter.writer.line("ptrdiff_t \(name) = \(place.text);")
    }
    for loop in loops.dropFirst() { noteSymbols(of: loop) }
    let task = emitter.scope.claim("task")
    emitter.open("for (ptrdiff_t \(task) = \(range.begin); \(task) < \(range.end); ++\(task))")
    print(tasks.inside)
    advance(loops, names, loops.count - 1)
    emitter.close()
    emitter.scope.close()
  }

  /// One step of a loop of tasks, and of the one around it where the loop is at its end.
  private mutating func advance(_ loops: [Loop], _ names: [String], _ position: Int) {
    let (loop, name) = (loops[position], names[position])
    if position == 0, tree.uses[loop.index] == 0 { return }
    emitter.writer.line(loop.step == 1 ? "++\(name);" : "\(name) += \(loop.step);")
    guard position > 0 else { return }
    emitter.open("if (\(name) >= \(expression(loop.end).text(atLeast: .additive)))")
    emitter.writer.line("\(name) = \(expression(loop.start).text);")
    advance(loops, names, position - 1)
    emitter.close()
  }
}
