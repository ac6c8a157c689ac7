/// The values of variables before the first call, as a module of its own that any backend can run.

public import SluiceIR

/// A module whose only function `@init(seed: i64[])` gives the initial value of every variable, in order of
/// declaration and under the variable's name.
///
/// Variable `i` draws from stream `i` of the seed, so its value does not depend on the variables around it:
/// `uniform(low, high)` is `low + (high - low) * u` and `normal(mean, deviation)` is `mean + deviation * n`, with
/// `u` and `n` of the ops of these names. They are f32 numbers; f64 variables widen them first, f16 and bf16 round
/// the value once. Where `high - low` is out of range, `uniform` is twice that of half the bounds.
public func initializerModule(for module: Module) -> Module {
  var builder = ModuleBuilder(name: "\(module.name)_init")
  builder.begin(.function, "init")
  let seedType = builder.tables.types.intern(.i64, [])
  let seed = builder.input(seedType, name: builder.tables.strings.intern("seed"))
  var results: [ValueID] = []
  var names: [StringID] = []
  for (stream, variable) in module.variables.enumerated() {
    results.append(initialValue(variable, seed, stream, module.tables, &builder))
    names.append(builder.tables.strings.intern(module.tables.strings[variable.name]))
  }
  do {
    try builder.end(results: results, names: names)
  } catch {
    preconditionFailure("a function without writes cannot be wrong: \(error.message)")
  }
  return builder.finish()
}

/// A module with one more function, which has no inputs and gives variables the values that `initializerModule` has
/// for `seed`; the streams say which of them.
public func addingInitialization(
  to module: Module, named name: String, seed: Int64, streams: [String: Int]
) -> Module {
  rebuild(
    module, simplifies: false,
    adding: { builder in
      builder.location = .none
      builder.begin(.function, name)
      let seed = builder.scalar(bits: UInt64(bitPattern: seed), .i64)
      var writes: [Graph.Write] = []
      for variable in builder.tables.variables {
        guard let stream = streams[builder.tables.strings[variable.name]] else { continue }
        let value = builder.initialValue(
          variable.initializer, builder.tables.types.dtype(variable.type),
          builder.tables.types.shape(variable.type), seed: seed, stream: stream)
        writes.append(Graph.Write(state: variable.name, value: value))
      }
      do {
        try builder.end(results: [], names: [], writes: writes)
      } catch {
        preconditionFailure("a function that writes every variable once cannot be wrong: \(error)")
      }
    }, decide: { _, _ in .copy }
  ).module
}

private func initialValue(
  _ variable: Variable, _ seed: ValueID, _ stream: Int, _ source: Tables, _ builder: inout ModuleBuilder
) -> ValueID {
  let dtype = source.types.dtype(variable.type)
  let shape = source.types.shape(variable.type).map {
    builder.tables.dims.integer(source.dims.value($0) ?? 0)
  }
  var initializer = variable.initializer
  if case .data(let id) = initializer {
    let type = builder.tables.types.intern(dtype, shape)
    initializer = .data(
      builder.tables.constants.intern(type, source.constants.bytes[source.constants.range(id)]))
  }
  return builder.initialValue(initializer, dtype, shape, seed: seed, stream: stream)
}

extension ModuleBuilder {
  /// What a variable begins with; random numbers are drawn from a stream of the seed, i64 `[]`.
  package mutating func initialValue(
    _ initializer: Variable.Initializer, _ dtype: DType, _ shape: [DimID], seed: ValueID, stream: Int
  ) -> ValueID {
    switch initializer {
    case .zeros: return splat(0, dtype, shape)
    case .ones: return splat(1, dtype, shape)
    case .constant(let value): return splat(value, dtype, shape)
    case .eye:
      return make(.eye, [], [Attribute(.shape, .dims(shape)), Attribute(.dtype, .dtype(dtype))])
    case .normal(let mean, let deviation):
      return draw(.normal, dtype, shape, seed, stream, offset: mean, factor: deviation)
    case .uniform(let low, let high):
      // Bounds whose difference is out of range: half the numbers, and these twice.
      let wide = dtype == .f64 ? dtype : .f32
      let isWide = ScalarConstant.bits(holding: high - low, wide) == nil || !(high - low).isFinite
      let scale = isWide ? 0.5 : 1
      let drawn = draw(
        .uniform, dtype, shape, seed, stream, offset: scale * low, factor: scale * high - scale * low)
      return isWide ? make(.add, [drawn, drawn]) : drawn
    case .data(let id): return make(.constant, [], [Attribute(.value, .constant(id))])
    }
  }

  private mutating func splat(_ value: Double, _ dtype: DType, _ shape: [DimID]) -> ValueID {
    let scalar = scalar(value, dtype)
    return shape.isEmpty ? scalar : make(.broadcast, [scalar], [Attribute(.shape, .dims(shape))])
  }

  /// `offset + factor * x` for x drawn by `op`; flat, so that any number of axes will do.
  private mutating func draw(
    _ op: Op, _ dtype: DType, _ shape: [DimID], _ seed: ValueID, _ stream: Int, offset: Double, factor: Double
  ) -> ValueID {
    let count = tables.dims.product(shape) ?? tables.dims.integer(0)
    let index = scalar(bits: UInt64(stream), .i64)
    let drawn = make(op, [seed, index], [Attribute(.shape, .dims([count]))])
    let wide = dtype == .f64 ? dtype : .f32
    let number = make(.cast, [drawn], [Attribute(.dtype, .dtype(wide))])
    let scaled = make(.multiply, [number, splat(factor, like: number)])
    let sum = make(.add, [scaled, splat(offset, like: scaled)])
    let value = dtype == wide ? sum : make(.cast, [sum], [Attribute(.dtype, .dtype(dtype))])
    return make(.reshape, [value], [Attribute(.shape, .dims(shape))])
  }
}
