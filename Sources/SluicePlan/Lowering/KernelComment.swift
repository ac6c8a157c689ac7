import SluiceIR

/// What a kernel is called and what stands above it: the IR it runs, and where that came from.
struct KernelComment {
  private let program: Program
  private let tables: Tables

  init(_ program: Program, _ tables: Tables) {
    self.program = program
    self.tables = tables
  }

  /// The ops, up to three of them: `multiply_add`, `exp_sum_7` for more.
  func name(_ items: [ItemID]) -> String {
    let ops = items.map { opName($0) }
    if ops.count <= 3 { return ops.joined(separator: "_") }
    return "\(ops[0])_\(ops[1])_\(ops[ops.count - 1])_\(ops.count)"
  }

  /// A line a node, each with its type, and one line for the places.
  func lines(_ items: [ItemID]) -> [String] {
    var lines = items.map { line($0) }
    var places: [String] = []
    for item in items {
      let location = program.locations[item.index]
      guard !location.isNone else { continue }
      let row = tables.locations[location]
      let text = "\(tables.strings[row.file]):\(row.line)"
      if !places.contains(text) { places.append(text) }
    }
    if !places.isEmpty { lines.append("at " + places.joined(separator: ", ")) }
    return lines
  }

  private func opName(_ item: ItemID) -> String {
    program.roles[item.index] == .assign ? "copy" : program.recipeTable.names[program.recipe(item).index]
  }

  private func line(_ item: ItemID) -> String {
    let operands = program.operands(item).map { text($0) }.joined(separator: ", ")
    let call = operands.isEmpty ? opName(item) : "\(opName(item)) \(operands)"
    guard let result = program.results(item).first else { return call }
    let whole = program.whole(RootID(result))
    return "\(text(whole)) = \(call) : \(tables.text(program.types[result]))"
  }

  private func text(_ view: ViewID) -> String {
    if let bits = program.splat(view) {
      switch tables.types.dtype(program.viewTypes[view.index]) {
      case .f32: return "\(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))"
      case .f64: return "\(Double(bitPattern: bits))"
      case .i32: return "\(Int32(truncatingIfNeeded: bits))"
      case .i64: return "\(Int64(bitPattern: bits))"
      case .u8: return "\(bits)"
      case .bool: return bits == 0 ? "false" : "true"
      case .f16: return "\(NarrowFloat.widened(UInt16(truncatingIfNeeded: bits), .f16))"
      case .bf16: return "\(NarrowFloat.widened(UInt16(truncatingIfNeeded: bits), .bf16))"
      }
    }
    let root = program.roots[view.index]
    let name =
      program.viewNames[view.index].isNone ? program.names[root.index] : program.viewNames[view.index]
    return name.isNone ? "%v\(root.raw)" : "%\(tables.strings[name])"
  }

  /// Names for the slots of a kernel, after the values of the call for which it is made.
  func name(
    _ kernel: inout Kernel, _ meanings: [LoweredKernel.SlotMeaning], _ roots: [RootID], target: ViewID?
  ) {
    var used = Set(kernel.locals.map(\.name))
    for (slot, meaning) in meanings.enumerated() {
      let stem: String
      switch meaning {
      case .root(let number, _):
        let root = roots[Int(number)]
        stem = slotName(program.names[root.index], root)
      case .target:
        let root = target.map { program.roots[$0.index] } ?? .none
        stem = slotName(target.map { program.viewNames[$0.index] } ?? .none, root)
      case .scratch: stem = kernel.slots[slot].name
      }
      var name = stem
      var number = slot
      while !used.insert(name).inserted {
        name = "\(stem)_\(number)"
        number += 1
      }
      kernel.slots[slot].name = name
    }
  }

  private func slotName(_ name: StringID, _ root: RootID) -> String {
    if !name.isNone { return tables.identifier(name) }
    return root.isNone ? "value" : "v\(root.raw)"
  }
}
