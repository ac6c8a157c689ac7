import Sluice
import SluiceIR
import Testing

/// Parameters and states: names, initial values, reading and writing.
@Suite struct VariableTests {
  @Test func statesChangeWithinAFunction() throws {
    let found = try text { model in
      let count = model.state("count", [], dtype: .i32)
      let w = model.state("w", [2, 2], .eye)
      model.function("f") { f in
        count.value = count.value + 1
        f.output("count", count.value)
        count.value = count.value * 2
        w.value = w.value.T
      }
      model.function("g") { f in f.output("count", count.value) }
    }
    #expect(
      found == """
        module @m

        state @count : i32[]
        state @w : f32[2,2] init eye

        func @f() -> (count: i32[]) {
          %count = read @count : i32[]
          %0 = constant {value = 1} : i32[]
          %count_1 = add %count, %0 : i32[]
          %1 = constant {value = 2} : i32[]
          %2 = multiply %count_1, %1 : i32[]
          %w = read @w : f32[2,2]
          %3 = transpose %w {order = [1,0]} : f32[2,2]
          return %count_1, @count = %2, @w = %3
        }

        func @g() -> (count: i32[]) {
          %count = read @count : i32[]
          return %count
        }

        """)
  }

  final class Cache {
    let key = Param([1])
    var other: Cache?
  }

  struct Counter: Sluice.Module {
    @State var calls: Tensor
    @Param private var offset: Tensor
    init() {
      _calls = State([], dtype: .i32)
      _offset = Param([], .constant(3), dtype: .i32)
    }
    func forward(_ x: Tensor) -> Tensor {
      calls = calls + 1
      return x + calls + offset
    }
  }

  struct Everything: Sluice.Module {
    let layers = [Linear(2, 2), Linear(2, 2, bias: false)]
    let pair = (left: LayerNorm(2), right: Param([4], .ones))
    let nothing: Linear? = nil
    let something: Linear? = Linear(2, 3)
    let byName = ["b": Param([1]), "a": Param([2])]
    let shared: Linear
    let again: Linear
    let cache = Cache()
    let counter = Counter()
    let numbers = [Double](repeating: 1, count: 1000)
    init() {
      shared = layers[0]
      again = Linear(3, 1, weights: .data([1, 2, 3]))
      cache.other = cache
    }
    func forward(_ x: Tensor) -> Tensor { again((something ?? shared)(shared(x))) }
  }

  @Test func namesByReflection() throws {
    let module = try Model("m") { model in
      let net = Everything()
      let twin = model.module("twin", Linear(1, 1))
      model.function("f") { f in
        f.output("y", net(f.input("x", .f32, [5, 2])))
        f.output("z", twin(zeros([1, 1])))
      }
    }.trace()
    let names = module.variables.map { "\($0.kind.keyword) \(module.tables.strings[$0.name])" }
    #expect(
      names == [
        "param twin.weight", "param twin.bias",
        "param layers.0.weight", "param layers.0.bias", "param layers.1.weight", "param pair.left.weight",
        "param pair.left.bias", "param pair.right", "param something.weight", "param something.bias",
        "param byName.a", "param byName.b", "param again.weight", "param again.bias", "param cache.key",
        "state counter.calls", "param counter.offset",
      ])
    #expect(verify(module).isEmpty)
  }

  @Test func statesOfModules() throws {
    let found = try text { model in
      let counter = Counter()
      model.function("f") { f in f.output("y", counter(f.input("x", .i32, []))) }
    }
    #expect(
      found == """
        module @m

        state @calls : i32[]
        param @offset : i32[] init constant(3)

        func @f(%x: i32[]) -> (y: i32[]) {
          %calls = read @calls : i32[]
          %0 = constant {value = 1} : i32[]
          %1 = add %calls, %0 : i32[]
          %2 = add %x, %1 : i32[]
          %offset = read @offset : i32[]
          %y = add %2, %offset : i32[]
          return %y, @calls = %1
        }

        """)
  }

  @Test func initialValues() throws {
    let found = try text { model in
      _ = model.parameter("a", [2], .ones)
      _ = model.parameter("b", [2], .constant(0.5), dtype: .f64)
      _ = model.parameter("c", [2], .uniform(-1, 1))
      _ = model.parameter("d", [2], .normal(2, mean: 1))
      _ = model.parameter("e", [2, 2], .eye)
      _ = model.parameter("g", [2, 2], .data([1, 2, 3, 4]), dtype: .u8)
      _ = model.parameter("h", [2], .data(HostTensor([true, false])), dtype: .bool)
      model.function("f") { f in f.output("y", ones([])) }
    }
    #expect(
      found.split(separator: "\n").filter { $0.hasPrefix("param") } == [
        "param @a : f32[2] init ones", "param @b : f64[2] init constant(0.5)",
        "param @c : f32[2] init uniform(-1, 1)",
        "param @d : f32[2] init normal(1, 2)", "param @e : f32[2,2] init eye",
        "param @g : u8[2,2] init data [1, 2, 3, 4]", "param @h : bool[2] init data [true, false]",
      ])
  }

  struct Stray: Sluice.Module {
    func forward(_ x: Tensor) -> Tensor { Linear(2, 2)(x) }  // stray: ^(x)
  }

  struct Greek: Sluice.Module {
    @Param var σ: Tensor
    init() { _σ = Param([2]) }  // greek: Param^(
    func forward(_ x: Tensor) -> Tensor { x + σ }
  }

  @Test func mistakesOfVariables() throws {
    let found = try mistakes { model in
      let w = model.parameter("w", [2])
      let state = model.state("s", [2])
      _ = model.parameter("w", [3])  // again: model.parameter^(
      _ = model.parameter("1w", [3])  // name: model.parameter^(
      _ = model.parameter("n", ["B"])  // symbolic: model.parameter^(
      _ = model.parameter("e", [2, 3], .eye)  // eye: model.parameter^(
      _ = model.parameter("d", [2], .data([1, 2, 3]))  // data: model.parameter^(
      _ = model.parameter("u", [2], .data([1, 300]), dtype: .u8)  // fits: model.parameter^(
      _ = model.parameter("h", [2], .data(HostTensor([1.0, 2.0])))  // array: model.parameter^(
      _ = model.parameter("k", [2], .normal(1), dtype: .i32)  // normal: model.parameter^(
      _ = model.parameter("l", [2], .uniform(1, -1))  // range: model.parameter^(
      _ = model.module("a b", Linear(1, 1))  // module: model.module^(
      _ = w.value  // outside: _ ^= w.value
      let read = state.value  // outsideToo: state.^value
      state.value = read  // writtenOutside: state.value ^= read
      let (one, two) = (Linear(2, 2), Linear(2, 2))  // two: Linear^(2, 2))
      let unnamed = Param([2])
      model.function("f") { f in
        let x = f.input("x", .f32, [2])
        state.value = zeros([3])  // shape: state.value ^= zeros
        state.value = zeros([2], .f64)  // dtype: state.value ^= zeros
        f.output("y", x + state.value)
        f.output("z", two(one(x.expanded(0))))  // callsTwo: two^(
        f.output("stray", Stray()(x.expanded(0)))  // callsStray: ^(x.
        f.output("greek", Greek()(x))  // callsGreek: ^(x)
        f.output("unnamed", x + unnamed.value)  // unnamed: unnamed.^value
      }
    }
    let unnamed =
      "- keep its module in a property of the module that calls it, or name it: `model.module(\"name\", ...)`"
    let rule = "a name is made of ASCII letters, digits, `_` and dots"
    let outside = "- move it into `model.function(...) { f in ... }`"
    #expect(
      found == [
        "again: `@w` is declared twice",
        "name: `1w` is no name of a param", "- \(rule)",
        "symbolic: `@n` has the symbolic dim `B`",
        "- params have a size that is known when the model is compiled",
        "eye: `eye` needs a square matrix, `@e` is f32[2,3]",
        "data: 3 numbers for the initial value of f32[2]",
        "fits: `300` is no u8", "- convert the tensor: `.cast(.f32)`",
        "array: an array of f64[2] for the initial value of f32[2]",
        "normal: `normal` of i32", "- it needs floats",
        "range: `uniform` from 1.0 to -1.0",
        "- numbers are finite, deviations not negative, the lower bound first",
        "module: `a b` is no name of a module", "- \(rule), and begins with a letter or `_`",
        "outside: `@w` is read outside of a function", outside,
        "outsideToo: `@s` is read outside of a function", outside,
        "writtenOutside: `@s` is written outside of a function", outside,
        "shape: `@s` is f32[2], the value written is f32[3]",
        "dtype: `@s` is f32[2], the value written is f64[2]", "- convert it: `.cast(.f32)`",
        "two: `@weight` is declared twice", "- give one of the modules a name: `model.module(\"name\", ...)`",
        "- callsTwo: in `Linear` (m), called from here",
        "stray: a param of type f32[2,2] has no name", unnamed, "- in `Linear` (m/Stray/Linear)",
        "- callsStray: in `Stray` (m/Stray), called from here",
        "greek: `σ` is no name of a param", "- \(rule)", "- callsGreek: in `Greek` (m), called from here",
        "unnamed: a param of type f32[2] has no name", unnamed,
      ])
  }
}
