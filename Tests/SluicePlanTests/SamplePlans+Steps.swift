import SluiceIR
import SluicePlan
import TestSupport

/// Plans with loops of steps, states, sorting and data-dependent rows.
extension SamplePlans {
  /// h = -(h + x[c]), ys[c] = h: a carry, a sequence and a stack of results.
  static func scan(reverse: Bool = false) -> ModulePlan {
    var m = PlanBuilder("scan")
    m.symbol("T", 4)
    m.symbol("D", 3)
    let x = m.input("x", .f32, "T", "D")
    let start = m.input("start", .f32, "D")
    let ys = m.output("ys", .f32, "T", "D")
    let end = m.output("end", .f32, "D")
    let carry = m.arena("carry", .f32, "D")
    let next = m.arena("next", .f32, "D")
    let copy = map(&m, "D", .abs)
    let add = add(&m, "D")
    let c = m.counter("c", 3)
    m.call(copy, start, carry)
    m.loop(c, "T", reverse: reverse) { m in
      m.call(add, (carry, "0"), (x, "D*c"), (next, "0"))
      m.call(copy, (next, "0"), (ys, "D*c"))
      m.call(copy, (ys, "D*c"), (carry, "0"))
    }
    m.call(copy, carry, end)
    return m.plan
  }

  static func add(_ m: inout PlanBuilder, _ count: String) -> KernelID {
    m.kernel("add") { k, m in
      let (a, b) = (k.slot("a", .f32, .read), k.slot("b", .f32, .read))
      let c = k.slot("c", .f32, .write)
      k.loop(to: m.affine(count), .vector) { k, i in
        let at = k.at(i)
        k.store(c, at, k.scalar(.add, .f32, [k.load(a, at), k.load(b, at)]))
      }
    }
  }

  /// A stack of T + 1 carries: iteration c loads what iteration c - 1 stored.
  static func history() -> ModulePlan {
    var m = PlanBuilder("history")
    m.symbol("T", 4)
    let x = m.input("x", .f32, "T", "2")
    let ys = m.output("ys", .f32, "T+1", "2")
    let zero = m.kernel("zero") { k, m in
      let y = k.slot("y", .f32, .write)
      let none = k.constant(0, .f32)
      k.store(y, m.affine("0"), none)
      k.store(y, m.affine("1"), none)
    }
    let add = add(&m, "2")
    let c = m.counter("c", 3)
    m.call(zero, ys)
    m.loop(c, "T") { m in m.call(add, (ys, "2*c"), (x, "2*c"), (ys, "2*c+2")) }
    return m.plan
  }

  /// Two nested loops that fill one stack, with a temporary in bytes that another one used before.
  static func nestedScan() -> ModulePlan {
    var m = PlanBuilder("nested")
    m.symbol("T", 3)
    m.symbol("S", 3)
    let x = m.input("x", .f32, "T", "S", "2")
    let y = m.output("y", .f32, "T", "S", "2")
    let first = m.arena("first", .f32, "2*S")
    let second = m.arena("second", .f32, "2", at: 0)
    let row = map(&m, "2*S", .negate)
    let pair = map(&m, "2", .abs)
    let total = m.arena("total", .f32, "2*S")
    let (c, d) = (m.counter("c", 2), m.counter("d", 2))
    m.loop(c, "T") { m in
      m.call(row, (x, "2*S*c"), (first, "0"))
      m.call(row, (first, "0"), (total, "0"))
      m.loop(d, "S", reverse: true) { m in
        m.call(pair, (total, "2*d"), (second, "0"))
        m.call(pair, (second, "0"), (y, "2*S*c+2*d"))
      }
    }
    return m.plan
  }

  /// Positions in ascending order of x, by exchanging neighbours in a scratch buffer.
  static func argsort() -> ModulePlan {
    var m = PlanBuilder("argsort")
    m.symbol("B", 2)
    m.symbol("N", 5)
    let x = m.input("x", .f32, "B", "N")
    let y = m.output("y", .i32, "B", "N")
    let scratch = m.arena("scratch", .i64, "N")
    let sort = m.kernel("argsort") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .i32, .write))
      let order = k.slot("order", .i64, .readWrite)
      let zero = k.constant(0, .i64)
      let last = k.index(m.affine("N-1"))
      k.loop(to: m.affine("B"), .sequential) { k, b in
        k.loop(to: m.affine("N"), .vector) { k, i in
          k.store(order, k.at(i), k.index(k.at(i)))
        }
        k.loop(to: m.affine("N"), .sequential) { k, pass in
          k.loop(to: m.affine("N-1"), .sequential) { k, i in
            let here = k.load(order, k.at(i))
            let next = k.load(order, m.affine("1", ("1", i)))
            func key(_ k: inout KernelBuilder, _ place: Register) -> Register {
              let inside = k.scalar(.minimum, .i64, [k.scalar(.maximum, .i64, [place, zero]), last])
              return k.load(x, m.affine("0", ("N", b), ("1", inside)))
            }
            let (a, c) = (key(&k, here), key(&k, next))
            k.when(k.scalar(.less, .bool, source: .f32, [c, a])) { k in
              k.store(order, k.at(i), next)
              k.store(order, m.affine("1", ("1", i)), here)
            }
          }
        }
        k.loop(to: m.affine("N"), .vector) { k, i in
          let value = k.load(order, k.at(i))
          k.store(y, m.affine("0", ("N", b), ("1", i)), k.scalar(.cast, .i32, source: .i64, [value]))
        }
      }
    }
    m.call(sort, x, y, scratch)
    return m.plan
  }

  /// For every matrix of a batch, rows exchanged with a pivot row that a search has found.
  static func pivots() -> ModulePlan {
    var m = PlanBuilder("pivots")
    m.symbol("B", 2)
    let x = m.input("x", .f64, "B", "3", "3")
    let y = m.output("y", .f64, "B", "3", "3")
    let pivot = m.kernel("pivot") { k, m in
      let (x, y) = (k.slot("x", .f64, .read), k.slot("y", .f64, .readWrite))
      let last = k.constant(2, .i64)
      k.loop(to: m.affine("B"), .parallel) { k, b in
        k.loop(to: m.affine("9"), .vector) { k, i in
          k.store(y, m.affine("0", ("9", b), ("1", i)), k.load(x, m.affine("0", ("9", b), ("1", i))))
        }
        k.loop(to: m.affine("3"), .sequential) { k, column in
          let best = k.variable(k.constant(Double(-1).bitPattern, .f64))
          let row = k.variable(column)
          k.loop(from: k.at(column), to: m.affine("3"), .sequential) { k, i in
            let size = k.scalar(.abs, .f64, [k.load(y, m.affine("0", ("9", b), ("3", i), ("1", column)))])
            let isMore = k.scalar(.less, .bool, source: .f64, [best, size])
            k.assign(best, k.scalar(.select, .f64, [isMore, size, best]))
            k.assign(row, k.scalar(.select, .i64, [isMore, i, row]))
          }
          let pivot = k.scalar(.minimum, .i64, [k.scalar(.maximum, .i64, [row, column]), last])
          k.loop(to: m.affine("3"), .sequential) { k, j in
            let (top, other) = (
              m.affine("0", ("9", b), ("3", column), ("1", j)),
              m.affine("0", ("9", b), ("3", pivot), ("1", j))
            )
            let (a, c) = (k.load(y, top), k.load(y, other))
            k.store(y, top, c)
            k.store(y, other, a)
          }
        }
      }
    }
    m.call(pivot, x, y)
    return m.plan
  }

  /// w := -(w + p) in place of a state, read before and after.
  static func variables() -> ModulePlan {
    var m = PlanBuilder("variables")
    let p = m.parameter("p", .f32, 5)
    let w = m.state("w", .f32, 5)
    let s = m.state("s", .f32, 3)
    let before = m.output("before", .f32, "5")
    let after = m.output("after", .f32, "5")
    let copy = map(&m, "5", .negate)
    let add = add(&m, "5")
    m.call(copy, w, before)
    m.call(add, w, p, w)
    m.call(copy, w, after)
    let third = map(&m, "3", .negate)
    m.call(third, (before, "1"), (s, "0"))
    return m.plan
  }

  /// Words in blocks of four, the last one cut off, as random bits are made; and a lookup by remainder.
  static func blocks() -> ModulePlan {
    var m = PlanBuilder("blocks")
    m.symbol("N", 11)
    let y = m.output("y", .i64, "N")
    let z = m.output("z", .i64, "N")
    let table = m.parameter("table", .i64, 4)
    let fill = m.kernel("fill") { k, m in
      let y = k.slot("y", .i64, .write)
      k.loop(to: m.affine("N"), step: 4, .parallel) { k, block in
        k.loop(to: m.affine("4"), limit: m.affine("N", ("-1", block)), .vector) { k, word in
          k.store(
            y, m.affine("0", ("1", block), ("1", word)), k.index(m.affine("7", ("3", block), ("5", word))))
        }
      }
    }
    let look = m.kernel("look") { k, m in
      let (table, z) = (k.slot("table", .i64, .read), k.slot("z", .i64, .write))
      let four = k.constant(4, .i64)
      k.loop(to: m.affine("N"), .vector) { k, i in
        let place = k.scalar(.remainder, .i64, [k.index(k.at(i)), four])
        k.store(z, k.at(i), k.load(table, k.at(place)))
      }
    }
    m.call(fill, y)
    m.call(look, table, z)
    return m.plan
  }

  /// The last row of x, or zeros where x has none: two loops under opposite conditions.
  static func oppositeGuards() -> ModulePlan {
    var m = PlanBuilder("guards")
    m.symbol("R", 3)
    m.symbol("D", 4)
    let x = m.input("x", .f32, "R", "D")
    let y = m.output("y", .f32, "D")
    let last = m.kernel("last") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      let (none, rows) = (k.constant(0, .f32), k.index(m.affine("R")))
      let some = k.scalar(.less, .bool, source: .i64, [k.constant(0, .i64), rows])
      k.when(some) { k in
        k.loop(to: m.affine("D"), .vector) { k, i in
          k.store(y, k.at(i), k.load(x, m.affine("R*D-D", ("1", i))))
        }
      }
      k.when(k.scalar(.not, .bool, [some])) { k in
        k.loop(to: m.affine("D"), .vector) { k, i in k.store(y, k.at(i), none) }
      }
    }
    m.call(last, x, y)
    return m.plan
  }
}
