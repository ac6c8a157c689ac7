import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// The checker takes time in proportion to the steps.
@Suite struct LargePlanTests {
  /// A chain of maps with a few kernels, every buffer in bytes that others used before and will use again.
  static func chain(steps: Int, kernels: Int) -> ModulePlan {
    var m = PlanBuilder("chain")
    m.symbol("B", 8)
    let x = m.input("x", .f32, "B", "64")
    let y = m.output("y", .f32, "B", "64")
    var maps: [KernelID] = []
    for index in 0..<kernels {
      maps.append(
        SamplePlans.map(&m, "64*B", index % 2 == 0 ? .abs : .negate, index % 3 == 0 ? .parallel : .vector))
    }
    let size = 8 * 64 * 4
    var last = x
    var place = 0
    for step in 0..<steps {
      // Nine places in turn, so that the buffer before is never overwritten.
      place = (place + 1 + step % 7) % 9
      let next = m.arena("t", .f32, "64*B", at: place * size)
      m.call(maps[step % kernels], last, next)
      last = next
    }
    m.call(maps[0], last, y)
    return m.plan
  }

  /// Twice the steps take about twice the time; 4 times would be quadratic.
  @Test func aLongChain() {
    var diagnostics: [Diagnostic] = []
    let factor = growth(from: 500, doublings: 3, limit: 3) { steps in
      diagnostics += PlanChecker().report(Self.chain(steps: steps, kernels: 50)).diagnostics
    }
    #expect(diagnostics == [])
    #expect(factor < 3, "\(factor) a doubling")
  }
}
