/// The list of passes, the pipelines, and the driver.

import SluiceIR
import SluicePasses
import SluiceText
import Testing

struct PassListTests {
  @Test func namesAreUniqueAndFound() {
    #expect(Set(Pass.all.map(\.name)).count == Pass.all.count)
    for pass in Pass.all {
      #expect(Pass.named(pass.name)?.summary == pass.summary)
      #expect(!pass.summary.isEmpty)
    }
    #expect(Pass.named("nothing") == nil)
  }

  @Test(arguments: OptimizationLevel.allCases) func pipelinesAreMadeOfPasses(_ level: OptimizationLevel) {
    #expect(!level.passes.isEmpty)
    for name in level.passes { #expect(Pass.named(name) != nil) }
    #expect(level.passes.contains("expand"), "nothing executes a composite")
  }

  @Test func unknownPassesAreNamed() throws {
    let module = try parse(Op.add.definition.example)
    #expect {
      try runPasses(module, ["expand", "fold"])
    } throws: { error in
      "\(error)" == "error: there is no pass `fold`\nnote: the passes are "
        + Pass.all.map { "`\($0.name)`" }.joined(separator: ", ")
    }
  }

  @Test func everyPassReports() throws {
    let module = try parse(Op.softmax.definition.example)
    var seen: [String] = []
    var last = module.nodeCount
    _ = try runPasses(module, ["expand", "simplify", "dce"]) { report, result in
      seen.append(report.pass)
      #expect(report.nodesBefore == last)
      #expect(report.nodesAfter == result.nodeCount)
      #expect(report.duration >= .zero)
      last = report.nodesAfter
    }
    #expect(seen == ["expand", "simplify", "dce"])
  }

  @Test func brokenModulesAreRefused() throws {
    var module = try parse(Op.add.definition.example)
    module.name = "not a name"
    #expect {
      try runPasses(module, ["dce"], verifyEach: true)
    } throws: { error in
      "\(error)".hasSuffix("note: found before the first pass")
    }
  }

  /// Every example goes through every pipeline, and every step gives a module that holds together.
  @Test(arguments: Op.allCases) func examplesGoThrough(_ op: Op) throws {
    let module = try parse(op.definition.example)
    for level in OptimizationLevel.allCases {
      let result = try runPasses(module, level.passes, verifyEach: true)
      #expect(!result.graphs.contains { $0.ops.contains(where: isComposite) })
      // Signatures stay.
      for function in module.functions {
        let name = module.tables.strings[module[function].name]
        let other = try #require(result.function(name))
        #expect(signature(module, function) == signature(result, other))
      }
      // The result is text like any other.
      let text = printModule(result)
      #expect(printModule(try parse(text)) == text)
    }
  }

  private func signature(_ module: Module, _ function: GraphID) -> [String] {
    let graph = module[function]
    return graph.inputs.map {
      module.inputName($0.index, of: function) + module.tables.text(graph.types[$0.index])
    }
      + graph.results.map { module.tables.text(graph.types[$0.index]) }
  }
}
