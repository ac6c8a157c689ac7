import SluiceIR
import SluicePlan

/// The check at run time that arithmetic is the one that results were promised for.
///
/// Options of compilers that define no macro, modes of the processor that a host or another library has set, and
/// compilers that nobody has tried: what they change shows in a few operations, written as kernels write them.
struct CArithmetic {
  private let model: CModel

  init(_ model: CModel) { self.model = model }

  /// All names that the check has for itself.
  static let templates =
    "@check_arithmetic @arithmetic_f32 @arithmetic_f64 @chosen_f32 @chosen_f64 @endless_f32 @endless_f64 "

  /// The declaration, for the header.
  var declaration: String {
    model.helpers.expand(
      """
      /* Whether arithmetic is that of IEEE 754, rounded to nearest, with subnormals, as this file writes
       * it: @@OK or @@ERROR_ARITHMETIC. Options of the compiler (-ffast-math and its
       * parts) can change that, and so can the calling thread: fesetround, flush-to-zero set by a
       * host or by a library that was linked with -ffast-math. It takes about half a microsecond on
       * a PC. Functions that write first values, and those that bind parameters, call it; other
       * threads, and hosts that change modes, call it themselves. */
      @@FUNCTION @status @check_arithmetic(void);


      """)
  }

  /// The definitions.
  var text: String {
    let dtypes = model.plan.kernels.reduce(into: Set<DType>()) { $0.formUnion($1.registers) }
    let needsDoubles =
      dtypes.contains(.f64) || ["f16_from_f64", "bf16_from_f64"].contains { model.helpers.needs($0) }
    let widens = model.helpers.needs("fma_f32")
    var functions = ""
    var calls: [String] = []
    func add(_ text: String, _ name: String, guarded: Bool = false) {
      let hash = guarded ? ("#if !defined(@@HAS_FMA_F32)\n", "#endif\n") : ("", "")
      functions += hash.0 + text + "\n" + hash.1 + (guarded ? "\n" : "\n")
      calls.append(
        hash.0 + "  if (!@arithmetic_\(name)()) {\n    return @@ERROR_ARITHMETIC;\n  }\n" + hash.1)
    }
    if needsDoubles || widens {
      add(function(.f64, Double.self, leadingBits: 27, divisor: 49), "f64", guarded: !needsDoubles)
    }
    if !dtypes.isDisjoint(with: [.f32, .f16, .bf16]) {
      add(function(.f32, Float.self, leadingBits: 12, divisor: 49), "f32")
    }
    return model.helpers.expand(
      functions + "@@API @status @check_arithmetic(void) {\n" + calls.joined() + "  return @@OK;\n}\n\n\n")
  }

  /// The cases: in each the operations of the function below must give what they give here.
  ///
  /// A product whose last bits decide, with 1 + 2^-leadingBits; subnormal results and operands; sums that show how
  /// they are rounded; zeros with signs; infinity and NaN; quotients that a reciprocal misses.
  private static func cases<T: BinaryFloatingPoint>(_ type: T.Type, _ leadingBits: Int) -> [[T]] {
    let (tiny, step) = (T.leastNonzeroMagnitude, T.ulpOfOne)
    let root = 1 + T(sign: .plus, exponent: T.Exponent(-leadingBits), significand: 1)
    return [
      [root, root, -(root + (root - 1))], [.leastNormalMagnitude, 0.5, tiny], [3 * tiny, 1, -tiny],
      [1, 1, step / 8], [1, 1, -step / 16], [-0.0, 0, 0], [.nan, 1, .infinity], [5, 11, 19],
    ]
  }

  private func function<T: BinaryFloatingPoint>(
    _ dtype: DType, _ type: T.Type, leadingBits: Int, divisor: T
  ) -> String where T: LosslessStringConvertible {
    let unsigned = dtype == .f32 ? "uint32_t" : "uint64_t"
    let suffix = dtype == .f32 ? "f" : ""
    let fuses = model.helpers.needs("fma_\(dtype.name)")
    model.helpers.use("copy")
    func bits(_ value: T) -> UInt64 {
      if value.isNaN { return dtype == .f32 ? 0x7FC0_0000 : 0x7FF8_0000_0000_0000 }
      return dtype == .f32 ? UInt64(Float(value).bitPattern) : Double(value).bitPattern
    }
    func literal(_ value: T) -> String {
      dtype == .f32 ? "0x\(CText.hex(bits(value), 8))u" : "UINT64_C(0x\(CText.hex(bits(value), 16)))"
    }
    /// The operations: as C, and as what they must give.
    var operations: [(code: String, value: (T, T, T) -> T)] = [
      // A call with NaN, infinity and zeros, which clang may change whatever the pragmas say. Bit by bit.
      ("@chosen_\(dtype.name)(x)", { a, _, _ in a }), ("@chosen_\(dtype.name)(z)", { _, _, c in c }),
      ("@endless_\(dtype.name)(z)", { _, _, c in c < 0 ? .infinity : c }),
      ("x * y + z", { a, b, c in a * b + c }), ("(x + z) - x", { a, _, c in (a + c) - a }),
      ("x / divisor", { a, _, _ in a / divisor }), ("y / divisor", { _, b, _ in b / divisor }),
      ("z / divisor", { _, _, c in c / divisor }), ("x + 0.0\(suffix)", { a, _, _ in a + 0 }),
      ("0.0\(suffix) - y", { _, b, _ in 0 - b }), ("z - z", { _, _, c in c - c }),
      ("x < y ? x : y", { a, b, _ in a < b ? a : b }),
      ("x < 0.0\(suffix) ? -x : x", { a, _, _ in a < 0 ? -a : a }),
      ("x != x ? 1.0\(suffix) : y", { a, b, _ in a.isNaN ? 1 : b }),
    ]
    if fuses {
      operations.append(
        ("@fma_\(dtype.name)(x, y, z)", { a, b, c in c.addingProduct(a, b) }))
    }
    let cases = Self.cases(type, leadingBits)
    var writer = CWriter()
    writer.comment(["A number, or the one NaN, as kernels choose."])
    writer.open("static inline \(dtype.cType) @chosen_\(dtype.name)(\(dtype.cType) x)")
    writer.line("const \(unsigned) bits = \(literal(.nan));")
    writer.line("\(dtype.cType) nan;")
    writer.line("@@COPY(&nan, &bits, sizeof bits);")
    writer.line("return x == x ? x : nan;")
    writer.close()
    writer.blank()
    writer.comment(["A number, or infinity, as elementary functions give it."])
    writer.open("static inline \(dtype.cType) @endless_\(dtype.name)(\(dtype.cType) x)")
    writer.line("const \(unsigned) bits = \(literal(.infinity));")
    writer.line("\(dtype.cType) infinity;")
    writer.line("@@COPY(&infinity, &bits, sizeof bits);")
    writer.line("return x < 0.0\(suffix) ? infinity : x;")
    writer.close()
    writer.blank()
    writer.comment(["Whether operations on \(dtype.cType) give what they must; see @check_arithmetic."])
    writer.open("static int @arithmetic_\(dtype.name)(void)")
    writer.comment(["The operands and what operations make of them, read where nobody can foresee them."])
    writer.line("static const \(unsigned) operands[3][\(cases.count)] = {")
    for column in 0..<3 {
      // A NaN other than the one that leaves programs.
      let values = cases.map { $0[column].isNaN ? literal(.nan) + " + 5" : literal($0[column]) }
      writer.line("  {\(values.joined(separator: ", "))},")
    }
    writer.line("};")
    writer.line("static const \(unsigned) results[\(operations.count)][\(cases.count)] = {")
    for operation in operations {
      let values = cases.map { literal(operation.value($0[0], $0[1], $0[2])) }
      writer.line("  {\(values.joined(separator: ", "))},")
    }
    writer.line("};")
    writer.line("static const \(unsigned) divisor_bits = \(literal(divisor));")
    writer.line("const volatile \(unsigned) *const foreign = &operands[0][0];")
    writer.line("const volatile \(unsigned) *const foreign_divisor = &divisor_bits;")
    let type = dtype.cType
    writer.line("\(unsigned) bits;")
    for name in ["a", "b", "c"] { writer.line("\(type) \(name)[\(cases.count)];") }
    writer.line("\(type) values[\(operations.count)][\(cases.count)];")
    writer.open("for (ptrdiff_t i = 0; i < \(cases.count); ++i)")
    for (row, name) in ["a", "b", "c"].enumerated() {
      let place = row == 0 ? "i" : "\(row * cases.count) + i"
      writer.line("bits = foreign[\(place)];")
      writer.line("@@COPY(&\(name)[i], &bits, sizeof bits);")
    }
    writer.close()
    writer.line("\(type) divisor;")
    writer.line("bits = *foreign_divisor;")
    writer.line("@@COPY(&divisor, &bits, sizeof bits);")
    writer.open("for (ptrdiff_t i = 0; i < \(cases.count); ++i)")
    // Names, not elements: clang chooses between these without a branch, and then with other liberties.
    for (name, array) in [("x", "a"), ("y", "b"), ("z", "c")] {
      writer.line("const \(type) \(name) = \(array)[i];")
    }
    for (row, operation) in operations.enumerated() {
      writer.line("values[\(row)][i] = \(operation.code);")
    }
    writer.close()
    writer.comment(["A subnormal that compilers compute."])
    writer.line("const \(type) small = \(T.leastNormalMagnitude)\(suffix) * 0.5\(suffix);")
    writer.line("@@COPY(&bits, &small, sizeof bits);")
    writer.line("int is_right = bits == \(literal(T.leastNormalMagnitude / 2));")
    writer.open("for (ptrdiff_t row = 0; row < \(operations.count); ++row)")
    writer.open("for (ptrdiff_t i = 0; i < \(cases.count); ++i)")
    writer.line("@@COPY(&bits, &values[row][i], sizeof bits);")
    let (infinity, nan) = (literal(.infinity), literal(.nan))
    let magnitude = dtype == .f32 ? "0x7fffffffu" : "UINT64_C(0x7fffffffffffffff)"
    writer.line("const int is_nan = row > 2 && (bits & \(magnitude)) > \(infinity);")
    writer.line("is_right &= (is_nan ? \(nan) : bits) == results[row][i];")
    writer.close()
    writer.close()
    writer.line("return is_right;")
    writer.close()
    return writer.text
  }
}
