import SluiceFormats
public import SluiceIR

// Functions that make tensors from their shape alone, and constants.

/// A tensor of zeros.
public func zeros(
  _ shape: Shape, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  full(shape, 0, dtype, file: file, line: line, column: column)
}

/// A tensor of ones.
public func ones(
  _ shape: Shape, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  full(shape, 1, dtype, file: file, line: line, column: column)
}

/// A tensor of one number; a number that the dtype cannot hold is a mistake.
public func full(
  _ shape: Shape, _ value: Double, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  let site = Site(file, line, column)
  let scalar = constant(value, dtype, file: file, line: line, column: column)
  return Trace.emit(.broadcast, scalar, with: [.shape(.shape, shape)], at: site)
}

/// A tensor of one integer; an integer that the dtype does not have exactly is a mistake.
///
/// As everywhere in Swift a quotient of integers is one: `1 / 3` is 0, `1.0 / 3` is not.
public func full(
  _ shape: Shape, _ value: Int, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  let site = Site(file, line, column)
  let scalar = constant(value, dtype, file: file, line: line, column: column)
  return Trace.emit(.broadcast, scalar, with: [.shape(.shape, shape)], at: site)
}

/// A scalar known when the model is compiled; an integer that the dtype does not have exactly is a mistake.
///
/// As everywhere in Swift a quotient of integers is one: `1 / 3` is 0, `1.0 / 3` is not.
public func constant(
  _ value: Int, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.constant([value], [], dtype, Site(file, line, column), NumberBits.bytes)
}

/// A scalar known when the model is compiled; a number that the dtype cannot hold is a mistake.
public func constant(
  _ value: Double, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.constant([value], [], dtype, Site(file, line, column), NumberBits.bytes)
}

/// Numbers in row-major order known when the model is compiled; a vector unless a shape is given.
public func constant(
  _ values: [some BinaryFloatingPoint], shape: Shape? = nil, _ dtype: DType = .f32, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  let numbers = values.map { Double($0) }
  return Trace.constant(
    numbers, shape ?? [Dim(values.count)], dtype, Site(file, line, column), NumberBits.bytes)
}

/// Integers in row-major order known when the model is compiled, which the dtype has exactly; a vector unless a shape
/// is given.
public func constant(
  _ values: [Int], shape: Shape? = nil, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.constant(values, shape ?? [Dim(values.count)], dtype, Site(file, line, column), NumberBits.bytes)
}

/// An array known when the model is compiled.
public func constant(
  _ array: HostTensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.constant(array.bytes, Shape(array.shape.map { Dim($0) }), array.dtype, Site(file, line, column))
}

/// The position along an axis.
///
/// - Parameters:
///   - shape: The shape.
///   - axis: The axis; -1 is the last.
///   - dtype: The dtype, not `bool`; positions that do not fit wrap or round.
public func iota(
  _ shape: Shape, axis: Int = -1, _ dtype: DType = .i32, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .iota, [], [.shape(.shape, shape), .int(.axis, axis), .dtype(dtype)], at: Site(file, line, column))
}

/// `length` numbers evenly spaced from `start` to `stop`, which is the last one.
public func linspace(
  _ start: Double, _ stop: Double, _ length: Dim, _ dtype: DType = .f32, file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(
    .linspace, [],
    [.number(.start, start), .number(.stop, stop), .dim(.length, length), .dtype(dtype)],
    at: Site(file, line, column))
}

/// The matrix of 1 where row and column are equal, else 0; square unless the columns are given.
public func eye(
  _ rows: Dim, _ columns: Dim? = nil, _ dtype: DType = .f32, file: String = #fileID, line: Int = #line,
  column: Int = #column
) -> Tensor {
  Trace.emit(
    .eye, [], [.shape(.shape, [rows, columns ?? rows]), .dtype(dtype)], at: Site(file, line, column))
}

/// The actual value of a dim as a scalar: the number of examples of a batch, for a mean.
public func size(
  of dim: Dim, _ dtype: DType = .i64, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.size, [], [.dim(.length, dim), .dtype(dtype)], at: Site(file, line, column))
}

extension Trace {
  /// A constant of these numbers; numbers that do not fit dtype or shape are a mistake.
  static func constant<Number>(
    _ values: [Number], _ shape: Shape, _ dtype: DType, _ site: Site,
    _ bytes: ([Number], DType) throws(InferenceError) -> [UInt8]
  ) -> Tensor {
    guard let current else { return .homeless }
    do throws(InferenceError) {
      return constant(try bytes(values, dtype), shape, dtype, site)
    } catch {
      current.report(
        error.message, hint: dtype.isFloating ? Trace.hint(error) : "choose another dtype for the constant",
        at: site
      )
      return current.poison()
    }
  }

  /// A constant of these bytes.
  static func constant(_ bytes: [UInt8], _ shape: Shape, _ dtype: DType, _ site: Site) -> Tensor {
    guard let trace = current else { return .homeless }
    guard trace.isInFunction(.constant, at: site), let dims = trace.handles(shape, at: site) else {
      return trace.poison()
    }
    let extents = shape.dims.compactMap(\.value)
    guard extents.count == dims.count, dims.count <= TypeTable.maximumRank,
      let count = HostTensor.elementCount(of: extents), count == bytes.count / dtype.byteCount
    else {
      trace.report(
        "a constant of \(bytes.count / dtype.byteCount) numbers cannot have the shape \(shape)",
        hint: extents.count == dims.count
          ? "the product of the dims is the number of elements" : "its dims are integers", at: site)
      return trace.poison()
    }
    trace.locate(site)
    let id = trace.builder.tables.constants.intern(trace.builder.tables.types.intern(dtype, dims), bytes)
    return emit(.constant, [], [.plain(.value, .constant(id))], at: site)
  }
}
