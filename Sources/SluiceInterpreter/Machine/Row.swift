/// Rows of registers and views of tensors: typed access to memory blocks, checked once a row.
///
/// The second file with unsafe code, for the reason given in `MemoryBlock.swift`.

/// The registers of one running kernel: scalars of 8 bytes and rows of one element an iteration of a tile.
@safe
struct RegisterFile {
  private let base: UnsafeMutableRawPointer
  private let byteCount: Int

  @unsafe
  init(base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = base
    self.byteCount = byteCount
  }

  /// `count` elements from a byte offset on.
  @inline(__always)
  func row<Element: BitwiseCopyable>(_ offset: Int32, _ count: Int, _: Element.Type) -> Row<Element> {
    let end = Int(offset) &+ count &* MemoryLayout<Element>.stride
    precondition(offset >= 0 && count >= 0 && end <= byteCount, "a register beyond its file")
    return unsafe Row(base: (base + Int(offset)).assumingMemoryBound(to: Element.self))
  }

  /// One register.
  @inline(__always)
  func get<Element: BitwiseCopyable>(_ offset: Int32, _ type: Element.Type) -> Element {
    row(offset, 1, type)[0]
  }

  /// Sets one register.
  @inline(__always)
  func set<Element: BitwiseCopyable>(_ offset: Int32, _ value: Element) {
    row(offset, 1, Element.self)[0] = value
  }
}

/// Elements of a register file; whoever asked for the row knows how many.
@safe
struct Row<Element: BitwiseCopyable> {
  private let base: UnsafeMutablePointer<Element>

  @unsafe @inline(__always)
  init(base: UnsafeMutablePointer<Element>) { unsafe self.base = base }

  /// An element below the count that the row was made for.
  @inline(__always)
  subscript(index: Int) -> Element {
    get { unsafe base[index] }
    nonmutating set { unsafe base[index] = newValue }
  }

  /// The row without its first elements.
  @inline(__always)
  func dropping(_ count: Int) -> Row { unsafe Row(base: base + count) }
}

/// The tensor argument of a kernel call: a buffer and the element that index 0 means.
@safe
struct TensorView {
  private let base: UnsafeMutableRawPointer
  /// The elements of the buffer.
  let count: Int
  /// The element that index 0 means.
  var first = 0

  @unsafe
  init(base: UnsafeMutableRawPointer, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// Whether all elements `index + i * stride` of a tile are inside.
  @inline(__always)
  func contains(_ index: Int, stride: Int, _ width: Int) -> Bool {
    let start = first &+ index
    guard UInt(bitPattern: start) < UInt(bitPattern: count) else { return false }
    if width == 1 { return true }
    let (span, overflow) = stride.multipliedReportingOverflow(by: width &- 1)
    let (end, second) = start.addingReportingOverflow(span)
    return !overflow && !second && UInt(bitPattern: end) < UInt(bitPattern: count)
  }

  /// The element at an index that `contains` has found inside.
  @inline(__always)
  private func pointer<Element: BitwiseCopyable>(_ index: Int, _: Element.Type) -> UnsafeMutablePointer<
    Element
  > {
    unsafe base.assumingMemoryBound(to: Element.self) + (first &+ index)
  }

  /// The bool at index 0; nil when it is not inside.
  var bool: Bool? {
    guard contains(0, stride: 1, 1) else { return nil }
    return unsafe pointer(0, UInt8.self).pointee != 0
  }

  /// Sets all elements.
  func fill<Element: BitwiseCopyable>(_ value: Element) {
    let target = unsafe pointer(-first, Element.self)
    for i in 0..<count { unsafe target[i] = value }
  }

  /// Loads a tile; false when it is not inside.
  @inline(__always)
  func load<Element: BitwiseCopyable>(_ row: Row<Element>, _ index: Int, stride: Int, _ width: Int) -> Bool {
    guard contains(index, stride: stride, width) else { return false }
    let source = unsafe pointer(index, Element.self)
    if stride == 1 {
      for i in 0..<width { row[i] = unsafe source[i] }
    } else if stride == 0 {
      let value = unsafe source[0]
      for i in 0..<width { row[i] = value }
    } else {
      for i in 0..<width { row[i] = unsafe source[i &* stride] }
    }
    return true
  }

  /// Stores a tile; false when it is not inside.
  @inline(__always)
  func store<Element: BitwiseCopyable>(_ row: Row<Element>, _ index: Int, stride: Int, _ width: Int) -> Bool {
    guard contains(index, stride: stride, width) else { return false }
    let target = unsafe pointer(index, Element.self)
    if stride == 1 {
      for i in 0..<width { unsafe target[i] = row[i] }
    } else {
      for i in 0..<width { unsafe target[i &* stride] = row[i] }
    }
    return true
  }

  /// Loads the elements at some addresses; the first position that is not inside, or -1.
  @inline(__always)
  func gather<Element: BitwiseCopyable>(_ row: Row<Element>, _ addresses: Row<Int64>, _ width: Int) -> Int {
    for i in 0..<width {
      let index = Int(addresses[i])
      guard contains(index, stride: 0, 1) else { return i }
      row[i] = unsafe pointer(index, Element.self).pointee
    }
    return -1
  }

  /// Stores elements at some addresses, in order; the first position that is not inside, or -1.
  @inline(__always)
  func scatter<Element: BitwiseCopyable>(_ row: Row<Element>, _ addresses: Row<Int64>, _ width: Int) -> Int {
    for i in 0..<width {
      let index = Int(addresses[i])
      guard contains(index, stride: 0, 1) else { return i }
      unsafe pointer(index, Element.self).pointee = row[i]
    }
    return -1
  }
}
