import SluiceIR
import SluiceText

/// The text of a plan: `parsePlan` gives the plan back, and printing that gives the text back.
///
/// A plan that is not sound may give a text that cannot be read.
public func printPlan(_ plan: ModulePlan) -> String { PlanPrinter(plan).print() }

/// Prints plans: the one text form of a `ModulePlan`, for dumps and for messages.
struct PlanPrinter {
  private let plan: ModulePlan
  private let tables: Tables
  /// Per constant its name in the text; nil for one that no buffer holds.
  private var constantNames: [String?]
  private var lines: [String] = []

  init(_ plan: ModulePlan) {
    self.plan = plan
    tables = plan.tables
    constantNames = [String?](repeating: nil, count: plan.tables.constants.count)
  }

  /// A whole plan: constants, variables, functions with their buffers and steps, kernels.
  consuming func print() -> String {
    comment(plan.module.comment)
    lines.append("plan @\(plan.module.name)")
    symbols()
    constants()
    variables()
    for function in plan.functions {
      lines.append("")
      self.function(function)
    }
    for index in plan.kernels.indices {
      lines.append("")
      kernel(index)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A comment, one `//` line an entry; a line that the tests would take for theirs is left out.
  private mutating func comment(_ comment: [String]) { lines += commentLines(comment) }

  /// The order of the symbols, where it is not that of their first use.
  private mutating func symbols() {
    var seen: Set<SymbolID> = []
    var used: [SymbolID] = []
    func use(_ symbols: [SymbolID]) {
      for symbol in symbols where seen.insert(symbol).inserted { used.append(symbol) }
    }
    for function in plan.functions {
      use(function.symbols)
      for case .loop(let counter, _, _) in function.steps { use([counter]) }
    }
    for kernel in plan.kernels { use(kernel.symbols) }
    let sorted = used.sorted { $0.raw < $1.raw }
    if used != sorted { lines += ["", "symbols " + sorted.map(bounded).joined(separator: ", ")] }
  }

  /// A symbol with its largest value: `B <= 8`.
  private func bounded(_ symbol: SymbolID) -> String {
    symbol.index < tables.dims.symbols.count
      ? "\(Self.text(symbol, tables)) <= \(tables.dims.symbols[symbol.index].bound)" : "?"
  }

  private func whereClause(_ symbols: [SymbolID]) -> String {
    symbols.isEmpty ? "" : " where " + symbols.map(bounded).joined(separator: ", ")
  }

  /// The constants that buffers hold.
  private mutating func constants() {
    for case .constant(let id) in plan.functions.flatMap(\.buffers).map(\.storage)
    where id.index < constantNames.count { constantNames[id.index] = "" }
    var count = 0
    for index in constantNames.indices where constantNames[index] != nil {
      if count == 0 { lines.append("") }
      constantNames[index] = "c\(count)"
      let id = ConstantID(index)
      let type = Self.text(tables.constants.type(id), tables)
      lines.append("constant c\(count) : \(type) = \(printedConstant(id, tables))")
      count += 1
    }
  }

  /// The parameters and states as in the text of a module, and where they are in their blocks.
  private mutating func variables() {
    let declared = printedVariables(plan.module)
    if !declared.isEmpty { lines += [""] + declared }
    places("parameters", plan.parameters, plan.parameterBytes)
    places("states", plan.states, plan.stateBytes)
  }

  private mutating func places(_ title: String, _ variables: [ModulePlan.Variable], _ byteCount: Int) {
    if variables.isEmpty { return }
    lines += ["", "\(title) \(byteCount)"]
    lines += Self.aligned(variables.map { ["@\($0.name)", "at \($0.offset)"] }).map { "  " + $0 }
  }

  // MARK: Functions

  private mutating func function(_ function: ExecutionPlan) {
    func ports(_ ports: [Port]) -> String {
      ports.map { "\($0.name): \(Self.text($0.type, tables))" }.joined(separator: ", ")
    }
    comment(function.comment)
    lines.append(
      "func @\(function.name)(\(ports(function.inputs))) -> (\(ports(function.outputs)))"
        + whereClause(function.symbols) + " {")
    lines.append("  arena \(function.arenaBytes), at least \(function.lowerBoundBytes)")
    if !function.checkedDims.isEmpty {
      lines.append(
        "  check " + function.checkedDims.map { "\(Self.text($0, tables)) >= 0" }.joined(separator: ", "))
    }
    if !function.symbolChecks.rows.isEmpty {
      lines.append("  sizes " + function.symbolChecks.rows.map(text).joined(separator: ", "))
    }
    for use in function.indexUses { lines.append("  " + text(use, function)) }
    let labels = labels(function)
    if !function.buffers.isEmpty {
      lines.append("  buffers")
      let rows = function.buffers.enumerated().map { index, buffer in
        [
          "%\(index)", buffer.name, "\(buffer.dtype.name)[\(Self.text(buffer.count, tables))]",
          "\(buffer.capacity) bytes", storage(buffer, function),
        ]
      }
      lines += Self.aligned(rows).map { "    " + $0 }
    }
    lines.append("  steps")
    lines += steps(function, labels)
    lines.append("}")
  }

  private func text(_ row: SymbolChecks.Row) -> String {
    switch row {
    case .type(let type): Self.text(type, tables)
    case .dim(let dim, let op, let isSigned):
      "\(Self.text(dim, tables)) of \(op.definition.name)\(isSigned ? " signed" : "")"
    }
  }

  private func text(_ use: IndexUse, _ function: ExecutionPlan) -> String {
    let name = function.inputs.indices.contains(use.input) ? function.inputs[use.input].name : "?"
    let axes = use.axes.map { ", \(Self.text($0.extent, tables)) by \(Self.text($0.stride, tables))" }
    let size = Self.text(use.size, tables)
    let low = use.hasLowerBound ? "-\(KernelText.factor(size)) " : ""
    let place = use.place.map { " at \(quoted($0.file)):\($0.line):\($0.column)" } ?? ""
    return
      "\(use.role == .index ? "index" : "label") \(name)[\(Self.text(use.offset, tables))\(axes.joined())] in "
      + "\(low)..< \(size) of \(use.op.definition.name)\(place)"
  }

  private func storage(_ buffer: Buffer, _ function: ExecutionPlan) -> String {
    func name<Row>(_ rows: [Row], _ position: Int, _ text: (Row) -> String) -> String {
      rows.indices.contains(position) ? text(rows[position]) : "?"
    }
    return switch buffer.storage {
    case .parameter(let position): "parameter @" + name(plan.parameters, position, \.name)
    case .state(let position): "state @" + name(plan.states, position, \.name)
    case .input(let position): "input " + name(function.inputs, position, \.name)
    case .output(let position): "output " + name(function.outputs, position, \.name)
    case .constant(let id):
      "constant " + (id.index < constantNames.count ? constantNames[id.index] ?? "?" : "?")
    case .arena(let offset): "arena \(offset) ..< \(offset &+ buffer.capacity)"
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

  private func steps(_ function: ExecutionPlan, _ labels: [String]) -> [String] {
    var lines: [String] = []
    var indent = "    "
    let width = String(max(function.steps.count - 1, 0)).count
    for (number, step) in function.steps.enumerated() {
      if step == .end || step == .otherwise, indent.count > 4 { indent.removeLast(2) }
      let position = String(repeating: " ", count: max(0, width - String(number).count)) + String(number)
      let scopes = function.scopes(ofSteps: number..<number + 1, tables)
      let origin = scopes.isEmpty || scopes == plan.module.name ? "" : "  // \(scopes)"
      lines.append("    \(position)\(indent.dropFirst(2))\(text(step, labels))\(origin)")
      switch step {
      case .loop, .forever, .branch, .otherwise, .together: indent += "  "
      case .call, .leave, .end: break
      }
    }
    return lines
  }

  private func text(_ step: Step, _ labels: [String]) -> String {
    func element(_ flag: Argument) -> String {
      let label = labels.indices.contains(flag.buffer.index) ? labels[flag.buffer.index] : "?"
      return "\(label)[\(Self.text(flag.offset, tables))]"
    }
    switch step {
    case .end: return "}"
    case .otherwise: return "} else {"
    case .branch(let flag): return "if \(element(flag)) {"
    case .forever: return "loop {"
    case .together: return "together {"
    case .leave(let flag): return "leave unless \(element(flag))"
    case .loop(let counter, let count, let reverse):
      let end = Self.text(count, tables)
      return "loop \(bounded(counter)) in 0 ..< \(end)\(reverse ? " reversed" : "") {"
    case .call(let kernel, let arguments):
      let texts = arguments.map { argument in
        let label = labels.indices.contains(argument.buffer.index) ? labels[argument.buffer.index] : "?"
        let offset = Self.text(argument.offset, tables)
        return offset == "0" ? label : "\(label) + \(offset)"
      }
      return "call \(plan.kernelName(kernel))(\(texts.joined(separator: ", ")))"
    }
  }
  // MARK: Kernels

  private mutating func kernel(_ index: Int) {
    let kernel = plan.kernels[index]
    let slots = kernel.slots.map { "\($0.name): \(Self.text($0.access)) \($0.dtype.name)" }
    comment(kernel.comment)
    lines.append(
      "kernel \(plan.kernelName(KernelID(index)))(\(slots.joined(separator: ", ")))"
        + whereClause(kernel.symbols)
        + " {")
    let text = KernelText(kernel, tables)
    var indent = "  "
    var sums = kernel.sumsByInstruction()[...]
    for (position, instruction) in kernel.instructions.enumerated() {
      if instruction == .end, indent.count > 2 { indent.removeLast(2) }
      lines.append(indent + text.text(instruction))
      while let next = sums.first, next.instruction <= position {
        lines.append(indent + text.text(sum: next.sum))
        sums.removeFirst()
      }
      switch instruction {
      case .loop, .if: indent += "  "
      default: break
      }
    }
    lines.append("}")
  }

  // MARK: Small texts

  private static func text(_ access: Slot.Access) -> String {
    switch access {
    case .read: "read"
    case .write: "write"
    case .readWrite: "update"
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
