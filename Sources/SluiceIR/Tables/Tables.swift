/// Everything that graphs of one module share: interned strings, dims, types, attributes, constants, locations.
public struct Tables: Sendable {
  /// Names and texts.
  public var strings = StringTable()
  /// Integers and polynomials.
  public var dims = DimTable()
  /// Tensor types.
  public var types = TypeTable()
  /// Attribute records.
  public var attributes = AttributeTable()
  /// Constant tensors.
  public var constants = ConstantTable()
  /// Places in sources.
  public var locations = LocationTable()
  /// The parameters and states, in order of declaration.
  public internal(set) var variables: [Variable] = []
  /// What each graph takes and gives.
  public internal(set) var signatures: [GraphSignature] = []
  private var variableIndex: [StringID: Int] = [:]

  /// Empty tables.
  public init() {}

  /// The parameter or state of a name.
  public func variable(_ name: StringID) -> Variable? { variableIndex[name].map { variables[$0] } }

  /// Adds a parameter or state; false when the name is taken.
  package mutating func declare(_ variable: Variable) -> Bool {
    guard variableIndex[variable.name] == nil else { return false }
    variableIndex[variable.name] = variables.count
    variables.append(variable)
    return true
  }

  /// Forgets the parameters and states for which this is false; no graph may name them.
  package mutating func keepVariables(where isKept: (Variable) -> Bool) {
    variables = variables.filter(isKept)
    variableIndex = Dictionary(uniqueKeysWithValues: variables.enumerated().map { ($1.name, $0) })
  }

  /// The dims of a type, as text: `f32[B,64]`.
  public func text(_ type: TypeID) -> String {
    types.dtype(type).name + text(types.shape(type))
  }

  /// A shape as text: `[B,64]`.
  public func text(_ shape: [DimID]) -> String {
    "[" + shape.map { text($0) }.joined(separator: ",") + "]"
  }

  /// A dim as text: `B*S + 1` is written `B*S+1`, terms by falling degree, then by the symbols' names.
  public func text(_ dim: DimID) -> String {
    if let value = dims.value(dim) { return String(value) }
    struct NamedTerm {
      var coefficient: Int64
      var names: [String]
    }
    let terms = dims.terms(dim).map { term in
      NamedTerm(
        coefficient: term.coefficient,
        names: term.symbols.map { strings[dims.symbols[$0.index].name] }.sorted())
    }
    var text = ""
    for term in terms.sorted(by: {
      $0.names.count != $1.names.count
        ? $0.names.count > $1.names.count : $0.names.lexicographicallyPrecedes($1.names)
    }) {
      let magnitude = term.coefficient.magnitude
      if term.coefficient < 0 { text += "-" } else if !text.isEmpty { text += "+" }
      if term.names.isEmpty {
        text += String(magnitude)
      } else {
        text += (magnitude == 1 ? "" : "\(magnitude)*") + term.names.joined(separator: "*")
      }
    }
    return text
  }

  /// The number of elements of a type, as a dim; nil where it does not fit 64 bits.
  public mutating func elementCount(_ type: TypeID) -> DimID? {
    dims.product(types.shape(type))
  }
}
