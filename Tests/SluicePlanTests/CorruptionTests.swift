import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Corrupts sound plans in seeded ways: the checker rejects whatever is not sound, and what it accepts runs.
@Suite struct CorruptionTests {
  /// Corrupts a plan `count` times and reports what the checker should not have accepted.
  static func failures(
    _ plan: ModulePlan, name: String, seed: UInt64, count: Int, run: (ModulePlan) throws -> [[UInt8]]
  ) throws -> (failures: [String], accepted: [String: Int], rejected: [String: Int]) {
    let expected = try run(plan)
    var corruptor = PlanCorruptor(seed: seed)
    var failures: [String] = []
    var (accepted, rejected): ([String: Int], [String: Int]) = ([:], [:])
    for _ in 0..<count {
      guard let corruption = corruptor.corrupt(plan) else { continue }
      let diagnostics = PlanChecker().check(corruption.plan)
      if !diagnostics.isEmpty {
        rejected[corruption.kind, default: 0] += 1
        continue
      }
      accepted[corruption.kind, default: 0] += 1
      let text = "\(name), \(corruption.kind): \(corruption.change)"
      if corruption.expectation == .rejected {
        failures.append("\(text): accepted")
        continue
      }
      do {
        let results = try run(corruption.plan)
        if corruption.expectation == .sameResults, results != expected {
          failures.append("\(text): other results")
        }
      } catch {
        failures.append("\(text): \(error)")
      }
    }
    return (failures, accepted, rejected)
  }

  /// The outputs and states of every function, for a few sizes each.
  static func run(_ plan: ModulePlan) throws -> [[UInt8]] {
    let tables = plan.tables
    var results: [[UInt8]] = []
    for function in plan.functions {
      for size in 0..<4 {
        var symbols: [SymbolID: Int] = [:]
        for (position, symbol) in function.symbols.enumerated() {
          let bound = Int(tables.dims.symbols[symbol.index].bound)
          symbols[symbol] =
            size == 0 ? bound : size == 1 ? position % 2 : min(bound, (position * 7 + size) % 5)
        }
        func value(_ dim: DimID) throws -> Int64 {
          guard let value = tables.dims.evaluate(dim, { Int64(symbols[$0] ?? 0) }) else {
            throw PlanMachine.Violation(description: "overflow")
          }
          return value
        }
        if try function.checkedDims.contains(where: { try value($0) < 0 }) { continue }
        func tensor(_ type: TypeID, _ seed: Int) throws -> HostTensor {
          let shape = try tables.types.shape(type).map { Int(max(try value($0), 0)) }
          return try numbers(tables.types.dtype(type), shape, seed: UInt64(seed))
        }
        var machine = PlanMachine(
          plan, parameters: try plan.parameters.enumerated().map { try tensor($1.type, $0 + 101) },
          states: try plan.states.enumerated().map { try tensor($1.type, $0 + 201) })
        let inputs = try function.inputs.enumerated().map { try tensor($1.type, $0 + 1) }
        results += try machine.run(function.name, inputs, symbols: symbols).map(\.bytes) + [machine.states]
      }
    }
    return results
  }

  private static func numbers(_ dtype: DType, _ shape: [Int], seed: UInt64) throws -> HostTensor {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    var bytes: [UInt8] = []
    for _ in 0..<shape.reduce(1, *) {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let number = Int64(state >> 40) % 19 - 9
      let bits: UInt64 =
        switch dtype {
        case .f32: UInt64((Float(number) / 4).bitPattern)
        case .f64: (Double(number) / 4).bitPattern
        case .i32, .i64: UInt64(bitPattern: number)
        case .u8: UInt64(number.magnitude)
        case .bool: UInt64(number & 1)
        case .f16: UInt64(NarrowFloat.f16(Double(number) / 4))
        case .bf16: UInt64(NarrowFloat.bf16(Double(number) / 4))
        }
      for byte in 0..<dtype.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    return try HostTensor(dtype: dtype, shape: shape, bytes: bytes)
  }

  @Test(arguments: SamplePlans.all.indices)
  func acceptedPlansRun(_ index: Int) throws {
    let (name, plan) = SamplePlans.all[index]
    let (failures, _, rejected) = try Self.failures(
      plan, name: name, seed: UInt64(index) + 1, count: 60, run: Self.run)
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    #expect(!rejected.isEmpty)
  }

  /// The checker looks at everything that may be wrong: of every kind of corruption it rejects some.
  @Test(arguments: PlanCorruptor.kinds.indices)
  func everyKindIsRejected(_ index: Int) {
    let kind = PlanCorruptor.kinds[index]
    var corruptor = PlanCorruptor(seed: UInt64(index) + 1)
    let isRejected = (0..<20).contains { _ in
      SamplePlans.all.contains { _, plan in
        corruptor.corrupt(plan, kind).map { !PlanChecker().check($0.plan).isEmpty } ?? false
      }
    }
    #expect(isRejected, "\(kind.name)")
  }
}
