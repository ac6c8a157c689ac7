import SluiceIR

/// Prints plans: the one text form of an `ExecutionPlan`, for dumps and for messages.
public struct PlanPrinter: Sendable {
  /// A printer.
  public init() {}

  /// A whole plan: variables, functions with their buffers and steps, kernels as pseudo code.
  public func dump(_ plan: ModulePlan) -> String {
    var lines = ["plan @\(plan.module.name)"]
    lines += variables("parameters", plan.parameters, plan.parameterBytes, plan.tables)
    lines += variables("states", plan.states, plan.stateBytes, plan.tables)
    for function in plan.functions { lines += [""] + self.function(function, plan) }
    for index in plan.kernels.indices { lines += [""] + kernel(index, plan) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func variables(
    _ title: String, _ variables: [ModulePlan.Variable], _ byteCount: Int, _ tables: Tables
  ) -> [String] {
    if variables.isEmpty { return [] }
    let rows = variables.map { variable in
      [
        "@\(variable.name)", Self.text(variable.type, tables),
        "bytes \(variable.offset) ..< \(variable.offset + variable.byteCount)",
      ]
    }
    return ["", "\(title): \(byteCount) bytes"] + Self.aligned(rows).map { "  " + $0 }
  }

  // MARK: Functions

  private func function(_ function: ExecutionPlan, _ plan: ModulePlan) -> [String] {
    let tables = plan.tables
    func ports(_ ports: [Port]) -> String {
      ports.map { "\($0.name): \(Self.text($0.type, tables))" }.joined(separator: ", ")
    }
    let bounds = function.symbols.map { symbol in
      symbol.index < tables.dims.symbols.count
        ? "\(Self.text(symbol, tables)) <= \(tables.dims.symbols[symbol.index].bound)" : "?"
    }
    var lines = function.comment.map { "// \($0)" }
    lines.append(
      "func @\(function.name)(\(ports(function.inputs))) -> (\(ports(function.outputs)))"
        + (bounds.isEmpty ? "" : " where " + bounds.joined(separator: ", ")))
    lines.append("  arena: \(function.arenaBytes) bytes, at least \(function.lowerBoundBytes)")
    if !function.checkedDims.isEmpty {
      let dims = function.checkedDims.map { "\(Self.text($0, tables)) >= 0" }
      lines.append("  check: " + dims.joined(separator: ", "))
    }
    let labels = labels(function)
    if !function.buffers.isEmpty {
      lines.append("  buffers:")
      let rows = zip(function.buffers, labels).enumerated().map { index, item in
        let (buffer, label) = item
        return [
          "%\(index)", label == "%\(index)" ? buffer.name : label, buffer.dtype.name,
          Self.text(buffer.count, tables),
          "\(buffer.capacity) bytes", storage(buffer, plan, function),
        ]
      }
      lines += Self.aligned(rows).map { "    " + $0 }
    }
    lines.append("  steps:")
    lines += steps(function, labels, plan)
    return lines
  }

  private func storage(_ buffer: Buffer, _ plan: ModulePlan, _ function: ExecutionPlan) -> String {
    func name<Row>(_ rows: [Row], _ position: Int, _ text: (Row) -> String) -> String {
      rows.indices.contains(position) ? text(rows[position]) : "?"
    }
    return switch buffer.storage {
    case .parameter(let position): "parameter @" + name(plan.parameters, position, \.name)
    case .state(let position): "state @" + name(plan.states, position, \.name)
    case .input(let position): "input " + name(function.inputs, position, \.name)
    case .output(let position): "output " + name(function.outputs, position, \.name)
    case .constant(let id): "constant \(id.index)"
    case .arena(let offset): "arena \(offset) ..< \(offset + buffer.capacity)"
    }
  }

  /// What steps call buffers: the name where it is the only one, else the number.
  private func labels(_ function: ExecutionPlan) -> [String] {
    var counts: [String: Int] = [:]
    for buffer in function.buffers { counts[buffer.name, default: 0] += 1 }
    return function.buffers.enumerated().map { index, buffer in
      counts[buffer.name] == 1 && !buffer.name.isEmpty ? buffer.name : "%\(index)"
    }
  }

  private func steps(_ function: ExecutionPlan, _ labels: [String], _ plan: ModulePlan) -> [String] {
    var lines: [String] = []
    var indent = "    "
    let width = String(max(function.steps.count - 1, 0)).count
    for (number, step) in function.steps.enumerated() {
      if step == .end || step == .otherwise, indent.count > 4 { indent.removeLast(2) }
      let position = String(repeating: " ", count: max(0, width - String(number).count)) + String(number)
      let scopes = function.scopes(ofStep: number, plan.tables)
      let origin = scopes.isEmpty || scopes == plan.module.name ? "" : "  // \(scopes)"
      lines.append("    \(position)\(indent.dropFirst(2))\(text(step, labels, plan))\(origin)")
      switch step {
      case .loop, .forever, .branch, .otherwise: indent += "  "
      case .call, .leave, .end: break
      }
    }
    return lines
  }

  private func text(_ step: Step, _ labels: [String], _ plan: ModulePlan) -> String {
    func element(_ flag: Argument) -> String {
      let label = labels.indices.contains(flag.buffer.index) ? labels[flag.buffer.index] : "?"
      return "\(label)[\(Self.text(flag.offset, plan.tables))]"
    }
    switch step {
    case .end: return "}"
    case .otherwise: return "} else {"
    case .branch(let flag): return "if \(element(flag)) {"
    case .forever: return "loop {"
    case .leave(let flag): return "leave unless \(element(flag))"
    case .loop(let counter, let count, let reverse):
      let (name, end) = (Self.text(counter, plan.tables), Self.text(count, plan.tables))
      return "loop \(name) in 0 ..< \(end)\(reverse ? " reversed" : "") {"
    case .call(let kernel, let arguments):
      let texts = arguments.map { argument in
        let label = labels.indices.contains(argument.buffer.index) ? labels[argument.buffer.index] : "?"
        let offset = Self.text(argument.offset, plan.tables)
        return offset == "0" ? label : "\(label) + \(offset)"
      }
      return "call \(plan.kernelName(kernel))(\(texts.joined(separator: ", ")))"
    }
  }

  // MARK: Kernels

  private func kernel(_ index: Int, _ plan: ModulePlan) -> [String] {
    let kernel = plan.kernels[index]
    let slots = kernel.slots.map { "\($0.name): \(Self.text($0.access)) \($0.dtype.name)" }
    let symbols = kernel.symbols.map { Self.text($0, plan.tables) }
    var lines = kernel.comment.map { "// \($0)" }
    lines.append(
      "kernel \(plan.kernelName(KernelID(index)))(\(slots.joined(separator: ", ")))"
        + (symbols.isEmpty ? "" : " for " + symbols.joined(separator: ", ")))
    let text = KernelText(kernel, plan.tables)
    var indent = "  "
    for instruction in kernel.instructions {
      if instruction == .end, indent.count > 2 { indent.removeLast(2) }
      lines.append(indent + text.text(instruction))
      switch instruction {
      case .loop, .if: indent += "  "
      default: break
      }
    }
    return lines
  }

  // MARK: Small texts

  private static func text(_ access: Slot.Access) -> String {
    switch access {
    case .read: "read"
    case .write: "write"
    case .readWrite: "read-write"
    }
  }

  /// A symbol's name; `?` where the handle names none.
  static func text(_ symbol: SymbolID, _ tables: Tables) -> String {
    symbol.index < tables.dims.symbols.count ? tables.strings[tables.dims.symbols[symbol.index].name] : "?"
  }

  /// A dim; `?` where the handle names none.
  static func text(_ dim: DimID, _ tables: Tables) -> String {
    dim.index < tables.dims.count ? tables.text(dim) : "?"
  }

  /// A type; `?` where the handle names none.
  static func text(_ type: TypeID, _ tables: Tables) -> String {
    type.index < tables.types.count ? tables.text(type) : "?"
  }

  /// Rows as lines with their columns aligned.
  private static func aligned(_ rows: [[String]]) -> [String] {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line +=
          column == row.count - 1
          ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 2)
      }
      return line
    }
  }
}

/// Prints instructions of a kernel, for dumps and for messages about it.
struct KernelText {
  private let kernel: Kernel
  private let tables: Tables
  private let indices: Set<Register>

  init(_ kernel: Kernel, _ tables: Tables) {
    self.kernel = kernel
    self.tables = tables
    indices = Set(
      kernel.instructions.compactMap { instruction in
        if case .loop(let loop) = instruction { loop.index } else { nil }
      })
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
    case .constant: return "\(number(scalar.immediate, scalar.dtype)) as \(scalar.dtype.name)"
    case .cast, .bitcast: return "\(scalar.op)(\(operands)) as \(scalar.dtype.name)"
    case .call:
      let function = ElementaryFunction(immediate: scalar.immediate)
      return "\(function.map { "\($0)" } ?? "?")(\(operands))"
    default: return "\(scalar.op)(\(operands))"
    }
  }

  private func number(_ bits: UInt64, _ dtype: DType) -> String {
    switch dtype {
    case .f32: "\(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))"
    case .f64: "\(Double(bitPattern: bits))"
    case .i32: "\(Int32(truncatingIfNeeded: bits))"
    case .i64: "\(Int64(bitPattern: bits))"
    case .u8: "\(UInt8(truncatingIfNeeded: bits))"
    case .bool: bits == 0 ? "false" : "true"
    case .f16, .bf16: "\(NarrowFloat.widened(UInt16(truncatingIfNeeded: bits), dtype))"
    }
  }

  /// An index expression: `i0*T + i1 + 5`.
  func text(_ affine: Affine) -> String {
    var parts = affine.terms.map { term -> String in
      let coefficient = PlanPrinter.text(term.coefficient, tables)
      if coefficient == "1" { return name(term.register) }
      let isSum = coefficient.dropFirst().contains { $0 == "+" || $0 == "-" }
      return "\(name(term.register))*\(isSum ? "(\(coefficient))" : coefficient)"
    }
    let constant = PlanPrinter.text(affine.constant, tables)
    if constant != "0" || parts.isEmpty { parts.append(constant) }
    return parts.joined(separator: " + ")
  }

  /// A register: `i3` for the index of a loop, else `v3`.
  func name(_ register: Register) -> String { indices.contains(register) ? "i\(register)" : "v\(register)" }

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
