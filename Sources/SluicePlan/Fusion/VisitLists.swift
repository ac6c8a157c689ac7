import SluiceIR

/// What is known of visits while they are formed, in linked lists; nobody asks later.
struct VisitLists {
  // MARK: Per visit

  /// One more than the deepest visit that makes something that this one reads.
  var depths: [Int32] = []
  /// How many arrays the kernel works on at most.
  var arrayCounts: [UInt32] = []
  /// How many bytes those arrays have that would be in the arena; counted where there is a budget.
  var arenaBytes: [Double] = []
  var costs: [Cost] = []
  /// The first rows of lists: places where roots are read or made, visits that read what this one makes, and what it
  /// keeps in rows of private memory.
  private(set) var looks: [UInt32] = []
  private(set) var followers: [UInt32] = []
  private(set) var kept: [UInt32] = []

  /// Per item the atom of each axis of its result.
  var resultAtoms: [AxisList]
  /// Per root the list of visits that read it.
  private(set) var readers: [UInt32]

  private(set) var lookRows: [LookRow] = []
  /// What looks are but for their roots, each once: there are few.
  private var ways: [Way] = []
  private var wayIndex = HashIndex()
  private(set) var readerRows: [Link] = []
  private(set) var followerRows: [Link] = []
  private(set) var keptRows: [Kept] = []

  /// Marks the end of a list.
  static let end = Visits.end

  /// How a root is read or made: an axis of it by its stride and extent, and the atom that runs along it.
  struct Way: Equatable {
    var stride: DimID
    var extent: DimID
    var atom: UInt8
  }

  /// Where a visit reads or makes a root, by the row of its way.
  struct LookRow {
    var root: RootID
    var way: UInt32
    var next: UInt32
  }

  /// A visit in a list.
  struct Link {
    var visit: VisitID
    var next: UInt32
  }

  /// A row that a visit keeps: of a root, or of the operand that a contraction computes, along some atoms.
  struct Kept {
    var root: RootID
    var item: ItemID
    var atoms: UInt32
    var next: UInt32
  }

  init(_ itemCount: Int, _ rootCount: Int) {
    resultAtoms = [AxisList](repeating: AxisList(), count: itemCount)
    readers = [UInt32](repeating: Self.end, count: rootCount)
  }

  mutating func appendVisit() {
    depths.append(0)
    arrayCounts.append(0)
    arenaBytes.append(0)
    costs.append(Cost())
    looks.append(Self.end)
    followers.append(Self.end)
    kept.append(Self.end)
  }

  /// Notes where a visit reads or makes a root.
  mutating func note(
    _ root: RootID, _ stride: DimID, _ extent: DimID, atom: Int, _ visit: VisitID
  ) {
    if atom == AxisList.none { return }
    let way = row(Way(stride: stride, extent: extent, atom: UInt8(atom)))
    lookRows.append(LookRow(root: root, way: way, next: looks[visit.index]))
    looks[visit.index] = UInt32(lookRows.count - 1)
  }

  /// The way of a look.
  func way(_ look: LookRow) -> Way { ways[Int(look.way)] }

  private mutating func row(_ way: Way) -> UInt32 {
    var hasher = WordHasher()
    hasher.combine(UInt64(way.stride.raw) << 32 | UInt64(way.extent.raw))
    hasher.combine(UInt64(way.atom))
    let hash = hasher.hash
    if let known = wayIndex.find(hash, where: { ways[$0] == way }) { return UInt32(known) }
    ways.append(way)
    wayIndex.insert(ways.count - 1, hash: hash)
    return UInt32(ways.count - 1)
  }

  /// Notes that a visit reads a root.
  mutating func note(reader visit: VisitID, of root: RootID) {
    Self.push(visit, to: &readers[root.index], &readerRows)
  }

  /// Notes that a visit reads what another one makes.
  mutating func note(follower visit: VisitID, of maker: VisitID) {
    Self.push(visit, to: &followers[maker.index], &followerRows)
  }

  private static func push(_ visit: VisitID, to head: inout UInt32, _ rows: inout [Link]) {
    if head != end, rows[Int(head)].visit == visit { return }
    rows.append(Link(visit: visit, next: head))
    head = UInt32(rows.count - 1)
  }

  /// Notes a row that a visit keeps of a root.
  mutating func keep(_ root: RootID, _ visit: VisitID) {
    keptRows.append(Kept(root: root, item: .none, atoms: 0, next: kept[visit.index]))
    kept[visit.index] = UInt32(keptRows.count - 1)
  }

  /// Notes a row that a visit keeps of the operand of a contraction.
  mutating func keep(operandOf item: ItemID, along atoms: UInt32, _ visit: VisitID) {
    keptRows.append(Kept(root: .none, item: item, atoms: atoms, next: kept[visit.index]))
    kept[visit.index] = UInt32(keptRows.count - 1)
  }
}
