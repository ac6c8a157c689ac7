import SluiceIR

// The tensor as short text, in the manner of NumPy.
extension HostTensor: CustomStringConvertible {
  /// The type and the elements, with `...` for the middle of what is big.
  ///
  /// `f32[3] [1.0, 2.0, 3.0]` for up to one axis; from two axes on, the rows stand in columns below the type.
  public var description: String {
    let kept = keptIndices
    let shown = kept?.reduce(1) { $0 * $1.count } ?? 0
    guard let kept, shown <= 512 else { return "\(typeText) flat \(flatText)" }
    let texts = elementTexts(at: kept)
    if rank == 0 { return "\(typeText) \(texts[0])" }
    let width = rank == 1 ? 0 : texts.reduce(0) { max($0, $1.utf8.count) }
    var printer = RowPrinter(shape: shape, kept: kept, texts: texts, width: width)
    printer.print(axis: 0)
    return typeText + (rank == 1 ? " " : "\n") + printer.out
  }

  /// The type: `f32[2,3]`.
  package var typeText: String { dtype.name + HostTensor.text(shape) }

  /// The indices shown of every axis: all when the tensor is small, else some from each end; nil above rank
  /// 8.
  private var keptIndices: [[Int]]? {
    guard rank <= 8 else { return nil }
    return shape.indices.map { axis in
      let isInner = axis >= rank - 2
      let edge = isInner ? (rank > 2 ? 2 : 3) : 1
      let extent = shape[axis]
      if count <= 64 || extent <= 2 * edge { return count == 0 ? [] : Array(0..<extent) }
      return Array(0..<edge) + Array(extent - edge..<extent)
    }
  }

  /// The first and last three elements of a tensor with too many axes to show them.
  private var flatText: String {
    if count <= 6 { return "[" + (0..<count).map(elementText).joined(separator: ", ") + "]" }
    let first = (0..<3).map(elementText).joined(separator: ", ")
    let last = (count - 3..<count).map(elementText).joined(separator: ", ")
    return "[\(first), ..., \(last)]"
  }

  /// The shown elements in row-major order.
  private func elementTexts(at kept: [[Int]]) -> [String] {
    var places = [0]
    for axis in shape.indices {
      places = places.flatMap { place in kept[axis].map { place * shape[axis] + $0 } }
    }
    return places.map(elementText)
  }

  /// One element, by its row-major index; floats in the shortest form that reads back to the same bits.
  private func elementText(_ index: Int) -> String {
    let width = dtype.byteCount
    let element = Array(bytes[index * width..<(index + 1) * width])
    switch dtype {
    case .f32: return elements(Float.self, of: element).first?.description ?? ""
    case .f64: return elements(Double.self, of: element).first?.description ?? ""
    case .i32: return elements(Int32.self, of: element).first?.description ?? ""
    case .i64: return elements(Int64.self, of: element).first?.description ?? ""
    case .u8: return bytes[index].description
    case .f16, .bf16:
      return elements(UInt16.self, of: element).first.map { NarrowFloat.widened($0, dtype).description } ?? ""
    case .bool: return bytes[index] == 0 ? "false" : "true"
    }
  }
}

/// Prints nested rows; the depth is the rank, at most 8.
private struct RowPrinter {
  let shape: [Int]
  let kept: [[Int]]
  let texts: [String]
  let width: Int
  var next = 0
  var out = ""

  mutating func print(axis: Int) {
    if axis == shape.count {
      out += String(repeating: " ", count: max(0, width - texts[next].utf8.count)) + texts[next]
      next += 1
      return
    }
    let isRow = axis == shape.count - 1
    let blankLines = String(repeating: "\n", count: shape.count - 1 - axis)
    let separator = isRow ? ", " : "," + blankLines + String(repeating: " ", count: axis + 1)
    out += "["
    for (position, index) in kept[axis].enumerated() {
      if position > 0 {
        out += separator
        if index != kept[axis][position - 1] + 1 { out += "..." + separator }
      }
      print(axis: axis + 1)
    }
    out += "]"
  }
}
