import SluiceIR

/// The dims of a tensor, outermost first; written as a list: `[B, 64]`.
///
/// An axis may be counted from the end: `shape[-1]` is the last. Asking for an axis that is not there is a mistake
/// of the model, reported with its place; it never stops the program.
public struct Shape: Hashable, Sendable {
  /// The dims as an array.
  public private(set) var dims: [Dim]
  /// Whether this is the shape of a tensor that is a mistake, so that asking for any axis is silent.
  var isPoison = false

  /// The shape of these dims.
  public init(_ dims: some Sequence<Dim>) { self.dims = Array(dims) }

  /// The number of axes.
  public var count: Int { dims.count }

  /// Whether this is the shape of a scalar.
  public var isEmpty: Bool { dims.isEmpty }

  /// The dim of an axis; negative axes count from the end.
  public subscript(axis: Int) -> Dim {
    if isPoison { return .poison }
    let position = axis < 0 ? axis + dims.count : axis
    if dims.indices.contains(position) { return dims[position] }
    let hint = dims.isEmpty ? "a scalar has no axes" : "axes are -\(dims.count) ... \(dims.count - 1)"
    Trace.current?.report("axis \(axis) is out of range for the shape \(self)", hint: hint, at: nil)
    return .poison
  }

  /// The shape without its first axes.
  public func dropFirst(_ count: Int = 1) -> Shape { with(Array(dims.dropFirst(Swift.max(count, 0)))) }

  /// The shape without its last axes.
  public func dropLast(_ count: Int = 1) -> Shape { with(Array(dims.dropLast(Swift.max(count, 0)))) }

  /// The axes of `a`, then those of `b`.
  public static func + (a: Shape, b: Shape) -> Shape {
    var joined = Shape(a.dims + b.dims)
    joined.isPoison = a.isPoison || b.isPoison
    return joined
  }

  /// The product of the dims; 1 for a scalar.
  public var elementCount: Dim { isPoison ? .poison : dims.reduce(1) { $0 * $1 } }

  private func with(_ dims: [Dim]) -> Shape {
    var copy = self
    copy.dims = dims
    return copy
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// The shape of these dims.
  public init(arrayLiteral dims: Dim...) { self.init(dims) }
}

extension Shape: Sequence {
  /// Goes through the dims, outermost first.
  public func makeIterator() -> IndexingIterator<[Dim]> { dims.makeIterator() }
}

extension Shape: CustomStringConvertible {
  /// The shape as text: `[B,64]`.
  public var description: String { "[" + dims.map(\.description).joined(separator: ",") + "]" }
}
