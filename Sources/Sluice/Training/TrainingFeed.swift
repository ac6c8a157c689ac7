import SluiceFormats
import SluiceIR
import SluicePlan

/// What the inputs of a function get in training.
struct TrainingFeed {
  /// What one input gets.
  enum Source {
    /// Rows of an array.
    case examples(TrainingArray)
    /// Windows of a long sequence.
    case sequence(TrainingArray)
    /// The seed of the step.
    case seed
    /// Always the same.
    case fixed(HostTensor)
  }

  /// The function.
  let function: String
  /// One source an input, in order.
  let sources: [Source]
  /// How many examples there are, or elements of the sequence.
  let count: Int
  /// How many elements a window has; nil for examples.
  let window: Int?
  /// The most examples of one call, and whether fewer will do.
  let batch: (limit: Int, isFixed: Bool)

  /// Finds a source for every input of a function; throws `TrainingError` where there is none or it does not fit.
  ///
  /// `length` is the value of the symbol in a window's size.
  init(
    _ function: ExecutionPlan, _ tables: Tables, data: [String: HostTensor], fixed: [String: HostTensor],
    length: Int?
  ) throws {
    self.function = function.name
    var sources: [Source] = []
    var batchDim: (dim: DimID, input: String)?
    var counts: [(input: String, count: Int)] = []
    var window: Int?
    for port in function.inputs {
      let (dtype, shape) = (tables.types.dtype(port.type), tables.types.shape(port.type))
      if let value = fixed[port.name] {
        sources.append(.fixed(value))
        continue
      }
      guard let array = data[port.name] else {
        guard port.name == "seed", dtype == .i64, shape.isEmpty else {
          throw TrainingError(
            "there is no data for the input `\(port.name)` of `@\(function.name)`, \(tables.text(port.type))")
        }
        sources.append(.seed)
        continue
      }
      guard let first = shape.first else {
        throw TrainingError(
          "the input `\(port.name)` of `@\(function.name)` is a scalar, the same in every step, not data")
      }
      if let (dim, input) = batchDim, dim != first {
        throw TrainingError(
          "the first axes of `\(input)` and `\(port.name)` are `\(tables.text(dim))` and `\(tables.text(first))`; "
            + "the data of `@\(function.name)` share the first axis, the batch")
      }
      batchDim = (first, port.name)
      if array.rank == 1, shape.count == 2, !dtype.isFloat, tables.dims.value(shape[1]) != 1 {
        let size = try Self.window(shape[1], batch: first, tables, length, port.name)
        if let window, window != size {
          throw TrainingError(
            "the windows of `@\(function.name)` have different sizes, \(window) and \(size)")
        }
        window = size
        let sequence = try TrainingArray(array, dtype, rowShape: [], name: port.name)
        counts.append((port.name, sequence.count))
        sources.append(.sequence(sequence))
      } else {
        let row = shape.dropFirst().compactMap { tables.dims.value($0).map { Int($0) } }
        let isKnown = row.count == shape.count - 1
        let examples = try TrainingArray(
          array, dtype, rowShape: isKnown ? row : Array(array.shape.dropFirst()), name: port.name)
        counts.append((port.name, examples.count))
        sources.append(.examples(examples))
      }
    }
    guard let dim = batchDim?.dim, let first = counts.first else {
      throw TrainingError("no input of `@\(function.name)` has data")
    }
    if let other = counts.first(where: { $0.count != first.count }) {
      throw TrainingError(
        "the data `\(first.input)` has \(first.count) examples, `\(other.input)` has \(other.count)")
    }
    let isMixed = sources.contains { if case .examples = $0 { window != nil } else { false } }
    if isMixed {
      throw TrainingError("`@\(function.name)` has both windows of a sequence and examples; give one kind")
    }
    self.sources = sources
    self.window = window
    count = first.count
    if let fixed = tables.dims.value(dim) {
      batch = (Int(fixed), true)
    } else {
      batch = (tables.dims.bound(dim).map { Int($0) } ?? 1, false)
    }
  }

  /// The size of a window: the second axis of an input.
  private static func window(
    _ dim: DimID, batch: DimID, _ tables: Tables, _ length: Int?, _ input: String
  ) throws -> Int {
    let symbols = tables.dims.symbols(in: dim)
    let text = tables.text(dim)
    if let size = tables.dims.value(dim) {
      guard size >= 1 else { throw TrainingError("the windows of `\(input)` have the size \(size)") }
      return Int(size)
    }
    guard symbols.count == 1, symbols[0] != tables.dims.symbol(batch) else {
      throw TrainingError("the windows of `\(input)` have the size `\(text)`; it needs one symbol of its own")
    }
    let symbol = tables.dims.symbols[symbols[0].index]
    let value = length.map { Int64($0) } ?? symbol.bound
    guard (1...max(symbol.bound, 1)).contains(value) else {
      throw TrainingError(
        "the length \(value) is not from 1 to \(symbol.bound), which `\(tables.strings[symbol.name])` allows")
    }
    guard let size = tables.dims.evaluate(dim, { _ in value }), size >= 1 else {
      throw TrainingError(
        "the windows of `\(input)` have the size `\(text)`, nothing for the length \(value)")
    }
    return Int(size)
  }

  /// The inputs for these examples, or for windows that begin at these places.
  func inputs(_ places: [Int], seed: HostTensor) throws -> [HostTensor] {
    try sources.map { source in
      switch source {
      case .examples(let array): try array.rows(places)
      case .sequence(let array): try array.windows(places, length: window ?? 1)
      case .seed: seed
      case .fixed(let value): value
      }
    }
  }

  /// Whether an input is the seed of the step.
  var takesSeed: Bool { sources.contains { if case .seed = $0 { true } else { false } } }

  /// A number that changes with the data.
  var fingerprint: UInt64 {
    sources.reduce(0) { sum, source in
      switch source {
      case .examples(let array), .sequence(let array): (sum &* 31) &+ array.fingerprint
      case .seed, .fixed: sum
      }
    }
  }
}
