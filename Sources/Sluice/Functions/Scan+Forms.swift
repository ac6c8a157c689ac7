import SluiceIR

// The usual forms of `scan`: one or two carried tensors, no, one or two sequences, with or without outputs that are
// stacked. The general form takes arrays.

extension Tensor {
  /// The element of what a scan gives; silent where a mistake left it out.
  static func element(_ tensors: [Tensor], _ position: Int) -> Tensor {
    tensors.indices.contains(position) ? tensors[position] : Trace.current?.poison() ?? .homeless
  }
}

/// Runs a body once for every part of a sequence, carrying one tensor.
///
/// The body gives the carried tensor for the next time.
public func scan(
  over sequence: Tensor, from carry: Tensor, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column,
  _ body: (Tensor, Tensor) -> Tensor
) -> Tensor {
  let all = scan(
    over: [sequence], from: [carry], length: nil, reverse: reverse, file: file, line: line, column: column
  ) { carries, parts in
    let next = body(Tensor.element(carries, 0), Tensor.element(parts, 0))
    return ([next], [])
  }
  return Tensor.element(all.carries, 0)
}

/// Runs a body once for every part of a sequence, carrying one tensor.
///
/// The body gives the carried tensor for the next time and an output; the outputs are stacked along a new first axis.
public func scan(
  over sequence: Tensor, from carry: Tensor, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column,
  _ body: (Tensor, Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  let all = scan(
    over: [sequence], from: [carry], length: nil, reverse: reverse, file: file, line: line, column: column
  ) { carries, parts in
    let next = body(Tensor.element(carries, 0), Tensor.element(parts, 0))
    return ([next.0], [next.1])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.outputs, 0))
}

/// Runs a body once for every part of a sequence, carrying two tensors.
///
/// The body gives both carried tensors for the next time.
public func scan(
  over sequence: Tensor, from carries: (Tensor, Tensor), reverse: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor, Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  let all = scan(
    over: [sequence], from: [carries.0, carries.1], length: nil, reverse: reverse, file: file, line: line,
    column: column
  ) { carries, parts in
    let next = body(Tensor.element(carries, 0), Tensor.element(carries, 1), Tensor.element(parts, 0))
    return ([next.0, next.1], [])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.carries, 1))
}

/// Runs a body once for every part of a sequence, carrying two tensors.
///
/// The body gives both carried tensors for the next time and an output; the outputs are stacked along a new first axis.
public func scan(
  over sequence: Tensor, from carries: (Tensor, Tensor), reverse: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor, Tensor) -> (Tensor, Tensor, Tensor)
) -> (Tensor, Tensor, Tensor) {
  let all = scan(
    over: [sequence], from: [carries.0, carries.1], length: nil, reverse: reverse, file: file, line: line,
    column: column
  ) { carries, parts in
    let next = body(Tensor.element(carries, 0), Tensor.element(carries, 1), Tensor.element(parts, 0))
    return ([next.0, next.1], [next.2])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.carries, 1), Tensor.element(all.outputs, 0))
}

/// Runs a body once for every part of two sequences, carrying one tensor.
///
/// The body gives the carried tensor for the next time.
public func scan(
  over sequences: (Tensor, Tensor), from carry: Tensor, reverse: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor, Tensor) -> Tensor
) -> Tensor {
  let all = scan(
    over: [sequences.0, sequences.1], from: [carry], length: nil, reverse: reverse, file: file, line: line,
    column: column
  ) { carries, parts in
    let next = body(Tensor.element(carries, 0), Tensor.element(parts, 0), Tensor.element(parts, 1))
    return ([next], [])
  }
  return Tensor.element(all.carries, 0)
}

/// Runs a body once for every part of two sequences, carrying one tensor.
///
/// The body gives the carried tensor for the next time and an output; the outputs are stacked along a new first axis.
public func scan(
  over sequences: (Tensor, Tensor), from carry: Tensor, reverse: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor, Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  let all = scan(
    over: [sequences.0, sequences.1], from: [carry], length: nil, reverse: reverse, file: file, line: line,
    column: column
  ) { carries, parts in
    let next = body(Tensor.element(carries, 0), Tensor.element(parts, 0), Tensor.element(parts, 1))
    return ([next.0], [next.1])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.outputs, 0))
}

/// Runs a body once for every part of two sequences, carrying two tensors.
///
/// The body gives both carried tensors for the next time.
public func scan(
  over sequences: (Tensor, Tensor), from carries: (Tensor, Tensor), reverse: Bool = false,
  file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor, Tensor, Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  let all = scan(
    over: [sequences.0, sequences.1], from: [carries.0, carries.1], length: nil, reverse: reverse, file: file,
    line: line, column: column
  ) { carries, parts in
    let next = body(
      Tensor.element(carries, 0), Tensor.element(carries, 1), Tensor.element(parts, 0),
      Tensor.element(parts, 1))
    return ([next.0, next.1], [])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.carries, 1))
}

/// Runs a body once for every part of two sequences, carrying two tensors.
///
/// The body gives both carried tensors for the next time and an output; the outputs are stacked along a new first axis.
public func scan(
  over sequences: (Tensor, Tensor), from carries: (Tensor, Tensor), reverse: Bool = false,
  file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor, Tensor, Tensor) -> (Tensor, Tensor, Tensor)
) -> (Tensor, Tensor, Tensor) {
  let all = scan(
    over: [sequences.0, sequences.1], from: [carries.0, carries.1], length: nil, reverse: reverse, file: file,
    line: line, column: column
  ) { carries, parts in
    let next = body(
      Tensor.element(carries, 0), Tensor.element(carries, 1), Tensor.element(parts, 0),
      Tensor.element(parts, 1))
    return ([next.0, next.1], [next.2])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.carries, 1), Tensor.element(all.outputs, 0))
}

/// Runs a body `length` times, carrying one tensor.
///
/// The body gives the carried tensor for the next time.
public func scan(
  length: Dim, from carry: Tensor, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column,
  _ body: (Tensor) -> Tensor
) -> Tensor {
  let all = scan(
    over: [], from: [carry], length: length, reverse: reverse, file: file, line: line, column: column
  ) { carries, _ in
    let next = body(Tensor.element(carries, 0))
    return ([next], [])
  }
  return Tensor.element(all.carries, 0)
}

/// Runs a body `length` times, carrying one tensor.
///
/// The body gives the carried tensor for the next time and an output; the outputs are stacked along a new first axis.
public func scan(
  length: Dim, from carry: Tensor, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column,
  _ body: (Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  let all = scan(
    over: [], from: [carry], length: length, reverse: reverse, file: file, line: line, column: column
  ) { carries, _ in
    let next = body(Tensor.element(carries, 0))
    return ([next.0], [next.1])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.outputs, 0))
}

/// Runs a body `length` times, carrying two tensors.
///
/// The body gives both carried tensors for the next time.
public func scan(
  length: Dim, from carries: (Tensor, Tensor), reverse: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor) -> (Tensor, Tensor)
) -> (Tensor, Tensor) {
  let all = scan(
    over: [], from: [carries.0, carries.1], length: length, reverse: reverse, file: file, line: line,
    column: column
  ) { carries, _ in
    let next = body(Tensor.element(carries, 0), Tensor.element(carries, 1))
    return ([next.0, next.1], [])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.carries, 1))
}

/// Runs a body `length` times, carrying two tensors.
///
/// The body gives both carried tensors for the next time and an output; the outputs are stacked along a new first axis.
public func scan(
  length: Dim, from carries: (Tensor, Tensor), reverse: Bool = false, file: String = #fileID,
  line: Int = #line, column: Int = #column,
  _ body: (Tensor, Tensor) -> (Tensor, Tensor, Tensor)
) -> (Tensor, Tensor, Tensor) {
  let all = scan(
    over: [], from: [carries.0, carries.1], length: length, reverse: reverse, file: file, line: line,
    column: column
  ) { carries, _ in
    let next = body(Tensor.element(carries, 0), Tensor.element(carries, 1))
    return ([next.0, next.1], [next.2])
  }
  return (Tensor.element(all.carries, 0), Tensor.element(all.carries, 1), Tensor.element(all.outputs, 0))
}

/// Runs a body once for every part of a sequence.
///
/// The body gives an output; they are stacked along a new first axis.
public func scan(
  over sequence: Tensor, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column,
  _ body: (Tensor) -> Tensor
) -> Tensor {
  let all = scan(
    over: [sequence], from: [], length: nil, reverse: reverse, file: file, line: line, column: column
  ) { _, parts in
    let next = body(Tensor.element(parts, 0))
    return ([], [next])
  }
  return Tensor.element(all.outputs, 0)
}

/// Runs a body once for every part of two sequences.
///
/// The body gives an output; they are stacked along a new first axis.
public func scan(
  over sequences: (Tensor, Tensor), reverse: Bool = false, file: String = #fileID, line: Int = #line,
  column: Int = #column,
  _ body: (Tensor, Tensor) -> Tensor
) -> Tensor {
  let all = scan(
    over: [sequences.0, sequences.1], from: [], length: nil, reverse: reverse, file: file, line: line,
    column: column
  ) { _, parts in
    let next = body(Tensor.element(parts, 0), Tensor.element(parts, 1))
    return ([], [next])
  }
  return Tensor.element(all.outputs, 0)
}
