import SluiceIR
import TestSupport

/// Bodies over two rows of 3 integers, exact in every arithmetic.
struct ControlBodies {
  /// Two rows to two rows.
  var steps: [GraphID] = []
  /// Two rows to a bool.
  var condition = GraphID.none
  /// A carried row, a part and a captured row, to the next carry and a part, by a branch.
  var branch = GraphID.none
}

extension RandomGraphMaker {
  private var row: TypeID {
    mutating get {
      let three = builder.tables.dims.integer(3)
      return builder.tables.types.intern(.i32, [three])
    }
  }

  private mutating func begin(_ name: String, _ inputs: String...) -> [ValueID] {
    let type = row
    builder.begin(.body, name)
    return inputs.map { builder.input(type, name: builder.tables.strings.intern($0)) }
  }

  /// Bodies that compute, choose, repeat and run each other.
  mutating func makeControlBodies() {
    for number in 0..<3 {
      let rows = begin("step\(number)", "a", "b")
      var pool = rows
      for _ in 0..<random.below(4) { pool.append(step(pool)) }
      if let first = control.steps.first, random.oneIn(2) {
        let (a, b) = (random.pick(pool), random.pick(pool))
        pool += run(random.pick([.call, .cond, .while]), first, a, b)
      }
      let results = [random.pick(pool), random.oneIn(3) ? rows[0] : pool[pool.count - 1]]
      if let body = try? builder.end(results: results) { control.steps.append(body) }
      if number == 0 {
        let rows = begin("test", "a", "b")
        let flag = flag(random.pick(rows), step(rows))
        if let body = try? builder.end(results: [flag]) { control.condition = body }
      }
    }
    let inputs = begin("choose", "sum", "x", "y")
    let (sum, x, y) = (inputs[0], inputs[1], inputs[2])
    let flag = flag(random.pick([sum, y]), x)
    let chosen = cond(flag, random.oneIn(2) ? sum : y, x)
    let results = random.oneIn(2) ? [chosen[0], sum] : [chosen[1], chosen[0]]
    if let body = try? builder.end(results: results) { control.branch = body }
  }

  private mutating func step(_ pool: [ValueID]) -> ValueID {
    let (a, b) = (random.pick(pool), random.pick(pool))
    switch random.below(5) {
    case 0: return builder.make(.reverse, [a])
    case 1: return builder.make(.gather, [a, builder.make(.argsort, [b])])
    default: return builder.make(random.pick([.add, .xor, .maximum, .subtract]), [a, b])
    }
  }

  private mutating func flag(_ a: ValueID, _ b: ValueID) -> ValueID {
    let less = builder.make(random.pick([.less, .equal, .greaterEqual]), [a, b])
    return builder.make(random.pick([.any, .all]), [less])
  }

  private mutating func cond(_ flag: ValueID, _ a: ValueID, _ b: ValueID) -> [ValueID] {
    let (then, otherwise) = (random.pick(control.steps), random.pick(control.steps))
    let first = builder.make(
      .cond, [flag, a, b], [Attribute(.then, .graph(then)), Attribute(.otherwise, .graph(otherwise))])
    return [first, ValueID(first.index + 1)]
  }

  private mutating func run(_ op: Op, _ body: GraphID, _ a: ValueID, _ b: ValueID) -> [ValueID] {
    let first: ValueID
    switch op {
    case .cond: return cond(flag(a, b), a, b)
    case .while:
      let limit = builder.tables.dims.integer(random.below(4))
      first = builder.make(
        .while, [a, b],
        [
          Attribute(.condition, .graph(control.condition)), Attribute(.body, .graph(body)),
          Attribute(.carries, .int(2)), Attribute(.limit, .dim(limit)),
        ])
    default: first = builder.make(.call, [a, b], [Attribute(.body, .graph(body))])
    }
    return [first, ValueID(first.index + 1)]
  }

  /// In the function: one of the ops over rows of 3 integers, or a scan with a branch in it.
  mutating func runBodies() {
    let type = row
    let three = builder.tables.types.shape(type)[0]
    let sequences = values.filter {
      builder.dtype($0) == .i32 && builder.shape($0).count == 2 && builder.shape($0)[1] == three
    }
    var rows = values.filter { builder.type($0) == type }
    if rows.isEmpty, !sequences.isEmpty {
      let sum = builder.make(.sum, [random.pick(sequences)], [Attribute(.axes, .ints([0]))])
      keep(sum, .exact)
      rows.append(sum)
    }
    guard !rows.isEmpty else { return }
    let (a, b) = (random.pick(rows), random.pick(rows))
    var results: [ValueID]
    if random.oneIn(3), !sequences.isEmpty {
      let first = builder.make(
        .scan, [a, random.pick(sequences), b],
        [
          Attribute(.body, .graph(control.branch)), Attribute(.carries, .int(1)),
          Attribute(.sequences, .int(1)), Attribute(.reverse, .bool(random.oneIn(2))),
        ])
      results = [first, ValueID(first.index + 1)]
    } else {
      results = run(random.pick([.call, .cond, .while, .while]), random.pick(control.steps), a, b)
    }
    for result in results { keep(result, .exact) }
  }
}
