import SluiceIR

/// What items compute, interned: two items of one recipe do the same to their operands.
///
/// The recipe says everything about an item but the types and places of what it works on.
struct RecipeTable {
  /// How a recipe goes on, by role.
  private enum Detail {
    case none
    case map(ScalarProgram)
    case fold(ReduceOp)
    case argument(largest: Bool)
    case generate(GenerateKernel)
    case labels(ContractKernel.Labels)
    case update(UpdateKernel)
    case algorithm(LinalgKernel)
  }

  private(set) var roles: [Role] = []
  /// The name of the op, for names and comments.
  private(set) var names: [String] = []
  /// The axes that it folds; or the one along which it goes, looks or puts.
  private(set) var axes: [AxisSet] = []
  /// The attributes, for what few roles ask.
  private(set) var records: [AttributesID] = []
  /// Whether a fold takes neighbours in one after the other, as along axes that are not the last one; see `SumOrder`.
  private(set) var isColumn: [Bool] = []
  /// Whether a fold leaves its parts, one a block of `SumOrder.columnBlock` elements of the folded axis, for another
  /// one to fold.
  private(set) var leavesParts: [Bool] = []
  private var details: [Detail] = []

  /// The words by which each recipe is known: op, record, dtypes and ranks of operands.
  private var words: [UInt64] = []
  private var wordEnds: [Int] = []
  private var index = HashIndex()

  /// The recipe of a copy.
  let copy = RecipeID(0)

  init() {
    append(.copy, "copy", AxisSet(), .none, .none)
    wordEnds.append(0)
  }

  /// The recipe of an op on operands of these types; nil where it is no item.
  mutating func intern(
    _ op: Op, _ record: AttributesID, _ operands: [TypeID], _ result: TypeID, _ tables: Tables
  )
    -> RecipeID?
  {
    let begin = words.count
    words.append(UInt64(op.rawValue) << 32 | UInt64(record.raw))
    for type in operands {
      words.append(UInt64(tables.types.dtype(type).rawValue) << 8 | UInt64(tables.types.rank(type)))
    }
    words.append(UInt64(tables.types.dtype(result).rawValue) << 8 | UInt64(tables.types.rank(result)))
    let (known, hash) = find(begin)
    if let known { return known }
    guard add(op, record, operands, result, tables) else {
      words.removeSubrange(begin...)
      return nil
    }
    wordEnds.append(words.count)
    index.insert(roles.count - 1, hash: hash)
    return RecipeID(roles.count - 1)
  }

  /// The recipe known by the words from `begin` on, which are taken back then; and their hash.
  private mutating func find(_ begin: Int) -> (RecipeID?, UInt64) {
    var hasher = WordHasher()
    for word in words[begin...] { hasher.combine(word) }
    let known = index.find(hasher.hash) { row in
      words[(wordEnds[row - 1])..<wordEnds[row]].elementsEqual(words[begin...])
    }
    if known != nil { words.removeSubrange(begin...) }
    return (known.map { RecipeID($0) }, hasher.hash)
  }

  /// The recipe of a fold over some axes of an operand: a part of one over more axes, or what leaves the parts of it.
  mutating func part(
    of recipe: RecipeID, over axes: AxisSet, isColumn: Bool = false, leavesParts: Bool = false,
    _ operand: TypeID, _ tables: Tables
  ) -> RecipeID {
    let begin = words.count
    words.append(1 << 63 | UInt64(recipe.raw) << 17 | UInt64(axes.bits) << 1 | (isColumn ? 1 : 0))
    let dtype = UInt64(tables.types.dtype(operand).rawValue)
    words.append((leavesParts ? 1 << 16 : 0) | dtype << 8 | UInt64(tables.types.rank(operand)))
    let (known, hash) = find(begin)
    if let known { return known }
    append(.fold, names[recipe.index], axes, records[recipe.index], details[recipe.index])
    self.isColumn[roles.count - 1] = isColumn
    self.leavesParts[roles.count - 1] = leavesParts
    wordEnds.append(words.count)
    index.insert(roles.count - 1, hash: hash)
    return RecipeID(roles.count - 1)
  }

  /// The recipe of a contraction of which two axes of an operand are one.
  mutating func contraction(
    like recipe: RecipeID, _ labels: ContractKernel.Labels, _ side: Int
  ) -> RecipeID {
    let begin = words.count
    words.append(1 << 62 | UInt64(recipe.raw) << 1 | UInt64(side))
    let (known, hash) = find(begin)
    if let known { return known }
    append(.contract, names[recipe.index], axes[recipe.index], records[recipe.index], .labels(labels))
    wordEnds.append(words.count)
    index.insert(roles.count - 1, hash: hash)
    return RecipeID(roles.count - 1)
  }

  private mutating func add(
    _ op: Op, _ record: AttributesID, _ operands: [TypeID], _ result: TypeID, _ tables: Tables
  ) -> Bool {
    let family = op.definition.family
    guard let role = Role(family) else { return false }
    let rank = operands.first.map { tables.types.rank($0) } ?? 0
    func axis(_ rank: Int) -> AxisSet { AxisSet([tables.axis(record, of: op, rank: rank)]) }
    var axes = AxisSet()
    var detail = Detail.none
    switch family {
    case .map(let kernel):
      var (scalars, parameters) = ScalarBuilder.make(operands.map { tables.types.dtype($0) })
      let value = kernel.program(&scalars, parameters, tables.types.dtype(result))
      detail = .map(scalars.finish(value))
    case .reduce(.fold(let fold)):
      axes = AxisSet(tables.axes(record, rank: rank))
      detail = .fold(fold)
    case .reduce(.arg(let largest)):
      axes = axis(rank)
      detail = .argument(largest: largest)
    case .cumulative(let fold):
      axes = axis(rank)
      detail = .fold(fold)
    case .contract(let kernel):
      detail = .labels(kernel.labels(rank, tables.types.rank(operands[1]), tables, record))
    case .generate(let kernel):
      if kernel == .iota { axes = axis(tables.types.rank(result)) }
      detail = .generate(kernel)
    case .update(let kernel):
      if kernel != .dynamicUpdateSlice { axes = axis(rank) }
      detail = .update(kernel)
    case .linalg(let kernel): detail = .algorithm(kernel)
    case .index(let kernel): if kernel != .dynamicSlice { axes = axis(rank) }
    case .view(.concat): axes = axis(tables.types.rank(result))
    case .order: axes = axis(rank)
    case .view, .source, .body, .expand: break
    }
    append(role, op.definition.name, axes, record, detail)
    return true
  }

  private mutating func append(
    _ role: Role, _ name: String, _ axes: AxisSet, _ record: AttributesID, _ detail: Detail
  ) {
    roles.append(role)
    names.append(name)
    self.axes.append(axes)
    records.append(record)
    isColumn.append(false)
    leavesParts.append(false)
    details.append(detail)
  }

  // MARK: What a role asks of its recipe

  /// What a map computes of one element of each operand.
  func program(_ recipe: RecipeID) -> ScalarProgram {
    guard case .map(let program) = details[recipe.index] else { preconditionFailure("no map") }
    return program
  }

  /// What a fold or cumulative item repeats.
  func fold(_ recipe: RecipeID) -> ReduceOp {
    guard case .fold(let fold) = details[recipe.index] else { preconditionFailure("no fold") }
    return fold
  }

  /// Whether an argument item looks for the largest element.
  func isLargest(_ recipe: RecipeID) -> Bool {
    guard case .argument(let largest) = details[recipe.index] else { preconditionFailure("no argument") }
    return largest
  }

  /// How elements are made.
  func generator(_ recipe: RecipeID) -> GenerateKernel {
    guard case .generate(let kernel) = details[recipe.index] else { preconditionFailure("no generator") }
    return kernel
  }

  /// The labels of a contraction.
  func labels(_ recipe: RecipeID) -> ContractKernel.Labels {
    guard case .labels(let labels) = details[recipe.index] else { preconditionFailure("no contraction") }
    return labels
  }

  /// How elements are put.
  func update(_ recipe: RecipeID) -> UpdateKernel {
    guard case .update(let kernel) = details[recipe.index] else { preconditionFailure("no update") }
    return kernel
  }

  /// Which algorithm runs.
  func algorithm(_ recipe: RecipeID) -> LinalgKernel {
    guard case .algorithm(let kernel) = details[recipe.index] else { preconditionFailure("no algorithm") }
    return kernel
  }
}
