// Bulk copies between arrays of numbers and their little-endian bytes: the one place that reinterprets
// memory.

#if _endian(big)
  #error(
    "host tensors hold little-endian bytes, copied as they lie in memory; this host would have to swap them")
#endif

/// The bytes of `values` as they lie in memory.
func rawBytes<Element: BitwiseCopyable>(of values: [Element]) -> [UInt8] {
  unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
}

/// `bytes` read as elements, one copy; bytes that do not fill an element are left out.
///
/// Only for element types of which every bit pattern is a value, and `Bool` where the bytes are 0 or 1.
func elements<Element: BitwiseCopyable>(_: Element.Type, of bytes: [UInt8]) -> [Element] {
  let count = bytes.count / MemoryLayout<Element>.stride
  return unsafe [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
    unsafe bytes.withUnsafeBytes { source in
      let whole = unsafe UnsafeRawBufferPointer(rebasing: source[..<(count * MemoryLayout<Element>.stride)])
      unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: whole)
    }
    initialized = count
  }
}
