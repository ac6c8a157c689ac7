/// What the tests of this module share: small modules, and numbers that come again.

import SluiceIR

/// A module made by `build`, with nodes as written.
func module(simplifies: Bool = false, _ build: (inout ModuleBuilder) throws -> Void) rethrows -> Module {
  var builder = ModuleBuilder(name: "test", simplifies: simplifies)
  try build(&builder)
  return builder.finish()
}

extension ModuleBuilder {
  /// A type with integer dims.
  mutating func type(_ dtype: DType, _ extents: Int...) -> TypeID {
    let shape = extents.map { tables.dims.integer($0) }
    return tables.types.intern(dtype, shape)
  }

  /// An input of a name.
  mutating func input(_ name: String, _ type: TypeID) -> ValueID {
    let id = tables.strings.intern(name)
    return input(type, name: id)
  }
}

/// SplitMix64: random numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
