// A small model with a bit of everything, for the golden text, the interface and the compilers.

import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport

/// `dense`: y = max(x w + b, 0) for B rows, the mean of all y, and a state that counts the calls.
enum SampleModel {
  static func plan(
    _ name: String = "sample", batch most: Int = 64, inner: Int = 24, outer: Int = 40
  ) -> ModulePlan {
    var m = PlanBuilder(name, function: "run", comment: ["A dense layer that counts its calls."])
    m.function.comment = ["One layer."]
    m.symbol("B", Int64(most))
    let (x, rate) = (m.input("x", .f32, "B", inner), m.input("rate", .f32))
    let (y, mean, n) = (m.output("y", .f32, "B", outer), m.output("mean", .f32), m.output("n", .f32))
    let (w, b) = (m.parameter("layer.w", .f32, inner, outer), m.parameter("layer.b", .f32, outer))
    let (calls, memory) = (m.state("calls", .i64), m.state("memory", .f32, 3, 3))
    let hidden = m.arena("hidden", .f32, "B*\(outer)")
    m.call(denseKernel(&m, inner, outer), x, w, b, hidden)
    m.call(meanKernel(&m, "B*\(outer)"), hidden, mean)
    m.call(countKernel(&m), calls, n)
    m.call(blendKernel(&m), rate, memory, mean)
    m.call(copyKernel(&m, "B*\(outer)"), hidden, y)
    return m.plan
  }

  private static func denseKernel(_ m: inout PlanBuilder, _ inner: Int, _ outer: Int) -> KernelID {
    let comment = [
      "%y = matmul %x, %w + %b : f32[B,40]", "%r = maximum %y, 0 : f32[B,40]",
      "  at Dense.swift:12, dense/layer",
    ]
    return m.kernel("dense", comment: comment) { k, m in
      let (x, w) = (k.slot("x", .f32, .read), k.slot("w", .f32, .read))
      let (b, y) = (k.slot("b", .f32, .read), k.slot("y", .f32, .write))
      let zero = k.float(0)
      k.loop(to: m.affine("B"), .parallel) { k, i in
        k.loop(to: m.affine(outer), .vector) { k, j in
          let sum = k.variable(zero)
          k.loop(to: m.affine(inner), .sequential) { k, n in
            let a = k.load(x, m.affine(0, (inner, i), (1, n)))
            let c = k.load(w, m.affine(0, (outer, n), (1, j)))
            k.assign(sum, k.scalar(.fma, .f32, [a, c, sum]))
          }
          let biased = k.scalar(.add, .f32, [sum, k.load(b, k.at(j))])
          k.store(y, m.affine(0, (outer, i), (1, j)), k.scalar(.maximum, .f32, [biased, zero]))
        }
      }
    }
  }

  private static func meanKernel(_ m: inout PlanBuilder, _ count: String) -> KernelID {
    m.kernel("mean", comment: ["%mean = mean %r {axes = [0,1]} : f32"]) { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("mean", .f32, .write))
      let total = k.variable(k.float(0))
      k.loop(to: m.affine(count), step: 1024, .sequential) { k, start in
        let part = k.variable(k.float(0))
        k.loop(from: k.at(start), to: m.affine(1024, (1, start)), limit: m.affine(count), .lanes(8)) { k, i in
          k.accumulate(part, .add, k.load(x, k.at(i)))
        }
        k.assign(total, k.scalar(.add, .f32, [total, part]))
      }
      let number = k.scalar(.cast, .f32, source: .i64, [k.index(m.affine(count))])
      k.store(y, m.affine(0), k.scalar(.canonical, .f32, [k.scalar(.divide, .f32, [total, number])]))
    }
  }

  private static func countKernel(_ m: inout PlanBuilder) -> KernelID {
    m.kernel("count", comment: ["@calls := %calls + 1", "%n = cast %calls : f32"]) { k, m in
      let (calls, n) = (k.slot("calls", .i64, .readWrite), k.slot("n", .f32, .write))
      let next = k.scalar(.add, .i64, [k.load(calls, m.affine(0)), k.integer(1)])
      k.store(calls, m.affine(0), next)
      k.store(n, m.affine(0), k.scalar(.cast, .f32, source: .i64, [next]))
    }
  }

  private static func blendKernel(_ m: inout PlanBuilder) -> KernelID {
    m.kernel("blend", comment: ["@memory := %rate * %memory + %mean"]) { k, m in
      let (rate, memory) = (k.slot("rate", .f32, .read), k.slot("memory", .f32, .readWrite))
      let mean = k.slot("mean", .f32, .read)
      let (r, middle) = (k.load(rate, m.affine(0)), k.load(mean, m.affine(0)))
      k.loop(to: m.affine(9), .vector) { k, i in
        let old = k.load(memory, k.at(i))
        let grown = k.scalar(.call, .f32, [old], immediate: UInt64(ElementaryFunction.tanh.rawValue))
        k.store(memory, k.at(i), k.scalar(.canonical, .f32, [k.scalar(.fma, .f32, [r, grown, middle])]))
      }
    }
  }

  private static func copyKernel(_ m: inout PlanBuilder, _ count: String) -> KernelID {
    m.kernel("copy", comment: ["copy %r"]) { k, m in
      let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
      k.loop(to: m.affine(count), .vector) { k, i in
        k.store(y, k.at(i), k.scalar(.canonical, .f32, [k.load(x, k.at(i))]))
      }
    }
  }
}
