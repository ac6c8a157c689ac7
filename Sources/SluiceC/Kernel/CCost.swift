import SluiceIR
import SluicePlan

/// Estimates how much there is to do in one iteration of a loop, as a dim: scalar operations, loads and stores.
struct CCost {
  private(set) var dims: DimTable
  private let bound: Int64 = 1 << 40

  init(_ dims: DimTable) { self.dims = dims }

  /// The work of some instructions.
  mutating func cost(_ nodes: [CKernelTree.Node]) -> DimID {
    var total = dims.integer(0)
    for node in nodes {
      let part =
        switch node {
        case .instruction(let instruction): dims.integer(weight(instruction))
        case .branch(_, let inside): cost(inside)
        case .loop(let loop, let inside): product(iterations(loop), cost(inside), loop.step)
        }
      total = dims.add(total, part) ?? total
    }
    return total
  }

  /// How many iterations a loop has, times its step; what depends on other loops is left out.
  mutating func iterations(_ loop: Loop) -> DimID {
    let span = dims.subtract(loop.end.constant, loop.start.constant) ?? dims.integer(1)
    if loop.end.terms == loop.start.terms { return span }
    if let limit = loop.limit { return limit.constant }
    return dims.add(span, dims.integer(8)) ?? span
  }

  /// `count * each / step`, where the division is done on numbers only.
  private mutating func product(_ count: DimID, _ each: DimID, _ step: Int) -> DimID {
    var (count, each) = (count, each)
    if step > 1, let value = dims.value(each), value >= Int64(step) {
      each = dims.integer(value / Int64(step))
    } else if step > 1, let value = dims.value(count) {
      count = dims.integer((value + Int64(step) - 1) / Int64(step))
    }
    return dims.multiply(count, each) ?? each
  }

  /// The largest value of a work, at the bounds of the symbols.
  func largest(_ cost: DimID) -> Int64 { min(max(dims.bound(cost) ?? bound, 0), bound) }

  /// The work of one call of a function; what may not run, a branch, counts as nothing, and a loop without a count
  /// as one.
  mutating func cost(_ function: ExecutionPlan, _ kernels: [Kernel]) -> DimID {
    let zero = dims.integer(0)
    var sums = [zero]
    /// What multiplies the sum of each open loop or branch.
    var factors: [DimID] = []
    for step in function.steps {
      switch step {
      case .call(let kernel, _):
        let work = cost(CKernelTree(kernels[kernel.index]).nodes)
        sums[sums.count - 1] = dims.add(sums[sums.count - 1], work) ?? sums[sums.count - 1]
      case .loop(_, let count, _):
        factors.append(count)
        sums.append(zero)
      case .forever, .together:
        factors.append(dims.integer(1))
        sums.append(zero)
      case .branch:
        factors.append(zero)
        sums.append(zero)
      case .otherwise, .leave: continue
      case .end:
        guard let inside = sums.popLast(), let factor = factors.popLast(), !sums.isEmpty else { return zero }
        let work = dims.multiply(inside, factor) ?? inside
        sums[sums.count - 1] = dims.add(sums[sums.count - 1], work) ?? sums[sums.count - 1]
      }
    }
    return sums[0]
  }

  private func weight(_ instruction: Instruction) -> Int {
    switch instruction {
    case .scalar(let scalar):
      switch scalar.op {
      case .constant, .parameter: 0
      case .call: 16
      case .divide, .sqrt: 4
      case .remainder: 16
      default: 1
      }
    case .load, .store, .accumulate: 1
    default: 0
    }
  }
}
