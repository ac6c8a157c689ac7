import SluiceIR
import SluicePlan

/// The declarations of a model's interface: the header, and the beginning of the C file.
struct CHeader {
  let model: CModel
  private let graphHash: UInt64

  init(_ model: CModel, graphHash: UInt64) {
    self.model = model
    self.graphHash = graphHash
  }

  func name(_ own: String) -> String { model.helpers.name(own) }
  func macro(_ own: String) -> String { model.helpers.macro(own) }

  /// What the declarations define, and all that is printed without a template.
  static let templates =
    """
    @@H_INCLUDED @@API @@FUNCTION @@ABI_VERSION @@TOOL_VERSION @@GRAPH_HASH @@PARAMS_HASH @@ALIGN @@PARAMS_BYTES @@STATE_BYTES
    @@ARENA_BYTES @@THREADS @@SOFTWARE_FMA @@ALIGNED @status @context @status_string @reset @params_bind @embedded
    """ + statuses.map { "@@\($0.name)" }.joined(separator: " ")

  /// The status codes in order.
  private static let statuses: [(name: String, text: String)] = [
    ("OK", "it worked"),
    ("ERROR_NULL", "a pointer that is needed is NULL"),
    ("ERROR_DIM", "a dim is negative, above its maximum, or makes another one negative"),
    ("ERROR_ALIGNMENT", "a pointer is not aligned: elements to their size, blocks to ALIGN"),
    ("ERROR_ARENA", "the arena is too small"),
    ("ERROR_PARAMS", "the parameters file is of another model, of another version, or damaged"),
    ("ERROR_ALIAS", "memory that is written overlaps other memory of the call"),
    ("ERROR_FUNCTION", "there is no function of that number"),
    ("ERROR_INDEX", "an index or a class in an input is out of range"),
    ("ERROR_ARITHMETIC", "the compiler or the processor computes otherwise than promised"),
  ]

  /// The text between the include guards, and these.
  var text: String {
    var writer = CWriter()
    writer.directive("#ifndef \(macro("H_INCLUDED"))")
    writer.directive("#define \(macro("H_INCLUDED"))")
    writer.blank()
    writeUse(&writer)
    writer.directive("#include <stddef.h>")
    writer.directive("#include <stdint.h>")
    writer.blank()
    writer.directive("#ifdef __cplusplus")
    writer.directive("extern \"C\" {")
    writer.directive("#endif")
    writer.blank()
    writer.comment([
      "May be defined as `static` or as an attribute for exported functions, before this is included."
    ])
    writer.directive("#ifndef \(macro("API"))")
    writer.directive("#define \(macro("API"))")
    writer.directive("#endif")
    writer.comment(["A function that a program need not call."])
    writer.directive("#if defined(__GNUC__)")
    writer.directive("#define \(macro("FUNCTION")) \(macro("API")) __attribute__((unused))")
    writer.directive("#else")
    writer.directive("#define \(macro("FUNCTION")) \(macro("API"))")
    writer.directive("#endif")
    writer.blank()
    writeVersions(&writer)
    writeMemory(&writer)
    writeReach(&writer)
    writeStatus(&writer)
    writeContext(&writer)
    writeCommonFunctions(&writer)
    for position in model.publicFunctions { write(position, &writer) }
    writer.raw(CGeneric(model).declarations)
    writer.raw(CSelfTest(model).declarations)
    writer.raw(CPool(model).declarations)
    writer.raw(CProfile(model).declarations)
    writer.directive("#ifdef __cplusplus")
    writer.directive("}")
    writer.directive("#endif")
    writer.directive("#endif")
    return writer.text
  }

  private func writeVersions(_ writer: inout CWriter) {
    writer.directive("#define \(macro("ABI_VERSION")) \(CSource.abiVersion)")
    writer.directive("#define \(macro("TOOL_VERSION")) \(CText.string(model.options.toolVersion))")
    writer.directive("#define \(macro("GRAPH_HASH")) UINT64_C(0x\(CText.hex(graphHash, 16)))")
    if model.plan.parameterBytes > 0 {
      let hash = PlanHash.parameterLayout(model.plan)
      writer.directive("#define \(macro("PARAMS_HASH")) UINT64_C(0x\(CText.hex(hash, 16)))")
    }
    writer.blank()
  }

  private func writeMemory(_ writer: inout CWriter) {
    let plan = model.plan
    writer.comment([
      "Memory in bytes. Parameters, state and arena begin at multiples of \(macro("ALIGN")). The arena holds nothing "
        + "between calls, so functions may share one of \(macro("ARENA_BYTES"))."
    ])
    writer.directive("#define \(macro("ALIGN")) 64")
    writer.directive("#define \(macro("PARAMS_BYTES")) \(plan.parameterBytes)")
    writer.directive("#define \(macro("STATE_BYTES")) \(plan.stateBytes)")
    for (function, names) in zip(plan.functions, model.functions) {
      writer.directive("#define \(names.macro)_ARENA_BYTES \(function.arenaBytes)")
    }
    writer.directive("#define \(macro("ARENA_BYTES")) \(plan.functions.map(\.arenaBytes).max() ?? 0)")
    writer.blank()
    write(plan.parameters, model.parameterMacros, "parameters", &writer)
    write(plan.states, model.stateMacros, "state", &writer)
  }

  private func write(
    _ variables: [ModulePlan.Variable], _ macros: [String], _ plural: String, _ writer: inout CWriter
  ) {
    if variables.isEmpty { return }
    let isState = plural == "state"
    var comment = "Where the tensors of the \(plural) begin, in bytes, and how many elements they have."
    if isState, variables.contains(where: \.isParameter) {
      comment +=
        " Functions write those that are called parameters. Bytes between tensors are padding that functions do not "
        + "touch: clear the block before the first call if it is to be written to a file."
    }
    writer.comment([comment])
    for (variable, macro) in zip(variables, macros) {
      let count = variable.byteCount / model.tables.types.dtype(variable.type).byteCount
      writer.directive(
        "#define \(macro)_OFFSET \(variable.offset)  /* "
          + CText.comment(
            "\(isState && variable.isParameter ? "parameter " : "")@\(variable.name) : \(model.tables.text(variable.type))"
          )
          + " */")
      writer.directive("#define \(macro)_COUNT \(count)")
    }
    writer.blank()
  }

  private func writeStatus(_ writer: inout CWriter) {
    writer.comment(["What a call says. Unless it is \(macro("OK")), nothing was written."])
    writer.open("typedef enum \(name("status"))")
    for (position, row) in Self.statuses.enumerated() {
      let comma = position + 1 < Self.statuses.count ? "," : ""
      writer.line(
        "\(macro(row.name)) = \(position)\(comma)", remark: row.text.replacing("ALIGN", with: macro("ALIGN")))
    }
    writer.close("} \(name("status"));")
    writer.blank()
  }

  private func writeContext(_ writer: inout CWriter) {
    writer.comment([
      "Where a model's memory is. The caller owns it all; a model keeps nothing. Several threads may call at once "
        + "with contexts that share parameters but neither state nor arena."
    ])
    writer.open("typedef struct \(name("context"))")
    let isEmbedded =
      if case .embedded = model.options.parameters { model.plan.parameterBytes > 0 } else { false }
    let parameters = isEmbedded ? "; NULL: those in the C file" : ""
    writer.line(
      "const void *params;",
      remark: model.plan.parameterBytes > 0
        ? "\(macro("PARAMS_BYTES")), only read\(parameters)"
        : "not used: this model has no parameters that stay")
    let first =
      switch model.options.initialState {
      case .reset: "see \(name("reset"))"
      case .function(let function): "\(functionName(function)) writes its first values"
      case .file: "\(model.name).state has its first values"
      }
    let state =
      model.plan.stateBytes > 0
      ? "\(macro("STATE_BYTES")), \(first); a copy is a checkpoint" : "not used: this model has no state"
    writer.line("void *state;", remark: state)
    writer.line("void *arena;", remark: "scratch memory")
    writer.line("size_t arena_bytes;")
    writer.comment([
      "Calls body(argument, index) for every index from 0 up to count, in any order, on any threads, and returns "
        + "when all are done. NULL: everything runs in the calling thread. Results are the same, bit for bit."
    ])
    writer.line(
      "void (*parallel_for)(void *user, int64_t count, void (*body)(void *argument, int64_t index), void *argument);"
    )
    writer.line("void *user;", remark: "the first argument of parallel_for")
    writer.close("} \(name("context"));")
    writer.blank()
  }

  private func writeCommonFunctions(_ writer: inout CWriter) {
    writer.comment(["A status in words."])
    writer.line("\(macro("FUNCTION")) const char *\(name("status_string"))(\(name("status")) status);")
    writer.blank()
    writer.raw(CArithmetic(model).declaration)
    if model.plan.stateBytes > 0 { writeInitialState(&writer) }
    if model.plan.parameterBytes > 0 {
      writer.comment([
        "Checks a parameters file in memory and makes context->params point into it; nothing is copied. The file "
          + "must begin at a multiple of \(macro("ALIGN")), as a mapped one does, and stay where it is."
      ])
      writer.line(
        "\(macro("FUNCTION")) \(name("status")) \(name("params_bind"))(\(name("context")) *context, const void *file, size_t bytes);"
      )
      writer.blank()
    }
  }

  private func writeInitialState(_ writer: inout CWriter) {
    switch model.options.initialState {
    case .reset:
      writer.comment([
        "Writes the initial state. It must run once before any function that works on the state."
          + (model.drawing.map { model.plan.functions[$0].arenaBytes > 0 } ?? false
            ? " It needs the arena." : "")
      ])
      writer.line(
        "\(macro("FUNCTION")) \(name("status")) \(name("reset"))(const \(name("context")) *context);")
    case .function(let name):
      writer.comment([
        "The initial state is not in this file: \(functionName(name)) writes all of it, and must run once before any "
          + "other function that works on the state; or the caller puts a checkpoint there."
      ])
    case .file:
      writer.comment([
        "The initial state is the file \(model.name).state, \(macro("STATE_BYTES")) bytes: the caller reads it into "
          + "context->state before any function that works on the state."
      ])
    }
    writer.blank()
  }

  /// The C name of a function.
  func functionName(_ name: String) -> String {
    zip(model.plan.functions, model.functions).first { $0.0.name == name }?.1.name ?? name
  }

  // MARK: Functions

  private func write(_ position: Int, _ writer: inout CWriter) {
    let function = model.plan.functions[position]
    let names = model.functions[position]
    writeMacros(function, names, &writer)
    if let type = names.dimsType {
      writer.open("typedef struct \(type)")
      for (member, symbol) in zip(names.symbols, function.symbols) {
        let bound = model.tables.dims.symbols[symbol.index].bound
        writer.line("int64_t \(member);", remark: "at most \(bound)")
      }
      writer.close("} \(type);")
      writer.blank()
    }
    if let type = names.inputsType {
      writer.open("typedef struct \(type)")
      for (member, port) in zip(names.inputs, function.inputs) {
        let dtype = model.tables.types.dtype(port.type)
        let isScalar = model.tables.types.rank(port.type) == 0
        let remark = isScalar && dtype == .bool ? "bool: true unless 0" : Self.remark(port, model)
        writer.line("\(isScalar ? "\(dtype.cType) " : "const \(dtype.cType) *")\(member);", remark: remark)
      }
      writer.close("} \(type);")
      writer.blank()
    }
    if let type = names.outputsType {
      writer.open("typedef struct \(type)")
      for (member, port) in zip(names.outputs, function.outputs) {
        let dtype = model.tables.types.dtype(port.type)
        writer.line("\(dtype.cType) *\(member);", remark: Self.remark(port, model))
      }
      writer.close("} \(type);")
      writer.blank()
    }
    writer.comment(Self.summary(function, model.tables) + written(function) + indexed(position))
    writer.line("\(macro("FUNCTION")) \(name("status")) \(names.name)(\(Self.parameters(model, position)));")
    writer.blank()
  }

  /// What a function is, in words.
  static func summary(_ function: ExecutionPlan, _ tables: Tables) -> [String] {
    func list(_ ports: [Port]) -> String {
      ports.map { "\($0.name): \(tables.text($0.type))" }.joined(separator: ", ")
    }
    let comment = function.comment.isEmpty ? ["The function @\(function.name)."] : function.comment
    return comment + ["", "@\(function.name)(\(list(function.inputs))) -> (\(list(function.outputs)))"]
  }

  /// Which parameters a function writes, in words; nothing where it writes none.
  private func written(_ function: ExecutionPlan) -> [String] {
    let trained = model.plan.states.indices.filter { model.plan.states[$0].isParameter }
    guard !trained.isEmpty else { return [] }
    let stored = function.writtenStates(model.plan.kernels)
    let written = trained.filter(stored.contains).map { model.plan.states[$0].name }
    if written.isEmpty { return [] }
    if written.count == trained.count { return ["Writes all parameters that are in the state."] }
    let shown = written.prefix(8).map { "@\($0)" }.joined(separator: ", ")
    return ["Writes \(written.count) parameters: \(shown)\(written.count > 8 ? ", ..." : "")."]
  }

  /// Which inputs have indices or classes, in words; nothing where none has.
  private func indexed(_ position: Int) -> [String] {
    let level = model.indexLevels[position]
    guard level != .none else { return [] }
    let function = model.plan.functions[position]
    var lines: [String] = []
    for use in function.indexUses {
      let name = function.inputs[use.input].name
      let size = model.tables.text(use.size)
      let line =
        use.role == .index
        ? "\(name) has indices into \(size) elements, those below 0 from the end."
        : "\(name) has classes less than \(size), below 0 for none."
      if !lines.contains(line) { lines.append(line) }
    }
    let refusal =
      level == .cheap
      ? "Others give \(macro("ERROR_INDEX")), unless \(macro("CHECK_INDICES")) is 0."
      : "Others give \(macro("ERROR_INDEX")) where \(macro("CHECK_INDICES")) is 2."
    return lines + [refusal]
  }

  /// The parameters of a function's entry point.
  static func parameters(_ model: CModel, _ position: Int) -> String {
    let names = model.functions[position]
    return
      (["const \(model.helpers.name("context")) *context"]
      + [
        names.dimsType.map { "const \($0) *dims" }, names.inputsType.map { "const \($0) *inputs" },
        names.outputsType.map { "const \($0) *outputs" },
      ].compactMap { $0 }).joined(separator: ", ")
  }

  private func writeMacros(_ function: ExecutionPlan, _ names: CFunction, _ writer: inout CWriter) {
    let dims = model.tables.dims
    for (macro, symbol) in zip(names.maxima, function.symbols) {
      writer.directive("#define \(macro) \(dims.symbols[symbol.index].bound)")
    }
    let symbolNames = Dictionary(uniqueKeysWithValues: zip(function.symbols, names.symbols))
    let printer = CDims(dims, symbolNames.mapValues { "(\($0))" }, cast: "(int64_t)")
    func factor(_ dim: DimID) -> String {
      if let symbol = dims.symbol(dim) { return "(size_t)(\(symbolNames[symbol] ?? ""))" }
      return "(size_t)\(printer.expression(dim).text(atLeast: .primary))"
    }
    for (macro, port) in zip(names.inputMacros + names.outputMacros, function.inputs + function.outputs) {
      let shape = model.tables.types.shape(port.type)
      writer.directive("#define \(macro)_RANK \(shape.count)")
      let mentioned = function.symbols.filter { symbol in
        shape.contains { dims.symbols(in: $0).contains(symbol) }
      }
      let arguments = mentioned.map { symbolNames[$0] ?? "" }.joined(separator: ", ")
      let factors = shape.map(factor)
      let count = factors.isEmpty ? "((size_t)1)" : "(\(factors.joined(separator: " * ")))"
      writer.directive(
        "#define \(macro)_COUNT\(mentioned.isEmpty ? "" : "(\(arguments))") \(count)")
    }
    if !function.symbols.isEmpty || !function.inputs.isEmpty || !function.outputs.isEmpty { writer.blank() }
  }

  /// What stands behind a member for an input or output.
  private static func remark(_ port: Port, _ model: CModel) -> String {
    let text = model.tables.text(port.type)
    return model.tables.types.dtype(port.type).isNarrow ? "\(text): the bits of each element" : text
  }
}
