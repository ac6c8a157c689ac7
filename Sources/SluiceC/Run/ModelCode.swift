/// The functions of a loaded model that Swift calls, and its threads.
@safe final class ModelCode {
  private typealias Call =
    @convention(c) (
      UnsafeRawPointer?, Int32, UnsafePointer<Int64>?, UnsafePointer<UnsafeRawPointer?>?,
      UnsafePointer<UnsafeMutableRawPointer?>?
    ) -> Int32
  private typealias PoolStart = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Int32
  private typealias PoolStop = @convention(c) (UnsafeMutableRawPointer?) -> Void
  private typealias PoolBytes = @convention(c) () -> Int

  /// Keeps the code in memory.
  private let library: SharedLibrary
  private let function: Call
  private let pool: MemoryBlock?
  private let poolStop: PoolStop?
  private let parallelFor: UnsafeMutableRawPointer?
  /// A context: six words, in the order of the struct in the header.
  private let context: MemoryBlock
  /// What pointers to tensors without elements point to: compiled code refuses NULL.
  private let nothing: MemoryBlock

  /// Finds the functions whose names begin with `prefix`, and starts threads.
  init(_ library: SharedLibrary, prefix: String, threads: Int) throws {
    self.library = library
    (context, nothing) = (try MemoryBlock(48), try MemoryBlock(64))
    unsafe function = unsafe unsafeBitCast(try library.address(of: prefix + "call"), to: Call.self)
    guard threads > 1 else {
      unsafe (pool, poolStop, parallelFor) = (nil, nil, nil)
      return
    }
    let bytes = unsafe unsafeBitCast(try library.address(of: prefix + "pool_bytes"), to: PoolBytes.self)
    let start = unsafe unsafeBitCast(try library.address(of: prefix + "pool_start"), to: PoolStart.self)
    let stop = unsafe unsafeBitCast(try library.address(of: prefix + "pool_stop"), to: PoolStop.self)
    let parallelFor = unsafe try library.address(of: prefix + "pool_parallel_for")
    let pool = try MemoryBlock(bytes())
    guard unsafe start(pool.start, Int32(clamping: threads)) > 0 else {
      throw CompileError(.load, "the system gives no threads")
    }
    unsafe (self.pool, self.poolStop, self.parallelFor) = (pool, stop, parallelFor)
  }

  deinit {
    if let pool, let poolStop = unsafe poolStop { unsafe poolStop(pool.start) }
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
    unsafe words[4] = UInt(bitPattern: parallelFor)
    unsafe words[5] = pool.map { unsafe UInt(bitPattern: $0.start) } ?? 0
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
      unsafe pointers.append(bytes.isEmpty ? UnsafeRawPointer(nothing.start) : bytes.baseAddress)
      return unsafe withPointers(inputs.dropFirst(), &pointers, body)
    }
  }
}
