import SluiceIR

/// The op table as the reader and the printer need it: names as bytes, positional names first.
struct OpNames: Sendable {
  /// One attribute of a schema.
  struct Attribute: Sendable {
    var spec: AttributeSpec
    var text: [UInt8]
  }

  /// One row.
  struct Row: Sendable {
    var op: Op
    var text: [UInt8]
    /// Attributes written before the operands as `@name`.
    var positional: [Attribute] = []
    /// Attributes written in braces.
    var braced: [Attribute] = []
  }

  /// By raw value of the op.
  let rows: [Row]
  private let table: NameTable

  /// Made once.
  static let shared = OpNames()

  private init() {
    var table = NameTable()
    rows = Op.allCases.map { op in
      let definition = op.definition
      var row = Row(op: op, text: Array(definition.name.utf8))
      for spec in definition.attributes {
        let attribute = Attribute(spec: spec, text: Array(spec.name.text.utf8))
        if spec.kind == .symbol || spec.kind == .graph {
          row.positional.append(attribute)
        } else {
          row.braced.append(attribute)
        }
      }
      _ = table.intern(row.text, row.text.indices)
      return row
    }
    self.table = table
  }

  /// The row of the op whose name is at `range` of `source`.
  func find(_ source: [UInt8], _ range: Range<Int>) -> Int? { table.find(source, range) }
}
