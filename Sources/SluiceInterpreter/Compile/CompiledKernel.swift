import SluiceIR
import SluicePlan

/// A kernel as it is executed: flat tables of plain values, registers as places in a register file.
///
/// It depends on no size: the dims that it mentions are rows of `dims`, evaluated when the kernel is bound to
/// symbol values.
final class CompiledKernel: Sendable {
  /// The name, for errors.
  let name: String
  /// The names of the memories, for errors: slots, then locals.
  let memories: [String]
  /// The memories of its own.
  let locals: [LocalCode]
  /// The program.
  let codes: [Code]
  /// Index expressions of loads and stores.
  let addresses: [AddressCode]
  /// Sums of dims times scalars: loop bounds.
  let affines: [AffineCode]
  /// The products of `addresses` and `affines`.
  let terms: [TermCode]
  /// The loops.
  let loops: [LoopCode]
  /// All dims that are mentioned.
  let dims: DimList
  /// Registers with a value that never changes.
  let presets: [Preset]
  /// The size of the register file in bytes.
  let registerBytes: Int
  /// The address row that gathers use, or -1.
  let addressRow: Int32

  init(
    name: String, memories: [String], locals: [LocalCode], codes: [Code], addresses: [AddressCode],
    affines: [AffineCode],
    terms: [TermCode], loops: [LoopCode], dims: DimList, presets: [Preset], registerBytes: Int,
    addressRow: Int32
  ) {
    self.name = name
    self.memories = memories
    self.locals = locals
    self.codes = codes
    self.addresses = addresses
    self.affines = affines
    self.terms = terms
    self.loops = loops
    self.dims = dims
    self.presets = presets
    self.registerBytes = registerBytes
    self.addressRow = addressRow
  }

  /// How many iterations of a tile loop run side by side at most.
  static let tileWidth = Loop.mostLanes
}

/// One instruction: what to do, with places in the register file in bytes (while compiling: virtual registers).
struct Code: Sendable {
  /// What to do.
  enum Kind: UInt8, Sendable {
    /// `result = op(a, b, c)` on operands of `dtype`.
    case scalar
    /// `result = a ? b : c`.
    case select
    /// `result = target(a)`.
    case cast
    /// `result = a`, the same bits.
    case copy
    /// Every element of the row `result` = the scalar `a`.
    case splat
    /// The same for a row of `index` lanes.
    case spread
    /// `result = address`.
    case index
    /// `result = memory a [address]`.
    case load
    /// `memory a [address] = b`.
    case store
    /// Sets all bits of memory `a`, which is a local.
    case poison
    /// Lane `i % index` of row `result` = op(lane, element `i` of row `b`), in order of `i`.
    case fold
    /// Scalar `result` = the lanes of row `a`, combined as a tree.
    case tree
    /// Begins a loop that runs iterations one after the other.
    case beginLoop
    /// Ends it.
    case endLoop
    /// Begins a loop that runs tiles of iterations.
    case beginTiles
    /// Ends it.
    case endTiles
    /// Goes to code `index` unless the bool scalar `a` is true.
    case unless
    /// Ends the program.
    case halt
  }

  var kind: Kind
  var op = ScalarOp.parameter
  /// The dtype of the operands.
  var dtype = DType.i64
  /// The dtype of the result.
  var target = DType.i64
  /// Whether it works on rows.
  var isWide = false
  var result: Int32 = -1
  var a: Int32 = -1
  var b: Int32 = -1
  var c: Int32 = -1
  /// An address, a loop, a number of lanes, a code to go to.
  var index: Int32 = -1
}

/// A memory of a kernel's own.
struct LocalCode: Sendable {
  /// The dim that says how many elements there are.
  var count: Int32
  var elementBytes: Int
  /// How many elements there are at most.
  var most: Int64
}

/// A dim times an i64 scalar; in a gather, times an i64 row.
struct TermCode: Sendable {
  var coefficient: Int32
  var register: Int32
}

/// A dim plus terms.
struct AffineCode: Sendable {
  var constant: Int32
  /// The range of its `terms`.
  var first: Int32
  var last: Int32
}

/// The index of a load or store in every iteration of a tile.
struct AddressCode: Sendable {
  /// The index in the tile's first iteration, gathered parts left out.
  var base: AffineCode
  /// The dim that the tile's loop index is multiplied by, or -1.
  var stride: Int32
  /// The step of that loop.
  var step: Int
  /// The range of the `terms` with rows: an index of its own in every iteration.
  var firstGather: Int32
  var lastGather: Int32

  var isGathered: Bool { firstGather < lastGather }
}

/// A loop.
struct LoopCode: Sendable {
  /// Rows of `affines`; `limit` may be -1.
  var start: Int32
  var end: Int32
  var limit: Int32
  var step: Int
  /// The scalar that counts: in tiles, the first iteration of the tile.
  var index: Int32
  /// A scalar with the number of iterations that are left.
  var remaining: Int32
  /// The row with the index of every iteration of the tile, or -1 where nothing needs it.
  var indexRow: Int32
  /// How many iterations make a tile.
  var tileWidth: Int
  /// The first code of the body.
  var body: Int32
  /// The code after the loop.
  var exit: Int32
}

/// A constant: bits in a scalar or in every element of a row.
struct Preset: Sendable {
  var register: Int32
  var dtype: DType
  var bits: UInt64
  /// How many elements.
  var count: Int
}
