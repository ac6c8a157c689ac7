import SluiceIR

/// Follows the integers and bools of a well-formed kernel through its instructions: makes a `KernelModel`.
struct KernelModelBuilder {
  /// What is known of a register's value.
  private enum Value {
    case unknown
    case number(Polynomial)
    case truth(KernelModel.Condition)
  }

  private let kernel: Kernel
  private let space: SymbolSpace
  private var model = KernelModel()
  private var values: [Value]
  /// The registers that each loop or if assigns, by the instruction that begins it.
  private var assigned: [Int: [Register]] = [:]
  private var scope = 0
  private var open: [Int] = []
  private var instruction = 0
  private let shared: Range<Int>

  init(_ kernel: Kernel, _ space: SymbolSpace) {
    self.kernel = kernel
    self.space = space
    values = [Value](repeating: .unknown, count: kernel.registers.count)
    model.accessesOfMemory = Array(repeating: [], count: kernel.memoryCount)
    model.lives = Array(repeating: 0, count: kernel.memoryCount)
    model.isStored = Array(repeating: false, count: kernel.memoryCount)
    model.isLoaded = model.isStored
    shared = kernel.sharedLoops
  }

  /// The model of a kernel that `KernelVerifier` has accepted.
  consuming func build() -> KernelModel {
    findAssignments()
    for (position, item) in kernel.instructions.enumerated() {
      instruction = position
      switch item {
      case .scalar(let scalar): values[scalar.result] = value(of: scalar)
      case .index(let result, let affine): values[result] = .number(number(affine))
      case .load(let result, let memory, let index):
        access(memory, index, isStore: false)
        values[result] = loaded(kernel.registers[result])
      case .store(let memory, let index, _): access(memory, index, isStore: true)
      case .local(let local): model.lives[kernel.number(of: .local(local))] = scope
      case .assign(let result, let value): values[result] = values[value]
      case .accumulate(let accumulator, _, _): forget(accumulator)
      case .loop(let loop): begin(loop)
      case .if(let condition): begin(if: condition)
      case .end: end()
      }
    }
    return model
  }

  private mutating func findAssignments() {
    var open: [Int] = []
    for (position, item) in kernel.instructions.enumerated() {
      switch item {
      case .loop, .if:
        open.append(position)
        assigned[position] = []
      case .end: open.removeLast()
      case .assign(let result, _), .accumulate(let result, _, _):
        for block in open { assigned[block, default: []].append(result) }
      case .scalar, .index, .load, .store, .local: break
      }
    }
  }

  // MARK: Blocks

  private mutating func begin(_ loop: Loop) {
    let start = number(loop.start)
    let count = number(loop.end) - start
    let clip = loop.limit.map { number($0) - start }
    for register in assigned[instruction] ?? [] { forget(register) }
    let step = Int64(loop.step)
    // What follows the last index is computed too, before it is compared.
    if range(start + count)?.plus(Interval(0, step)) == nil { model.overflows.append(instruction) }
    var high = range(count).map { max($0.high, 1) - 1 } ?? .max
    if let clip, let limit = range(clip) { high = min(high, max(limit.high, 1) - 1) }
    let unknown = fresh(.loop, Interval(0, high))
    var body = KernelModel.Scope(parent: scope, loop: model.loops.count)
    for end in [count, clip].compactMap({ $0 }) {
      // Where the number of steps is whole, the last index is a step before the end.
      let last = end - (end.isDivisible(by: step) ? step : 1)
      body.facts.append(last - unknown)
      body.symbolFacts += relaxed(end - 1, 8)
    }
    model.loops.append(
      KernelModel.Repetition(
        unknown: unknown.leading, start: start, count: count, clip: clip, step: step,
        isUnordered: loop.kind != .sequential,
        isShared: shared.contains(instruction), scope: model.scopes.count, instruction: instruction))
    enter(body)
    values[loop.index] = .number(start + unknown)
  }

  private mutating func begin(if condition: Register) {
    var body = KernelModel.Scope(parent: scope)
    if case .truth(let condition) = values[condition] {
      body.facts = condition.ifTrue
      body.guards = condition.isExact ? condition.ifTrue : nil
      for fact in condition.ifTrue { body.symbolFacts += relaxed(fact, 8) }
    }
    enter(body)
  }

  private mutating func enter(_ body: KernelModel.Scope) {
    scope = model.scopes.count
    model.scopes.append(body)
    model.events.append(.enter(scope))
    open.append(instruction)
  }

  private mutating func end() {
    model.events.append(.leave)
    scope = model.scopes[scope].parent
    for register in assigned[open.removeLast()] ?? [] { forget(register) }
  }

  private mutating func access(_ memory: Memory, _ index: Affine, isStore: Bool) {
    let memory = kernel.number(of: memory)
    let number = model.accesses.count
    model.accesses.append(
      KernelModel.Access(
        instruction: instruction, memory: memory, isStore: isStore, index: self.number(index), scope: scope))
    model.accessesOfMemory[memory].append(number)
    if isStore { model.isStored[memory] = true } else { model.isLoaded[memory] = true }
    model.events.append(.access(number))
  }

  // MARK: Values

  private mutating func fresh(_ origin: KernelModel.Origin, _ range: Interval) -> Polynomial {
    let number = model.locals.count
    guard number < Int(Unknown.max - .firstLocal) else { return .lost }
    model.locals.append(KernelModel.Local(origin: origin, range: range))
    return Polynomial(unknown: .firstLocal + Unknown(number))
  }

  /// A variable has another value from here on, of which nothing is known.
  private mutating func forget(_ register: Register) { values[register] = .unknown }

  private mutating func loaded(_ dtype: DType) -> Value {
    dtype.isInteger ? .number(fresh(.data, dtype.interval)) : .unknown
  }

  private mutating func number(_ register: Register) -> Polynomial {
    if case .number(let polynomial) = values[register] { return polynomial }
    let polynomial = fresh(.data, kernel.registers[register].interval)
    values[register] = .number(polynomial)
    return polynomial
  }

  /// An index expression; notes where it may not fit 64 bits.
  private mutating func number(_ affine: Affine) -> Polynomial {
    var sum = space[affine.constant]
    var size = space.magnitude(sum)
    for term in affine.terms {
      let register = number(term.register)
      sum = sum + space[term.coefficient] * register
      let factor = space.magnitude(space[term.coefficient])
      let largest = range(register).map {
        Interval(0, Int64(clamping: max($0.low.magnitude, $0.high.magnitude)))
      }
      size = largest.flatMap { factor?.times($0) }.flatMap { size?.plus($0) }
    }
    if size == nil { model.overflows.append(instruction) }
    return sum
  }

  /// The values that a polynomial may have in the current scope, or nil where they may not fit.
  private func range(_ polynomial: Polynomial, depth: Int = 4) -> Interval? {
    if polynomial.isLost { return nil }
    var sum = Interval(0, 0)
    for term in polynomial.terms {
      var product = Interval(term.coefficient, term.coefficient)
      for factor in term.monomial.factors {
        guard let next = product.times(range(of: factor, depth)) else { return nil }
        product = next
      }
      guard let next = sum.plus(product) else { return nil }
      sum = next
    }
    return sum
  }

  private func range(of unknown: Unknown, _ depth: Int) -> Interval {
    guard unknown.isLocal else { return Interval(0, space.bound(unknown)) }
    var result = model.local(unknown).range
    guard result.isWide, depth > 0 else { return result }
    var at = scope
    while at >= 0 {
      for fact in model.scopes[at].facts {
        if let (divisor, bound) = KernelModel.bound(fact, on: unknown, isLower: true), divisor == 1,
          let low = range(bound, depth: depth - 1)
        {
          result = result.clamped(to: Interval(low.low, .max))
        }
        if let (divisor, bound) = KernelModel.bound(fact, on: unknown, isLower: false), divisor == 1,
          let high = range(bound, depth: depth - 1)
        {
          result = result.clamped(to: Interval(.min, high.high))
        }
      }
      at = model.scopes[at].parent
    }
    return result
  }

  /// Weaker polynomials without the kernel's unknowns, for one that is at least 0: unknowns give way to their
  /// largest values.
  private func relaxed(_ fact: Polynomial, _ depth: Int) -> [Polynomial] {
    if fact.isLost || depth == 0 { return [] }
    let unknown = fact.leading
    guard unknown.isLocal else { return fact.value.map { $0 >= 0 } ?? false ? [] : [fact] }
    guard let (coefficient, rest) = fact.split(by: unknown), let factor = coefficient.value else { return [] }
    var ends: [Polynomial] = []
    var at = scope
    while at >= 0 {
      for known in model.scopes[at].facts {
        if let (divisor, bound) = KernelModel.bound(known, on: unknown, isLower: factor < 0), divisor == 1 {
          ends.append(bound)
        }
      }
      at = model.scopes[at].parent
    }
    let range = model.local(unknown).range
    if !range.isWide || (factor < 0 && range.low == 0) {
      ends.append(Polynomial(factor < 0 ? range.low : range.high))
    }
    switch model.local(unknown).origin {
    case .minimum(let a, let b) where factor > 0: ends += [a, b]
    case .maximum(let a, let b) where factor < 0: ends += [a, b]
    default: break
    }
    return ends.prefix(4).flatMap { relaxed(rest + $0.scaled(by: factor), depth - 1) }
  }

  // MARK: Scalar operations

  private mutating func value(of scalar: ScalarInstruction) -> Value {
    if scalar.dtype == .bool { return .truth(truth(scalar)) }
    guard scalar.dtype.isInteger else {
      if scalar.op == .select, case .truth(let condition) = values[scalar.operands[0]],
        !condition.ifTrue.isEmpty
      {
        model.choices.append((instruction, condition.ifTrue))
      }
      return .unknown
    }
    return .number(integer(scalar))
  }

  /// A polynomial when all its values fit the dtype, else a value of which nothing is known: integers wrap.
  private mutating func exact(_ polynomial: Polynomial, _ dtype: DType) -> Polynomial {
    // Long sums are no indices.
    if polynomial.terms.count <= 32, let range = range(polynomial), range.isInside(dtype.interval) {
      return polynomial
    }
    return fresh(.data, dtype.interval)
  }

  private mutating func integer(_ scalar: ScalarInstruction) -> Polynomial {
    let dtype = scalar.dtype
    func operand(_ position: Int, _ self: inout Self) -> Polynomial { self.number(scalar.operands[position]) }
    switch scalar.op {
    case .constant:
      switch dtype {
      case .i32: return Polynomial(Int64(Int32(truncatingIfNeeded: scalar.immediate)))
      case .u8: return Polynomial(Int64(UInt8(truncatingIfNeeded: scalar.immediate)))
      default: return Polynomial(Int64(bitPattern: scalar.immediate))
      }
    case .add: return exact(operand(0, &self) + operand(1, &self), dtype)
    case .subtract: return exact(operand(0, &self) - operand(1, &self), dtype)
    case .multiply: return exact(operand(0, &self) * operand(1, &self), dtype)
    case .negate: return exact(-operand(0, &self), dtype)
    case .cast:
      guard scalar.source.isInteger else {
        return fresh(.data, scalar.source == .bool ? Interval(0, 1) : dtype.interval)
      }
      return exact(operand(0, &self), dtype)
    case .minimum, .maximum:
      let (a, b) = (operand(0, &self), operand(1, &self))
      if let x = a.value, let y = b.value { return Polynomial(scalar.op == .minimum ? min(x, y) : max(x, y)) }
      let (x, y) = (range(a) ?? dtype.interval, range(b) ?? dtype.interval)
      return scalar.op == .minimum
        ? fresh(.minimum(a, b), Interval(min(x.low, y.low), min(x.high, y.high)))
        : fresh(.maximum(a, b), Interval(max(x.low, y.low), max(x.high, y.high)))
    case .select:
      let (a, b) = (operand(1, &self), operand(2, &self))
      let condition: KernelModel.Condition =
        if case .truth(let known) = values[scalar.operands[0]] { known } else { KernelModel.Condition() }
      let (x, y) = (range(a) ?? dtype.interval, range(b) ?? dtype.interval)
      return fresh(.select(condition, a, b), x.hull(y))
    case .remainder:
      // Of a divisor that is a positive constant: smaller than it, and with the sign of the dividend.
      let (a, b) = (operand(0, &self), operand(1, &self))
      guard let divisor = b.value, divisor > 0 else { return fresh(.data, dtype.interval) }
      let range = range(a) ?? dtype.interval
      return fresh(
        .data,
        Interval(range.low >= 0 ? 0 : -(divisor - 1), range.high < 0 ? 0 : min(divisor - 1, range.high)))
    case .divide:
      let (a, b) = (operand(0, &self), operand(1, &self))
      guard let divisor = b.value, divisor > 0 else { return fresh(.data, dtype.interval) }
      let range = range(a) ?? dtype.interval
      return fresh(.quotient(a, divisor), Interval(range.low / divisor, range.high / divisor))
    case .and:
      let (a, b) = (operand(0, &self), operand(1, &self))
      guard let mask = a.value ?? b.value, mask >= 0 else { return fresh(.data, dtype.interval) }
      return fresh(.data, Interval(0, mask))
    default: return fresh(.data, dtype.interval)
    }
  }

  private mutating func truth(_ scalar: ScalarInstruction) -> KernelModel.Condition {
    func known(_ position: Int) -> KernelModel.Condition {
      if case .truth(let condition) = values[scalar.operands[position]] { condition } else { .init() }
    }
    switch scalar.op {
    case .constant:
      let truth = KernelModel.Condition(
        ifTrue: [], ifFalse: [Polynomial(-1)], isExact: true, isExactlyNot: true)
      return scalar.immediate != 0 ? truth : truth.negated
    case .less where scalar.source.isInteger, .lessEqual where scalar.source.isInteger:
      let difference = number(scalar.operands[1]) - number(scalar.operands[0])
      let margin: Int64 = scalar.op == .less ? 1 : 0
      return KernelModel.Condition(
        ifTrue: [difference - margin], ifFalse: [-difference + (margin - 1)], isExact: true,
        isExactlyNot: true)
    case .equal where scalar.source.isInteger, .notEqual where scalar.source.isInteger:
      let difference = number(scalar.operands[1]) - number(scalar.operands[0])
      let same = KernelModel.Condition(ifTrue: [difference, -difference], isExact: true)
      return scalar.op == .equal ? same : same.negated
    case .and:
      let (a, b) = (known(0), known(1))
      return KernelModel.Condition(ifTrue: a.ifTrue + b.ifTrue, isExact: a.isExact && b.isExact)
    case .or:
      let (a, b) = (known(0), known(1))
      return KernelModel.Condition(
        ifFalse: a.ifFalse + b.ifFalse, isExactlyNot: a.isExactlyNot && b.isExactlyNot)
    case .not: return known(0).negated
    default: return KernelModel.Condition()
    }
  }
}
