import SluiceIR

/// A convolution of images, `[N, in, H, W]` to `[N, out, H', W']`, by square filters: see `conv2d`.
public struct Conv2d: Module {
  @Param private var weight: Tensor
  private let _bias: Param?
  private let window: AxisWindow

  /// A layer from `input` channels to `output` channels.
  ///
  /// - Parameters:
  ///   - input: How many channels images have.
  ///   - output: How many filters there are.
  ///   - size: The rows and columns of a filter.
  ///   - stride: The distance between windows.
  ///   - padding: How many zeros stand around an image; what keeps its size at a stride of 1 when left out.
  ///   - bias: Whether a number is added to every channel.
  ///   - weights: The initial filters, `[out, in, size, size]`. When left out, normal with variance
  ///     2 / (in * size^2), which keeps the size of activations before a rectifier (He et al. 2015, equation 10).
  ///   - biases: The initial bias, `[out]`.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ input: Int, _ output: Int, size: Int, stride: Int = 1, padding: Int? = nil, bias: Bool = true,
    weights: Initializer? = nil, biases: Initializer = .zeros, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    let taps = Double(Swift.max(input, 1)) * Double(size) * Double(size)
    _weight = Param(
      [Dim(output), Dim(input), Dim(size), Dim(size)], weights ?? .normal((2 / taps).squareRoot()),
      file: file, line: line, column: column)
    _bias = bias ? Param([Dim(output)], biases, file: file, line: line, column: column) : nil
    window = AxisWindow(stride: stride, padding: padding ?? size / 2)
  }

  /// Gives `[N, out, H', W']` for `[N, in, H, W]`.
  public func forward(_ x: Tensor) -> Tensor {
    let y = conv2d(x, weight, rows: window)
    return _bias.map { y + $0.value.reshaped([$0.value.shape[0], 1, 1]) } ?? y
  }
}
