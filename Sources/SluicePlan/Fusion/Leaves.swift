import SluiceIR

/// What an item reads down to stored roots: its operands, and what the derived items among them read.
///
/// The axes of an item's *space* are those of its result, or of the operand that it folds; of a contraction those of
/// its result, then the summed ones. A leaf says for every axis of the space how the root is read along it. Equal
/// leaves are one.
struct Leaves {
  /// The most axes of a space: those of a result and summed ones.
  static let maximumAxes = 16

  /// What is true of a leaf.
  struct Flags: OptionSet {
    var rawValue: UInt8
    /// It is read before the loops begin: a seed, or where a slice begins.
    static let ahead = Flags(rawValue: 1)
    /// It is read at computed places.
    static let indexed = Flags(rawValue: 2)
    /// Every axis of the root with more than one element is run through by one of the space.
    static let whole = Flags(rawValue: 4)
    /// The view is a map of axes.
    static let mapped = Flags(rawValue: 8)
  }

  /// The dims of the space.
  private(set) var space: [DimID] = []
  /// Per axis of the space whether the item folds it.
  private(set) var foldedAxes = AxisSet()
  /// How many operations one element of the space takes.
  private(set) var operations = 0

  private(set) var roots: [RootID] = []
  private var flags: [Flags] = []
  /// Per leaf and axis of its root the axis of the space that runs through all of it.
  private var rootAxes: [AxisList] = []
  /// Per leaf and axis of the space the distance between neighbours in the root; none where it repeats or is unknown.
  private var strides: [DimID] = []
  private var looks = ViewLooks()

  init() {}

  var count: Int { roots.count }

  /// The distance along an axis of the space; none where it repeats, or is not known.
  func stride(_ leaf: Int, _ axis: Int) -> DimID { strides[leaf * Self.maximumAxes + axis] }

  /// The axis of the space that runs through all of an axis of the leaf's root; -1 for none.
  func spaceAxis(_ leaf: Int, _ rootAxis: Int) -> Int {
    let axis = rootAxes[leaf][rootAxis]
    return axis == AxisList.none ? -1 : axis
  }

  func isAhead(_ leaf: Int) -> Bool { flags[leaf].contains(.ahead) }
  func isIndexed(_ leaf: Int) -> Bool { flags[leaf].contains(.indexed) }
  func isWhole(_ leaf: Int) -> Bool { flags[leaf].contains(.whole) }
  func isMapped(_ leaf: Int) -> Bool { flags[leaf].contains(.mapped) }

  /// Whether an earlier leaf is of the same root.
  func isRepeated(_ leaf: Int) -> Bool {
    let root = roots[leaf]
    for earlier in 0..<leaf where roots[earlier] == root { return true }
    return false
  }

  /// Looks at an item.
  mutating func read(
    _ item: ItemID, _ program: Program, _ derivation: Derivation, _ tables: inout Tables
  ) {
    roots.removeAll(keepingCapacity: true)
    flags.removeAll(keepingCapacity: true)
    rootAxes.removeAll(keepingCapacity: true)
    strides.removeAll(keepingCapacity: true)
    operations = 1
    foldedAxes = program.readSpace(item, into: &space, tables)
    let (role, range) = (program.roles[item.index], program.operandRange(item))
    for row in range {
      let view = program.operand(row)
      let root = program.roots[view.index]
      if root.isNone || derivation.isDerived(root, program) { continue }
      let position = row - range.lowerBound
      var own: Flags = role.readsAhead(position) ? .ahead : []
      if role.isIndexed && position == 0 { own.insert(.indexed) }
      append(program.spaceAxes(item, position, tables), view, own, program, &tables)
    }
    for row in range.reversed() {
      let view = program.operand(row)
      let root = program.roots[view.index]
      guard !root.isNone, derivation.isDerived(root, program) else { continue }
      let position = row - range.lowerBound
      let look = looks.look(view, program, &tables)
      let axes = look.wholes.through(program.spaceAxes(item, position, tables))
      let maker = program.makers[root.index]
      operations += derivation.operations(maker)
      splice(derivation.leaves, maker, axes, isAhead: role.readsAhead(position))
    }
  }

  /// Adds a root that is read through a view whose axes are these of the space.
  private mutating func append(
    _ axes: AxisList, _ view: ViewID, _ own: Flags, _ program: Program, _ tables: inout Tables
  ) {
    begin(program.roots[view.index], own, AxisList())
    if own.contains(.indexed) { return end() }
    let look = looks.look(view, program, &tables)
    let (one, zero) = (tables.dims.integer(1), tables.dims.integer(0))
    let leaf = roots.count - 1
    for axis in 0..<tables.types.rank(look.type) {
      let to = axes[axis]
      let (dim, step) = (tables.types.dim(look.type, axis), looks.stride(look, axis))
      if to < space.count, dim != one, dim == space[to], step != zero {
        strides[leaf * Self.maximumAxes + to] = step
      }
    }
    rootAxes[leaf] = look.wholes.through(axes)
    if look.isMapped {
      flags[leaf].insert(.mapped)
      if rootAxes[leaf].count == look.loops { flags[leaf].insert(.whole) }
    }
    end()
  }

  /// Adds the leaves of a derived item whose axes are these of the space.
  private mutating func splice(
    _ derived: DerivedLeaves, _ item: ItemID, _ axes: AxisList, isAhead: Bool
  ) {
    for row in derived.range(item) {
      let list = derived.rootAxes[row]
      let own = list.through(axes)
      var flags = derived.flags[row]
      if isAhead { flags.insert(.ahead) }
      if own.count != list.count { flags.remove(.whole) }
      begin(derived.roots[row], flags, own)
      let leaf = roots.count - 1
      for axis in 0..<derived.rank(item) where axes[axis] < space.count {
        strides[leaf * Self.maximumAxes + axes[axis]] = derived.stride(item, row, axis)
      }
      end()
    }
  }

  private mutating func begin(_ root: RootID, _ own: Flags, _ axes: AxisList) {
    roots.append(root)
    flags.append(own)
    rootAxes.append(axes)
    for _ in 0..<Self.maximumAxes { strides.append(.none) }
  }

  /// Takes the last leaf back where there is an equal one.
  private mutating func end() {
    let last = roots.count - 1
    for leaf in 0..<last where isEqual(leaf, last) {
      roots.removeLast()
      flags.removeLast()
      rootAxes.removeLast()
      strides.removeLast(Self.maximumAxes)
      return
    }
  }

  private func isEqual(_ a: Int, _ b: Int) -> Bool {
    guard roots[a] == roots[b], flags[a] == flags[b], rootAxes[a] == rootAxes[b] else { return false }
    for axis in space.indices where stride(a, axis) != stride(b, axis) { return false }
    return true
  }
}

/// The leaves of derived items, which readers take as they are.
struct DerivedLeaves {
  /// The leaves of item `i` are the rows `ends[i - 1]..<ends[i]`.
  private var ends: [UInt32] = []
  /// Per item where its strides begin.
  private var strideBegins: [UInt32] = []
  private var ranks: [UInt8] = []
  private(set) var roots: [RootID] = []
  private(set) var flags: [Leaves.Flags] = []
  private(set) var rootAxes: [AxisList] = []
  private var strides: [DimID] = []

  func range(_ item: ItemID) -> Range<Int> {
    (item.index == 0 ? 0 : Int(ends[item.index - 1]))..<Int(ends[item.index])
  }

  /// How many axes the item's result has.
  func rank(_ item: ItemID) -> Int { Int(ranks[item.index]) }

  /// The distance between neighbours along an axis of the item, in the root of a row of `range(item)`.
  func stride(_ item: ItemID, _ row: Int, _ axis: Int) -> DimID {
    let leaf = row - range(item).lowerBound
    return strides[Int(strideBegins[item.index]) + leaf * rank(item) + axis]
  }

  /// Ends the next item; of a derived one the leaves are those that were read last.
  mutating func append(_ leaves: Leaves?) {
    strideBegins.append(UInt32(strides.count))
    ranks.append(UInt8(leaves?.space.count ?? 0))
    if let leaves { leaves.copy(&roots, &flags, &rootAxes, &strides) }
    ends.append(UInt32(roots.count))
  }
}

extension Leaves {
  /// Appends the leaves to columns.
  fileprivate func copy(
    _ roots: inout [RootID], _ flags: inout [Flags], _ rootAxes: inout [AxisList], _ strides: inout [DimID]
  ) {
    roots += self.roots
    flags += self.flags
    rootAxes += self.rootAxes
    for leaf in 0..<count {
      for axis in space.indices { strides.append(stride(leaf, axis)) }
    }
  }
}
