import SluicePlan

/// The functions of a loaded model that Swift calls, and its threads.
@safe final class ModelCode {
  private typealias Call =
    @convention(c) (
      UnsafeRawPointer?, Int32, UnsafePointer<Int64>?, UnsafePointer<UnsafeRawPointer?>?,
      UnsafePointer<UnsafeMutableRawPointer?>?
    ) -> Int32
  private typealias Profile = @convention(c) (@convention(c) () -> Int64) -> Void
  private typealias StepTimes =
    @convention(c) (Int32, UnsafeMutablePointer<Int32>) -> UnsafePointer<Int64>?
  private typealias PoolStart = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Int32
  private typealias PoolStop = @convention(c) (UnsafeMutableRawPointer?) -> Void
  private typealias PoolBytes = @convention(c) () -> Int

  /// Keeps the code in memory.
  private let library: SharedLibrary
  private let function: Call
  private let threads: Threads?
  /// A context: six words, in the order of the struct in the header.
  private let context: MemoryBlock

  /// The pool of code that was compiled with one.
  @safe private final class Threads {
    /// Keeps the code in memory until the threads have ended.
    let library: SharedLibrary
    let start: PoolStart
    let stop: PoolStop
    let parallelFor: UnsafeMutableRawPointer
    let pool: MemoryBlock
    /// How many threads there are, the calling one included: with one, no pool runs.
    var count = 1

    init(_ library: SharedLibrary, prefix: String) throws {
      self.library = library
      let bytes = unsafe unsafeBitCast(try library.address(of: prefix + "pool_bytes"), to: PoolBytes.self)
      unsafe start = unsafe unsafeBitCast(
        try library.address(of: prefix + "pool_start"), to: PoolStart.self)
      unsafe stop = unsafe unsafeBitCast(try library.address(of: prefix + "pool_stop"), to: PoolStop.self)
      unsafe parallelFor = unsafe try library.address(of: prefix + "pool_parallel_for")
      pool = try MemoryBlock(bytes())
    }

    func set(_ wanted: Int) throws(CompileError) {
      if wanted == count { return }
      if count > 1 { unsafe stop(pool.start) }
      count = 1
      guard wanted > 1 else { return }
      guard unsafe start(pool.start, Int32(clamping: wanted)) > 0 else {
        throw CompileError(.load, "the system gives no threads")
      }
      count = wanted
    }

    deinit { if count > 1 { unsafe stop(pool.start) } }
  }

  /// Finds the functions whose names begin with `prefix`, and starts threads.
  init(_ library: SharedLibrary, prefix: String, threads: Int) throws {
    self.library = library
    context = try MemoryBlock(48)
    unsafe function = unsafe unsafeBitCast(try library.address(of: prefix + "call"), to: Call.self)
    self.threads = threads > 1 ? try Threads(library, prefix: prefix) : nil
    try self.threads?.set(threads)
  }

  /// Shares the work among so many threads, where the code was compiled for threads.
  func setThreads(_ count: Int) throws(CompileError) { try threads?.set(max(count, 1)) }

  /// Measures the steps of all functions from now on, in nanoseconds; the code must have been compiled to do that.
  func beginProfile(prefix: String) throws {
    let begin = unsafe unsafeBitCast(try library.address(of: prefix + "profile"), to: Profile.self)
    begin { System.nanoseconds }
  }

  /// How often each step of a function ran, and for how many nanoseconds.
  func stepTimes(prefix: String, function: Int) throws -> [StepTime] {
    let times = unsafe unsafeBitCast(try library.address(of: prefix + "step_times"), to: StepTimes.self)
    var count: Int32 = 0
    guard let rows = unsafe times(Int32(function), &count) else { return [] }
    return (0..<Int(count)).map { row in
      unsafe StepTime(runs: Int(rows[2 * row]), seconds: Double(rows[2 * row + 1]) * 1e-9)
    }
  }

  /// Calls a function by its number; its status.
  func call(
    _ number: Int, _ dims: [Int64], _ inputs: [[UInt8]], _ outputs: [MemoryBlock], parameters: MemoryBlock,
    state: MemoryBlock, arena: MemoryBlock
  ) -> Int32 {
    let words = unsafe context.start.assumingMemoryBound(to: UInt.self)
    unsafe words[0] = UInt(bitPattern: parameters.start)
    unsafe words[1] = UInt(bitPattern: state.start)
    unsafe words[2] = UInt(bitPattern: arena.start)
    unsafe words[3] = UInt(arena.byteCount)
    let running = threads.flatMap { $0.count > 1 ? $0 : nil }
    unsafe words[4] = running.map { unsafe UInt(bitPattern: $0.parallelFor) } ?? 0
    unsafe words[5] = running.map { unsafe UInt(bitPattern: $0.pool.start) } ?? 0
    let outputPointers = unsafe outputs.map { block -> UnsafeMutableRawPointer? in unsafe block.start }
    var inputPointers = unsafe [UnsafeRawPointer?]()
    return unsafe withPointers(inputs[...], &inputPointers) { inputPointers in
      unsafe function(context.start, Int32(number), dims, inputPointers, outputPointers)
    }
  }

  /// Calls `body` with a pointer to the bytes of every input.
  private func withPointers(
    _ inputs: ArraySlice<[UInt8]>, _ pointers: inout [UnsafeRawPointer?],
    _ body: ([UnsafeRawPointer?]) -> Int32
  ) -> Int32 {
    guard let first = inputs.first else { return unsafe body(pointers) }
    return unsafe first.withUnsafeBytes { bytes in
      // NULL for a tensor without elements.
      unsafe pointers.append(bytes.isEmpty ? nil : bytes.baseAddress)
      return unsafe withPointers(inputs.dropFirst(), &pointers, body)
    }
  }
}
