import Sluice
import Testing

/// Scans: captures, nesting, forms, mistakes.
@Suite struct ScanTests {
  @Test func captures() throws {
    let found = try text { model in
      let w = model.parameter("w", [2])
      let total = model.state("total", [2])
      model.function("f") { f in
        let xs = f.input("xs", .f32, ["N <= 8", 2])
        let rate = f.input("rate", .f32, [])
        let (last, all) = scan(over: xs, from: total.value) { sum, x in
          let next = sum + rate * x * w.value + total.value
          return (next, next * rate)
        }
        total.value = last
        f.output("all", all)
      }
    }
    #expect(
      found == """
        module @m

        param @w : f32[2]
        state @total : f32[2]

        body @f.body(%total: f32[2], %xs: f32[2], %rate: f32[], %w: f32[2], %total_1: f32[2]) -> f32[2], f32[2] {
          %0 = broadcast %rate {shape = [2]} : f32[2]
          %1 = multiply %0, %xs : f32[2]
          %2 = multiply %1, %w : f32[2]
          %3 = add %total, %2 : f32[2]
          %4 = add %3, %total_1 : f32[2]
          %5 = multiply %4, %0 : f32[2]
          return %4, %5
        }

        func @f(%xs: f32[N,2], %rate: f32[]) -> (all: f32[N,2]) where N <= 8 {
          %total = read @total : f32[2]
          %w = read @w : f32[2]
          %0, %all = scan @f.body, %total, %xs, %rate, %w, %total {carries = 1, sequences = 1} : f32[2], f32[N,2]
          return %all, @total = %0
        }

        """)
  }

  @Test func nested() throws {
    let found = try text { model in
      let w = model.parameter("w", [3])
      model.function("f") { f in
        let x = f.input("x", .f32, [4, 5, 3])
        let scale = f.input("scale", .f32, [3])
        f.output(
          "y",
          scan(over: x, from: zeros([3])) { a, rows in
            scan(over: rows, from: a) { b, row in b + row * scale * w.value + a }
          })
        f.output("z", scan(length: 2, from: scale, reverse: true) { $0 * $0 })
      }
    }
    #expect(
      found == """
        module @m

        param @w : f32[3]

        body @f.body.body(%0: f32[3], %x: f32[3], %scale: f32[3], %w: f32[3], %1: f32[3]) -> f32[3] {
          %2 = multiply %x, %scale : f32[3]
          %3 = multiply %2, %w : f32[3]
          %4 = add %0, %3 : f32[3]
          %5 = add %4, %1 : f32[3]
          return %5
        }

        body @f.body(%0: f32[3], %x: f32[5,3], %scale: f32[3], %w: f32[3]) -> f32[3] {
          %1 = scan @f.body.body, %0, %x, %scale, %w, %0 {carries = 1, sequences = 1} : f32[3]
          return %1
        }

        body @f.body2(%scale: f32[3]) -> f32[3] {
          %0 = multiply %scale, %scale : f32[3]
          return %0
        }

        func @f(%x: f32[4,5,3], %scale: f32[3]) -> (y: f32[3], z: f32[3]) {
          %0 = constant {value = 0} : f32[]
          %1 = broadcast %0 {shape = [3]} : f32[3]
          %w = read @w : f32[3]
          %y = scan @f.body, %1, %x, %scale, %w {carries = 1, sequences = 1} : f32[3]
          %z = scan @f.body2, %scale {carries = 1, length = 2, reverse = true} : f32[3]
          return %y, %z
        }

        """)
  }

  @Test func forms() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, [5])
      let y = f.input("y", .i32, [5])
      let a = zeros([])
      let b = constant(0, .i32)
      let (c, d) = scan(over: (x, y), from: (a, b)) { a, b, x, y in (a + x, b + y) }
      f.output("c", c)
      f.output("d", d)
      let (e, g, h) = scan(over: x, from: (a, b)) { a, b, x in (a + x, b + 1, x * 2) }
      f.output("e", e)
      f.output("g", g)
      f.output("h", h)
      let (i, j) = scan(length: 3, from: a) { a in (a + 1, a * a) }
      f.output("i", i)
      f.output("j", j)
      f.output("k", scan(over: x) { x in x * x })
      f.output("l", scan(over: (x, y), from: a) { a, x, y in a + x * y.cast(.f32) })
      let all = scan(over: [x, y, x], from: [a]) { carries, parts in
        let sum = carries[0] + parts[0] * parts[2]
        return ([sum], [sum, parts[1]])
      }
      f.output("m", all.carries[0])
      f.output("n", all.outputs[1])
    }
    let types = try #require(found.split(separator: "\n").first { $0.hasPrefix("func") })
    #expect(
      types.hasSuffix(
        "-> (c: f32[], d: i32[], e: f32[], g: i32[], h: f32[5], i: f32[], j: f32[3], k: f32[5], l: f32[], m: f32[], "
          + "n: i32[5]) {"))
  }

  @Test func mistakesOfScans() throws {
    let found = try mistakes { model in
      let count = model.state("count", [], dtype: .i32)
      model.function("f") { f in
        let x = f.input("x", .f32, [4, 2])
        let y = f.input("y", .f32, [3, 2])
        f.output("a", scan(over: zeros([]), from: x) { a, _ in a })  // scalar: scan^(
        f.output("b", scan(over: (x, y), from: x) { a, _, _ in a })  // lengths: scan^(
        f.output("c", scan(over: x, from: zeros([])) { a, x in a + x })  // type: scan^(
        f.output("d", scan(over: [], from: [x]) { a, _ in (a, []) }.carries[0])  // noLength: scan^(
        f.output("e", scan(over: [x], from: [x]) { _, x in ([], x) }.carries[0])  // count: scan^(
        _ = scan(over: [x], from: []) { _, _ in ([], []) }  // nothing: scan^(
        f.output("g", scan(over: x, from: x) { a, b in a + b * zeros([3]) })  // inside: b ^* zeros
        f.output(
          "h",
          scan(over: x, from: x) { a, _ in
            count.value = count.value + 1  // state: count.value ^= count
            f.output("inner", a)  // output: f.output^(
            _ = f.input("z", .f32, [])  // input: f.input^(
            return a
          })
        f.output("i", scan(over: [x], from: [], length: 5) { _, x in ([], x) }.outputs[0])  // longer: scan^(
        var kept = [Tensor]()
        f.output(
          "j",
          scan(over: x, from: x) { a, x in
            kept.append(x)
            return a
          })
        f.output("k", kept[0] + 1)  // kept: 0] ^+ 1
      }
    }
    #expect(
      found == [
        "scalar: `scan` over a scalar, f32[]", "- a sequence is cut along its first axis",
        "lengths: `scan` over sequences of different lengths, f32[4,2] and f32[3,2]",
        "- their first dims are equal",
        "type: the carried tensor of `scan` begins as f32[] and comes back as f32[2]",
        "noLength: `scan` has neither sequences nor a length", "- add `length: ...`",
        "count: the body of `scan` gives 0 carried tensors for 1", "- one for each that it takes",
        "nothing: the body of `scan` gives nothing", "- give back a carried tensor or an output",
        "inside: `multiply` of shapes that do not fit: f32[2] and f32[3]",
        "- axis -1 is 2 and 3; dims must be equal or 1",
        "state: `@count` is written in the body of a `scan`",
        "- carry it: `scan(over: ..., from: ...)`, and write what comes back",
        "output: an output of `f` is declared in the body of a `scan`", "- move it out of the body",
        "input: an input of `f` is declared in the body of a `scan`", "- move it out of the body",
        "longer: `scan` of length 5 over f32[4,2]", "- leave the length out",
        "kept: a tensor of the body of a `scan` is used outside of it",
        "- give it back from the body, carried or as an output",
      ])
  }
}
