import SluiceIR
import SluicePasses

// Derivatives. They are made of ordinary ops, at the place of the call: they can be printed, used in further
// computations, and differentiated again.

/// The gradients of a scalar, by reverse-mode differentiation.
///
/// - Parameters:
///   - loss: A float scalar of this function or body.
///   - tensors: What it is differentiated by: inputs, parameters, or tensors on the way to the loss.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
/// - Returns: One tensor for each, of the same shape and dtype (f32 for f16 and bf16); zeros where the loss does not
///   depend on it. An op in between that has no derivative is a mistake at its place.
public func gradient(
  of loss: Tensor, wrt tensors: [Tensor], file: String = #fileID, line: Int = #line, column: Int = #column
) -> [Tensor] {
  let site = Site(file, line, column)
  guard let trace = Trace.current else { return tensors }
  if !loss.isPoison, loss.rank != 0 {
    trace.report(
      "the gradient of \(loss), which is no scalar", hint: "reduce it: `.mean()` or `.sum()`, or use `vjp`",
      at: site)
    return tensors.map { trace.poison($0) }
  }
  return trace.cotangents(of: tensors, from: [(loss, nil)], at: site)
}

/// The gradient of a scalar by one tensor; see the form with arrays.
public func gradient(
  of loss: Tensor, wrt tensor: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  gradient(of: loss, wrt: [tensor], file: file, line: line, column: column).first ?? .homeless
}

/// The value of a function that gives a scalar, and its gradients by what it takes.
///
/// - Parameters:
///   - tensors: What the function is given, and differentiated by.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - function: Gives a float scalar.
/// - Returns: The scalar, and a gradient for each tensor.
public func valueAndGradient(
  at tensors: [Tensor], file: String = #fileID, line: Int = #line, column: Int = #column,
  _ function: ([Tensor]) -> Tensor
) -> (value: Tensor, gradients: [Tensor]) {
  let value = function(tensors)
  return (value, gradient(of: value, wrt: tensors, file: file, line: line, column: column))
}

/// The vector-Jacobian product: sums over all outputs of cotangent times derivative.
///
/// - Parameters:
///   - outputs: Float tensors of this function or body.
///   - tensors: What they are differentiated by.
///   - cotangents: The weight of every element of every output: a tensor of the shape and dtype of each.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
/// - Returns: One tensor for each of `tensors`, of its shape and dtype.
public func vjp(
  of outputs: [Tensor], wrt tensors: [Tensor], cotangents: [Tensor], file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> [Tensor] {
  let site = Site(file, line, column)
  guard let trace = Trace.current else { return tensors }
  guard outputs.count == cotangents.count else {
    trace.report("`vjp` of \(outputs.count) outputs with \(cotangents.count) cotangents", at: site)
    return tensors.map { trace.poison($0) }
  }
  return trace.cotangents(of: tensors, from: Array(zip(outputs, cotangents)), at: site)
}

/// The Jacobian-vector product, forward mode: how outputs change when tensors move along a direction.
///
/// - Parameters:
///   - outputs: Float tensors of this function or body.
///   - tensors: What moves.
///   - tangents: How far every element moves: a tensor of the shape and dtype of each.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
/// - Returns: One tensor for each of `outputs`, of its shape and dtype.
public func jvp(
  of outputs: [Tensor], wrt tensors: [Tensor], tangents: [Tensor], file: String = #fileID,
  line: Int = #line, column: Int = #column
) -> [Tensor] {
  let site = Site(file, line, column)
  guard let trace = Trace.current else { return outputs }
  guard tensors.count == tangents.count else {
    trace.report("`jvp` by \(tensors.count) tensors with \(tangents.count) tangents", at: site)
    return outputs.map { trace.poison($0) }
  }
  return trace.tangents(of: outputs, from: Array(zip(tensors, tangents)), at: site)
}

/// The tensor, which differentiation takes as a constant.
public func stopGradient(
  _ x: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
) -> Tensor {
  Trace.emit(.stopGradient, x, at: Site(file, line, column))
}

/// Runs a body once, and again for its derivative: what it computes in between is not kept until then.
///
/// - Parameters:
///   - operands: What the body is given.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - body: Takes tensors like the operands; gives the results.
/// - Returns: What the body gives. Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
public func checkpoint(
  _ operands: [Tensor], file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: ([Tensor]) -> [Tensor]
) -> [Tensor] {
  call(operands, recomputes: true, at: Site(file, line, column), body)
}

/// Runs a body once, and again for its derivative, on one tensor; see the form with arrays.
public func checkpoint(
  _ operand: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: (Tensor) -> Tensor
) -> Tensor {
  checkpoint([operand], file: file, line: line, column: column) { [body($0.first ?? operand)] }.first
    ?? operand
}

/// Runs a body once, with a derivative that is given rather than derived.
///
/// Both closures may use what they are given alone: no tensors, parameters or states of outside.
///
/// - Parameters:
///   - operands: What the body is given.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - forward: Takes tensors like the operands; gives the results.
///   - backward: Takes operands, results, and the cotangents of the float results; gives those of the float operands.
/// - Returns: What `forward` gives.
public func customGradient(
  _ operands: [Tensor], file: String = #fileID, line: Int = #line, column: Int = #column,
  forward: ([Tensor]) -> [Tensor],
  backward: (_ operands: [Tensor], _ results: [Tensor], _ cotangents: [Tensor]) -> [Tensor]
) -> [Tensor] {
  let site = Site(file, line, column)
  guard let trace = Trace.current, trace.isInFunction(.customVjp, at: site) else { return operands }
  guard let values = trace.resolve(operands, at: site) else { return operands.map { trace.poison($0) } }
  let types = operands.map(\.type)
  guard let forwardBody = trace.closedBody("forward", types, at: site, forward) else {
    return operands.map { trace.poison($0) }
  }
  let results = trace.builder.tables.signatures[forwardBody.index].results
  let cotangents = results.filter { trace.builder.tables.types.dtype($0).isFloating }
  trace.enterGradient(at: site)
  let backwardBody = trace.closedBody("backward", types + results + cotangents, at: site) { all in
    backward(
      Array(all.prefix(types.count)), Array(all.dropFirst(types.count).prefix(results.count)),
      Array(all.dropFirst(types.count + results.count)))
  }
  trace.leave()
  guard let backwardBody else { return results.map { _ in trace.poison() } }
  trace.locate(site)
  do {
    let first = try trace.builder.emit(
      .customVjp, values,
      [Attribute(.body, .graph(forwardBody)), Attribute(.backward, .graph(backwardBody))])
    return results.indices.map { trace.tensor(ValueID(first.index + $0)) }
  } catch {
    trace.report(error, at: site)
    return results.map { _ in trace.poison() }
  }
}

extension Trace {
  /// The cotangents of tensors, from those of outputs: 1 for a scalar that has none.
  func cotangents(of tensors: [Tensor], from outputs: [(Tensor, Tensor?)], at site: Site) -> [Tensor] {
    guard let found = dependentCotangents(of: tensors, from: outputs, at: site) else {
      return tensors.map { poison($0) }
    }
    return zip(tensors, found).map { tensor, cotangent in
      cotangent ?? self.tensor(builder.zeroCotangent(of: resolve(tensor, at: site) ?? .none))
    }
  }

  /// As `cotangents`, with nil for a tensor that no output depends on; nil where there is a mistake, which is reported.
  func dependentCotangents(
    of tensors: [Tensor], from outputs: [(Tensor, Tensor?)], at site: Site
  ) -> [Tensor?]? {
    guard isInFunction(.stopGradient, at: site), let wanted = resolve(tensors, at: site),
      let values = resolve(outputs.map(\.0), at: site)
    else { return nil }
    var seeds: [(value: ValueID, cotangent: ValueID)] = []
    for (value, (output, cotangent)) in zip(values, outputs) {
      guard output.dtype.isFloat else {
        report("the gradient of \(output), which is no float", at: site)
        return nil
      }
      if let cotangent {
        guard let given = resolve(cotangent, at: site) else { return nil }
        guard cotangent.isPoison || builder.type(given) == builder.type(value) else {
          report("\(cotangent) is no cotangent of \(output)", hint: "it has the same type", at: site)
          return nil
        }
        seeds.append((value, given))
      } else {
        seeds.append((value, builder.scalar(1, builder.dtype(value))))
      }
    }
    for tensor in tensors where !tensor.dtype.isFloating {
      report("the gradient by \(tensor), which is no float", at: site)
      return nil
    }
    locate(site)
    do {
      let found = try builder.cotangents(of: wanted, from: seeds)
      return found.map { cotangent in cotangent.map { tensor($0) } }
    } catch {
      report(error, at: site)
      return nil
    }
  }

  /// The tangents of outputs, from those of tensors.
  func tangents(of outputs: [Tensor], from inputs: [(Tensor, Tensor)], at site: Site) -> [Tensor] {
    let poison = outputs.map { self.poison($0) }
    guard isInFunction(.stopGradient, at: site), let values = resolve(outputs, at: site),
      let wanted = resolve(inputs.map(\.0), at: site), let given = resolve(inputs.map(\.1), at: site)
    else { return poison }
    for tensor in outputs + inputs.map(\.0) where !tensor.dtype.isFloat {
      report("the tangent of \(tensor), which is no float", at: site)
      return poison
    }
    for (tensor, tangent) in inputs where tensor.type != tangent.type {
      report("\(tangent) is no tangent of \(tensor)", hint: "it has the same type", at: site)
      return poison
    }
    locate(site)
    do {
      let found = try builder.tangents(of: values, from: zip(wanted, given).map { (value: $0, tangent: $1) })
      return zip(values, found).map { tensor($1 ?? builder.zeroCotangent(of: $0)) }
    } catch {
      report(error, at: site)
      return poison
    }
  }

  /// Reports that something has no derivative, at its place.
  private func report(_ error: GradientError, at site: Site) {
    let place = builder.tables.place(error.location)
    report(error.message, hint: error.hint, at: place.map { Site($0.file, $0.line, $0.column) } ?? site)
  }

  /// A body that takes nothing from outside; nil where it is a mistake, which is reported.
  func closedBody(
    _ purpose: String, _ types: [TypeID], at site: Site, _ body: ([Tensor]) -> [Tensor]
  ) -> GraphID? {
    let outer = frames[frames.count - 1]
    frames[frames.count - 1].bodyCount += 1
    let suffix = outer.bodyCount == 0 ? "" : "\(outer.bodyCount + 1)"
    beginFrame("\(outer.name).\(purpose)\(suffix)", isFunction: false, of: .customVjp, at: site)
    let given = body(types.map { tensor(builder.capture($0)) })
    var results = resolve(given, at: site)
    if !frames[frames.count - 1].captureSources.isEmpty {
      report(
        "a body of `customGradient` uses a tensor of outside", hint: "give it as an operand", at: site)
      results = nil
    }
    return endFrame(results: results)
  }
}
