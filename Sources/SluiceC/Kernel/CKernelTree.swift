import SluiceIR
import SluicePlan

/// The instructions of a kernel as a tree, without those whose result nobody needs.
struct CKernelTree {
  /// One instruction, or what stands between the beginning and the end of a loop or condition.
  indirect enum Node {
    case instruction(Instruction)
    case loop(Loop, [Node])
    case branch(Register, [Node])
  }

  /// The instructions in order.
  private(set) var nodes: [Node] = []
  /// How often each register is read.
  private(set) var uses: [Int]
  /// The registers that `assign` or `accumulate` change.
  private(set) var variables: Set<Register> = []

  init(_ kernel: Kernel) {
    uses = [Int](repeating: 0, count: kernel.registers.count + kernel.locals.count)
    let isDead = Self.deadInstructions(kernel, &uses)
    var open: [(Instruction, [Node])] = []
    var current: [Node] = []
    for (position, instruction) in kernel.instructions.enumerated() where !isDead[position] {
      switch instruction {
      case .loop, .if:
        open.append((instruction, current))
        current = []
      case .end:
        guard let (opener, before) = open.popLast() else { preconditionFailure("an end without a beginning") }
        let inside = current
        current = before
        switch opener {
        case .loop(let loop): current.append(.loop(loop, inside))
        case .if(let condition): current.append(.branch(condition, inside))
        default: preconditionFailure("only loops and conditions have an end")
        }
      case .assign(let variable, _), .accumulate(let variable, _, _):
        variables.insert(variable)
        current.append(.instruction(instruction))
      default: current.append(.instruction(instruction))
      }
    }
    precondition(open.isEmpty, "kernel `\(kernel.name)` has a loop or condition without its end")
    nodes = current
  }

  /// Which instructions compute what is never read; `uses` becomes the number of reads by the others.
  ///
  /// A local counts as a register here, which its stores define and its loads read.
  private static func deadInstructions(_ kernel: Kernel, _ uses: inout [Int]) -> [Bool] {
    func reads(_ instruction: Instruction) -> [Register] {
      guard case .load(_, .local(let local), _) = instruction else { return instruction.reads }
      return instruction.reads + [kernel.registers.count + local]
    }
    func result(_ instruction: Instruction) -> Register? {
      switch instruction {
      case .store(.local(let local), _, _), .local(let local): kernel.registers.count + local
      default: instruction.result
      }
    }
    var definers: [Register: [Int]] = [:]
    var isDead = [Bool](repeating: false, count: kernel.instructions.count)
    for (position, instruction) in kernel.instructions.enumerated() {
      // Compilers warn of a variable assigned to itself.
      if case .assign(let variable, let value) = instruction, variable == value {
        isDead[position] = true
        continue
      }
      for register in reads(instruction) { uses[register] += 1 }
      if let result = result(instruction) { definers[result, default: []].append(position) }
    }
    var unread = uses.indices.filter { uses[$0] == 0 }
    while let register = unread.popLast() {
      for position in definers.removeValue(forKey: register) ?? [] {
        isDead[position] = true
        for read in reads(kernel.instructions[position]) {
          uses[read] -= 1
          if uses[read] == 0 { unread.append(read) }
        }
      }
    }
    return isDead
  }
}

extension CKernelTree.Node {
  /// Whether this is a loop.
  var isLoop: Bool { if case .loop = self { true } else { false } }

  /// Whether this calls a function that reduces large arguments in a way of its own.
  var isReducingCall: Bool {
    if case .instruction(let instruction) = self { instruction.reducingCall != nil } else { false }
  }
}

extension Instruction {
  /// The register that is defined or changed; loops and accumulators count as reads.
  var result: Register? {
    switch self {
    case .scalar(let scalar): scalar.result
    case .index(let result, _), .load(let result, _, _), .assign(let result, _): result
    case .store, .accumulate, .local, .loop, .if, .end: nil
    }
  }

  /// The instruction where it calls a function that reduces large arguments in a way of its own.
  var reducingCall: ScalarInstruction? {
    if case .scalar(let scalar) = self, scalar.reducingFunction != nil { scalar } else { nil }
  }

  /// The registers that are read.
  var reads: [Register] {
    switch self {
    case .scalar(let scalar): scalar.operands
    case .index(_, let affine), .load(_, _, let affine): affine.terms.map(\.register)
    case .store(_, let affine, let value): affine.terms.map(\.register) + [value]
    case .assign(_, let value): [value]
    case .accumulate(let accumulator, _, let value): [accumulator, value]
    case .loop(let loop): loop.bounds.flatMap { $0.terms.map(\.register) }
    case .if(let condition): [condition]
    case .local, .end: []
    }
  }
}
