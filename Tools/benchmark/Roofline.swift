// Where the time of a row goes: kernel by kernel, beside what the machine could do.

import SluiceC
import SluicePlan

/// The kernels of a row with their times, and the limits that hold for them.
struct Roofline {
  /// What one kernel, or several that ran together, did in one call of the function.
  struct Row {
    /// The names of the kernels.
    var name: String
    /// How often it ran.
    var runs: Double
    /// For how many seconds.
    var seconds: Double
    /// Two a fused multiply-add.
    var flops: Double
    /// Bytes moved, as `PlanCount` counts them.
    var bytes: Double

    /// How much of the time the slower of arithmetic and memory needs at its limit; above 1 where caches are faster
    /// than memory.
    func share(peak: Double, read: Double) -> Double {
      seconds > 0 ? Swift.max(flops / peak, bytes / read) / seconds : 0
    }
  }

  /// The kernels, those that take longest first.
  private(set) var rows: [Row] = []

  /// Times the steps of a row whose model was made to be measured; `calls` calls ran since that began.
  init(_ subject: Subject, _ model: CompiledModel, calls: Int) throws {
    guard let function = subject.plan.function(subject.workload.function) else { return }
    var count = subject.count
    var positions: [String: Int] = [:]
    var step = 0
    let times = try model.stepTimes(function.name)
    while step < function.steps.count {
      let time = times[step]
      var row = Row(name: "", runs: Double(time.runs), seconds: time.seconds, flops: 0, bytes: 0)
      var names: [String] = []
      func add(_ step: Step) -> Bool {
        guard case .call(let kernel, let arguments) = step else { return false }
        let work = count.work(kernel, arguments)
        row.flops += work.flops * row.runs
        row.bytes += work.bytes * row.runs
        let name = subject.plan.kernelName(kernel)
        if !names.contains(name) { names.append(name) }
        return true
      }
      let begin = step
      if case .together = function.steps[step] {
        step += 1
        while add(function.steps[step]) { step += 1 }
      } else if !add(function.steps[begin]) {
        step += 1
        continue
      }
      step += 1
      row.name = names.joined(separator: ", ")
      if let position = positions[row.name] {
        rows[position].runs += row.runs
        rows[position].seconds += row.seconds
        rows[position].flops += row.flops
        rows[position].bytes += row.bytes
      } else {
        positions[row.name] = rows.count
        rows.append(row)
      }
    }
    for row in rows.indices {
      rows[row].runs /= Double(calls)
      rows[row].seconds /= Double(calls)
      rows[row].flops /= Double(calls)
      rows[row].bytes /= Double(calls)
    }
    rows = rows.filter { $0.runs > 0 }.sorted { $0.seconds > $1.seconds }
  }

  /// The rows as text: milliseconds, their share, runs, GFLOP/s, GB/s and the share of the limit.
  func text(peak: Double, read: Double) -> String {
    let all = rows.reduce(0) { $0 + $1.seconds }
    var text =
      "ms".led(12) + "of all".led(8) + "runs".led(7) + "GFLOP/s".led(9) + "GB/s".led(8) + "limit".led(8)
      + "  kernel\n"
    for row in rows {
      text += number(row.seconds * 1e3, 4).led(12) + (number(row.seconds / all * 100, 1) + "%").led(8)
      text += number(row.runs, row.runs == row.runs.rounded() ? 0 : 1).led(7)
      text += (row.flops > 0 ? number(row.flops / row.seconds / 1e9, 1) : "").led(9)
      text += number(row.bytes / row.seconds / 1e9, 1).led(8)
      text += (number(row.share(peak: peak, read: read) * 100, 0) + "%").led(8) + "  \(row.name)\n"
    }
    return text
  }

  /// The rows as lines of JSON.
  func json(_ subject: Subject, threads: Int, peak: Double, read: Double) -> [String] {
    rows.map { row in
      jsonLine([
        ("row", subject.workload.name.quoted), ("threads", "\(threads)"), ("kernel", row.name.quoted),
        ("ms", number(row.seconds * 1e3, 6)), ("runs", number(row.runs, 2)), ("flop", number(row.flops, 0)),
        ("bytes_moved", number(row.bytes, 0)), ("limit_share", number(row.share(peak: peak, read: read), 4)),
      ])
    }
  }
}
