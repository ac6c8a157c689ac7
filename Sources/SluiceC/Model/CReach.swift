import SluiceIR
import SluicePlan

/// How far pointers and counts of a model reach at the bounds of its symbols: a target with smaller pointers is
/// refused when the C is compiled, since sizes would wrap around there.
///
/// Everything that C computes as a `ptrdiff_t` or `size_t` counts: bytes of tensors, lengths of loops, and values of
/// index expressions, which may be larger than any tensor. Numbers that no 64-bit integer holds count as its largest.
struct CReach {
  /// What reaches so far, in words, and how far.
  let rows: [(what: String, reach: Int64)]

  /// Every target of C99 can count so far.
  private static let least: Int64 = 32_767

  init(_ model: CModel) {
    let plan = model.plan
    var others: Int64 = 0
    for function in plan.functions {
      for buffer in function.buffers { others = max(others, Int64(buffer.capacity)) }
      let ports = function.inputs + function.outputs
      for port in ports { others = max(others, Self.bytes(port.type, plan.tables)) }
      for symbol in function.symbols { others = max(others, plan.tables.dims.symbols[symbol.index].bound) }
      for dim in function.checkedDims { others = max(others, Self.magnitude(dim, plan.tables.dims)) }
      for case .loop(_, let count, _) in function.steps {
        others = max(others, Self.magnitude(count, plan.tables.dims))
      }
    }
    for kernel in plan.kernels { others = max(others, Self.reach(kernel, plan.tables.dims)) }
    rows = [
      ("the parameters of this model", Int64(plan.parameterBytes == 0 ? 0 : plan.parameterBytes + 64)),
      ("the state of this model", Int64(plan.stateBytes)),
      ("the arena of this model", Int64(plan.functions.map(\.arenaBytes).max() ?? 0)),
      ("a tensor or loop of this model at the bounds of its symbols", others),
    ].filter { $0.1 > Self.least }
  }

  private static func bytes(_ type: TypeID, _ tables: Tables) -> Int64 {
    tables.types.shape(type).reduce(Int64(tables.types.dtype(type).byteCount)) {
      times($0, max(magnitude($1, tables.dims), 1))
    }
  }

  /// The largest index expression of a kernel; what comes out of data is an index that was checked.
  private static func reach(_ kernel: Kernel, _ dims: DimTable) -> Int64 {
    var most: Int64 = 0
    var registers = [Int64](repeating: 0, count: kernel.registers.count)
    func magnitude(_ affine: Affine) -> Int64 {
      affine.terms.reduce(Self.magnitude(affine.constant, dims)) {
        plus($0, times(Self.magnitude($1.coefficient, dims), registers[$1.register]))
      }
    }
    for instruction in kernel.instructions {
      switch instruction {
      case .loop(let loop):
        let ends = [magnitude(loop.end)] + (loop.limit.map { [magnitude($0)] } ?? [])
        registers[loop.index] = ends.min() ?? 0
        // Blocks of lanes look beyond the end.
        most = max(most, plus(ends.max() ?? 0, times(Int64(loop.step), 16)), magnitude(loop.start))
      case .index(let result, let affine):
        registers[result] = magnitude(affine)
        most = max(most, registers[result])
      case .load(_, _, let affine), .store(_, let affine, _): most = max(most, magnitude(affine))
      case .scalar, .assign, .accumulate, .local, .if, .end: continue
      }
    }
    return most
  }

  /// A bound of a dim's absolute value.
  private static func magnitude(_ dim: DimID, _ dims: DimTable) -> Int64 {
    if let value = dims.value(dim) { return magnitude(value) }
    return dims.terms(dim).reduce(0) { sum, term in
      plus(sum, term.symbols.reduce(magnitude(term.coefficient)) { times($0, dims.symbols[$1.index].bound) })
    }
  }

  private static func magnitude(_ value: Int64) -> Int64 { Int64(clamping: value.magnitude) }

  private static func plus(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflows) = a.addingReportingOverflow(b)
    return overflows ? .max : sum
  }

  private static func times(_ a: Int64, _ b: Int64) -> Int64 {
    let (product, overflows) = a.multipliedReportingOverflow(by: b)
    return overflows ? .max : product
  }
}
