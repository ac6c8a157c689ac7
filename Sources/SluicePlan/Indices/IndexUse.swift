/// What a function asks of the integers in its inputs: those that are indices or classes, and what they may be.

public import SluiceIR

/// Elements of an input that a function uses as indices or classes.
public struct IndexUse: Hashable, Sendable {
  /// What the elements are, and so what they may be for a size of n.
  public enum Role: Hashable, Sendable {
    /// Places along an axis: -n ... n - 1, where those below 0 count from the end.
    case index
    /// Classes: less than n; those below 0 are none, and left out.
    case label
  }

  /// Elements at equal distances.
  public struct Axis: Hashable, Sendable {
    /// How many.
    public var extent: DimID
    /// The distance of two of them, in elements of the input.
    public var stride: DimID

    /// An axis.
    package init(extent: DimID, stride: DimID) {
      self.extent = extent
      self.stride = stride
    }
  }

  /// The input, by position.
  public var input: Int
  /// The first element, counted in row-major order.
  public var offset: DimID
  /// How the others follow, outermost first.
  public var axes: [Axis]
  /// The size that they are held against.
  public var size: DimID
  /// What they are.
  public var role: Role
  /// Whether those below -n are out of range: not so for classes, nor where a condition may keep them out.
  public var hasLowerBound: Bool
  /// The op that uses them.
  public var op: Op
  /// Where that op comes from.
  public var place: Diagnostic.Place?

  /// The least value and the largest one for a size.
  public func bounds(size: Int64) -> (low: Int64, high: Int64) {
    (hasLowerBound ? -size : Int64.min, size - 1)
  }

  /// The places of the elements in the input, for the sizes of one call, in no particular order; each at least once.
  ///
  /// `count` is how many elements the input has. None for sizes that do not fit 64 bits.
  public func places(_ values: SymbolValues, _ dims: DimTable, count: Int) -> [Int] {
    guard var places = values.evaluate(offset, dims).map({ [Int($0)] }) else { return [] }
    for axis in axes {
      guard let extent = values.evaluate(axis.extent, dims), let stride = values.evaluate(axis.stride, dims)
      else { return [] }
      if extent <= 0 { return [] }
      if stride == 0 || extent == 1 { continue }
      places = places.flatMap { first in (0..<Int(extent)).map { first &+ $0 &* Int(stride) } }
    }
    return places.filter { (0..<count).contains($0) }
  }
}
