public import Sluice

/// Independent component analysis: maximum likelihood by the rule of Bell and Sejnowski.
///
/// Signals x = A s are mixtures of independent sources s; with W = A^-1 the sources are s = W x. Where g, the
/// logistic function, is the distribution function of every source, the log likelihood of examples x_i is
/// sum_i (sum_j log g'(w_j . x_i) + log |det W|), and stochastic gradient ascent on it is
/// W := W + rate ((1 - 2 g(W x)) x^T + (W^T)^-1).
///
/// Sources: A. Bell, T. Sejnowski, "An information-maximization approach to blind separation and blind
/// deconvolution", Neural Computation 7 (1995), the rule for as many outputs as inputs, without bias; A. Ng, lecture
/// notes of CS229, "Independent components analysis", the same rule by maximum likelihood; S. Amari, A. Cichocki,
/// H. Yang, "A new learning algorithm for blind signal separation", NIPS 8 (1996), the natural gradient.
public let ica = Model("ica", "Independent component analysis (Bell, Sejnowski 1995).") { model in
  let sizes = 1...(1 << 40)
  let d = Dim(model.setting("sources", default: 2, in: 1...256, "how many sources, and mixtures of them"))
  let N = Dim("N", max: model.setting("max_samples", default: 1 << 18, in: sizes, "examples of one call"))
  let K = Dim("K", max: model.setting("max_batches", default: 1 << 12, in: sizes, "minibatches of an epoch"))
  let B = Dim("B", max: model.setting("max_batch", default: 64, in: sizes, "examples of a minibatch"))

  let w = model.state("w", [d, d], .eye)
  let whitening = model.state("whitening", [d, d], .eye)

  /// Goes once through all examples in random order, K minibatches of B; `update` gives W after one of them.
  func epoch(_ f: FunctionBuilder, _ update: (_ w: Tensor, _ x: Tensor, _ rate: Tensor) -> Tensor) {
    let x = f.input("x", .f32, [K, B, d]).reshaped([K * B, d])
    let rate = f.input("rate", .f32, [])
    let order = permutation(K * B, seed: f.input("seed", .i64, [])).reshaped([K, B])
    w.value = scan(over: order, from: w.value) { w, rows in update(w, gather(x, rows), rate) }
    f.output("w", w.value)
  }

  model.function("log_likelihood", "The sum over i of (sum_j log g'(w_j . x_i) + log |det W|).") { f in
    let x = f.input("x", .f32, [N, d])
    let s = x.matmul(w.value.T)  // [N, d]
    // log g'(s) = log g(s) + log (1 - g(s)), without the underflow of g'.
    let densities = -softplus(s) - softplus(-s)
    f.output("value", densities.sum() + logAbsDet(w.value) * size(of: N, .f32))
  }

  model.function("step", "One example: W := W + rate ((1 - 2 g(W x)) x^T + (W^T)^-1).") { f in
    let x = f.input("x", .f32, [d])
    let rate = f.input("rate", .f32, [])
    let g = sigmoid(w.value.matmul(x))  // [d]
    w.value = w.value + rate * (outer(1 - 2 * g, x) + inverse(w.value.T))
    f.output("w", w.value)
  }

  model.function("epoch", "The rule of `step` over random minibatches, averaged over each.") { f in
    epoch(f) { w, x, rate in
      let g = sigmoid(x.matmul(w.T))  // [B, d]
      return w + rate * ((1 - 2 * g).T.matmul(x) / size(of: B, .f32) + inverse(w.T))
    }
  }

  model.function("natural_epoch", "W := W + rate (I + (1 - 2 g(y)) y^T) W with y = W x.") { f in
    epoch(f) { w, x, rate in
      let y = x.matmul(w.T)  // [B, d]
      let mean = (1 - 2 * sigmoid(y)).T.matmul(y) / size(of: B, .f32)
      return w + rate * (eye(d) + mean).matmul(w)
    }
  }

  model.function("whiten", "V (x - mean), whose covariance is the identity; keeps V.") { f in
    let x = f.input("x", .f32, [N, d])
    let centred = x - x.mean(axes: [0])
    let covariance = centred.T.matmul(centred) / size(of: N, .f32)
    whitening.value = inverse(cholesky(covariance))
    f.output("white", centred.matmul(whitening.value.T))
  }

  model.function("unmix", "The sources of examples that were not whitened: W V x.") { f in
    let x = f.input("x", .f32, [N, d])
    f.output("sources", x.matmul(w.value.matmul(whitening.value).T))
  }
}
