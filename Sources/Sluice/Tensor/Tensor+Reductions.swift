import SluiceIR

/// Reductions: one element from all along some axes.
extension Tensor {
  /// The sum along the axes, all of them when left out; 0 for none.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func sum(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.sum, axes, keepDims, Site(file, line, column))
  }

  /// The mean along the axes, all of them when left out; NaN for none.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func mean(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.mean, axes, keepDims, Site(file, line, column))
  }

  /// The product along the axes, all of them when left out; 1 for none.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func prod(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.prod, axes, keepDims, Site(file, line, column))
  }

  /// The largest along the axes, all of them when left out; NaN wins.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func max(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.max, axes, keepDims, Site(file, line, column))
  }

  /// The smallest along the axes, all of them when left out; NaN wins.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func min(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.min, axes, keepDims, Site(file, line, column))
  }

  /// Whether one along the axes, all of them when left out, is true.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func any(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.any, axes, keepDims, Site(file, line, column))
  }

  /// Whether all along the axes, all of them when left out, are true.
  ///
  /// Negative axes count from the end; `keepDims` keeps the reduced axes with dim 1.
  public func all(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.all, axes, keepDims, Site(file, line, column))
  }

  /// The first position of the largest along an axis, as i32; the first NaN wins.
  public func argmax(
    axis: Int = -1, keepDims: Bool = false, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    Trace.emit(
      .argmax, self, with: [.int(.axis, axis), .bool(.keepDims, keepDims)], at: Site(file, line, column))
  }

  /// The first position of the smallest along an axis, as i32; the first NaN wins.
  public func argmin(
    axis: Int = -1, keepDims: Bool = false, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    Trace.emit(
      .argmin, self, with: [.int(.axis, axis), .bool(.keepDims, keepDims)], at: Site(file, line, column))
  }

  /// The logarithm of the sum of e^x along the axes, all of them when left out; -inf for none.
  public func logsumexp(
    axes: [Int]? = nil, keepDims: Bool = false, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    reduce(.logsumexp, axes, keepDims, Site(file, line, column))
  }

  /// The mean of (x - mean)^2 along the axes, all of them when left out; over n - `correction` instead of n.
  public func variance(
    axes: [Int]? = nil, correction: Int = 0, keepDims: Bool = false, file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) -> Tensor {
    reduce(.variance, axes, keepDims, Site(file, line, column), [.int(.correction, correction)])
  }

  /// The norm along the axes, all of them when left out: of order 2, 1 or infinity.
  public func norm(
    axes: [Int]? = nil, order: Double = 2, keepDims: Bool = false, file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) -> Tensor {
    reduce(.norm, axes, keepDims, Site(file, line, column), [.number(.ord, order)])
  }

  private func reduce(
    _ op: Op, _ axes: [Int]?, _ keepDims: Bool, _ site: Site, _ more: [Setup] = []
  ) -> Tensor {
    let setup = (axes.map { [Setup.ints(.axes, $0)] } ?? []) + [.bool(.keepDims, keepDims)] + more
    return Trace.emit(op, self, with: setup, at: site)
  }
}
