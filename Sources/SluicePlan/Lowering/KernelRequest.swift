import SluiceIR

/// A kernel together with what its slots stand for: storage is assigned later.
struct LoweredKernel {
  /// What a slot works on.
  enum SlotMeaning: Hashable {
    /// A root value, from an element offset on that depends on loop counters.
    case value(Int, base: DimID)
    /// The target of an `assign` that could not be avoided.
    case target(FlatProgram.Target)
    /// Memory that only this call uses: elements of the slot's dtype.
    case scratch(count: DimID)
  }

  var kernel: Kernel
  var meanings: [SlotMeaning]
}

/// What lowering needs to know of where values live: fixed before kernels are made.
struct Residence {
  /// Per value whether other kernels, the caller or the module see it in memory.
  var needsMemory: [Bool]
  /// Values whose memory belongs to the caller or the module: floats are stored with canonical NaNs.
  var isExternal: [Bool]
  /// Values that take over the memory of another one, element by element, in the kernel that makes them.
  var inPlace: [Int: Int]

  /// Whether the memory of a target belongs to the caller or the module.
  func isExternal(_ target: FlatProgram.Target) -> Bool {
    switch target {
    case .output, .state: true
    case .cell(let value), .part(stack: let value, _): isExternal[value]
    }
  }
}

/// Makes one kernel: slots by meaning, affine accesses, checked dim arithmetic.
struct KernelWriter {
  var builder: KernelBuilder
  private(set) var meanings: [LoweredKernel.SlotMeaning] = []
  private var slotOf: [LoweredKernel.SlotMeaning: Int] = [:]
  let zero: DimID
  let one: DimID

  init(_ name: String, _ tables: inout Tables) {
    builder = KernelBuilder(name: name)
    zero = tables.dims.integer(0)
    one = tables.dims.integer(1)
    builder.zero = zero
    builder.one = one
  }

  /// The slot of a meaning, made at first use; a later use may add loads to stores.
  mutating func slot(
    _ meaning: LoweredKernel.SlotMeaning, _ name: String, _ dtype: DType, _ access: Slot.Access
  ) -> Int {
    if let known = slotOf[meaning] {
      builder.widen(known, access)
      return known
    }
    let slot = builder.slot(name, dtype, access)
    slotOf[meaning] = slot
    meanings.append(meaning)
    return slot
  }

  /// The slot of a look at a value, and where in it the look begins; looks at one array may share a slot.
  mutating func slot(
    of look: FlatProgram.Layout, _ name: String, _ dtype: DType, _ looks: SharedLooks, _ tables: inout Tables
  ) -> (slot: Int, offset: DimID) {
    let (base, distance) = looks.place(look.root, look.base, zero: zero)
    let slot = slot(.value(look.root, base: base), name, dtype, .read)
    guard let offset = tables.dims.add(look.offset, distance) else {
      preconditionFailure("two looks at one array are further apart than an array is long")
    }
    return (slot, offset)
  }

  /// A scratch slot of its own.
  mutating func scratch(_ name: String, _ dtype: DType, _ count: DimID) -> Int {
    meanings.append(.scratch(count: count))
    return builder.slot(name, dtype, .readWrite)
  }

  /// An index expression over loop indices: terms of one register are added up, those that come to 0 left out.
  func affine(_ constant: DimID, _ terms: [(DimID, Register)], _ tables: inout Tables) -> Affine {
    var merged: [Affine.Term] = []
    for (coefficient, register) in terms where coefficient != zero {
      if let known = merged.firstIndex(where: { $0.register == register }),
        let sum = tables.dims.add(merged[known].coefficient, coefficient)
      {
        merged[known].coefficient = sum
      } else {
        merged.append(Affine.Term(coefficient, register))
      }
    }
    return Affine(constant, merged.filter { $0.coefficient != zero })
  }

  consuming func finish(_ tables: Tables, comment: [String]) -> LoweredKernel {
    var kernel = builder.finish(tables)
    kernel.comment = comment
    return LoweredKernel(kernel: kernel, meanings: meanings)
  }
}
