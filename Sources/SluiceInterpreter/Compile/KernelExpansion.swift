import SluiceIR
import SluicePlan

/// Replaces the calls of elementary functions in a verified kernel by their programs.
struct KernelExpansion {
  /// The kernel without calls.
  private(set) var kernel: Kernel

  init(_ original: Kernel) {
    kernel = original
    kernel.instructions = []
    for instruction in original.instructions {
      if case .scalar(let scalar) = instruction, scalar.op == .call {
        expand(scalar, depth: 0)
      } else {
        kernel.instructions.append(instruction)
      }
    }
  }

  private mutating func expand(_ call: ScalarInstruction, depth: Int) {
    guard let function = ElementaryFunction(immediate: call.immediate) else {
      return
    }
    // Elementary functions are made of others in few levels; one that calls itself would have no value.
    precondition(depth < 8, "the elementary functions call each other in circles")
    let program = function.program(call.dtype)
    var registers: [Register] = []
    for (at, instruction) in program.instructions.enumerated() {
      if instruction.op == .parameter {
        registers.append(call.operands[Int(instruction.immediate)])
        continue
      }
      let isResult = at == program.result
      let result = isResult ? call.result : kernel.registers.count
      if !isResult { kernel.registers.append(instruction.dtype) }
      let count = instruction.op.operandCount(immediate: instruction.immediate)
      let operands = [instruction.a, instruction.b, instruction.c].prefix(count)
      var scalar = call
      scalar.op = instruction.op
      scalar.result = result
      scalar.dtype = instruction.dtype
      scalar.source = instruction.source
      scalar.operands = operands.map { registers[Int($0)] }
      scalar.immediate = instruction.immediate
      registers.append(result)
      if instruction.op == .call {
        expand(scalar, depth: depth + 1)
      } else {
        kernel.instructions.append(.scalar(scalar))
      }
    }
    // A program may give its parameter back.
    if program.instructions[program.result].op == .parameter {
      kernel.instructions.append(.assign(result: call.result, value: registers[program.result]))
    }
  }
}
