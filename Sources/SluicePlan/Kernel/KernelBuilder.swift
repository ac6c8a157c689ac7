package import SluiceIR

/// Makes kernels, one instruction a call.
package struct KernelBuilder {
  package private(set) var kernel: Kernel

  private var names: Set<String> = []

  package init(name: String) { kernel = Kernel(name: name) }

  /// A new register.
  package mutating func register(_ dtype: DType) -> Register {
    kernel.registers.append(dtype)
    return kernel.registers.count - 1
  }

  /// A new tensor.
  package mutating func slot(_ name: String, _ dtype: DType, _ access: Slot.Access) -> Memory {
    kernel.slots.append(Slot(unique(name), dtype, access))
    return .slot(kernel.slots.count - 1)
  }

  /// A new memory of the kernel's own, which begins to live here.
  package mutating func local(_ name: String, _ dtype: DType, _ count: DimID) -> Memory {
    kernel.locals.append(Local(unique(name), dtype, count))
    kernel.instructions.append(.local(kernel.locals.count - 1))
    return .local(kernel.locals.count - 1)
  }

  private mutating func unique(_ name: String) -> String {
    var own = name
    var number = kernel.memoryCount
    while !names.insert(own).inserted {
      own = "\(name)_\(number)"
      number += 1
    }
    return own
  }

  /// A constant.
  package mutating func constant(_ bits: UInt64, _ dtype: DType) -> Register {
    scalar(.constant, dtype, [], immediate: bits)
  }

  /// A scalar operation.
  package mutating func scalar(
    _ op: ScalarOp, _ dtype: DType, source: DType? = nil, _ operands: [Register], immediate: UInt64 = 0
  ) -> Register {
    let result = register(dtype)
    // The condition of `select` says nothing about its source, which is the dtype of the result.
    let from = op == .select ? dtype : source ?? operands.first.map { kernel.registers[$0] } ?? dtype
    kernel.instructions.append(
      .scalar(
        ScalarInstruction(
          op: op, result: result, dtype: dtype, source: from, operands: operands, immediate: immediate)))
    return result
  }

  /// The value of an index expression as an i64.
  package mutating func index(_ affine: Affine) -> Register {
    if affine.terms.count == 1, affine.terms[0].coefficient == one, affine.constant == zero {
      return affine.terms[0].register
    }
    let result = register(.i64)
    kernel.instructions.append(.index(result: result, affine))
    return result
  }

  /// The dims 0 and 1; set by the owner, who has the tables.
  package var zero: DimID = .none
  package var one: DimID = .none

  /// An element.
  package mutating func load(_ memory: Memory, _ index: Affine) -> Register {
    let result = register(kernel.dtype(of: memory))
    kernel.instructions.append(.load(result: result, memory: memory, index: index))
    return result
  }

  /// Stores an element.
  package mutating func store(_ memory: Memory, _ index: Affine, _ value: Register) {
    kernel.instructions.append(.store(memory: memory, index: index, value: value))
  }

  /// A variable with a first value.
  package mutating func variable(_ value: Register) -> Register {
    let result = register(kernel.registers[value])
    kernel.instructions.append(.assign(result: result, value: value))
    return result
  }

  /// Gives a variable another value.
  package mutating func assign(_ variable: Register, _ value: Register) {
    kernel.instructions.append(.assign(result: variable, value: value))
  }

  /// Takes a value into an accumulator of the enclosing `lanes` loop.
  package mutating func accumulate(_ accumulator: Register, _ op: ScalarOp, _ value: Register) {
    kernel.instructions.append(.accumulate(accumulator: accumulator, op, value: value))
  }

  /// Begins a loop that `endLoop` ends; gives its index.
  package mutating func beginLoop(
    from start: Affine? = nil, to end: Affine, limit: Affine? = nil, step: Int = 1, _ kind: Loop.Kind
  ) -> Register {
    let index = register(.i64)
    kernel.instructions.append(
      .loop(Loop(index, from: start ?? Affine(zero), to: end, limit: limit, step: step, kind)))
    return index
  }

  /// Begins instructions that run only where the condition holds; `endLoop` ends them.
  package mutating func begin(if condition: Register) { kernel.instructions.append(.if(condition)) }

  /// Lets a slot also be loaded (stored).
  package mutating func widen(_ memory: Memory, _ access: Slot.Access) {
    guard case .slot(let slot) = memory else { return }
    if kernel.slots[slot].access != access { kernel.slots[slot].access = .readWrite }
  }

  /// Ends the innermost loop.
  package mutating func endLoop() { kernel.instructions.append(.end) }

  /// States a sum whose terms a register takes in.
  package mutating func state(_ kind: Sum.Kind, in register: Register, over axes: [SumAxis]) {
    kernel.state(kind, in: register, over: axes)
  }

  /// Copies a scalar program in, with registers for its parameters.
  package mutating func inline(_ program: ScalarProgram, _ parameters: [Register]) -> Register {
    var map = [Register](repeating: 0, count: program.instructions.count)
    for (position, instruction) in program.instructions.enumerated() {
      switch instruction.op {
      case .parameter: map[position] = parameters[Int(instruction.immediate)]
      default:
        let own = UInt32(position)
        let operands = [instruction.a, instruction.b, instruction.c].prefix { $0 != own }.map { map[Int($0)] }
        map[position] = scalar(
          instruction.op, instruction.dtype, source: instruction.source, operands,
          immediate: instruction.immediate)
      }
    }
    return map[program.result]
  }

  /// The kernel, with its symbols listed, and with tasks for threads where its outermost loops are independent.
  package consuming func finish(_ tables: Tables) -> Kernel {
    var found: Set<SymbolID> = []
    for local in kernel.locals { found.formUnion(tables.dims.symbols(in: local.count)) }
    for affine in kernel.instructions.lazy.flatMap(\.affines) {
      found.formUnion(tables.dims.symbols(in: affine.constant))
      for term in affine.terms { found.formUnion(tables.dims.symbols(in: term.coefficient)) }
    }
    for axis in kernel.sumAxes { found.formUnion(tables.dims.symbols(in: axis.extent)) }
    kernel.symbols = found.sorted { $0.raw < $1.raw }
    kernel.markTasks()
    return kernel
  }
}
