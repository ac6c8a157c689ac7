package import SluicePlan

extension KernelBuilder {
  /// A loop; its index is the body's argument.
  package mutating func loop(
    from start: Affine? = nil, to end: Affine, limit: Affine? = nil, step: Int = 1, _ kind: Loop.Kind,
    _ body: (inout KernelBuilder, Register) -> Void
  ) {
    let index = beginLoop(from: start, to: end, limit: limit, step: step, kind)
    body(&self, index)
    endLoop()
  }

  /// Instructions that run only where the condition holds.
  package mutating func when(_ condition: Register, _ body: (inout KernelBuilder) -> Void) {
    begin(if: condition)
    body(&self)
    endLoop()
  }
}
