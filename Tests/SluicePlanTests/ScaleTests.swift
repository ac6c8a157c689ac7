import SluiceIR
import SluicePlan
import Synchronization
import TestSupport
import Testing

/// Planning and checking take time in proportion to the nodes, whatever the graph looks like, and little stack.
struct ScaleTests {
  /// The smallest size; the largest is 16 times that.
  private static var nodeCount: Int {
    #if DEBUG
      500
    #else
      5_000
    #endif
  }

  enum Shape: CaseIterable {
    /// Maps, each of the two before.
    case chain
    /// Maps and products of matrices in turn: nothing fuses, every node is a step.
    case steps
    /// One input looked at in many places, all alive at once; then a tree of sums.
    case fan
    /// A chain in which every node uses one value made at the start.
    case shared
    /// Loops one behind the other, each with two carried values and names that all have.
    case scans
    /// Buffers of many sizes that die in another order than they were made.
    case sizes
    /// A function with many results.
    case results
    /// Many small functions.
    case functions
  }

  @Test(.timeLimit(.minutes(5)), arguments: Shape.allCases) func doublingIsLinear(_ shape: Shape) {
    // 2 is linear, 4 quadratic.
    let limit = 3.0
    let outcome = Mutex<(plan: Double, check: Double, errors: [Diagnostic])>((.infinity, .infinity, []))
    let ran = onSmallStack(byteCount: 512 << 10) {
      var plans: [Int: ModulePlan] = [:]
      do {
        let planning = try growth(from: Self.nodeCount, doublings: 4, limit: limit) { size in
          plans[size] = try Planner.plan(Self.module(shape, size))
        }
        var errors: [Diagnostic] = []
        let checking = growth(from: Self.nodeCount, doublings: 4, limit: limit) { size in
          if let plan = plans[size] { errors += PlanChecker().check(plan) }
        }
        outcome.withLock { $0 = (planning, checking, errors) }
      } catch {
        Issue.record(error)
      }
    }
    #expect(ran)
    let (planning, checking, errors) = outcome.withLock { $0 }
    #expect(errors == [])
    #expect(planning < limit, "planning: \(planning) a doubling")
    #expect(checking < limit, "checking: \(checking) a doubling")
  }

  /// The checker knows 32 766 symbols; loops that are not inside each other take one together.
  @Test func loopsShareTheirCounters() throws {
    let plan = try Planner.plan(Self.module(.scans, 500))
    let loopCount = plan.functions[0].steps.count { if case .loop = $0 { true } else { false } }
    #expect(loopCount == 100)
    #expect(plan.tables.dims.symbols.count == 1)
    #expect(PlanChecker().check(plan) == [])
  }

  // MARK: Shapes

  static func module(_ shape: Shape, _ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "scale", simplifies: false)
    let two = builder.tables.dims.integer(2)
    let type = builder.tables.types.intern(.f32, [two, two])
    var body = GraphID.none
    if shape == .scans {
      builder.begin(.body, "step")
      let (a, b) = (builder.input(type, "a"), builder.input(type, "b"))
      body = try builder.end(results: [b, try builder.emit(.add, [a, b])])
    }
    if shape == .functions {
      for index in 0..<(count / 4) {
        builder.begin(.function, "f\(index)")
        let x = builder.input(type, "x")
        let y = try builder.emit(.exp, [try builder.emit(.matmul, [x, x])])
        try builder.end(results: [try builder.emit(.add, [x, y])])
      }
      return builder.finish()
    }
    builder.begin(.function, "f")
    var x = builder.input(type, "x")
    let first = x
    switch shape {
    case .chain:
      var other = try builder.emit(.exp, [x])
      for index in 0..<count {
        (other, x) = (x, try builder.emit(index % 2 == 0 ? .add : .maximum, [other, x]))
      }
    case .steps:
      for index in 0..<count {
        x = index % 2 == 0 ? try builder.emit(.matmul, [x, first]) : try builder.emit(.tanh, [x])
      }
    case .shared:
      let value = try builder.emit(.exp, [x])
      for index in 0..<count {
        // In either place, and in kernels of its own kind too.
        x = try builder.emit(
          index % 40 == 0 ? .matmul : .multiply, index % 3 == 0 ? [value, x] : [x, value])
      }
    case .scans:
      for _ in 0..<(count / 5) {
        let loop = try builder.emit(
          .scan, [x, first],
          [Attribute(.body, .graph(body)), Attribute(.carries, .int(2)), Attribute(.length, .dim(two))])
        x = try builder.emit(.tanh, [ValueID(loop.index + 1)])
        builder.name(x, builder.tables.strings.intern("same"))
      }
    case .fan, .sizes, .results: return try wide(shape, count, builder)
    case .functions: break
    }
    try builder.end(results: [x])
    return builder.finish()
  }

  /// Many looks at one input of `count` elements, which are summed up in some way.
  private static func wide(_ shape: Shape, _ count: Int, _ builder: consuming ModuleBuilder) throws -> Module
  {
    builder.abandon()
    let leaves = count / 3
    let type = builder.tables.types.intern(.f32, [builder.tables.dims.integer(leaves + 50)])
    builder.begin(.function, "f")
    let x = builder.input(type, "x")
    var row: [ValueID] = []
    for index in 0..<leaves {
      let start = builder.tables.dims.integer(index)
      let end = builder.tables.dims.integer(index + (shape == .sizes ? 1 + index * 7 % 40 : 4))
      let part = try builder.emit(
        .slice, [x], [Attribute(.start, .dims([start])), Attribute(.limit, .dims([end]))])
      row.append(try builder.emit(.exp, [part]))
    }
    switch shape {
    case .results: break
    case .sizes:
      // First every other one, then the rest, the last first.
      var sum = try builder.emit(.sum, [row[0]])
      var order = Array(stride(from: 2, to: leaves, by: 2))
      order += stride(from: leaves - 1 - leaves % 2, to: 0, by: -2)
      for index in order {
        sum = try builder.emit(.add, [sum, try builder.emit(.sum, [row[index]])])
      }
      row = [sum]
    default:
      while row.count > 1 {
        var next: [ValueID] = []
        for index in stride(from: 0, to: row.count - 1, by: 2) {
          next.append(try builder.emit(.add, [row[index], row[index + 1]]))
        }
        if row.count % 2 == 1 { next.append(row[row.count - 1]) }
        row = next
      }
    }
    try builder.end(results: row)
    return builder.finish()
  }
}

extension ModuleBuilder {
  fileprivate mutating func input(_ type: TypeID, _ name: String) -> ValueID {
    input(type, name: tables.strings.intern(name))
  }
}
