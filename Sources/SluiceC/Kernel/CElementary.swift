import SluiceIR
import SluicePlan

/// Prints elementary functions: straight-line programs of scalar operations.
enum CElementary {
  /// The definition of a function under that name.
  static func function(
    named name: String, _ function: ElementaryFunction, _ dtype: DType, _ helpers: CHelpers
  ) -> String {
    // The program as a kernel that stores its result: storing is what keeps it.
    var builder = KernelBuilder(name: name)
    let names = function.operandCount == 1 ? ["x"] : ["x", "y"]
    let operands = names.map { _ in builder.register(dtype) }
    let result = builder.inline(function.program(dtype), operands)
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
    writer.comment(["\(function) of \(dtype.name), see docs/numerics.md."])
    let parameters = names.map { "\(dtype.cType) \($0)" }.joined(separator: ", ")
    writer.open("static inline \(dtype.cType) \(name)(\(parameters))")
    writer.raw(emitter.writer.text)
    writer.close()
    return writer.text
  }
}

extension ScalarInstruction {
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
