/// How reverse-mode differentiation goes through an op: from the cotangents of its results to those of its operands.
///
/// The cotangent of a value is the derivative of a scalar (the loss) with respect to it: a value of the same shape.
/// A rule emits ordinary nodes, so that gradients print, run, compile and are differentiated again like all else.
public enum GradientRule: Sendable {
  /// Nothing goes through: the result is constant wherever it has a derivative, or no float at all.
  case zero
  /// One value an operand; nil for an operand that gets nothing.
  case cotangents(Body)
  /// The derivative is that of the expansion.
  case expansion
  /// The derivative is made of those of the bodies that the op runs.
  case bodies
  /// There is none, for a reason.
  case none(String)

  /// Emits the cotangents of the operands; throws where the op has none for these types or attributes.
  public typealias Body = @Sendable (inout ModuleBuilder, GradientNode) throws(InferenceError) -> [ValueID?]

  /// The rule of an elementwise op of one result: a partial derivative for every operand (nil where it is 0), given
  /// the operands and the result, which the cotangent is multiplied with.
  static func partials(
    _ body: @escaping @Sendable (inout ModuleBuilder, _ x: [ValueID], _ z: ValueID) -> [ValueID?]
  ) -> GradientRule {
    .cotangents { (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
      body(&builder, node.operands, node.result).map { partial in
        partial.map { builder.multiply(node.cotangent, $0) }
      }
    }
  }

  /// The rule of an op that chooses, with NaN for every operand where the result is NaN.
  ///
  /// Where NaN took part nothing was chosen, so that no element is the one that made the result. `mark` gives 1 or NaN
  /// for every element of the result, `spread` the same for every element of the operands. Both ends are multiplied, so
  /// that the NaN is there in whichever direction the rule is gone through.
  func marksNaN(
    mark: @escaping @Sendable (inout ModuleBuilder, GradientNode) -> ValueID = { $0.mark($1.result) },
    spread: @escaping @Sendable (inout ModuleBuilder, GradientNode, ValueID) -> ValueID = { $2 }
  ) -> GradientRule {
    guard case .cotangents(let body) = self else { return self }
    return .cotangents { (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
      let factor = mark(&builder, node)
      var marked = node
      marked.cotangents = node.cotangents.map { $0.map { builder.multiply($0, factor) } }
      let cotangents = try body(&builder, marked)
      let wide = spread(&builder, node, factor)
      return cotangents.map { $0.map { builder.multiply($0, wide) } }
    }
  }

  /// The rule of an op of one result and one differentiable operand, the first.
  static func first(
    _ body: @escaping @Sendable (inout ModuleBuilder, GradientNode) throws(InferenceError) -> ValueID
  ) -> GradientRule {
    .cotangents { (builder: inout ModuleBuilder, node: GradientNode) throws(InferenceError) in
      var all = [ValueID?](repeating: nil, count: node.operands.count)
      all[0] = try body(&builder, node)
      return all
    }
  }
}

extension ModuleBuilder {
  /// 1, and NaN where a value is NaN.
  ///
  /// As a factor of cotangents it keeps a rule linear in them, as forward mode needs it, and changes no other bits.
  mutating func mark(_ value: ValueID) -> ValueID {
    let isNaN = unary(.isNaN, value)
    return select(isNaN, splat(.nan, like: value), splat(1, like: value))
  }

  /// `x`, but no further from 0 than a limit, beyond which a slope is what it is at infinity.
  mutating func bounded(_ x: ValueID, _ limit: Double) -> ValueID {
    make(.clamp, [x, splat(-limit, like: x), splat(limit, like: x)])
  }
}

/// A node that differentiation goes through.
public struct GradientNode: Sendable {
  /// The operands.
  public var operands: [ValueID]
  /// The results.
  public var results: [ValueID]
  /// The attributes.
  public var attributes: AttributesID
  /// The cotangent of every result, nil where it is 0; those of f16 and bf16 are f32.
  ///
  /// At least one is there.
  public var cotangents: [ValueID?]
  /// Which operands need a cotangent; others are ignored.
  public var wanted: [Bool]

  /// A node.
  package init(
    operands: [ValueID], results: [ValueID], attributes: AttributesID, cotangents: [ValueID?], wanted: [Bool]
  ) {
    self.operands = operands
    self.results = results
    self.attributes = attributes
    self.cotangents = cotangents
    self.wanted = wanted
  }

  /// The first operand.
  var x: ValueID { operands[0] }

  /// The second operand.
  var y: ValueID { operands[1] }

  /// The only result.
  var result: ValueID { results[0] }

  /// The cotangent of the only result.
  var cotangent: ValueID {
    guard let first = cotangents.lazy.compactMap({ $0 }).first else {
      preconditionFailure("a node without a cotangent is not differentiated")
    }
    return first
  }
}
