public import SluiceIR

/// What a kernel says about one of its sums, or products, of floats: which kind it is, and over which axes it goes.
///
/// That alone settles the order in which its terms are added (docs/decisions/3-order-of-sums.md). It comes from an op
/// and the extents of its operands, the loops come from how the kernel is divided; `PlanChecker` proves that they
/// come to the same.
public struct Sum: Sendable, Hashable {
  /// Which rule its order follows.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// A fold whose last axis lies along rows: that one in lanes, the others as columns.
    case rows
    /// A fold along other axes.
    case columns
    /// One block of a fold along the only axis, for another kernel to add.
    case part
    /// A contraction.
    case products

    /// Its word in the text of plans.
    package var name: String { "\(self)" }
  }

  /// The variable or accumulator that takes the terms in.
  public package(set) var register: Register
  /// The rule.
  public package(set) var kind: Kind
  /// The row behind its last axis in `Kernel.sumAxes`.
  public package(set) var axisEnd: Int
}

/// An axis of a sum.
public struct SumAxis: Sendable, Hashable {
  /// How many elements it has.
  public var extent: DimID
  /// The index of the loop that goes along it, element by element.
  public var index: Register

  /// An axis of a sum.
  public init(_ extent: DimID, _ index: Register) {
    self.extent = extent
    self.index = index
  }
}

extension Kernel {
  /// The axes of a sum, by its row, outermost first.
  package func axes(ofSum row: Int) -> ArraySlice<SumAxis> {
    sumAxes[(row == 0 ? 0 : sums[row - 1].axisEnd)..<sums[row].axisEnd]
  }

  /// States a sum.
  package mutating func state(_ kind: Sum.Kind, in register: Register, over axes: [SumAxis]) {
    sumAxes += axes
    sums.append(Sum(register: register, kind: kind, axisEnd: sumAxes.count))
  }

  /// The rows of sums by the instructions behind which they are said: the last one that changes their register, with
  /// the indices of all axes known.
  package func sumsByInstruction() -> [(instruction: Int, sum: Int)] {
    if sums.isEmpty { return [] }
    var last = [Int](repeating: -1, count: registers.count)
    for (position, instruction) in instructions.enumerated() {
      if let register = instruction.changed, last.indices.contains(register) { last[register] = position }
    }
    func place(_ register: Register) -> Int { last.indices.contains(register) ? last[register] : -1 }
    return sums.indices.map { row in
      (axes(ofSum: row).reduce(place(sums[row].register)) { max($0, place($1.index)) }, row)
    }.sorted { ($0.instruction, $0.sum) < ($1.instruction, $1.sum) }
  }
}

extension Instruction {
  /// The register that it defines or changes.
  package var changed: Register? {
    switch self {
    case .scalar(let scalar): scalar.result
    case .index(let register, _), .load(let register, _, _), .assign(let register, _),
      .accumulate(let register, _, _):
      register
    case .loop(let loop): loop.index
    case .store, .local, .if, .end: nil
    }
  }
}
