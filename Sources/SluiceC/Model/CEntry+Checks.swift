import SluiceIR
import SluicePlan

// What is asked of arguments before anything runs.
extension CEntry {
  private func refuse(_ conditions: [String], _ status: String, _ writer: inout CWriter) {
    guard !conditions.isEmpty else { return }
    writer.open("if (\(conditions.joined(separator: " || ")))")
    writer.line("return \(model.helpers.macro("ERROR_\(status)"));")
    writer.close()
  }

  func printNullChecks(_ writer: inout CWriter) {
    var parameters = ["context"]
    if names.dimsType != nil { parameters.append("dims") }
    if names.inputsType != nil { parameters.append("inputs") }
    if names.outputsType != nil { parameters.append("outputs") }
    refuse(parameters.map { "\($0) == NULL" }, "NULL", &writer)
  }

  func printDimChecks(_ writer: inout CWriter) {
    let conditions = zip(names.symbols, names.maxima).flatMap { ["dims->\($0) < 0", "dims->\($0) > \($1)"] }
    refuse(conditions, "DIM", &writer)
  }

  /// Variables for the symbols that were used in expressions.
  func printSymbols(_ writer: inout CWriter) {
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

  mutating func printChecks(_ writer: inout CWriter) {
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
}
