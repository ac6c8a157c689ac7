import SluiceIR
import SluicePlan

/// Hashes that say whether generated files belong together; the same on every machine.
enum PlanHash {
  /// A hash of the block of parameters: names, types and places.
  static func parameterLayout(_ plan: ModulePlan) -> UInt64 {
    var hasher = WordHasher()
    for variable in plan.parameters { combine(variable, plan.tables, &hasher) }
    hasher.combine(UInt64(plan.parameterBytes))
    return hasher.hash
  }

  /// A hash of everything that the plan computes, but for a function that only draws initial values.
  static func plan(_ plan: ModulePlan, without drawing: String?) -> UInt64 {
    var hasher = WordHasher()
    let tables = plan.tables
    combine(plan.module.name, &hasher)
    for variable in plan.parameters + plan.states { combine(variable, tables, &hasher) }
    for kernel in plan.kernels { combine(kernel, tables, &hasher) }
    for function in plan.functions where function.name != drawing {
      combine(function.name, &hasher)
      for port in function.inputs + function.outputs {
        combine(port.name, &hasher)
        combine(tables.text(port.type), &hasher)
      }
      for symbol in function.symbols { combine(symbol, tables, &hasher) }
      for buffer in function.buffers {
        if case .constant(let id) = buffer.storage {
          combine("constant \(buffer.capacity)", &hasher)
          for byte in tables.constants.bytes[tables.constants.range(id)] { hasher.combine(UInt64(byte)) }
        } else {
          combine("\(buffer.storage) \(buffer.capacity) \(tables.text(buffer.count))", &hasher)
        }
      }
      for step in function.steps {
        switch step {
        case .call(let kernel, let arguments):
          hasher.combine(UInt64(kernel.raw))
          for argument in arguments {
            combine("\(argument.buffer.raw) \(tables.text(argument.offset))", &hasher)
          }
        case .loop(let counter, let count, let reverse):
          combine(counter, tables, &hasher)
          combine("\(tables.text(count)) \(reverse)", &hasher)
        case .forever: hasher.combine(2)
        case .together: hasher.combine(4)
        case .leave(let flag): combine("leave \(flag.buffer.raw) \(tables.text(flag.offset))", &hasher)
        case .branch(let flag): combine("branch \(flag.buffer.raw) \(tables.text(flag.offset))", &hasher)
        case .otherwise: hasher.combine(3)
        case .end: hasher.combine(1)
        }
      }
    }
    return hasher.hash
  }

  private static func combine(_ text: String, _ hasher: inout WordHasher) {
    hasher.combine(UInt64(text.utf8.count))
    for byte in text.utf8 { hasher.combine(UInt64(byte)) }
  }

  private static func combine(_ variable: ModulePlan.Variable, _ tables: Tables, _ hasher: inout WordHasher) {
    combine(variable.name, &hasher)
    combine(tables.text(variable.type), &hasher)
    hasher.combine(UInt64(variable.offset))
    hasher.combine(UInt64(variable.byteCount))
  }

  private static func combine(_ symbol: SymbolID, _ tables: Tables, _ hasher: inout WordHasher) {
    combine(tables.strings[tables.dims.symbols[symbol.index].name], &hasher)
    hasher.combine(UInt64(bitPattern: tables.dims.symbols[symbol.index].bound))
  }

  private static func combine(_ kernel: Kernel, _ tables: Tables, _ hasher: inout WordHasher) {
    Self.combine(kernel.name, &hasher)
    for slot in kernel.slots {
      Self.combine("\(slot.name) \(slot.dtype.name) \(slot.access.rawValue)", &hasher)
    }
    for local in kernel.locals {
      Self.combine("local \(local.name) \(local.dtype.name) \(tables.text(local.count))", &hasher)
    }
    for register in kernel.registers { hasher.combine(UInt64(register.rawValue)) }
    func combine(_ affine: Affine) {
      Self.combine(tables.text(affine.constant), &hasher)
      for term in affine.terms { Self.combine("\(tables.text(term.coefficient)) \(term.register)", &hasher) }
    }
    for instruction in kernel.instructions {
      switch instruction {
      case .scalar(let scalar):
        Self.combine("\(scalar.op) \(scalar.dtype.name) \(scalar.source.name) \(scalar.operands)", &hasher)
        hasher.combine(UInt64(scalar.result))
        hasher.combine(scalar.immediate)
      case .index(let result, let affine):
        Self.combine("index \(result)", &hasher)
        combine(affine)
      case .load(let result, let memory, let index):
        Self.combine("load \(result) \(kernel.number(of: memory))", &hasher)
        combine(index)
      case .store(let memory, let index, let value):
        Self.combine("store \(kernel.number(of: memory)) \(value)", &hasher)
        combine(index)
      case .local(let local): Self.combine("local \(local)", &hasher)
      case .assign(let result, let value): Self.combine("assign \(result) \(value)", &hasher)
      case .accumulate(let accumulator, let op, let value):
        Self.combine("accumulate \(accumulator) \(op) \(value)", &hasher)
      case .loop(let loop):
        Self.combine("loop \(loop.index) \(loop.step) \(loop.kind)", &hasher)
        for bound in loop.bounds { combine(bound) }
      case .if(let condition): Self.combine("if \(condition)", &hasher)
      case .end: Self.combine("end", &hasher)
      }
    }
  }
}
