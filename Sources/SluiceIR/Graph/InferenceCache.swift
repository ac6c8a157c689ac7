/// What inference found before: result types by op, attribute record and operand types.
///
/// All of these are interned, so large graphs ask the same few questions again and again. Only answers are kept,
/// no mistakes. An answer holds as long as the tables only grow.
struct InferenceCache {
  /// Per question: op and record, the operand types, then the result types.
  private var words: [UInt64] = []
  private var types: [TypeID] = []
  private var operandEnds: [Int] = []
  private var ends: [Int] = []
  private var index = HashIndex()

  init() {}

  /// Checks operands and attributes and infers the result types, or finds that this was done before.
  @inline(__always)
  mutating func infer(_ op: Op, _ tables: inout Tables, _ inference: inout Inference) throws(InferenceError) {
    let word = UInt64(op.rawValue) << 32 | UInt64(inference.attributes.raw)
    var hasher = WordHasher()
    hasher.combine(word)
    for type in inference.operands { hasher.combine(UInt64(type.raw)) }
    let hash = hasher.hash
    if let row = find(word, inference.operands, hash) {
      for position in operandEnds[row]..<ends[row] { inference.results.append(types[position]) }
      return
    }
    try op.definition.check(tables, inference)
    try op.definition.infer(&tables, &inference)
    words.append(word)
    types += inference.operands
    operandEnds.append(types.count)
    types += inference.results
    ends.append(types.count)
    index.insert(words.count - 1, hash: hash)
  }

  private func find(_ word: UInt64, _ operands: [TypeID], _ hash: UInt64) -> Int? {
    index.find(hash) { row in
      guard words[row] == word else { return false }
      let start = row == 0 ? 0 : ends[row - 1]
      guard operandEnds[row] - start == operands.count else { return false }
      for position in operands.indices where types[start + position] != operands[position] { return false }
      return true
    }
  }
}
