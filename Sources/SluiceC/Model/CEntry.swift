import SluiceIR
import SluicePlan

/// The entry point of one function: it checks everything, then runs the steps.
struct CEntry {
  private let model: CModel
  private let position: Int
  private let function: ExecutionPlan
  private let names: CFunction
  /// The number of its first step among those of all functions.
  private let firstStep: Int
  private let kernels: [CKernel]
  private var dims: CDims
  private var symbolNames: [SymbolID: String] = [:]
  private var usedSymbols: Set<SymbolID> = []
  private var scope: NameScope
  /// The names of the pointers to buffers, in order of first use.
  private var pointers: [(buffer: Int, name: String)] = []
  private var pointerOf: [Int: String] = [:]
  /// The tables of the file; they grow by the constants that steps use.
  private var tables: CTables
  /// The blocks of memory that pointers point into.
  private var blocks: Set<String> = []

  /// The definition.
  private(set) var text = ""

  /// The most buffers that get a variable each: the frame of unoptimised code stays small.
  private static let mostPointers = 100

  init(_ model: CModel, _ position: Int, _ kernels: [CKernel], _ tables: inout CTables) {
    self.model = model
    self.position = position
    self.kernels = kernels
    firstStep = CProfile(model).firstStep(position)
    function = model.plan.functions[position]
    names = model.functions[position]
    scope = NameScope(
      prefix: model.prefix,
      [
        "context", "dims", "inputs", "outputs", "params", "state", "arena", "spans", "status", "sizes",
        "values", "i",
      ])
    dims = CDims(model.tables.dims, [:])
    for symbol in function.symbols {
      symbolNames[symbol] = scope.claim(model.tables.strings[dims.dims.symbols[symbol.index].name])
    }
    dims = CDims(model.tables.dims, symbolNames)
    self.tables = tables
    text = print()
    tables = self.tables
  }

  private mutating func print() -> String {
    var writer = CWriter()
    let isReset = position == model.drawing
    let initial = isReset ? CInterface.initialValues(model) : (code: "", tables: "")
    writer.raw(initial.tables)
    if isReset { blocks.insert("state") }
    let parameters = CHeader.parameters(model, position)
    let arguments =
      ["context"]
      + [
        names.dimsType.map { _ in "dims" }, names.inputsType.map { _ in "inputs" },
        names.outputsType.map { _ in "outputs" },
      ].compactMap { $0 }
    let check = model.checkNames[position]
    var indexCheck = CIndexCheck(model, position)
    writer.raw(indexCheck.definition())
    writer.comment(["What \(names.name) asks of its arguments."])
    writer.line(model.helpers.macro("NOINLINE"))
    writer.open("static \(model.helpers.name("status")) \(check)(\(parameters))")
    var checks = CWriter(depth: 1)
    printChecks(&checks)
    printNullChecks(&writer)
    printDimChecks(&writer)
    printSymbols(&writer)
    writer.raw(checks.text)
    indexCheck.call(&writer)
    writer.line("return \(model.helpers.macro("OK"));")
    writer.close()
    writer.blank()

    usedSymbols = []
    var steps = CWriter(depth: 1)
    printSteps(&steps)
    if !isReset { writer.comment(CHeader.summary(function, model.tables)) }
    writer.open("\(model.helpers.macro("API")) \(model.helpers.name("status")) \(names.name)(\(parameters))")
    writer.line(
      "const \(model.helpers.name("status")) status = \(check)(\(arguments.joined(separator: ", ")));")
    writer.open("if (status != \(model.helpers.macro("OK")))")
    writer.line("return status;")
    writer.close()
    if isReset || writesFirstValues {
      let arithmetic = scope.claim("arithmetic")
      let call = "\(model.helpers.name("check_arithmetic"))()"
      writer.line("const \(model.helpers.name("status")) \(arithmetic) = \(call);")
      writer.open("if (\(arithmetic) != \(model.helpers.macro("OK")))")
      writer.line("return \(arithmetic);")
      writer.close()
    }
    printSymbols(&writer)
    printPointers(&writer)
    writer.blank()
    writer.raw(initial.code)
    writer.raw(steps.text)
    writer.line("\(model.helpers.macro("STEP"))(-1);")
    writer.line("return \(model.helpers.macro("OK"));")
    writer.close()
    return writer.text
  }

  /// Whether the function is the one that callers run before all others.
  private var writesFirstValues: Bool {
    function.name == "init" || model.options.initialState == .function(function.name)
  }

  private mutating func expression(_ dim: DimID) -> CExpression {
    usedSymbols.formUnion(dims.dims.symbols(in: dim))
    return dims.expression(dim)
  }

  // MARK: Checks

  private func refuse(_ conditions: [String], _ status: String, _ writer: inout CWriter) {
    guard !conditions.isEmpty else { return }
    writer.open("if (\(conditions.joined(separator: " || ")))")
    writer.line("return \(model.helpers.macro("ERROR_\(status)"));")
    writer.close()
  }

  private func printNullChecks(_ writer: inout CWriter) {
    var parameters = ["context"]
    if names.dimsType != nil { parameters.append("dims") }
    if names.inputsType != nil { parameters.append("inputs") }
    if names.outputsType != nil { parameters.append("outputs") }
    refuse(parameters.map { "\($0) == NULL" }, "NULL", &writer)
  }

  private func printDimChecks(_ writer: inout CWriter) {
    let conditions = zip(names.symbols, names.maxima).flatMap { ["dims->\($0) < 0", "dims->\($0) > \($1)"] }
    refuse(conditions, "DIM", &writer)
  }

  /// Variables for the symbols that were used in expressions.
  private func printSymbols(_ writer: inout CWriter) {
    for (member, symbol) in zip(names.symbols, function.symbols) where usedSymbols.contains(symbol) {
      writer.line("const ptrdiff_t \(symbolNames[symbol] ?? "") = (ptrdiff_t)dims->\(member);")
    }
  }

  /// A port that is passed as a pointer.
  private struct Tensor {
    /// Expressions of the pointer and of the number of bytes.
    var pointer: String
    var dtype: DType
    var bytes: String
    /// What must hold, all of it, for the tensor to have elements; nil where it never has any.
    var conditions: [String]?

    /// Whether its pointer is missing: a tensor without elements needs none.
    var isMissing: String? {
      guard let conditions else { return nil }
      let test = "\(pointer) == NULL"
      return conditions.isEmpty ? test : "(\(([test] + conditions).joined(separator: " && ")))"
    }
  }

  /// The ports that are passed as pointers.
  private mutating func tensors(
    _ ports: [Port], _ members: [String], _ parent: String
  ) -> [Tensor] {
    var result: [Tensor] = []
    for (port, member) in zip(ports, members) {
      let shape = model.tables.types.shape(port.type)
      if shape.isEmpty, parent == "inputs" { continue }
      let dtype = model.tables.types.dtype(port.type)
      var factors: [String] = []
      var symbols: [String] = []
      var fixed: Int64 = 1
      for dim in shape {
        if let value = dims.dims.value(dim) {
          fixed *= value
        } else {
          let length = expression(dim)
          factors.append("(size_t)\(length.text(atLeast: .primary))")
          symbols.append("\(length.text(atLeast: .additive)) != 0")
        }
      }
      if fixed != 1 { factors.append(String(fixed)) }
      factors.append("sizeof(\(dtype.cType))")
      let conditions = fixed == 0 ? nil : symbols
      result.append(
        Tensor(
          pointer: "\(parent)->\(member)", dtype: dtype, bytes: factors.joined(separator: " * "),
          conditions: conditions))
    }
    return result
  }

  private mutating func printChecks(_ writer: inout CWriter) {
    for dim in function.checkedDims { refuse(["\(expression(dim).text) < 0"], "DIM", &writer) }
    let inputs = tensors(function.inputs, names.inputs, "inputs")
    let outputs = tensors(function.outputs, names.outputs, "outputs")
    let usesState =
      model.plan.stateBytes > 0
      && (position == model.drawing || model.works(position) { if case .state = $0 { true } else { false } })
    let usesParameters =
      model.plan.parameterBytes > 0
      && model.works(position) { if case .parameter = $0 { true } else { false } }
    let usesArena = function.arenaBytes > 0

    var nulls = (inputs + outputs).compactMap(\.isMissing)
    let isEmbedded = if case .embedded = model.options.parameters { true } else { false }
    if usesParameters, !isEmbedded { nulls.append("context->params == NULL") }
    if usesState { nulls.append("context->state == NULL") }
    if usesArena { nulls.append("context->arena == NULL") }
    refuse(nulls, "NULL", &writer)

    var misaligned: [String] = []
    func note(_ pointer: String, _ alignment: String) {
      misaligned.append("\(model.helpers.use("misaligned"))(\(pointer), \(alignment))")
    }
    for tensor in inputs + outputs where tensor.dtype.byteCount > 1 && tensor.conditions != nil {
      note(tensor.pointer, "sizeof(\(tensor.dtype.cType))")
    }
    if usesParameters { note("context->params", model.helpers.macro("ALIGN")) }
    if usesState { note("context->state", model.helpers.macro("ALIGN")) }
    if usesArena { note("context->arena", model.helpers.macro("ALIGN")) }
    refuse(misaligned, "ALIGNMENT", &writer)
    if usesArena { refuse(["context->arena_bytes < \(names.macro)_ARENA_BYTES"], "ARENA", &writer) }
    printOverlapCheck(
      outputs, inputs, usesState: usesState, usesParameters: usesParameters, &writer)
  }

  private func printOverlapCheck(
    _ outputs: [Tensor], _ inputs: [Tensor], usesState: Bool, usesParameters: Bool,
    _ writer: inout CWriter
  ) {
    var written = outputs.map { ($0.pointer, $0.bytes) }
    if usesState { written.append(("context->state", model.helpers.macro("STATE_BYTES"))) }
    if function.arenaBytes > 0 { written.append(("context->arena", "\(names.macro)_ARENA_BYTES")) }
    var read = inputs.map { ($0.pointer, $0.bytes) }
    if usesParameters { read.append(("context->params", model.helpers.macro("PARAMS_BYTES"))) }
    if names.inputsType != nil, inputs.count < function.inputs.count {
      read.append(("inputs", "sizeof *inputs"))
    }
    let rows = written + read
    guard !written.isEmpty, rows.count > 1 else { return }
    // Many tensors are compared block by block, so that the frame stays small.
    let size = 64
    let starts = Array(stride(from: 0, to: rows.count, by: size))
    model.helpers.use("overlap")
    writer.line("\(model.helpers.name("span")) spans[\(min(rows.count, 2 * size))];")
    for first in starts where first < written.count {
      for second in starts where second >= first {
        let block = Array(first..<min(first + size, rows.count))
        let other = second == first ? [] : Array(second..<min(second + size, rows.count))
        for (place, row) in (block + other).enumerated() {
          writer.line("spans[\(place)].start = \(rows[row].0);")
          writer.line("spans[\(place)].bytes = \(rows[row].1);")
        }
        let count = min(size, written.count - first)
        refuse(
          ["\(model.helpers.name("overlap"))(spans, \(count), \(block.count + other.count))"], "ALIAS",
          &writer)
      }
    }
  }

  // MARK: Steps

  private mutating func printSteps(_ writer: inout CWriter) {
    var opened: [Block] = []
    /// The calls of the `together` that is open.
    var waiting: [(kernel: CKernel, arguments: [Argument])] = []
    var scopes = model.plan.module.name
    for (position, step) in function.steps.enumerated() {
      switch step {
      case .call(let kernel, let arguments):
        if case .together? = opened.last {
          waiting.append((kernels[kernel.index], arguments))
        } else {
          printScopes(position..<position + 1, &scopes, &writer)
          printStep(position, &writer)
          printCall(kernels[kernel.index], arguments, &writer)
        }
      case .together: opened.append(.together)
      case .loop(let counter, let count, let reverse):
        let end = expression(count)
        let outer = symbolNames[counter]
        let name = scope.claim(model.tables.strings[dims.dims.symbols[counter.index].name])
        opened.append(.loop(counter, outer: outer))
        symbolNames[counter] = name
        dims = CDims(model.tables.dims, symbolNames)
        writer.open(
          reverse
            ? "for (ptrdiff_t \(name) = \(end.text) - 1; \(name) >= 0; --\(name))"
            : "for (ptrdiff_t \(name) = 0; \(name) < \(end.text); ++\(name))")
      case .forever:
        opened.append(.other)
        writer.open("for (;;)")
      case .leave(let flag):
        writer.open("if (\(element(flag)) == 0)")
        writer.line("break;")
        writer.close()
      case .branch(let flag):
        opened.append(.other)
        writer.open("if (\(element(flag)) != 0)")
      case .otherwise:
        writer.close("} else {")
        writer.depth += 1
      case .end:
        guard let block = opened.popLast() else { preconditionFailure("an end without a loop") }
        switch block {
        case .together:
          printScopes(position - waiting.count..<position, &scopes, &writer)
          printStep(position - waiting.count - 1, &writer)
          printTogether(waiting, &writer)
          waiting.removeAll()
          continue
        case .loop(let counter, let outer):
          symbolNames[counter] = outer
          dims = CDims(model.tables.dims, symbolNames)
        case .other: break
        }
        writer.close()
      }
    }
    precondition(opened.isEmpty, "a loop of `@\(function.name)` has no end")
  }

  /// Notes when a step begins, where times are measured.
  private func printStep(_ step: Int, _ writer: inout CWriter) {
    writer.line("\(model.helpers.macro("STEP"))(\(firstStep + step));")
  }

  /// Says which scopes steps belong to, where that changes.
  private func printScopes(_ steps: Range<Int>, _ last: inout String, _ writer: inout CWriter) {
    let scopes = function.scopes(ofSteps: steps, model.tables)
    if !scopes.isEmpty, scopes != last { writer.comment([scopes]) }
    last = scopes
  }

  /// What is open where a step stands.
  private enum Block {
    case loop(SymbolID, outer: String?)
    case together, other
  }

  private mutating func printCall(_ kernel: CKernel, _ arguments: [Argument], _ writer: inout CWriter) {
    let list = list(kernel, arguments)
    if kernel.isJob {
      return writer.line("\(kernel.name)_call(\((["context"] + list).joined(separator: ", ")));")
    }
    guard kernel.takesSizes else {
      return writer.line("\(kernel.name)(\(list.joined(separator: ", ")));")
    }
    let tensors = list.dropLast(kernel.symbols.count)
    let sizes = list.suffix(kernel.symbols.count)
    writer.openBlock()
    writer.line("const ptrdiff_t sizes[\(sizes.count)] = {\(sizes.joined(separator: ", "))};")
    writer.line("\(kernel.name)(\((tensors + ["sizes"]).joined(separator: ", ")));")
    writer.close()
  }

  /// Calls that run together, in tables with a row a call, one table a kernel.
  private mutating func printTogether(
    _ calls: [(kernel: CKernel, arguments: [Argument])], _ writer: inout CWriter
  ) {
    // What has too many sizes for a row comes first.
    for (kernel, arguments) in calls where !kernel.isJob { printCall(kernel, arguments, &writer) }
    var tables: [(kernel: CKernel, rows: [String])] = []
    for (kernel, arguments) in calls where kernel.isJob {
      let row = "{\(list(kernel, arguments).joined(separator: ", "))}"
      if let table = tables.firstIndex(where: { $0.kernel.name == kernel.name }) {
        tables[table].rows.append(row)
      } else {
        tables.append((kernel, [row]))
      }
    }
    if tables.isEmpty { return }
    writer.openBlock()
    scope.open()
    var jobs: [String] = []
    for (kernel, rows) in tables {
      let name = scope.claim("rows")
      writer.line("const \(kernel.row) \(name)[\(rows.count)] = {\(rows.joined(separator: ", "))};")
      jobs.append("\(kernel.name)_job(\(name), \(rows.count))")
    }
    if jobs.count == 1 {
      writer.line("\(model.helpers.use("run_job"))(context, \(jobs[0]));")
    } else {
      let name = scope.claim("jobs")
      writer.line("\(model.helpers.name("job")) \(name)[\(jobs.count)] = {\(jobs.joined(separator: ", "))};")
      writer.line("\(model.helpers.use("run_jobs"))(context, \(name), \(jobs.count));")
    }
    scope.close()
    writer.close()
  }

  /// The arguments of a call: pointers, then sizes.
  private mutating func list(_ kernel: CKernel, _ arguments: [Argument]) -> [String] {
    var list: [String] = []
    for slot in kernel.slots {
      let argument = arguments[slot]
      let pointer = pointer(argument.buffer.index)
      if dims.dims.value(argument.offset) == 0 {
        list.append(pointer)
      } else {
        list.append(CDims.sum([(false, CExpression(pointer))] + terms(argument.offset)).text)
      }
    }
    usedSymbols.formUnion(kernel.symbols)
    return list + kernel.symbols.map { dims.name($0) }
  }

  /// One element of a buffer.
  private mutating func element(_ argument: Argument) -> String {
    var pointer = pointer(argument.buffer.index)
    if pointer.contains(" ") || pointer.hasPrefix("&") { pointer = "(\(pointer))" }
    if dims.dims.value(argument.offset) == 0 { return "*\(pointer)" }
    return "\(pointer)[\(expression(argument.offset).text)]"
  }

  private mutating func terms(_ dim: DimID) -> [(isNegative: Bool, term: CExpression)] {
    usedSymbols.formUnion(dims.dims.symbols(in: dim))
    return dims.terms(dim)
  }

  /// The expression of a pointer to a buffer's first element.
  private mutating func pointer(_ position: Int) -> String {
    if let known = pointerOf[position] { return known }
    let buffer = function.buffers[position]
    switch buffer.storage {
    case .constant(let id): return tables.pointer(id)
    case .parameter: blocks.insert("params")
    case .state: blocks.insert("state")
    case .arena: blocks.insert("arena")
    case .input, .output: break
    }
    guard pointers.count < Self.mostPointers else { return address(buffer) }
    let name = scope.claim(buffer.name)
    pointers.append((position, name))
    pointerOf[position] = name
    return name
  }

  private func address(_ buffer: Buffer) -> String {
    switch buffer.storage {
    case .parameter(let position):
      return elements(buffer.dtype, "params", model.plan.parameters[position].offset, isConstant: true)
    case .state(let position): return elements(buffer.dtype, "state", model.plan.states[position].offset)
    case .arena(let offset): return elements(buffer.dtype, "arena", offset)
    case .input(let position):
      let isScalar = model.tables.types.rank(function.inputs[position].type) == 0
      return "\(isScalar ? "&" : "")inputs->\(names.inputs[position])"
    case .output(let position): return "outputs->\(names.outputs[position])"
    case .constant: preconditionFailure("a constant has no address of its own")
    }
  }

  /// A pointer to elements in a block of memory, that many bytes behind its begin.
  private func elements(
    _ dtype: DType, _ block: String, _ offset: Int, isConstant: Bool = false
  ) -> String {
    let place = offset == 0 ? block : "\(block) + \(offset)"
    // Bytes need no other type.
    if dtype.byteCount == 1 { return place }
    _ = model.helpers.element(dtype)
    let name = dtype.name.uppercased()
    return "\(model.helpers.macro(isConstant ? "CONST_\(name)" : name))(\(place))"
  }

  private mutating func printPointers(_ writer: inout CWriter) {
    if blocks.contains("params") {
      let given =
        if case .embedded(let bytes) = model.options.parameters {
          "(context->params != NULL ? context->params : (const void *)\(tables.embedded(bytes)))"
        } else {
          "context->params"
        }
      writer.line("const unsigned char *const params = (const unsigned char *)\(given);")
    }
    if blocks.contains("state") {
      writer.line("unsigned char *const state = (unsigned char *)context->state;")
    }
    if blocks.contains("arena") {
      writer.line("unsigned char *const arena = (unsigned char *)context->arena;")
    }
    for (position, name) in pointers {
      let buffer = function.buffers[position]
      let isConstant =
        switch buffer.storage {
        case .parameter, .input: true
        default: false
        }
      let type = model.helpers.element(buffer.dtype)
      writer.line("\(isConstant ? "const " : "")\(type) *const \(name) = \(address(buffer));")
    }
  }
}
