import Sluice
import SluiceIR
import Testing

/// One test a kind of mistake: the exact place, the message, the way out, the chain of calls, and nothing else.
@Suite struct MistakeTests {
  private static let dims = "dims must be equal or 1"

  @Test func innerDims() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, ["B <= 8", 3])
      f.output("y", x.matmul(x))  // inner: x.matmul^(
    }
    #expect(
      found == [
        "inner: `matmul`: inner dims differ, 3 and B: f32[B,3] x f32[B,3]", "- `.T` swaps the last two axes",
      ])
  }

  @Test func operators() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, ["B <= 8", 3])
      let y = f.input("y", .f64, [3])
      f.output("sum", x + y)  // dtypes: x ^+ y
      f.output(
        "products",
        1 - x * 2
          * x.T  // shapes: ^* x
          + x)
      f.output("truth", x .< y)  // compared: x ^.< y
      let b = f.input("b", .bool, [3])
      f.output("rest", b % b)  // rest: b ^% b
      f.output("negative", .!x)  // not: , ^.!x)
    }
    #expect(
      found == [
        "dtypes: `add` of different dtypes: f32[B,3] and f64[3]", "- convert one of them: `.cast(.f32)`",
        "shapes: `multiply` of shapes that do not fit: f32[B,3] and f32[3,B]",
        "- axis -1 is 3 and B; \(Self.dims)",
        "compared: `less` of different dtypes: f32[B,3] and f64[3]", "- convert one of them: `.cast(.f32)`",
        "rest: `remainder`: operand 1 (`x`) is bool, it may be f32, f64, i32, i64, u8",
        "- convert it: `.cast(...)`",
        "not: `not`: operand 1 (`x`) is f32, it may be i32, i64, u8, bool", "- convert it: `.cast(...)`",
      ])
  }

  @Test func numbersThatDoNotFit() throws {
    let found = try mistakesOf { f in
      let bytes = f.input("bytes", .u8, [3])
      f.output("a", bytes * 0.5)  // half: bytes ^* 0
      f.output("b", bytes + 300)  // many: bytes ^+ 300
      f.output("c", (bytes .== 1) .== 2)  // bool: 1) ^.== 2
      f.output("d", constant([1, 2.5], .i32))  // constant: constant^(
      f.output("e", maximum(bytes, .nan))  // nan: maximum^(
    }
    #expect(
      found == [
        "half: `0.5` is no u8", "- convert the tensor: `.cast(.f32)`",
        "many: `300` is no u8", "- convert the tensor: `.cast(.f32)`",
        "bool: `2` is no bool", "- compare with `.==`, or convert the tensor with `.cast(...)`",
        "constant: `2.5` is no i32", "- choose another dtype for the constant",
        "nan: `nan` is no u8", "- convert the tensor: `.cast(.f32)`",
      ])
  }

  @Test func numbersThatWouldChange() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, [2])
      f.output("a", x * 1e50)  // product: x ^* 1e50
      f.output("b", x + 16_777_217)  // sum: x ^+ 16
      f.output("c", constant(1e50))  // constant: constant^(1e50
      f.output("d", full([2], -1e39))  // full: full^(
      f.output("e", constant(9_007_199_254_740_993, .f64))  // integer: constant^(9
      f.output("g", constant([1, 300], .u8))  // list: constant^([
      f.output("h", elu(x, alpha: 1e39))  // alpha: elu^(
      f.output("i", linspace(0, 1e39, 3))  // linspace: linspace^(
      f.output("j", clamp(x, -1e39, 1))  // clamp: clamp^(
      f.output("k", constant(65520, .f16))  // narrow: constant^(65520, .f16
      f.output("l", x .< 1e39)  // less: x ^.<
    }
    let wide = "- convert the operands: `cast %x {dtype = f64}`"
    #expect(
      found.filter { !$0.hasPrefix("-") } == [
        "product: `1e+50` is no f32", "sum: `16777217` is no f32", "constant: `1e+50` is no f32",
        "full: `-1e+39` is no f32", "integer: `9007199254740993` is no f64", "list: `300` is no u8",
        "alpha: `elu`: alpha = 1e+39 is out of the range of f32",
        "linspace: `linspace`: stop = 1e+39 is out of the range of f32", "clamp: `-1e+39` is no f32",
        "narrow: `65520` is no f16", "less: `1e+39` is no f32",
      ])
    #expect(found.contains("- infinity is `.infinity`") && !found.contains(wide))
    #expect(found.contains("- write `16777217.0` where the nearest f32 will do"))
  }

  /// Infinity and NaN are meant, and integers of 64 bits stay exact.
  @Test func numbersThatFit() throws {
    let text = try textOf { f in
      let x = f.input("x", .f32, [2])
      f.output("a", maximum(x, -.infinity) + .nan)
      f.output("b", constant(9_007_199_254_740_993, .i64))
      f.output("c", constant([Int.max, Int.min], .i64))
      f.output("d", x * 0.1 + 16_777_216)
    }
    #expect(text.contains("{value = 9007199254740993} : i64[]"))
    #expect(text.contains("{value = [9223372036854775807, -9223372036854775808]} : i64[2]"))
  }

  @Test func initialValuesThatDoNotFit() throws {
    let found = try mistakes { model in
      _ = model.state("a", [2], .constant(1e39))
      _ = model.state("b", [2], .uniform(-1, 1e39))
      _ = model.state("c", [2], .normal(1e39))
      _ = model.state("d", [1], .data([1e39]))
      _ = model.state("e", [1], .constant(9_007_199_254_740_993), dtype: .i64)
      _ = model.state("f", [1], .data([9_007_199_254_740_993]), dtype: .i64)
      model.function("f") { f in f.output("y", zeros([])) }
    }
    #expect(
      found.filter { !$0.hasPrefix("-") }.map { $0.drop { $0 != " " } } == [
        " `1e+39` is no f32", " `1e+39` is no f32", " `1e+39` is no f32", " `1e+39` is no f32",
        " the initial value `9007199254740993` needs more than 53 bits",
      ])
  }

  @Test func symbolsWithoutValue() throws {
    let found = try mistakes { model in
      let (A, B, C): (Dim, Dim, Dim) = ("A <= 4", "B <= 4", "C <= 4")
      model.function("f") { f in f.output("y", f.input("x", .f32, [A * A])) }  // squared: function^("f
      model.function("g") { f in  // none: function^("g
        f.output("y", f.input("x", .f32, [A]) + zeros([B, 1]))
      }
      model.function("h") { f in
        let y = f.input("x", .f32, [A]) + f.input("y", .f32, [A * B, 1])
        f.output("z", f.input("z", .f32, [2 * C + B]) + y.sum())
      }
    }
    let hint = { (name: String) in
      "- an input needs an axis in which `\(name)` alone is unknown, such as `\(name)` or `2*\(name)+1`"
    }
    #expect(
      found == [
        "squared: the value of `A` follows from no input of `@f`, which could never run", hint("A"),
        "none: the value of `B` follows from no input of `@g`, which could never run", hint("B"),
      ])
  }

  struct Block: Sluice.Module {
    let first = Linear(3, 4)
    let second = Linear(5, 3)
    func forward(_ x: Tensor) -> Tensor { x + second(relu(first(x))) }  // second: second^(
  }

  struct Tower: Sluice.Module {
    let blocks = [Block(), Block()]
    func forward(_ x: Tensor) -> Tensor { blocks.reduce(x) { $1($0) } }  // block: 1^(
  }

  @Test func chainOfModules() throws {
    let found = try mistakesOf { f in
      f.output("y", Tower()(f.input("x", .f32, [2, 3])))  // tower: ^(f.
    }
    // The second block has the same mistake at the same place, and gets a poisoned input anyway.
    #expect(
      found == [
        "second: `matmul`: inner dims differ, 4 and 5: f32[2,4] x f32[5,3]", "- `.T` swaps the last two axes",
        "- in `Linear` (m/blocks.0/second)", "- block: in `Block` (m/blocks.0), called from here",
        "- tower: in `Tower` (m), called from here",
      ])
  }

  struct Wrong: Sluice.Module {
    func forward(_ x: Tensor) -> Tensor { x + x.T }  // inWrong: x ^+ x
  }

  @Test func operatorInModule() throws {
    let found = try mistakesOf { f in
      let wrong = Wrong()
      f.output("y", wrong(f.input("x", .f32, [2, 3])))  // callsWrong: wrong^(
    }
    #expect(
      found == [
        "inWrong: `add` of shapes that do not fit: f32[2,3] and f32[3,2]",
        "- axis -1 is 3 and 2; \(Self.dims)",
        "- callsWrong: in `Wrong` (m/Wrong), called from here",
      ])
  }

  @Test func mistakeInLayer() throws {
    let found = try mistakesOf { f in
      let norm = LayerNorm(7)
      f.output("y", norm(f.input("x", .f32, [2, 3])))  // norm: norm^(
    }
    #expect(
      found == [
        "norm: `layer_norm` of f32[2,3] with weight f32[7]",
        "- it is f32[3]",
        "- in `LayerNorm` (m)",
      ])
  }

  @Test func axes() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, [2, 3])
      f.output("a", x.sum(axes: [1, 7]))  // sum: x.sum^(
      f.output("b", x.max(axes: [1, -1]))  // twice: x.max^(
      f.output("c", zeros([x.shape[2]]))  // axis: x.shape^[
      f.output("d", x[0].T)  // T: .^T
      f.output("e", x.transposed(0, 0))  // transposed: x.transposed^(
      f.output("f", x.expanded(4))  // expanded: x.expanded^(
      f.output("g", x.squeezed(0))  // squeezed: x.squeezed^(
      f.output("h", x.argmax(axis: 3))  // argmax: x.argmax^(
      f.output("i", softmax(x.sum()))  // softmax: softmax^(
    }
    #expect(
      found == [
        "sum: axis 7 is out of range for rank 2", "- axes are -2 ... 1",
        "twice: axis -1 is given twice",
        "axis: axis 2 is out of range for the shape [2,3]", "- axes are -2 ... 1",
        "T: `T` of f32[3]", "- it swaps the last two axes",
        "transposed: `transpose`: order [0, 0] is no permutation of the 2 axes of f32[2,3]",
        "expanded: a new axis 4 of f32[2,3]", "- axes are -3 ... 2",
        "squeezed: axis 0 of f32[2,3] cannot be taken away", "- it must be there and have the dim 1",
        "argmax: axis 3 is out of range for rank 2", "- axes are -2 ... 1",
        "softmax: axis -1 is out of range for rank 0", "- a scalar has no axes",
      ])
  }

  @Test func views() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, [2, 3])
      f.output("a", x.reshaped([7]))  // reshape: x.reshaped^(
      f.output("b", x.reshaped([4, -1]))  // open: x.reshaped^(
      f.output("c", x.broadcast(to: [3, 3]))  // broadcast: x.broadcast^(
      f.output("d", x[0, 0, 0])  // indices: x^[
      f.output("e", x[1..<4])  // behind: x^[
      f.output("f", x[.every(0)])  // step: x^[
      f.output("g", concat([x, x.T]))  // concat: concat^(
      f.output("h", concat([]))  // noneConcat: concat^(
      f.output("i", stack([]))  // noneStack: stack^(
      f.output("j", pad(x, low: [1], high: [1]))  // pad: pad^(
      f.output("k", zeros([-1]))  // negative: zeros^(
      f.output("l", zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]))  // rank: zeros^(
      f.output("m", gather(x, x))  // gather: gather^(
      f.output("n", dot(x, x))  // dot: dot^(
      f.output("o", constant([1, 2], shape: [3]))  // data: constant^(
      f.output("p", constant([1, 2], shape: ["B <= 2"]))  // symbolic: constant^(
    }
    #expect(
      found == [
        "reshape: `reshape` of f32[2,3], 6 elements, to [7], 7 elements",
        "open: `reshape` of f32[2,3] to [4,-1]", "- one dim may be -1, and the other dims must divide 6",
        "broadcast: `broadcast` of f32[2,3] to [3,3]", "- aligned at the last axis, dims must be equal or 1",
        "indices: 3 indices for f32[2,3]", "- it has 2 axes",
        "behind: `slice` [1, 4) on axis 0 of f32[2,3] ends behind the axis",
        "step: `slice`: stride 0 on axis 0 of f32[2,3]", "- it is not 0",
        "concat: `concat` along axis 0: other dims differ, f32[2,3] and f32[3,2]",
        "noneConcat: `concat` of no tensors", "- it takes one or more",
        "noneStack: `stack` of no tensors", "- it takes one or more",
        "pad: `pad` of f32[2,3] needs 2 numbers in `low` and in `high`",
        "negative: the dim -1 is negative",
        "rank: 9 axes; there may be at most 8",
        "gather: `gather`: operand 2 (`indices`) is f32, it may be i32, i64", "- convert it: `.cast(...)`",
        "dot: `dot` of f32[2,3] and f32[2,3]", "- it takes two vectors",
        "data: a constant of 2 numbers cannot have the shape [3]",
        "- the product of the dims is the number of elements",
        "symbolic: a constant of 2 numbers cannot have the shape [B]", "- its dims are integers",
      ])
  }

  @Test func inputsAndOutputs() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, [2])
      _ = f.input("x", .f32, [2])  // again: f.input^(
      _ = f.input("3x", .f32, [2])  // inputName: f.input^(
      _ = f.input("y", .f32, [-2])  // inputShape: f.input^(
      f.output("x", x)
      f.output("x", x)  // outputAgain: f.output^(
      f.output("a.b", x)  // outputName: f.output^(
      x.named("größe")  // name: x.named^(
    }
    #expect(
      found == [
        "again: two inputs of `f` are named `x`",
        "inputName: `3x` is no name of an input", "- a name is made of ASCII letters, digits and `_`",
        "inputShape: the input `y` cannot have the shape [-2]", "- at most 8 axes, none of them negative",
        "outputAgain: two outputs of `f` are named `x`",
        "outputName: `a.b` is no name of an output", "- a name is made of ASCII letters, digits and `_`",
        "name: `größe` is no name of a value",
        "- a name is made of ASCII letters, digits, `_` and dots, and begins with a letter or `_`",
      ])
  }

  @Test func functions() throws {
    let found = try mistakes { model in
      model.function("f") { f in f.output("y", zeros([])) }
      model.function("f") { f in f.output("y", zeros([])) }  // again: model.function^(
      model.function("f.g") { f in f.output("y", zeros([])) }  // name: model.function^(
      model.function("g") { f in _ = f.input("x", .f32, []) }  // nothing: model.function^(
      model.function("h") { f in
        model.function("i") { _ in }  // nested: model.function^(
        f.output("y", zeros([]))
      }
      _ = zeros([2]) + 1  // outside: zeros^(
    }
    #expect(
      found == [
        "again: two functions are named `f`",
        "name: `f.g` is no name of a function", "- a name is made of ASCII letters, digits and `_`",
        "nothing: the function `g` gives nothing", "- add an output: `f.output(\"y\", y)`, or write a state",
        "nested: the function `i` begins inside of `h`", "- functions do not nest",
        "outside: `constant` outside of a function", "- move it into `model.function(...) { f in ... }`",
      ])
  }

  @Test func models() throws {
    let marks = try Marks(#filePath, #fileID)
    let empty = Model("no name") { _ in }  // empty: Model^(
    #expect {
      try empty.trace()
    } throws: { error in
      let all = (error as? Diagnostics)?.all ?? []
      return all.map { "\(marks.name($0.place)): \($0.message)" }
        == ["empty: `no name` is no name of a model", "empty: the model `no name` has no functions"]
    }
  }

  @Test func tensorsOfOtherPlaces() throws {
    let (homeless, box, other) = (Box(), Box(), Box())
    let found = try mistakes { model in
      model.function("f") { f in
        box.tensor = f.input("x", .f32, [2])
        box.function = f
        f.output("y", box.tensor)
      }
      model.function("g") { f in
        f.output("y", box.tensor + 1)  // ended: box.tensor ^+ 1
        f.output("z", box.tensor * 2)
        _ = box.function?.input("x", .f32, [2], line: #line, column: #column)  // late: ^#column)
      }
      _ = try? Model("inner") { inner in
        inner.function("f") { f in
          other.tensor = f.input("x", .f32, [2])
          f.output("y", other.tensor)
        }
      }.trace()
      model.function("h") { f in
        let x = f.input("x", .f32, [2])
        f.output("y", x + other.tensor)  // foreign: x ^+ other
        f.output("z", x + homeless.tensor)  // homeless: x ^+ homeless
      }
    }
    #expect(
      found == [
        "ended: a tensor of the function `f` is used outside of it",
        "- functions share parameters and states, no tensors: make it again",
        "late: an input of the function `f` is declared outside of it",
        "foreign: a tensor of another model is used", "- models share no tensors: make it in this one",
        "homeless: a tensor that was made outside of a function is used",
        "- move it into `model.function(...) { f in ... }`",
      ])
  }

  @Test func dims() throws {
    let found = try mistakesOf { f in
      let B = Dim("B", max: 8)
      let x = f.input("x", .f32, [B, 6])
      _ = f.input("y", .f32, ["B"])  // bound: f.input^(
      f.output("a", zeros([x.shape[0] / 2]))  // quotient: 0] ^/ 2
      f.output("b", zeros(["B >= 3"]))  // literal: zeros^(
      f.output("c", zeros([Dim("a b", max: 3)]))  // name: zeros^(
      f.output("d", zeros([Dim("C", max: 0)]))  // zero: zeros^(
      f.output("e", zeros([Dim(Int.max) + 1]))  // large: Int.max) ^+ 1
      f.output("f", x.reshaped([B * 5]))  // size: x.reshaped^(
    }
    #expect(
      found == [
        "bound: `B` is at most 1024 here, but at most 8 before in `f`",
        "- a name without a bound has 1024; write `let B = Dim(\"B\", max: ...)` once",
        "quotient: `B` cannot be divided by `2`",
        "- a quotient of dims is exact: a number that divides every term",
        "literal: `B >= 3` is no name of a dim", "- a name is made of letters, digits and `_`, as in `B`",
        "name: `a b` is no name of a dim", "- a name is made of letters, digits and `_`, as in `B`",
        "zero: the bound of `C` is 0", "- the bound of a symbol is 1 or more",
        "large: the dim `9223372036854775807` + `1` is too large",
        "- coefficients have 64 bits, dims few terms",
        "size: `reshape` of f32[B,6], 6*B elements, to [5*B], 5*B elements",
      ])
  }

  @Test func mistakesInLoopsAreReportedOnce() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, [2, 3])
      for position in 0..<3 { f.output("y\(position)", x.matmul(x)) }  // bad: x.matmul^(
    }
    #expect(
      found == [
        "bad: `matmul`: inner dims differ, 3 and 2: f32[2,3] x f32[2,3]", "- `.T` swaps the last two axes",
      ])
  }

  @Test func poisonIsSilent() throws {
    let found = try mistakesOf { f in
      let x = f.input("x", .f32, [2, 3])
      let bad = x.matmul(x)  // bad: x.matmul^(
      let (rows, columns) = (bad.shape[0], bad.shape[7])
      let next = softmax(bad.reshaped([rows * 2, columns]).T[0, .all, 5] + ones([rows]), axis: 9)
      let total = scan(over: next, from: bad) { a, b in a + b }
      f.output("y", stack([total, bad.named("bad"), concat([bad], axis: 4)]).sum(axes: [3]))
      f.output("z", dot(bad, outer(bad, x.expanded(1).squeezed(1))))
    }
    #expect(found.count == 2)
    #expect(found.first == "bad: `matmul`: inner dims differ, 3 and 2: f32[2,3] x f32[2,3]")
  }
}

/// Carries values out of the closures of a model, as no model should.
private final class Box: @unchecked Sendable {
  /// Made outside of any function.
  var tensor = ones([2])
  var function: FunctionBuilder?
}
