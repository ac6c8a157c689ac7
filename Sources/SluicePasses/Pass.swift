/// The passes and the pipelines made of them: one list, from which the command line and the documentation read.

public import SluiceIR

/// A rewrite of a whole module that keeps its meaning: every function gives the same results and writes.
///
/// A pass takes a module that `verify` accepts and gives one that it accepts too. It is a linear sweep that
/// rebuilds every graph forward, and a plain function in a file of its own.
public struct Pass: Sendable {
  /// The name on the command line: `dce`.
  public var name: String
  /// What it does, in one line.
  public var summary: String
  /// Rewrites a module; what it did, or why it did not, is appended to the remarks.
  public var run: @Sendable (_ module: Module, _ remarks: inout [Diagnostic]) -> Module

  /// A pass of that name.
  public init(
    _ name: String, _ summary: String, run: @escaping @Sendable (Module, inout [Diagnostic]) -> Module
  ) {
    self.name = name
    self.summary = summary
    self.run = run
  }

  /// All passes.
  public static let all: [Pass] = [
    Pass("expand", "replaces every composite op by the primitives that compute it", run: expand),
    Pass("inline", "replaces calls by the nodes of their bodies", run: inline),
    Pass("simplify", "applies the named rules of the op table and merges identical nodes", run: simplify),
    Pass("order", "puts nodes where results need them, in whatever order they were written", run: order),
    Pass("fuse-scans", "runs scans over the same operands that carry the same values as one", run: fuseScans),
    Pass("narrow-slices", "computes only the parts of products that slices ask for", run: narrowSlices),
    Pass("hoist", "moves out of scans what does not depend on what they carry", run: hoist),
    Pass(
      "dce", "drops nodes that no result or write needs, and bodies that no graph runs", run: dropDeadCode),
  ]

  /// The pass of a name; nil where there is none.
  public static func named(_ name: String) -> Pass? { all.first { $0.name == name } }
}

/// How much work goes into making a module faster.
public enum OptimizationLevel: Int, CaseIterable, Sendable {
  /// `-O0`: only what execution needs, so that every node that is written is computed.
  case none = 0
  /// `-O1`: also leaves out what nothing needs; what is computed is computed as written.
  case clean = 1
  /// `-O2`: also applies every rule.
  case full = 2

  /// The names of the passes, in order.
  public var passes: [String] {
    switch self {
    case .none: ["expand"]
    case .clean: ["expand", "dce"]
    case .full: ["expand", "inline", "simplify", "order", "narrow-slices", "fuse-scans", "hoist", "dce"]
    }
  }
}
