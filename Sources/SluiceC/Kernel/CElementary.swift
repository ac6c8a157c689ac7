import SluiceIR
import SluicePlan

/// Prints elementary functions: straight-line programs of scalar operations.
enum CElementary {
  /// The C functions that an elementary function may have.
  enum Form: String, CaseIterable {
    /// For all arguments.
    case all = ""
    /// For arguments that are not large: a loop over it runs side by side.
    case near = "_near"
    /// Replaces those results of a block of lanes that `near` does not get right.
    case large = "_large"
  }

  /// What a form is called, without the model's prefix.
  static func name(_ function: ElementaryFunction, _ dtype: DType, _ form: Form) -> String {
    "\(function)_\(dtype.name)\(form.rawValue)"
  }

  /// All names of all forms, without the model's prefix.
  static let names = ElementaryFunction.allCases.flatMap { function in
    DType.allCases.filter(function.dtypes.contains).flatMap { dtype in
      Form.allCases.map { name(function, dtype, $0) }
    }
  }

  /// The definition of a form.
  static func text(
    _ function: ElementaryFunction, _ dtype: DType, _ form: Form, _ helpers: CHelpers
  ) -> String {
    let name = helpers.prefix + name(function, dtype, form)
    let program = function.program(dtype)
    switch form {
    case .all: return text(named: name, function, program, dtype, "", helpers)
    case .near:
      return text(named: name, function, program.nearPi ?? program, dtype, " that is not large", helpers)
    case .large:
      let (test, value) = (helpers.use("is_large_\(dtype.name)"), helpers.use(function, dtype))
      var writer = CWriter()
      writer.comment(["\(function) of those \(dtype.name) in a block that are large."])
      let type = dtype.cType
      writer.open("static void \(name)(\(type) *y, const \(type) *x, int32_t count)")
      writer.open("for (int32_t i = 0; i < count; ++i)")
      writer.open("if (\(test)(x[i]))")
      writer.line("y[i] = \(value)(x[i]);")
      for _ in 0..<3 { writer.close() }
      return writer.text
    }
  }

  private static func text(
    named name: String, _ function: ElementaryFunction, _ program: ScalarProgram, _ dtype: DType,
    _ condition: String, _ helpers: CHelpers
  ) -> String {
    // The program as a kernel that stores its result: storing is what keeps it.
    var builder = KernelBuilder(name: name)
    let names = function.operandCount == 1 ? ["x"] : ["x", "y"]
    let operands = names.map { _ in builder.register(dtype) }
    let result = builder.inline(program, operands)
    let slot = builder.slot("result", dtype, .write)
    builder.store(slot, Affine(.none), result)
    let kernel = builder.kernel

    let tree = CKernelTree(kernel)
    var emitter = CEmitter(
      CWriter(depth: 1), NameScope(prefix: helpers.prefix, names), helpers, dtypes: kernel.registers,
      uses: tree.uses)
    for (name, operand) in zip(names, operands) { emitter.know(operand, CExpression(name)) }
    for case .instruction(.scalar(let instruction)) in tree.nodes { emitter.scalar(instruction) }
    let value = emitter.value(result).asValue
    emitter.flush()
    emitter.writer.line("return \(value.text);")

    var writer = CWriter()
    writer.comment(["\(function) of \(dtype.name)\(condition), see docs/numerics.md."])
    let parameters = names.map { "\(dtype.cType) \($0)" }.joined(separator: ", ")
    writer.open("static inline \(dtype.cType) \(name)(\(parameters))")
    writer.raw(emitter.writer.text)
    writer.close()
    return writer.text
  }
}

extension ScalarInstruction {
  /// The elementary function called, where it reduces large arguments in a way of its own.
  var reducingFunction: ElementaryFunction? {
    guard op == .call, let function = ElementaryFunction(immediate: immediate),
      function.program(dtype).nearPi != nil
    else { return nil }
    return function
  }

  /// The bits of the result for the bits of the operands.
  func evaluate(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
    // An instruction of a program, made to be this one.
    var builder = ScalarBuilder()
    let zero = builder.bits(0, dtype)
    var instruction = builder.finish(zero).instructions[0]
    instruction.op = op
    instruction.source = source
    instruction.immediate = immediate
    return instruction.evaluate(a, b, c)
  }
}
