// Values for the variables and inputs of a row: cheap random numbers of the right size, the same in every run.

import SluiceFormats
import SluiceIR
import SluicePlan

/// A source of numbers: a linear congruential generator, which is as good as needed for timing.
///
/// Its multiplier is that of D. Knuth's MMIX.
private struct Numbers {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }

  /// In -1 ..< 1.
  mutating func float() -> Float { Float(next()) * 0x1p-30 - 1 }
}

/// Makes values.
enum Values {
  /// The value of a variable: numbers of the mean and spread that its initializer has.
  static func variable(_ variable: ModulePlan.Variable, _ module: Module) throws -> HostTensor {
    let tables = module.tables
    let dtype = tables.types.dtype(variable.type)
    let shape = tables.types.shape(variable.type).map { Int(tables.dims.value($0) ?? 0) }
    let initializer =
      module.variables.first { tables.strings[$0.name] == variable.name }?.initializer ?? .zeros
    guard dtype == .f32 else { return try .zeros(dtype, shape: shape) }
    let count = HostTensor.elementCount(of: shape) ?? 0
    var (center, spread): (Float, Float) = (0, 0)
    switch initializer {
    case .zeros: break
    case .ones: center = 1
    case .constant(let value): center = Float(value)
    case .eye:
      var values = [Float](repeating: 0, count: count)
      for row in 0..<(shape.first ?? 0) { values[row * ((shape.last ?? 0) + 1)] = 1 }
      return HostTensor(values, shape: shape)
    case .normal(let mean, let deviation): (center, spread) = (Float(mean), Float(deviation) * 1.732)
    case .uniform(let low, let high): (center, spread) = (Float(low + high) / 2, Float(high - low) / 2)
    // Like the numbers of a trained layer.
    case .data: spread = 0.1
    }
    return floats(count, shape, center, spread)
  }

  /// The value of an input.
  static func input(_ given: Workload.Input?, _ dtype: DType, _ shape: [Int]) throws -> HostTensor {
    var below = 1
    switch given {
    case .tensor(let tensor): return tensor
    case .below(let limit): below = limit
    case nil: break
    }
    let count = HostTensor.elementCount(of: shape) ?? 0
    var numbers = Numbers()
    switch dtype {
    case .f32: return floats(count, shape, 0, 1)
    case .f64: return HostTensor((0..<count).map { _ in Double(numbers.float()) }, shape: shape)
    case .i32: return HostTensor((0..<count).map { _ in Int32(numbers.next() % UInt64(below)) }, shape: shape)
    case .i64: return HostTensor((0..<count).map { _ in Int64(numbers.next() % UInt64(below)) }, shape: shape)
    case .u8, .bool, .f16, .bf16: return try .zeros(dtype, shape: shape)
    }
  }

  private static func floats(_ count: Int, _ shape: [Int], _ center: Float, _ spread: Float) -> HostTensor {
    var numbers = Numbers()
    let values = unsafe [Float](unsafeUninitializedCapacity: count) { buffer, used in
      for index in 0..<count {
        unsafe buffer.initializeElement(at: index, to: center + spread * numbers.float())
      }
      used = count
    }
    return HostTensor(values, shape: shape)
  }
}
