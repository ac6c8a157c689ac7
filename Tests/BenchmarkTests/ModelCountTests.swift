// What the plans of the shipped models cost, as upper bounds: they may only fall.

import Sluice
import SluicePlan
import Testing

@testable import sluice_bench

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
      name: "gpt-small", layers: 1, layerCalls: 32, calls: 55, kernels: 41, arena: 10_386_496,
      megabytes: 68.446),
    Row(
      name: "bert-small", layers: 1, calls: 73, kernels: 57, arena: 8_743_808,
      megabytes: 75.897),
    Row(
      name: "simclr-step", layers: 1, calls: 88, kernels: 75, arena: 300_950_336,
      megabytes: 2262.938),
    Row(
      name: "gpt-forward", layers: 1, layerCalls: 5, calls: 8, kernels: 8, arena: 7_872_512,
      megabytes: 45.547),
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
      megabytes: 12.027),
    Row(
      name: "simclr-embed", layers: 1, layerCalls: 4, calls: 18, kernels: 15, arena: 60_882_944,
      megabytes: 486.017),
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
