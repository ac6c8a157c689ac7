/// Flat zeroed memory with byte addresses: parameters, states, arena, inputs, outputs and register files.
///
/// This file and `Row.swift` hold the interpreter's unsafe code. The reason: buffers of different dtypes overlap in
/// the arena, and registers of different dtypes share one file, which typed Swift arrays cannot express. Every
/// access goes through a range check made here or in `TensorView`, once a row instead of once an element.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Bytes that are freed with the object.
@safe
final class MemoryBlock {
  private let base: UnsafeMutableRawPointer
  /// The size.
  let byteCount: Int

  /// Zeroed bytes; nil when there is no memory for them.
  init?(byteCount: Int) {
    guard byteCount >= 0, let base = unsafe calloc(Swift.max(byteCount, 1), 1) else { return nil }
    unsafe self.base = base
    self.byteCount = byteCount
  }

  deinit { unsafe free(base) }

  /// A copy with the same bytes; nil when there is no memory.
  func copy() -> MemoryBlock? {
    guard let copy = MemoryBlock(byteCount: byteCount) else { return nil }
    unsafe copy.base.copyMemory(from: base, byteCount: byteCount)
    return copy
  }

  /// Sets all bytes.
  func fill(_ byte: UInt8) {
    unsafe base.initializeMemory(as: UInt8.self, repeating: byte, count: byteCount)
  }

  /// Copies bytes in; they must fit.
  func write(_ bytes: [UInt8], at offset: Int) {
    precondition(offset >= 0 && offset <= byteCount - bytes.count, "bytes beyond a memory block")
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (base + offset).copyMemory(from: start, byteCount: source.count)
    }
  }

  /// A copy of some bytes; they must be inside.
  func read(_ offset: Int, _ count: Int) -> [UInt8] {
    precondition(count >= 0 && offset >= 0 && offset <= byteCount - count, "bytes beyond a memory block")
    return unsafe [UInt8](UnsafeRawBufferPointer(start: base + offset, count: count))
  }

  /// A view of `count` elements from a byte offset on; nil when they are not inside or not aligned.
  ///
  /// The block must outlive the view.
  func view(offset: Int, count: Int, elementBytes: Int) -> TensorView? {
    guard offset >= 0, count >= 0, offset % elementBytes == 0 else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: elementBytes)
    guard !overflow, bytes <= byteCount, offset <= byteCount - bytes else { return nil }
    return unsafe TensorView(base: base + offset, count: count)
  }

  /// The whole block as a register file; the block must outlive it.
  var registers: RegisterFile { unsafe RegisterFile(base: base, byteCount: byteCount) }
}
