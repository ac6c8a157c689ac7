import SluiceIR

/// What may stand between the brackets of `x[...]`: a position, a range, `.all` or `.every(...)`.
///
/// Positions and ends of ranges are `Int`s or `Dim`s; negative integers count from the end of the axis.
public protocol AxisIndexing {
  /// The part of the axis that is meant.
  var axisIndex: AxisIndex { get }
}

/// A part of an axis: one position, or the positions from a start up to a limit in steps.
public struct AxisIndex: AxisIndexing, Sendable {
  enum Part: Sendable {
    /// One position; the axis goes away.
    case position(Dim)
    /// From `start` (the first) up to `limit` (the end) in steps.
    case range(start: Dim?, limit: Dim?, step: Int)
  }

  var part: Part

  init(_ part: Part) { self.part = part }

  /// This part itself.
  public var axisIndex: AxisIndex { self }
}

extension AxisIndexing where Self == AxisIndex {
  /// The whole axis.
  public static var all: AxisIndex { AxisIndex(.range(start: nil, limit: nil, step: 1)) }

  /// Every `step`-th position from `start` up to `limit`, which is not reached any more.
  ///
  /// A negative step goes backwards: `.every(-1)` is the whole axis in opposite order.
  public static func every(_ step: Int, from start: Dim? = nil, to limit: Dim? = nil) -> AxisIndex {
    AxisIndex(.range(start: start, limit: limit, step: step))
  }
}

extension Int: AxisIndexing {
  /// The position.
  public var axisIndex: AxisIndex { AxisIndex(.position(Dim(self))) }
}

extension Range: AxisIndexing where Bound == Int {
  /// The positions from the lower bound up to the upper one.
  public var axisIndex: AxisIndex {
    AxisIndex(.range(start: Dim(lowerBound), limit: Dim(upperBound), step: 1))
  }
}

extension ClosedRange: AxisIndexing where Bound == Int {
  /// The positions from the lower bound to the upper one.
  public var axisIndex: AxisIndex {
    AxisIndex(.range(start: Dim(lowerBound), limit: Self.behind(upperBound), step: 1))
  }

  /// The position behind another one; nil behind the last.
  fileprivate static func behind(_ position: Int) -> Dim? { position == -1 ? nil : Dim(position) + 1 }
}

extension PartialRangeThrough: AxisIndexing where Bound == Int {
  /// The positions up to the upper bound, which is the last one.
  public var axisIndex: AxisIndex {
    AxisIndex(.range(start: nil, limit: ClosedRange<Int>.behind(upperBound), step: 1))
  }
}

extension PartialRangeFrom: AxisIndexing where Bound == Int {
  /// The positions from the lower bound to the end.
  public var axisIndex: AxisIndex { AxisIndex(.range(start: Dim(lowerBound), limit: nil, step: 1)) }
}

extension PartialRangeUpTo: AxisIndexing where Bound == Int {
  /// The positions up to the upper bound, which is not reached any more.
  public var axisIndex: AxisIndex { AxisIndex(.range(start: nil, limit: Dim(upperBound), step: 1)) }
}

/// Ranges of dims: not Swift's own, since dims have no order.
extension Dim: AxisIndexing {
  /// The position.
  public var axisIndex: AxisIndex { AxisIndex(.position(self)) }

  /// The positions up to `limit`, which is not reached any more.
  public static prefix func ..< (limit: Dim) -> AxisIndex {
    AxisIndex(.range(start: nil, limit: limit, step: 1))
  }

  /// The positions from `start` to the end.
  public static postfix func ... (start: Dim) -> AxisIndex {
    AxisIndex(.range(start: start, limit: nil, step: 1))
  }

  /// The positions from `start` up to `limit`, which is not reached any more.
  public static func ..< (start: Dim, limit: Dim) -> AxisIndex {
    AxisIndex(.range(start: start, limit: limit, step: 1))
  }
}

extension Tensor {
  /// A part of the tensor, one index an axis from the first on: `tokens[.all, ..<T]`, `x[0]`, `x[1..., 2]`.
  ///
  /// A position drops its axis, a range keeps it; axes without an index are kept whole.
  public subscript(
    indices: any AxisIndexing..., file file: String = #fileID, line line: Int = #line,
    column column: Int = #column
  ) -> Tensor {
    let site = Site(file, line, column)
    let dims = shape.dims
    guard !isPoison, trace != nil, indices.count <= dims.count else {
      return mistake("\(indices.count) indices for \(self)", "it has \(rank) axes", site)
    }
    var (start, limit, strides, kept) = ([Dim](), [Dim](), [Int](), [Int]())
    for (axis, dim) in dims.enumerated() {
      let part = axis < indices.count ? indices[axis].axisIndex.part : AxisIndex.all.part
      switch part {
      case .position(let position):
        let first = Self.fromEnd(position, dim)
        start.append(first)
        limit.append(first + 1)
        strides.append(1)
      case .range(let from, let to, let step):
        // Backwards the whole axis is from its last position to the one before the first.
        start.append(from.map { Self.fromEnd($0, dim) } ?? (step < 0 ? dim - 1 : 0))
        limit.append(to.map { Self.fromEnd($0, dim) } ?? (step < 0 ? -1 : dim))
        strides.append(step)
        kept.append(axis)
      }
    }
    var setup: [Setup] = [.shape(.start, Shape(start)), .shape(.limit, Shape(limit))]
    if strides.contains(where: { $0 != 1 }) { setup.append(.ints(.strides, strides)) }
    let part = Trace.emit(.slice, self, with: setup, at: site)
    let lengths = part.shape.dims
    guard !part.isPoison, kept.count < lengths.count else { return part }
    return Trace.emit(.reshape, part, with: [.shape(.shape, Shape(kept.map { lengths[$0] }))], at: site)
  }

  /// A position from the start, for one that may be a negative integer and count from the end.
  private static func fromEnd(_ position: Dim, _ dim: Dim) -> Dim {
    guard let value = position.value, value < 0 else { return position }
    return dim + position
  }
}
