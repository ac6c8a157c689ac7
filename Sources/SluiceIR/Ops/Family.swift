/// The kernel families: what an op is to the evaluator, the planner and the backends.
public enum Family: Sendable {
  /// Input, variable or constant: a value without a computation.
  case source(SourceKernel)
  /// One element from the elements at the same place.
  case map(MapKernel)
  /// One element from all along some axes.
  case reduce(ReduceKernel)
  /// One element from those up to it along an axis.
  case cumulative(ReduceOp)
  /// Sums of products over shared axes.
  case contract(ContractKernel)
  /// The same elements at other places.
  case view(ViewKernel)
  /// Elements at places that are computed.
  case index(IndexKernel)
  /// A copy with other elements at computed places.
  case update(UpdateKernel)
  /// Elements from their place alone.
  case generate(GenerateKernel)
  /// Elements put in order.
  case order(OrderKernel)
  /// Small dense matrices.
  case linalg(LinalgKernel)
  /// Runs a body.
  case body(BodyKernel)
  /// Given by other ops.
  case expand(Expansion)

  /// The name in documentation.
  public var name: String {
    switch self {
    case .source: "source"
    case .map: "map"
    case .reduce: "reduce"
    case .cumulative: "cumulative"
    case .contract: "contract"
    case .view: "view"
    case .index: "index"
    case .update: "update"
    case .generate: "generate"
    case .order: "order"
    case .linalg: "linalg"
    case .body: "body"
    case .expand: "expand"
    }
  }
}

extension Family {
  /// How differentiation goes through an op whose row says nothing else.
  var gradient: GradientRule {
    switch self {
    case .source, .generate, .order: .zero
    case .expand: .expansion
    case .body: .bodies
    case .map, .reduce, .cumulative, .contract, .view, .index, .update, .linalg:
      .none("its row states no derivative")
    }
  }
}

/// Where a source's value comes from.
public enum SourceKernel: Sendable { case input, variable, constant }

/// A number as the reference evaluator sees it: floats in binary64, integers and bools in 64 bits.
public enum Number: Sendable, Hashable {
  case float(Double)
  case int(Int64)

  /// As a float.
  public var double: Double {
    switch self {
    case .float(let value): value
    case .int(let value): Double(value)
    }
  }

  /// As an integer; floats count as 0.
  public var int: Int64 { if case .int(let value) = self { value } else { 0 } }
}

/// A map: the scalar program that executes, and an independent witness of its meaning.
public struct MapKernel: Sendable {
  /// Emits the computation of one element; the last parameter is the result's dtype.
  public typealias Program = @Sendable (inout ScalarBuilder, [Scalar], DType) -> Scalar
  /// Computes one element by other means (libm, 64-bit integers); rounding and wrapping is the caller's.
  public typealias Witness = @Sendable ([Number], DType) -> Number

  /// What executes.
  public var program: Program
  /// What it must agree with.
  public var witness: Witness
}

/// How a reduction combines elements.
public enum ReduceKernel: Sendable {
  /// Repeats a scalar operation from its identity.
  case fold(ReduceOp)
  /// The position of the largest (or smallest) element.
  case arg(largest: Bool)
}

/// The operations that reductions and cumulative ops repeat.
public enum ReduceOp: UInt8, Sendable {
  case sum, product, minimum, maximum, and, or

  /// The scalar operation.
  public var scalar: ScalarOp {
    switch self {
    case .sum: .add
    case .product: .multiply
    case .minimum: .minimum
    case .maximum: .maximum
    case .and: .and
    case .or: .or
    }
  }

  /// The result for no elements, as bits: 0, 1, +inf or the largest, -inf or the least.
  public func identity(_ dtype: DType) -> UInt64 {
    switch (self, dtype) {
    case (.sum, _), (.or, _): 0
    case (.product, .f32): UInt64(Float(1).bitPattern)
    case (.product, .f64): Double(1).bitPattern
    case (.product, _), (.and, .bool): 1
    case (.and, _): dtype.byteCount == 8 ? .max : (1 << UInt64(8 * dtype.byteCount)) - 1
    case (.minimum, .f32): UInt64(Float.infinity.bitPattern)
    case (.minimum, .f64): Double.infinity.bitPattern
    case (.minimum, .i32): UInt64(UInt32(bitPattern: Int32.max))
    case (.minimum, .i64): UInt64(bitPattern: Int64.max)
    case (.minimum, .u8): 255
    case (.minimum, .bool): 1
    case (.maximum, .f32): UInt64((-Float.infinity).bitPattern)
    case (.maximum, .f64): (-Double.infinity).bitPattern
    case (.maximum, .i32): UInt64(UInt32(bitPattern: Int32.min))
    case (.maximum, .i64): UInt64(bitPattern: Int64.min)
    case (.maximum, .u8), (.maximum, .bool): 0
    case (_, .f16), (_, .bf16): preconditionFailure("\(dtype.name) is not reduced")
    }
  }
}

/// A product with labels on the axes, as in an einsum: axes with the same label run together, labels that the
/// result lacks are summed over, in ascending order of their label.
public struct ContractKernel: Sendable {
  /// The labels of one contraction.
  public struct Labels: Sendable, Hashable {
    /// A label for every axis of the first operand.
    public var lhs: [Int]
    /// A label for every axis of the second operand.
    public var rhs: [Int]
    /// A label for every axis of the result.
    public var result: [Int]
  }

  /// The labels for operands of these ranks.
  public var labels: @Sendable (_ lhsRank: Int, _ rhsRank: Int, Tables, AttributesID) -> Labels
}

/// The ways to see the same elements at other places.
public enum ViewKernel: Sendable { case reshape, transpose, broadcast, slice, reverse, concat, pad, unfold }

/// The ways to reach elements at computed places.
public enum IndexKernel: Sendable { case gather, takeAlongAxis, dynamicSlice }

/// The ways to change elements at computed places; the first operand is what they are changed in.
public enum UpdateKernel: Sendable { case dynamicUpdateSlice, scatter, scatterAdd }

/// The ways to make elements from their place.
public enum GenerateKernel: Sendable { case iota, randomBits, size }

/// The ways to put elements in order.
public enum OrderKernel: Sendable { case argsort }

/// Algorithms on small dense matrices.
public enum LinalgKernel: Sendable { case inverse, logAbsDet, cholesky, solve, triangularSolve, qr, eigh }

/// The ways to run a body: once, one of two, while a condition holds, once a part.
public enum BodyKernel: Sendable { case call, cond, `while`, scan }

/// A composite: the primitives that compute it.
public struct Expansion: Sendable {
  /// Emits the computation; gives one value a result.
  public var body: @Sendable (inout ModuleBuilder, [ValueID], AttributesID) -> [ValueID]
}
