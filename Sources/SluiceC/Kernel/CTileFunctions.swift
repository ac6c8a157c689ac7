import SluiceIR
import SluicePlan

/// The functions of register tiles of one form: one tile, the rows of a block of lanes, and all of them.
struct CTileFunctions {
  /// What stands behind the name of the function for all tiles in the names of the others.
  static let endings = ["", "_tile", "_rows", "_rest"]

  private let tile: CTile
  private let form: CTileForm
  private let printer: CKernelPrinter
  /// Whether lanes may be left over behind pairs of the widest vectors.
  private let leavesLanes: Bool
  /// Whether lanes come in whole vectors of the widest processors.
  private let fillsRegisters: Bool

  private var helpers: CHelpers { printer.helpers }
  private var lanes: String { helpers.macro("LANES_\(tile.dtype.name.uppercased())") }
  private var declarations: [String] { form.parameters.map(\.declaration) }
  private var names: [String] { form.parameters.map(\.name) }

  init(_ tile: CTile, _ form: CTileForm, _ printer: CKernelPrinter) {
    self.tile = tile
    self.form = form
    self.printer = printer
    leavesLanes = !printer.isMultiple(tile.loop, of: 32) || tile.rows == nil && tile.dtype == .f64
    fillsRegisters = printer.isMultiple(tile.loop, of: tile.dtype == .f64 ? 8 : 16)
  }

  /// The functions, which begin with that name.
  func text(named name: String) -> String {
    var writer = CWriter()
    printTile(name, &writer)
    if tile.rows != nil {
      printRows(name, isRest: false, &writer)
      if leavesLanes { printRows(name, isRest: true, &writer) }
    }
    printAll(name, &writer)
    return writer.text
  }

  /// All lanes from `begin` to `end`, and all rows from `first` to `last`.
  private func printAll(_ name: String, _ writer: inout CWriter) {
    let rows = tile.rows == nil ? [] : ["first", "last"]
    let parameters = declarations + (rows + ["begin", "end"]).map { "ptrdiff_t \($0)" }
    writer.comment(["All tiles: lanes `begin` to `end`\(rows.isEmpty ? "" : " of rows `first` to `last`")."])
    if rows.isEmpty { writer.line(helpers.macro("KERNEL")) }
    writer.open("static void \(name)(\(parameters.joined(separator: ", ")))")
    writer.line("ptrdiff_t j = begin;")
    for vectors in rows.isEmpty ? [8, 2] : [2] {
      writer.line(helpers.macro("ROLLED"))
      writer.open("for (; j + \(vectors) * \(lanes) <= end; j += \(vectors) * \(lanes))")
      let own = rows.isEmpty ? ["j", "\(vectors) * \(lanes)", "\(vectors)"] : rows + ["j"]
      call(rows.isEmpty ? "\(name)_tile" : "\(name)_rows", own, &writer)
      writer.close()
    }
    if leavesLanes {
      writer.open("for (; j < end; j += \(lanes))")
      let isWhole = !rows.isEmpty && fillsRegisters
      writer.line("const ptrdiff_t count = \(isWhole ? lanes : "end - j < \(lanes) ? end - j : \(lanes)");")
      call(
        rows.isEmpty ? "\(name)_tile" : "\(name)_rest", rows + ["j", "count"] + (rows.isEmpty ? ["1"] : []),
        &writer)
      writer.close()
    }
    writer.close()
    writer.blank()
  }

  /// All rows of a block of lanes: as many as fit at once, and what is left in smaller tiles.
  ///
  /// They are functions of their own since compilers take long for large ones. Tiles of two thirds take what is left of
  /// a multiple of a third: 16 rows are 8 and 8, not 12 and 4, of which the 4 would wait for memory.
  private func printRows(_ name: String, isRest: Bool, _ writer: inout CWriter) {
    let own = ["first", "last", "j"] + (isRest ? ["count"] : [])
    let parameters = declarations + own.map { "ptrdiff_t \($0)" }
    writer.line(helpers.macro("KERNEL"))
    writer.open("static void \(name)_\(isRest ? "rest" : "rows")(\(parameters.joined(separator: ", ")))")
    writer.line("ptrdiff_t i = first;")
    let (rows, some, few) = (helpers.macro("ROWS"), helpers.macro("SOME_ROWS"), helpers.macro("FEW_ROWS"))
    let sizes = isRest && !fillsRegisters ? [rows, "1"] : [rows, some, few, "1"]
    let shape = isRest ? [fillsRegisters ? lanes : "count", "1"] : ["2 * \(lanes)", "2"]
    for size in sizes {
      writer.line(helpers.macro("ROLLED"))
      let stops = size == rows && sizes.count > 2 ? " && last - i != \(rows) + \(few)" : ""
      writer.open("for (; i + \(size) <= last\(stops); i += \(size))")
      call("\(name)_tile", ["i", "j"] + shape + [size], &writer)
      writer.close()
    }
    writer.close()
    writer.blank()
  }

  private func call(_ name: String, _ own: [String], _ writer: inout CWriter) {
    writer.line("\(name)(\((names + own).joined(separator: ", ")));")
  }

  /// One tile.
  private func printTile(_ name: String, _ writer: inout CWriter) {
    let hasRows = tile.rows != nil
    let parameters =
      declarations + (hasRows ? ["ptrdiff_t i"] : [])
      + ["ptrdiff_t j", "ptrdiff_t count", "const int vectors"] + (hasRows ? ["const int rows"] : [])
    var body = CTileBody(tile, form, printer)
    writer.comment([
      hasRows
        ? "A tile of sums of products: `rows` rows of `vectors` vectors, in all `count` lanes each."
        : "A tile of sums of products: `vectors` vectors, in all `count` lanes."
    ])
    writer.open("\(helpers.macro("TILE")) void \(name)_tile(\(parameters.joined(separator: ", ")))")
    writer.raw(body.text())
    writer.close()
    writer.blank()
  }
}
