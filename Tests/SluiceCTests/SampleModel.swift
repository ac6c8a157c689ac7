// A small model with a bit of everything, for the golden text, the interface and the compilers.

import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport

/// `dense`: y = max(x w + b, 0) for B rows, the mean of all y, and a state that counts the calls.
enum SampleModel {
  static func plan(
    _ name: String = "sample", batch most: Int = 64, inner innerSize: Int = 24, outer outerSize: Int = 40
  ) -> ModulePlan {
    var kit = PlanKit(name, comment: ["A dense layer that counts its calls."])
    let batch = kit.symbol("B", most)
    let rows = kit.dim(batch)
    let (inner, outer) = (kit.dim(innerSize), kit.dim(outerSize))
    let matrix = kit.type(.f32, [inner, outer])
    let w = kit.parameter("layer.w", matrix)
    let b = kit.parameter("layer.b", kit.type(.f32, [outer]))
    let calls = kit.state("calls", kit.type(.i64))
    let memory = kit.state("memory", kit.type(.f32, [kit.dim(3), kit.dim(3)]))

    let dense = kit.add(
      denseKernel(&kit, rows, inner, outer),
      comment: [
        "%y = matmul %x, %w + %b : f32[B,40]", "%r = maximum %y, 0 : f32[B,40]",
        "  at Dense.swift:12, dense/layer",
      ])
    let mean = kit.add(
      meanKernel(&kit, kit.product(rows, outer)), comment: ["%mean = mean %r {axes = [0,1]} : f32"])
    let count = kit.add(countKernel(&kit), comment: ["@calls := %calls + 1", "%n = cast %calls : f32"])
    let blend = kit.add(blendKernel(&kit), comment: ["@memory := %rate * %memory + %mean"])

    let hidden = kit.type(.f32, [rows, outer])
    let arena = kit.buffer("hidden", hidden, .arena(0))
    kit.function(
      "run", symbols: [batch],
      inputs: [("x", kit.type(.f32, [rows, inner])), ("rate", kit.type(.f32))],
      outputs: [("y", hidden), ("mean", kit.type(.f32)), ("n", kit.type(.f32))],
      others: [w, b, calls, memory, arena], arenaBytes: most * outerSize * 4,
      steps: [
        kit.call(dense, 0, 5, 6, 9), kit.call(mean, 9, 3), kit.call(count, 7, 4), kit.call(blend, 1, 8, 3),
        kit.call(kit.add(copyKernel(&kit, kit.product(rows, outer)), comment: ["copy %r"]), 9, 2),
      ], comment: ["One layer."])
    return kit.finish()
  }

  private static func denseKernel(
    _ kit: inout PlanKit, _ rows: DimID, _ inner: DimID, _ outer: DimID
  ) -> KernelBuilder {
    var k = kit.builder("dense")
    let (x, w) = (k.slot("x", .f32, .read), k.slot("w", .f32, .read))
    let (b, y) = (k.slot("b", .f32, .read), k.slot("y", .f32, .write))
    let zero = k.constant(0, .f32)
    let (none, one) = (kit.zero, kit.one)
    k.loop(to: Affine(rows), .parallel) { k, i in
      k.loop(to: Affine(outer), .vector) { k, j in
        let sum = k.variable(zero)
        k.loop(to: Affine(inner), .sequential) { k, n in
          let a = k.load(x, Affine(none, [.init(inner, i), .init(one, n)]))
          let c = k.load(w, Affine(none, [.init(outer, n), .init(one, j)]))
          k.assign(sum, k.scalar(.fma, .f32, [a, c, sum]))
        }
        let biased = k.scalar(.add, .f32, [sum, k.load(b, Affine(none, [.init(one, j)]))])
        k.store(y, Affine(none, [.init(outer, i), .init(one, j)]), k.scalar(.maximum, .f32, [biased, zero]))
      }
    }
    return k
  }

  private static func meanKernel(_ kit: inout PlanKit, _ count: DimID) -> KernelBuilder {
    var k = kit.builder("mean")
    let (x, y) = (k.slot("x", .f32, .read), k.slot("mean", .f32, .write))
    let total = k.variable(k.constant(0, .f32))
    let none = kit.zero
    let one = kit.one
    let block = kit.dim(1024)
    k.loop(to: Affine(count), step: 1024, .sequential) { k, start in
      let part = k.variable(k.constant(0, .f32))
      let first = Affine(none, [.init(one, start)])
      k.loop(from: first, to: Affine(block, [.init(one, start)]), limit: Affine(count), .lanes(8)) { k, i in
        k.accumulate(part, .add, k.load(x, Affine(none, [.init(one, i)])))
      }
      k.assign(total, k.scalar(.add, .f32, [total, part]))
    }
    let number = k.scalar(.cast, .f32, source: .i64, [k.index(Affine(count))])
    k.store(y, Affine(none), k.scalar(.canonical, .f32, [k.scalar(.divide, .f32, [total, number])]))
    return k
  }

  private static func countKernel(_ kit: inout PlanKit) -> KernelBuilder {
    var k = kit.builder("count")
    let (calls, n) = (k.slot("calls", .i64, .readWrite), k.slot("n", .f32, .write))
    let next = k.scalar(.add, .i64, [k.load(calls, Affine(kit.zero)), k.constant(1, .i64)])
    k.store(calls, Affine(kit.zero), next)
    k.store(n, Affine(kit.zero), k.scalar(.cast, .f32, source: .i64, [next]))
    return k
  }

  private static func blendKernel(_ kit: inout PlanKit) -> KernelBuilder {
    var k = kit.builder("blend")
    let (rate, memory) = (k.slot("rate", .f32, .read), k.slot("memory", .f32, .readWrite))
    let mean = k.slot("mean", .f32, .read)
    let (r, m) = (k.load(rate, Affine(kit.zero)), k.load(mean, Affine(kit.zero)))
    let (none, one) = (kit.zero, kit.one)
    let nine = kit.dim(9)
    k.loop(to: Affine(nine), .vector) { k, i in
      let place = Affine(none, [.init(one, i)])
      let old = k.load(memory, place)
      let grown = k.scalar(.call, .f32, [old], immediate: UInt64(ElementaryFunction.tanh.rawValue))
      k.store(memory, place, k.scalar(.canonical, .f32, [k.scalar(.fma, .f32, [r, grown, m])]))
    }
    return k
  }

  private static func copyKernel(_ kit: inout PlanKit, _ count: DimID) -> KernelBuilder {
    var k = kit.builder("copy")
    let (x, y) = (k.slot("x", .f32, .read), k.slot("y", .f32, .write))
    let (none, one) = (kit.zero, kit.one)
    k.loop(to: Affine(count), .vector) { k, i in
      let place = Affine(none, [.init(one, i)])
      k.store(y, place, k.scalar(.canonical, .f32, [k.load(x, place)]))
    }
    return k
  }
}
