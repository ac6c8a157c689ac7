// What a piece of work costs: time on the clock, time of this process alone, memory.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The cost of one stage.
struct Cost {
  /// Seconds on the clock.
  var wall: Double
  /// Seconds of processor time in user mode, which other programs on the machine hardly change.
  var user: Double
  /// By how many bytes the process was larger at the peak of the work than before it; nil where the system does
  /// not tell.
  var bytes: Int?
}

/// Measures work.
enum Meter {
  /// Runs `work` once.
  static func measure<Result>(_ work: () throws -> Result) rethrows -> (result: Result, cost: Cost) {
    returnFreeMemory()
    let before = Memory.read()
    Memory.resetPeak()
    let user = userSeconds()
    let clock = ContinuousClock()
    let start = clock.now
    let result = try work()
    let duration = start.duration(to: clock.now)
    let cpu = userSeconds() - user
    let after = Memory.read()
    let wall = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    let bytes = before.flatMap { before in after.map { Swift.max($0.peak - before.resident, 0) } }
    return (result, Cost(wall: wall, user: cpu, bytes: bytes))
  }

  private static func userSeconds() -> Double {
    var usage = rusage()
    // 0 is RUSAGE_SELF, whose type differs between C libraries.
    unsafe _ = getrusage(0, &usage)
    return Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) * 1e-6
  }

  /// Gives what the allocator keeps for later back to the system, so that the next stage's growth is its own.
  private static func returnFreeMemory() {
    #if canImport(Glibc)
      // `malloc_trim` of glibc has no declaration in Swift's module: it takes a size_t and gives an int.
      typealias Trim = @convention(c) (Int) -> Int32
      guard let symbol = unsafe dlsym(nil, "malloc_trim") else { return }
      _ = unsafe unsafeBitCast(symbol, to: Trim.self)(0)
    #endif
  }
}

/// The memory of this process, as Linux tells it.
private enum Memory {
  static func read() -> (resident: Int, peak: Int)? {
    guard let file = unsafe fopen("/proc/self/status", "r") else { return nil }
    defer { unsafe _ = fclose(file) }
    var (resident, peak): (Int?, Int?) = (nil, nil)
    while let line = unsafe readLine(file) {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count > 1, let kibibytes = Int(words[1]) else { continue }
      if words[0] == "VmRSS:" { resident = kibibytes << 10 }
      if words[0] == "VmHWM:" { peak = kibibytes << 10 }
    }
    guard let resident, let peak else { return nil }
    return (resident, peak)
  }

  /// Makes the peak what is resident now.
  static func resetPeak() {
    guard let file = unsafe fopen("/proc/self/clear_refs", "w") else { return }
    unsafe fputs("5", file)
    unsafe fclose(file)
  }

  private static func readLine(_ file: UnsafeMutablePointer<FILE>) -> String? {
    var bytes: [UInt8] = []
    while true {
      let byte = unsafe fgetc(file)
      if byte < 0 { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
      if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(UInt8(truncatingIfNeeded: byte))
    }
  }
}

/// Writes a line to the standard error.
func printError(_ message: String) {
  unsafe _ = write(2, Array((message + "\n").utf8), message.utf8.count + 1)
}

/// The arguments are wrong.
struct UsageError: Error, CustomStringConvertible {
  var description: String
}
