import SluiceIR
import SluicePlan
import TestSupport

/// Small sound plans, one for each way in which plans touch memory.
enum SamplePlans {
  static let all: [(name: String, plan: ModulePlan)] = [
    ("chain", chain()), ("in place", chain(inPlace: true)), ("softmax", softmax()), ("tiles", tiles()),
    ("concat", concat()), ("transposed", transposed()), ("shifted", shifted()),
    ("clamped gather", gather(guarded: false)),
    ("guarded gather", gather(guarded: true)), ("scan", scan()), ("reverse scan", scan(reverse: true)),
    ("history", history()), ("argsort", argsort()), ("pivots", pivots()), ("variables", variables()),
    ("blocks", blocks()), ("nested scan", nestedScan()), ("opposite guards", oppositeGuards()),
    ("unrolled", unrolled()), ("interleaved", interleaved()), ("update", update()), ("join", join()),
    ("triangle", triangle()), ("two functions", twoFunctions()),
    ("branches", branches()), ("branch in scan", branchInScan()), ("while", whileLoop()),
    ("endless while", whileLoop(isCounted: false)), ("one side", oneSide()),
    ("row local", rowLocal()), ("block local", blockLocal()),
  ]

  /// A map over one axis: y[i] = op(x[i]).
  static func map(_ m: inout PlanBuilder, _ count: String, _ op: ScalarOp, _ kind: Loop.Kind = .vector)
    -> KernelID
  {
    m.kernel("map_\(op)") { k, m in
      let x = k.slot("x", .f32, .read)
      let y = k.slot("y", .f32, .write)
      let end = m.affine(count)
      k.loop(to: end, kind) { k, i in
        let value = k.load(x, k.at(i))
        k.store(y, k.at(i), k.scalar(op, .f32, [value]))
      }
    }
  }

  /// t = -x, u = |t|, y = u + t; `t` and `u` in the arena; or `u` in the place of `t`.
  static func chain(inPlace: Bool = false) -> ModulePlan {
    var m = PlanBuilder("chain")
    m.symbol("B", 4)
    m.symbol("T", 5)
    let x = m.input("x", .f32, "B", "T")
    let y = m.output("y", .f32, "B", "T")
    let t = m.arena("t", .f32, "B*T")
    let u = m.arena("u", .f32, "B*T", at: inPlace ? 0 : nil)
    let v = m.arena("v", .f32, "B*T")
    let negate = map(&m, "B*T", .negate)
    let abs = map(&m, "B*T", .abs)
    let add = m.kernel("add") { k, m in
      let (a, b) = (k.slot("a", .f32, .read), k.slot("b", .f32, .read))
      let c = k.slot("c", .f32, .write)
      k.loop(to: m.affine("B"), .parallel) { k, i in
        k.loop(to: m.affine("T"), .vector) { k, j in
          let at = m.affine("0", ("T", i), ("1", j))
          k.store(c, at, k.scalar(.add, .f32, [k.load(a, at), k.load(b, at)]))
        }
      }
    }
    m.call(negate, x, t)
    m.call(negate, t, v)
    m.call(abs, t, u)
    m.call(add, u, v, y)
    m.function.lowerBoundBytes = 64
    return m.plan
  }

  /// A softmax-like kernel: three visits of a row, the row in place, with a scratch row.
  static func softmax() -> ModulePlan {
    var m = PlanBuilder("softmax")
    m.symbol("B", 3)
    m.symbol("T", 6)
    let x = m.input("x", .f32, "B", "T")
    let y = m.output("y", .f32, "B", "T")
    let h = m.arena("h", .f32, "B*T")
    let g = m.arena("g", .f32, "B*T", at: 0)
    let scratch = m.arena("scratch", .f32, "T")
    let negate = map(&m, "B*T", .negate)
    let soft = m.kernel("softmax") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      let row = k.slot("row", .f32, .readWrite)
      k.loop(to: m.affine("B"), .sequential) { k, i in
        let first = k.variable(k.float(-Float.infinity))
        k.loop(to: m.affine("T"), .lanes(4)) { k, j in
          k.accumulate(first, .maximum, k.load(x, m.affine("0", ("T", i), ("1", j))))
        }
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("T"), .vector) { k, j in
          let value = k.load(x, m.affine("0", ("T", i), ("1", j)))
          k.store(row, k.at(j), k.scalar(.subtract, .f32, [value, first]))
        }
        k.loop(to: m.affine("T"), .lanes(4)) { k, j in
          k.accumulate(sum, .add, k.load(row, k.at(j)))
        }
        k.loop(to: m.affine("T"), .vector) { k, j in
          let value = k.load(row, k.at(j))
          k.store(y, m.affine("0", ("T", i), ("1", j)), k.scalar(.add, .f32, [value, sum]))
        }
      }
    }
    m.call(negate, x, h)
    m.call(soft, h, g, scratch)
    m.call(negate, g, y)
    return m.plan
  }

  /// A blocked product with cut-off tiles, accumulating in registers.
  static func tiles() -> ModulePlan {
    var m = PlanBuilder("tiles")
    m.symbol("M", 7)
    m.symbol("N", 9)
    m.symbol("K", 3)
    let a = m.input("a", .f32, "M", "K")
    let b = m.input("b", .f32, "K", "N")
    let c = m.output("c", .f32, "M", "N")
    let product = m.kernel("product") { k, m in
      let (a, b) = (k.slot("a", .f32, .read), k.slot("b", .f32, .read))
      let c = k.slot("c", .f32, .write)
      k.loop(to: m.affine("M"), step: 2, .parallel) { k, ii in
        k.loop(to: m.affine("N"), step: 4, .parallel) { k, jj in
          k.loop(
            from: k.at(ii), to: m.affine("2", ("1", ii)), limit: m.affine("M"), .sequential
          ) { k, i in
            k.loop(
              from: k.at(jj), to: m.affine("4", ("1", jj)), limit: m.affine("N"), .vector
            ) { k, j in
              let sum = k.variable(k.constant(0, .f32))
              k.loop(to: m.affine("K"), .sequential) { k, l in
                let (x, y) = (
                  k.load(a, m.affine("0", ("K", i), ("1", l))), k.load(b, m.affine("0", ("N", l), ("1", j)))
                )
                k.assign(sum, k.scalar(.fma, .f32, [x, y, sum]))
              }
              k.store(c, m.affine("0", ("N", i), ("1", j)), sum)
            }
          }
        }
      }
    }
    m.call(product, a, b, c)
    return m.plan
  }

  /// Two inputs side by side along the last axis; a part is used before the whole is there.
  static func concat() -> ModulePlan {
    var m = PlanBuilder("concat")
    m.symbol("B", 3)
    m.symbol("N", 4)
    let a = m.input("a", .f32, "B", "N")
    let b = m.input("b", .f32, "B", "3")
    let y = m.output("y", .f32, "B", "N+3")
    let z = m.output("z", .f32, "B", "N")
    let whole = m.arena("whole", .f32, "B*N+3*B")
    func part(_ m: inout PlanBuilder, _ name: String, _ width: String, _ from: String, _ to: String)
      -> KernelID
    {
      m.kernel(name) { k, m in
        let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
        k.loop(to: m.affine("B"), .parallel) { k, i in
          k.loop(to: m.affine(width), .vector) { k, j in
            let value = k.load(x, m.affine("0", (from, i), ("1", j)))
            k.store(y, m.affine("0", (to, i), ("1", j)), k.scalar(.negate, .f32, [value]))
          }
        }
      }
    }
    let left = part(&m, "left", "N", "N", "N+3")
    let right = part(&m, "right", "3", "3", "N+3")
    let back = part(&m, "back", "N", "N+3", "N")
    m.call(left, (a, "0"), (whole, "0"))
    m.call(back, (whole, "0"), (z, "0"))
    m.call(right, (b, "0"), (whole, "N"))
    m.call(map(&m, "B*N+3*B", .negate), whole, y)
    return m.plan
  }

  /// A transposed store and a reversed one.
  static func transposed() -> ModulePlan {
    var m = PlanBuilder("transposed")
    m.symbol("M", 4)
    m.symbol("N", 3)
    let x = m.input("x", .f32, "M", "N")
    let y = m.output("y", .f32, "N", "M")
    let t = m.arena("t", .f32, "M*N")
    let transpose = m.kernel("transpose") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine("M"), .parallel) { k, i in
        k.loop(to: m.affine("N"), .vector) { k, j in
          k.store(y, m.affine("0", ("M", j), ("1", i)), k.load(x, m.affine("0", ("N", i), ("1", j))))
        }
      }
    }
    let reverse = m.kernel("reverse") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine("N"), .parallel) { k, i in
        k.loop(to: m.affine("M"), .vector) { k, j in
          k.store(y, m.affine("N*M-1", ("-M", i), ("-1", j)), k.load(x, m.affine("0", ("M", i), ("1", j))))
        }
      }
    }
    m.call(transpose, x, t)
    m.call(reverse, t, y)
    return m.plan
  }

  /// x[:, 1:] for a checked T-1, with a slab of a batch at a time.
  static func shifted() -> ModulePlan {
    var m = PlanBuilder("shifted")
    m.symbol("B", 3)
    m.symbol("T", 4)
    let x = m.input("x", .i32, "B", "T", "2")
    let y = m.output("y", .i32, "B", "T-1", "2")
    m.function.checkedDims = [m.dim("T-1")]
    let shift = m.kernel("shift") { k, m in
      let (x, y) = (k.slot("x", .i32, .read), k.slot("y", .i32, .write))
      k.loop(to: m.affine("B"), .parallel) { k, b in
        k.loop(to: m.affine("T-1"), .sequential) { k, t in
          k.loop(to: m.affine("2"), .vector) { k, d in
            let value = k.load(x, m.affine("2", ("2*T", b), ("2", t), ("1", d)))
            k.store(y, m.affine("0", ("2*T-2", b), ("2", t), ("1", d)), value)
          }
        }
      }
    }
    m.call(shift, x, y)
    return m.plan
  }

  /// y[i] = x[index[i]], 0 where that is out of range: by clamping, for 5 rows, or under a condition.
  static func gather(guarded: Bool) -> ModulePlan {
    var m = PlanBuilder("gather")
    m.symbol("N", 4)
    m.symbol("R", 5)
    let rows = guarded ? "R" : "5"
    let x = m.input("x", .f32, rows, "2")
    let index = m.input("index", .i32, "N")
    let y = m.output("y", .f32, "N", "2")
    let gather = m.kernel("gather") { k, m in
      let (x, index) = (k.slot("x", .f32, .read), k.slot("index", .i32, .read))
      let y = k.slot("y", .f32, .write)
      let (zero, none) = (k.constant(0, .i64), k.constant(0, .f32))
      let count = k.index(m.affine(rows))
      let last = k.index(m.affine("\(rows)-1"))
      k.loop(to: m.affine("N"), .parallel) { k, i in
        let given = k.scalar(.cast, .i64, source: .i32, [k.load(index, k.at(i))])
        let isNegative = k.scalar(.less, .bool, source: .i64, [given, zero])
        let wrapped = k.scalar(.select, .i64, [isNegative, k.scalar(.add, .i64, [given, count]), given])
        let notLow = k.scalar(.lessEqual, .bool, source: .i64, [zero, wrapped])
        let isIn = k.scalar(.and, .bool, [notLow, k.scalar(.less, .bool, source: .i64, [wrapped, count])])
        if guarded {
          k.loop(to: m.affine("2"), .sequential) { k, j in
            let value = k.variable(none)
            k.when(isIn) { k in k.assign(value, k.load(x, m.affine("0", ("2", wrapped), ("1", j)))) }
            k.store(y, m.affine("0", ("2", i), ("1", j)), value)
          }
        } else {
          let place = k.scalar(.minimum, .i64, [k.scalar(.maximum, .i64, [wrapped, zero]), last])
          k.loop(to: m.affine("2"), .vector) { k, j in
            let value = k.load(x, m.affine("0", ("2", place), ("1", j)))
            k.store(y, m.affine("0", ("2", i), ("1", j)), k.scalar(.select, .f32, [isIn, value, none]))
          }
        }
      }
    }
    m.call(gather, x, index, y)
    return m.plan
  }
}
