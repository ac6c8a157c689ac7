#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory that compiled code works on: aligned to 64 bytes, zeros at first, freed with its owner.
@safe final class MemoryBlock {
  /// Where it begins.
  let start: UnsafeMutableRawPointer
  /// How many bytes were asked for.
  let byteCount: Int

  /// What the system gave: the block is the part from the first multiple of 64 on.
  private let whole: UnsafeMutableRawPointer

  /// A block of so many bytes; throws where the system has no memory for them.
  init(_ byteCount: Int) throws(RunError) {
    let (size, overflow) = max(byteCount, 1).addingReportingOverflow(63)
    guard byteCount >= 0, !overflow, let whole = unsafe calloc(size, 1) else {
      throw .outOfMemory(bytes: byteCount)
    }
    self.byteCount = byteCount
    unsafe self.whole = whole
    unsafe start = whole.alignedUp(toMultipleOf: 64)
  }

  deinit { unsafe free(whole) }

  /// Copies bytes in.
  func write(_ bytes: [UInt8], at offset: Int) {
    precondition(
      offset >= 0 && bytes.count <= byteCount - offset, "bytes beyond the end of a block of memory")
    unsafe bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      unsafe start.advanced(by: offset).copyMemory(from: base, byteCount: source.count)
    }
  }

  /// Copies bytes out.
  func read(_ offset: Int, _ count: Int) -> [UInt8] {
    precondition(offset >= 0 && count <= byteCount - offset, "bytes beyond the end of a block of memory")
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start + offset, count: count))
  }
}
