import SluiceIR
import SluicePlan

/// The tables of a C file: constants of the graphs, embedded parameters, initial states.
struct CTables {
  /// The definitions so far.
  private(set) var text = ""
  private let model: CModel
  private var isEmbedded = false
  private var constants: [ConstantID: String] = [:]

  init(_ model: CModel) {
    self.model = model
  }

  /// The name of the table of embedded parameters, which is there once it was asked for.
  mutating func embedded(_ bytes: [UInt8]) -> String {
    if !isEmbedded {
      embed(bytes)
      isEmbedded = true
    }
    return model.helpers.name("embedded")
  }

  /// An expression that points to the elements of a constant.
  mutating func pointer(_ constant: ConstantID) -> String {
    if let known = constants[constant] { return known }
    let tables = model.tables
    let type = tables.constants.type(constant)
    let dtype = tables.types.dtype(type)
    let bytes = Array(tables.constants.bytes[tables.constants.range(constant)])
    guard let name = model.constantNames[constant] else {
      preconditionFailure("a constant that no buffer names")
    }
    text += Self.table(name, bytes, dtype, comment: "A constant: \(tables.text(type)).")
    let pointer =
      Self.hasLiterals(bytes, dtype) ? name : "(const \(model.helpers.element(dtype)) *)(const void *)\(name)"
    constants[constant] = pointer
    return pointer
  }

  /// The definition of a table of elements; floats without literals are written as their bits.
  private static func table(_ name: String, _ bytes: [UInt8], _ dtype: DType, comment: String) -> String {
    let count = max(1, bytes.count / dtype.byteCount)
    let hasLiterals = hasLiterals(bytes, dtype)
    let type = hasLiterals ? dtype.cType : dtype == .f32 ? "uint32_t" : "uint64_t"
    var writer = CWriter()
    writer.comment([comment])
    writer.line("static const \(type) \(name)[\(count)] = {")
    let elements = bytes.isEmpty ? ["0"] : elements(bytes, dtype, hasLiterals: hasLiterals)
    writer.raw(rows(elements))
    writer.line("};")
    writer.blank()
    return writer.text
  }

  private static func word(_ bytes: [UInt8], _ position: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(bytes[position * size + $1]) << UInt64(8 * $1) }
  }

  private static func hasLiterals(_ bytes: [UInt8], _ dtype: DType) -> Bool {
    guard dtype.isFloat else { return true }
    return (0..<bytes.count / dtype.byteCount).allSatisfy { position in
      let bits = word(bytes, position, dtype.byteCount)
      return dtype == .f32 ? Float(bits: bits).isFinite : Double(bitPattern: bits).isFinite
    }
  }

  private static func elements(_ bytes: [UInt8], _ dtype: DType, hasLiterals: Bool) -> [String] {
    (0..<bytes.count / dtype.byteCount).map { position in
      let bits = word(bytes, position, dtype.byteCount)
      if hasLiterals { return CLiteral.constant(bits, dtype) { CExpression($0) }.text }
      return dtype == .f32 ? "0x\(CText.hex(bits, 8))u" : "UINT64_C(0x\(CText.hex(bits, 16)))"
    }
  }

  /// Elements in rows up to column 100.
  private static func rows(_ elements: [String]) -> String {
    var text = ""
    var column = 0
    for element in elements {
      if column + element.utf8.count + 2 > CWriter.width || column == 0 {
        text += column == 0 ? "  " : "\n  "
        column = 2
      } else {
        text += " "
        column += 1
      }
      text += element + ","
      column += element.utf8.count + 1
    }
    return text + "\n"
  }

  private mutating func embed(_ bytes: [UInt8]) {
    var writer = CWriter()
    writer.raw(model.helpers.expand(Self.alignment))
    let sizes = Set(model.plan.parameters.map { model.tables.types.dtype($0.type).byteCount })
    if sizes != [4] { writer.raw(model.helpers.expand(Self.byteOrder)) }
    writer.comment(["The parameters, as the bits of 32-bit words."])
    let name = "\(model.helpers.name("embedded"))[\((bytes.count + 3) / 4)]"
    writer.line("\(model.helpers.macro("ALIGNED")) static const uint32_t \(name) = {")
    let padded = bytes + [UInt8](repeating: 0, count: 3)
    var starts: [Int: [String]] = [:]
    var elementSizes = [Int](repeating: 4, count: (bytes.count + 3) / 4)
    for variable in model.plan.parameters {
      for word in variable.offset / 4..<(variable.offset + variable.byteCount + 3) / 4 {
        elementSizes[word] = model.tables.types.dtype(variable.type).byteCount
      }
      starts[variable.offset / 4, default: []].append(
        "@\(variable.name) : \(model.tables.text(variable.type))")
    }
    var row: [String] = []
    var rows = ""
    var position = 0
    while position < elementSizes.count {
      if let names = starts[position] {
        if !row.isEmpty { rows += Self.rows(row) }
        row = []
        for name in names { rows += "  /* \(CText.comment(name)) */\n" }
      }
      let word = "0x\(CText.hex(Self.word(padded, position, 4), 8))u"
      switch elementSizes[position] {
      case 1: row.append("\(model.macroPrefix)BYTES(\(word))")
      case 2: row.append("\(model.macroPrefix)HALVES(\(word))")
      case 8:
        position += 1
        row.append("\(model.macroPrefix)LONG(\(word), 0x\(CText.hex(Self.word(padded, position, 4), 8))u)")
      default: row.append(word)
      }
      position += 1
      if row.count == 8 {
        rows += Self.rows(row)
        row = []
      }
    }
    if !row.isEmpty { rows += Self.rows(row) }
    writer.raw(rows)
    writer.line("};")
    writer.blank()
    text += writer.text
  }

  /// All templates.
  static let templates = alignment + byteOrder

  private static let alignment = """
    #if defined(__cplusplus) && __cplusplus >= 201103L
    #define @@ALIGNED alignas(64)
    #elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
    #define @@ALIGNED _Alignas(64)
    #elif defined(_MSC_VER)
    #define @@ALIGNED __declspec(align(64))
    #else
    #define @@ALIGNED __attribute__((aligned(64)))
    #endif


    """

  private static let byteOrder = """
    /* Elements of other sizes than 4 bytes, in words of this processor's byte order. */
    #if defined(__ORDER_BIG_ENDIAN__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define @@BYTES(x) (((x) >> 24) | (((x) >> 8) & 0xff00u) | (((x) & 0xff00u) << 8) | ((x) << 24))
    #define @@HALVES(x) (((x) >> 16) | ((x) << 16))
    #define @@LONG(low, high) high, low
    #else
    #define @@BYTES(x) x
    #define @@HALVES(x) x
    #define @@LONG(low, high) low, high
    #endif


    """

  // MARK: States

  /// Statements that fill states that stand behind each other with zeros, given a pointer to their block.
  static func clear(_ states: Range<Int>, _ model: CModel) -> String {
    let variables = model.plan.states[states]
    guard let first = variables.first, let last = variables.last else { return "" }
    let bytes = last.offset + last.byteCount - first.offset
    if bytes == 0 { return "" }
    var writer = CWriter(depth: 1)
    let types = variables.count == 1 ? " : \(model.tables.text(first.type))" : " to @\(last.name)"
    writer.comment(["@\(first.name)\(types)"])
    writer.open("for (size_t i = 0; i < \(bytes); ++i)")
    writer.line("state[\(first.offset == 0 ? "" : "\(first.offset) + ")i] = 0;")
    writer.close()
    return writer.text
  }

  /// Statements that write the initial value of a state, given a pointer to its block, and the table they need.
  static func reset(
    _ state: Int, _ bytes: ArraySlice<UInt8>, _ model: CModel
  ) -> (code: String, table: String) {
    let variable = model.plan.states[state]
    let dtype = model.tables.types.dtype(variable.type)
    let count = variable.byteCount / dtype.byteCount
    guard count > 0 else { return ("", "") }
    let bytes = Array(bytes)
    let words = (0..<count).map { word(bytes, $0, dtype.byteCount) }
    // The value of most elements, and where the others are.
    var counts: [UInt64: Int] = [:]
    for value in words { counts[value, default: 0] += 1 }
    let common = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
    let others = words.indices.filter { words[$0] != common }

    let scalars = CScalar(helpers: model.helpers)
    var writer = CWriter(depth: 1)
    writer.comment(["@\(variable.name) : \(model.tables.text(variable.type))"])
    writer.openBlock()
    let type = model.helpers.element(dtype)
    let place = variable.offset == 0 ? "state" : "(state + \(variable.offset))"
    writer.line("\(type) *const values = (\(type) *)(void *)\(place);")
    var tables = ""
    if others.count <= 16, others.count * 2 <= count {
      writer.open("for (size_t i = 0; i < \(count); ++i)")
      writer.line("values[i] = \(scalars.constant(common, dtype).text);")
      writer.close()
      for position in others {
        writer.line("values[\(position)] = \(scalars.constant(words[position], dtype).text);")
      }
    } else {
      let name = model.stateNames[state]
      tables = table(name, bytes, dtype, comment: "The initial value of @\(variable.name).")
      let source =
        hasLiterals(bytes, dtype) ? name : "((const \(type) *)(const void *)\(name))"
      writer.open("for (size_t i = 0; i < \(count); ++i)")
      writer.line("values[i] = \(source)[i];")
      writer.close()
    }
    writer.close()
    return (writer.text, tables)
  }
}
