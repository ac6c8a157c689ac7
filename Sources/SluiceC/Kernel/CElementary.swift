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
    let x = builder.register(dtype)
    let y = builder.inline(function.program(dtype), [x])
    let slot = builder.slot("y", dtype, .write)
    builder.store(slot, Affine(.none), y)
    let kernel = builder.kernel

    let tree = CKernelTree(kernel)
    var emitter = CEmitter(
      CWriter(depth: 1), NameScope(["x"]), helpers, dtypes: kernel.registers, uses: tree.uses)
    emitter.know(x, CExpression("x"))
    for case .instruction(.scalar(let instruction)) in tree.nodes { emitter.scalar(instruction) }
    let result = emitter.value(y).asValue
    emitter.flush()
    emitter.writer.line("return \(result.text);")

    var writer = CWriter()
    writer.comment(["\(function) of \(dtype.name), see docs/numerics.md."])
    writer.open("static inline \(dtype.cType) \(name)(\(dtype.cType) x)")
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
