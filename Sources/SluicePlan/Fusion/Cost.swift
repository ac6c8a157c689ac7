/// What a visit is estimated to cost, by the roofline: the larger of arithmetic and memory, and a quarter of the
/// smaller.
///
/// The constants are those of one core of a desktop processor. They decide what is joined, never what a result is.
struct Cost {
  /// Multiply-adds count two, everything else one.
  var operations = 0.0
  /// Bytes of operands and results, each once.
  var bytes = 0.0
  /// Bytes of large operands that are the same for all places along some outer axis: they are read once a block of
  /// rows.
  var streamed = 0.0
  /// Whether a contraction is among the items.
  var contracts = false

  static let operationsPerSecond = 100e9
  static let memoryBytesPerSecond = 20e9
  static let cacheBytesPerSecond = 75e9
  static let call = 2e-6
  /// Operands up to this size stay near.
  static let nearBytes = 262_144.0
  /// The private memory of a block of rows, and the most rows of one.
  static let blockBytes = 65_536.0
  static let blockRows = 128.0

  /// The seconds for so many outer places and bytes of private rows at each; nil where no block of rows fits.
  func seconds(_ places: Double, _ rowBytes: Double) -> Double? {
    var again = 0.0
    if rowBytes > 0 {
      var rows = min(Self.blockRows, (Self.blockBytes / rowBytes).rounded(.down))
      if contracts {
        rows = min(rows, max(8, (places / 16).rounded(.down)))
        if rows < 8 { return nil }
      }
      if rows < 1 { return nil }
      again = streamed * max(0, (places / rows).rounded(.up) - 1)
    }
    let a = operations / Self.operationsPerSecond
    let b = bytes / Self.memoryBytesPerSecond + again / Self.cacheBytesPerSecond
    return max(a, b) + min(a, b) / 4
  }

  static func + (a: Cost, b: Cost) -> Cost {
    Cost(
      operations: a.operations + b.operations, bytes: a.bytes + b.bytes, streamed: a.streamed + b.streamed,
      contracts: a.contracts || b.contracts)
  }
}
