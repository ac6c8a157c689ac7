/// Interned constant tensors: bytes in one arena, found again by content.
///
/// Elements are stored little-endian and row-major; every constant starts at a multiple of 64 bytes. A constant
/// whose type has symbolic dims cannot exist: use a scalar and `broadcast`.
public struct ConstantTable: Sendable {
  /// The elements of all constants.
  public private(set) var bytes: [UInt8] = []
  private var types: [TypeID] = []
  private var ranges: [Range<Int>] = []
  private var index = HashIndex()

  init() {}

  /// How many different constants there are.
  public var count: Int { types.count }

  /// The handle of a constant of `type` with these bytes.
  public mutating func intern(_ type: TypeID, _ content: some Collection<UInt8>) -> ConstantID {
    var hasher = WordHasher()
    hasher.combine(UInt64(type.raw))
    for byte in content { hasher.combine(UInt64(byte)) }
    let hash = hasher.hash
    let found = index.find(hash) { row in
      types[row] == type && bytes[ranges[row]].elementsEqual(content)
    }
    if let found { return ConstantID(found) }
    while bytes.count % 64 != 0 { bytes.append(0) }
    let start = bytes.count
    bytes.append(contentsOf: content)
    let row = types.count
    types.append(type)
    ranges.append(start..<bytes.count)
    index.insert(row, hash: hash)
    return ConstantID(row)
  }

  /// The type of a constant.
  public func type(_ id: ConstantID) -> TypeID { types[id.index] }

  /// Where a constant's bytes are in `bytes`.
  public func range(_ id: ConstantID) -> Range<Int> { ranges[id.index] }

  /// The bits of element `position`, zero-extended.
  public func bits(_ id: ConstantID, _ position: Int, size: Int) -> UInt64 {
    var bits: UInt64 = 0
    let start = ranges[id.index].lowerBound + position * size
    for i in 0..<size { bits |= UInt64(bytes[start + i]) << UInt64(8 * i) }
    return bits
  }
}
