import SluiceIR

// Random numbers: functions of a seed and a stream alone. The same two give the same numbers on every machine, so
// that a model takes its seed as an input, and draws that must differ have different streams. Where a stream is left
// out it is numbered: the draws of a function get 0, 1, 2, ... in the order of their calls, without numbers that were
// given before. A body that runs again, as in `scan`, draws the same again: give it a stream that changes.

/// f32 numbers in [0, 1), every multiple of 2^-24 equally likely.
///
/// `seed` and `stream` are scalars of i64.
public func uniform(
  _ shape: Shape, seed: Tensor, stream: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .uniform, [.tensor(seed), .tensor(stream)], [.shape(.shape, shape)], at: Site(file, line, column))
}

/// f32 numbers in [0, 1), every multiple of 2^-24 equally likely.
///
/// `seed` is a scalar of i64; a `stream` that is left out is numbered.
public func uniform(
  _ shape: Shape, seed: Tensor, stream: Int? = nil, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .uniform, [.tensor(seed), .stream(stream, seed, at: Site(file, line, column))], [.shape(.shape, shape)],
    at: Site(file, line, column))
}

/// f32 numbers of mean 0 and variance 1 (Box and Muller 1958).
///
/// `seed` and `stream` are scalars of i64.
public func normal(
  _ shape: Shape, seed: Tensor, stream: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .normal, [.tensor(seed), .tensor(stream)], [.shape(.shape, shape)], at: Site(file, line, column))
}

/// f32 numbers of mean 0 and variance 1 (Box and Muller 1958).
///
/// `seed` is a scalar of i64; a `stream` that is left out is numbered.
public func normal(
  _ shape: Shape, seed: Tensor, stream: Int? = nil, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .normal, [.tensor(seed), .stream(stream, seed, at: Site(file, line, column))], [.shape(.shape, shape)],
    at: Site(file, line, column))
}

/// The numbers 0 ..< `length` in random order, as i32.
///
/// `seed` and `stream` are scalars of i64.
public func permutation(
  _ length: Dim, seed: Tensor, stream: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .permutation, [.tensor(seed), .tensor(stream)], [.dim(.length, length)], at: Site(file, line, column))
}

/// The numbers 0 ..< `length` in random order, as i32.
///
/// `seed` is a scalar of i64; a `stream` that is left out is numbered.
public func permutation(
  _ length: Dim, seed: Tensor, stream: Int? = nil, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .permutation, [.tensor(seed), .stream(stream, seed, at: Site(file, line, column))],
    [.dim(.length, length)], at: Site(file, line, column))
}

/// Random words of 32 bits, as i32: Philox4x32-10 of Salmon and others (2011).
///
/// `seed` and `stream` are scalars of i64.
public func randomBits(
  _ shape: Shape, seed: Tensor, stream: Tensor, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .randomBits, [.tensor(seed), .tensor(stream)], [.shape(.shape, shape)], at: Site(file, line, column))
}

/// Random words of 32 bits, as i32: Philox4x32-10 of Salmon and others (2011).
///
/// `seed` is a scalar of i64; a `stream` that is left out is numbered.
public func randomBits(
  _ shape: Shape, seed: Tensor, stream: Int? = nil, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .randomBits, [.tensor(seed), .stream(stream, seed, at: Site(file, line, column))],
    [.shape(.shape, shape)], at: Site(file, line, column))
}

/// True with a probability: where `uniform` is below it.
public func bernoulli(
  _ shape: Shape, probability: Double = 0.5, seed: Tensor, stream: Tensor, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .bernoulli, [.tensor(seed), .tensor(stream)],
    [.shape(.shape, shape), .number(.probability, probability)], at: Site(file, line, column))
}

/// True with a probability: where `uniform` is below it.
public func bernoulli(
  _ shape: Shape, probability: Double = 0.5, seed: Tensor, stream: Int? = nil, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .bernoulli, [.tensor(seed), .stream(stream, seed, at: Site(file, line, column))],
    [.shape(.shape, shape), .number(.probability, probability)], at: Site(file, line, column))
}
