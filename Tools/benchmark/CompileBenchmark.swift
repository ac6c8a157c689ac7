// `bench compile`: what every stage of the compiler costs on large graphs, and whether it is linear.

import Foundation
import SluiceC
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText

/// Runs all stages on graphs of growing size.
struct CompileBenchmark: Sendable {
  static let usage = """
    usage: Tools/bench compile [--nodes N] [--graph NAME] [--stack KIB] [--no-c] [--json]

    Builds large graphs and measures every stage of the compiler on them: seconds on the clock and of this
    process alone (user mode), nodes a second of the latter, bytes a node by which the process grew, and how many
    times the user seconds of the half size it took.

      --nodes N      the larger of two sizes; without it 10000, 100000, 1000000 and 2000000
      --graph NAME   one graph only: \(ScaleGraph.all.map(\.name).joined(separator: ", "))
      --stack KIB    the stack of the thread that does the work; 512
      --no-c         leaves out printing the plan as C
      --json         one JSON object a measurement, on lines of their own

    The graphs:
    \(ScaleGraph.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))
    """

  /// One measured stage.
  private struct Row {
    var graph: String
    var nodes: Int
    var stage: String
    var cost: Cost
    var ratio: Double?
  }

  private var sizes = [10_000, 100_000, 1_000_000, 2_000_000]
  private var graphs = ScaleGraph.all
  private var stack = 512
  private var emitsC = true
  private var isJSON = false

  init(_ words: [String]) throws {
    var words = words[...]
    func number(_ word: String) throws -> Int {
      guard let text = words.popFirst(), let value = Int(text), value > 0, value <= 100_000_000 else {
        throw UsageError(description: "`\(word)` takes a number above 0")
      }
      return value
    }
    while let word = words.popFirst() {
      switch word {
      case "--nodes":
        let count = try number(word)
        sizes = [Swift.max(count / 2, 1), count]
      case "--graph":
        let name = words.popFirst() ?? ""
        graphs = ScaleGraph.all.filter { $0.name == name }
        if graphs.isEmpty { throw UsageError(description: "there is no graph `\(name)`") }
      case "--stack": stack = try number(word)
      case "--no-c": emitsC = false
      case "--json": isJSON = true
      case "--help", "-h":
        print(Self.usage)
        exit(0)
      default: throw UsageError(description: "unknown argument `\(word)`\n\(Self.usage)")
      }
    }
  }

  func run() throws {
    let outcome = Outcome()
    let thread = Thread {
      do { try measure() } catch { outcome.error = error }
      outcome.isDone.signal()
    }
    thread.stackSize = stack << 10
    thread.start()
    outcome.isDone.wait()
    if let error = outcome.error { throw error }
  }

  /// How the thread ended; read after `isDone`.
  private final class Outcome: @unchecked Sendable {
    let isDone = DispatchSemaphore(value: 0)
    var error: (any Error)?
  }

  private func measure() throws {
    if !isJSON { header() }
    for graph in graphs {
      var half: (nodes: Int, rows: [Row]) = (0, [])
      for size in sizes {
        var rows = try stages(graph, size)
        for index in rows.indices where half.nodes * 2 == size {
          let before = half.rows.first { $0.stage == rows[index].stage }?.cost.user ?? 0
          // Less than this is noise.
          if before >= 0.01 { rows[index].ratio = rows[index].cost.user / before }
        }
        for row in rows { show(row) }
        half = (size, rows)
      }
    }
  }

  /// All stages on one graph.
  private func stages(_ graph: ScaleGraph, _ size: Int) throws -> [Row] {
    var rows: [Row] = []
    var count = size
    func stage<Result>(_ name: String, _ work: () throws -> Result) throws -> Result {
      let (result, cost) = try Meter.measure(work)
      rows.append(Row(graph: graph.name, nodes: count, stage: name, cost: cost))
      return result
    }
    var module = try stage("build") { try graph.build(size) }
    count = module.nodeCount
    rows[0].nodes = count
    let text = try stage("print") { printedModule(module) }
    module = try stage("read") { try parseModule(text, file: "\(graph.name).sluice") }
    let errors = try stage("verify") { verify(module) }
    if !errors.isEmpty { throw Diagnostics(errors) }
    for name in OptimizationLevel.full.passes {
      guard let pass = Pass.named(name) else { continue }
      module = try stage(name) {
        var remarks: [Diagnostic] = []
        return pass.run(module, &remarks)
      }
    }
    let plan = try stage("plan") { try Planner.plan(module) }
    let unsound = try stage("check plan") { PlanChecker().check(plan) }
    if !unsound.isEmpty { throw Diagnostics(unsound) }
    if emitsC { _ = try stage("print C") { CSource.emitC(plan) } }
    return rows
  }

  // MARK: Output

  private func header() {
    print(
      "graph".padded(8) + "nodes".led(9) + "  " + "stage".padded(11) + "wall s".led(9) + "user s".led(9)
        + "nodes/s".led(12) + "bytes/node".led(12) + "doubling".led(10))
  }

  private func show(_ row: Row) {
    let speed = row.cost.user > 0 ? Double(row.nodes) / row.cost.user : 0
    let bytes = row.cost.bytes.map { $0 / row.nodes }
    if isJSON {
      print(
        "{\"graph\": \"\(row.graph)\", \"nodes\": \(row.nodes), \"stage\": \"\(row.stage)\", "
          + "\"wall_s\": \(fixed(row.cost.wall)), \"user_s\": \(fixed(row.cost.user)), "
          + "\"nodes_per_s\": \(Int(speed)), \"bytes_per_node\": \(bytes.map(String.init) ?? "null"), "
          + "\"doubling\": \(row.ratio.map(fixed) ?? "null")}")
    } else {
      print(
        row.graph.padded(8) + "\(row.nodes)".led(9) + "  " + row.stage.padded(11)
          + fixed(row.cost.wall).led(9) + fixed(row.cost.user).led(9)
          + (row.cost.user > 0.001 ? "\(Int(speed))" : "").led(12)
          + (bytes.map { "\($0)" } ?? "").led(12) + (row.ratio.map { fixed($0) } ?? "").led(10))
    }
    fflush(nil)
  }

  private func fixed(_ value: Double) -> String { String(format: "%.3f", value) }
}
