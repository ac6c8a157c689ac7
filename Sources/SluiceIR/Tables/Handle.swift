/// A typed 32-bit index into one table: four bytes, no reference, and no mixing up of tables.
///
/// All ones means "none", so columns never need optionals.
public struct Handle<Tag>: Hashable, Sendable, BitwiseCopyable {
  /// The row number, or all ones for `none`.
  public var raw: UInt32

  /// The handle of row `raw`.
  @inlinable
  public init(raw: UInt32) { self.raw = raw }

  /// The handle of row `index`.
  @inlinable
  public init(_ index: Int) { self.raw = UInt32(index) }

  /// The row number as an array index.
  @inlinable
  public var index: Int { Int(raw) }

  /// The handle that names no row.
  @inlinable
  public static var none: Self { Self(raw: .max) }

  /// Whether this names no row.
  @inlinable
  public var isNone: Bool { raw == .max }
}

/// Marks handles of nodes.
public enum NodeTag {}
/// Marks handles of values.
public enum ValueTag {}
/// Marks handles of tensor types.
public enum TypeTag {}
/// Marks handles of dims.
public enum DimTag {}
/// Marks handles of dim symbols.
public enum SymbolTag {}
/// Marks handles of attribute records.
public enum AttributesTag {}
/// Marks handles of strings.
public enum StringTag {}
/// Marks handles of constants.
public enum ConstantTag {}
/// Marks handles of locations.
public enum LocationTag {}
/// Marks handles of graphs.
public enum GraphTag {}

/// A node of a graph.
public typealias NodeID = Handle<NodeTag>
/// A value: one result of one node.
public typealias ValueID = Handle<ValueTag>
/// An interned tensor type.
public typealias TypeID = Handle<TypeTag>
/// An interned dim: a polynomial in symbols.
public typealias DimID = Handle<DimTag>
/// An interned, bounded symbol such as `B <= 8`.
public typealias SymbolID = Handle<SymbolTag>
/// An interned attribute record.
public typealias AttributesID = Handle<AttributesTag>
/// An interned string.
public typealias StringID = Handle<StringTag>
/// An interned constant tensor.
public typealias ConstantID = Handle<ConstantTag>
/// An interned place in a source.
public typealias LocationID = Handle<LocationTag>
/// A graph of a module: the body of a function, of a scan, ...
public typealias GraphID = Handle<GraphTag>
