import SluiceIR

// Bodies that run once, by a condition, or while one holds. Closures are traced once each; tensors, parameters and
// states of outside may be used in them as they are; states cannot be written.

/// Runs a body once, as a graph of its own that the text shows.
///
/// - Parameters:
///   - operands: What the body is given.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - body: Takes tensors like the operands; gives the results.
/// - Returns: What the body gives.
public func call(
  _ operands: [Tensor], file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: ([Tensor]) -> [Tensor]
) -> [Tensor] {
  call(operands, recomputes: false, at: Site(file, line, column), body)
}

/// Runs a body once; `recomputes` says what its derivative does.
func call(
  _ operands: [Tensor], recomputes: Bool, at site: Site, _ body: ([Tensor]) -> [Tensor]
) -> [Tensor] {
  guard let trace = Trace.current, trace.isInFunction(.call, at: site) else { return operands }
  var bodies = BodyTracing(trace, .call, site, operands)
  let results = bodies.trace(body)
  return bodies.emit([.body], [.bool(.recompute, recomputes)], results)
}

/// Runs one of two bodies, by a condition, and only that one.
///
/// - Parameters:
///   - condition: A `bool` scalar.
///   - then: Gives the results where the condition is true.
///   - otherwise: Gives the results where it is false, of the same number and types.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
/// - Returns: What the body that ran gives. To choose element by element, see `select`.
public func cond(
  _ condition: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column,
  then: () -> [Tensor], otherwise: () -> [Tensor]
) -> [Tensor] {
  let site = Site(file, line, column)
  guard let trace = Trace.current, trace.isInFunction(.cond, at: site) else { return [] }
  var bodies = BodyTracing(trace, .cond, site, [])
  let results = bodies.trace { _ in then() }
  _ = bodies.trace { _ in otherwise() }
  return bodies.emit([.then, .otherwise], [], results, condition: condition)
}

/// Runs one of two bodies, by a condition, and only that one; see the form with arrays.
public func cond(
  _ condition: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column,
  then: () -> Tensor, otherwise: () -> Tensor
) -> Tensor {
  let results = cond(
    condition, file: file, line: line, column: column, then: { [then()] }, otherwise: { [otherwise()] })
  return results.first ?? Trace.current?.poison() ?? .homeless
}

/// Repeats a body while a condition holds, passing carried tensors on.
///
/// - Parameters:
///   - carries: The carried tensors before the first time.
///   - limit: How often at most. Without it, the loop runs for ever where the condition stays true.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - condition: Takes the carried tensors; gives a `bool` scalar, which says whether the body runs again.
///   - body: Takes the carried tensors; gives those for the next time, of the same types.
/// - Returns: The carried tensors for which the condition was false, or those at the limit.
public func whileLoop(
  from carries: [Tensor], limit: Dim? = nil, file: String = #fileID, line: Int = #line, column: Int = #column,
  while condition: ([Tensor]) -> Tensor, _ body: ([Tensor]) -> [Tensor]
) -> [Tensor] {
  let site = Site(file, line, column)
  guard let trace = Trace.current, trace.isInFunction(.while, at: site) else { return carries }
  var bodies = BodyTracing(trace, .while, site, carries)
  _ = bodies.trace { [condition($0)] }
  let results = bodies.trace(body)
  var setup: [Setup] = [.int(.carries, carries.count)]
  if let limit { setup.append(.dim(.limit, limit)) }
  return bodies.emit([.condition, .body], setup, results)
}

/// Repeats a body while a condition holds, carrying one tensor; see the form with arrays.
public func whileLoop(
  from carry: Tensor, limit: Dim? = nil, file: String = #fileID, line: Int = #line, column: Int = #column,
  while condition: (Tensor) -> Tensor, _ body: (Tensor) -> Tensor
) -> Tensor {
  func first(_ tensors: [Tensor]) -> Tensor { tensors.first ?? Trace.current?.poison() ?? .homeless }
  let results = whileLoop(
    from: [carry], limit: limit, file: file, line: line, column: column, while: { condition(first($0)) }
  ) { [body(first($0))] }
  return first(results)
}

/// The tracing of the bodies of one op, which all take the same inputs: operands, then what any of them captures.
private struct BodyTracing {
  /// What a body takes from outside.
  struct Capture {
    var key: Frame.Capture
    var source: Frame.CaptureSource
    var type: TypeID
    var name: String?
  }

  let trace: Trace
  let op: Op
  let site: Site
  let operands: [Tensor]
  private let values: [ValueID?]
  private var graphs: [GraphID?] = []
  /// How many of the captures each graph takes so far.
  private var captureCounts: [Int] = []
  private var captures: [Capture] = []

  init(_ trace: Trace, _ op: Op, _ site: Site, _ operands: [Tensor]) {
    self.trace = trace
    self.op = op
    self.site = site
    self.operands = operands
    values = operands.map { trace.resolve($0, at: site) }
  }

  /// Traces one body; gives what it gives.
  mutating func trace(_ body: ([Tensor]) -> [Tensor]) -> [Tensor] {
    let outer = trace.frames[trace.frames.count - 1]
    trace.frames[trace.frames.count - 1].bodyCount += 1
    let suffix = outer.bodyCount == 0 ? "" : "\(outer.bodyCount + 1)"
    trace.beginFrame("\(outer.name).body\(suffix)", isFunction: false, of: op, at: site)
    let inputs = zip(operands, values).map { tensor, value -> Tensor in
      guard let value else { return trace.poison(tensor) }
      let input = trace.builder.capture(tensor.type)
      if let name = outer.name(of: value) {
        trace.frames[trace.frames.count - 1].inputNames.append((input, name))
      }
      return trace.tensor(input)
    }
    for capture in captures {
      _ = trace.capture(capture.key, capture.source, capture.type, name: capture.name)
    }
    let given = body(inputs)
    let results = trace.resolve(given, at: site)
    noteCaptures()
    captureCounts.append(captures.count)
    graphs.append(trace.endFrame(results: values.contains(nil) ? nil : results))
    return given
  }

  /// Adds what the innermost frame has captured beyond the captures before.
  private mutating func noteCaptures() {
    let frame = trace.frames[trace.frames.count - 1]
    let inOrder = frame.captures.sorted { $0.value.raw < $1.value.raw }
    for ((key, value), source) in zip(inOrder, frame.captureSources).dropFirst(captures.count) {
      let name = frame.inputNames.first { $0.value == value }?.name
      captures.append(Capture(key: key, source: source, type: trace.builder.type(value), name: name))
    }
  }

  /// Emits the op; its results, or mistakes like `guesses`, which are reported.
  func emit(
    _ names: [AttributeName], _ setup: [Setup], _ guesses: [Tensor], condition: Tensor? = nil
  ) -> [Tensor] {
    let poison = guesses.map { trace.poison($0) }
    let flag = condition.map { trace.resolve($0, at: site) }
    let captured = captures.map { trace.value(of: $0.source, at: site) }
    let operands = (flag.map { [$0] } ?? []) + values + captured
    let known = graphs.compactMap { $0 }
    guard known.count == graphs.count, !operands.contains(nil) else { return poison }
    for (graph, count) in zip(known, captureCounts) {
      let types = captures.dropFirst(count).map(\.type)
      trace.builder.addInputs(types, to: graph)
      for symbol in types.flatMap({ trace.builder.tables.types.shape($0) })
        .flatMap({ trace.builder.tables.dims.symbols(in: $0) })
      where trace.bodySymbols[graph]?.contains(symbol) == false { trace.bodySymbols[graph]?.append(symbol) }
    }
    let bodies = zip(names, known).map { Setup.plain($0, .graph($1)) }
    guard let record = trace.resolve(bodies + setup, at: site) else { return poison }
    trace.locate(site)
    do {
      let first = try trace.builder.emit(op, operands.compactMap { $0 }, record)
      let count = op == .while ? self.operands.count : guesses.count
      return (0..<count).map { trace.tensor(ValueID(first.index + $0)) }
    } catch {
      trace.report(error, at: site)
      return poison
    }
  }
}
