/// Random functions over the ops, made so that what f32 can be off from exact arithmetic is known.

import Foundation
import SluiceFormats
import SluiceIR
import TestSupport

/// A module of one random function `@f`, with inputs for it and a bound for the error of every result.
struct RandomGraph {
  let seed: UInt64
  let module: Module
  let inputs: [HostTensor]
  /// Per result how far a plan may be off from exact arithmetic, in absolute terms.
  let bounds: [Double]

  /// The graph of a seed.
  init(seed: UInt64, _ sizes: RandomSizes = .small) {
    var maker = RandomGraphMaker(seed, sizes)
    maker.declare()
    maker.makeBodies()
    maker.makeControlBodies()
    maker.begin()
    for _ in 0..<maker.random.below(24) + 6 { maker.add() }
    bounds = maker.end()
    inputs = maker.inputs
    self.seed = seed
    module = maker.builder.finish()
  }
}

/// What is known of a value: its elements are within `magnitude`, and their error is at most `error`.
struct Knowledge {
  var magnitude: Double
  var error: Double

  /// Whether the value is the same in every arithmetic.
  var isExact: Bool { error == 0 }
  static let exact = Knowledge(magnitude: 256, error: 0)
}

/// Grows a function node by node.
struct RandomGraphMaker: ~Copyable {
  var builder: ModuleBuilder
  var random: SeededRandom
  var inputs: [HostTensor] = []
  /// The values to choose operands from.
  var values: [ValueID] = []
  /// Per value what is known of it.
  private var known: [ValueID: Knowledge] = [:]
  private var symbol: SymbolID?
  private var size = 0
  var dims: [DimID] = []
  /// Bodies for `call`, `cond` and `while`.
  var control = ControlBodies()
  /// The dtype of most floats.
  let float: DType
  private let sizes: RandomSizes
  private var sumBody = GraphID.none
  private var swapBody = GraphID.none

  /// The rounding of one f32 operation.
  private static let roundoff = 0x1p-24

  init(_ seed: UInt64, _ sizes: RandomSizes) {
    self.sizes = sizes
    random = SeededRandom(seed)
    float = seed % 3 == 2 ? .f64 : .f32
    builder = ModuleBuilder(name: "random", simplifies: false)
  }
}

// MARK: Around the function

extension RandomGraphMaker {
  /// A state of a constant size, in half of the modules.
  mutating func declare() {
    let type = builder.tables.types.intern(
      float, [builder.tables.dims.integer(2), builder.tables.dims.integer(3)])
    for (kind, name) in [(Variable.Kind.state, "s"), (.parameter, "p")] where random.oneIn(2) {
      let name = builder.tables.strings.intern(name)
      try? builder.declare(Variable(kind: kind, name: name, type: type, initializer: .constant(0.75)))
    }
  }

  /// Two bodies over rows of 3: one that sums up, in floats, and one that swaps, in i32.
  mutating func makeBodies() {
    let three = builder.tables.dims.integer(3)
    let floats = builder.tables.types.intern(float, [three])
    let ints = builder.tables.types.intern(.i32, [three])
    func name(_ text: String) -> StringID { builder.tables.strings.intern(text) }
    builder.begin(.body, "leak")
    let (sum, x) = (builder.input(floats, name: name("sum")), builder.input(floats, name: name("x")))
    let half = builder.make(.multiply, [sum, builder.splat(0.5, like: sum)])
    let next = builder.make(.add, [half, x])
    let seen = random.oneIn(2) ? next : builder.make(.reverse, [sum])
    if let body = try? builder.end(results: [next, seen]) { sumBody = body }
    builder.begin(.body, "swap")
    let (a, b) = (builder.input(ints, name: name("a")), builder.input(ints, name: name("b")))
    let (y, c) = (builder.input(ints, name: name("y")), builder.input(ints, name: name("c")))
    let mixed = builder.make(random.pick([.add, .multiply, .xor, .maximum]), [a, random.oneIn(2) ? y : c])
    var other = builder.make(random.pick([.subtract, .add, .or]), [y, c])
    if random.oneIn(2) {
      // Several kernels in one iteration, with memory of their own.
      let order = builder.make(.argsort, [other])
      other = builder.make(.gather, [c, order])
      if random.oneIn(2) { other = builder.make(.argsort, [builder.make(.add, [other, order])]) }
    }
    if let body = try? builder.end(results: [b, mixed, random.pick([a, other, c])]) { swapBody = body }
  }

  /// The signature, and the variables read.
  mutating func begin() {
    dims = sizes.extents.map { builder.tables.dims.integer($0) }
    if random.oneIn(2) {
      let symbol = builder.tables.dims.symbol(builder.tables.strings.intern("B"), bound: sizes.bound)
      self.symbol = symbol
      size = random.pick(sizes.values)
      dims.append(builder.tables.dims.dim(symbol))
    }
    builder.begin(.function, "f", symbols: symbol.map { [$0] } ?? [])
    let rank = random.below(3) + 1
    var shape = (0..<rank).map { _ in random.pick(dims) }
    while elements(shape) > sizes.elements { shape.removeLast() }
    var shapes = [shape, shape, [builder.tables.dims.integer(2), builder.tables.dims.integer(3)]]
    if let symbol { shapes.append([builder.tables.dims.dim(symbol), builder.tables.dims.integer(3)]) }
    var types: [(DType, [DimID])] = shapes.map { (float, $0) }
    types += [
      (.i32, shapes[2]), (.i32, shapes[shapes.count - 1]),
      (random.pick([float == .f64 ? .f32 : .f64, .u8, .bool, .i64]), shape),
    ]
    if sizes.hasNarrow { types.append((random.pick([.f16, .bf16]), shape)) }
    for (position, (dtype, shape)) in types.enumerated() {
      let type = builder.tables.types.intern(dtype, shape)
      keep(
        builder.input(type, name: builder.tables.strings.intern("x\(position)")),
        Knowledge(magnitude: 2, error: 0))
      let extents = shape.map { Int(builder.tables.dims.value($0) ?? Int64(size)) }
      inputs.append(random.tensor(dtype, extents, exact: true))
      if !dtype.isFloat, let last = values.last { known[last] = .exact }
    }
    for variable in builder.tables.variables {
      keep(
        builder.make(.read, [], [Attribute(.name, .symbol(variable.name))]), Knowledge(magnitude: 2, error: 0)
      )
    }
  }

  /// The return: the last values and some others; what their errors may be.
  mutating func end() -> [Double] {
    // In some functions every value shows, in the others values can be fused away.
    var results = Array(values.suffix(random.oneIn(3) ? 24 : 2))
    for _ in 0..<random.below(3) { results.append(random.pick(values)) }
    var writes: [Graph.Write] = []
    for variable in builder.tables.variables where variable.kind == .state {
      let fitting = values.filter { builder.type($0) == variable.type }
      if !fitting.isEmpty { writes.append(Graph.Write(state: variable.name, value: random.pick(fitting))) }
    }
    do {
      try builder.end(results: results, writes: writes)
    } catch { preconditionFailure("a random function cannot end: \(error.message)") }
    return results.map { known[$0]?.error ?? 0 }
  }

  mutating func keep(_ value: ValueID, _ knowledge: Knowledge) {
    guard elements(builder.shape(value)) <= sizes.elements else { return }
    values.append(value)
    known[value] = knowledge
  }

  /// Adds a value if the op takes these operands.
  @discardableResult
  mutating func emit(
    _ op: Op, _ operands: [ValueID], _ attributes: [Attribute] = [], _ knowledge: Knowledge
  ) -> Bool {
    guard knowledge.magnitude <= sizes.magnitude, let value = try? builder.emit(op, operands, attributes)
    else {
      return false
    }
    keep(value, knowledge)
    return true
  }

  func know(_ value: ValueID) -> Knowledge { known[value] ?? .exact }

  mutating func value(_ dtypes: DTypeSet, exact: Bool = false) -> ValueID? {
    // Late values come up more often, so that chains grow.
    let fitting = values.filter { dtypes.contains(builder.dtype($0)) && (!exact || know($0).isExact) }
    if fitting.isEmpty { return nil }
    return random.oneIn(3)
      ? random.pick(fitting) : fitting[fitting.count - 1 - random.below(min(fitting.count, 4))]
  }

  /// Another value of the same type, or the same one.
  mutating func partner(_ value: ValueID, exact: Bool = false) -> ValueID {
    random.pick(
      values.filter { builder.type($0) == builder.type(value) && (!exact || know($0).isExact) } + [value])
  }

  func roundoff(_ value: ValueID) -> Double { builder.dtype(value) == .f64 ? 0x1p-53 : Self.roundoff }

  /// An upper bound of a dim.
  func bound(_ dim: DimID) -> Double { Double(builder.tables.dims.bound(dim) ?? 1) }
}

// MARK: Nodes

extension RandomGraphMaker {
  /// Adds one random node.
  mutating func add() {
    switch random.below(28) {
    case 0, 1: unary()
    case 2, 3: binary()
    case 4: exactMap()
    case 5, 6: view()
    case 7: reduction()
    case 8: product()
    case 9: place()
    case 10: scan()
    case 11, 12: composite()
    case 13: window()
    case 14: arrangement()
    case 15: runBodies()
    case 16, 17: function()
    case 18, 19: activation()
    case 20: bits()
    case 21, 22: generated()
    case 23, 24: matrices()
    case 25, 26: layer()
    default: joined()
    }
  }

  private mutating func unary() {
    guard let x = value(.floats) else { return }
    let (m, e) = (know(x).magnitude, know(x).error)
    let u = 4 * roundoff(x)
    switch random.below(9) {
    case 0: emit(random.pick([.negate, .stopGradient]), [x], [], know(x))
    case 1: emit(.abs, [x], [], know(x))
    case 2: emit(.relu, [x], [], know(x))
    case 3: emit(.tanh, [x], [], Knowledge(magnitude: 1, error: e + u))
    case 4: emit(.sigmoid, [x], [], Knowledge(magnitude: 1, error: e + u))
    case 5: emit(.sin, [x], [], Knowledge(magnitude: 1, error: e + u))
    case 6 where m <= 5: emit(.exp, [x], [], Knowledge(magnitude: exp(m), error: exp(m) * (1.2 * e + u)))
    case 7: emit(.softplus, [x], [], Knowledge(magnitude: m + 1, error: e + u * (m + 1)))
    default:
      let dtype: DType = builder.dtype(x) == .f32 ? .f64 : .f32
      let rounding = dtype == .f32 && !know(x).isExact ? Self.roundoff * m : 0
      emit(.cast, [x], [Attribute(.dtype, .dtype(dtype))], Knowledge(magnitude: m, error: e + rounding))
    }
  }

  private mutating func binary() {
    guard let x = value(.floats) else { return }
    let y = partner(x)
    let (a, b, u) = (know(x), know(y), roundoff(x))
    func rounded(_ m: Double, _ e: Double) -> Knowledge { Knowledge(magnitude: m, error: e + u * (m + e)) }
    switch random.below(7) {
    case 0: emit(.add, [x, y], [], rounded(a.magnitude + b.magnitude, a.error + b.error))
    case 1: emit(.subtract, [x, y], [], rounded(a.magnitude + b.magnitude, a.error + b.error))
    case 2, 3: emit(.multiply, [x, y], [], rounded(a.magnitude * b.magnitude, Self.productError(a, b)))
    case 4:
      let z = partner(x)
      let c = know(z)
      let m = a.magnitude * b.magnitude + c.magnitude
      emit(.fma, [x, y, z], [], rounded(m, Self.productError(a, b) + c.error))
    default:
      let knowledge = Knowledge(magnitude: max(a.magnitude, b.magnitude), error: max(a.error, b.error))
      emit(random.pick([.minimum, .maximum]), [x, y], [], knowledge)
    }
  }

  private static func productError(_ a: Knowledge, _ b: Knowledge) -> Double {
    a.magnitude * b.error + b.magnitude * a.error + a.error * b.error
  }

  /// Ops whose results jump: only of values that are the same in every arithmetic.
  private mutating func exactMap() {
    switch random.below(6) {
    case 0:
      guard let x = value([.floats, .integers], exact: true) else { return }
      emit(random.pick([.less, .equal, .greaterEqual]), [x, partner(x, exact: true)], [], .exact)
    case 1:
      guard let x = value(.floats, exact: true) else { return }
      emit(
        random.pick([.floor, .round, .sign, .trunc]), [x], [],
        Knowledge(magnitude: know(x).magnitude + 1, error: 0))
    case 2:
      guard let x = value(.integers) else { return }
      let y = partner(x)
      emit(
        random.pick([.add, .multiply, .subtract, .divide, .remainder, .xor, .shiftRight]), [x, y], [], .exact)
    case 3:
      guard let x = value([.integers, .bool, .floats], exact: true) else { return }
      emit(.cast, [x], [Attribute(.dtype, .dtype(random.pick([.i32, .u8, .bool])))], .exact)
    case 4:
      guard let x = value([.bool, DTypeSet(.u8)]) else { return }
      emit(.cast, [x], [Attribute(.dtype, .dtype(.f32))], .exact)
    default:
      guard let c = value(.bool) else { return }
      let fitting = values.filter { builder.shape($0) == builder.shape(c) }
      if fitting.isEmpty { return }
      let x = random.pick(fitting)
      let y = partner(x)
      let (a, b) = (know(x), know(y))
      let knowledge = Knowledge(magnitude: max(a.magnitude, b.magnitude), error: max(a.error, b.error))
      emit(.select, [c, x, y], [], knowledge)
    }
  }

  private mutating func view() {
    guard let x = value(.any) else { return }
    let shape = builder.shape(x)
    let one = builder.tables.dims.integer(1)
    switch random.below(6) {
    case 0:
      let order = shape.indices.shuffled(using: &random).map { Int64($0) }
      emit(.transpose, [x], [Attribute(.order, .ints(order))], know(x))
    case 1:
      let axes = shape.indices.filter { _ in random.oneIn(2) }.map { Int64($0) }
      emit(.reverse, [x], [Attribute(.axes, .ints(axes))], know(x))
    case 2:
      var wide = shape.map { $0 == one ? random.pick(dims) : $0 }
      if wide.count < 3, random.oneIn(2) { wide.insert(random.pick(dims), at: 0) }
      emit(.broadcast, [x], [Attribute(.shape, .dims(wide))], know(x))
    case 3:
      guard let all = builder.tables.dims.product(shape) else { return }
      let target =
        random.oneIn(2)
        ? [all]
        : [one] + shape.dropLast(min(shape.count, 2)) + [
          builder.tables.dims.product(shape.suffix(2)) ?? one
        ]
      emit(.reshape, [x], [Attribute(.shape, .dims(target))], know(x))
    case 4:
      // A part of every axis whose extent is a number above 1.
      let zero = builder.tables.dims.integer(0)
      var (start, limit) = (shape.map { _ in zero }, shape)
      for axis in shape.indices {
        guard let extent = builder.tables.dims.value(shape[axis]), extent > 1, random.oneIn(2) else {
          continue
        }
        let first = random.below(Int(extent))
        start[axis] = builder.tables.dims.integer(first)
        limit[axis] = builder.tables.dims.integer(first + 1 + random.below(Int(extent) - first))
      }
      let steps = shape.map { builder.tables.dims.value($0) == nil ? Int64(1) : Int64(random.below(2) + 1) }
      emit(
        .slice, [x],
        [
          Attribute(.start, .dims(start)), Attribute(.limit, .dims(limit)), Attribute(.strides, .ints(steps)),
        ], know(x))
    default:
      let column = shape.filter { _ in random.oneIn(2) }
      guard column.isEmpty, !shape.isEmpty else { return }
      emit(.reshape, [x], [Attribute(.shape, .dims(shape + [one]))], know(x))
    }
  }

  private mutating func reduction() {
    guard let x = value(.any) else { return }
    let (shape, dtype, k) = (builder.shape(x), builder.dtype(x), know(x))
    let axes = shape.indices.filter { _ in random.oneIn(2) }
    let count = axes.reduce(1) { $0 * bound(shape[$1]) }
    let attributes = [
      Attribute(.axes, .ints(axes.map { Int64($0) })), Attribute(.keepDims, .bool(random.oneIn(2))),
    ]
    if dtype == .bool {
      emit(random.pick([.any, .all]), [x], attributes, .exact)
    } else if !dtype.isFloat {
      emit(random.pick([.sum, .max, .min, .prod]), [x], attributes, .exact)
    } else {
      let u = roundoff(x)
      let sum = Knowledge(
        magnitude: count * k.magnitude,
        error: count * k.error + (count + 2) * u * count * (k.magnitude + k.error))
      switch random.below(5) {
      case 0, 1: emit(.sum, [x], attributes, sum)
      case 2 where axes.allSatisfy { builder.tables.dims.value(shape[$0]) != nil }:
        emit(
          .mean, [x], attributes,
          Knowledge(magnitude: k.magnitude + 1, error: sum.error + 2 * u * k.magnitude))
      case 3 where !shape.isEmpty && k.isExact:
        let axis = Attribute(.axis, .int(Int64(random.below(shape.count))))
        emit(random.pick([.argmax, .argmin]), [x], [axis], .exact)
      case 4 where !shape.isEmpty:
        let axis = random.below(shape.count)
        let error = 2 * k.error + 2 * u * (2 * k.magnitude + bound(shape[axis]) + 8)
        emit(.softmax, [x], [Attribute(.axis, .int(Int64(axis)))], Knowledge(magnitude: 1, error: error))
      default:
        // Over nothing these are infinite, which no bound describes.
        guard axes.allSatisfy({ builder.tables.dims.value(shape[$0]) != nil }) else { return }
        emit(random.pick([.max, .min]), [x], attributes, k)
      }
    }
  }

  private mutating func product() {
    guard let x = value([.floats, .integers]) else { return }
    let shape = builder.shape(x)
    let fitting = values.filter { y in
      let other = builder.shape(y)
      return builder.dtype(y) == builder.dtype(x) && !other.isEmpty && !shape.isEmpty
        && other.count <= shape.count
        && shape.count - other.count != 1
    }
    if fitting.isEmpty { return }
    let y = random.pick(fitting)
    let (a, b) = (know(x), know(y))
    let attributes = [
      Attribute(.transposeLhs, .bool(random.oneIn(2))), Attribute(.transposeRhs, .bool(random.oneIn(2))),
    ]
    let depth = bound(shape[shape.count - 1]) + (shape.count > 1 ? bound(shape[shape.count - 2]) : 0)
    let m = depth * a.magnitude * b.magnitude
    let e = depth * Self.productError(a, b)
    let isFloat = builder.dtype(x).isFloat
    emit(
      .matmul, [x, y], attributes,
      isFloat ? Knowledge(magnitude: m, error: e + (depth + 1) * roundoff(x) * (m + e)) : .exact)
  }

  private mutating func place() {
    switch random.below(9) {
    case 0:
      guard let x = value(.any), let i = value(.indices), !builder.shape(x).isEmpty else { return }
      let axis = Int64(random.below(builder.shape(x).count))
      guard builder.shape(x).count + builder.shape(i).count <= 5 else { return }
      emit(.gather, [x, i], [Attribute(.axis, .int(axis))], know(x))
    case 1:
      guard let x = value(.any, exact: true), !builder.shape(x).isEmpty else { return }
      let axis = Attribute(.axis, .int(Int64(random.below(builder.shape(x).count))))
      emit(.argsort, [x], [axis, Attribute(.descending, .bool(random.oneIn(2)))], .exact)
    case 2:
      guard let like = value(.any), !builder.shape(like).isEmpty else { return }
      let shape = builder.shape(like)
      let axis = Attribute(.axis, .int(Int64(random.below(shape.count))))
      emit(
        .iota, [],
        [Attribute(.shape, .dims(shape)), axis, Attribute(.dtype, .dtype(random.pick([.i32, .f32])))], .exact)
    case 3: slices()
    case 4: scatters()
    case 5:
      guard let x = value(.numbers, exact: true), !builder.shape(x).isEmpty else { return }
      let order = builder.make(.argsort, [x])
      let two = builder.broadcast(builder.scalar(2, .i32), like: order)
      let i = builder.make(.subtract, [order, two])
      let axis = Attribute(.axis, .int(Int64(random.below(builder.shape(x).count))))
      emit(.takeAlongAxis, [x, i], [axis], know(x))
    case 6: cumulative()
    default:
      guard let like = value(.any) else { return }
      let seed = builder.scalar(Double(random.below(100)), .i64)
      let shape = Attribute(.shape, .dims(builder.shape(like)))
      if random.oneIn(2) {
        emit(.uniform, [seed, seed], [shape], Knowledge(magnitude: 1, error: 0))
      } else {
        emit(.randomBits, [seed, seed], [shape], .exact)
      }
    }
  }

  /// A part of a value, or a value with a part of another one put in.
  private mutating func slices() {
    guard let x = value(.any), let i = value(.indices), !builder.shape(x).isEmpty else { return }
    let shape = builder.shape(x)
    let sizes = shape.map { dim -> DimID in
      guard let extent = builder.tables.dims.value(dim), random.oneIn(2) else { return dim }
      return builder.tables.dims.integer(random.below(Int(extent) + 1))
    }
    let starts = shape.map { _ in
      random.oneIn(2) ? builder.scalar(Double(random.below(6)) - 2, .i64) : builder.make(.sum, [i])
    }
    let part = Attribute(.sizes, .dims(sizes))
    if random.oneIn(2) {
      emit(.dynamicSlice, [x] + starts, [part], know(x))
    } else {
      let y = partner(x)
      guard let update = try? builder.emit(.dynamicSlice, [y] + starts, [part]) else { return }
      let (a, b) = (know(x), know(y))
      let knowledge = Knowledge(magnitude: max(a.magnitude, b.magnitude), error: max(a.error, b.error))
      emit(.dynamicUpdateSlice, [x, update] + starts.reversed(), [], knowledge)
    }
  }

  private mutating func scatters() {
    guard let x = value(.numbers), let i = value(.indices), !builder.shape(x).isEmpty else { return }
    guard builder.shape(x).count + builder.shape(i).count <= 5 else { return }
    let axis = Attribute(.axis, .int(Int64(random.below(builder.shape(x).count))))
    let y = partner(x)
    guard let updates = try? builder.emit(.gather, [y, i], [axis]) else { return }
    let (a, b) = (know(x), know(y))
    if random.oneIn(2) {
      let knowledge = Knowledge(magnitude: max(a.magnitude, b.magnitude), error: max(a.error, b.error))
      emit(.scatter, [x, i, updates], [axis], knowledge)
    } else {
      let count = builder.shape(i).reduce(1) { $0 * bound($1) }
      let m = a.magnitude + count * b.magnitude
      let e = a.error + count * b.error
      let isFloat = builder.dtype(x).isFloat
      let knowledge = Knowledge(magnitude: m, error: e + count * roundoff(x) * (m + e))
      emit(.scatterAdd, [x, i, updates], [axis], isFloat ? knowledge : .exact)
    }
  }

  private mutating func cumulative() {
    guard let x = value(.numbers), !builder.shape(x).isEmpty else { return }
    let axis = random.below(builder.shape(x).count)
    var attributes = [Attribute(.axis, .int(Int64(axis))), Attribute(.reverse, .bool(random.oneIn(2)))]
    let k = know(x)
    if random.oneIn(2) { return _ = emit(random.pick([.cummax, .cummin]), [x], attributes, k) }
    attributes.append(Attribute(.exclusive, .bool(random.oneIn(2))))
    if !builder.dtype(x).isFloat {
      return _ = emit(random.pick([.cumsum, .cumprod]), [x], attributes, .exact)
    }
    let count = bound(builder.shape(x)[axis])
    let (m, e) = (count * k.magnitude, count * k.error)
    emit(.cumsum, [x], attributes, Knowledge(magnitude: m, error: e + count * roundoff(x) * (m + e)))
  }

  private mutating func scan() {
    let three = builder.tables.dims.integer(3)
    func rows(_ dtype: DType) -> [ValueID] {
      values.filter {
        builder.dtype($0) == dtype && builder.shape($0).count == 2 && builder.shape($0)[1] == three
      }
    }
    let reverse = Attribute(.reverse, .bool(random.oneIn(2)))
    if random.oneIn(2) {
      let (xs, starts) = (
        rows(float), values.filter { builder.dtype($0) == float && builder.shape($0) == [three] }
      )
      if xs.isEmpty { return }
      let x = random.pick(xs)
      let start =
        starts.isEmpty
        ? builder.broadcast(builder.scalar(0.25, float), like: row(x, three)) : random.pick(starts)
      let (a, b) = (know(x), know(start))
      let m = b.magnitude + 2 * a.magnitude
      let e = b.error + 2 * a.error + 8 * roundoff(x) * m
      repeated(sumBody, [start, x], carries: 1, reverse, Knowledge(magnitude: m, error: e))
    } else {
      let (xs, starts) = (
        rows(.i32), values.filter { builder.dtype($0) == .i32 && builder.shape($0) == [three] }
      )
      if xs.isEmpty || starts.isEmpty { return }
      let (x, a, b, c) = (random.pick(xs), random.pick(starts), random.pick(starts), random.pick(starts))
      repeated(swapBody, [a, b, x, c], carries: 2, reverse, .exact)
    }
  }

  /// The first row of `x`.
  private mutating func row(_ x: ValueID, _ three: DimID) -> ValueID {
    builder.make(.sum, [x], [Attribute(.axes, .ints([0]))])
  }

  private mutating func repeated(
    _ body: GraphID, _ operands: [ValueID], carries: Int, _ reverse: Attribute, _ knowledge: Knowledge
  ) {
    let attributes = [
      Attribute(.body, .graph(body)), Attribute(.carries, .int(Int64(carries))),
      Attribute(.sequences, .int(1)), reverse,
    ]
    guard knowledge.magnitude <= sizes.magnitude, let first = try? builder.emit(.scan, operands, attributes)
    else {
      return
    }
    for result in 0...carries { keep(ValueID(first.index + result), knowledge) }
  }

  private mutating func joined() {
    guard let x = value(.any) else { return }
    let shape = builder.shape(x)
    if random.oneIn(2), !shape.isEmpty {
      let y = partner(x)
      let (a, b) = (know(x), know(y))
      let knowledge = Knowledge(magnitude: max(a.magnitude, b.magnitude), error: max(a.error, b.error))
      emit(.concat, [x, y], [Attribute(.axis, .int(Int64(random.below(shape.count))))], knowledge)
    } else {
      let value = builder.scalar(1, builder.dtype(x))
      let low = shape.map { _ in builder.tables.dims.integer(random.below(2)) }
      let high = shape.map { _ in builder.tables.dims.integer(random.below(2)) }
      emit(.pad, [x, value], [Attribute(.low, .dims(low)), Attribute(.high, .dims(high))], know(x))
    }
  }
}
