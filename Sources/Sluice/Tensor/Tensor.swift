public import SluiceIR

/// A value of the function that is being traced: a handle, cheap to copy.
///
/// Operators broadcast as NumPy's do: shapes are aligned at the last axis, and an axis of 1 is repeated. Dtypes
/// are never converted without `cast`; a Swift number takes the dtype of the tensor beside it. A mistake gives
/// one error with its place in the model's source; what is computed from it is silent.
public struct Tensor {
  /// Nil for what was made outside of any tracing.
  let trace: Trace?
  /// The frame the value is of; all ones for a mistake that is reported.
  let frame: UInt32
  let value: ValueID
  /// The type; for a mistake the best guess, or none.
  let type: TypeID

  init(trace: Trace?, frame: UInt32, value: ValueID, type: TypeID) {
    self.trace = trace
    self.frame = frame
    self.value = value
    self.type = type
  }

  /// What functions give outside of any tracing; its first use in a function is reported.
  static var homeless: Tensor { Tensor(trace: nil, frame: .max, value: .none, type: .none) }

  /// Whether this is a mistake that is reported.
  var isPoison: Bool { trace != nil && frame == .max }

  /// The trace, while its tables are there.
  private var liveTrace: Trace? {
    guard let trace, !trace.isFinished, !type.isNone else { return nil }
    return trace
  }

  /// The dims, outermost first.
  public var shape: Shape {
    guard let trace = liveTrace else {
      var shape = Shape([Dim]())
      shape.isPoison = true
      return shape
    }
    let handles = trace.builder.tables.types.shape(type)
    var shape = Shape(handles.map { isPoison ? Dim.poison : trace.dim($0) })
    shape.isPoison = isPoison
    return shape
  }

  /// The element type.
  public var dtype: DType { liveTrace.map { $0.builder.tables.types.dtype(type) } ?? .f32 }

  /// The number of axes.
  public var rank: Int { liveTrace.map { $0.builder.tables.types.rank(type) } ?? 0 }

  /// Gives the value a name for dumps and generated code, unless it has one.
  ///
  /// A name that is taken gets a suffix.
  @discardableResult
  public func named(
    _ name: String, file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> Tensor {
    guard let trace, trace === Trace.current, !isPoison else { return self }
    let site = Site(file, line, column)
    guard isIdentifier(name, dots: true) else {
      trace.report("`\(name)` is no name of a value", hint: Trace.nameHint, at: site)
      return self
    }
    if let position = trace.frames.firstIndex(where: { $0.id == frame }) {
      trace.frames[position].wishes.append((value, name))
    }
    return self
  }
}

extension Tensor: CustomStringConvertible {
  /// The type: `f32[B,64]`.
  public var description: String {
    liveTrace.map { $0.builder.tables.text(type) } ?? "a tensor of no function"
  }
}
