/// The values of variables before the first call, as a module of its own that any backend can run.

public import SluiceIR

/// A module whose only function `@init(seed: i64[])` gives the initial value of every variable, in order of
/// declaration and under the variable's name.
///
/// Variable `i` draws from stream `i` of the seed, so its value does not depend on the variables around it:
/// `uniform(low, high)` is `low + (high - low) * u` and `normal(mean, deviation)` is `mean + deviation * n`, with
/// `u` and `n` of the ops of these names. They are f32 numbers; f64 variables widen them first.
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

private func initialValue(
  _ variable: Variable, _ seed: ValueID, _ stream: Int, _ source: Tables, _ builder: inout ModuleBuilder
) -> ValueID {
  let dtype = source.types.dtype(variable.type)
  let shape = source.types.shape(variable.type).map {
    builder.tables.dims.integer(source.dims.value($0) ?? 0)
  }

  func splat(_ value: Double) -> ValueID {
    let scalar = builder.scalar(value, dtype)
    return shape.isEmpty ? scalar : builder.make(.broadcast, [scalar], [Attribute(.shape, .dims(shape))])
  }

  /// `offset + factor * x` for x drawn by `op`; flat, so that any number of axes will do.
  func random(_ op: Op, offset: Double, factor: Double) -> ValueID {
    let count = builder.tables.dims.product(shape) ?? builder.tables.dims.integer(0)
    let index = builder.scalar(bits: UInt64(stream), .i64)
    let drawn = builder.make(op, [seed, index], [Attribute(.shape, .dims([count]))])
    let number = builder.make(.cast, [drawn], [Attribute(.dtype, .dtype(dtype))])
    let scaled = builder.make(.multiply, [number, builder.splat(factor, like: number)])
    let value = builder.make(.add, [scaled, builder.splat(offset, like: scaled)])
    return builder.make(.reshape, [value], [Attribute(.shape, .dims(shape))])
  }

  switch variable.initializer {
  case .zeros: return splat(0)
  case .ones: return splat(1)
  case .constant(let value): return splat(value)
  case .eye:
    return builder.make(.eye, [], [Attribute(.shape, .dims(shape)), Attribute(.dtype, .dtype(dtype))])
  case .normal(let mean, let deviation): return random(.normal, offset: mean, factor: deviation)
  case .uniform(let low, let high): return random(.uniform, offset: low, factor: high - low)
  case .data(let id):
    let type = builder.tables.types.intern(dtype, shape)
    let constant = builder.tables.constants.intern(type, source.constants.bytes[source.constants.range(id)])
    return builder.make(.constant, [], [Attribute(.value, .constant(constant))])
  }
}
