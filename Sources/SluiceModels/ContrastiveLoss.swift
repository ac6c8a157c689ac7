import Sluice

/// Losses that pull two views of an image together, and push those of different images apart.
enum ContrastiveLoss: String, CaseIterable {
  /// Of normalised features, with a temperature, against all other views of the batch.
  case ntXent = "nt_xent"
  /// Of plain products, against the second views of the batch.
  case inBatch = "in_batch"
  /// `ntXent` where all views of a class belong together.
  case supervised

  /// The loss of features of first and second views, `[B, d]`, and classes, i32 `[B]`, if it needs them.
  ///
  /// Images whose class is negative, such as padding, take no part in `supervised`.
  func callAsFunction(
    _ first: Tensor, _ second: Tensor, labels: Tensor?, temperature: Double
  ) -> Tensor {
    if self == .inBatch { return Self.inBatch(first, second) }
    let z = l2Normalize(concat([first, second], axis: 0))  // [2 B, d]
    let similarity = z.matmul(z, transposeRhs: true) / temperature
    let isSelf = eye(z.shape[0]) .> 0
    let others = select(where: isSelf, -.infinity, similarity)
    guard self == .supervised, let labels else { return Self.ntXent(others) }
    return Self.supervised(similarity, others, isSelf, labels)
  }

  /// The mean over the 2 B views of -log( exp(s_ij) / sum_{k != i} exp(s_ik) ) with j the other view of i's image.
  ///
  /// Chen et al. 2020, equation 1; `others` is s with -inf on its diagonal.
  private static func ntXent(_ others: Tensor) -> Tensor {
    let count = others.shape[0]
    let partner = (iota([count]) + size(of: count / 2, .i32)) % size(of: count, .i32)
    return crossEntropy(others, partner)
  }

  /// - sum_i log( exp(x_i . y_i) / (exp(x_i . y_i) + sum_{j != i} exp(x_i . y_j)) ).
  ///
  /// T. Ma, A. Ng, lecture notes of CS229, section 14.2 (contrastive learning), SIMCLR.
  private static func inBatch(_ x: Tensor, _ y: Tensor) -> Tensor {
    crossEntropy(x.matmul(y, transposeRhs: true), iota([x.shape[0]]), reduction: .sum)
  }

  /// The mean over i of -1 / |P(i)| sum_{p in P(i)} log( exp(s_ip) / sum_{a != i} exp(s_ia) ).
  ///
  /// Khosla et al. 2020, "Supervised contrastive learning", equation 2, with P(i) all other views of i's class.
  private static func supervised(
    _ similarity: Tensor, _ others: Tensor, _ isSelf: Tensor, _ labels: Tensor
  ) -> Tensor {
    let classes = concat([labels, labels], axis: 0)
    let isKnown = classes .>= 0
    let isPositive = (classes.expanded(1) .== classes) .& .!isSelf .& isKnown
    let known = select(where: isKnown, others, -.infinity)
    let logProbability = similarity - known.logsumexp(axes: [1], keepDims: true)
    let sums = select(where: isPositive, logProbability, 0).sum(axes: [1])
    let losses = sums / maximum(isPositive.cast(.f32).sum(axes: [1]), 1)
    return -losses.sum() / isKnown.cast(.f32).sum()
  }
}
