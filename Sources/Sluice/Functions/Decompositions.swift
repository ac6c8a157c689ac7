import SluiceIR

// Decompositions of small dense matrices, the last two axes, and systems that are triangular already.

/// The y with `a` y = `b` for a triangular `a` of `[..., n, n]` and `b` of `[..., n, m]`, by substitution.
///
/// A 0 on the diagonal gives infinities or NaN.
///
/// - Parameters:
///   - a: The matrix; only one triangle of it is read.
///   - b: The right side.
///   - lower: Reads the lower triangle, not the upper one.
///   - transpose: Solves with the transpose of that triangle.
///   - unitDiagonal: Takes the diagonal as ones, whatever it holds.
public func triangularSolve(
  _ a: Tensor, _ b: Tensor, lower: Bool = false, transpose: Bool = false, unitDiagonal: Bool = false,
  file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .triangularSolve, a, b,
    with: [.bool(.lower, lower), .bool(.transpose, transpose), .bool(.unitDiagonal, unitDiagonal)],
    at: Site(file, line, column))
}

/// The reduced QR decomposition of `[..., m, n]`: q of `[..., m, k]` with orthonormal columns and an upper
/// triangular r of `[..., k, n]` for k = min(m, n), so that x = q r.
///
/// By Householder reflections with the signs of LAPACK: an element of the diagonal of r has the sign opposite
/// to the one that it had before its column was reflected, or keeps its value where nothing is left to reflect.
public func qr(
  _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> (q: Tensor, r: Tensor) {
  let results = Trace.emit(.qr, [x], count: 2, at: Site(file, line, column))
  return (results[0], results[1])
}

/// The eigenvalues `[..., n]` of symmetric matrices `[..., n, n]`, ascending, and their eigenvectors, as columns
/// of length 1 of `[..., n, n]`.
///
/// Only the lower triangle is read. Of every eigenvector the first component that is larger than 2^-10 times
/// its largest one is positive. NaN and infinities give NaN everywhere.
public func eigh(
  _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> (values: Tensor, vectors: Tensor) {
  let results = Trace.emit(.eigh, [x], count: 2, at: Site(file, line, column))
  return (results[0], results[1])
}
