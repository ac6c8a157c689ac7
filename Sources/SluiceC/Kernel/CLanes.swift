import SluiceIR
import SluicePlan

/// What is known of a `.vector` loop with loops inside: which registers differ from iteration to iteration, and
/// how many iterations are best run side by side.
///
/// Compilers vectorise innermost loops only, and none with a condition. So such a loop is printed in blocks of
/// iterations (lanes), each piece of straight-line code between inner loops, or between calls that look once a
/// block for large arguments, as a loop over the lanes; what lanes carry from piece to piece are arrays.
struct CLanes {
  /// The number of lanes of a block; 1 where the loop runs one iteration at a time.
  private(set) var blockLength = 1
  /// The registers that differ from lane to lane.
  private(set) var varying: Set<Register> = []
  /// The registers that lanes carry from one piece of code to another one.
  private(set) var carried: Set<Register> = []
  /// All registers that the body defines.
  private(set) var defined: Set<Register> = []

  private let tree: CKernelTree
  private let isOuter: (Register) -> Bool
  private var isPlain = true
  private var piece = 0
  private var pieceOf: [Register: Int] = [:]

  /// Looks at a loop; `isOuter` says which registers have a value before it begins.
  init(
    _ loop: Loop, _ inside: [CKernelTree.Node], _ tree: CKernelTree, _ kernel: Kernel, _ dims: DimTable,
    isOuter: @escaping (Register) -> Bool
  ) {
    self.tree = tree
    self.isOuter = isOuter
    if case .lanes(let count) = loop.kind, inside.contains(where: \.isReducingCall) {
      varying = [loop.index]
      visit(inside)
      blockLength = count
      return
    }
    guard loop.kind == .vector, loop.step == 1,
      inside.contains(where: { $0.isLoop || $0.isReducingCall })
    else { return }
    varying = [loop.index]
    visit(inside)
    // A condition, or a loop whose length differs from lane to lane.
    guard isPlain else { return }
    let isWide = carried.contains { kernel.registers[$0].byteCount == 8 }
    if inside.contains(where: \.isLoop) {
      blockLength = Self.length(of: loop, most: isWide ? 8 : 16, dims)
    } else {
      // Long blocks: the arrays cost little beside the one test.
      blockLength = isWide ? 32 : 64
      if let most = dims.bound(loop.end.constant), loop.end.terms.isEmpty {
        while blockLength > max(1, most) { blockLength /= 2 }
      }
    }
    while blockLength > 1, arrayBytes(kernel) > 2048 { blockLength /= 2 }
    if blockLength < 4 { blockLength = 1 }
  }

  /// The largest power of two that leaves few iterations over.
  private static func length(of loop: Loop, most: Int, _ dims: DimTable) -> Int {
    guard loop.start.terms.isEmpty, loop.end.terms.isEmpty, loop.limit == nil,
      let start = dims.value(loop.start.constant), let end = dims.value(loop.end.constant)
    else { return most }
    let count = Int(max(0, end - start))
    if count >= 4 * most { return count % (2 * most) == 0 ? 2 * most : most }
    var length = 2 * most
    while length > 4, count % length != 0 { length /= 2 }
    if count % length == 0 { return length }
    while length * 2 <= min(count, most) { length *= 2 }
    return length <= count ? length : 1
  }

  private func arrayBytes(_ kernel: Kernel) -> Int {
    carried.reduce(0) { $0 + kernel.registers[$1].byteCount * blockLength }
  }

  private mutating func visit(_ nodes: [CKernelTree.Node]) {
    for node in nodes {
      switch node {
      case .branch: isPlain = false
      case .loop(let loop, let inside):
        if loop.kind != .sequential, loop.kind != .jam { isPlain = false }
        if loop.bounds.contains(where: { $0.terms.contains { varying.contains($0.register) } }) {
          isPlain = false
        }
        defined.insert(loop.index)
        piece += 1
        visit(inside)
        piece += 1
      case .instruction(let instruction): visit(instruction)
      }
    }
  }

  private mutating func visit(_ instruction: Instruction) {
    if case .accumulate = instruction { isPlain = false }
    for register in instruction.reads where varying.contains(register) {
      if let home = pieceOf[register], home != piece { carried.insert(register) }
    }
    guard let result = instruction.result else { return }
    let isVariable = tree.variables.contains(result)
    // A variable of the code around would be shared by all lanes.
    if isVariable, isOuter(result) { isPlain = false }
    defined.insert(result)
    if isVariable || instruction.reads.contains(where: { varying.contains($0) }) { varying.insert(result) }
    if let home = pieceOf[result], home != piece { carried.insert(result) }
    if pieceOf[result] == nil { pieceOf[result] = piece }
    if let call = instruction.reducingCall, varying.contains(call.operands[0]) {
      carried.formUnion([call.operands[0], call.result])
      piece += 1
    }
  }
}
