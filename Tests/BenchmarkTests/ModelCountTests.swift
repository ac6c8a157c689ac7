// What the plans of the shipped models cost, as upper bounds: they may only fall.

import Sluice
import SluiceModels
import SluicePlan
import Testing

@testable import sluice_bench

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The rows of `Tools/bench count` with few layers.
///
/// What a layer costs is the difference to a model with one more.
@Suite struct ModelCountTests {
  /// What a row may cost at most.
  struct Row: Sendable, CustomTestStringConvertible {
    /// The row of the benchmark, and the layers or blocks it has here.
    var name: String
    var layers: Int
    /// Kernel calls of one layer or block more; nil where it is not planned.
    var layerCalls: Int?
    /// Kernel calls, different kernels, bytes of the arena, and megabytes (10^6) that kernels move.
    var calls: Int
    var kernels: Int
    var arena: Int
    var megabytes: Double

    var testDescription: String { name }
  }

  static let rows: [Row] = [
    Row(
      name: "gpt-small", layers: 1, layerCalls: 20, calls: 43, kernels: 43, arena: 8_107_136,
      megabytes: 53.906),
    Row(
      name: "bert-small", layers: 1, calls: 63, kernels: 61, arena: 7_506_240,
      megabytes: 61.356),
    Row(
      name: "simclr-step", layers: 1, calls: 64, kernels: 62, arena: 202_059_008,
      megabytes: 1338.95),
    Row(
      name: "gpt-forward", layers: 1, layerCalls: 5, calls: 8, kernels: 8, arena: 7_872_512,
      megabytes: 46.6),
    Row(
      name: "bert-forward", layers: 1, layerCalls: 5, calls: 9, kernels: 9, arena: 7_880_704,
      megabytes: 50.930),
    Row(
      name: "gpt2-prefill", layers: 1, layerCalls: 6, calls: 15, kernels: 14, arena: 2_371_584,
      megabytes: 191.336),
    Row(
      name: "gpt2-decode", layers: 1, layerCalls: 12, calls: 17, kernels: 13, arena: 33_856,
      megabytes: 184.691),
    Row(
      name: "minilm-1", layers: 1, layerCalls: 6, calls: 5, kernels: 5, arena: 1_181_696,
      megabytes: 12.05),
    Row(
      name: "simclr-embed", layers: 1, layerCalls: 2, calls: 10, kernels: 10, arena: 58_851_328,
      megabytes: 246.95),
  ]

  @Test(arguments: rows)
  func costsAtMost(_ row: Row) throws {
    let workload = try #require(Workload.named(row.name).first)
    let part = try #require(workload.part)
    let one = try count(workload, part, row.layers)
    let found = """
      \(one.count.calls) calls, \(one.count.kernels) kernels, arena \(one.arena), \(one.count.bytes / 1e6) MB
      """
    if let layerCalls = row.layerCalls {
      let more = try count(workload, part, row.layers + 1).count.calls - one.count.calls
      #expect(more <= layerCalls * part.count, "\(more) calls more")
    }
    #expect(one.count.calls <= row.calls, "\(found)")
    #expect(one.count.kernels <= row.kernels, "\(found)")
    #expect(one.arena <= row.arena, "\(found)")
    #expect(one.count.bytes <= row.megabytes * 1e6, "\(found)")
  }

  /// Arenas are at most 2 % larger than what is alive at once, in every function of every model.
  @Test(arguments: shippedModels.map(\.name)) func arenasAreTight(_ name: String) throws {
    let model = try #require(shippedModels.first { $0.name == name })
    for function in try compile(model.trace()).functions { expectTight(function, of: name) }
  }

  /// The same for the rows of the benchmark; those that take seconds to plan only when everything is asked for.
  @Test(arguments: Workload.all.filter { isExhaustive || !slowRows.contains($0.name) }.map(\.name))
  func arenasOfRowsAreTight(_ name: String) throws {
    let row = try #require(Workload.all.first { $0.name == name })
    for function in try compile(row.module()).functions { expectTight(function, of: name) }
  }

  private static let isExhaustive = unsafe getenv("SLUICE_EXHAUSTIVE") != nil
  private static let slowRows = ["gpt-medium", "bert-medium", "gpt2-step", "bert-small"]

  private func expectTight(_ function: ExecutionPlan, of model: String) {
    let (bytes, bound) = (function.arenaBytes, function.lowerBoundBytes)
    #expect(Double(bytes) <= 1.02 * Double(bound), "\(model): @\(function.name) has \(bytes) of \(bound)")
  }

  /// What a row costs with so many layers.
  private func count(
    _ workload: Workload, _ part: Workload.Part, _ layers: Int
  ) throws -> (count: PlanCount, arena: Int) {
    var workload = workload
    guard case .model(let model, var settings) = workload.source else {
      throw UsageError(description: "`\(workload.name)` is no row of a model")
    }
    settings[part.setting] = "\(layers)"
    workload.source = .model(model, settings)
    let plan = try compile(workload.module())
    let function = try #require(plan.function(workload.function))
    return (PlanCount(plan, function, try workload.sizes(plan, function)), function.arenaBytes)
  }
}
