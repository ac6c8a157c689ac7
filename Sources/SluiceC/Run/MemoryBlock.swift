/// Memory that compiled code works on: aligned to 64 bytes, zeros at first, freed with its owner.
@safe final class MemoryBlock {
  /// Where it begins.
  let start: UnsafeMutableRawPointer
  /// How many bytes were asked for.
  let byteCount: Int

  /// A block of so many bytes.
  init(_ byteCount: Int) {
    self.byteCount = byteCount
    unsafe start = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit { unsafe start.deallocate() }

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
