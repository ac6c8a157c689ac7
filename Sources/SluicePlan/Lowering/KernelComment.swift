import SluiceIR

/// What a kernel is called and what stands above it: the IR it runs, and where that came from.
struct KernelComment {
  private let program: FlatProgram
  private let tables: Tables

  init(_ program: FlatProgram, _ tables: Tables) {
    self.program = program
    self.tables = tables
  }

  /// The ops, up to three of them: `multiply_add`, `exp_sum_7` for more.
  func name(_ items: [Int]) -> String {
    let ops = items.map { opName(program.items[$0]) }
    if ops.count <= 3 { return ops.joined(separator: "_") }
    return "\(ops[0])_\(ops[1])_\(ops[ops.count - 1])_\(ops.count)"
  }

  /// A line a node, each with its type, and one line for the places.
  func lines(_ items: [Int]) -> [String] {
    var lines = items.map { line(program.items[$0]) }
    var places: [String] = []
    for item in items {
      let location = program.items[item].location
      guard !location.isNone else { continue }
      let row = tables.locations[location]
      let text = "\(tables.strings[row.file]):\(row.line)"
      if !places.contains(text) { places.append(text) }
    }
    if !places.isEmpty { lines.append("at " + places.joined(separator: ", ")) }
    return lines
  }

  private func opName(_ item: FlatProgram.Item) -> String {
    if case .node(let op, _) = item.action { op.definition.name } else { "copy" }
  }

  private func line(_ item: FlatProgram.Item) -> String {
    let operands = item.operands.map { text($0) }.joined(separator: ", ")
    let call = operands.isEmpty ? opName(item) : "\(opName(item)) \(operands)"
    guard let result = item.results.first else { return call }
    return "\(text(result)) = \(call) : \(tables.text(program.values[result].type))"
  }

  private func text(_ value: Int) -> String {
    let row = program.values[value]
    if case .splat(let bits) = row.form {
      switch tables.types.dtype(row.type) {
      case .f32: return "\(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))"
      case .f64: return "\(Double(bitPattern: bits))"
      case .i32: return "\(Int32(truncatingIfNeeded: bits))"
      case .i64: return "\(Int64(bitPattern: bits))"
      case .u8: return "\(bits)"
      case .bool: return bits == 0 ? "false" : "true"
      case .f16, .bf16:
        return "\(NarrowFloat.widened(UInt16(truncatingIfNeeded: bits), tables.types.dtype(row.type)))"
      }
    }
    if !row.name.isNone { return "%\(tables.strings[row.name])" }
    if case .view(let layout) = row.form { return text(layout.root) }
    return "%v\(value)"
  }
}
