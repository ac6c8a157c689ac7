public import SluiceIR

/// A kernel: a small tree of loops over scalar operations, loads and stores.
///
/// This is what runs: the interpreter executes it a tile of iterations at a time, the C backend prints it as a
/// function. It knows no ops. Every element of every result, and the order of every sum, is written down here, so
/// that both give the same bits.
///
/// Instructions stand in program order; `loop` and `if` reach to their `end`. A register holds one scalar; it is
/// defined once by an instruction, and only `assign` and `accumulate` change it afterwards. Elements are in memories:
/// in slots, which the caller gives, or in locals, which the kernel has for itself.
public struct Kernel: Sendable, Hashable {
  /// What the kernel computes: an identifier, part of the name of the C function.
  public var name: String
  /// Lines that say what it computes, for dumps and C: the IR, and where it came from.
  public var comment: [String] = []
  /// The tensors it works on.
  public var slots: [Slot] = []
  /// Memories of its own, each begun by one `local` instruction; together at most `mostLocalBytes`.
  public var locals: [Local] = []
  /// The dtype of every register.
  public var registers: [DType] = []
  /// The program.
  public var instructions: [Instruction] = []
  /// The sums of floats whose order is stated.
  public package(set) var sums: [Sum] = []
  /// The axes of all sums, one sum behind the other.
  public package(set) var sumAxes: [SumAxis] = []
  /// The symbols that index expressions, loop bounds, the sizes of locals and
  /// the axes of sums mention, in ascending order.
  public var symbols: [SymbolID] = []

  /// An empty kernel.
  public init(name: String) { self.name = name }

  /// The most bytes that all locals of a kernel may have together, at the bounds: they are on the stack in C, where
  /// compilers cannot be trusted to let them share memory.
  public static let mostLocalBytes = 196_608
}

/// A scalar variable of a kernel: an index into `Kernel.registers`.
public typealias Register = Int

/// A tensor that a kernel works on: a pointer parameter in C.
public struct Slot: Sendable, Hashable {
  /// How a kernel uses a tensor.
  public enum Access: UInt8, Sendable {
    /// Only loaded.
    case read
    /// Only stored.
    case write
    /// Loaded and stored: scratch, or a result computed in steps.
    case readWrite
  }

  /// A name that is unique in the kernel: an identifier.
  public var name: String
  /// The element type.
  public var dtype: DType
  /// What is done with it.
  public var access: Access

  /// A tensor of a kernel.
  public init(_ name: String, _ dtype: DType, _ access: Access) {
    self.name = name
    self.dtype = dtype
    self.access = access
  }
}

/// A memory of a kernel's own: an array on the stack in C.
///
/// Its `local` instruction begins a life: elements are undefined from there to the end of the innermost loop or `if`
/// around the instruction, and only there they are loaded and stored.
public struct Local: Sendable, Hashable {
  /// A name that is unique among slots and locals: an identifier.
  public var name: String
  /// The element type.
  public var dtype: DType
  /// How many elements there are; it has a bound.
  public var count: DimID

  /// A memory of a kernel's own.
  public init(_ name: String, _ dtype: DType, _ count: DimID) {
    self.name = name
    self.dtype = dtype
    self.count = count
  }
}

/// What loads and stores work on.
public enum Memory: Sendable, Hashable {
  /// A tensor: an index into `Kernel.slots`.
  case slot(Int)
  /// A memory of the kernel's own: an index into `Kernel.locals`.
  case local(Int)
}

/// A sum of registers times polynomials: `constant + sum of coefficient * register`, in 64-bit integers.
public struct Affine: Sendable, Hashable {
  /// One product.
  public struct Term: Sendable, Hashable {
    /// A polynomial in the symbols.
    public var coefficient: DimID
    /// An i64 register.
    public var register: Register

    /// A product.
    public init(_ coefficient: DimID, _ register: Register) {
      self.coefficient = coefficient
      self.register = register
    }
  }

  /// The part without registers.
  public var constant: DimID
  /// The products; each register at most once.
  public var terms: [Term]

  /// An index expression.
  public init(_ constant: DimID, _ terms: [Term] = []) {
    self.constant = constant
    self.terms = terms
  }
}

/// A loop of a kernel: `for index in stride(from: start, to: min(end, limit), by: step)`.
public struct Loop: Sendable, Hashable {
  /// In which order the iterations may run.
  public enum Kind: Sendable, Hashable {
    /// Independent iterations that threads may share. Such loops stand outermost, one directly and alone in the
    /// other; before the first there are only scalars and loads, which every thread repeats, behind it is nothing.
    /// Their bounds mention no registers, and they have no limit.
    case tasks
    /// Independent iterations.
    case parallel
    /// Independent iterations that are best run side by side, each in a lane: the loop to vectorise. Loops inside
    /// it are sequential with bounds that are the same for all its iterations, but that one `jam` loop may be all
    /// that it holds; there is no `if`, `local`, `vector` or `lanes` loop inside.
    case vector
    /// Independent iterations of which a few are best run at once, so that they share what the lanes of the `vector`
    /// loop around them load: the rows of a register tile, as by unroll-and-jam. It is all that a `vector` loop
    /// holds, and what is inside it is what may be inside that one.
    case jam
    /// One after the other; registers from outside may be assigned.
    case sequential
    /// A reduction: iteration `i` (counted from 0) accumulates into lane `i % lanes` of every accumulator, in
    /// ascending order; afterwards lane `j` takes in lane `j + half` for `half = lanes/2, ..., 1`, and lane 0 is
    /// the accumulator's new value. All lanes start with the value that the accumulator has before the loop. Only
    /// straight-line instructions are inside.
    case lanes(Int)
  }

  /// The most lanes of a reduction.
  public static let mostLanes = 256

  /// The i64 register that counts.
  public var index: Register
  /// The first value.
  public var start: Affine
  /// The value that is not reached any more.
  public var end: Affine
  /// Another value that is not reached any more.
  public var limit: Affine?
  /// The distance between two iterations, at least 1.
  public var step: Int
  /// The order of the iterations.
  public var kind: Kind

  /// A loop.
  public init(
    _ index: Register, from start: Affine, to end: Affine, limit: Affine? = nil, step: Int = 1, _ kind: Kind
  ) {
    self.index = index
    self.start = start
    self.end = end
    self.limit = limit
    self.step = step
    self.kind = kind
  }
}

/// One instruction of a kernel.
public enum Instruction: Sendable, Hashable {
  /// A scalar operation other than `parameter`: `result = op(a, b, c)`; see `ScalarOp`.
  case scalar(ScalarInstruction)
  /// `result = affine`, an i64.
  case index(result: Register, Affine)
  /// `result = memory[index]`, the index counted in elements.
  case load(result: Register, memory: Memory, index: Affine)
  /// `memory[index] = value`.
  case store(memory: Memory, index: Affine, value: Register)
  /// The elements of a local are undefined from here to the end of the innermost `loop` or `if`.
  case local(Int)
  /// `result = value`, where `result` may have been defined before: a variable that a sequential loop carries.
  case assign(result: Register, value: Register)
  /// Inside a `lanes` loop: lane of `accumulator` = op(lane of `accumulator`, `value`).
  case accumulate(accumulator: Register, ScalarOp, value: Register)
  /// Begins a loop.
  case loop(Loop)
  /// Begins instructions that run only where the bool register is true.
  case `if`(Register)
  /// Ends the innermost `loop` or `if`.
  case end
}

/// A scalar operation on registers.
public struct ScalarInstruction: Sendable, Hashable {
  /// What it does.
  public var op: ScalarOp
  /// The register it defines.
  public var result: Register
  /// The dtype of the result.
  public var dtype: DType
  /// The dtype of the operands where it differs (compare, cast, bitcast).
  public var source: DType
  /// The operands; as many as the op has.
  public var operands: [Register]
  /// The bits of a constant, or the elementary function called.
  public var immediate: UInt64

  /// A scalar operation.
  package init(
    op: ScalarOp, result: Register, dtype: DType, source: DType, operands: [Register], immediate: UInt64 = 0
  ) {
    self.op = op
    self.result = result
    self.dtype = dtype
    self.source = source
    self.operands = operands
    self.immediate = immediate
  }
}

extension Kernel {
  /// How many memories there are.
  package var memoryCount: Int { slots.count + locals.count }

  /// The number of a memory: slots come first, locals behind them.
  package func number(of memory: Memory) -> Int {
    switch memory {
    case .slot(let slot): slot
    case .local(let local): slots.count + local
    }
  }

  /// The name of the memory of a number.
  package func memoryName(_ number: Int) -> String {
    number < slots.count ? slots[number].name : locals[number - slots.count].name
  }

  /// The element type of a memory.
  package func dtype(of memory: Memory) -> DType {
    switch memory {
    case .slot(let slot): slots[slot].dtype
    case .local(let local): locals[local].dtype
    }
  }

  /// Where the first loop begins, if nothing but scalars and loads stands before it, which may be repeated; else nil.
  private var firstLoop: Int? {
    for (position, instruction) in instructions.enumerated() {
      switch instruction {
      case .scalar, .index, .load(_, .slot, _): continue
      case .loop: return position
      default: return nil
      }
    }
    return nil
  }

  /// The end of each loop or `if` by its beginning; 0 where there is none.
  private func ends() -> [Int] {
    var ends = [Int](repeating: 0, count: instructions.count)
    var open: [Int] = []
    for (position, instruction) in instructions.enumerated() {
      switch instruction {
      case .loop, .if: open.append(position)
      case .end: if let begin = open.popLast() { ends[begin] = position }
      default: continue
      }
    }
    return ends
  }

  /// The positions of the loops whose iterations threads may share, outermost first: the chain of `tasks` loops, and
  /// a `vector` loop that is all that they hold, or that is alone.
  package var sharedLoops: Range<Int> {
    guard let first = firstLoop else { return 0..<0 }
    var end = first
    while end < instructions.count, case .loop(let loop) = instructions[end], loop.kind == .tasks { end += 1 }
    if end < instructions.count, case .loop(let loop) = instructions[end], loop.kind == .vector,
      loop.isRectangular, loop.step == 1, ends()[end] == instructions.count - 1 - (end - first)
    {
      end += 1
    }
    return first..<end
  }

  /// Makes tasks of the outermost parallel loops, as far as each is all that the one around it holds.
  mutating func markTasks() {
    guard let first = firstLoop else { return }
    // What a thread repeats must not be what another one has stored meanwhile.
    for case .load(_, .slot(let slot), _) in instructions[..<first] where slots[slot].access != .read {
      return
    }
    let ends = ends()
    var position = first
    while position < instructions.count, case .loop(var loop) = instructions[position], loop.isRectangular,
      loop.kind == .parallel || loop.kind == .tasks,
      ends[position] == instructions.count - 1 - (position - first)
    {
      loop.kind = .tasks
      instructions[position] = .loop(loop)
      position += 1
    }
  }
}

extension Loop {
  /// Whether it counts as far whatever the registers hold.
  package var isRectangular: Bool { start.terms.isEmpty && end.terms.isEmpty && limit == nil }

  /// How many lanes a `lanes` loop has.
  package var lanes: Int? {
    if case .lanes(let count) = kind { count } else { nil }
  }

  /// The index expressions that say where the loop begins and ends.
  package var bounds: [Affine] { [start, end] + (limit.map { [$0] } ?? []) }
}

extension Instruction {
  /// The index expressions that it mentions.
  package var affines: [Affine] {
    switch self {
    case .index(_, let affine), .load(_, _, let affine), .store(_, let affine, _): [affine]
    case .loop(let loop): loop.bounds
    case .scalar, .assign, .accumulate, .local, .if, .end: []
    }
  }
}
