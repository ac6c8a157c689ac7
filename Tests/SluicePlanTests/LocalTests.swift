import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Memories of a kernel's own, and tasks: what the checker accepts of them, and what it rejects.
@Suite struct LocalTests {
  typealias Body = @Sendable (inout KernelBuilder, inout PlanBuilder) -> Void

  /// The messages about a kernel with the slots x: f32[R,N], y: f32[R,N] that nobody has to fill.
  static func messages(
    _ body: Body, change: ((inout Kernel) -> Void)? = nil
  ) -> [String] {
    var m = PlanBuilder("local")
    m.symbol("R", 4)
    m.symbol("N", 8)
    let x = m.input("x", .f32, "R", "N")
    let y = m.arena("y", .f32, "R*N")
    let kernel = m.kernel("local") { k, m in
      _ = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      body(&k, &m)
    }
    m.call(kernel, x, y)
    change?(&m.plan.kernels[0])
    return PlanChecker().check(m.plan).map(\.message)
  }

  /// row[i + `first`] = 1 for `count` elements.
  static func fill(
    _ k: inout KernelBuilder, _ m: inout PlanBuilder, _ row: Memory, _ count: String,
    from first: String = "0",
    _ kind: Loop.Kind = .vector
  ) {
    let one = k.float(1)
    k.loop(to: m.affine(count), kind) { k, i in k.store(row, m.affine(first, ("1", i)), one) }
  }

  /// Loads row[i + `first`] for `count` elements.
  static func read(
    _ k: inout KernelBuilder, _ m: inout PlanBuilder, _ row: Memory, _ count: String, from first: String = "0"
  ) {
    k.loop(to: m.affine(count), .vector) { k, i in _ = k.load(row, m.affine(first, ("1", i))) }
  }

  @Test func accepted() {
    for plan in [SamplePlans.rowLocal(), SamplePlans.blockLocal()] {
      #expect(PlanChecker().check(plan).map(\.message) == [])
      guard case .loop(let loop) = plan.kernels[0].instructions[0] else {
        Issue.record("no loop")
        continue
      }
      #expect(loop.kind == .tasks)
    }
    let bodies: [Body] = [
      // The largest locals that fit, one after the other in two lives.
      { k, m in
        for _ in 0..<2 {
          k.loop(to: m.affine("R"), .sequential) { k, _ in
            let row = k.local("row", .f32, m.dim("24576"))
            Self.fill(&k, &m, row, "24576")
            Self.read(&k, &m, row, "24576")
          }
        }
      },
      // In two parts, and where only one side of an `if` needs it.
      { k, m in
        k.when(k.constant(1, .bool)) { k in
          let row = k.local("row", .f32, m.dim("2*N"))
          Self.fill(&k, &m, row, "N")
          Self.fill(&k, &m, row, "N", from: "N")
          Self.read(&k, &m, row, "2*N")
        }
      },
      { k, m in
        k.loop(to: m.affine("R"), .tasks) { k, _ in
          k.loop(from: m.affine("1"), to: m.affine("N"), step: 3, .tasks) { k, _ in
            let row = k.local("row", .f32, m.dim("4"))
            Self.fill(&k, &m, row, "4", .sequential)
          }
        }
      },
    ]
    for body in bodies { #expect(Self.messages(body) == []) }
  }

  static let wrong: [(String, Body)] = [
    (
      "may load elements that were never stored in this life of `row`",
      { k, m in
        let row = k.local("row", .f32, m.dim("4"))
        read(&k, &m, row, "4")
        fill(&k, &m, row, "4")
      }
    ),
    // What an earlier iteration stored is gone.
    (
      "may load elements that were never stored in this life of `row`",
      { k, m in
        k.loop(to: m.affine("R"), .sequential) { k, _ in
          let row = k.local("row", .f32, m.dim("4"))
          k.loop(to: m.affine("2"), .sequential) { k, _ in
            read(&k, &m, row, "4")
            fill(&k, &m, row, "4")
          }
        }
      }
    ),
    // A part that nobody stored.
    (
      "may load elements that were never stored in this life of `row`",
      { k, m in
        let row = k.local("row", .f32, m.dim("4"))
        fill(&k, &m, row, "3")
        read(&k, &m, row, "4")
      }
    ),
    (
      "may load elements that were never stored in this life of `row`",
      { k, m in
        let row = k.local("row", .f32, m.dim("N+1"))
        k.loop(to: m.affine("N"), step: 2, .sequential) { k, i in
          k.store(row, k.at(i), k.constant(0, .f32))
        }
        read(&k, &m, row, "N")
      }
    ),
    (
      "may load elements that were never stored in this life of `row`",
      { k, m in
        let row = k.local("row", .f32, m.dim("4"))
        let isLess = k.scalar(.less, .bool, source: .f32, [k.constant(0, .f32), k.constant(0, .f32)])
        k.when(isLess) { k in fill(&k, &m, row, "4") }
        read(&k, &m, row, "4")
      }
    ),
    (
      "may touch an element behind `row`: cannot show that the index is less than N",
      { k, m in
        let row = k.local("row", .f32, m.dim("N"))
        fill(&k, &m, row, "N", from: "1")
      }
    ),
    (
      "may touch an element before `row`: cannot show that the index is at least 0",
      { k, m in
        let row = k.local("row", .f32, m.dim("N"))
        fill(&k, &m, row, "N", from: "-1")
      }
    ),
    (
      "`row` is used outside of its life",
      { k, m in
        var row = Memory.local(0)
        k.loop(to: m.affine("R"), .sequential) { k, _ in row = k.local("row", .f32, m.dim("4")) }
        fill(&k, &m, row, "4")
      }
    ),
    (
      "its locals take 196612 bytes, more than 196608",
      { k, m in
        _ = k.local("row", .f32, m.dim("49152"))
        _ = k.local("flags", .u8, m.dim("R"))
      }
    ),
    // The same elements in two iterations.
    (
      "two of them may touch the same element of `row`",
      { k, m in
        let row = k.local("row", .f32, m.dim("4"))
        k.loop(to: m.affine("R"), .parallel) { k, _ in fill(&k, &m, row, "4") }
      }
    ),
    (
      "a local inside a vector loop",
      { k, m in k.loop(to: m.affine("R"), .vector) { k, _ in _ = k.local("row", .f32, m.dim("4")) } }
    ),
    (
      "a local inside a `lanes` loop",
      { k, m in k.loop(to: m.affine("R"), .lanes(2)) { k, _ in _ = k.local("row", .f32, m.dim("4")) } }
    ),
    ("local `a b`: the name is no identifier", { k, m in _ = k.local("a b", .f32, m.dim("4")) }),
    // Tasks.
    (
      "a `tasks` loop inside another kind of loop",
      { k, m in
        k.loop(to: m.affine("R"), .sequential) { k, _ in k.loop(to: m.affine("N"), .tasks) { _, _ in } }
      }
    ),
    (
      "stands beside a `tasks` loop",
      { k, m in
        k.loop(to: m.affine("R"), .vector) { _, _ in }
        k.loop(to: m.affine("R"), .tasks) { _, _ in }
      }
    ),
    (
      "`local row: f32[4]` stands beside a `tasks` loop",
      { k, m in
        _ = k.local("row", .f32, m.dim("4"))
        k.loop(to: m.affine("R"), .tasks) { _, _ in }
      }
    ),
    (
      "`v1 = 0 as f32` stands beside a `tasks` loop",
      { k, m in
        k.loop(to: m.affine("R"), .tasks) { _, _ in }
        _ = k.constant(0, .f32)
      }
    ),
    (
      "a `tasks` loop is not alone in the one around it",
      { k, m in
        k.loop(to: m.affine("R"), .tasks) { k, _ in
          _ = k.constant(0, .f32)
          k.loop(to: m.affine("N"), .tasks) { _, _ in }
        }
      }
    ),
    (
      "stands beside a `tasks` loop",
      { k, m in
        k.loop(to: m.affine("R"), .tasks) { k, _ in
          k.loop(to: m.affine("N"), .tasks) { _, _ in }
          k.loop(to: m.affine("N"), .tasks) { _, _ in }
        }
      }
    ),
    (
      "a `tasks` loop whose bounds mention registers or a limit",
      { k, m in
        k.loop(to: m.affine("R"), .tasks) { k, i in k.loop(to: k.at(i), .tasks) { _, _ in } }
      }
    ),
    (
      "is changed inside the loop over `i2`, whose iterations are tasks",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.assign(sum, sum)
        k.loop(to: m.affine("R"), .tasks) { k, _ in k.assign(sum, sum) }
      }
    ),
  ]

  @Test(arguments: wrong.indices)
  func rejected(_ index: Int) {
    let (expected, body) = Self.wrong[index]
    let messages = Self.messages(body)
    #expect(messages.contains { $0.contains(expected) }, "expected `\(expected)`, got \(messages)")
    #expect(messages.allSatisfy { $0.hasPrefix("kernel `k0_local`") }, "\(messages)")
  }

  @Test func lives() {
    let body: Body = { k, m in
      let row = k.local("row", .f32, m.dim("4"))
      Self.fill(&k, &m, row, "4")
    }
    #expect(Self.messages(body) == [])
    let twice = Self.messages(body) { $0.instructions.append(.local(0)) }
    #expect(twice == ["kernel `k0_local`, instruction 5, `local row: f32[4]`: `row` begins twice"])
    let never = Self.messages(body) { $0.instructions.remove(at: 0) }
    #expect(never.contains("kernel `k0_local`, local `row` never begins"), "\(never)")
    let other = Self.messages(body) { $0.instructions[0] = .local(3) }
    #expect(other.contains("kernel `k0_local`, instruction 0, `local ?`: local 3 does not exist"), "\(other)")
    let access = Self.messages(body) {
      $0.instructions[3] = .store(memory: .local(-1), index: Affine(.none), value: 0)
    }
    #expect(access.contains { $0.contains("local -1 does not exist") }, "\(access)")
    let size = Self.messages(body) { $0.locals[0].count = DimID(9999) }
    #expect(size.contains("kernel `k0_local`, local `row`: a dim is out of range"), "\(size)")
    let name = Self.messages(body) { $0.locals[0].name = "x" }
    #expect(name == ["kernel `k0_local`, two memories are named `x`"])
    let symbols = Self.messages { k, m in
      _ = k.local("row", .f32, m.dim("N"))
    } change: {
      $0.symbols = []
    }
    #expect(symbols == ["kernel `k0_local`, the symbol `N` is mentioned but not listed"])
  }

  /// What stands before tasks is repeated by every thread: it must not be what another one stores.
  @Test func loadsBeforeTasks() {
    func plan(_ kind: Loop.Kind, slots: Int, count: String) -> [String] {
      var m = PlanBuilder("head")
      let s = m.state("s", .f32, 4)
      let kernel = m.kernel("head") { k, m in
        let x = k.slot("x", .f32, slots == 1 ? .readWrite : .read)
        let y = slots == 1 ? x : k.slot("y", .f32, .write)
        let first = k.load(x, m.affine("0"))
        k.loop(to: m.affine(count), kind) { k, i in k.store(y, k.at(i), first) }
      }
      if slots == 1 { m.call(kernel, s) } else { m.call(kernel, s, s) }
      return PlanChecker().check(m.plan).map(\.message)
    }
    for slots in [1, 2] {
      #expect(plan(.sequential, slots: slots, count: "4") == [])
      #expect(plan(.tasks, slots: slots, count: "1") == [])
      for kind in [Loop.Kind.tasks, .vector] {
        let messages = plan(kind, slots: slots, count: "4")
        let expected =
          slots == 1
          ? "two of them may touch the same element of `x`" : "may load an element after it was stored"
        #expect(messages.contains { $0.contains(expected) }, "\(kind) \(messages)")
      }
    }
    // Loops that are not alone run in one thread.
    var m = PlanBuilder("head")
    let s = m.state("s", .f32, 4)
    let kernel = m.kernel("head") { k, m in
      let x = k.slot("x", .f32, .readWrite)
      let first = k.load(x, m.affine("0"))
      for _ in 0..<2 {
        k.loop(to: m.affine("4"), .vector) { k, i in k.store(x, k.at(i), first) }
      }
    }
    m.call(kernel, s)
    #expect(PlanChecker().check(m.plan).map(\.message) == [])
  }
}
