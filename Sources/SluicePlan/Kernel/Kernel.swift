public import SluiceIR

/// A kernel: a small tree of loops over scalar operations, loads and stores.
///
/// This is what runs: the interpreter executes it a tile of iterations at a time, the C backend prints it as a
/// function. It knows no ops. Every element of every result, and the order of every sum, is written down here, so
/// that both give the same bits.
///
/// Instructions stand in program order; `loop` and `if` reach to their `end`. A register holds one scalar; it is
/// defined once by an instruction, and only `assign` and `accumulate` change it afterwards.
public struct Kernel: Sendable, Hashable {
  /// What the kernel computes: an identifier, part of the name of the C function.
  public var name: String
  /// Lines that say what it computes, for dumps and C: the IR, and where it came from.
  public var comment: [String] = []
  /// The tensors it works on.
  public var slots: [Slot] = []
  /// The dtype of every register.
  public var registers: [DType] = []
  /// The program.
  public var instructions: [Instruction] = []
  /// The symbols that index expressions and loop bounds mention, in ascending order.
  public var symbols: [SymbolID] = []

  /// An empty kernel.
  public init(name: String) { self.name = name }
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
    /// Independent iterations.
    case parallel
    /// Independent iterations that are best run side by side: the loop to vectorise. Loops inside it are
    /// sequential with bounds that are the same for all its iterations; there is no `if`, `vector` or `lanes`
    /// loop inside.
    case vector
    /// One after the other; registers from outside may be assigned.
    case sequential
    /// A reduction: iteration `i` (counted from 0) accumulates into lane `i % lanes` of every accumulator, in
    /// ascending order; afterwards lane `j` takes in lane `j + half` for `half = lanes/2, ..., 1`, and lane 0 is
    /// the accumulator's new value. All lanes start with the value that the accumulator has before the loop. Only
    /// straight-line instructions are inside.
    case lanes(Int)
  }

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
  /// `result = slot[index]`, the index counted in elements.
  case load(result: Register, slot: Int, index: Affine)
  /// `slot[index] = value`.
  case store(slot: Int, index: Affine, value: Register)
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
