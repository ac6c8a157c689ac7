import SluiceIR
import SluiceText

/// Prints instructions of a kernel, for dumps and for messages about it.
struct KernelText {
  private let kernel: Kernel
  private let tables: Tables
  private let indices: Set<Register>
  /// Stands in the names of registers, so that they are not those of symbols.
  private let mark: String

  init(_ kernel: Kernel, _ tables: Tables) {
    self.kernel = kernel
    self.tables = tables
    let symbols = kernel.symbols.map { PlanPrinter.text($0, tables) }
    mark = String(repeating: "_", count: symbols.map(Self.markLength).max() ?? 0)
    indices = Set(
      kernel.instructions.compactMap { instruction in
        if case .loop(let loop) = instruction { loop.index } else { nil }
      })
  }

  /// How many underscores keep the names of registers from being that of a symbol: one more than `i_3` has.
  private static func markLength(_ symbol: String) -> Int {
    guard symbol.hasPrefix("i") || symbol.hasPrefix("v") else { return 0 }
    let rest = symbol.dropFirst()
    let marks = rest.prefix { $0 == "_" }
    let digits = rest.dropFirst(marks.count)
    return !digits.isEmpty && digits.allSatisfy { $0.isNumber } ? marks.count + 1 : 0
  }

  /// An instruction, without what a block holds.
  func text(_ instruction: Instruction) -> String {
    switch instruction {
    case .scalar(let scalar): "\(name(scalar.result)) = \(text(scalar))"
    case .index(let result, let affine): "\(name(result)) = \(text(affine))"
    case .load(let result, let memory, let index): "\(name(result)) = \(name(memory))[\(text(index))]"
    case .store(let memory, let index, let value): "\(name(memory))[\(text(index))] = \(name(value))"
    case .local(let local): text(local: local)
    case .assign(let result, let value): "\(name(result)) := \(name(value))"
    case .accumulate(let accumulator, let op, let value): "\(name(accumulator)) <- \(op)(\(name(value)))"
    case .loop(let loop): text(loop)
    case .if(let condition): "if \(name(condition)) {"
    case .end: "}"
    }
  }

  private func text(_ loop: Loop) -> String {
    let kind =
      switch loop.kind {
      case .tasks: "tasks"
      case .parallel: "parallel"
      case .vector: "vector"
      case .jam: "jam"
      case .sequential: "for"
      case .lanes(let count): "lanes(\(count))"
      }
    let end = loop.limit.map { "min(\(text(loop.end)), \(text($0)))" } ?? text(loop.end)
    let step = loop.step == 1 ? "" : " step \(loop.step)"
    return "\(kind) \(name(loop.index)) in \(text(loop.start)) ..< \(end)\(step) {"
  }

  private func text(_ scalar: ScalarInstruction) -> String {
    let operands = scalar.operands.map(name).joined(separator: ", ")
    switch scalar.op {
    case .constant: return "\(printedNumber(scalar.immediate, scalar.dtype)) as \(scalar.dtype.name)"
    case .cast, .bitcast: return "\(scalar.op)(\(operands)) as \(scalar.dtype.name)"
    case .call:
      let function = ElementaryFunction(immediate: scalar.immediate)
      return "\(function.map { "\($0)" } ?? "?")(\(operands))"
    case .piReduction:
      return "\(scalar.op)[\(Int64(bitPattern: scalar.immediate))](\(operands))"
    default: return "\(scalar.op)(\(operands))"
    }
  }

  /// An index expression: `i0*T + i1 + 5`.
  func text(_ affine: Affine) -> String {
    var parts = affine.terms.map { term -> String in
      let coefficient = PlanPrinter.text(term.coefficient, tables)
      if coefficient == "1" { return name(term.register) }
      return "\(name(term.register))*\(Self.factor(coefficient))"
    }
    let constant = PlanPrinter.text(affine.constant, tables)
    if constant != "0" || parts.isEmpty { parts.append(constant) }
    return parts.joined(separator: " + ")
  }

  /// A sum: `sum v4 rows [i2 ..< T, i3 ..< 384]`.
  func text(sum row: Int) -> String {
    let axes = kernel.axes(ofSum: row).map {
      "\(name($0.index)) ..< \(PlanPrinter.text($0.extent, tables))"
    }
    let sum = kernel.sums[row]
    return "sum \(name(sum.register)) \(sum.kind.name) [\(axes.joined(separator: ", "))]"
  }

  /// A dim as a factor: a sum is in parentheses.
  static func factor(_ dim: String) -> String {
    dim.dropFirst().contains { $0 == "+" || $0 == "-" } ? "(\(dim))" : dim
  }

  /// A register: `i3` for the index of a loop, else `v3`.
  func name(_ register: Register) -> String {
    (indices.contains(register) ? "i" : "v") + "\(mark)\(register)"
  }

  /// A memory by name.
  func name(_ memory: Memory) -> String {
    switch memory {
    case .slot(let slot): kernel.slots.indices.contains(slot) ? kernel.slots[slot].name : "?"
    case .local(let local): kernel.locals.indices.contains(local) ? kernel.locals[local].name : "?"
    }
  }

  /// The beginning of a local: `local row: f32[T]`.
  private func text(local: Int) -> String {
    guard kernel.locals.indices.contains(local) else { return "local ?" }
    let own = kernel.locals[local]
    return "local \(own.name): \(own.dtype.name)[\(PlanPrinter.text(own.count, tables))]"
  }
}
