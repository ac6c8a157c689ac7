/// Interned tensor types: an element type and a list of dims.
public struct TypeTable: Sendable {
  private var dtypes: [DType] = []
  private var shapeEnds: [UInt32] = []
  private var shapePool: [DimID] = []
  private var index = HashIndex()

  init() {}

  /// The largest number of axes a tensor may have.
  public static let maximumRank = 8

  /// How many different types there are.
  public var count: Int { dtypes.count }

  /// The handle of a type.
  public mutating func intern(_ dtype: DType, _ shape: [DimID]) -> TypeID {
    var hasher = WordHasher()
    hasher.combine(UInt64(dtype.rawValue))
    for dim in shape { hasher.combine(UInt64(dim.raw)) }
    let hash = hasher.hash
    let found = index.find(hash) { row in
      dtypes[row] == dtype && shapePool[range(row)].elementsEqual(shape)
    }
    if let found { return TypeID(found) }
    let row = dtypes.count
    dtypes.append(dtype)
    shapePool.append(contentsOf: shape)
    shapeEnds.append(UInt32(shapePool.count))
    index.insert(row, hash: hash)
    return TypeID(row)
  }

  /// The element type.
  public func dtype(_ type: TypeID) -> DType { dtypes[type.index] }

  /// The number of axes.
  public func rank(_ type: TypeID) -> Int { range(type.index).count }

  /// The dims, outermost first.
  public func shape(_ type: TypeID) -> [DimID] { Array(shapePool[range(type.index)]) }

  /// One dim; `axis` must be in range.
  public func dim(_ type: TypeID, _ axis: Int) -> DimID { shapePool[range(type.index).lowerBound + axis] }

  /// The same shape with another element type.
  public mutating func with(_ dtype: DType, shapeOf type: TypeID) -> TypeID {
    dtypes[type.index] == dtype ? type : intern(dtype, shape(type))
  }

  /// Whether two types have the same dims.
  public func sameShape(_ a: TypeID, _ b: TypeID) -> Bool {
    a == b || shapePool[range(a.index)].elementsEqual(shapePool[range(b.index)])
  }

  private func range(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(shapeEnds[row - 1]))..<Int(shapeEnds[row])
  }
}
