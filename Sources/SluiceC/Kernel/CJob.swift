import SluiceIR
import SluicePlan

/// A kernel as a job that threads share: a row of arguments a call, a function that runs a part of a row, and one that
/// says how much there is to do.
struct CJob {
  let printer: CKernelPrinter

  /// The kernel with what belongs to its jobs.
  func add(to kernel: CKernel) -> CKernel {
    let dims = printer.dims
    var cost = CCost(dims.dims)
    let work = cost.cost(printer.tasks?.inside ?? printer.tree.nodes)
    let loops = printer.tasks?.loops ?? []
    let counted = printer.kernel.symbols.filter { symbol in
      cost.dims.symbols(in: work).contains(symbol)
        || loops.contains { loop in
          loop.bounds.contains { dims.dims.symbols(in: $0.constant).contains(symbol) }
        }
    }
    var kernel = kernel
    let own = kernel.symbols
    kernel.symbols = printer.kernel.symbols.filter { own.contains($0) || counted.contains($0) }
    var writer = CWriter()
    row(kernel, &writer)
    part(kernel, own, &writer)
    let workText = CDims(cost.dims, dims.names).expression(work).text
    if printer.use.isTogether { job(kernel, counted, workText, &writer) }
    if printer.use.isAlone { call(kernel, workText, &writer) }
    kernel.text += writer.text
    kernel.isJob = true
    return kernel
  }

  /// The arguments of one call.
  private func row(_ kernel: CKernel, _ writer: inout CWriter) {
    writer.blank()
    writer.comment(["What one call of \(kernel.name) works on."])
    writer.open("typedef struct \(kernel.row)")
    for slot in kernel.slots { writer.line("\(printer.type(slot))\(printer.slotNames[slot]);") }
    for symbol in kernel.symbols { writer.line("ptrdiff_t \(printer.dims.name(symbol));") }
    writer.close("} \(kernel.row);")
  }

  private func part(_ kernel: CKernel, _ symbols: [SymbolID], _ writer: inout CWriter) {
    let names = kernel.slots.map { printer.slotNames[$0] } + symbols.map { printer.dims.name($0) }
    let isDivided = printer.tasks != nil
    writer.blank()
    writer.open(
      "static void \(kernel.name)_part(const void *rows, ptrdiff_t at, ptrdiff_t begin, ptrdiff_t end)")
    writer.line("const \(kernel.row) *const row = (const \(kernel.row) *)rows + at;")
    if !isDivided {
      writer.line("(void)begin;")
      writer.line("(void)end;")
    }
    let arguments = names.map { "row->\($0)" } + (isDivided ? ["begin", "end"] : [])
    writer.line("\(kernel.name)(\(arguments.joined(separator: ", ")));")
    writer.close()
  }

  /// The function for a call alone: its row is no part of the frame of the caller, which makes hundreds of calls.
  private func call(_ kernel: CKernel, _ cost: String, _ writer: inout CWriter) {
    let names = kernel.slots.map { printer.slotNames[$0] } + kernel.symbols.map { printer.dims.name($0) }
    var scope = NameScope(prefix: printer.helpers.prefix, names)
    let (context, row) = (scope.claim("context"), scope.claim("row"))
    let parameters =
      ["const \(printer.helpers.name("context")) *\(context)"]
      + kernel.slots.map { "\(printer.type($0))\(printer.slotNames[$0])" }
      + kernel.symbols.map { "ptrdiff_t \(printer.dims.name($0))" }
    writer.blank()
    writer.line(printer.helpers.macro("NOINLINE"))
    writer.open("static void \(kernel.name)_call(\(parameters.joined(separator: ", ")))")
    writer.line("const \(kernel.row) \(row) = {\(names.joined(separator: ", "))};")
    let job = scope.claim("job")
    declare(job, kernel, "&\(row)", "1", cost, &writer)
    writer.line("\(printer.helpers.use("run_job"))(\(context), \(job));")
    writer.close()
  }

  private func job(_ kernel: CKernel, _ symbols: [SymbolID], _ cost: String, _ writer: inout CWriter) {
    let dims = printer.dims
    var scope = NameScope(prefix: printer.helpers.prefix, symbols.map { dims.name($0) })
    let (rows, rowCount, job) = (scope.claim("rows"), scope.claim("row_count"), scope.claim("job"))
    writer.blank()
    writer.open(
      "static \(printer.helpers.name("job")) \(kernel.name)_job(const \(kernel.row) *\(rows), ptrdiff_t \(rowCount))"
    )
    for symbol in symbols {
      writer.line("const ptrdiff_t \(dims.name(symbol)) = \(rows)->\(dims.name(symbol));")
    }
    declare(job, kernel, rows, rowCount, cost, &writer)
    writer.line("return \(job);")
    writer.close()
  }

  /// Declares a job: what there is to do in all rows.
  private func declare(
    _ name: String, _ kernel: CKernel, _ rows: String, _ rowCount: String, _ cost: String,
    _ writer: inout CWriter
  ) {
    let dims = printer.dims
    var (begin, count, block) = ("0", "1", 1)
    if let tasks = printer.tasks {
      count = CTasks.product(tasks.loops.map { CTasks.count($0, dims) }).text
      if tasks.areIndices { begin = dims.expression(tasks.loops[0].start.constant).text }
      if tasks.loops[0].kind == .vector {
        block = max(16, printer.lanes(tasks.loops[0], tasks.inside).blockLength)
      }
    }
    let members = ["\(kernel.name)_part", rows, rowCount, begin, count, cost, String(block), "0", "0"]
    writer.line(
      "const \(printer.helpers.use("job")) \(name) = {\(members.joined(separator: ", "))};")
  }
}
