public import SluiceFormats
import SluiceIR
public import SluicePlan

/// The fixed inputs of a model's self-test, and the hash of results: the same in Swift and in the generated C.
///
/// Elements are made of bits, without arithmetic that could be wrong: floats in 1/16 ..< 1, integers in 0 ... 3.
/// Parameters have the numbers 0, 1, ..., states follow, then the inputs of a function; states are positive, since
/// some hold variances.
public enum SelfTest {
  /// What a function gives for its fixed inputs.
  public struct Row: Sendable, Hashable {
    /// The position of the function in the plan.
    public var function: Int
    /// The values of the function's symbols in order.
    public var sizes: [Int64]
    /// The hash of its outputs and of all states after the call.
    public var hash: UInt64

    /// A function, its sizes, and what it gives.
    public init(function: Int, sizes: [Int64], hash: UInt64) {
      self.function = function
      self.sizes = sizes
      self.hash = hash
    }
  }

  /// Where hashes begin.
  public static let seed: UInt64 = 0x6A09_E667_F3BC_C908

  /// The number of states' first tensor, and of a function's first input.
  static func numbers(_ plan: ModulePlan) -> (states: Int, inputs: Int) {
    (plan.parameters.count, plan.parameters.count + plan.states.count)
  }

  private static func mix(_ value: UInt32) -> UInt32 {
    var x = value
    x = (x ^ (x >> 16)) &* 0x85EB_CA6B
    x = (x ^ (x >> 13)) &* 0xC2B2_AE35
    return x ^ (x >> 16)
  }

  /// The bits of one element.
  static func element(_ dtype: DType, number: Int, index: Int, signed: Bool) -> UInt64 {
    let r = mix(
      UInt32(truncatingIfNeeded: number) &* 0x9E37_79B9 &+ UInt32(truncatingIfNeeded: index) &+ 1)
    let sign = signed ? UInt64(r >> 31) : 0
    let exponent = UInt64((r >> 28) & 3)
    switch dtype {
    case .f32: return sign << 31 | (123 + exponent) << 23 | UInt64(r & 0x7F_FFFF)
    case .f64: return sign << 63 | (1019 + exponent) << 52 | UInt64(r & 0xF_FFFF) << 32 | UInt64(mix(r))
    case .f16: return sign << 15 | (11 + exponent) << 10 | UInt64(r & 0x3FF)
    case .bf16: return sign << 15 | (123 + exponent) << 7 | UInt64(r & 0x7F)
    case .i32, .i64: return UInt64(r & 3)
    case .u8: return UInt64(r & 0xFF)
    case .bool: return UInt64(r & 1)
    }
  }

  private static func tensor(_ dtype: DType, _ shape: [Int], number: Int, signed: Bool) -> HostTensor? {
    guard let count = HostTensor.elementCount(of: shape) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * dtype.byteCount)
    for index in 0..<count {
      let bits = element(dtype, number: number, index: index, signed: signed)
      for byte in 0..<dtype.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    return try? HostTensor(dtype: dtype, shape: shape, bytes: bytes)
  }

  private static func tensors(
    _ variables: [ModulePlan.Variable], _ plan: ModulePlan, first: Int, signed: Bool
  )
    -> [HostTensor]
  {
    variables.enumerated().compactMap { row, variable in
      let shape = plan.tables.types.shape(variable.type).map { Int(plan.tables.dims.value($0) ?? 0) }
      return tensor(plan.tables.types.dtype(variable.type), shape, number: first + row, signed: signed)
    }
  }

  /// The fixed parameters.
  public static func parameters(_ plan: ModulePlan) -> [HostTensor] {
    tensors(plan.parameters, plan, first: 0, signed: true)
  }

  /// The fixed states before each call.
  public static func states(_ plan: ModulePlan) -> [HostTensor] {
    tensors(plan.states, plan, first: numbers(plan).states, signed: false)
  }

  /// The fixed inputs of a function for sizes of its symbols; nil where these give no shape.
  public static func inputs(_ plan: ModulePlan, function: Int, sizes: [Int64]) -> [HostTensor]? {
    let called = plan.functions[function]
    let first = numbers(plan).inputs
    var inputs: [HostTensor] = []
    for (row, port) in called.inputs.enumerated() {
      guard let shape = shape(port.type, plan, called, sizes),
        let tensor = tensor(plan.tables.types.dtype(port.type), shape, number: first + row, signed: true)
      else { return nil }
      inputs.append(tensor)
    }
    return inputs
  }

  /// A shape for sizes of symbols; nil where a dim is negative or too large.
  static func shape(_ type: TypeID, _ plan: ModulePlan, _ function: ExecutionPlan, _ sizes: [Int64]) -> [Int]?
  {
    let values = Dictionary(uniqueKeysWithValues: zip(function.symbols, sizes))
    var shape: [Int] = []
    for dim in plan.tables.types.shape(type) {
      guard let value = plan.tables.dims.evaluate(dim, { values[$0] ?? 0 }), value >= 0, value < 1 << 31
      else { return nil }
      shape.append(Int(value))
    }
    return shape
  }

  /// A hash that also depends on these tensors, element by element.
  public static func hash(_ tensors: [HostTensor], into seed: UInt64) -> UInt64 {
    var hash = seed
    for tensor in tensors {
      let size = tensor.dtype.byteCount
      for start in stride(from: 0, to: tensor.bytes.count, by: size) {
        var word: UInt64 = 0
        for byte in 0..<size { word |= UInt64(tensor.bytes[start + byte]) << UInt64(8 * byte) }
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
      }
    }
    return hash
  }

  /// About how many scalar operations, loads and stores a call with these sizes makes; loops without a count
  /// run once.
  public static func work(_ plan: ModulePlan, function: Int, sizes: [Int64]) -> Int64 {
    let called = plan.functions[function]
    let values = Dictionary(uniqueKeysWithValues: zip(called.symbols, sizes))
    var costs: [Int: Int64] = [:]
    var factors: [Int64] = [1]
    var total: Int64 = 0
    for step in called.steps {
      switch step {
      case .call(let kernel, _):
        let each =
          costs[kernel.index]
          ?? {
            var cost = CCost(plan.tables.dims)
            let work = cost.cost(CKernelTree(plan.kernels[kernel.index]).nodes)
            return cost.dims.evaluate(work) { values[$0] ?? 1 } ?? .max
          }()
        costs[kernel.index] = each
        let (product, overflow) = each.multipliedReportingOverflow(by: factors.last ?? 1)
        if overflow || product < 0 { return .max }
        let (sum, isLarge) = total.addingReportingOverflow(product)
        if isLarge { return .max }
        total = sum
      case .loop(_, let count, _):
        let times = max(0, plan.tables.dims.evaluate(count) { values[$0] ?? 1 } ?? .max)
        let (product, overflow) = times.multipliedReportingOverflow(by: factors.last ?? 1)
        if overflow { return .max }
        factors.append(product)
      case .forever, .branch, .together: factors.append(factors.last ?? 1)
      case .end: factors.removeLast()
      case .leave, .otherwise: continue
      }
    }
    return total
  }
}
