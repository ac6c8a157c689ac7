import SluiceIR

/// What one kernel is to do: all that lowering can look at.
///
/// Roots and the bases of views go by numbers in the order in which they appear, so the same work on other values is
/// the same request, and a stack of equal layers is lowered once.
struct KernelRequest: Equatable {
  /// One thing to compute.
  struct Item: Equatable {
    var role: Role
    var recipe: RecipeID
    /// The nest in which it runs, and when; `derived` for what is computed again wherever it is read.
    var nest: UInt8
    var phase: Visits.Phase
    /// Per axis of its space the atom, four bits each.
    var atoms: UInt64
    /// The rows behind its operands and its results.
    var operandEnd: UInt32
    var resultEnd: UInt32
  }

  /// The nest of what runs in none.
  static let derived = UInt8.max

  /// A number of a root or base of a request.
  typealias Number = UInt32

  /// What an item reads.
  struct Operand: Equatable {
    var type: TypeID
    /// The root; `UInt32.max` for a splat.
    var root: Number
    /// The base of its slot, 0 for none; for a splat the high half of its bits.
    var base: Number
    /// How far behind that base it begins.
    var distance: DimID
    /// The layout, none for the whole root; for a splat the low half of its bits.
    var layout: LayoutID

    /// The constant that it is everywhere.
    var splat: UInt64? {
      root == .max ? UInt64(base) << 32 | UInt64(layout.raw) : nil
    }
  }

  /// A value that the items make or read.
  struct Root: Equatable {
    var type: TypeID
    /// Whether its bytes may hold anything.
    var isForeign: Bool
    /// The item that makes it; `UInt32.max` for what is in memory.
    var maker: UInt32 = .max
    /// Whether a later nest reads it; asked of results only, as are the next three.
    var isKept = false
    /// Whether others see it in memory.
    var needsMemory = false
    /// Whether it is the caller's or the module's: floats are stored with canonical NaNs.
    var isExternal = false
    /// The root whose memory it takes over, element by element; `UInt32.max` for none.
    var inPlace: Number = .max
  }

  /// What happens to the operand of an assign; none where the items compute.
  enum Target: UInt8 { case none, inside, outside }

  /// The extents of the atoms.
  var atoms: [DimID] = []
  /// The atoms of the loops around all nests, as bits.
  var outer: UInt32 = 0
  /// The outer atom whose blocks come one after the other in a task; `Visits.noSweep` for none.
  var sweep = Visits.noSweep
  var nests: [Visits.Nest] = []
  /// Whether the only item has a kernel of its own.
  var isSingle = false
  var target = Target.none
  private(set) var items: [Item] = []
  private(set) var operandRows: [Operand] = []
  private(set) var resultRows: [Number] = []
  private(set) var roots: [Root] = []

  func operandRange(_ item: Int) -> Range<Int> {
    (item == 0 ? 0 : Int(items[item - 1].operandEnd))..<Int(items[item].operandEnd)
  }

  func operands(_ item: Int) -> ArraySlice<Operand> { operandRows[operandRange(item)] }

  func results(_ item: Int) -> ArraySlice<Number> {
    resultRows[(item == 0 ? 0 : Int(items[item - 1].resultEnd))..<Int(items[item].resultEnd)]
  }

  /// The type of the first result.
  func resultType(_ item: Int) -> TypeID {
    results(item).first.map { roots[Int($0)].type } ?? .none
  }

  var hash: UInt64 {
    var hasher = WordHasher()
    hasher.combine(UInt64(outer) << 32 | UInt64(sweep) << 8 | UInt64(target.rawValue))
    for atom in atoms { hasher.combine(UInt64(atom.raw)) }
    for nest in nests {
      hasher.combine(nest.kept)
      hasher.combine(nest.folded)
    }
    for item in items {
      hasher.combine(UInt64(item.recipe.raw) << 32 | UInt64(item.operandEnd))
      hasher.combine(UInt64(item.resultEnd) << 16 | UInt64(item.nest) << 8 | UInt64(item.phase.rawValue))
      hasher.combine(item.atoms)
    }
    for operand in operandRows {
      hasher.combine(UInt64(operand.type.raw) << 32 | UInt64(operand.root))
      hasher.combine(UInt64(operand.layout.raw) << 32 | UInt64(operand.base))
      hasher.combine(UInt64(operand.distance.raw))
    }
    for result in resultRows { hasher.combine(UInt64(result)) }
    for root in roots {
      var flags: UInt64 = (root.isForeign ? 1 : 0) | (root.needsMemory ? 2 : 0) | (root.isExternal ? 4 : 0)
      if root.isKept { flags |= 8 }
      hasher.combine(UInt64(root.type.raw) << 32 | UInt64(root.inPlace) ^ flags << 28)
      hasher.combine(UInt64(root.maker))
    }
    return hasher.hash
  }

  // MARK: Writing

  mutating func removeAll() {
    atoms.removeAll(keepingCapacity: true)
    nests.removeAll(keepingCapacity: true)
    outer = 0
    sweep = Visits.noSweep
    isSingle = false
    target = .none
    items.removeAll(keepingCapacity: true)
    operandRows.removeAll(keepingCapacity: true)
    resultRows.removeAll(keepingCapacity: true)
    roots.removeAll(keepingCapacity: true)
  }

  mutating func append(operand: Operand) { operandRows.append(operand) }

  mutating func move(operand row: Int, to base: Number, _ distance: DimID) {
    operandRows[row].base = base
    operandRows[row].distance = distance
  }

  mutating func append(result: Number) { resultRows.append(result) }

  mutating func append(root: Root) { roots.append(root) }

  mutating func setResult(
    _ root: Number, isKept: Bool, needsMemory: Bool, isExternal: Bool, inPlace: Number
  ) {
    roots[Int(root)].maker = UInt32(items.count)
    roots[Int(root)].isKept = isKept
    roots[Int(root)].needsMemory = needsMemory
    roots[Int(root)].isExternal = isExternal
    roots[Int(root)].inPlace = inPlace
  }

  /// Ends an item whose operands and results were appended.
  mutating func endItem(
    _ role: Role, _ recipe: RecipeID, nest: UInt8, phase: Visits.Phase = .body, atoms: UInt64
  ) {
    items.append(
      Item(
        role: role, recipe: recipe, nest: nest, phase: phase, atoms: atoms,
        operandEnd: UInt32(operandRows.count), resultEnd: UInt32(resultRows.count)))
  }
}

/// A request for items at hand, and what its numbers stand for.
struct RequestWriter {
  private(set) var request = KernelRequest()
  /// Per number of a root the root.
  private(set) var roots: [RootID] = []
  /// Per number of a base the base; number 0 is 0.
  private(set) var bases: [DimID]
  /// Per root its number; `UInt32.max` for none.
  private var numbers: [UInt32] = []
  /// Per dim its number as a base; `UInt32.max` for none.
  private var baseNumbers: [UInt32] = []

  init(_ zero: DimID) { bases = [zero] }

  /// The items of the request, with the derived ones that they read.
  private(set) var items: [ItemID] = []
  /// Per item whether it is a derived one among them already.
  private var isCollected: [Bool] = []

  /// Drops the columns that have a row for each root and item of a function, behind its last request.
  mutating func dropColumns() {
    roots = []
    (numbers, isCollected) = ([], [])
  }

  /// Writes down what the kernel of a visit does.
  mutating func write(
    _ visit: VisitID, _ program: Program, _ visits: Visits, _ storage: StorageAssignment,
    _ tables: inout Tables
  ) {
    begin(program)
    collect(visit, program, visits)
    request.isSingle = visits.isSingle[visit.index]
    request.outer = visits.outer[visit.index]
    request.sweep = visits.sweeps[visit.index]
    for atom in 0..<Int(visits.atomCounts[visit.index]) { request.atoms.append(visits.extent(visit, atom)) }
    for nest in 0..<Int(visits.nestCounts[visit.index]) {
      var row = visits.nest(visit, nest)
      row.next = Visits.end
      request.nests.append(row)
    }
    for item in items {
      let isDerived = visits.derivation.isDerived(item)
      writeOperands(item, program)
      for root in program.results(item) {
        let root = RootID(root)
        let own = number(root, program)
        let old = storage.placement.inPlace[root.index]
        let oldNumber = old.isNone ? .max : number(old, program)
        request.setResult(
          own, isKept: visits.isKept[root.index], needsMemory: visits.needsMemory[root.index],
          isExternal: storage.isExternal(root), inPlace: oldNumber)
        request.append(result: own)
      }
      request.endItem(
        program.roles[item.index], program.recipe(item),
        nest: isDerived ? KernelRequest.derived : visits.nestOf[item.index], phase: visits.phases[item.index],
        atoms: isDerived ? .max : visits.spaceAtoms[item.index])
    }
    shareSlots(&tables)
  }

  /// The items of a visit and the derived ones that they read, in the order of the program.
  private mutating func collect(_ visit: VisitID, _ program: Program, _ visits: Visits) {
    items = visits.items(visit)
    if isCollected.count < program.itemCount {
      isCollected += repeatElement(false, count: program.itemCount - isCollected.count)
    }
    var next = 0
    while next < items.count {
      let item = items[next]
      next += 1
      for view in program.operands(item) {
        let root = program.roots[view.index]
        guard visits.derivation.isDerived(root, program) else { continue }
        let maker = program.makers[root.index]
        if isCollected[maker.index] { continue }
        isCollected[maker.index] = true
        items.append(maker)
      }
    }
    for item in items { isCollected[item.index] = false }
    items.sort { $0.raw < $1.raw }
  }

  /// Writes down what the kernel of an assign does.
  mutating func write(
    _ assign: ItemID, _ program: Program, _ storage: StorageAssignment, _ tables: inout Tables
  ) {
    begin(program)
    items = [assign]
    let shape = program.operands(assign).first.map { tables.types.shape(program.viewTypes[$0.index]) } ?? []
    var (list, kept) = (UInt64.max, Visits.Nest())
    for (axis, extent) in shape.enumerated() where tables.dims.value(extent) != 1 {
      let atom = UInt64(request.atoms.count)
      list = list & ~(15 << UInt64(4 * axis)) | atom << UInt64(4 * axis)
      kept.kept = kept.kept & ~(15 << (4 * atom)) | atom << (4 * atom)
      request.outer |= 1 << UInt32(atom)
      request.atoms.append(extent)
    }
    request.nests = [kept]
    request.target = storage.isExternal(program.target(assign)) ? .outside : .inside
    writeOperands(assign, program)
    request.endItem(.copy, program.recipeTable.copy, nest: 0, atoms: list)
  }

  private mutating func begin(_ program: Program) {
    for root in roots { numbers[root.index] = .max }
    for base in bases.dropFirst() { baseNumbers[base.index] = .max }
    roots.removeAll(keepingCapacity: true)
    bases.removeSubrange(1...)
    request.removeAll()
    if numbers.count < program.rootCount {
      numbers += repeatElement(.max, count: program.rootCount - numbers.count)
    }
  }

  private mutating func writeOperands(_ item: ItemID, _ program: Program) {
    for row in program.operandRange(item) {
      let view = program.operand(row)
      var operand = KernelRequest.Operand(
        type: program.viewTypes[view.index], root: .max, base: 0,
        distance: bases[0], layout: program.layouts[view.index])
      if program.roots[view.index].isNone {
        operand.base = program.bases[view.index].raw
      } else {
        operand.root = number(program.roots[view.index], program)
        if !operand.layout.isNone {
          if request.roots[Int(operand.root)].maker == .max {
            operand.base = number(base: program.bases[view.index])
          } else {
            // What the kernel makes itself has no argument that would say where the view begins.
            operand.distance = program.bases[view.index]
          }
        }
      }
      request.append(operand: operand)
    }
  }

  private mutating func number(_ root: RootID, _ program: Program) -> UInt32 {
    if numbers[root.index] != .max { return numbers[root.index] }
    numbers[root.index] = UInt32(roots.count)
    roots.append(root)
    request.append(
      root: KernelRequest.Root(
        type: program.types[root.index], isForeign: program.homes[root.index].isForeign))
    return numbers[root.index]
  }

  private mutating func number(base: DimID) -> UInt32 {
    if base == bases[0] { return 0 }
    if base.index >= baseNumbers.count {
      baseNumbers += repeatElement(.max, count: base.index + 1 - baseNumbers.count)
    }
    if baseNumbers[base.index] == .max {
      baseNumbers[base.index] = UInt32(bases.count)
      bases.append(base)
    }
    return baseNumbers[base.index]
  }
}

extension RequestWriter {
  /// Lets views of one root at known distances share a slot, so that a kernel has one parameter an array, however
  /// many parts of it it reads.
  fileprivate mutating func shareSlots(_ tables: inout Tables) {
    guard bases.count > 1 else { return }
    var isDone = [Bool](repeating: false, count: request.operandRows.count)
    for first in request.operandRows.indices where !isDone[first] && isInMemory(first) {
      let root = request.operandRows[first].root
      let start = bases[Int(request.operandRows[first].base)]
      var near: [(row: Int, distance: Int64)] = []
      for row in first..<request.operandRows.count
      where !isDone[row] && request.operandRows[row].root == root {
        let base = bases[Int(request.operandRows[row].base)]
        if let difference = tables.dims.subtract(base, start), let distance = tables.dims.value(difference),
          distance.magnitude <= Planner.maximumBytes
        {
          near.append((row, distance))
          isDone[row] = true
        }
      }
      guard let least = near.min(by: { $0.distance < $1.distance }),
        Self.keepsKernelsAlike(Set(near.map(\.distance)).sorted())
      else { continue }
      let base = request.operandRows[least.row].base
      for (row, distance) in near {
        request.move(operand: row, to: base, tables.dims.integer(distance - least.distance))
      }
    }
  }

  /// Whether an operand is read from memory that was there before.
  private func isInMemory(_ row: Int) -> Bool {
    let root = request.operandRows[row].root
    return root != .max && request.roots[Int(root)].maker == .max
  }

  /// Whether distances may stand in a kernel: they are few, or so regular that other kernels have the same.
  ///
  /// Where many parts at odd places are joined, places that are arguments make all runs of them one kernel.
  private static func keepsKernelsAlike(_ distances: [Int64]) -> Bool {
    guard distances.count > 8 else { return true }
    let step = distances[1] - distances[0]
    return zip(distances, distances.dropFirst()).allSatisfy { $1 - $0 == step }
  }
}

/// The requests that were made, each with its kernel and what the slots of that stand for.
struct RequestTable {
  private var index = HashIndex()
  private var requests: [KernelRequest] = []
  private var kernels: [KernelID] = []
  private var meanings: [[LoweredKernel.SlotMeaning]] = []
  private var choices: [[LoweringChoice]] = []

  /// The row of a request.
  func find(_ request: KernelRequest, _ hash: UInt64) -> Int? {
    index.find(hash) { requests[$0] == request }
  }

  mutating func add(
    _ request: KernelRequest, _ hash: UInt64, _ kernel: KernelID, _ lowered: LoweredKernel
  ) -> Int {
    requests.append(request)
    kernels.append(kernel)
    meanings.append(lowered.meanings)
    choices.append(lowered.choices)
    index.insert(requests.count - 1, hash: hash)
    return requests.count - 1
  }

  /// The kernel of a row.
  func kernel(_ row: Int) -> KernelID { kernels[row] }

  /// What the slots of a row's kernel stand for.
  func meanings(_ row: Int) -> [LoweredKernel.SlotMeaning] { meanings[row] }

  /// What was decided about the contractions of a row's kernel.
  func choices(_ row: Int) -> [LoweringChoice] { choices[row] }
}
