import SluiceIR
import SluicePlan

/// Divides the tasks of a kernel: a function that runs one part, and one that calls it for all of them.
struct CDivision {
  let printer: CKernelPrinter
  let tasks: CTasks

  /// The kernel with the functions that divide it; they come first in what callers call.
  func divide(_ kernel: CKernel) -> CKernel {
    let task = kernel.name + "_task"
    let part = kernel.name + "_part"
    let divided = kernel.name + "_divided"
    let dims = printer.dims
    let symbolNames = kernel.symbols.map { dims.name($0) }
    let names = kernel.slots.map { printer.slotNames[$0] } + symbolNames
    var scope = NameScope(prefix: printer.helpers.prefix, names + [printer.range.begin, printer.range.end])
    let chunk = scope.claim("chunk")

    var writer = CWriter()
    writer.blank()
    writer.comment(["What the parts of \(kernel.name) share."])
    writer.open("typedef struct \(task)")
    for slot in kernel.slots { writer.line("\(printer.type(slot))\(printer.slotNames[slot]);") }
    for name in symbolNames + [printer.range.begin, printer.range.end, chunk] {
      writer.line("ptrdiff_t \(name);")
    }
    writer.close("} \(task);")
    writer.blank()

    writer.open("static void \(part)(void *argument, int64_t index)")
    writer.line("const \(task) *const task = (const \(task) *)argument;")
    writer.line("const ptrdiff_t begin = task->\(printer.range.begin) + (ptrdiff_t)index * task->\(chunk);")
    writer.line("const ptrdiff_t rest = task->\(printer.range.end) - begin;")
    writer.line("const ptrdiff_t end = begin + (rest < task->\(chunk) ? rest : task->\(chunk));")
    writer.line(
      "\(kernel.name)(\((names.map { "task->\($0)" } + ["begin", "end"]).joined(separator: ", ")));")
    writer.close()
    writer.blank()

    var cost = CCost(dims.dims)
    let work = cost.cost(tasks.inside)
    let workDims = CDims(cost.dims, dims.names)
    let symbols = printer.kernel.symbols.filter { symbol in
      kernel.symbols.contains(symbol) || cost.dims.symbols(in: work).contains(symbol)
        || tasks.loops.contains { loop in
          loop.bounds.contains { dims.dims.symbols(in: $0.constant).contains(symbol) }
        }
    }
    let context = scope.claim("context")
    let counter = scope.claim("count")
    let shared = scope.claim("task")
    let loop = tasks.loops[0]
    let start = dims.expression(loop.start.constant)
    let (begin, end) =
      tasks.areIndices ? (start.text, dims.expression(loop.end.constant)) : ("0", CExpression(counter))
    let count =
      !tasks.areIndices
      ? CTasks.product(tasks.loops.map { CTasks.count($0, dims) }).text
      : begin == "0" ? end.text : "\(end.text) - \(start.text(atLeast: .multiplicative))"
    let lanes = printer.lanes(loop, tasks.inside)
    let block = loop.kind == .vector ? max(16, lanes.blockLength) : 1

    let parameters =
      ["const \(printer.helpers.name("context")) *\(context)"] + kernel.slots.map(printer.parameter)
      + symbols.map { "ptrdiff_t \(dims.name($0))" }
    writer.comment(["Runs \(kernel.name) in parts where there is enough to do."])
    writer.open("static void \(divided)(\(parameters.joined(separator: ", ")))")
    writer.line("const ptrdiff_t \(counter) = \(count);")
    if !tasks.areIndices {
      writer.open("if (\(counter) == 0)")
      writer.line("return;")
      writer.close()
    }
    writer.line(
      "const ptrdiff_t \(chunk) = \(printer.helpers.use("chunk"))(\(counter), \(workDims.expression(work).text), \(block));"
    )
    writer.open("if (\(context)->parallel_for == NULL || \(chunk) >= \(counter))")
    writer.line("\(kernel.name)(\((names + [begin, end.text]).joined(separator: ", ")));")
    writer.line("return;")
    writer.close()
    writer.line("\(task) \(shared);")
    for name in names { writer.line("\(shared).\(name) = \(name);") }
    writer.line("\(shared).\(printer.range.begin) = \(begin);")
    writer.line("\(shared).\(printer.range.end) = \(end.text);")
    writer.line("\(shared).\(chunk) = \(chunk);")
    writer.line(
      "\(context)->parallel_for(\(context)->user, (\(counter) - 1) / \(chunk) + 1, \(part), &\(shared));")
    writer.close()
    return CKernel(
      name: divided, text: kernel.text + writer.text, slots: kernel.slots, symbols: symbols, isDivided: true)
  }
}
