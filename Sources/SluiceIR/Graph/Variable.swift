/// A parameter or state of a module: a named tensor that its functions share.
public struct Variable: Hashable, Sendable {
  /// Who changes it.
  public enum Kind: UInt8, Sendable {
    /// Constant while the model runs; read from the parameters file.
    case parameter
    /// Written by functions on return; one relocatable block that the caller keeps.
    case state

    /// The keyword in text.
    public var keyword: String { self == .parameter ? "param" : "state" }
  }

  /// The value before the first call.
  public enum Initializer: Hashable, Sendable {
    /// All 0.
    case zeros
    /// All 1.
    case ones
    /// All the same number.
    case constant(Double)
    /// The identity matrix; the type has two equal dims.
    case eye
    /// Normally distributed with this mean and standard deviation.
    case normal(mean: Double, deviation: Double)
    /// Uniformly distributed in `low ..< high`.
    case uniform(low: Double, high: Double)
    /// These elements.
    case data(ConstantID)
  }

  /// Parameter or state.
  public var kind: Kind
  /// The name, without `@`.
  public var name: StringID
  /// The type; its dims are integers.
  public var type: TypeID
  /// The value before the first call.
  public var initializer: Initializer
  /// Where it was declared.
  public var location: LocationID

  /// A parameter or state.
  public init(
    kind: Kind, name: StringID, type: TypeID, initializer: Initializer = .zeros, location: LocationID = .none
  ) {
    self.kind = kind
    self.name = name
    self.type = type
    self.initializer = initializer
    self.location = location
  }
}

/// What a node that names a graph needs to know of it.
public struct GraphSignature: Hashable, Sendable {
  /// The graph's name.
  public var name: StringID
  /// Function or body.
  public var kind: Graph.Kind
  /// The types of the inputs.
  public var inputs: [TypeID]
  /// The types of the results.
  public var results: [TypeID]
}
