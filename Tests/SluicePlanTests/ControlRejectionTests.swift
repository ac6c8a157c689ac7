import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Branches and loops that are left early: pairs of plans that differ in little, one sound, the other one not.
@Suite struct ControlRejectionTests {
  /// A plan with bools and floats to work on, and kernels for them.
  private struct Sample {
    var m = PlanBuilder("control")
    /// Four bools and four floats.
    let flags, x: Int
    /// f32[4], an output.
    let y: Int
    /// f32[4] in the arena: the first two share their bytes.
    let a, b, c: Int
    /// bool[2] in the arena; the second one shares its bytes with `c`.
    let bools, others: Int
    /// abs of f32[4], of one f32; not of one bool.
    let all, one, not: KernelID

    init() {
      m.symbol("T", 4)
      flags = m.input("flags", .bool, "4")
      x = m.input("x", .f32, "4")
      y = m.output("y", .f32, "4")
      a = m.arena("a", .f32, "4")
      b = m.arena("b", .f32, "4", at: 0)
      c = m.arena("c", .f32, "4", at: 64)
      bools = m.arena("bools", .bool, "2", at: 128)
      others = m.arena("others", .bool, "2", at: 64)
      all = SamplePlans.map(&m, "4", .abs)
      one = SamplePlans.map(&m, "1", .abs)
      not = m.kernel("invert") { k, m in
        let (x, y) = (k.slot("x", .bool, .read), k.slot("y", .bool, .write))
        k.store(y, m.affine("0"), k.scalar(.not, .bool, [k.load(x, m.affine("0"))]))
      }
    }
  }

  private func messages(_ write: (inout PlanBuilder, Sample) -> Void) -> [String] {
    let sample = Sample()
    var maker = sample.m
    write(&maker, sample)
    return PlanChecker().check(maker.plan).map(\.description)
  }

  /// The plan is sound, once `y` is written behind its steps.
  private func accepts(
    writesAll: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
    _ write: (inout PlanBuilder, Sample) -> Void
  ) {
    let found = messages { m, s in
      write(&m, s)
      if writesAll { m.call(s.all, s.x, s.y) }
    }
    #expect(found == [], sourceLocation: sourceLocation)
  }

  private func rejects(
    _ text: String, writesAll: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
    _ write: (inout PlanBuilder, Sample) -> Void
  ) {
    let found = messages { m, s in
      write(&m, s)
      if writesAll { m.call(s.all, s.x, s.y) }
    }
    #expect(
      found.contains { $0.contains(text) }, "expected `\(text)`, got \(found)", sourceLocation: sourceLocation
    )
  }

  // MARK: Structure

  @Test func waysOut() {
    accepts { m, s in m.forever { m in m.leave(unless: s.flags) } }
    rejects("the loop never ends") { m, _ in m.forever { _ in } }
    rejects("the loop never ends") { m, s in
      let c = m.counter("c", 1)
      m.forever { m in m.loop(c, "2") { m in m.leave(unless: s.flags) } }
    }
    rejects("leaves no loop") { m, s in m.leave(unless: s.flags) }
    rejects("leaves no loop") { m, s in
      m.forever { m in
        m.leave(unless: s.flags)
        m.branch(s.flags) { m in m.leave(unless: s.flags) }
      }
    }
    rejects("leaves no loop") { m, s in
      m.forever { m in
        m.leave(unless: s.flags)
        m.branch(s.flags, "0", { _ in }, otherwise: { m in m.leave(unless: s.flags) })
      }
    }
  }

  @Test func sides() {
    accepts { m, s in m.branch(s.flags, "0", { _ in }, otherwise: { _ in }) }
    rejects("is no other side of a branch") { m, s in
      m.branch(s.flags, "0", { _ in }, otherwise: { m in m.function.steps.append(.otherwise) })
    }
    rejects("is no other side of a branch") { m, s in
      m.branch(s.flags) { m in
        m.forever { m in
          m.leave(unless: s.flags)
          m.function.steps.append(.otherwise)
        }
      }
    }
    rejects("ends nothing") { m, s in
      m.branch(s.flags) { _ in }
      m.function.steps.append(.end)
    }
    for step in [Step.forever, .branch(Argument(buffer: BufferID(0), offset: DimID(0)))] {
      rejects("a loop, a branch or a `together` has no end") { m, _ in m.function.steps.append(step) }
    }
  }

  @Test func nesting() {
    func loops(_ count: Int, _ m: inout PlanBuilder, _ s: Sample) {
      for index in 0..<count {
        if index % 2 == 0 {
          m.function.steps.append(.forever)
          m.leave(unless: s.flags)
        } else {
          let counter = m.counter("c\(index)", 1)
          m.function.steps.append(.loop(counter: counter, count: m.dim("2"), reverse: false))
        }
        m.function.steps.append(.branch(Argument(buffer: BufferID(s.flags), offset: m.dim("0"))))
      }
      for _ in 0..<(2 * count) { m.function.steps.append(.end) }
    }
    accepts { m, s in loops(6, &m, s) }
    rejects("more than 6 loops are nested") { m, s in loops(7, &m, s) }
    func branches(_ count: Int, _ m: inout PlanBuilder, _ s: Sample) {
      for _ in 0..<count {
        m.function.steps.append(.branch(Argument(buffer: BufferID(s.flags), offset: m.dim("0"))))
      }
      for _ in 0..<count { m.function.steps.append(.end) }
    }
    accepts { m, s in branches(80, &m, s) }
    rejects("more than 80 loops and branches are nested") { m, s in branches(81, &m, s) }
  }

  @Test func counters() {
    func plan(_ bound: Int64, _ count: String, _ m: inout PlanBuilder) {
      let c = m.counter("c", bound)
      m.loop(c, count) { _ in }
    }
    accepts { m, _ in plan(3, "4", &m) }
    accepts { m, _ in plan(3, "T", &m) }
    rejects("the counter `c` may exceed its bound 2") { m, _ in plan(2, "4", &m) }
    rejects("the counter `c` may exceed its bound 2") { m, _ in plan(2, "T", &m) }
    rejects("the counter `c` is not the loop's own") { m, s in
      let c = m.counter("c", 3)
      m.loop(c, "4") { m in m.branch(s.flags, "c") { m in m.loop(c, "4") { _ in } } }
    }
    rejects("the counter `T` is not the loop's own") { m, _ in m.loop(m.function.symbols[0], "4") { _ in } }
  }

  // MARK: Bools

  @Test func placesOfBools() {
    accepts { m, s in
      let c = m.counter("c", 3)
      m.loop(c, "4") { m in m.branch(s.flags, "3-c") { m in m.call(s.all, s.x, s.a) } }
    }
    for (count, offset) in [("4", "c+1"), ("4", "c-1"), ("4", "2-c"), ("4", "4-c"), ("T", "T")] {
      rejects("may lie outside of it") { m, s in
        let c = m.counter("c", 3)
        m.loop(c, count) { m in m.branch(s.flags, offset) { _ in } }
      }
      rejects("may lie outside of it") { m, s in
        let c = m.counter("c", 3)
        m.loop(c, count) { m in m.leave(unless: s.flags, offset) }
      }
    }
    rejects("the symbol `c` has no value here") { m, s in
      let c = m.counter("c", 3)
      m.loop(c, "4") { _ in }
      m.branch(s.flags, "c") { _ in }
    }
    for buffer in [0, 1] {
      let text = buffer == 0 ? "buffer 77 does not exist" : "has elements of f32, not bools"
      rejects(text) { m, s in m.branch(buffer == 0 ? 77 : s.x) { _ in } }
      rejects(text) { m, s in m.forever { m in m.leave(unless: buffer == 0 ? 77 : s.x) } }
    }
  }

  @Test func boolsThatAreThere() {
    func look(_ m: inout PlanBuilder, _ buffer: Int, _ offset: String, _ isLeave: Bool) {
      if isLeave {
        m.forever { m in m.leave(unless: buffer, offset) }
      } else {
        m.branch(buffer, offset) { _ in }
      }
    }
    for isLeave in [false, true] {
      rejects("before anything was stored") { m, s in look(&m, s.bools, "0", isLeave) }
      accepts { m, s in
        m.call(s.not, (s.flags, "0"), (s.bools, "1"))
        look(&m, s.bools, "1", isLeave)
      }
      rejects("the bool at 0 may never have been stored") { m, s in
        m.call(s.not, (s.flags, "0"), (s.bools, "1"))
        look(&m, s.bools, "0", isLeave)
      }
      accepts { m, s in
        m.call(s.not, (s.flags, "0"), (s.others, "0"))
        look(&m, s.others, "0", isLeave)
        m.call(s.all, s.x, s.c)
      }
      rejects("took over") { m, s in
        m.call(s.not, (s.flags, "0"), (s.others, "0"))
        m.call(s.all, s.x, s.c)
        look(&m, s.others, "0", isLeave)
      }
    }
    // It is there in the first iteration only.
    rejects("took over") { m, s in
      m.call(s.not, (s.flags, "0"), (s.others, "0"))
      m.forever { m in
        m.leave(unless: s.others)
        m.call(s.all, s.x, s.c)
      }
    }
    accepts { m, s in
      m.forever { m in
        m.call(s.not, (s.flags, "0"), (s.others, "0"))
        m.leave(unless: s.others)
        m.call(s.all, s.x, s.c)
      }
    }
  }

  // MARK: What is written

  @Test func writtenBehindBranches() {
    let incomplete = "output `y` is"
    accepts(writesAll: false) { m, s in
      m.branch(s.flags, "0", { m in m.call(s.all, s.x, s.y) }, otherwise: { m in m.call(s.all, s.x, s.y) })
    }
    rejects(incomplete, writesAll: false) { m, s in m.branch(s.flags) { m in m.call(s.all, s.x, s.y) } }
    rejects(incomplete, writesAll: false) { m, s in
      m.branch(s.flags, "0", { _ in }, otherwise: { m in m.call(s.all, s.x, s.y) })
    }
    // All of it on one side, one element on the other one.
    rejects(incomplete, writesAll: false) { m, s in
      m.branch(s.flags, "0", { m in m.call(s.one, s.x, s.y) }, otherwise: { m in m.call(s.all, s.x, s.y) })
    }
    rejects(incomplete, writesAll: false) { m, s in
      m.branch(s.flags, "0", { m in m.call(s.all, s.x, s.y) }, otherwise: { m in m.call(s.one, s.x, s.y) })
    }
    // The same element on both sides, the others before or behind.
    for place in ["0", "1"] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        m.call(s.one, (s.x, "0"), (s.y, "1"))
        m.branch(
          s.flags, "0", { m in m.call(s.one, (s.x, "0"), (s.y, "0")) },
          otherwise: { m in m.call(s.one, (s.x, "0"), (s.y, place)) })
        for element in ["2", "3"] { m.call(s.one, (s.x, "0"), (s.y, element)) }
      }
      if place == "0" {
        accepts(writesAll: false, plan)
      } else {
        rejects(incomplete, writesAll: false, plan)
      }
    }
  }

  @Test func memoryOfBranches() {
    let lost = "took over"
    // `a` is overwritten on one side: it is gone behind the branch, not on the other side.
    for isFirst in [true, false] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        m.call(s.all, s.x, s.a)
        let (over, use): ((inout PlanBuilder) -> Void, (inout PlanBuilder) -> Void) = (
          { m in m.call(s.all, s.x, s.b) }, { m in m.call(s.all, s.a, s.y) }
        )
        m.branch(s.flags, "0", isFirst ? over : use, otherwise: isFirst ? use : over)
      }
      accepts(plan)
      rejects(lost) { m, s in
        plan(&m, s)
        m.call(s.all, s.a, s.y)
      }
    }
    // Both sides overwrite it, and the second one reads it then.
    rejects(lost) { m, s in
      m.call(s.all, s.x, s.a)
      m.branch(
        s.flags, "0", { m in m.call(s.all, s.x, s.b) },
        otherwise: { m in
          m.call(s.all, s.x, s.b)
          m.call(s.all, s.a, s.y)
        })
    }
    // What only one side made is not there on the other one, nor behind the branch.
    rejects("before anything was stored") { m, s in
      m.branch(s.flags, "0", { m in m.call(s.all, s.x, s.a) }, otherwise: { m in m.call(s.all, s.a, s.y) })
    }
    rejects("before anything was stored") { m, s in
      m.branch(s.flags) { m in m.call(s.all, s.x, s.a) }
      m.call(s.all, s.a, s.y)
    }
    // In a loop, what a branch or a loop in it overwrites is gone in the next iteration.
    func repeated(_ overwrites: Bool, _ write: (inout PlanBuilder, Sample) -> Void) -> [String] {
      messages { m, s in
        let c = m.counter("c", 3)
        m.call(s.all, s.x, s.a)
        m.loop(c, "4") { m in
          m.call(s.all, s.a, s.y)
          if overwrites { write(&m, s) }
        }
      }
    }
    #expect(repeated(false) { _, _ in } == [])
    let branch = repeated(true) { m, s in m.branch(s.flags) { m in m.call(s.all, s.x, s.b) } }
    let other = repeated(true) { m, s in
      m.branch(s.flags, "0", { _ in }, otherwise: { m in m.call(s.all, s.x, s.b) })
    }
    let loop = repeated(true) { m, s in
      let d = m.counter("d", 3)
      m.loop(d, "T") { m in m.call(s.all, s.x, s.b) }
    }
    let forever = repeated(true) { m, s in
      m.forever { m in
        m.leave(unless: s.flags)
        m.call(s.all, s.x, s.b)
      }
    }
    for found in [branch, other, loop, forever] {
      #expect(found.contains { $0.contains(lost) }, "\(found)")
    }
  }

  @Test func writtenBehindLoops() {
    let incomplete = "output `y` is"
    // Before the way out: in every run; behind it: perhaps never.
    accepts(writesAll: false) { m, s in
      m.forever { m in
        m.call(s.all, s.x, s.y)
        m.leave(unless: s.flags)
      }
    }
    rejects(incomplete, writesAll: false) { m, s in
      m.forever { m in
        m.leave(unless: s.flags)
        m.call(s.all, s.x, s.y)
      }
    }
    // Between two ways out.
    rejects(incomplete, writesAll: false) { m, s in
      m.forever { m in
        m.leave(unless: s.flags)
        m.call(s.all, s.x, s.y)
        m.leave(unless: s.flags, "1")
      }
    }
    // One element an iteration: all of them only where the loop is never left.
    for leaves in [0, 1, 2] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        let c = m.counter("c", 3)
        m.loop(c, "4") { m in
          if leaves == 1 { m.leave(unless: s.flags, "c") }
          m.call(s.one, (s.x, "c"), (s.y, "c"))
          if leaves == 2 { m.leave(unless: s.flags, "c") }
        }
      }
      if leaves == 0 {
        accepts(writesAll: false, plan)
      } else {
        rejects(incomplete, writesAll: false, plan)
      }
    }
    // A way out of the inner loop is none of the outer one; what the inner one left out is missing.
    for isInner in [false, true] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        let (c, d) = (m.counter("c", 1), m.counter("d", 1))
        m.loop(c, "2") { m in
          m.loop(d, "2") { m in
            if isInner { m.leave(unless: s.flags) }
            m.call(s.one, (s.x, "0"), (s.y, "2*c+d"))
          }
          if !isInner { m.forever { m in m.leave(unless: s.flags) } }
        }
      }
      if isInner {
        rejects(incomplete, writesAll: false, plan)
      } else {
        accepts(writesAll: false, plan)
      }
    }
    // In a loop that may not run at all.
    for (count, isSound) in [("1", true), ("T+1", true), ("T", false)] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        let c = m.counter("c", 4)
        m.loop(c, count) { m in m.call(s.all, s.x, s.y) }
      }
      if isSound {
        accepts(writesAll: false, plan)
      } else {
        rejects(incomplete, writesAll: false, plan)
      }
    }
  }

  @Test func memoryOfLoops() {
    let lost = "took over"
    // Overwritten behind the way out, which may have been passed; before it, it surely is.
    for isBefore in [true, false] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        m.call(s.all, s.x, s.a)
        m.forever { m in
          if isBefore { m.call(s.all, s.x, s.b) }
          m.leave(unless: s.flags)
          if !isBefore { m.call(s.all, s.x, s.b) }
        }
      }
      accepts(plan)
      rejects(lost) { m, s in
        plan(&m, s)
        m.call(s.all, s.a, s.y)
      }
      // What overwrote it is there behind the loop only where it came first.
      if isBefore {
        accepts { m, s in
          plan(&m, s)
          m.call(s.all, s.b, s.y)
        }
      } else {
        rejects("loads") { m, s in
          plan(&m, s)
          m.call(s.all, s.b, s.y)
        }
      }
    }
    // Read in the same iteration: it was made again. Read before: it is gone from the second one on.
    for isSound in [true, false] {
      func plan(_ m: inout PlanBuilder, _ s: Sample) {
        m.call(s.all, s.x, s.a)
        m.forever { m in
          if isSound { m.call(s.all, s.x, s.a) }
          m.call(s.all, s.a, s.y)
          m.leave(unless: s.flags)
          m.call(s.all, s.x, s.b)
        }
      }
      if isSound {
        accepts(plan)
      } else {
        rejects(lost, plan)
      }
    }
  }
}
