import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport

/// Plans whose kernels store a result in pieces, or over what they have loaded.
extension SamplePlans {
  /// Sixteen elements eight at a time, and three more.
  static func unrolled() -> ModulePlan {
    var m = PlanBuilder("unrolled")
    let x = m.input("x", .f32, "19")
    let y = m.output("y", .f32, "19")
    let copy = m.kernel("copy") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine("16"), step: 8, .parallel) { k, i in
        for lane in 0..<8 {
          let at = m.affine("\(lane)", ("1", i))
          k.store(y, at, k.scalar(.negate, .f32, [k.load(x, at)]))
        }
      }
      k.loop(from: m.affine("16"), to: m.affine("19"), .vector) { k, i in
        let at = k.at(i)
        k.store(y, at, k.scalar(.negate, .f32, [k.load(x, at)]))
      }
    }
    m.call(copy, x, y)
    return m.plan
  }

  /// y[2i] = a[i], y[2i+1] = b[N-1-i], by two kernels; then every second element back.
  static func interleaved() -> ModulePlan {
    var m = PlanBuilder("interleaved")
    m.symbol("N", 5)
    let (a, b) = (m.input("a", .u8, "N"), m.input("b", .u8, "N"))
    let y = m.output("y", .u8, "2*N")
    let z = m.output("z", .u8, "N")
    let t = m.arena("t", .u8, "2*N")
    func spread(_ m: inout PlanBuilder, _ name: String, _ index: (String, String)) -> KernelID {
      m.kernel(name) { k, m in
        let (x, y) = (k.slot("x", .u8, .read), k.slot("y", .u8, .write))
        k.loop(to: m.affine("N"), .vector) { k, i in
          k.store(y, m.affine("0", ("2", i)), k.load(x, m.affine(index.0, (index.1, i))))
        }
      }
    }
    let even = spread(&m, "even", ("0", "1"))
    let odd = spread(&m, "odd", ("N-1", "-1"))
    let copy = m.kernel("copy") { k, m in
      let (x, y) = (k.slot("x", .u8, .read), k.slot("y", .u8, .write))
      k.loop(to: m.affine("2*N"), .vector) { k, i in
        k.store(y, k.at(i), k.load(x, k.at(i)))
      }
    }
    let thin = m.kernel("thin") { k, m in
      let (x, y) = (k.slot("x", .u8, .read), k.slot("y", .u8, .write))
      k.loop(to: m.affine("N"), .vector) { k, i in
        k.store(y, k.at(i), k.load(x, m.affine("1", ("2", i))))
      }
    }
    m.call(even, (a, "0"), (t, "0"))
    m.call(odd, (b, "0"), (t, "1"))
    m.call(thin, (t, "0"), (z, "0"))
    m.call(copy, t, y)
    return m.plan
  }

  /// m += g, w -= m, both in place, in one kernel; and the old w, kept.
  static func update() -> ModulePlan {
    var m = PlanBuilder("update")
    let w = m.state("w", .f64, 6)
    let moment = m.state("m", .f64, 6)
    let g = m.input("g", .f64, "2", "3")
    let old = m.output("old", .f64, "2", "3")
    let step = m.kernel("step") { k, m in
      let (moment, g) = (k.slot("m", .f64, .readWrite), k.slot("g", .f64, .read))
      let (before, after) = (k.slot("before", .f64, .read), k.slot("after", .f64, .write))
      let old = k.slot("old", .f64, .write)
      k.loop(to: m.affine("2"), .parallel) { k, i in
        k.loop(to: m.affine("3"), .vector) { k, j in
          let at = m.affine("0", ("3", i), ("1", j))
          let next = k.scalar(.add, .f64, [k.load(moment, at), k.load(g, at)])
          let value = k.load(before, at)
          k.store(moment, at, next)
          k.store(old, at, value)
          k.store(after, at, k.scalar(.subtract, .f64, [value, next]))
        }
      }
    }
    m.call(step, moment, g, w, w, old)
    return m.plan
  }

  /// Three parts along the first axis by one kernel, the middle one a constant.
  static func join() -> ModulePlan {
    var m = PlanBuilder("join")
    m.symbol("N", 3)
    let x = m.input("x", .i32, "N", "2")
    let y = m.output("y", .i32, "2*N+2", "2")
    let c = m.constant("c", HostTensor([1, 5, 9, 13] as [Int32], shape: [2, 2]))
    let join = m.kernel("join") { k, m in
      let (x, c) = (k.slot("x", .i32, .read), k.slot("c", .i32, .read))
      let y = k.slot("y", .i32, .write)
      for (source, rows, start) in [(x, "N", "0"), (c, "2", "2*N"), (x, "N", "2*N+4")] {
        k.loop(to: m.affine(rows), .parallel) { k, i in
          k.loop(to: m.affine("2"), .vector) { k, j in
            let value = k.load(source, m.affine("0", ("2", i), ("1", j)))
            k.store(y, m.affine(start, ("2", i), ("1", j)), value)
          }
        }
      }
    }
    m.call(join, x, c, y)
    return m.plan
  }

  /// Sums over a triangle, and one of a factorisation: zeros first, then rows from the rows above.
  static func triangle() -> ModulePlan {
    var m = PlanBuilder("triangle")
    m.symbol("T", 4)
    let x = m.input("x", .f32, "T", "T")
    let y = m.output("y", .f32, "T", "T")
    let kernel = m.kernel("triangle") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .readWrite))
      let zero = k.constant(0, .f32)
      k.loop(to: m.affine("T"), .parallel) { k, i in
        k.loop(to: m.affine("T"), .vector) { k, j in k.store(y, m.affine("0", ("T", i), ("1", j)), zero) }
      }
      k.loop(to: m.affine("T"), .sequential) { k, i in
        k.loop(to: m.affine("1", ("1", i)), .sequential) { k, j in
          let sum = k.variable(k.load(x, m.affine("0", ("T", i), ("1", j))))
          k.loop(to: k.at(j), .sequential) { k, l in
            let (a, b) = (
              k.load(y, m.affine("0", ("T", i), ("1", l))), k.load(y, m.affine("0", ("T", j), ("1", l)))
            )
            k.assign(sum, k.scalar(.fma, .f32, [a, b, sum]))
          }
          k.store(y, m.affine("0", ("T", i), ("1", j)), sum)
        }
      }
    }
    m.call(kernel, x, y)
    return m.plan
  }

  /// Two functions that share a kernel and a state.
  static func twoFunctions() -> ModulePlan {
    var m = PlanBuilder("two")
    let w = m.state("w", .f32, 5)
    let y = m.output("y", .f32, "5")
    let copy = map(&m, "5", .negate)
    m.call(copy, w, y)
    var second = m.function
    second.name = "g"
    second.outputs = []
    second.buffers[1].storage = .arena(0)
    second.arenaBytes = 64
    second.lowerBoundBytes = 20
    second.steps.append(
      .call(
        copy,
        [
          Argument(buffer: BufferID(1), offset: m.dim("0")),
          Argument(buffer: BufferID(0), offset: m.dim("0")),
        ]))
    m.plan.functions.append(second)
    return m.plan
  }
}
