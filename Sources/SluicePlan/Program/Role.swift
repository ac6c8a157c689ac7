import SluiceIR

/// What an item does, as far as planning is concerned: the one place where families of ops become roles.
///
/// Everything behind the flattener goes by roles and recipes; nothing there looks at ops.
enum Role: UInt8 {
  /// An element from the elements at the same place, by a scalar program.
  case map
  /// Elements from their place.
  case generate
  /// Elements at places that other elements name: along an axis, or each for itself.
  case gather, gatherAlong
  /// A part that begins at computed places.
  case slice
  /// One element from all along some axes.
  case fold
  /// The position of the largest or smallest element along an axis.
  case argument
  /// The operand's elements in row-major order.
  case copy
  /// Sums of products.
  case contract
  /// One element from those up to it along an axis.
  case cumulative
  /// Operands behind each other along an axis.
  case join
  /// The operand with a border.
  case pad
  /// Positions in the order of the elements.
  case sort
  /// The operand with other elements at computed places.
  case update
  /// An algorithm on small matrices.
  case algorithm

  /// Puts the operand at a target.
  case assign
  /// Repeats the items up to the matching `endLoop`: so often, or until a `leave`.
  case loop, forever
  /// Leaves the innermost loop unless the operand is true.
  case leave
  case endLoop
  /// Runs the items up to `otherwise` where the operand is true, those between it and `endBranch` where not.
  case branch, otherwise, endBranch

  /// The role of an op that computes; nil for sources, looks, bodies and composites, which are no items.
  init?(_ family: Family) {
    switch family {
    case .map: self = .map
    case .reduce(.fold): self = .fold
    case .reduce(.arg): self = .argument
    case .cumulative: self = .cumulative
    case .contract: self = .contract
    case .view(.concat): self = .join
    case .view(.pad): self = .pad
    case .index(.gather): self = .gather
    case .index(.takeAlongAxis): self = .gatherAlong
    case .index(.dynamicSlice): self = .slice
    case .update: self = .update
    case .generate: self = .generate
    case .order: self = .sort
    case .linalg: self = .algorithm
    case .source, .view, .body, .expand: return nil
    }
  }

  /// Whether it begins, turns or ends a loop or branch.
  var isControl: Bool {
    switch self {
    case .loop, .forever, .leave, .endLoop, .branch, .otherwise, .endBranch: true
    default: false
    }
  }

  /// Whether it folds axes of its operand.
  var isReduction: Bool { self == .fold || self == .argument }

  /// Whether it reads operands at computed places.
  var isIndexed: Bool { self == .gather || self == .gatherAlong || self == .slice }

  /// Whether it reads an operand before its loops begin: a seed, where a slice begins, or what a border
  /// is made of.
  func readsAhead(_ position: Int) -> Bool {
    self == .generate || ((self == .slice || self == .pad) && position > 0)
  }

  /// Whether it runs element by element over a space, so that it can share a nest of loops with others.
  var isElementwise: Bool {
    switch self {
    case .map, .generate, .gather, .gatherAlong, .slice, .fold, .argument, .copy, .pad: true
    default: false
    }
  }
}

/// Axes of a tensor as a set of bits.
struct AxisSet: Hashable {
  var bits: UInt16 = 0

  init() {}

  init(_ axes: some Sequence<Int>) {
    for axis in axes { bits |= 1 << UInt16(axis) }
  }

  func contains(_ axis: Int) -> Bool { bits >> UInt16(axis) & 1 == 1 }

  var isEmpty: Bool { bits == 0 }

  /// The only axis, or the first of several.
  var first: Int { bits.trailingZeroBitCount }
}
