import SluiceIR
import SluicePlan
import TestSupport

/// Plans with branches and with loops that are left early.
extension SamplePlans {
  /// Two branches in each other, by two bools of an input; memory of one side is used again by the other one.
  static func branches() -> ModulePlan {
    var m = PlanBuilder("branches")
    m.symbol("N", 4)
    let flags = m.input("flags", .bool, "3")
    let x = m.input("x", .f32, "N")
    let y = m.output("y", .f32, "N")
    let kept = m.arena("kept", .f32, "N")
    let first = m.arena("first", .f32, "N")
    let second = m.arena("second", .f32, "N", at: 64)
    let third = m.arena("third", .f32, "N")
    let (negate, abs) = (map(&m, "N", .negate), map(&m, "N", .abs))
    let add = add(&m, "N")
    m.call(negate, x, kept)
    for (flag, other) in [("0", "1"), ("1", "2"), ("2", "0")] {
      m.branch(flags, flag) { m in
        m.call(abs, x, first)
        m.call(negate, first, third)
      } otherwise: { m in
        m.branch(flags, other) { m in
          m.call(negate, x, second)
          m.call(abs, second, third)
        } otherwise: { m in
          m.call(abs, kept, third)
        }
      }
      m.call(add, third, kept, y)
    }
    return m.plan
  }

  /// h = x[c] or h + x[c], ys[c] = h, by a bool a step.
  static func branchInScan() -> ModulePlan {
    var m = PlanBuilder("choices")
    m.symbol("T", 4)
    let x = m.input("x", .f32, "T", "2")
    let flags = m.input("flags", .bool, "T")
    let start = m.input("start", .f32, "2")
    let ys = m.output("ys", .f32, "T", "2")
    let carry = m.arena("carry", .f32, "2")
    let next = m.arena("next", .f32, "2")
    let copy = map(&m, "2", .abs)
    let add = add(&m, "2")
    let c = m.counter("c", 3)
    m.call(copy, start, carry)
    m.loop(c, "T") { m in
      m.branch(flags, "c") { m in
        m.call(add, (carry, "0"), (x, "2*c"), (next, "0"))
      } otherwise: { m in
        m.call(copy, (x, "2*c"), (next, "0"))
      }
      m.call(copy, (next, "0"), (ys, "2*c"))
      m.call(copy, (next, "0"), (carry, "0"))
    }
    return m.plan
  }

  /// h = h + x while its first element is below a limit, in the output; a temporary after the condition uses the
  /// memory of one before it.
  static func whileLoop(isCounted: Bool = true) -> ModulePlan {
    var m = PlanBuilder("repeated")
    m.symbol("N", 3)
    let x = m.input("x", .f32, "N+1")
    let h = m.output("h", .f32, "N+1")
    let size = m.arena("size", .f32, "N+1")
    let goesOn = m.arena("goes_on", .bool, "1")
    let next = m.arena("next", .f32, "N+1", at: 0)
    let (abs, sqrt) = (map(&m, "N+1", .abs), map(&m, "N+1", .sqrt))
    let add = add(&m, "N+1")
    let isBelow = m.kernel("is_below") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .bool, .write))
      let limit = k.float(20)
      let half = k.constant(UInt64(Float(0.5).bitPattern), .f32)
      let value = k.scalar(.add, .f32, [k.load(x, m.affine("0")), half])
      k.store(y, m.affine("0"), k.scalar(.less, .bool, source: .f32, [value, limit]))
    }
    m.call(sqrt, x, size)
    m.call(abs, x, h)
    func body(_ m: inout PlanBuilder) {
      m.call(abs, h, size)
      m.call(isBelow, size, goesOn)
      m.leave(unless: goesOn)
      m.call(add, h, size, next)
      m.call(abs, next, h)
    }
    if isCounted {
      m.loop(m.counter("c", 8), "2*N+3", body)
    } else {
      m.forever(body)
    }
    return m.plan
  }

  /// A branch that changes a state or leaves it as it is.
  static func oneSide() -> ModulePlan {
    var m = PlanBuilder("one_side")
    let flags = m.input("flags", .bool, "2")
    let s = m.state("s", .f32, 3)
    let y = m.output("y", .f32, "3")
    let t = m.arena("t", .f32, "3")
    let negate = map(&m, "3", .negate)
    let add = add(&m, "3")
    for flag in ["0", "1"] {
      m.branch(flags, flag) { m in
        m.call(negate, s, t)
        m.call(add, s, t, s)
      }
    }
    m.call(negate, s, y)
    return m.plan
  }
}
