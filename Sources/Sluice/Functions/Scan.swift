import SluiceIR

/// Runs a body once for every part of the sequences, from the first to the last, passing carried tensors on.
///
/// The body is traced once. Tensors, parameters and states of outside may be used in it as they are; states cannot
/// be written.
///
/// - Parameters:
///   - sequences: Tensors that are cut along their first axis, which is of equal length.
///   - carries: The carried tensors before the first part.
///   - length: How often the body runs, where there are no sequences.
///   - reverse: Goes from the last part to the first; the stacked outputs keep the order of the parts.
///   - file: The file of the call.
///   - line: The line of the call.
///   - column: The column of the call.
///   - body: Takes the carried tensors and the parts; gives the carried tensors for the next part, of the same types,
///     and outputs.
/// - Returns: The carried tensors after the last part, and the outputs of all parts stacked along a new first axis.
public func scan(
  over sequences: [Tensor], from carries: [Tensor], length: Dim? = nil, reverse: Bool = false,
  file: String = #fileID, line: Int = #line, column: Int = #column,
  _ body: (_ carries: [Tensor], _ parts: [Tensor]) -> (carries: [Tensor], outputs: [Tensor])
) -> (carries: [Tensor], outputs: [Tensor]) {
  let site = Site(file, line, column)
  guard let trace = Trace.current else { return (carries, []) }
  guard trace.isInFunction(.scan, at: site) else { return (carries.map { _ in trace.poison() }, []) }
  var scan = ScanTracing(trace, site, sequences, carries, length, reverse)
  return scan.run(body)
}

/// The tracing of one scan.
private struct ScanTracing {
  let trace: Trace
  let site: Site
  let sequences: [Tensor]
  let carries: [Tensor]
  let length: Dim?
  let reverse: Bool
  /// Whether something was wrong, which is reported.
  var failed = false

  init(
    _ trace: Trace, _ site: Site, _ sequences: [Tensor], _ carries: [Tensor], _ length: Dim?, _ reverse: Bool
  ) {
    self.trace = trace
    self.site = site
    self.sequences = sequences
    self.carries = carries
    self.length = length
    self.reverse = reverse
  }

  mutating func run(
    _ body: ([Tensor], [Tensor]) -> (carries: [Tensor], outputs: [Tensor])
  ) -> (carries: [Tensor], outputs: [Tensor]) {
    // In the outer frame: the operands, so that what an outer body captures for them comes in this order.
    let operands = (carries + sequences).map { trace.resolve($0, at: site) }
    if operands.contains(nil) { failed = true }
    checkLength()

    let outer = trace.frames[trace.frames.count - 1]
    trace.frames[trace.frames.count - 1].bodyCount += 1
    let suffix = outer.bodyCount == 0 ? "" : "\(outer.bodyCount + 1)"
    let names = zip(carries + sequences, operands).map { $1.flatMap { outer.name(of: $0) } }
    trace.beginFrame("\(outer.name).body\(suffix)", isFunction: false, at: site)
    let (inner, parts) = inputs(operands, names)
    let given = body(inner, parts)
    let results = checked(given)
    let types = results?.map { trace.builder.type($0) } ?? []
    let sources = trace.frames[trace.frames.count - 1].captureSources
    let graph = trace.endFrame(results: results)

    let captured = sources.map { trace.value(of: $0, at: site) }
    let values = (operands + captured).compactMap { $0 }
    guard let graph, values.count == operands.count + captured.count else { return poison(given.outputs) }
    return emit(graph, values, types.count) ?? poison(given.outputs)
  }

  /// Checks that there is one length.
  private mutating func checkLength() {
    let dims = sequences.filter { $0.trace === trace && !$0.isPoison }
    if let scalar = dims.first(where: { $0.rank == 0 }) {
      trace.report(
        "`scan` over a scalar, \(scalar)", hint: "a sequence is cut along its first axis", at: site)
      failed = true
    } else if let first = dims.first,
      let other = dims.first(where: { $0.shape.dims[0] != first.shape.dims[0] })
    {
      trace.report(
        "`scan` over sequences of different lengths, \(first) and \(other)",
        hint: "their first dims are equal", at: site)
      failed = true
    } else if let first = dims.first, let length, first.shape.dims[0] != length {
      trace.report("`scan` of length \(length) over \(first)", hint: "leave the length out", at: site)
      failed = true
    } else if sequences.isEmpty, length == nil {
      trace.report("`scan` has neither sequences nor a length", hint: "add `length: ...`", at: site)
      failed = true
    }
  }

  /// The inputs of the body for carries and parts.
  private func inputs(_ operands: [ValueID?], _ names: [String?]) -> (carries: [Tensor], parts: [Tensor]) {
    let outside = carries + sequences
    let inside = outside.indices.map { position -> Tensor in
      let tensor = outside[position]
      guard operands[position] != nil else { return trace.poison(tensor) }
      var type = tensor.type
      if position >= carries.count {
        let tables = trace.builder.tables
        guard tables.types.rank(type) > 0 else { return trace.poison() }
        let shape = Array(tables.types.shape(type).dropFirst())
        type = trace.builder.tables.types.intern(tables.types.dtype(type), shape)
      }
      let value = trace.builder.capture(type)
      if let name = names[position] { trace.frames[trace.frames.count - 1].inputNames.append((value, name)) }
      return trace.tensor(value)
    }
    return (Array(inside.prefix(carries.count)), Array(inside.dropFirst(carries.count)))
  }

  /// What the body gives as values of its frame; nil where that is a mistake, which is reported.
  private mutating func checked(_ given: (carries: [Tensor], outputs: [Tensor])) -> [ValueID]? {
    if given.carries.count != carries.count {
      trace.report(
        "the body of `scan` gives \(given.carries.count) carried tensors for \(carries.count)",
        hint: "one for each that it takes", at: site)
      failed = true
    }
    for (position, (before, after)) in zip(carries, given.carries).enumerated() {
      guard !before.isPoison, !after.isPoison, before.trace === trace, after.trace === trace else { continue }
      if before.type != after.type {
        let which = carries.count == 1 ? "the carried tensor" : "carried tensor \(position + 1)"
        trace.report("\(which) of `scan` begins as \(before) and comes back as \(after)", at: site)
        failed = true
      }
    }
    if given.carries.isEmpty, given.outputs.isEmpty {
      trace.report(
        "the body of `scan` gives nothing", hint: "give back a carried tensor or an output", at: site)
      failed = true
    }
    let results = trace.resolve(given.carries + given.outputs, at: site)
    return failed ? nil : results
  }

  private func emit(
    _ graph: GraphID, _ values: [ValueID], _ resultCount: Int
  ) -> (carries: [Tensor], outputs: [Tensor])? {
    var setup: [Setup] = [
      .plain(.body, .graph(graph)), .int(.carries, carries.count), .int(.sequences, sequences.count),
      .bool(.reverse, reverse),
    ]
    if sequences.isEmpty, let length { setup.append(.dim(.length, length)) }
    guard let record = trace.resolve(setup, at: site) else { return nil }
    trace.locate(site)
    do {
      let first = try trace.builder.emit(.scan, values, record)
      let results = (0..<resultCount).map { trace.tensor(ValueID(first.index + $0)) }
      return (Array(results.prefix(carries.count)), Array(results.dropFirst(carries.count)))
    } catch {
      trace.report(error, at: site)
      return nil
    }
  }

  private func poison(_ outputs: [Tensor]) -> (carries: [Tensor], outputs: [Tensor]) {
    (carries.map { trace.poison($0) }, outputs.map { _ in trace.poison() })
  }
}
