/// Large graphs: passes and verifier are sweeps, without recursion over depth.

import SluiceIR
import SluicePasses
import SluiceText
import Synchronization
import TestSupport
import Testing

struct ScaleTests {
  /// How many nodes: a million where the code is optimised.
  private static var nodeCount: Int {
    #if DEBUG
      20_000
    #else
      1_000_000
    #endif
  }

  /// A chain in which every node uses the one before, with composites, dead ends and nodes that are there twice.
  private func chain(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "chain", simplifies: false)
    let three = builder.tables.dims.integer(3)
    let type = builder.tables.types.intern(.f32, [three])
    builder.begin(.function, "f")
    let x = builder.input(type, name: builder.tables.strings.intern("x"))
    var last = x
    while builder.valueCount < count {
      switch builder.valueCount % 5 {
      case 0: last = try builder.emit(.add, [last, x])
      case 1: last = try builder.emit(.negate, [last])
      case 2: try builder.emit(.exp, [last])
      case 3: try builder.emit(.exp, [last])
      default: last = try builder.emit(builder.valueCount % 100 == 4 ? .softmax : .sin, [last])
      }
    }
    try builder.end(results: [last])
    return builder.finish()
  }

  /// A graph of n nodes takes n steps: quadratic work on this many would take hours.
  @Test(.timeLimit(.minutes(1))) func deepChainsAreSwept() throws {
    let count = Self.nodeCount
    let module = try chain(count)
    #expect(module.nodeCount == count)
    let steps = Mutex<[PassReport]>([])
    let errors = Mutex<[Diagnostic]>([])
    let ran = onSmallStack {
      do throws(Diagnostics) {
        let result = try runPasses(module, ["expand", "simplify", "dce"]) { report, _ in
          steps.withLock { $0.append(report) }
        }
        errors.withLock { $0 = verify(module) + verify(result) }
      } catch {
        errors.withLock { $0 = error.all }
      }
    }
    #expect(ran)
    #expect(errors.withLock { $0 } == [])
    let counts = steps.withLock { $0.map(\.nodesAfter) }
    // A softmax becomes 7 nodes; of two identical dead ends one goes at once, the other with dce. Its two reductions
    // leave the axes that they keep to a reshape, which the broadcast behind it makes a dead end.
    let composites = count / 100
    #expect((counts[0] - (count + 6 * composites)).magnitude <= 10)
    #expect((counts[1] - (counts[0] - count / 5 + 2 * composites)).magnitude <= 10)
    #expect((counts[2] - (counts[1] - count / 5 - 2 * composites)).magnitude <= 10)
  }

  /// Many bodies, each run by the next one: graphs are swept like nodes.
  @Test(.timeLimit(.minutes(1))) func deepBodiesAreSwept() throws {
    let count = 1000
    var builder = ModuleBuilder(name: "nest", simplifies: false)
    let type = builder.tables.types.intern(.f32, [])
    let one = builder.tables.dims.integer(1)
    for level in 0..<count {
      builder.begin(level == count - 1 ? .function : .body, "g\(level)")
      let x = builder.input(type, name: .none)
      let attributes = [
        Attribute(.body, .graph(GraphID(Swift.max(level - 1, 0)))), Attribute(.carries, .int(1)),
        Attribute(.length, .dim(one)),
      ]
      try builder.end(results: [
        try builder.emit(level == 0 ? .exp : .scan, [x], level == 0 ? [] : attributes)
      ])
    }
    let module = builder.finish()
    let names = OptimizationLevel.full.passes
    let isSame = Mutex(false)
    let ran = onSmallStack {
      let result = try? runPasses(module, names, verifyEach: true)
      isSame.withLock { $0 = result?.graphs.count == count }
    }
    #expect(ran && isSame.withLock { $0 })
  }

  /// Twice the nodes cost about twice the time: printing, reading, verifying and every pass.
  @Test(.timeLimit(.minutes(5)), arguments: ["print", "read", "verify"] + Pass.all.map(\.name))
  func doublingIsLinear(_ stage: String) {
    let factor = Mutex(Double.infinity)
    let limit = 3.0
    let ran = onSmallStack(byteCount: 512 << 10) {
      // Made once a size, outside of what is compared: by the first of the three runs.
      var modules: [Int: Module] = [:]
      var texts: [Int: [UInt8]] = [:]
      let measured = try? growth(from: Self.nodeCount / 32, doublings: 4, limit: limit) { size in
        let module = try modules[size] ?? fan(size)
        modules[size] = module
        switch stage {
        case "print": _ = printedModule(module)
        case "read":
          let text = texts[size] ?? printedModule(module)
          texts[size] = text
          _ = try parseModule(text, file: "fan.sluice")
        case "verify": #expect(verify(module).isEmpty)
        default: _ = try runPasses(module, [stage])
        }
      }
      factor.withLock { $0 = measured ?? .infinity }
    }
    #expect(ran)
    #expect(factor.withLock { $0 } < limit)
  }

  /// Many looks at one value, each with attributes of its own, all alive at once; then a tree of sums.
  private func fan(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "fan", simplifies: false)
    let leaves = count / 3
    let type = builder.tables.types.intern(.f32, [builder.tables.dims.integer(leaves + 4)])
    builder.begin(.function, "f")
    let x = builder.input(type, name: builder.tables.strings.intern("x"))
    var row: [ValueID] = []
    for index in 0..<leaves {
      let start = Attribute(.start, .dims([builder.tables.dims.integer(index)]))
      let limit = Attribute(.limit, .dims([builder.tables.dims.integer(index + 4)]))
      row.append(try builder.emit(.softmax, [try builder.emit(.slice, [x], [start, limit])]))
    }
    while row.count > 1 {
      var next: [ValueID] = []
      for index in stride(from: 0, to: row.count - 1, by: 2) {
        next.append(try builder.emit(.add, [row[index], row[index + 1]]))
      }
      if row.count % 2 == 1 { next.append(row[row.count - 1]) }
      row = next
    }
    try builder.end(results: row)
    return builder.finish()
  }
}
