import SluiceIR
package import SluicePlan

extension KernelBuilder {
  /// An f32.
  package mutating func float(_ value: Float) -> Register { constant(UInt64(value.bitPattern), .f32) }

  /// An i64.
  package mutating func integer(_ value: Int64) -> Register { constant(UInt64(bitPattern: value), .i64) }

  /// The element at an index.
  package func at(_ index: Register) -> Affine { Affine(zero, [Affine.Term(one, index)]) }

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
