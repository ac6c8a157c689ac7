import SluiceIR
import SluicePlan
import TestSupport

/// Plans whose kernels have memory of their own.
extension SamplePlans {
  /// y = softmax of the rows of x: f32[R,N], each row by way of a local.
  static func rowLocal() -> ModulePlan {
    var m = PlanBuilder("row")
    m.symbol("R", 3)
    m.symbol("N", 20)
    let x = m.input("x", .f32, "R", "N")
    let y = m.output("y", .f32, "R", "N")
    let kernel = m.kernel("softmax") { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine("R"), .parallel) { k, r in
        let row = k.local("row", .f32, m.dim("N"))
        let largest = k.variable(k.float(-Float.infinity))
        k.loop(to: m.affine("N"), .sequential) { k, i in
          k.assign(
            largest, k.scalar(.maximum, .f32, [largest, k.load(x, m.affine("0", ("N", r), ("1", i)))]))
        }
        k.loop(to: m.affine("N"), .vector) { k, i in
          let below = k.scalar(.subtract, .f32, [k.load(x, m.affine("0", ("N", r), ("1", i))), largest])
          k.store(row, k.at(i), k.scalar(.sqrt, .f32, [k.scalar(.abs, .f32, [below])]))
        }
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .lanes(4)) { k, i in
          k.accumulate(sum, .add, k.load(row, k.at(i)))
        }
        k.loop(to: m.affine("N"), .vector) { k, i in
          let part = k.scalar(.divide, .f32, [k.load(row, k.at(i)), sum])
          k.store(y, m.affine("0", ("N", r), ("1", i)), part)
        }
      }
    }
    m.call(kernel, x, y)
    return m.plan
  }

  /// Blocks of two rows of x: f64[R,N] in a local of two loops; y is each element over the sum of its row and of
  /// the elements above and below it in the block.
  static func blockLocal() -> ModulePlan {
    var m = PlanBuilder("block")
    m.symbol("R", 5)
    m.symbol("N", 4)
    let x = m.input("x", .f64, "R", "N")
    let y = m.output("y", .f64, "R", "N")
    let kernel = m.kernel("block") { k, m in
      let (x, y) = (k.slot("x", .f64, .read), k.slot("y", .f64, .write))
      k.loop(to: m.affine("R"), step: 2, .parallel) { k, r in
        let block = k.local("block", .f64, m.dim("2*N"))
        let rest = m.affine("R", ("-1", r))
        k.loop(to: m.affine("2"), limit: rest, .parallel) { k, i in
          k.loop(to: m.affine("N"), .vector) { k, j in
            let value = k.load(x, m.affine("0", ("N", r), ("N", i), ("1", j)))
            k.store(block, m.affine("0", ("N", i), ("1", j)), k.scalar(.abs, .f64, [value]))
          }
        }
        k.loop(to: m.affine("2"), limit: rest, .sequential) { k, i in
          let sums = k.local("sums", .f64, m.dim("N"))
          k.loop(to: m.affine("N"), .vector) { k, j in
            let sum = k.variable(k.load(block, m.affine("0", ("N", i), ("1", j))))
            k.loop(to: m.affine("2"), limit: rest, .sequential) { k, l in
              k.assign(sum, k.scalar(.add, .f64, [sum, k.load(block, m.affine("0", ("N", l), ("1", j)))]))
            }
            k.store(sums, k.at(j), sum)
          }
          k.loop(to: m.affine("N"), .vector) { k, j in
            let value = k.load(block, m.affine("0", ("N", i), ("1", j)))
            k.store(
              y, m.affine("0", ("N", r), ("N", i), ("1", j)),
              k.scalar(.divide, .f64, [value, k.load(sums, m.affine("N-1", ("-1", j)))]))
          }
        }
      }
    }
    m.call(kernel, x, y)
    return m.plan
  }
}
