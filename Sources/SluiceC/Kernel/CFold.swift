import SluiceIR
import SluicePlan

/// Prints the functions that join the lanes of a reduction.
enum CFold {
  /// What a function is called, without the model's prefix.
  static func name(_ op: ScalarOp, _ dtype: DType) -> String { "fold_\(op)_\(dtype.name)" }

  /// All names, without the model's prefix.
  static let names = ScalarOp.allCases.flatMap { op in DType.allCases.map { name(op, $0) } }

  /// The definition: lane j takes in lane j + half for half = count/2, ..., 1.
  static func text(_ op: ScalarOp, _ dtype: DType, _ helpers: CHelpers) -> String {
    let joined = CScalar(helpers: helpers).expression(
      op, dtype, source: dtype, [CExpression("lanes[j]"), CExpression("lanes[j + half]")], immediate: 0)
    var writer = CWriter()
    writer.comment(["All lanes in one: the upper half into the lower one, until one is left."])
    writer.open(
      "static inline \(dtype.cType) \(helpers.prefix)\(name(op, dtype))(\(dtype.cType) *lanes, ptrdiff_t count)"
    )
    writer.open("for (ptrdiff_t half = count / 2; half > 0; half /= 2)")
    writer.open("for (ptrdiff_t j = 0; j < half; ++j)")
    writer.line("lanes[j] = \(joined.asValue.text);")
    writer.close()
    writer.close()
    writer.line("return lanes[0];")
    writer.close()
    return writer.text
  }
}
