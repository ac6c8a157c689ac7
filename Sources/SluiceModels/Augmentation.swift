import Sluice

/// Random views of images: crop and resize, flip, colour distortion.
///
/// Every view shows a part of its image's area with an aspect ratio of 3/4 to 4/3, sampled at the old size (bilinear,
/// half-pixel centres, 0 around the image); a part of more than 1 has all of the image somewhere inside of it. Then
/// brightness, contrast and, where there are three channels, saturation are multiplied by factors of 1 - s to 1 + s,
/// and some images lose their colour. Source: Chen et al. 2020, section 3 and appendix A.
struct Augmentation {
  /// The least and the largest part of the area that a view shows.
  let area: (low: Double, high: Double)
  /// Whether half of the views are mirrored left to right; digits should not be.
  let flips: Bool
  /// How strongly brightness changes, 0 to 1.
  let brightness: Double
  /// How strongly contrast and saturation change, 0 to 1.
  let contrast: Double
  /// The probability that colour is taken away.
  let grey: Double

  /// A view of each image, `[B, C, H, W]` with levels of 0 to 1, drawn from a stream of the seed.
  func callAsFunction(_ images: Tensor, seed: Tensor, stream: Int) -> Tensor {
    let (batch, channels) = (images.shape[0], images.shape[1])
    let u = uniform([9, batch, 1, 1, 1], seed: seed, stream: stream)
    func draw(_ i: Int, _ low: Double, _ high: Double) -> Tensor { low + (high - low) * u[i] }

    let area = draw(0, area.low, area.high)
    let aspect = exp(draw(1, -1, 1) * 0.2876820724517809)  // log(4 / 3)
    let rows = sampling(images.shape[2], part: sqrt(area * aspect), start: u[2])
    var columns = sampling(images.shape[3], part: sqrt(area / aspect), start: u[3])
    if flips { columns = select(where: u[4] .< 0.5, reverse(columns, axes: [-2]), columns) }
    var view = rows.matmul(images).matmul(columns, transposeRhs: true)

    view = clamp(view * draw(5, 1 - brightness, 1 + brightness), 0, 1)
    let mean = luminance(view).mean(axes: [1, 2, 3], keepDims: true)
    view = clamp(mean + (view - mean) * draw(6, 1 - contrast, 1 + contrast), 0, 1)
    if channels == 3 {
      let colourless = luminance(view)
      let saturation = select(where: u[8] .< grey, 0, draw(7, 1 - contrast, 1 + contrast))
      view = clamp(colourless + (view - colourless) * saturation, 0, 1)
    }
    return view
  }

  /// What each element of a view takes of the elements of an axis: bilinear weights, `[B, 1, size, size]`.
  ///
  /// Element i lies at `start (1 - part) size + (i + 0.5) part - 0.5`, with a start of 0 to 1.
  private func sampling(_ size: Dim, part: Tensor, start: Tensor) -> Tensor {
    let first = start * (1 - part) * Sluice.size(of: size, .f32)
    let place = first + (iota([size, 1], axis: 0, .f32) + 0.5) * part - 0.5  // [B, 1, size, 1]
    return maximum(1 - abs(place - iota([size], .f32)), 0)
  }

  /// How bright elements are, `[B, 1, H, W]` (ITU-R BT.601, 2.5.1).
  private func luminance(_ images: Tensor) -> Tensor {
    if images.shape[1] != 3 { return images.mean(axes: [1], keepDims: true) }
    return (images * constant([0.299, 0.587, 0.114], shape: [3, 1, 1])).sum(axes: [1], keepDims: true)
  }
}
