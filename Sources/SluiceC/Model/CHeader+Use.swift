import SluicePlan

// What a reader and a compiler should know first: how the model is called, and which targets are too small for it.
extension CHeader {
  /// Refuses targets whose pointers do not reach everything.
  func writeReach(_ writer: inout CWriter) {
    let rows = CReach(model).rows
    if rows.isEmpty { return }
    writer.comment(["The pointers of the target must reach all memory, at the maxima of all dims."])
    for (what, reach) in rows {
      writer.directive("#if \(reach) > PTRDIFF_MAX || \(reach) > SIZE_MAX")
      writer.directive("#error \"\(what): too large for the pointers of this target\"")
      writer.directive("#endif")
    }
    writer.blank()
  }

  /// How to call the first function, in a comment.
  func writeUse(_ writer: inout CWriter) {
    guard let position = model.publicFunctions.first else { return }
    let names = model.functions[position]
    var lines = [
      "How to call it, here @\(model.plan.functions[position].name); memory may come from anywhere:", "",
    ]
    func code(_ line: String) { lines.append("  " + line) }
    code("\(name("context")) context = {0};")
    let blocks = [
      ("state", "STATE_BYTES", model.plan.stateBytes),
      ("arena", "ARENA_BYTES", model.plan.functions.map(\.arenaBytes).max() ?? 0),
    ]
    for (member, bytes, count) in blocks where count > 0 {
      code("context.\(member) = aligned_alloc(\(macro("ALIGN")), \(macro(bytes)));")
      if member == "arena" { code("context.arena_bytes = \(macro(bytes));") }
    }
    var status = "\(name("status")) status ="
    if model.plan.parameterBytes > 0, case .external = model.options.parameters {
      code("\(status) \(name("params_bind"))(&context, file, bytes); // \(model.name).params in memory")
      status = "status ="
    }
    if model.plan.stateBytes > 0 {
      switch model.options.initialState {
      case .reset:
        code("\(status) \(name("reset"))(&context); // once")
        status = "status ="
      case .function(let function):
        let called = functionName(function)
        code("\(called)_inputs seed = {1};")
        code("\(status) \(called)(&context, &seed); // once")
        status = "status ="
      case .file:
        code("memcpy(context.state, file, \(macro("STATE_BYTES"))); // once; the file \(model.name).state")
      }
    }
    var arguments = ["&context"]
    func structure(_ type: String?, _ variable: String, _ members: [String]) {
      guard let type else { return }
      let shown = members.prefix(8).joined(separator: ", ")
      code("\(type) \(variable) = {\(shown)\(members.count > 8 ? ", ..." : "")};")
      arguments.append("&\(variable)")
    }
    structure(names.dimsType, "dims", names.symbols)
    structure(names.inputsType, "inputs", names.inputs)
    structure(names.outputsType, "outputs", names.outputs)
    code("\(status) \(names.name)(\(arguments.joined(separator: ", ")));")
    code("if (status != \(macro("OK"))) puts(\(name("status_string"))(status));")
    writer.comment(lines)
    writer.blank()
  }
}
