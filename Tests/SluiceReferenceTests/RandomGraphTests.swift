/// Random graphs mean the same after every pipeline, bit for bit.

import SluiceIR
import SluicePasses
import SluiceReference
import Testing

struct RandomGraphTests {
  /// A graph of exact ops over a few shapes, with many constants that rules look for and nodes that are there twice.
  private func graph(seed: UInt64, _ count: Int) throws -> Module {
    var random = SplitMix(seed: seed)
    var builder = ModuleBuilder(name: "random", simplifies: false)
    let dtype: DType = [.f32, .f64, .i32, .u8][Int(seed % 4)]
    let extents = [2, 3].map { builder.tables.dims.integer($0) }
    let type = builder.tables.types.intern(dtype, extents)
    builder.begin(.function, "f")
    var values = [builder.input(type, name: .none), builder.input(type, name: .none)]
    for number in [0, -0.0, 1, 2] where dtype.isFloat || number.sign == .plus {
      values.append(builder.splat(number, like: values[0]))
    }
    while values.count < count {
      let (x, y, z) = (
        values.randomElement(using: &random) ?? .none,
        values.suffix(6).randomElement(using: &random) ?? .none,
        values.randomElement(using: &random) ?? .none
      )
      values.append(try node(&builder, &random, x, y, z, dtype))
    }
    try builder.end(results: values.suffix(4) + [values[count / 2]])
    return builder.finish()
  }

  private func node(
    _ builder: inout ModuleBuilder, _ random: inout SplitMix, _ x: ValueID, _ y: ValueID, _ z: ValueID,
    _ dtype: DType
  ) throws -> ValueID {
    let shape = Attribute(.shape, .dims(builder.shape(x)))
    let zero = builder.tables.dims.integer(0)
    switch Int.random(in: 0..<18, using: &random) {
    case 0...3:
      let binary: [Op] = [.add, .subtract, .multiply, .minimum, .maximum, .divide]
      return try builder.emit(binary.randomElement(using: &random) ?? .add, [x, y])
    case 4: return try builder.emit(dtype == .u8 ? .relu : .negate, [y])
    case 5: return try builder.emit(.clamp, [x, y, z])
    case 6: return try builder.emit(.select, [try builder.emit(.less, [x, y]), y, z])
    case 7: return try builder.emit(.select, [try builder.emit(.equal, [x, z]), y, y])
    case 8: return try builder.emit(.cast, [y], [Attribute(.dtype, .dtype(dtype))])
    case 9:
      return try builder.emit(
        .cast, [try builder.emit(.cast, [y], [Attribute(.dtype, .dtype(.i32))])],
        [Attribute(.dtype, .dtype(dtype))])
    case 10:
      let flat = try builder.emit(.reshape, [y], [Attribute(.shape, .dims([builder.tables.dims.integer(6)]))])
      return try builder.emit(.reshape, [flat], [shape])
    case 11:
      let order = Attribute(.order, .ints([1, 0]))
      return try builder.emit(.transpose, [try builder.emit(.transpose, [y], [order])], [order])
    case 12: return try builder.emit(.transpose, [y], [Attribute(.order, .ints([0, 1]))])
    case 13:
      return try builder.emit(
        .slice, [y], [Attribute(.start, .dims([zero, zero])), Attribute(.limit, .dims(builder.shape(y)))])
    case 14: return try builder.emit(.concat, [y])
    case 15:
      let sum = try builder.emit(
        .sum, [y], [Attribute(.axes, .ints([1])), Attribute(.keepDims, .bool(true))])
      return try builder.emit(.broadcast, [sum], [shape])
    case 16:
      return try builder.emit(
        .reverse, [y], [Attribute(.axes, .ints([Int64.random(in: 0...1, using: &random)]))])
    default: return try builder.emit(.sign, [x])
    }
  }

  @Test(arguments: 0..<40) func pipelinesKeepEveryBit(_ seed: Int) throws {
    let module = try graph(seed: UInt64(seed), 120)
    var random = SplitMix(seed: UInt64(seed) + 1000)
    let inputs = module.graphs[0].inputs.map { input -> ReferenceTensor in
      let dtype = module.tables.types.dtype(module.graphs[0].types[input.index])
      let special: [Double] = [0, -0.0, 1, .nan, .infinity, 0x1p-140, 3]
      let integers: [Int64] = [
        0, 1, dtype == .u8 ? 255 : -1, dtype == .u8 ? 128 : Int64(Int32.min), 7, 100, 2,
      ]
      return dtype.isFloat
        ? ReferenceTensor(
          dtype, [2, 3], floats: (0..<6).map { _ in special.randomElement(using: &random) ?? 0 })
        : ReferenceTensor(
          dtype, [2, 3], integers: (0..<6).map { _ in integers.randomElement(using: &random) ?? 0 })
    }
    let expected = try Reference(module).run(function: "f", inputs: inputs)
    for level in OptimizationLevel.allCases {
      let result = try runPasses(module, level.passes, verifyEach: true)
      #expect(try Reference(result).run(function: "f", inputs: inputs) == expected, "-O\(level.rawValue)")
      if level == .full { #expect(result.nodeCount < module.nodeCount * 3 / 4) }
    }
  }
}
