import SluiceIR

/// How views lie in their roots, found once for all views of one type, layout and base of roots of one type.
struct ViewLooks {
  /// How one view lies.
  struct Look {
    /// Whether its axes are parts of the root's.
    var isMapped = false
    /// Per axis of the root the axis of the view that runs through all of it.
    var wholes = AxisList()
    /// How many axes of the root have more than one element.
    var loops = 0
    /// The type of the view.
    var type = TypeID.none
    /// Where the strides of the view begin in the pool.
    fileprivate var strideBegin = 0
  }

  private struct Key: Equatable {
    var root: TypeID
    var type: TypeID
    var layout: LayoutID
    var base: DimID
  }

  private var keys: [Key] = []
  private var looks: [Look] = []
  private var stridePool: [DimID] = []
  private var index = HashIndex()

  /// The distance between neighbours along an axis of a view.
  func stride(_ look: Look, _ axis: Int) -> DimID { stridePool[look.strideBegin + axis] }

  /// How a view lies.
  mutating func look(_ view: ViewID, _ program: Program, _ tables: inout Tables) -> Look {
    let key = Key(
      root: program.types[program.roots[view.index].index], type: program.viewTypes[view.index],
      layout: program.layouts[view.index], base: program.bases[view.index])
    var hasher = WordHasher()
    hasher.combine(UInt64(key.root.raw) << 32 | UInt64(key.type.raw))
    hasher.combine(UInt64(key.layout.raw) << 32 | UInt64(key.base.raw))
    let hash = hasher.hash
    if let known = index.find(hash, where: { keys[$0] == key }) { return looks[known] }
    let look = find(view, program, &tables)
    looks.append(look)
    keys.append(key)
    index.insert(looks.count - 1, hash: hash)
    return look
  }

  private mutating func find(_ view: ViewID, _ program: Program, _ tables: inout Tables) -> Look {
    let own = tables.types.shape(program.types[program.roots[view.index].index])
    let layout = program.layouts[view.index]
    var look = Look(type: program.viewTypes[view.index], strideBegin: stridePool.count)
    let shape = tables.types.shape(look.type)
    stridePool +=
      layout.isNone ? tables.contiguousStrides(shape) : Array(program.layoutTable.strides(layout))
    let one = tables.dims.integer(1)
    for axis in own.indices where own[axis] != one { look.loops += 1 }
    guard let map = program.axisMap(view, &tables) else { return look }
    look.isMapped = true
    for axis in own.indices where own[axis] != one {
      if let found = map.whole(axis, tables, own, shape) { look.wholes[axis] = found }
    }
    return look
  }
}
