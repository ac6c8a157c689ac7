import SluiceIR
import SluicePlan

/// The entry point of one function: it checks everything, then runs the steps.
struct CEntry {
  let model: CModel
  let position: Int
  let function: ExecutionPlan
  let names: CFunction
  /// The number of its first step among those of all functions.
  let firstStep: Int
  let kernels: [CKernel]
  var dims: CDims
  var symbolNames: [SymbolID: String] = [:]
  var usedSymbols: Set<SymbolID> = []
  var scope: NameScope
  /// The names of the pointers to buffers, in order of first use.
  private var pointers: [(buffer: Int, name: String)] = []
  private var pointerOf: [Int: String] = [:]
  /// The tables of the file; they grow by the constants that steps use.
  private var tables: CTables
  /// The calls that are printed once for all repetitions, while they are.
  var repetition: CRepetition?
  /// The blocks of memory that pointers point into.
  private var blocks: Set<String> = []

  /// The definition.
  private(set) var text = ""

  /// The most buffers that get a variable each: the frame of unoptimised code stays small.
  static let mostPointers = 100

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
    printSteps(function.steps.indices, &steps)
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

  mutating func expression(_ dim: DimID) -> CExpression {
    usedSymbols.formUnion(dims.dims.symbols(in: dim))
    return dims.expression(dim)
  }

  // MARK: Pointers

  /// The expression of a pointer to a buffer's first element.
  mutating func pointer(_ position: Int) -> String {
    if let known = pointerOf[position] { return known }
    let buffer = function.buffers[position]
    if case .constant(let id) = buffer.storage { return tables.pointer(id) }
    noteBlock(buffer)
    guard pointers.count < Self.mostPointers else { return address(buffer) }
    let name = scope.claim(buffer.name, depth: 0)
    pointers.append((position, name))
    pointerOf[position] = name
    return name
  }

  /// Notes the block of memory that a buffer is in.
  mutating func noteBlock(_ buffer: Buffer) {
    switch buffer.storage {
    case .parameter: blocks.insert("params")
    case .state: blocks.insert("state")
    case .arena: blocks.insert("arena")
    case .constant, .input, .output: break
    }
  }

  private func address(_ buffer: Buffer) -> String {
    switch buffer.storage {
    case .parameter, .state, .arena: return elements(buffer, String(offset(buffer)))
    case .input(let position):
      let isScalar = model.tables.types.rank(function.inputs[position].type) == 0
      return "\(isScalar ? "&" : "")inputs->\(names.inputs[position])"
    case .output(let position): return "outputs->\(names.outputs[position])"
    case .constant: preconditionFailure("a constant has no address of its own")
    }
  }

  /// Where a buffer begins in its block of memory, in bytes.
  func offset(_ buffer: Buffer) -> Int {
    switch buffer.storage {
    case .parameter(let position): model.plan.parameters[position].offset
    case .state(let position): model.plan.states[position].offset
    case .arena(let offset): offset
    case .input, .output, .constant: 0
    }
  }

  /// A pointer to the elements of a buffer in a block of memory, that many bytes behind its begin.
  func elements(_ buffer: Buffer, _ offset: String) -> String {
    let (block, isConstant) =
      switch buffer.storage {
      case .parameter: ("params", true)
      case .state: ("state", false)
      default: ("arena", false)
      }
    let place = offset == "0" ? block : "\(block) + \(offset)"
    // Bytes need no other type.
    if buffer.dtype.byteCount == 1 { return place }
    _ = model.helpers.element(buffer.dtype)
    let name = buffer.dtype.name.uppercased()
    return "\(model.helpers.macro(isConstant ? "CONST_\(name)" : name))(\(place))"
  }

  /// The type of a pointer to a buffer, up to its name.
  func type(_ buffer: Buffer) -> String {
    let isConstant =
      switch buffer.storage {
      case .parameter, .input: true
      default: false
      }
    return "\(isConstant ? "const " : "")\(model.helpers.element(buffer.dtype)) *"
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
      writer.line("\(type(buffer))const \(name) = \(address(buffer));")
    }
  }
}
