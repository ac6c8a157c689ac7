import SluiceIR

/// A residual block of two convolutions, `[N, in, H, W]` to `[N, out, H / stride, W / stride]`, rounded up.
///
/// `relu(F(x) + x)` with F two 3 x 3 convolutions, each followed by batch normalisation, and a rectifier in between
/// (He et al. 2016, figure 2 and equation 1); where the shape changes, x goes through a 1 x 1 convolution and batch
/// normalisation (equation 2).
public struct ResidualBlock: TrainableModule {
  private let conv1: Conv2d
  private let norm1: BatchNorm2d
  private let conv2: Conv2d
  private let norm2: BatchNorm2d
  private let shortcut: Conv2d?
  private let shortcutNorm: BatchNorm2d?

  /// A block from `input` channels to `output` channels; a stride of 2 halves the image.
  public init(
    _ input: Int, _ output: Int, stride: Int = 1, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    func conv(_ input: Int, _ size: Int, _ stride: Int) -> Conv2d {
      Conv2d(input, output, size: size, stride: stride, bias: false, file: file, line: line, column: column)
    }
    func norm() -> BatchNorm2d { BatchNorm2d(output, file: file, line: line, column: column) }
    let isIdentity = input == output && stride == 1
    conv1 = conv(input, 3, stride)
    norm1 = norm()
    conv2 = conv(output, 3, 1)
    norm2 = norm()
    shortcut = isIdentity ? nil : conv(input, 1, stride)
    shortcutNorm = isIdentity ? nil : norm()
  }

  /// Gives `[N, out, H', W']` for `[N, in, H, W]`.
  public func forward(_ x: Tensor, training: Bool) -> Tensor {
    let hidden = relu(norm1(conv1(x), training: training))
    let residual = norm2(conv2(hidden), training: training)
    guard let shortcut, let shortcutNorm else { return relu(residual + x) }
    return relu(residual + shortcutNorm(shortcut(x), training: training))
  }
}
