import SluiceIR

/// Finds kernels that were made before, without making them again.
///
/// Everything that lowering looks at is written down as words: ops, attribute records, types, layouts, where values
/// live; but values by numbers in order of appearance. Items with the same words give the same kernel, up to the
/// names of its slots, so a stack of equal layers is lowered once. Whatever `LoopLowering` and `SingleLowering`
/// come to depend on belongs into these words.
struct KernelCache {
  /// What a slot stands for, for any items with the same words.
  private enum Meaning {
    case value(Int, base: Int)
    case target
    case scratch(DType, count: DimID, name: StringID)
  }

  private var words: [UInt64] = []
  private var wordEnds: [Int] = []
  private var index = HashIndex()
  private var kernels: [KernelID] = []
  private var meanings: [Meaning] = []
  private var meaningEnds: [Int] = []

  // The items at hand: their words stand behind those of all known kernels.
  private var values: [Int] = []
  private var bases: [DimID] = []
  private var numberOfBase: [DimID: Int] = [:]
  /// Per value its number, `UInt32.max` for none.
  private var numberOf: [UInt32] = []
  private var hash: UInt64 = 0
  private var looks: SharedLooks?
  private let zero: DimID

  init(_ zero: DimID) { self.zero = zero }

  /// The row of the kernel that these items run, if it is known; `add` adds one for the items asked for last.
  mutating func find(
    _ items: [Int], _ program: FlatProgram, _ residence: Residence, _ looks: SharedLooks
  ) -> Int? {
    begin(program)
    self.looks = looks
    for position in items { describe(program.items[position], program, residence) }
    hash = Self.hash(words[(wordEnds.last ?? 0)...])
    return index.find(hash) { words[range($0)].elementsEqual(words[(wordEnds.last ?? 0)...]) }
  }

  /// Adds the kernel of the items asked for last; gives its row.
  mutating func add(_ kernel: KernelID, _ lowered: LoweredKernel, _ tables: inout Tables) -> Int {
    let row = kernels.count
    wordEnds.append(words.count)
    index.insert(row, hash: hash)
    kernels.append(kernel)
    for (slot, meaning) in zip(lowered.kernel.slots, lowered.meanings) {
      switch meaning {
      case .value(let value, let base):
        guard let number = numberOfBase[base], numberOf[value] != .max else {
          preconditionFailure("a kernel works on a value that its words do not mention")
        }
        meanings.append(.value(Int(numberOf[value]), base: number))
      case .target: meanings.append(.target)
      case .scratch(let count):
        meanings.append(.scratch(slot.dtype, count: count, name: tables.strings.intern(slot.name)))
      }
    }
    meaningEnds.append(meanings.count)
    return row
  }

  /// The kernel of a row.
  func kernel(_ row: Int) -> KernelID { kernels[row] }

  /// The arguments of a call of a row's kernel on the items asked for last.
  func arguments(
    _ row: Int, entry: Int, target: FlatProgram.Target?, _ storage: inout StorageAssignment,
    _ tables: inout Tables
  ) throws(Diagnostics) -> [Argument] {
    let range = (row == 0 ? 0 : meaningEnds[row - 1])..<meaningEnds[row]
    var arguments: [Argument] = []
    arguments.reserveCapacity(range.count)
    for position in range {
      switch meanings[position] {
      case .value(let value, let base):
        guard let place = storage.place(of: values[value]) else {
          preconditionFailure("a value that is read has no place")
        }
        let offset = bases[base] == zero ? place.offset : try tables.sum(place.offset, bases[base])
        arguments.append(Argument(buffer: BufferID(place.storage), offset: offset))
      case .scratch(let dtype, let count, let name):
        let buffer = try storage.scratch(dtype, count, entry: entry, name: name, tables)
        arguments.append(Argument(buffer: BufferID(buffer), offset: zero))
      case .target:
        guard let target else { preconditionFailure("only a copy has a target") }
        arguments.append(try storage.target(target, &tables))
      }
    }
    return arguments
  }

  // MARK: Words

  private mutating func begin(_ program: FlatProgram) {
    words.removeSubrange((wordEnds.last ?? 0)...)
    for value in values where value < numberOf.count { numberOf[value] = .max }
    values.removeAll(keepingCapacity: true)
    if bases.count != 1 {
      bases = [zero]
      numberOfBase = [zero: 0]
    }
    if numberOf.count < program.values.count {
      numberOf += repeatElement(.max, count: program.values.count - numberOf.count)
    }
  }

  private mutating func describe(
    _ item: FlatProgram.Item, _ program: FlatProgram, _ residence: Residence
  ) {
    let counts = UInt64(item.operands.count) << 32 | UInt64(item.results.count) << 8
    switch item.action {
    case .node(let op, let record):
      add(counts | 1)
      add(UInt64(op.rawValue) << 32 | UInt64(record.raw))
    case .copy: add(counts | 2)
    case .assign(let target): add(counts | (residence.isExternal(target) ? 3 : 4))
    case .beginLoop, .beginForever, .leave, .endLoop, .beginBranch, .otherwise, .endBranch:
      preconditionFailure("control is no kernel")
    }
    for operand in item.operands { describe(operand: operand, program, residence) }
    for result in item.results {
      let flags: UInt64 = (residence.needsMemory[result] ? 1 : 0) | (residence.isExternal[result] ? 2 : 0)
      number(result, program)
      if let old = residence.inPlace[result] {
        add(flags | 4)
        number(old, program)
      } else {
        add(flags)
      }
    }
  }

  private mutating func describe(
    operand: Int, _ program: FlatProgram, _ residence: Residence
  ) {
    let value = program.values[operand]
    switch value.form {
    case .splat(let bits):
      add(UInt64(value.type.raw) << 8 | 1)
      add(bits)
    case .root:
      add(2)
      number(operand, program)
      place(operand, zero)
    case .view(let layout):
      add(UInt64(value.type.raw) << 8 | 3)
      number(layout.root, program)
      place(layout.root, layout.base)
      add(UInt64(layout.offset.raw))
      add(UInt64(layout.strides.count))
      for stride in layout.strides { add(UInt64(stride.raw)) }
    }
  }

  /// Writes down which root it is; at its first appearance also what lowering may ask about it.
  private mutating func number(_ root: Int, _ program: FlatProgram) {
    if numberOf[root] != .max { return add(UInt64(numberOf[root])) }
    numberOf[root] = UInt32(values.count)
    values.append(root)
    let isForeign: UInt64 =
      switch program.values[root].source {
      case .input, .parameter, .state: 1
      case .item, .constant, .cell, .stack: 0
      }
    add(UInt64(program.values[root].type.raw) << 32 | isForeign << 31 | UInt64(numberOf[root]))
  }

  /// Writes down which slot of a root is looked at, and where in it.
  private mutating func place(_ root: Int, _ base: DimID) {
    let (base, distance) = looks?.place(root, base, zero: zero) ?? (base, zero)
    add(UInt64(distance.raw) << 32 | UInt64(self.base(base)))
  }

  private mutating func base(_ dim: DimID) -> Int {
    if dim == zero { return 0 }
    if let known = numberOfBase[dim] { return known }
    numberOfBase[dim] = bases.count
    bases.append(dim)
    return bases.count - 1
  }

  private mutating func add(_ word: UInt64) { words.append(word) }

  private func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : wordEnds[row - 1])..<wordEnds[row] }

  private static func hash(_ words: ArraySlice<UInt64>) -> UInt64 {
    var hasher = WordHasher()
    for word in words { hasher.combine(word) }
    return hasher.hash
  }
}
