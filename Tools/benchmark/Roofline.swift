// Where the time of a row goes: kernel by kernel, beside what the machine could do.

import SluiceC
import SluicePlan

/// The kernels of a row with their times, and the limits that hold for them.
struct Roofline {
  /// The kernels, those that take longest first.
  private let rows: [Profile.Row]

  /// Times the steps of a row whose model was made to be measured; `calls` calls ran since that began.
  init(_ subject: Subject, _ model: CompiledModel, calls: Int) throws {
    guard let function = subject.plan.function(subject.workload.function) else {
      rows = []
      return
    }
    let times = try model.stepTimes(function.name)
    rows = Profile(subject.plan, function, subject.sizes, times, calls: calls).rows(by: .kernel)
  }

  /// How much of the time the slower of arithmetic and memory needs at its limit; above 1 where caches are faster
  /// than memory.
  private func share(_ row: Profile.Row, peak: Double, read: Double) -> Double {
    row.seconds > 0 ? max(row.flops / peak, row.bytes / read) / row.seconds : 0
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
      text += (number(share(row, peak: peak, read: read) * 100, 0) + "%").led(8) + "  \(row.name)\n"
    }
    return text
  }

  /// The rows as lines of JSON.
  func json(_ subject: Subject, threads: Int, peak: Double, read: Double) -> [String] {
    rows.map { row in
      jsonLine([
        ("row", subject.workload.name.quoted), ("threads", "\(threads)"), ("kernel", row.name.quoted),
        ("ms", number(row.seconds * 1e3, 6)), ("runs", number(row.runs, 2)), ("flop", number(row.flops, 0)),
        ("bytes_moved", number(row.bytes, 0)), ("limit_share", number(share(row, peak: peak, read: read), 4)),
      ])
    }
  }
}
