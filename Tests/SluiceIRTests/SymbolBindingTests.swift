/// Values of symbols from the shapes of inputs, and what is said where they do not fit.

import SluiceIR
import Testing

struct SymbolBindingTests {
  /// `@f` with inputs of these dims, written as polynomials in B <= 8 and T <= 100; `body` adds nodes.
  private func function(
    _ inputs: [(Dims) -> [DimID]], _ build: (inout ModuleBuilder, Dims) throws -> Void = { _, _ in }
  ) throws -> (Module, Dims) {
    let dims = Dims()
    let shapes = inputs.map { $0(dims) }
    var builder = ModuleBuilder(name: "test", simplifies: false)
    builder.tables = dims.tables
    builder.begin(.function, "f", symbols: [dims.bSymbol, dims.tSymbol])
    for (position, shape) in shapes.enumerated() {
      _ = builder.input("x\(position)", builder.tables.types.intern(.f32, shape))
    }
    dims.tables = builder.tables
    try build(&builder, dims)
    dims.tables = builder.tables
    try builder.end(results: [])
    return (builder.finish(), dims)
  }

  private func message(_ module: Module, _ shapes: [[Int]]) -> String {
    do {
      _ = try module.bindSymbols(of: GraphID(0), shapes: shapes)
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test func plainSymbols() throws {
    let (module, dims) = try function([{ [$0.b, $0.t] }, { [$0.t, $0.integer(3)] }])
    let values = try module.bindSymbols(of: GraphID(0), shapes: [[2, 5], [5, 3]])
    #expect(values[dims.bSymbol] == 2)
    #expect(values[dims.tSymbol] == 5)
    #expect(values.evaluate(try #require(dims.multiply(dims.b, dims.t)), dims.tables.dims) == 10)
    #expect(values[SymbolID(77)] == nil)
  }

  @Test func symbolsInsidePolynomials() throws {
    // T only as T + 1, B only in B * T - 2 and before it.
    let (module, dims) = try function([
      { [$0.add($0.multiply($0.b, $0.t) ?? .none, -2)] }, { [$0.add($0.t, 1)] },
    ])
    let values = try module.bindSymbols(of: GraphID(0), shapes: [[10], [5]])
    #expect(values[dims.tSymbol] == 4)
    #expect(values[dims.bSymbol] == 3)
    #expect(
      message(module, [[11], [5]]) == "axis 0 of input `x0` of `@f` is `B*T-2`, which is 11 for no `B`")
    #expect(message(module, [[10], [0]]) == "axis 0 of input `x1` of `@f` is `T+1`, which is 0 for no `T`")
    // With T = 0 every B gives -2.
    #expect(message(module, [[10], [1]]) == "the value of `B` follows from no input of `@f`")
  }

  @Test func mistakesAreNamed() throws {
    let (module, _) = try function([{ [$0.b, $0.t] }, { [$0.t, $0.integer(3)] }, { [$0.add($0.b, 1)] }])
    #expect(message(module, [[2, 5], [5, 3]]) == "`@f` takes 3 inputs, got 2")
    #expect(message(module, [[2, 5], [5], [3]]) == "input `x1` of `@f` has 2 axes, the array given has 1")
    #expect(
      message(module, [[2, 5], [6, 3], [3]])
        == "axis 0 of input `x1` of `@f` is `T` = 5, the array given has 6")
    #expect(
      message(module, [[2, 5], [5, 4], [3]]) == "axis 1 of input `x1` of `@f` is 3, the array given has 4")
    #expect(
      message(module, [[2, 5], [5, 3], [4]])
        == "axis 0 of input `x2` of `@f` is `B+1` = 3, the array given has 4")
    #expect(
      message(module, [[9, 5], [5, 3], [4]])
        == "axis 0 of input `x0` of `@f` makes `B` = 9, it may be at most 8")
    #expect(message(module, [[8, 100], [100, 3], [9]]) == "no error")
    #expect(message(module, [[0, 0], [0, 3], [1]]) == "no error")
  }

  @Test func symbolsThatNothingBinds() throws {
    // Whether a product gives one depends on the other factor.
    let (module, _) = try function([{ [$0.b] }, { [$0.multiply($0.b, $0.t) ?? .none] }])
    #expect(message(module, [[2], [6]]) == "no error")
    #expect(message(module, [[0], [0]]) == "the value of `T` follows from no input of `@f`")
    #expect {
      try function([{ [$0.b] }, { [$0.multiply($0.t, $0.t) ?? .none] }])
    } throws: { error in
      (error as? InferenceError)?.message
        == "the value of `T` follows from no input of `@f`, which could never run"
    }
  }

  @Test func sizesOfValuesAreChecked() throws {
    let (negative, _) = try function([{ [$0.b, $0.t] }]) { builder, dims in
      let shape = [dims.add(dims.t, -5)]
      builder.tables = dims.tables
      try builder.emit(.iota, [], [Attribute(.shape, .dims(shape))])
    }
    #expect(message(negative, [[1, 4]]) == "the dim `T-5` of i32[T-5] in `@f` is -1 for these sizes")
    #expect(message(negative, [[1, 5]]) == "no error")

    let (large, _) = try function([{ [$0.b, $0.t] }]) { builder, dims in
      let million = dims.integer(1 << 20)
      let shape = [dims.b, million, dims.t, million]
      builder.tables = dims.tables
      try builder.emit(.iota, [], [Attribute(.shape, .dims(shape))])
    }
    let text = "i32[B,1048576,T,1048576]"
    #expect(message(large, [[1, 1]]) == "no error")
    #expect(
      message(large, [[1, 2]])
        == "a value of \(text) in `@f` has more than 1099511627776 elements for these sizes")
    #expect(message(large, [[8, 100]]).contains("has more than 1099511627776 elements"))
    #expect(message(large, [[8, 0]]) == "no error", "nothing is small")
    #expect(throws: SymbolBindingError.self) {
      try large.bindSymbols(of: GraphID(0), shapes: [[1, 1]], elementLimit: 1 << 39)
    }
  }

  @Test func stridesMustFit() throws {
    let (module, _) = try function([{ [$0.b, $0.t] }]) { builder, dims in
      let shape = [dims.b, dims.integer(1 << 40), dims.integer(1 << 30)]
      builder.tables = dims.tables
      try builder.emit(.iota, [], [Attribute(.shape, .dims(shape))])
    }
    #expect(message(module, [[0, 1]]).contains("i32[B,1099511627776,1073741824] in `@f` has more than"))
  }

  @Test func attributesAreChecked() throws {
    let (module, _) = try function([{ [$0.b, $0.t] }]) { builder, dims in
      let product = dims.multiply(dims.t, dims.integer(1 << 60)) ?? .none
      let less = dims.add(dims.t, -5)
      builder.tables = dims.tables
      try builder.emit(.size, [], [Attribute(.length, .dim(less))])
      try builder.emit(.size, [], [Attribute(.length, .dim(product))])
    }
    #expect(message(module, [[1, 4]]) == "no error", "a size may be negative")
    #expect(
      message(module, [[1, 9]])
        == "the dim `1152921504606846976*T` of a `size` in `@f` does not fit 64 bits for these sizes")
  }

  @Test func bodiesAreChecked() throws {
    let dims = Dims()
    let less = dims.add(dims.t, -5)
    var builder = ModuleBuilder(name: "test", simplifies: false)
    builder.tables = dims.tables
    builder.begin(.body, "step", symbols: [dims.tSymbol])
    let type = builder.type(.f32)
    let capture = builder.input("capture", type)
    let length = try builder.emit(.iota, [], [Attribute(.shape, .dims([less]))])
    try builder.end(results: [try builder.emit(.sum, [length]), capture])
    builder.begin(.function, "f", symbols: [dims.tSymbol])
    _ = builder.input("x", builder.tables.types.intern(.f32, [dims.t]))
    let captured = builder.scalar(1, .f32)
    try builder.emit(
      .scan, [captured], [Attribute(.body, .graph(GraphID(0))), Attribute(.length, .dim(less))])
    try builder.end(results: [])
    let module = builder.finish()
    #expect(throws: SymbolBindingError.self) { try module.bindSymbols(of: GraphID(1), shapes: [[4]]) }
    _ = try module.bindSymbols(of: GraphID(1), shapes: [[6]])
  }
}
