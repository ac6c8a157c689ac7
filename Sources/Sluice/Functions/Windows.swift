import SluiceIR

// Windows of images and sequences: convolution, pooling, resizing.

/// How a window moves along one axis.
public struct AxisWindow: Sendable {
  /// The distance between the starts of windows.
  public var stride: Int
  /// How many zeros stand before and after the axis.
  public var padding: (low: Int, high: Int)
  /// The distance between the elements of a window.
  public var dilation: Int

  /// A window with as much padding on both sides.
  public init(stride: Int = 1, padding: Int = 0, dilation: Int = 1) {
    self.init(stride: stride, low: padding, high: padding, dilation: dilation)
  }

  /// A window with its own padding for each side.
  public init(stride: Int = 1, low: Int, high: Int, dilation: Int = 1) {
    self.stride = stride
    self.padding = (low, high)
    self.dilation = dilation
  }

  static func setup(_ axes: [AxisWindow]) -> [Setup] {
    [
      .ints(.strides, axes.map(\.stride)),
      .ints(.padding, axes.flatMap { [$0.padding.low, $0.padding.high] }),
      .ints(.dilation, axes.map(\.dilation)),
    ].filter { setup in
      // What an op takes when it is left out is left out, so that the text stays short.
      guard case .plain(let name, .ints(let values)) = setup else { return true }
      return values.contains { $0 != (name == .padding ? 0 : 1) }
    }
  }
}

/// The windows of an axis: element `[.., i, .., j]` is `x` at `i * step + j * dilation` of the axis.
///
/// Gives `[.., windows, .., size]`, the elements of a window along a new last axis.
public func unfold(
  _ x: Tensor, axis: Int, size: Int, step: Int = 1, dilation: Int = 1, file: String = #fileID,
  line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .unfold, x,
    with: [.int(.axis, axis), .int(.size, size), .int(.step, step), .int(.dilation, dilation)],
    at: Site(file, line, column))
}

/// The convolution of `x`, `[N, C, L]`, with filters, `[O, C / groups, K]`; gives `[N, O, L']`.
///
/// As everywhere in machine learning, filters are not turned round. L' is
/// floor((L + padding - dilation * (K - 1) - 1) / stride) + 1.
public func conv1d(
  _ x: Tensor, _ w: Tensor, window: AxisWindow = AxisWindow(), groups: Int = 1, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .conv1d, x, w, with: AxisWindow.setup([window]) + [.int(.groups, groups)], at: Site(file, line, column))
}

/// The convolution of images, `[N, C, H, W]`, with filters, `[O, C / groups, KH, KW]`; gives `[N, O, H', W']`.
///
/// - Parameters:
///   - x: The images.
///   - w: The filters.
///   - rows: How the window moves along H.
///   - columns: How it moves along W; as along H when left out.
///   - groups: Channels and filters are split into so many parts that have nothing to do with each other.
public func conv2d(
  _ x: Tensor, _ w: Tensor, rows: AxisWindow = AxisWindow(), columns: AxisWindow? = nil, groups: Int = 1,
  file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .conv2d, x, w, with: AxisWindow.setup([rows, columns ?? rows]) + [.int(.groups, groups)],
    at: Site(file, line, column))
}

/// The transpose of `conv2d`: images `[N, C, H, W]`, filters `[C, O / groups, KH, KW]`; gives `[N, O, H', W']`.
///
/// H' is (H - 1) * stride - padding + dilation * (KH - 1) + outputPadding + 1.
public func convTranspose2d(
  _ x: Tensor, _ w: Tensor, rows: AxisWindow = AxisWindow(), columns: AxisWindow? = nil,
  outputPadding: (rows: Int, columns: Int) = (0, 0), groups: Int = 1, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  let extra = [outputPadding.rows, outputPadding.columns]
  let more: [Setup] = extra == [0, 0] ? [] : [.ints(.outputPadding, extra)]
  return Trace.emit(
    .convTranspose2d, x, w,
    with: AxisWindow.setup([rows, columns ?? rows]) + [.int(.groups, groups)] + more,
    at: Site(file, line, column))
}

/// The largest element of every window of the last two axes; NaN wins, padding does not count.
///
/// - Parameters:
///   - x: Images, `[..., H, W]`.
///   - size: Rows and columns of a window.
///   - rows: How the window moves along H; by its size when left out.
///   - columns: How it moves along W; by its size when left out.
public func maxPool2d(
  _ x: Tensor, size: (Int, Int), rows: AxisWindow? = nil, columns: AxisWindow? = nil, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.maxPool2d, x, with: poolSetup(size, rows, columns), at: Site(file, line, column))
}

/// The mean of every window of the last two axes; padding counts as zeros.
///
/// - Parameters:
///   - x: Images, `[..., H, W]`.
///   - size: Rows and columns of a window.
///   - rows: How the window moves along H; by its size when left out.
///   - columns: How it moves along W; by its size when left out.
public func avgPool2d(
  _ x: Tensor, size: (Int, Int), rows: AxisWindow? = nil, columns: AxisWindow? = nil, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.avgPool2d, x, with: poolSetup(size, rows, columns), at: Site(file, line, column))
}

private func poolSetup(_ size: (Int, Int), _ rows: AxisWindow?, _ columns: AxisWindow?) -> [Setup] {
  let windows = [rows ?? AxisWindow(stride: size.0), columns ?? AxisWindow(stride: size.1)]
  return [.ints(.size, [size.0, size.1])] + AxisWindow.setup(windows)
}

/// How `resize` samples.
public enum ResizeMode: String, Sendable {
  /// The element at floor(i * n / m).
  case nearest
  /// Between the two nearest elements, at (i + 0.5) * n / m - 0.5 (half-pixel centres, as PyTorch).
  case bilinear
}

/// The last two axes sampled at another size.
public func resize(
  _ x: Tensor, rows: Dim, columns: Dim, mode: ResizeMode = .nearest, file: String = #fileID,
  line: Int = #line,
  column: Int = #column
) -> Tensor {
  let more: [Setup] = mode == .nearest ? [] : [.string(.mode, mode.rawValue)]
  return Trace.emit(
    .resize, x, with: [.shape(.sizes, [rows, columns])] + more, at: Site(file, line, column))
}
