import Sluice
import SluiceFormats
import SluiceIR
import SluiceText
import Testing

/// `call`, `cond` and `whileLoop` in the DSL: what their closures capture becomes operands of all bodies.
@Suite struct ControlTests {
  @Test func bodiesOfACondTakeTheSame() throws {
    let module = try Model("m") { model in
      let w = model.parameter("w", [2], .ones)
      model.function("f") { f in
        let p = f.input("p", .bool, [])
        let x = f.input("x", .f32, ["N <= 4", 2])
        let y = f.input("y", .f32, [2])
        f.output("z", cond(p, then: { y * w.value }, otherwise: { x.sum(axes: [0]) - w.value }))
      }
    }.trace()
    #expect(verify(module).isEmpty)
    #expect(
      printModule(module) == """
        module @m

        param @w : f32[2] init ones

        body @f.body(%w: f32[2], %y: f32[2], %0: f32[N,2]) -> f32[2] where N <= 4 {
          %1 = multiply %y, %w : f32[2]
          return %1
        }

        body @f.body2(%w: f32[2], %y: f32[2], %x: f32[N,2]) -> f32[2] where N <= 4 {
          %0 = sum %x {axes = [0]} : f32[2]
          %1 = subtract %0, %w : f32[2]
          return %1
        }

        func @f(%p: bool[], %x: f32[N,2], %y: f32[2]) -> (z: f32[2]) where N <= 4 {
          %w = read @w : f32[2]
          %z = cond @f.body, @f.body2, %p, %w, %y, %x : f32[2]
          return %z
        }

        """)
  }

  @Test func bodiesRun() throws {
    let model = Model("m") { model in
      let total = model.state("total", [2])
      model.function("f") { f in
        let x = f.input("x", .f32, [2])
        let step = f.input("step", .f32, [])
        let all = whileLoop(from: [x, zeros([], .i32)], while: { $0[0].max() .< 10 }) { carries in
          [carries[0] + step, carries[1] + 1]
        }
        f.output("x", all[0])
        f.output("count", all[1])
        let scaled = call([x]) { [$0[0] * step] }
        f.output("y", whileLoop(from: x, limit: 3, while: { _ in step .> 0 }) { $0 + scaled[0] })
        // A branch in a loop in a branch, which captures from every level.
        let nested = cond(step .> 100, then: { x }) {
          scan(over: stack([x, x, x]), from: total.value) { sum, row in
            cond(sum.max() .< 3, then: { sum + row }, otherwise: { sum * step + total.value })
          }
        }
        f.output("nested", nested)
        total.value = nested
      }
    }
    for backend in Backend.allCases {
      var session = try Session(model, backend: backend)
      let inputs = [HostTensor([1, 2] as [Float]), HostTensor(scalar: 3 as Float)]
      let results = try session.run("f", inputs)
      let expected: [HostTensor] = [
        HostTensor([10, 11] as [Float]), HostTensor(scalar: 3 as Int32), HostTensor([10, 20] as [Float]),
        HostTensor([6, 12] as [Float]),
      ]
      #expect(results == expected, "\(backend): \(results)")
    }
  }

  @Test func mistakesAreReported() throws {
    let found = try mistakes { model in
      let state = model.state("s", [2])
      model.function("f") { f in
        let x = f.input("x", .f32, [2])
        let p = f.input("p", .bool, [])
        _ = cond(p, then: { x }, otherwise: { x.sum() })  // cond: ^cond(
        _ = cond(x, then: { x }, otherwise: { x })  // operand: ^cond(
        _ = whileLoop(from: x, while: { $0 .> 0 }) { $0 }  // while: ^whileLoop(
        _ = call([x]) { y in
          state.value = y[0]
          return y
        }
        f.output("x", x)
      }
    }
    let texts = found.joined(separator: "\n")
    #expect(texts.contains("`cond`: `@f.body` gives (f32[2]), `@f.body2` gives (f32[])"), "\(texts)")
    #expect(texts.contains("operand 1 (`condition`) is f32, it may be bool"), "\(texts)")
    #expect(texts.contains("is bool[2], it must be bool[]"), "\(texts)")
    #expect(texts.contains("`@s` is written in the body of a `call`"), "\(texts)")
  }
}
