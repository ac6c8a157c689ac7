// `bench run`: times functions of compiled models, and tells what they cost.

import Foundation
import SluiceC
import SluicePlan

/// Times rows.
struct RunBenchmark {
  static let usage = """
    usage: Tools/bench run [ROW...] [options]

    Compiles functions of models to C, loads them and times their calls with one and with two threads. Without a ROW it
    takes those marked * below, which is a matter of minutes; --all takes all. Parameters and inputs are random numbers of
    the size that the model's initializers say.

    \(RowOptions.help)
      --all               all rows
      --threads N,...     numbers of threads; 1,2 (or 1 on a machine with one core)
      --cc COMPILER       the C compiler, such as gcc; else what SLUICE_CC names, or the clang beside swift
      --flags FLAGS       its optimisation; "-O3 -march=native"
      --seconds S         how long each row is timed with each number of threads, warming up apart; 1
      --samples N         how many calls at least; 5
      --cached            takes libraries that were compiled before, and leaves out how long that took
      --keep FOLDER       leaves the C there
      --roofline          also the time of every kernel, measured in the C, beside the limits of the machine
      --serve             for `peers`: one row; times it when asked on the standard input

    Columns: the median of the calls and the least, in ms (of calls of a few microseconds many make a sample); GFLOP/s:
    operations of contractions, two a multiply-add, as the model says them; their share of the peak of fused
    multiply-adds, which is measured with as many threads right before and right after the row; GB/s: bytes that kernels
    move by the median. Then kernel calls, megabytes moved and the arena, as `Tools/bench count --help` says; seconds of
    our compiler (trace or read, optimise, plan, check, print) and of the C compiler; kilobytes (10^3) of C. The last
    lines tell the peak and how fast memory is read and copied (read and written bytes added), measured with 1 GiB.

    With --roofline follow the kernels of the row, those that take longest first: ms of a call, their share, runs,
    GFLOP/s of fused multiply-adds, GB/s moved, and the share of the limit: what the slower of arithmetic and memory needs
    at least, by the time. It is above 100 % where caches hold what is moved.

    Other programs on the machine change the figures: it must be idle.

    The rows:
    \(RowOptions.rows)
    """

  private var options = RowOptions()
  private var isAll = false
  private var threads = ProcessInfo.processInfo.activeProcessorCount > 1 ? [1, 2] : [1]
  private var compiler: CCompiler?
  private var flags: [String]?
  private var seconds = 1.0
  private var least = 5
  private var isCached = false
  private var keep: String?
  private var serves = false
  private var isRoofline = false

  init(_ words: [String]) throws {
    var words = words[...]
    while let word = words.popFirst() {
      switch word {
      case "--all": isAll = true
      case "--threads":
        let text = try RowOptions.value(word, &words)
        threads = try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
          guard let count = Int(part), (1...64).contains(count) else {
            throw UsageError(description: "`--threads` takes numbers from 1 to 64 with commas, got `\(text)`")
          }
          return count
        }
      case "--cc": compiler = try CCompiler(RowOptions.value(word, &words))
      case "--flags": flags = try RowOptions.value(word, &words).split(separator: " ").map(String.init)
      case "--seconds":
        let text = try RowOptions.value(word, &words)
        guard let number = Double(text), number >= 0, number <= 3600 else {
          throw UsageError(description: "`--seconds` takes a number from 0 to 3600, got `\(text)`")
        }
        seconds = number
      case "--samples":
        let text = try RowOptions.value(word, &words)
        guard let number = Int(text), (1...1_000_000).contains(number) else {
          throw UsageError(description: "`--samples` takes a number from 1 to 1000000, got `\(text)`")
        }
        least = number
      case "--cached": isCached = true
      case "--keep": keep = try RowOptions.value(word, &words)
      case "--serve": serves = true
      case "--roofline": isRoofline = true
      case "--help", "-h":
        print(Self.usage)
        exit(0)
      default:
        guard try options.take(word, &words) else {
          throw UsageError(description: "unknown argument `\(word)`; see Tools/bench run --help")
        }
      }
    }
  }

  func run() throws {
    if options.lists { return print(RowOptions.rows) }
    let workloads = try options.workloads(usual: Workload.all.filter { isAll || $0.isUsual })
    guard !serves || workloads.count == 1 else { throw UsageError(description: "`--serve` takes one row") }
    let compiler = try compiler ?? CCompiler.find()
    // The compiler's usual flags, with the level that others are compiled with.
    let flags = flags ?? compiler.optimisationFlags.map { $0.hasPrefix("-O") ? "-O3" : $0 }
    let folder = NSTemporaryDirectory() + "sluice-bench-" + System.uniqueName
    guard System.makePrivateFolder(folder) else {
      throw BenchmarkError(description: "the folder `\(folder)` cannot be made")
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let peak = try Peak(compiler, flags, folder: folder)
    var settings = CompiledModel.Options()
    (settings.compiler, settings.optimisation) = (compiler, flags)
    settings.threads = threads.max() ?? 1
    settings.profiles = isRoofline
    settings.cache = isCached ? nil : folder
    if serves { return try serve(Subject(workloads[0]), settings, peak) }
    if !options.isJSON { header() }
    var best = [Double](repeating: 0, count: threads.count)
    let memory = isRoofline ? try threads.map { try peak.memory(threads: $0) } : []
    for workload in workloads {
      let row = try Subject(workload)
      let model = try row.compiled(settings)
      try write(model.source, of: row)
      let timing = try row.timing(of: model)
      for (position, count) in threads.enumerated() {
        let before = try peak.flops(threads: count)
        try timing.begin(threads: count)
        let samples = try timing.run(seconds: seconds, least: least)
        let limit = Swift.max(before, try peak.flops(threads: count))
        best[position] = Swift.max(best[position], limit)
        show(
          Result(
            threads: count, median: samples.median, least: samples.min() ?? 0, samples: samples.count,
            peak: limit,
            compiler: model.compileDuration?.seconds, isFirst: position == 0), row, compiler, flags)
        if isRoofline { try showKernels(row, model, timing, count, limit, memory[position].read) }
      }
      try model.setThreads(1)
    }
    for (count, flops) in zip(threads, best) { show(try peak.memory(threads: count), flops, count) }
  }

  /// What was measured of a row with some number of threads.
  private struct Result {
    var threads: Int
    var median: Double
    var least: Double
    var samples: Int
    var peak: Double
    var compiler: Double?
    var isFirst: Bool
  }

  /// Measures the kernels of a row, apart from the row: the clock costs something too.
  private func showKernels(
    _ row: Subject, _ model: CompiledModel, _ timing: Timing, _ threads: Int, _ peak: Double, _ read: Double
  ) throws {
    try model.beginProfile()
    let calls = try timing.run(seconds: seconds, least: least).count * timing.batch
    let roofline = try Roofline(row, model, calls: calls)
    if options.isJSON {
      for line in roofline.json(row, threads: threads, peak: peak, read: read) { print(line) }
    } else {
      print(roofline.text(peak: peak, read: read))
    }
  }

  private func write(_ source: String, of row: Subject) throws {
    guard let keep else { return }
    try FileManager.default.createDirectory(atPath: keep, withIntermediateDirectories: true)
    let name = row.workload.name.replacing("/", with: "-")
    try Data(source.utf8).write(to: URL(fileURLWithPath: "\(keep)/\(name).c"))
  }

  // MARK: Serving

  /// Answers lines on the standard input, each by a line of JSON: `begin THREADS`, `time SECONDS LEAST`.
  private func serve(_ row: Subject, _ settings: CompiledModel.Options, _ peak: Peak) throws {
    let timing = try row.timing(of: row.compiled(settings))
    print(jsonLine(row.fields))
    fflush(nil)
    while let line = readLine() {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "begin", let count = Int(words[1]),
        (1...settings.threads).contains(count)
      {
        let flops = try peak.flops(threads: count)
        try timing.begin(threads: count)
        print(jsonLine([("peak_flops", number(flops, 0))]))
      } else if words.count == 3, words[0] == "time", let seconds = Double(words[1]),
        let least = Int(words[2])
      {
        let samples = try timing.run(seconds: seconds, least: Swift.max(least, 1))
        print("{\"seconds\": [" + samples.map { number($0, 9) }.joined(separator: ", ") + "]}")
      } else {
        throw UsageError(description: "`\(line)` is neither `begin THREADS` nor `time SECONDS LEAST`")
      }
      fflush(nil)
    }
  }

  // MARK: Output

  private func header() {
    print(
      "row".padded(20) + "thr".led(4) + "ms".led(11) + "least".led(11) + "GFLOP/s".led(9) + "peak".led(7)
        + "GB/s".led(7)
        + "calls".led(8) + "MB moved".led(10) + "arena MB".led(10) + "ours s".led(8) + "cc s".led(7)
        + "C KB".led(7))
  }

  private func show(_ result: Result, _ row: Subject, _ compiler: CCompiler, _ flags: [String]) {
    let gflops = row.flops / result.median / 1e9
    let share = row.flops / result.median / result.peak
    let bandwidth = row.count.bytes / result.median / 1e9
    let ours = row.seconds.trace + row.seconds.plan + row.seconds.print
    if options.isJSON {
      print(
        jsonLine(
          row.fields + [
            ("threads", "\(result.threads)"), ("ms", number(result.median * 1e3, 6)),
            ("least_ms", number(result.least * 1e3, 6)), ("samples", "\(result.samples)"),
            ("gflops", row.flops > 0 ? number(gflops, 3) : nil),
            ("peak_gflops", number(result.peak / 1e9, 3)),
            ("peak_share", row.flops > 0 ? number(share, 4) : nil), ("gbytes_per_s", number(bandwidth, 3)),
            ("cc", compiler.path.quoted), ("cc_flags", flags.joined(separator: " ").quoted),
            ("cc_s", result.compiler.map { number($0, 3) }),
          ]))
    } else {
      var line =
        (result.isFirst ? row.workload.name : "").padded(20) + "\(result.threads)".led(4)
        + short(result.median * 1e3).led(11) + short(result.least * 1e3).led(11)
        + (row.flops > 0 ? number(gflops, 1) : "").led(9)
        + (row.flops > 0 ? number(share * 100, 1) + "%" : "").led(7)
        + number(bandwidth, 1).led(7)
      if result.isFirst {
        line +=
          "\(row.count.calls)".led(8) + number(row.count.bytes / 1e6, 2).led(10)
          + number(Double(row.arena.bytes) / 1e6, 2).led(10) + number(ours, 2).led(8)
          + (result.compiler.map { number($0, 1) } ?? "").led(7)
          + number(Double(row.sourceBytes) / 1e3, 0).led(7)
      }
      print(line)
    }
    fflush(nil)
  }

  private func show(_ memory: Peak.Memory, _ flops: Double, _ threads: Int) {
    if options.isJSON {
      print(
        jsonLine([
          ("limits", "true"), ("threads", "\(threads)"), ("peak_gflops", number(flops / 1e9, 3)),
          ("read_gbytes_per_s", number(memory.read / 1e9, 3)),
          ("copy_gbytes_per_s", number(memory.copy / 1e9, 3)),
        ]))
    } else {
      print(
        "\(threads) thread\(threads == 1 ? "" : "s"): peak \(number(flops / 1e9, 1)) GFLOP/s, memory read "
          + "\(number(memory.read / 1e9, 1)) GB/s, copied \(number(memory.copy / 1e9, 1)) GB/s")
    }
  }

  /// Four digits that count.
  private func short(_ value: Double) -> String {
    value >= 1000
      ? number(value, 0) : value >= 100 ? number(value, 1) : value >= 1 ? number(value, 2) : number(value, 5)
  }
}
