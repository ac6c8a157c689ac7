import SluiceIR
import SluicePlan

/// Corruptions of kernels.
extension PlanCorruptor {
  /// The positions of instructions that a test accepts, in one kernel that has some.
  private mutating func instruction(_ plan: ModulePlan, where matches: (Instruction) -> Bool) -> (
    kernel: Int, at: Int
  )? {
    let k = below(plan.kernels.count)
    guard
      let at = pick(plan.kernels[k].instructions.indices.filter { matches(plan.kernels[k].instructions[$0]) })
    else {
      return nil
    }
    return (k, at)
  }

  mutating func changeAccess(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let k = below(plan.kernels.count)
    guard let slot = pick(Array(plan.kernels[k].slots.indices)) else { return nil }
    let access = [Slot.Access.read, .write, .readWrite][below(3)]
    if plan.kernels[k].slots[slot].access == access { return nil }
    plan.kernels[k].slots[slot].access = access
    return ("kernel \(k), slot \(slot): \(access)", .sameResults)
  }

  mutating func changeLoop(_ plan: inout ModulePlan) -> (String, Expectation)? {
    guard let (k, at) = instruction(plan, where: { if case .loop = $0 { true } else { false } }),
      case .loop(var loop) = plan.kernels[k].instructions[at]
    else { return nil }
    let text: String
    switch below(5) {
    case 0:
      loop.step = [0, 1, 2, 3, -1][below(5)]
      text = "step \(loop.step)"
    case 1:
      guard let start = changed(loop.start, &plan) else { return nil }
      loop.start = start
      text = "start"
    case 2 where loop.limit != nil:
      loop.limit = nil
      text = "limit"
    default:
      guard let end = changed(loop.end, &plan) else { return nil }
      loop.end = end
      text = "end"
    }
    plan.kernels[k].instructions[at] = .loop(loop)
    relist(k, &plan)
    return ("kernel \(k), instruction \(at): \(text)", .safe)
  }

  /// Lists the symbols that a kernel mentions, as builders do.
  private func relist(_ k: Int, _ plan: inout ModulePlan) {
    var found: Set<SymbolID> = Set(plan.kernels[k].symbols)
    let tables = plan.tables
    for local in plan.kernels[k].locals { found.formUnion(tables.dims.symbols(in: local.count)) }
    for affine in plan.kernels[k].instructions.flatMap(\.affines) {
      for dim in [affine.constant] + affine.terms.map(\.coefficient) {
        found.formUnion(tables.dims.symbols(in: dim))
      }
    }
    plan.kernels[k].symbols = found.sorted { $0.raw < $1.raw }
  }

  /// An index with another constant, factor or register.
  private mutating func changed(_ affine: Affine, _ plan: inout ModulePlan) -> Affine? {
    var affine = affine
    let one = plan.module.tables.dims.integer(1)
    switch below(4) {
    case 0: affine.constant = plan.module.tables.dims.add(affine.constant, one) ?? affine.constant
    case 1: affine.constant = plan.module.tables.dims.subtract(affine.constant, one) ?? affine.constant
    case 2 where !affine.terms.isEmpty:
      let term = below(affine.terms.count)
      affine.terms[term].coefficient = DimID(below(plan.tables.dims.count))
    default:
      guard !affine.terms.isEmpty else { return nil }
      affine.terms.remove(at: below(affine.terms.count))
    }
    return affine
  }

  mutating func changeKind(_ plan: inout ModulePlan) -> (String, Expectation)? {
    guard let (k, at) = instruction(plan, where: { if case .loop = $0 { true } else { false } }),
      case .loop(var loop) = plan.kernels[k].instructions[at]
    else { return nil }
    let kind = [Loop.Kind.tasks, .parallel, .vector, .sequential, .lanes(4), .lanes(3)][below(6)]
    if loop.kind == kind { return nil }
    var expectation = Expectation.sameResults
    // The order of a sum is a value; how many lanes there are, and whether there are any, changes it.
    if case .lanes = loop.kind { expectation = .safe }
    if case .lanes = kind { expectation = .safe }
    loop.kind = kind
    plan.kernels[k].instructions[at] = .loop(loop)
    return ("kernel \(k), instruction \(at): \(kind)", expectation)
  }

  mutating func changeIndex(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let found = instruction(plan) { instruction in
      switch instruction {
      case .load, .store, .index: true
      default: false
      }
    }
    guard let (k, at) = found else { return nil }
    switch plan.kernels[k].instructions[at] {
    case .load(let result, let memory, let index):
      guard let index = changed(index, &plan) else { return nil }
      plan.kernels[k].instructions[at] = .load(result: result, memory: memory, index: index)
    case .store(let memory, let index, let value):
      guard let index = changed(index, &plan) else { return nil }
      plan.kernels[k].instructions[at] = .store(memory: memory, index: index, value: value)
    case .index(let result, let index):
      guard let index = changed(index, &plan) else { return nil }
      plan.kernels[k].instructions[at] = .index(result: result, index)
    default: return nil
    }
    relist(k, &plan)
    return ("kernel \(k), instruction \(at): index", .safe)
  }

  mutating func changeConstant(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let found = instruction(plan) {
      if case .scalar(let scalar) = $0 { scalar.op == .constant } else { false }
    }
    guard let (k, at) = found, case .scalar(var scalar) = plan.kernels[k].instructions[at] else { return nil }
    scalar.immediate = [0, 1, scalar.immediate &+ 1, scalar.immediate &- 1, 1 << 40, 7][below(6)]
    plan.kernels[k].instructions[at] = .scalar(scalar)
    return ("kernel \(k), instruction \(at): constant \(scalar.immediate)", .safe)
  }

  mutating func changeRegister(_ plan: inout ModulePlan) -> (String, Expectation)? {
    guard let (k, at) = instruction(plan, where: { $0 != .end }), !plan.kernels[k].registers.isEmpty else {
      return nil
    }
    let register = below(plan.kernels[k].registers.count + 1)
    switch plan.kernels[k].instructions[at] {
    case .scalar(var scalar):
      if scalar.operands.isEmpty || below(4) == 0 {
        scalar.result = register
      } else {
        scalar.operands[below(scalar.operands.count)] = register
      }
      plan.kernels[k].instructions[at] = .scalar(scalar)
    case .index(_, let affine): plan.kernels[k].instructions[at] = .index(result: register, affine)
    case .load(let result, let memory, var index):
      if index.terms.isEmpty || below(3) == 0 {
        plan.kernels[k].instructions[at] = .load(result: register, memory: memory, index: index)
      } else {
        index.terms[below(index.terms.count)].register = register
        plan.kernels[k].instructions[at] = .load(result: result, memory: memory, index: index)
      }
    case .store(let memory, var index, let value):
      if index.terms.isEmpty || below(3) == 0 {
        plan.kernels[k].instructions[at] = .store(memory: memory, index: index, value: register)
      } else {
        index.terms[below(index.terms.count)].register = register
        plan.kernels[k].instructions[at] = .store(memory: memory, index: index, value: value)
      }
    case .assign(let result, let value):
      plan.kernels[k].instructions[at] =
        below(2) == 0 ? .assign(result: register, value: value) : .assign(result: result, value: register)
    case .accumulate(_, let op, let value):
      plan.kernels[k].instructions[at] = .accumulate(accumulator: register, op, value: value)
    case .loop(var loop):
      loop.index = register
      plan.kernels[k].instructions[at] = .loop(loop)
    case .if: plan.kernels[k].instructions[at] = .if(register)
    case .local, .end: return nil
    }
    return ("kernel \(k), instruction \(at): register \(register)", .safe)
  }

  mutating func dropInstruction(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let k = below(plan.kernels.count)
    guard let at = pick(Array(plan.kernels[k].instructions.indices)) else { return nil }
    let isBlock =
      switch plan.kernels[k].instructions[at] {
      case .loop, .if, .end: true
      default: false
      }
    plan.kernels[k].instructions.remove(at: at)
    return ("kernel \(k), instruction \(at) dropped", isBlock ? .rejected : .safe)
  }

  mutating func changeDType(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let k = below(plan.kernels.count)
    guard let slot = pick(Array(plan.kernels[k].slots.indices)) else { return nil }
    let isCalled = plan.functions.contains { function in
      function.steps.contains { if case .call(let kernel, _) = $0 { kernel.index == k } else { false } }
    }
    let dtype = DType.allCases[below(DType.allCases.count)]
    if plan.kernels[k].slots[slot].dtype == dtype { return nil }
    plan.kernels[k].slots[slot].dtype = dtype
    return ("kernel \(k), slot \(slot): \(dtype.name)", isCalled ? .rejected : .safe)
  }

  mutating func dropSymbol(_ plan: inout ModulePlan) -> (String, Expectation)? {
    if below(2) == 0 {
      let k = below(plan.kernels.count)
      guard !plan.kernels[k].symbols.isEmpty else { return nil }
      plan.kernels[k].symbols.remove(at: below(plan.kernels[k].symbols.count))
      return ("kernel \(k): a symbol is not listed", .rejected)
    }
    let f = below(plan.functions.count)
    guard !plan.functions[f].symbols.isEmpty else { return nil }
    plan.functions[f].symbols.remove(at: below(plan.functions[f].symbols.count))
    return ("function \(f): a symbol is not listed", .safe)
  }
}
