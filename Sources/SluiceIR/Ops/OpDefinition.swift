/// One row of the op table: everything the compiler knows about an op.
///
/// The text reader and printer, the verifier, the evaluator, the planner and the documentation are driven by
/// these rows; only kernel families have code there, never single ops. Rows are shared: a copy of one would cost a
/// reference count for each of its parts.
public final class OpDefinition: Sendable {
  /// The name in text.
  public let name: String
  /// What it computes, in one line, with letters for the operands.
  public let summary: String
  /// How it is executed.
  public let family: Family
  /// The operands.
  public let operands: [OperandSpec]
  /// The attributes, in the order they are printed.
  public let attributes: [AttributeSpec]
  /// Properties that passes ask for.
  public let traits: Traits
  /// The result types, or what is wrong with the operands; verification is running it again.
  public let infer: InferenceRule
  /// Local simplifications, tried in order when a node is emitted.
  public let rules: [RewriteRule]
  /// How differentiation goes through it.
  public let gradient: GradientRule
  /// A function that uses the op, in text: it documents the row and is run by the tests.
  public let example: String

  /// A row.
  package init(
    _ name: String, _ summary: String, family: Family, operands: [OperandSpec],
    attributes: [AttributeSpec] = [],
    traits: Traits = [], infer: @escaping InferenceRule, rules: [RewriteRule] = [],
    gradient: GradientRule? = nil, example: String
  ) {
    self.name = name
    self.summary = summary
    self.family = family
    self.operands = operands
    self.attributes = attributes
    self.traits = traits
    self.infer = infer
    self.rules = rules
    self.gradient = gradient ?? family.gradient
    self.example = example
  }

  /// The schema of one attribute.
  public func attribute(_ name: AttributeName) -> AttributeSpec? { attributes.first { $0.name == name } }

  /// The smallest and largest number of operands.
  public var operandCounts: ClosedRange<Int> {
    guard let last = operands.last, last.isVariadic else { return operands.count...operands.count }
    return operands.count - (last.mayBeNone ? 1 : 0)...Int.max
  }

  /// Properties of an op.
  public struct Traits: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// Properties from bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Swapping the two operands changes nothing, NaN payloads apart.
    public static let commutative = Traits(rawValue: 1)
    /// Two nodes with the same operands are still two (inputs).
    public static let unique = Traits(rawValue: 2)
    /// The first operand is a condition, which says nothing of the dtype of the others.
    public static let conditional = Traits(rawValue: 4)
  }
}

/// One operand of an op.
public struct OperandSpec: Sendable {
  /// Its name in documentation.
  public var name: String
  /// The dtypes it may have.
  public var dtypes: DTypeSet
  /// Whether it stands for one or more operands; only the last may.
  public var isVariadic: Bool
  /// Whether it may also stand for none, where it is variadic.
  public var mayBeNone: Bool

  package init(
    _ name: String, _ dtypes: DTypeSet = .any, variadic: Bool = false, mayBeNone: Bool = false
  ) {
    self.name = name
    self.dtypes = dtypes
    self.isVariadic = variadic
    self.mayBeNone = mayBeNone
  }
}

/// A set of dtypes.
public struct DTypeSet: OptionSet, Sendable {
  /// One bit a dtype.
  public let rawValue: UInt16
  /// A set from bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The set of one dtype.
  public init(_ dtype: DType) { rawValue = 1 << UInt16(dtype.rawValue) }

  /// `f32`, `f64`.
  public static let floats: DTypeSet = [DTypeSet(.f32), DTypeSet(.f64)]
  /// `i32`, `i64`, `u8`.
  public static let integers: DTypeSet = [DTypeSet(.i32), DTypeSet(.i64), DTypeSet(.u8)]
  /// `i32`, `i64`: what indexes.
  public static let indices: DTypeSet = [DTypeSet(.i32), DTypeSet(.i64)]
  /// `bool`.
  public static let bool = DTypeSet(.bool)
  /// All that counts.
  public static let numbers: DTypeSet = [.floats, .integers]
  /// All that is calculated with.
  public static let computable: DTypeSet = [.numbers, .bool]
  /// `f16`, `bf16`: what is only stored.
  public static let narrow: DTypeSet = [DTypeSet(.f16), DTypeSet(.bf16)]
  /// All.
  public static let any: DTypeSet = [.computable, .narrow]

  /// Whether the dtype is in the set.
  public func contains(_ dtype: DType) -> Bool { rawValue & (1 << UInt16(dtype.rawValue)) != 0 }

  /// The dtypes as text: `f32, f64`.
  public var text: String { DType.allCases.filter { contains($0) }.map(\.name).joined(separator: ", ") }
}

/// What is wrong with the operands or attributes of a node.
public struct InferenceError: Error, Hashable, Sendable {
  /// What was seen.
  public var message: String
  /// The way out.
  public var remedy: Remedy?

  /// A way out, which text and Swift write in their own ways.
  public enum Remedy: Hashable, Sendable {
    /// The same words for both.
    case words(String)
    /// Words that only make sense in text.
    case text(String)
    /// To convert something to this dtype; nil where several will do.
    case convert(String, to: DType?)
    /// To repeat the smaller tensor.
    case `repeat`
    /// To swap the last two axes of an operand of `matmul`.
    case swapAxes
  }

  /// The way out as text writes it.
  public var hint: String? {
    switch remedy {
    case nil: nil
    case .words(let words), .text(let words): words
    case .convert(let what, let dtype): "convert \(what): `cast %x {dtype = \(dtype?.name ?? "...")}`"
    case .repeat: "repeat the smaller one: `broadcast %x {shape = ...}`"
    case .swapAxes: "`transpose_lhs` and `transpose_rhs` swap the last two axes"
    }
  }

  /// A mistake with a way out in words.
  public init(_ message: String, hint: String? = nil) {
    self.init(message, hint.map { .words($0) })
  }

  /// A mistake with a way out.
  public init(_ message: String, _ remedy: Remedy?) {
    self.message = message
    self.remedy = remedy
  }
}

/// The question put to an op's inference rule, and its answer; reused from node to node.
public struct Inference: Sendable {
  /// The types of the operands; their number and dtypes are checked already.
  public var operands: [TypeID] = []
  /// The attribute record; presence and kinds are checked already.
  public var attributes: AttributesID = AttributeTable.empty
  /// The types of the results, to be appended.
  public var results: [TypeID] = []

  init() {}
}

/// Computes result types.
public typealias InferenceRule = @Sendable (inout Tables, inout Inference) throws(InferenceError) -> Void

/// A local simplification with a name and its identity.
///
/// It looks at a node about to be emitted and gives the value to use instead, or nil. It may emit nodes.
public struct RewriteRule: Sendable {
  /// What the rule does to a node.
  public typealias Body = @Sendable (inout ModuleBuilder, Op, Span<ValueID>, AttributesID) -> ValueID?

  /// The name, as remarks print it: `add-zero`.
  public var name: String
  /// The identity, as documentation prints it: `x + 0 = x`.
  public var identity: String
  /// Match first, then build.
  public var body: Body

  package init(_ name: String, _ identity: String, _ body: @escaping Body) {
    self.name = name
    self.identity = identity
    self.body = body
  }
}
