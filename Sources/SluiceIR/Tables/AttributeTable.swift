/// The names that attributes of ops may have: one list, so that nothing compares strings after parsing.
public enum AttributeName: UInt8, CaseIterable, Sendable {
  case axes, axis, body, carries, constant, descending, dtype, equation, high, keepDims, length, limit, low
  case name, order, sequences, shape, sizes, start, step, stop, strides, transposeLhs, transposeRhs, value
  case upper, negativeSlope, reverse, mean, scale, epsilon, alpha, approximate
  case size, dilation, groups, padding, outputPadding, mode, repeats, depth, causal, reduction, base
  case correction, probability, ord, count
  case exclusive, lower, transpose, unitDiagonal
  case then, otherwise, condition
  case backward, recompute

  /// The name in text, in snake case as the field writes it (`keep_dims`).
  public var text: String { Self.texts[Int(rawValue)] }

  /// The attribute of that name.
  public init?(text: String) {
    guard let row = Self.texts.firstIndex(of: text), let found = Self(rawValue: UInt8(row)) else {
      return nil
    }
    self = found
  }

  private static let texts: [String] = allCases.map { name in
    var text = ""
    for character in "\(name)" {
      if character.isUppercase { text += "_" }
      text += character.lowercased()
    }
    return text
  }
}

/// What an attribute holds.
public enum AttributeKind: UInt8, Sendable {
  /// A 64-bit integer.
  case int
  /// `true` or `false`.
  case bool
  /// A floating-point number.
  case number
  /// An element type.
  case dtype
  /// A list of integers.
  case ints
  /// A list of dims.
  case dims
  /// One dim.
  case dim
  /// A name of the module (`@w`): a parameter or a state.
  case symbol
  /// A body of the module (`@epoch.body`).
  case graph
  /// A constant tensor.
  case constant
  /// Text in quotes.
  case string
}

/// The value of one attribute.
public enum AttributeValue: Hashable, Sendable {
  case int(Int64)
  case bool(Bool)
  case number(Double)
  case dtype(DType)
  case ints([Int64])
  case dims([DimID])
  case dim(DimID)
  case symbol(StringID)
  case graph(GraphID)
  case constant(ConstantID)
  case string(StringID)

  /// The kind of this value.
  public var kind: AttributeKind {
    switch self {
    case .int: .int
    case .bool: .bool
    case .number: .number
    case .dtype: .dtype
    case .ints: .ints
    case .dims: .dims
    case .dim: .dim
    case .symbol: .symbol
    case .graph: .graph
    case .constant: .constant
    case .string: .string
    }
  }
}

/// One attribute of an op's schema.
public struct AttributeSpec: Sendable {
  /// Its name.
  public var name: AttributeName
  /// What it holds.
  public var kind: AttributeKind
  /// What it is when it is left out; nil where it must be given.
  public var defaultValue: AttributeValue?
  /// What it means, in a few words.
  public var summary: String
  /// Whether its dims may be negative; those of others must not be for the sizes of a call.
  public var isSigned: Bool

  package init(
    _ name: AttributeName, _ kind: AttributeKind, default value: AttributeValue? = nil, _ summary: String,
    signed: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = value
    self.summary = summary
    self.isSigned = signed
  }

  /// Whether a value is the default, and so left out of records: numbers by their bits, since -0.0 is not 0.0.
  package func isDefault(_ value: AttributeValue) -> Bool {
    if case .number(let number) = value, case .number(let wanted)? = defaultValue {
      return number.bitPattern == wanted.bitPattern
    }
    return value == defaultValue
  }
}

/// A name with its value, as it is given to the builder.
public struct Attribute: Hashable, Sendable {
  /// Which attribute.
  public var name: AttributeName
  /// Its value.
  public var value: AttributeValue

  /// An attribute of that name and value.
  public init(_ name: AttributeName, _ value: AttributeValue) {
    self.name = name
    self.value = value
  }
}

/// Interned attribute records.
///
/// A record is a run of words: per attribute one header (name, kind, count) and its payload, in schema order,
/// with values equal to the schema's defaults left out. Row 0 is the empty record.
public struct AttributeTable: Sendable {
  private var words: [Int64] = []
  private var ends: [UInt32] = []
  private var index = HashIndex()

  /// The record without attributes.
  public static var empty: AttributesID { AttributesID(raw: 0) }

  init() { _ = intern([]) }

  /// How many different records there are.
  public var count: Int { ends.count }

  /// The handle of a record; the attributes must be in schema order.
  public mutating func intern(_ attributes: [Attribute]) -> AttributesID {
    if attributes.isEmpty, !ends.isEmpty { return Self.empty }
    let first = words.count
    for attribute in attributes { append(attribute) }
    var hasher = WordHasher()
    for word in words[first...] { hasher.combine(UInt64(bitPattern: word)) }
    let hash = hasher.hash
    let found = index.find(hash) { words[range($0)].elementsEqual(words[first...]) }
    if let found {
      words.removeLast(words.count - first)
      return AttributesID(found)
    }
    let row = ends.count
    ends.append(UInt32(words.count))
    index.insert(row, hash: hash)
    return AttributesID(row)
  }

  /// All attributes of a record.
  public func attributes(_ id: AttributesID) -> [Attribute] {
    var result: [Attribute] = []
    var at = range(id.index).lowerBound
    while at < range(id.index).upperBound {
      let (name, value, next) = decode(at)
      result.append(Attribute(name, value))
      at = next
    }
    return result
  }

  /// The value of one attribute, or nil where the record leaves it out.
  public func value(_ id: AttributesID, _ name: AttributeName) -> AttributeValue? {
    var at = range(id.index).lowerBound
    let end = range(id.index).upperBound
    while at < end {
      if UInt8(truncatingIfNeeded: words[at]) == name.rawValue { return decode(at).value }
      at += 1 + Int(words[at] >> 16)
    }
    return nil
  }

  /// An integer attribute.
  public func int(_ id: AttributesID, _ name: AttributeName) -> Int64? {
    if case .int(let value)? = value(id, name) { value } else { nil }
  }

  /// A truth value; `false` where it is left out.
  public func bool(_ id: AttributesID, _ name: AttributeName) -> Bool {
    if case .bool(let value)? = value(id, name) { value } else { false }
  }

  /// A number.
  public func number(_ id: AttributesID, _ name: AttributeName) -> Double? {
    if case .number(let value)? = value(id, name) { value } else { nil }
  }

  /// An element type.
  public func dtype(_ id: AttributesID, _ name: AttributeName) -> DType? {
    if case .dtype(let value)? = value(id, name) { value } else { nil }
  }

  /// A list of integers.
  public func ints(_ id: AttributesID, _ name: AttributeName) -> [Int64]? {
    if case .ints(let value)? = value(id, name) { value } else { nil }
  }

  /// A list of dims.
  public func dims(_ id: AttributesID, _ name: AttributeName) -> [DimID]? {
    if case .dims(let value)? = value(id, name) { value } else { nil }
  }

  /// One dim.
  public func dim(_ id: AttributesID, _ name: AttributeName) -> DimID? {
    if case .dim(let value)? = value(id, name) { value } else { nil }
  }

  /// The name of a parameter or state.
  public func symbol(_ id: AttributesID, _ name: AttributeName) -> StringID? {
    if case .symbol(let value)? = value(id, name) { value } else { nil }
  }

  /// A body.
  public func graph(_ id: AttributesID, _ name: AttributeName) -> GraphID? {
    if case .graph(let value)? = value(id, name) { value } else { nil }
  }

  /// A constant tensor.
  public func constant(_ id: AttributesID, _ name: AttributeName) -> ConstantID? {
    if case .constant(let value)? = value(id, name) { value } else { nil }
  }

  /// Text.
  public func string(_ id: AttributesID, _ name: AttributeName) -> StringID? {
    if case .string(let value)? = value(id, name) { value } else { nil }
  }

  private func range(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(ends[row - 1]))..<Int(ends[row])
  }

  private mutating func append(_ attribute: Attribute) {
    let header = words.count
    words.append(0)
    switch attribute.value {
    case .int(let value): words.append(value)
    case .bool(let value): words.append(value ? 1 : 0)
    case .number(let value): words.append(Int64(bitPattern: value.bitPattern))
    case .dtype(let value): words.append(Int64(value.rawValue))
    case .ints(let values): words.append(contentsOf: values)
    case .dims(let values): words.append(contentsOf: values.lazy.map { Int64($0.raw) })
    case .dim(let value): words.append(Int64(value.raw))
    case .symbol(let value), .string(let value): words.append(Int64(value.raw))
    case .graph(let value): words.append(Int64(value.raw))
    case .constant(let value): words.append(Int64(value.raw))
    }
    let payloadCount = Int64(words.count - header - 1)
    words[header] =
      Int64(attribute.name.rawValue) | Int64(attribute.value.kind.rawValue) << 8 | payloadCount << 16
  }

  private func decode(_ at: Int) -> (name: AttributeName, value: AttributeValue, next: Int) {
    let header = words[at]
    let payload = (at + 1)..<(at + 1 + Int(header >> 16))
    guard let name = AttributeName(rawValue: UInt8(truncatingIfNeeded: header)),
      let kind = AttributeKind(rawValue: UInt8(truncatingIfNeeded: header >> 8))
    else { preconditionFailure("an attribute record holds a header that was never written") }
    let first = payload.isEmpty ? 0 : words[payload.lowerBound]
    let raw = UInt32(truncatingIfNeeded: first)
    let value: AttributeValue =
      switch kind {
      case .int: .int(first)
      case .bool: .bool(first != 0)
      case .number: .number(Double(bitPattern: UInt64(bitPattern: first)))
      case .dtype: .dtype(DType(rawValue: UInt8(truncatingIfNeeded: first)) ?? .f32)
      case .ints: .ints(Array(words[payload]))
      case .dims: .dims(words[payload].map { DimID(raw: UInt32(truncatingIfNeeded: $0)) })
      case .dim: .dim(DimID(raw: raw))
      case .symbol: .symbol(StringID(raw: raw))
      case .graph: .graph(GraphID(raw: raw))
      case .constant: .constant(ConstantID(raw: raw))
      case .string: .string(StringID(raw: raw))
      }
    return (name, value, payload.upperBound)
  }
}
