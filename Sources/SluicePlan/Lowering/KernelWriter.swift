import SluiceIR

/// A kernel together with what its slots stand for, by the numbers of its request.
struct LoweredKernel {
  /// What a slot works on.
  enum SlotMeaning: Hashable {
    /// A root, from an element offset on that the caller adds.
    case root(KernelRequest.Number, base: KernelRequest.Number)
    /// The target of an assign.
    case target
    /// Memory that only this call uses: elements of the slot's dtype.
    case scratch(count: DimID)
  }

  var kernel: Kernel
  var meanings: [SlotMeaning]
  /// What was decided about contractions.
  var choices: [LoweringChoice] = []
}

/// How a contraction finds what lanes load side by side where memory has it otherwise, or which part of it is left out.
struct LoweringChoice {
  enum Kind {
    /// Private memory holds an operand with the lanes side by side, as much of it as one chain of the sum reads.
    case copied
    /// Lanes run along the channels of the result, and the copy serves all places of a window.
    case channels
    /// Lanes run through several rows of an image.
    case rowsJoined
    /// Terms, or results, that a mask leaves out for a whole block of rows are not computed.
    case masked
  }

  /// The number of the contraction in the request.
  var item: Int
  var kind: Kind

  /// What its remark is about.
  var remark: Remark.Kind { kind == .masked ? .mask : .layout }

  /// What a remark says.
  var text: String {
    switch kind {
    case .copied: "copied to private memory, a chain of the sum at a time, so that lanes are neighbours"
    case .channels: "lanes run along channels: one copy in private memory serves all places of the window"
    case .rowsJoined:
      "lanes run through rows of the image, which a copy in private memory puts behind each other"
    case .masked: "what the mask leaves out for a whole block of rows is not computed"
    }
  }
}

/// Makes one kernel: slots by meaning, affine accesses, checked dim arithmetic.
struct KernelWriter {
  var builder: KernelBuilder
  private(set) var meanings: [LoweredKernel.SlotMeaning] = []
  private var slotOf: [LoweredKernel.SlotMeaning: Memory] = [:]
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
  mutating func slot(_ meaning: LoweredKernel.SlotMeaning, _ dtype: DType, _ access: Slot.Access) -> Memory {
    if let known = slotOf[meaning] {
      builder.widen(known, access)
      return known
    }
    let slot = builder.slot("slot", dtype, access)
    slotOf[meaning] = slot
    meanings.append(meaning)
    return slot
  }

  /// Where a view begins that is so far behind the base of its slot.
  func offset(_ offset: DimID, _ distance: DimID, _ tables: inout Tables) -> DimID {
    guard let sum = tables.dims.add(offset, distance) else {
      preconditionFailure("two views of one array are further apart than an array is long")
    }
    return sum
  }

  /// A scratch slot of its own.
  mutating func scratch(_ name: String, _ dtype: DType, _ count: DimID) -> Memory {
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

  consuming func finish(_ tables: Tables) -> LoweredKernel {
    LoweredKernel(kernel: builder.finish(tables), meanings: meanings)
  }
}
