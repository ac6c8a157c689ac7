import SluiceIR
import SluicePlan

/// Reflection: what functions and tensors a model has, and one entry point for all of them, for bindings.
struct CGeneric {
  private let model: CModel

  init(_ model: CModel) { self.model = model }

  private var functions: [(plan: ExecutionPlan, names: CFunction)] {
    model.publicFunctions.map { (model.plan.functions[$0], model.functions[$0]) }
  }

  /// The part of the header.
  var declarations: String { model.helpers.expand(Self.declarations) }

  /// What is printed without a template.
  static let templates = declarations + "@function_table @param_table @state_table"

  private static let declarations = """
    #ifndef @@NO_REFLECTION
    /* A parameter, state, input or output. */
    typedef struct @tensor {
      const char *name;
      const char *type; /* "f32[B,64]" */
      uint8_t dtype;    /* 0 f32, 1 f64, 2 i32, 3 i64, 4 u8, 5 bool, 6 f16, 7 bf16 */
      uint8_t rank;
      int64_t dims[8]; /* a size; -1 - s for symbol s of the function; INT64_MIN: see the type */
      int64_t offset;  /* bytes from the beginning of the block of parameters or state */
    } @tensor;

    typedef struct @function {
      const char *name;
      const char *const *symbols;
      const int64_t *maxima; /* of the symbols */
      const @tensor *inputs;
      const @tensor *outputs;
      int64_t arena_bytes;
      int32_t symbol_count;
      int32_t input_count;
      int32_t output_count;
    } @function;

    /* The functions in the order of their numbers. */
    @@FUNCTION const @function *@functions(int32_t *count);

    /* The parameters, or the states. */
    @@FUNCTION const @tensor *@params(int32_t *count);
    @@FUNCTION const @tensor *@states(int32_t *count);

    /* Calls a function by its number: symbols, inputs and outputs in order, scalars by pointer too. */
    @@FUNCTION @status @call(const @context *context, int32_t function, const int64_t *dims, const void *const *inputs, void *const *outputs);
    #endif


    """

  /// The definitions.
  var text: String {
    var writer = CWriter()
    writer.directive("#ifndef \(model.helpers.macro("NO_REFLECTION"))")
    var rows: [String] = []
    for (position, (plan, names)) in functions.enumerated() {
      let stem = model.reflectionNames[position] + "_"
      if !plan.symbols.isEmpty {
        let symbols = plan.symbols.map { model.tables.dims.symbols[$0.index] }
        let texts = symbols.map { CText.string(model.tables.strings[$0.name]) }.joined(separator: ", ")
        writer.line("static const char *const \(stem)symbols[\(symbols.count)] = {\(texts)};")
        writer.line(
          "static const int64_t \(stem)maxima[\(symbols.count)] = {\(names.maxima.joined(separator: ", "))};")
      }
      let inputs = table("\(stem)inputs", plan.inputs.map { ($0.name, $0.type, 0) }, plan.symbols, &writer)
      let outputs = table("\(stem)outputs", plan.outputs.map { ($0.name, $0.type, 0) }, plan.symbols, &writer)
      let symbols = plan.symbols.isEmpty ? ["NULL", "NULL"] : ["\(stem)symbols", "\(stem)maxima"]
      let fields =
        [CText.string(plan.name)] + symbols
        + [inputs, outputs, "\(names.macro)_ARENA_BYTES", "\(plan.symbols.count)", "\(plan.inputs.count)"]
        + ["\(plan.outputs.count)"]
      rows.append("{\(fields.joined(separator: ", "))}")
    }
    if !rows.isEmpty {
      writer.line(
        "static const \(model.helpers.name("function")) \(model.helpers.name("function_table"))[\(rows.count)] = {"
      )
      for row in rows { writer.line("  \(row),") }
      writer.line("};")
    }
    let parameters = table(
      model.helpers.name("param_table"), model.plan.parameters.map { ($0.name, $0.type, $0.offset) }, [],
      &writer)
    let states = table(
      model.helpers.name("state_table"), model.plan.states.map { ($0.name, $0.type, $0.offset) }, [], &writer)
    writer.blank()
    let functionTable = rows.isEmpty ? "NULL" : "\(model.helpers.name("function_table"))"
    accessor("functions", "function", functionTable, rows.count, &writer)
    accessor("params", "tensor", parameters, model.plan.parameters.count, &writer)
    accessor("states", "tensor", states, model.plan.states.count, &writer)
    writeCall(&writer)
    writer.directive("#endif")
    writer.blank()
    return writer.text
  }

  /// A table of tensors; the expression that points to it.
  private func table(
    _ name: String, _ tensors: [(name: String, type: TypeID, offset: Int)], _ symbols: [SymbolID],
    _ writer: inout CWriter
  ) -> String {
    if tensors.isEmpty { return "NULL" }
    let tables = model.tables
    writer.line("static const \(model.helpers.name("tensor")) \(name)[\(tensors.count)] = {")
    for (tensor, type, offset) in tensors {
      let shape = tables.types.shape(type)
      let dims = shape.map { dim -> String in
        if let value = tables.dims.value(dim) { return String(value) }
        if let symbol = tables.dims.symbol(dim), let row = symbols.firstIndex(of: symbol) {
          return String(-1 - row)
        }
        return "INT64_MIN"
      }
      let list = dims.isEmpty ? "0" : dims.joined(separator: ", ")
      writer.line(
        "  {\(CText.string(tensor)), \(CText.string(tables.text(type))), \(tables.types.dtype(type).rawValue), "
          + "\(shape.count), {\(list)}, \(offset)},")
    }
    writer.line("};")
    return name
  }

  private func accessor(
    _ name: String, _ type: String, _ table: String, _ count: Int, _ writer: inout CWriter
  ) {
    writer.open(
      "\(model.helpers.macro("API")) const \(model.helpers.name(type)) *\(model.helpers.name(name))(int32_t *count)"
    )
    writer.open("if (count != NULL)")
    writer.line("*count = \(count);")
    writer.close()
    writer.line("return \(table);")
    writer.close()
    writer.blank()
  }

  // MARK: The call by number

  private func writeCall(_ writer: inout CWriter) {
    let parameters = "const int64_t *dims, const void *const *inputs, void *const *outputs"
    for (position, (plan, names)) in functions.enumerated() {
      writer.open(
        "static \(model.helpers.name("status")) \(model.reflectionNames[position])_call("
          + "const \(model.helpers.name("context")) *context, \(parameters))")
      writeBody(plan, names, &writer)
      writer.close()
      writer.blank()
    }
    writer.open(
      "\(model.helpers.macro("API")) \(model.helpers.name("status")) \(model.helpers.name("call"))("
        + "const \(model.helpers.name("context")) *context, int32_t function, \(parameters))")
    if functions.isEmpty {
      for name in ["context", "dims", "inputs", "outputs"] { writer.line("(void)\(name);") }
    }
    writer.open("switch (function)")
    for position in functions.indices {
      writer.line("case \(position):")
      writer.line("  return \(model.reflectionNames[position])_call(context, dims, inputs, outputs);")
    }
    writer.line("default:")
    writer.line("  return \(model.helpers.macro("ERROR_FUNCTION"));")
    writer.close()
    writer.close()
  }

  private func writeBody(_ plan: ExecutionPlan, _ names: CFunction, _ writer: inout CWriter) {
    for (name, isUsed) in [
      ("dims", !plan.symbols.isEmpty), ("inputs", !plan.inputs.isEmpty), ("outputs", !plan.outputs.isEmpty),
    ] where !isUsed { writer.line("(void)\(name);") }
    var nulls: [String] = []
    if !plan.symbols.isEmpty { nulls.append("dims == NULL") }
    if !plan.inputs.isEmpty { nulls.append("inputs == NULL") }
    if !plan.outputs.isEmpty { nulls.append("outputs == NULL") }
    let scalars = plan.inputs.indices.filter { model.tables.types.rank(plan.inputs[$0].type) == 0 }
    nulls += scalars.map { "inputs[\($0)] == NULL" }
    if !nulls.isEmpty {
      writer.open("if (\(nulls.joined(separator: " || ")))")
      writer.line("return \(model.helpers.macro("ERROR_NULL"));")
      writer.close()
    }
    let wide = scalars.filter { model.tables.types.dtype(plan.inputs[$0].type).byteCount > 1 }
    if !wide.isEmpty {
      let tests = wide.map {
        "\(model.helpers.use("misaligned"))(inputs[\($0)], sizeof(\(model.tables.types.dtype(plan.inputs[$0].type).cType)))"
      }
      writer.open("if (\(tests.joined(separator: " || ")))")
      writer.line("return \(model.helpers.macro("ERROR_ALIGNMENT"));")
      writer.close()
    }
    var arguments = ["context"]
    if let type = names.dimsType {
      let values = names.symbols.indices.map { "dims[\($0)]" }.joined(separator: ", ")
      writer.line("const \(type) d = {\(values)};")
      arguments.append("&d")
    }
    if let type = names.inputsType {
      let values = plan.inputs.enumerated().map { row, port in
        let dtype = model.tables.types.dtype(port.type)
        let type = scalars.contains(row) ? model.helpers.element(dtype) : dtype.cType
        return "\(scalars.contains(row) ? "*" : "")(const \(type) *)inputs[\(row)]"
      }
      writer.line("const \(type) in = {\(values.joined(separator: ", "))};")
      arguments.append("&in")
    }
    if let type = names.outputsType {
      let values = plan.outputs.enumerated().map { row, port in
        "(\(model.tables.types.dtype(port.type).cType) *)outputs[\(row)]"
      }
      writer.line("const \(type) out = {\(values.joined(separator: ", "))};")
      arguments.append("&out")
    }
    writer.line("return \(names.name)(\(arguments.joined(separator: ", ")));")
  }
}
