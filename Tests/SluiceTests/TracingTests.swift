import Sluice
import SluiceIR
import SluiceText
import Testing

/// What models become, as text.
@Suite struct TracingTests {
  @Test func smallFunction() throws {
    let found = try text { model in
      let width: Dim = 3
      let w = model.parameter("w", [width, 2], .normal(0.5))
      model.function("f", "Two lines\nof comment.") { f in
        let x = f.input("x", .f32, ["B <= 8", width])
        let y = (x.matmul(w.value) + 1).named("shifted")
        f.output("y", 2 * y)
        f.output("rows", size(of: x.shape[0], .i32))
      }
    }
    #expect(
      found == """
        module @m

        param @w : f32[3,2] init normal(0, 0.5)

        // Two lines
        // of comment.
        func @f(%x: f32[B,3]) -> (y: f32[B,2], rows: i32[]) where B <= 8 {
          %w = read @w : f32[3,2]
          %0 = matmul %x, %w : f32[B,2]
          %1 = constant {value = 1} : f32[]
          %2 = broadcast %1 {shape = [B,2]} : f32[B,2]
          %shifted = add %0, %2 : f32[B,2]
          %3 = constant {value = 2} : f32[]
          %4 = broadcast %3 {shape = [B,2]} : f32[B,2]
          %y = multiply %4, %shifted : f32[B,2]
          %rows = size {length = B, dtype = i32} : i32[]
          return %y, %rows
        }

        """)
  }

  @Test func inputsMayBeDeclaredLate() throws {
    let found = try textOf { f in
      let one = ones([2])
      let x = f.input("x", .f32, [2])
      let sum = x + one
      f.output("z", sum * f.input("y", .f32, [2]))
    }
    #expect(
      found == """
        func @f(%x: f32[2], %y: f32[2]) -> (z: f32[2]) {
          %0 = constant {value = 1} : f32[]
          %1 = broadcast %0 {shape = [2]} : f32[2]
          %2 = add %x, %1 : f32[2]
          %z = multiply %2, %y : f32[2]
          return %z
        }

        """)
  }

  @Test func lateInputsKeepSeveralResultsTogether() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, [4])
      let (sum, sums) = scan(over: x, from: zeros([])) { a, b in (a + b, a) }
      f.output("z", sums * f.input("y", .f32, [4]) + sum)
    }
    #expect(
      found.contains(
        """
        func @f(%x: f32[4], %y: f32[4]) -> (z: f32[4]) {
          %0 = constant {value = 0} : f32[]
          %1, %2 = scan @f.body, %0, %x {carries = 1, sequences = 1} : f32[], f32[4]
          %3 = multiply %2, %y : f32[4]
          %4 = broadcast %1 {shape = [4]} : f32[4]
          %z = add %3, %4 : f32[4]
          return %z
        }

        """))
  }

  /// Causal self-attention and a pre-norm block, as Radford and others (2019) have them.
  struct Attention: Sluice.Module {
    let qkv, out: Linear
    let heads: Int

    init(_ width: Dim, heads: Int) {
      qkv = Linear(width, 3 * width)
      out = Linear(width, width)
      self.heads = heads
    }

    func forward(_ x: Tensor) -> Tensor {  // [B, T, width]
      let (B, T, width) = (x.shape[0], x.shape[1], x.shape[2])
      let packed = qkv(x).reshaped([B, T, 3, Dim(heads), width / heads]).transposed(2, 0, 3, 1, 4)
      let (q, k, v) = (packed[0], packed[1], packed[2])  // [B, heads, T, width / heads]
      let past = iota([T, T]) .<= iota([T, T], axis: 0)
      let scores = select(where: past, q.matmul(k.T) * 0.25, -.infinity)
      let mixed = softmax(scores).matmul(v)
      return out(mixed.transposed(0, 2, 1, 3).reshaped([B, T, width]))
    }
  }

  struct Block: Sluice.Module {
    let norm1, norm2: LayerNorm
    let attention: Attention
    let up, down: Linear

    init(width: Dim, heads: Int) {
      norm1 = LayerNorm(width)
      norm2 = LayerNorm(width)
      attention = Attention(width, heads: heads)
      up = Linear(width, 4 * width)
      down = Linear(4 * width, width)
    }

    func forward(_ x: Tensor) -> Tensor {
      let h = x + attention(norm1(x))
      return h + down(relu(up(norm2(h))))
    }
  }

  @Test func transformerBlock() throws {
    let module = try Model("gpt") { model in
      let (B, T) = (Dim("B", max: 8), Dim("T", max: 256))
      let blocks = model.module("blocks", (0..<2).map { _ in Block(width: 64, heads: 4) })
      model.function("forward") { f in
        f.output("y", blocks(f.input("x", .f32, [B, T, 64])))
      }
    }.trace()
    #expect(verify(module).isEmpty)
    let tables = module.tables
    let names = module.variables.map { tables.strings[$0.name] }
    #expect(names.count == 24)
    #expect(names.prefix(6).last == "blocks.0.attention.qkv.bias")
    let graph = module.graphs[0]
    #expect(tables.text(graph.types[graph.results[0].index]) == "f32[B,T,64]")
    let scopes = Set(graph.locations.map { tables.strings[tables.locations[$0].scope] })
    #expect(scopes.contains("gpt/blocks.1/attention/out"))
  }

  @Test func namesAreUnique() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, [2])
      let a = (x + 1).named("a")
      let b = (x + 2).named("a")
      let c = (a * b).named("x")
      f.output("a", c)
      f.output("same", c)
    }
    #expect(
      found == """
        func @f(%x: f32[2]) -> (a: f32[2], same: f32[2]) {
          %0 = constant {value = 1} : f32[]
          %1 = broadcast %0 {shape = [2]} : f32[2]
          %a = add %x, %1 : f32[2]
          %2 = constant {value = 2} : f32[]
          %3 = broadcast %2 {shape = [2]} : f32[2]
          %a_1 = add %x, %3 : f32[2]
          %x_1 = multiply %a, %a_1 : f32[2]
          return %x_1, %x_1
        }

        """)
  }

  @Test func symbolsInOrderOfFirstUse() throws {
    let module = try Model("m") { model in
      model.function("f") { f in
        _ = f.input("x", .f32, ["Z <= 3", "A <= 4"])
        _ = f.input("sizes", .f32, ["M <= 5", "K <= 2", "Q <= 6"])
        let y = zeros(["M <= 5", "A <= 4"])
        let last = scan(over: y, from: zeros(["K <= 2"])) { a, _ in
          a + size(of: "Q <= 6", .f32)
        }
        f.output("y", last)
      }
    }.trace()
    let tables = module.tables
    let names = module.graphs.map { $0.symbols.map { tables.strings[tables.dims.symbols[$0.index].name] } }
    #expect(names == [["K", "A", "Q"], ["Z", "A", "M", "K", "Q"]])
    #expect(verify(module).isEmpty)
  }

  @Test func indexing() throws {
    let found = try textOf { f in
      let T = Dim("T", max: 16)
      let tokens = f.input("tokens", .i32, ["B <= 8", T + 1])
      f.output("past", tokens[.all, ..<T])
      f.output("future", tokens[.all, 1...])
      let x = f.input("x", .f32, [4, 6])
      f.output("row", x[-1])
      f.output("element", x[1, 2])
      f.output("part", x[1..<3, 2...4])
      f.output("end", x[(-2)..., .every(2, from: 1)])
      f.output("front", x[...1, ..<(-1)])
    }
    #expect(
      found == """
        func @f(%tokens: i32[B,T+1], %x: f32[4,6]) -> (past: i32[B,T], future: i32[B,T], row: f32[6], element: f32[], \
        part: f32[2,3], end: f32[2,3], front: f32[2,5]) where B <= 8, T <= 16 {
          %past = slice %tokens {start = [0,0], limit = [B,T]} : i32[B,T]
          %future = slice %tokens {start = [0,1], limit = [B,T+1]} : i32[B,T]
          %0 = slice %x {start = [3,0], limit = [4,6]} : f32[1,6]
          %row = reshape %0 {shape = [6]} : f32[6]
          %1 = slice %x {start = [1,2], limit = [2,3]} : f32[1,1]
          %element = reshape %1 {shape = []} : f32[]
          %part = slice %x {start = [1,2], limit = [3,5]} : f32[2,3]
          %end = slice %x {start = [2,1], limit = [4,6], strides = [1,2]} : f32[2,3]
          %front = slice %x {start = [0,0], limit = [2,5]} : f32[2,5]
          return %past, %future, %row, %element, %part, %end, %front
        }

        """)
  }

  @Test func shapes() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, ["B <= 8", 6])
      f.output("a", x.reshaped([-1, 3]))
      f.output("b", x.expanded(-1).transposed(-1, 0, 1))
      f.output("c", stack([x, x], axis: -1))
      f.output("d", x.expanded(1).squeezed(1).reshaped(x.shape.dropLast() + [2, 3]))
      f.output("e", x.T.matmul(x, transposeLhs: true, transposeRhs: true))
    }
    #expect(
      found == """
        func @f(%x: f32[B,6]) -> (a: f32[2*B,3], b: f32[1,B,6], c: f32[B,6,2], d: f32[B,2,3], e: f32[B,B]) \
        where B <= 8 {
          %a = reshape %x {shape = [2*B,3]} : f32[2*B,3]
          %0 = reshape %x {shape = [B,6,1]} : f32[B,6,1]
          %b = reshape %x {shape = [1,B,6]} : f32[1,B,6]
          %c = stack %x, %x {axis = -1} : f32[B,6,2]
          %1 = reshape %x {shape = [B,1,6]} : f32[B,1,6]
          %d = reshape %x {shape = [B,2,3]} : f32[B,2,3]
          %2 = transpose %x {order = [1,0]} : f32[6,B]
          %e = matmul %2, %x {transpose_lhs = true, transpose_rhs = true} : f32[B,B]
          return %a, %b, %c, %d, %e
        }

        """)
  }

  @Test func manyTracingsOfOneModel() throws {
    let model = Model("m") { model in
      let width = model.setting("width", default: 2)
      model.function("f") { f in f.output("y", zeros([Dim(width)])) }
    }
    let first = try text(of: model.trace())
    #expect(try text(of: model.trace()) == first)
    #expect(try text(of: model.trace(settings: ["width": "3"])).contains("f32[3]"))
  }

  @Test func locations() throws {
    struct Inner: Sluice.Module {
      let linear = Linear(2, 3)
      func forward(_ x: Tensor) -> Tensor { linear(x) }  // linear: linear^(
    }
    struct Outer: Sluice.Module {
      let parts = [Inner()]
      func forward(_ x: Tensor) -> Tensor { exp(parts[0](x)) }  // exp: exp^(; part: ^(x)
    }
    let module = try Model("m") { model in
      let net = Outer()
      model.function("f") { f in  // function: model.function^(
        let x = f.input("x", .f32, [4, 2])  // input: f.input^(
        f.output("y", net(x) * 2)  // net: net^(
      }
    }.trace()
    let marks = try Marks(#filePath, #fileID)
    let tables = module.tables
    let graph = module.graphs[0]
    let places = graph.nodes.map { node -> String in
      let id = graph.locations[node.index]
      let callers = tables.callers(id).map { marks.name($0.place) }.joined(separator: " < ")
      let scope = tables.strings[tables.locations[id].scope]
      return "\(graph.ops[node.index]): \(marks.name(tables.place(id))) \(scope) \(callers)"
    }
    #expect(
      places == [
        "input: input m ", "read: linear m/parts.0/linear linear < part < net",
        "matmul: linear m/parts.0/linear linear < part < net",
        "read: linear m/parts.0/linear linear < part < net",
        "broadcast: linear m/parts.0/linear linear < part < net",
        "add: linear m/parts.0/linear linear < part < net",
        "exp: exp m net",
        // An operator has the place of the op before it in the same call.
        "constant: input m ", "broadcast: input m ", "multiply: input m ",
      ])
    #expect(marks.name(tables.place(graph.location)) == "function")
  }
}
