import SluiceIR
import SluicePlan

// The steps of a function: calls of kernels, loops and branches.
extension CEntry {
  /// What is open where a step stands.
  private enum Block {
    case loop(SymbolID, outer: String?)
    case together, other
  }

  /// A call: its kernel and the number of its step.
  typealias Call = (kernel: CKernel, step: Int)

  mutating func printSteps(_ steps: Range<Int>, _ writer: inout CWriter) {
    var opened: [Block] = []
    /// The calls of the `together` that is open.
    var waiting: [Call] = []
    var scopes = model.plan.module.name
    var runs = (repetition == nil ? CRun.runs(function) : [])[...]
    var next = steps.lowerBound
    while next < steps.upperBound {
      let position = next
      if let run = runs.first, run.start == position {
        runs.removeFirst()
        printRun(run, &writer)
        next = run.end
        continue
      }
      next += 1
      switch function.steps[position] {
      case .call(let kernel, _):
        let call = (kernel: kernels[kernel.index], step: position)
        if case .together? = opened.last {
          waiting.append(call)
        } else {
          printScopes(position..<position + 1, &scopes, &writer)
          printStep(position, &writer)
          printCall(call, &writer)
        }
      case .together: opened.append(.together)
      case .loop(let counter, let count, let reverse):
        opened.append(.loop(counter, outer: symbolNames[counter]))
        openLoop(counter, count, reverse, &writer)
      case .forever:
        opened.append(.other)
        writer.open("for (;;)")
      case .leave(let flag):
        writer.open("if (\(element(flag)) == 0)")
        writer.line("break;")
        writer.close()
      case .branch(let flag):
        opened.append(.other)
        writer.open("if (\(element(flag)) != 0)")
      case .otherwise:
        writer.close("} else {")
        writer.depth += 1
      case .end:
        guard let block = opened.popLast() else { preconditionFailure("an end without a loop") }
        switch block {
        case .together:
          printScopes(position - waiting.count..<position, &scopes, &writer)
          printStep(position - waiting.count - 1, &writer)
          printTogether(waiting, &writer)
          waiting.removeAll()
          continue
        case .loop(let counter, let outer):
          symbolNames[counter] = outer
          dims = CDims(model.tables.dims, symbolNames)
        case .other: break
        }
        writer.close()
      }
    }
    precondition(opened.isEmpty, "a loop of `@\(function.name)` has no end")
  }

  private mutating func openLoop(
    _ counter: SymbolID, _ count: DimID, _ reverse: Bool, _ writer: inout CWriter
  ) {
    let end = expression(count)
    let name = scope.claim(model.tables.strings[dims.dims.symbols[counter.index].name])
    symbolNames[counter] = name
    dims = CDims(model.tables.dims, symbolNames)
    writer.open(
      reverse
        ? "for (ptrdiff_t \(name) = \(end.text) - 1; \(name) >= 0; --\(name))"
        : "for (ptrdiff_t \(name) = 0; \(name) < \(end.text); ++\(name))")
  }

  /// Notes when a step begins, where times are measured.
  private func printStep(_ step: Int, _ writer: inout CWriter) {
    let number = String(firstStep + step)
    let own = repetition.map { "\(number) + \($0.counter) * \($0.period)" } ?? number
    writer.line("\(model.helpers.macro("STEP"))(\(own));")
  }

  /// Says which scopes steps belong to, where that changes.
  private func printScopes(_ steps: Range<Int>, _ last: inout String, _ writer: inout CWriter) {
    let all = repetition.map { repetition in
      (0..<repetition.count).flatMap { time in steps.map { $0 + time * repetition.period } }
    }
    let scopes = function.scopes(ofSteps: all ?? Array(steps), model.tables)
    if !scopes.isEmpty, scopes != last { writer.comment([scopes]) }
    last = scopes
  }

  // MARK: Calls

  /// The arguments of the call of a step.
  func arguments(_ step: Int) -> [Argument] {
    guard case .call(_, let arguments) = function.steps[step] else { preconditionFailure("no call") }
    return arguments
  }

  private mutating func printCall(_ call: Call, _ writer: inout CWriter) {
    let kernel = call.kernel
    let list = list(call)
    if kernel.isJob {
      return writer.line("\(kernel.name)_call(\((["context"] + list).joined(separator: ", ")));")
    }
    guard kernel.takesSizes else {
      return writer.line("\(kernel.name)(\(list.joined(separator: ", ")));")
    }
    let tensors = list.dropLast(kernel.symbols.count)
    let sizes = list.suffix(kernel.symbols.count)
    writer.openBlock()
    writer.line("const ptrdiff_t sizes[\(sizes.count)] = {\(sizes.joined(separator: ", "))};")
    writer.line("\(kernel.name)(\((tensors + ["sizes"]).joined(separator: ", ")));")
    writer.close()
  }

  /// Calls that run together, in tables with a row a call, one table a kernel.
  private mutating func printTogether(_ calls: [Call], _ writer: inout CWriter) {
    // What has too many sizes for a row comes first.
    for call in calls where !call.kernel.isJob { printCall(call, &writer) }
    var tables: [[Call]] = []
    for call in calls where call.kernel.isJob {
      if let table = tables.firstIndex(where: { $0[0].kernel.name == call.kernel.name }) {
        tables[table].append(call)
      } else {
        tables.append([call])
      }
    }
    if tables.isEmpty { return }
    writer.openBlock()
    scope.open()
    var jobs: [String] = []
    for calls in tables {
      let name = scope.claim("rows")
      printRows(calls, name, &writer)
      jobs.append("\(calls[0].kernel.name)_job(\(name), \(calls.count))")
    }
    if jobs.count == 1 {
      writer.line("\(model.helpers.use("run_job"))(context, \(jobs[0]));")
    } else {
      let name = scope.claim("jobs")
      writer.line("\(model.helpers.name("job")) \(name)[\(jobs.count)] = {\(jobs.joined(separator: ", "))};")
      writer.line("\(model.helpers.use("run_jobs"))(context, \(name), \(jobs.count));")
    }
    scope.close()
    writer.close()
  }

  /// The rows of arguments of calls of one kernel.
  private mutating func printRows(_ calls: [Call], _ name: String, _ writer: inout CWriter) {
    let kernel = calls[0].kernel
    if let repetition = repetition(ofCalls: calls.map(\.step)) {
      self.repetition = repetition
      let list = list(calls[0])
      printPlaces(&writer)
      self.repetition = nil
      let (row, counter) = (scope.claim("row"), repetition.counter)
      writer.line("\(kernel.row) \(name)[\(calls.count)];")
      writer.open("for (ptrdiff_t \(counter) = 0; \(counter) < \(calls.count); ++\(counter))")
      writer.line("const \(kernel.row) \(row) = {\(list.joined(separator: ", "))};")
      writer.line("\(name)[\(counter)] = \(row);")
      return writer.close()
    }
    let rows = calls.map { "{\(list($0).joined(separator: ", "))}" }
    writer.line("const \(kernel.row) \(name)[\(calls.count)] = {\(rows.joined(separator: ", "))};")
  }

  /// The arguments of a call: pointers, then sizes.
  private mutating func list(_ call: Call) -> [String] {
    let (kernel, arguments) = (call.kernel, arguments(call.step))
    var list: [String] = []
    for slot in kernel.slots {
      let pointer = pointer(call.step, slot)
      if dims.dims.value(arguments[slot].offset) == 0 {
        list.append(pointer)
      } else {
        list.append(CDims.sum([(false, CExpression(pointer))] + terms(arguments[slot].offset)).text)
      }
    }
    usedSymbols.formUnion(kernel.symbols)
    return list + kernel.symbols.map { dims.name($0) }
  }

  /// One element of a buffer.
  private mutating func element(_ argument: Argument) -> String {
    var pointer = pointer(argument.buffer.index)
    if pointer.contains(" ") || pointer.hasPrefix("&") { pointer = "(\(pointer))" }
    if dims.dims.value(argument.offset) == 0 { return "*\(pointer)" }
    return "\(pointer)[\(expression(argument.offset).text)]"
  }

  private mutating func terms(_ dim: DimID) -> [(isNegative: Bool, term: CExpression)] {
    usedSymbols.formUnion(dims.dims.symbols(in: dim))
    return dims.terms(dim)
  }
}
