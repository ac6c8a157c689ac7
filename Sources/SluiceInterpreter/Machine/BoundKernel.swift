import SluiceIR
import SluicePlan

/// A compiled kernel with registers and with the dims of the symbol values that it ran for last.
final class BoundKernel {
  let compiled: CompiledKernel
  private let memory: MemoryBlock
  private let localMemory: MemoryBlock
  /// The value of every row of `compiled.dims`.
  private(set) var values: [Int64]
  /// The symbols that the dims mention, by row of the symbol table.
  private let mentioned: [Int]
  /// Their values that `values` belong to.
  private var symbols: [Int64]
  private var isBound = false
  /// The locals, each at a place of its own; this object must outlive them.
  private(set) var locals: [TensorView] = []

  init(_ compiled: CompiledKernel) throws(InterpreterError) {
    self.compiled = compiled
    guard let memory = MemoryBlock(byteCount: compiled.registerBytes) else {
      throw .outOfMemory(bytes: compiled.registerBytes)
    }
    self.memory = memory
    let localBytes = compiled.locals.reduce(0) { $0 + Self.byteCount($1) }
    guard let localMemory = MemoryBlock(byteCount: localBytes) else { throw .outOfMemory(bytes: localBytes) }
    self.localMemory = localMemory
    values = compiled.dims.integers
    mentioned = compiled.dims.mentioned.map(\.index)
    symbols = mentioned.map { _ in 0 }
    isBound = symbols.isEmpty
    placeLocals()
    let file = memory.registers
    for preset in compiled.presets {
      switch preset.dtype {
      case .f32, .i32: file.row(preset.register, preset.count, UInt32.self).fill(preset.bits, preset.count)
      case .f64, .i64: file.row(preset.register, preset.count, UInt64.self).fill(preset.bits, preset.count)
      case .u8, .bool: file.row(preset.register, preset.count, UInt8.self).fill(preset.bits, preset.count)
      case .f16, .bf16: file.row(preset.register, preset.count, UInt16.self).fill(preset.bits, preset.count)
      }
    }
  }

  /// The size of a local at the bounds: the verifier has seen that it is small.
  private static func byteCount(_ local: LocalCode) -> Int {
    (Int(max(local.most, 0)) * local.elementBytes + 63) / 64 * 64
  }

  /// Makes the views of the locals for the present sizes.
  private func placeLocals() {
    var offset = 0
    locals = compiled.locals.map { local in
      defer { offset += Self.byteCount(local) }
      let count = Int(min(max(values[Int(local.count)], 0), max(local.most, 0)))
      guard let view = localMemory.view(offset: offset, count: count, elementBytes: local.elementBytes) else {
        preconditionFailure("a local beyond its memory")
      }
      return view
    }
  }

  /// The registers; this object must outlive them.
  var registers: RegisterFile { memory.registers }

  /// Evaluates the dims for given values of all symbols, -1 for one without a value; nil, or the dim that has none.
  func bind(_ all: [Int64]) -> DimID? {
    var isSame = isBound
    for position in mentioned.indices where symbols[position] != all[mentioned[position]] {
      isSame = false
      symbols[position] = all[mentioned[position]]
    }
    return isSame ? nil : evaluate(all)
  }

  private func evaluate(_ all: [Int64]) -> DimID? {
    isBound = false
    for row in compiled.dims.symbolic {
      guard let value = compiled.dims.evaluate(row, all) else { return compiled.dims.dims[row] }
      values[row] = value
    }
    isBound = true
    if !locals.isEmpty { placeLocals() }
    return nil
  }
}

extension Row where Element: FixedWidthInteger {
  /// Sets the first elements to the low bits of `bits`.
  fileprivate func fill(_ bits: UInt64, _ count: Int) {
    for i in 0..<count { self[i] = Element(truncatingIfNeeded: bits) }
  }
}
