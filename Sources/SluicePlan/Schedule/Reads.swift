import SluiceIR

/// When roots are read from memory, as entries of `Visits`.
///
/// A loop or branch counts as a whole for everything that was there before it: what one iteration reads must survive
/// all of them.
struct Reads {
  /// One read.
  struct Read {
    var entry: Int32
    var block: BlockID
  }

  /// The reads of root `r` are `rows[ends[r]..<ends[r + 1]]`, in order of visits, then of assigns and control.
  private var rows: [Read] = []
  private var ends: [UInt32] = []
  /// Per root the entry of its last read as seen from its own block; -1 for none.
  private(set) var last: [Int32] = []

  /// No reads.
  init() {}

  init(_ program: Program, _ visits: Visits) {
    ends = [UInt32](repeating: 0, count: program.rootCount + 1)
    last = [Int32](repeating: -1, count: program.rootCount)
    Self.forEach(program, visits) { root, _ in ends[root.index + 1] += 1 }
    for root in 1..<ends.count { ends[root] += ends[root - 1] }
    rows = [Read](repeating: Read(entry: 0, block: Program.function), count: Int(ends[ends.count - 1]))
    var next = ends
    Self.forEach(program, visits) { root, read in
      rows[Int(next[root.index])] = read
      next[root.index] += 1
    }
    for root in last.indices {
      let home = program.homeBlocks[root]
      for read in self.of(RootID(root)) {
        last[root] = Swift.max(last[root], Int32(entry(read, from: home, program, visits)))
      }
    }
  }

  private static func forEach(_ program: Program, _ visits: Visits, _ body: (RootID, Read) -> Void) {
    for index in 0..<visits.count {
      let visit = VisitID(index)
      let read = Read(entry: Int32(visits.entryOf[index]), block: visits.blocks[index])
      for root in visits.reads(visit) { body(root, read) }
    }
    for index in 0..<program.itemCount {
      guard program.roles[index].isControl || program.roles[index] == .assign else { continue }
      let item = ItemID(index)
      let read = Read(entry: Int32(visits.entry(item)), block: program.blocks[index])
      for view in program.operands(item) where !program.roots[view.index].isNone {
        body(program.roots[view.index], read)
      }
    }
  }

  /// The reads of a root.
  func of(_ root: RootID) -> ArraySlice<Read> { rows[Int(ends[root.index])..<Int(ends[root.index + 1])] }

  /// The entry of a read as seen from an enclosing block: a loop or branch between the two counts to its end.
  func entry(_ read: Read, from home: BlockID, _ program: Program, _ visits: Visits) -> Int {
    var entry = Int(read.entry)
    var block = read.block
    while block != home, block != Program.function {
      entry = visits.entry(program.ends[block.index])
      block = program.parents[block.index]
    }
    return entry
  }
}
