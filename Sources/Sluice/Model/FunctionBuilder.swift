public import SluiceIR

/// What the closure of `model.function` declares inputs and outputs with.
public struct FunctionBuilder {
  let trace: Trace
  let frame: UInt32

  /// Declares the next input of the function.
  ///
  /// - Parameters:
  ///   - name: Its name, an identifier that no other input has.
  ///   - dtype: The element type.
  ///   - shape: The shape; symbols in it get their values from the arrays that the function is called with.
  ///   - file: The file of the call.
  ///   - line: The line of the call.
  ///   - column: The column of the call.
  /// - Returns: The input as a tensor.
  public func input(
    _ name: String, _ dtype: DType, _ shape: Shape, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> Tensor {
    trace.input(name, dtype, shape, of: self, at: Site(file, line, column))
  }

  /// Declares the next output of the function.
  ///
  /// - Parameters:
  ///   - name: Its name, an identifier that no other output has.
  ///   - tensor: Its value.
  ///   - file: The file of the call.
  ///   - line: The line of the call.
  ///   - column: The column of the call.
  public func output(
    _ name: String, _ tensor: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    trace.output(name, tensor, of: self, at: Site(file, line, column))
  }
}

extension Trace {
  /// Traces one function from its closure.
  func traceFunction(_ name: String, _ comment: String, at site: Site, _ body: (FunctionBuilder) -> Void) {
    if !isIdentifier(name) {
      report(
        "`\(name)` is no name of a function", hint: "a name is made of ASCII letters, digits and `_`",
        at: site)
    } else if !functionNames.insert(name).inserted {
      report("two functions are named `\(name)`", at: site)
    }
    let errorCount = diagnostics.count
    let lines =
      comment.isEmpty ? [] : comment.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    beginFrame(name, isFunction: true, comment: lines, at: site)
    body(FunctionBuilder(trace: self, frame: frames[0].id))
    let frame = frames[0]
    if frame.outputs.isEmpty, frame.writeOrder.isEmpty, diagnostics.count == errorCount {
      report(
        "the function `\(name)` gives nothing", hint: "add an output: `f.output(\"y\", y)`, or write a state",
        at: site)
    }
    let results = resolve(frame.outputs.map(\.tensor), at: site)
    var writes: [Graph.Write]? = []
    for cell in frame.writeOrder {
      guard let tensor = frame.written[cell.id], let binding = bindings[cell.id],
        let value = resolve(tensor, at: site)
      else {
        writes = nil
        continue
      }
      writes?.append(Graph.Write(state: builder.tables.strings.intern(binding.name), value: value))
    }
    for (output, value) in zip(frame.outputs, results ?? []) { frames[0].wishes.append((value, output.name)) }
    let names = frame.outputs.map { builder.tables.strings.intern($0.name) }
    _ = endFrame(results: writes == nil ? nil : results, names: names, writes: writes ?? [])
  }

  /// Adds an input to the function.
  func input(_ name: String, _ dtype: DType, _ shape: Shape, of function: FunctionBuilder, at site: Site)
    -> Tensor
  {
    guard isInnermost(function, "input", at: site) else { return poison() }
    guard isIdentifier(name), !frames[0].inputNames.contains(where: { $0.name == name }) else {
      let isTaken = isIdentifier(name)
      report(
        isTaken
          ? "two inputs of `\(frames[0].name)` are named `\(name)`" : "`\(name)` is no name of an input",
        hint: isTaken ? nil : "a name is made of ASCII letters, digits and `_`", at: site)
      return poison()
    }
    guard let dims = handles(shape, at: site) else { return poison() }
    guard dims.count <= TypeTable.maximumRank, !shape.contains(where: { ($0.value ?? 0) < 0 }) else {
      report(
        "the input `\(name)` cannot have the shape \(shape)",
        hint: "at most \(TypeTable.maximumRank) axes, none of them negative", at: site)
      return poison()
    }
    if let reason = builder.tables.excess(dims) {
      report("the input `\(name)` is too large: \(reason)", at: site)
      return poison()
    }
    locate(site)
    let value = builder.capture(builder.tables.types.intern(dtype, dims))
    frames[0].inputNames.append((value, name))
    return tensor(value)
  }

  /// Adds an output to the function.
  func output(_ name: String, _ tensor: Tensor, of function: FunctionBuilder, at site: Site) {
    guard isInnermost(function, "output", at: site) else { return }
    guard isIdentifier(name), !frames[0].outputs.contains(where: { $0.name == name }) else {
      let isTaken = isIdentifier(name)
      report(
        isTaken
          ? "two outputs of `\(frames[0].name)` are named `\(name)`" : "`\(name)` is no name of an output",
        hint: isTaken ? nil : "a name is made of ASCII letters, digits and `_`", at: site)
      return
    }
    let isSound = !tensor.isPoison && resolve(tensor, at: site) != nil
    frames[0].outputs.append((name, isSound ? tensor : poison()))
  }

  /// Whether a function is the innermost frame, so that it may get inputs and outputs; reports where it is not.
  private func isInnermost(_ function: FunctionBuilder, _ what: String, at site: Site) -> Bool {
    if Trace.current === self, frames.count == 1, frames[0].id == function.frame { return true }
    guard let current = Trace.current else { return false }
    let isInBody = current === self && frames.first?.id == function.frame
    current.report(
      isInBody
        ? "an \(what) of `\(frames[0].name)` is declared in the body of a `scan`"
        : "an \(what) of \(frameNames[Int(function.frame)]) is declared outside of it",
      hint: isInBody ? "move it out of the body" : nil, at: site)
    return false
  }
}
