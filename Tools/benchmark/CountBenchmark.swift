// `bench count`: what plans do, counted and not timed: kernel calls, bytes moved, arenas.

import Foundation
import SluicePlan

/// Counts the plans of rows.
struct CountBenchmark {
  static let usage = """
    usage: Tools/bench count [ROW...] [options]

    Plans rows and counts, without compiling C or running anything; without a ROW the rows of models.

    \(RowOptions.help)
      --kernels           lists also the kernels of every row, those that move most bytes first: calls, megabytes, name

    Columns: kernel calls of one call of the function; those of one layer or block (the difference to a model with one
    more, which `--part` asks for a model that is named); megabytes (10^6) that kernels move: every call of a kernel loads and
    stores each element of its operands once, however often it comes back to it; the arena, its lower bound (the most
    that is alive at once) and their ratio; operations of contractions, two a multiply-add, as the model says them
    (masked scores too, zeros between strides not); seconds to trace or read the model, to optimise, plan and check it, to print the C; its size.

    The rows (* are what `run` takes):
    \(RowOptions.rows)
    """

  private var options = RowOptions()
  private var listsKernels = false

  init(_ words: [String]) throws {
    var words = words[...]
    while let word = words.popFirst() {
      if word == "--help" || word == "-h" {
        print(Self.usage)
        exit(0)
      }
      if word == "--kernels" {
        listsKernels = true
        continue
      }
      guard try options.take(word, &words) else {
        throw UsageError(description: "unknown argument `\(word)`; see Tools/bench count --help")
      }
    }
  }

  func run() throws {
    if options.lists { return print(RowOptions.rows) }
    let workloads = try options.workloads(usual: Workload.all.filter { $0.part != nil })
    if !options.isJSON {
      print(
        "row".padded(20) + "calls".led(8) + "of a part".led(16) + "MB moved".led(11) + "arena MB".led(10)
          + "bound".led(9) + "ratio".led(7) + "GFLOP".led(9) + "trace s".led(9) + "plan s".led(8)
          + "print s".led(9)
          + "C KB".led(7))
    }
    for workload in workloads {
      let row = try Subject(workload)
      show(row)
      if listsKernels { showKernels(row) }
      fflush(nil)
    }
  }

  private func showKernels(_ row: Subject) {
    let parts = row.count.parts.enumerated().filter { $0.element.calls > 0 }
    for (kernel, part) in parts.sorted(by: { ($1.element.bytes, $0.offset) < ($0.element.bytes, $1.offset) })
    {
      let name = row.plan.kernels[kernel].name
      if options.isJSON {
        let fields = [
          ("row", row.workload.name.quoted), ("kernel", name.quoted), ("calls", number(part.calls, 0)),
          ("bytes_moved", number(part.bytes, 0)),
        ]
        print(jsonLine(fields))
      } else {
        print(number(part.calls, 0).led(28) + number(part.bytes / 1e6, 2).led(11 + 16) + "  " + name)
      }
    }
  }

  private func show(_ row: Subject) {
    if options.isJSON { return print(jsonLine(row.fields)) }
    let part = row.workload.part.flatMap { part in
      row.partCalls.map { "\(number($0, $0 == $0.rounded() ? 0 : 1)) a \(part.name)" }
    }
    print(
      row.workload.name.padded(20) + "\(row.count.calls)".led(8) + (part ?? "").led(16)
        + number(row.count.bytes / 1e6, 1).led(11) + number(Double(row.arena.bytes) / 1e6, 2).led(10)
        + number(Double(row.arena.bound) / 1e6, 2).led(9)
        + (row.arena.bound > 0 ? number(Double(row.arena.bytes) / Double(row.arena.bound), 3) : "").led(7)
        + number(row.flops / 1e9, 2).led(9) + number(row.seconds.trace, 2).led(9)
        + number(row.seconds.plan, 2).led(8)
        + number(row.seconds.print, 2).led(9) + number(Double(row.sourceBytes) / 1e3, 0).led(7))
  }
}

extension Subject {
  /// What was counted, as members of a JSON object.
  var fields: [(String, String?)] {
    [
      ("row", workload.name.quoted), ("function", workload.function.quoted),
      ("kernel_calls", "\(count.calls)"),
      ("part", workload.part?.name.quoted), ("kernel_calls_of_part", partCalls.map { number($0, 2) }),
      ("bytes_moved", number(count.bytes, 0)), ("arena_bytes", "\(arena.bytes)"),
      ("arena_bound_bytes", "\(arena.bound)"), ("flop", number(flops, 0)),
      ("trace_s", number(seconds.trace, 4)),
      ("plan_s", number(seconds.plan, 4)), ("print_s", number(seconds.print, 4)),
      ("c_bytes", "\(sourceBytes)"),
    ]
  }
}

/// A number with so many digits behind the point.
func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
