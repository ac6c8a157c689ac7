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

  /// Per root the list of visits that read it.
  private(set) var readers: [UInt32]

  private(set) var lookRows: [Look] = []
  private(set) var readerRows: [Link] = []
  private(set) var followerRows: [Link] = []
  private(set) var keptRows: [Kept] = []

  /// Marks the end of a list.
  static let end = Visits.end

  /// Where a visit reads or makes a root: an axis of it by its stride and extent, and the atom that runs along it.
  struct Look {
    var root: RootID
    var stride: DimID
    var extent: DimID
    var next: UInt32
    var atom: UInt8
  }

  /// A visit in a list.
  struct Link {
    var visit: VisitID
    var next: UInt32
  }

  /// A row that a visit keeps: of a root, or of the operand that a contraction computes.
  struct Kept {
    var root: RootID
    var item: ItemID
    var next: UInt32
  }

  init(_ rootCount: Int) { readers = [UInt32](repeating: Self.end, count: rootCount) }

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
    lookRows.append(
      Look(root: root, stride: stride, extent: extent, next: looks[visit.index], atom: UInt8(atom)))
    looks[visit.index] = UInt32(lookRows.count - 1)
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
    keptRows.append(Kept(root: root, item: .none, next: kept[visit.index]))
    kept[visit.index] = UInt32(keptRows.count - 1)
  }

  /// Notes a row that a visit keeps of the operand of a contraction.
  mutating func keep(operandOf item: ItemID, _ visit: VisitID) {
    keptRows.append(Kept(root: .none, item: item, next: kept[visit.index]))
    kept[visit.index] = UInt32(keptRows.count - 1)
  }
}
