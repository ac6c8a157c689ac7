/// Random functions made of what models are made of: rows that are normalised, products, scores with masks, views into
/// them, look-ups, loops; and what came long before is read again.

import SluiceFormats
import SluiceIR
import TestSupport

/// The text of one random function `@f`, and inputs for it.
struct RandomLayers {
  private(set) var text = ""
  private(set) var inputs: [HostTensor] = []

  init(seed: UInt64) {
    var maker = LayerMaker(seed)
    maker.make()
    text = maker.text
    inputs = maker.inputs
  }
}

/// Grows the text node by node.
private struct LayerMaker {
  /// An axis: what the text calls it, and how many elements it has.
  struct Axis: Equatable {
    var text: String
    var extent: Int
  }
  struct Value {
    var name: String
    var dtype: String
    var axes: [Axis]
    var count: Int { axes.reduce(1) { $0 * $1.extent } }
    var type: String { LayerMaker.type(dtype, axes) }
  }

  var random: SeededRandom
  /// What most values are: in integers every order of a sum gives the same.
  let number: String
  var inputs: [HostTensor] = []
  private var signature: [String] = []
  private var lines: [String] = []
  private var bodies = ""
  private var values: [Value] = []
  private var axes: [Axis] = []
  private var states: [Value] = []
  private var serial = 0

  static let mostElements = 6000
  static let mostWork = 60_000

  init(_ seed: UInt64) {
    random = SeededRandom(seed)
    number = ["i32", "f32", "f32", "f64"][Int(seed % 4)]
  }

  static func type(_ dtype: String, _ axes: [Axis]) -> String {
    "\(dtype)[\(axes.map(\.text).joined(separator: ","))]"
  }

  static func list(_ numbers: [some CustomStringConvertible]) -> String {
    "[" + numbers.map(\.description).joined(separator: ",") + "]"
  }

  var text: String {
    let results = values.suffix(random2 ? 20 : 2)
    let picked = results.isEmpty ? values : Array(results)
    let symbol = usesSymbol ? " where B <= 9" : ""
    let declared = states.map { "state @\($0.name) : \($0.type) init constant(1)\n" }.joined()
    let writes = states.compactMap { state in
      values.last { $0.type == state.type && $0.name != "read_\(state.name)" }.map {
        ", @\(state.name) = %\($0.name)"
      }
    }
    return """
      module @m

      \(declared)
      \(bodies)
      func @f(\(signature.joined(separator: ", "))) -> \(picked.map(\.type).joined(separator: ", "))\(symbol) {
        \(lines.joined(separator: "\n  "))
        return \(picked.map { "%" + $0.name }.joined(separator: ", "))\(writes.joined())
      }

      """
  }
  private var random2 = false
  private var usesSymbol = false

  // MARK: Nodes

  mutating func make() {
    random2 = random.oneIn(3)
    let pool = [1, 2, 3, 5, 16, 17, 24, 40, 7, 4]
    for _ in 0..<4 {
      let extent = random.pick(pool)
      axes.append(Axis(text: "\(extent)", extent: extent))
    }
    if random.oneIn(6) {
      let extent = random.pick([600, 1100, 2100, 4100])
      axes.append(Axis(text: "\(extent)", extent: extent))
    }
    if random.oneIn(2) {
      usesSymbol = true
      axes[0] = Axis(text: "B", extent: random.pick([0, 1, 2, 9]))
      _ = input(number, [axes[0]])
    }
    if !usesSymbol, random.oneIn(2) {
      let state = Value(name: "s", dtype: number, axes: [axes[0], axes[1]])
      if state.count <= Self.mostElements {
        states.append(state)
        define("read @s", number, state.axes, named: "read_s")
      }
    }
    for _ in 0..<3 { _ = input(number, (0..<random.below(3) + 1).map { _ in random.pick(axes) }) }
    for _ in 0..<(random.oneIn(3) ? 60 : 8) + random.below(16) { add() }
  }

  private mutating func add() {
    switch random.below(18) {
    case 0, 1: unary()
    case 2, 3: binary()
    case 4, 5: normalise()
    case 6, 7: product()
    case 8, 9: scores()
    case 10, 11: view()
    case 12: reduce()
    case 13: lookUp()
    case 14: generated()
    case 15: chosen()
    case 16: ownKernel()
    default: loop()
    }
  }

  private mutating func input(_ dtype: String, _ axes: [Axis]) -> Value? {
    let value = Value(name: "x\(inputs.count)", dtype: dtype, axes: axes)
    guard value.count <= Self.mostElements else { return nil }
    signature.append("%\(value.name): \(value.type)")
    let types: [String: DType] = [
      "f32": .f32, "f64": .f64, "i32": .i32, "i64": .i64, "bool": .bool, "f16": .f16,
    ]
    inputs.append(random.tensor(types[dtype] ?? .f32, axes.map(\.extent)))
    values.append(value)
    return value
  }

  @discardableResult
  private mutating func define(
    _ code: String, _ dtype: String, _ axes: [Axis], named name: String? = nil
  ) -> Value {
    serial += 1
    let value = Value(name: name ?? "v\(serial)", dtype: dtype, axes: axes)
    lines.append("%\(value.name) = \(code) : \(value.type)")
    values.append(value)
    return value
  }

  private mutating func pick(_ dtype: String? = nil, rank: Int = 0) -> Value? {
    let fitting = values.filter { $0.dtype == (dtype ?? number) && $0.axes.count >= rank }
    if fitting.isEmpty { return nil }
    return random.oneIn(3)
      ? random.pick(fitting) : fitting[fitting.count - 1 - random.below(min(fitting.count, 4))]
  }

  private mutating func partner(_ x: Value) -> Value {
    let fitting = values.filter { $0.type == x.type }
    if random.oneIn(2) { return random.pick(fitting) }
    // One of fewer axes, repeated.
    let narrow = values.filter { y in
      y.dtype == x.dtype && y.axes.count < x.axes.count && Array(x.axes.suffix(y.axes.count)) == y.axes
    }
    if narrow.isEmpty { return random.pick(fitting) }
    return broadcast(random.pick(narrow), to: x.axes)
  }

  @discardableResult
  private mutating func broadcast(_ x: Value, to axes: [Axis]) -> Value {
    if x.axes == axes { return x }
    return define(
      "broadcast %\(x.name) {shape = [\(axes.map(\.text).joined(separator: ","))]}", x.dtype, axes)
  }

  private mutating func scalar(_ text: String, _ dtype: String) -> Value {
    define("constant {value = \(text)}", dtype, [])
  }

  private mutating func unary() {
    guard let x = pick() else { return }
    if number != "i32", random.oneIn(4) {
      let narrow = random.pick(["f16", "bf16", "i32", number == "f32" ? "f64" : "f32"])
      let y = define("cast %\(x.name) {dtype = \(narrow)}", narrow, x.axes)
      define("cast %\(y.name) {dtype = \(number)}", number, x.axes)
      return
    }
    let ops =
      number == "i32"
      ? ["negate", "abs", "sign"] : ["negate", "tanh", "exp", "relu", "rsqrt", "gelu", "sin"]
    define("\(random.pick(ops)) %\(x.name)", number, x.axes)
  }

  private mutating func binary() {
    guard let x = pick() else { return }
    let y = partner(x)
    define(
      "\(random.pick(["add", "subtract", "multiply", "maximum"])) %\(x.name), %\(y.name)", number, x.axes)
  }

  private mutating func axis(_ x: Value) -> Int {
    random.oneIn(2) ? x.axes.count - 1 : random.below(x.axes.count)
  }

  /// A reduction along one or several axes, and the operand with it.
  private mutating func normalise() {
    guard let x = pick(rank: 1) else { return }
    if number != "i32", random.oneIn(3) {
      define("softmax %\(x.name) {axis = \(axis(x))}", number, x.axes)
      return
    }
    var folded = [axis(x)]
    if random.oneIn(4) { folded = x.axes.indices.filter { _ in random.oneIn(2) } }
    var value = x
    for _ in 0..<random.below(2) + 1 {
      let kept = x.axes.indices.map { folded.contains($0) ? Axis(text: "1", extent: 1) : x.axes[$0] }
      let sum = define(
        "\(random.pick(["sum", "max", "sum"])) %\(value.name) {axes = \(Self.list(folded)), keep_dims = true}",
        number, kept)
      let wide = broadcast(sum, to: x.axes)
      value = define(
        "\(random.pick(["subtract", "multiply", "add"])) %\(value.name), %\(wide.name)", number, x.axes)
    }
  }

  private mutating func product() {
    guard let x = pick(rank: 1), let k = x.axes.last else { return }
    let n = random.pick(axes)
    let result = x.axes.dropLast() + [n]
    let count = result.reduce(1) { $0 * $1.extent }
    guard count <= Self.mostElements, count * k.extent <= Self.mostWork else { return }
    let turned = random.oneIn(3)
    let shape = turned ? [n, k] : [k, n]
    let w = values.last { $0.dtype == number && $0.axes == shape }
    guard x.axes.count > 1, let weight = random.oneIn(2) ? w ?? input(number, shape) : input(number, shape)
    else { return }
    let y = define(
      "matmul %\(x.name), %\(weight.name)" + (turned ? " {transpose_rhs = true}" : ""), number, Array(result))
    if random.oneIn(2), let bias = input(number, [n]) {
      let wide = broadcast(bias, to: y.axes)
      define("add %\(y.name), %\(wide.name)", number, y.axes)
    }
  }

  /// A product of a batch with itself or its like, sometimes with a mask; and what it weighs.
  private mutating func scores() {
    guard let q = pick(rank: 3) ?? input(number, [axes[0], random.pick(axes), random.pick(axes)]) else {
      return
    }
    let (m, d) = (q.axes[q.axes.count - 2], q.axes[q.axes.count - 1])
    let batch = Array(q.axes.dropLast(2))
    let keys = values.filter {
      $0.dtype == number && $0.axes.count == q.axes.count && Array($0.axes.dropLast(2)) == batch
        && $0.axes[$0.axes.count - 1] == d
    }
    guard !keys.isEmpty else { return }
    let k = random.pick(keys)
    let n = k.axes[k.axes.count - 2]
    let square = batch + [m, n]
    let count = square.reduce(1) { $0 * $1.extent }
    guard count <= Self.mostElements, count * d.extent <= Self.mostWork else { return }
    var mask: Value?
    if random.oneIn(2) { mask = self.mask(square) }
    var s: Value
    if let mask, number != "i32", random.oneIn(2) {
      let order = Array(0..<batch.count) + [batch.count + 1, batch.count]
      let turned = define("transpose %\(k.name) {order = \(Self.list(order))}", number, batch + [d, n])
      s = define("sampled_matmul %\(q.name), %\(turned.name), %\(mask.name)", number, square)
    } else {
      s = define("matmul %\(q.name), %\(k.name) {transpose_rhs = true}", number, square)
    }
    for _ in 0..<random.below(3) {
      if random.oneIn(2) { normaliseLast(&s) } else { s = define("negate %\(s.name)", number, square) }
    }
    guard random.oneIn(2) else { return }
    if let mask, number != "i32", random.oneIn(2) {
      define("masked_matmul %\(s.name), %\(k.name), %\(mask.name)", number, batch + [m, d])
    } else {
      define("matmul %\(s.name), %\(k.name)", number, batch + [m, d])
    }
  }

  private mutating func normaliseLast(_ s: inout Value) {
    let last = s.axes.count - 1
    let kept = s.axes.dropLast() + [Axis(text: "1", extent: 1)]
    let top = define("max %\(s.name) {axes = [\(last)], keep_dims = true}", number, Array(kept))
    let wide = broadcast(top, to: s.axes)
    s = define("subtract %\(s.name), %\(wide.name)", number, s.axes)
  }

  /// A mask of a shape: of places, of random bits, or of a value.
  private mutating func mask(_ axes: [Axis]) -> Value {
    let shape = axes.map(\.text).joined(separator: ",")
    let like = values.filter { $0.dtype == number && $0.axes == axes }
    if !like.isEmpty, random.oneIn(2) {
      let x = random.pick(like)
      let y = random.pick(like)
      return define("greater_equal %\(x.name), %\(y.name)", "bool", axes)
    }
    if random.oneIn(2) {
      let seed = seed()
      let bits = define("random_bits %\(seed.name), %\(seed.name) {shape = [\(shape)]}", "i32", axes)
      let zero = broadcast(scalar("0", "i32"), to: axes)
      return define("less %\(bits.name), %\(zero.name)", "bool", axes)
    }
    let rows = define("iota {shape = [\(shape)], axis = \(axes.count - 2), dtype = i32}", "i32", axes)
    let columns = define("iota {shape = [\(shape)], axis = \(axes.count - 1), dtype = i32}", "i32", axes)
    return define("greater_equal %\(rows.name), %\(columns.name)", "bool", axes)
  }

  /// A number that random bits or a slice begin with: a constant, or what integers come to.
  private mutating func seed() -> Value {
    let integers = values.filter { $0.dtype == "i32" && !$0.axes.isEmpty && $0.count > 0 }
    if integers.isEmpty || random.oneIn(2) { return scalar("\(random.below(9))", "i64") }
    let sum = define("sum %\(random.pick(integers).name)", "i32", [])
    return define("cast %\(sum.name) {dtype = i64}", "i64", [])
  }

  private mutating func view() {
    guard let x = pick(rank: 1) else { return }
    switch random.below(6) {
    case 0:
      let order = x.axes.indices.shuffled(using: &random)
      define("transpose %\(x.name) {order = \(Self.list(order))}", number, order.map { x.axes[$0] })
    case 1: define("reverse %\(x.name) {axes = [\(axis(x))]}", number, x.axes)
    case 2:
      let (one, axis) = (Axis(text: "1", extent: 1), axis(x))
      guard x.axes[axis].text != "B", x.axes[axis].extent > 1 else { return }
      let extent = x.axes[axis].extent
      let (start, step) = (random.below(extent), random.below(2) + 1)
      var (starts, limits, steps) = (x.axes.map { _ in "0" }, x.axes.map(\.text), x.axes.map { _ in 1 })
      let limit = start + 1 + random.below(extent - start)
      (starts[axis], limits[axis], steps[axis]) = ("\(start)", "\(limit)", step)
      var shape = x.axes
      let count = (limit - start + step - 1) / step
      shape[axis] = count == 1 ? one : Axis(text: "\(count)", extent: count)
      define(
        "slice %\(x.name) {start = \(Self.list(starts)), limit = \(Self.list(limits)), strides = \(Self.list(steps))}",
        number, shape)
    case 3:
      guard x.axes.count < 4 else { return }
      var wide = x.axes
      wide.insert(random.pick(axes), at: 0)
      guard wide.reduce(1, { $0 * $1.extent }) <= Self.mostElements else { return }
      broadcast(x, to: wide)
    case 4:
      // The last axis in two, or the last two in one.
      guard
        x.axes.allSatisfy({ $0.text != "B" })
          || x.axes.count > 1 && x.axes.suffix(2).allSatisfy({ $0.text != "B" })
      else { return }
      let last = x.axes[x.axes.count - 1].extent
      if last % 2 == 0, last > 2, x.axes.count < 4 {
        let half = Axis(text: "\(last / 2)", extent: last / 2)
        let shape = x.axes.dropLast() + [half, Axis(text: "2", extent: 2)]
        define(
          "reshape %\(x.name) {shape = [\(shape.map(\.text).joined(separator: ","))]}", number, Array(shape))
      } else if x.axes.count > 1 {
        let product = last * x.axes[x.axes.count - 2].extent
        let shape = x.axes.dropLast(2) + [Axis(text: "\(product)", extent: product)]
        define(
          "reshape %\(x.name) {shape = [\(shape.map(\.text).joined(separator: ","))]}", number, Array(shape))
      }
    default:
      var shape = x.axes
      shape.insert(Axis(text: "1", extent: 1), at: random.below(shape.count + 1))
      guard shape.count <= 5 else { return }
      define("reshape %\(x.name) {shape = [\(shape.map(\.text).joined(separator: ","))]}", number, shape)
    }
  }

  private mutating func reduce() {
    guard let x = pick(rank: 1) else { return }
    if random.oneIn(4) {
      let axis = axis(x)
      var rest = x.axes
      rest.remove(at: axis)
      let found = define("\(random.pick(["argmax", "argmin"])) %\(x.name) {axis = \(axis)}", "i32", rest)
      if number != "i32" { define("cast %\(found.name) {dtype = \(number)}", number, rest) }
      return
    }
    let folded = x.axes.indices.filter { _ in random.oneIn(2) }
    let rest = x.axes.indices.filter { !folded.contains($0) }.map { x.axes[$0] }
    define("\(random.pick(["sum", "max", "min"])) %\(x.name) {axes = \(Self.list(folded))}", number, rest)
  }

  private mutating func lookUp() {
    guard let x = pick(rank: 1) else { return }
    let axis = random.below(x.axes.count)
    switch random.below(3) {
    case 0:
      let chosen = random.oneIn(2) ? nil : pick("i32", rank: 1)
      guard let i = chosen ?? input("i32", [random.pick(axes)]), i.axes.count + x.axes.count <= 5 else {
        return
      }
      var shape = x.axes
      shape.replaceSubrange(axis...axis, with: i.axes)
      guard shape.reduce(1, { $0 * $1.extent }) <= Self.mostElements else { return }
      define("gather %\(x.name), %\(i.name) {axis = \(axis)}", number, shape)
    case 1:
      guard let i = pick("i32", rank: x.axes.count), i.axes == x.axes else { return }
      define("take_along_axis %\(x.name), %\(i.name) {axis = \(axis)}", number, x.axes)
    default:
      guard x.axes[axis].text != "B", x.axes[axis].extent > 1 else { return }
      var shape = x.axes
      let extent = random.below(x.axes[axis].extent) + 1
      shape[axis] = Axis(text: "\(extent)", extent: extent)
      let starts = x.axes.map { _ in seed().name }
      define(
        "dynamic_slice %\(x.name), \(starts.map { "%" + $0 }.joined(separator: ", ")) {sizes = [\(shape.map(\.text).joined(separator: ","))]}",
        number, shape)
    }
  }

  private mutating func generated() {
    guard let x = pick(rank: 1) else { return }
    let shape = x.axes.map(\.text).joined(separator: ",")
    if random.oneIn(2) {
      let axis = random.below(x.axes.count)
      let places = define("iota {shape = [\(shape)], axis = \(axis), dtype = \(number)}", number, x.axes)
      define("add %\(places.name), %\(x.name)", number, x.axes)
    } else {
      let mask = mask(x.axes.count > 1 ? x.axes : x.axes + [Axis(text: "2", extent: 2)])
      guard mask.axes == x.axes else { return }
      let y = partner(x)
      define("select %\(mask.name), %\(x.name), %\(y.name)", number, x.axes)
    }
  }

  private mutating func chosen() {
    guard let x = pick(rank: 2) else { return }
    let mask = mask(x.axes)
    let zero = broadcast(scalar("0", number), to: x.axes)
    define("select %\(mask.name), %\(x.name), %\(zero.name)", number, x.axes)
  }

  /// What has a kernel of its own.
  private mutating func ownKernel() {
    guard let x = pick(rank: 1) else { return }
    let axis = random.below(x.axes.count)
    switch random.below(3) {
    case 0: define("cumsum %\(x.name) {axis = \(axis)}", number, x.axes)
    case 1:
      let y = partner(x)
      guard x.axes[axis].text != "B", x.count * 2 <= Self.mostElements else { return }
      var shape = x.axes
      shape[axis] = Axis(text: "\(2 * shape[axis].extent)", extent: 2 * shape[axis].extent)
      define("concat %\(x.name), %\(y.name) {axis = \(axis)}", number, shape)
    default: define("argsort %\(x.name) {axis = \(axis)}", "i32", x.axes)
    }
  }

  /// A scan over the first axis: a row is normalised, and what it was is summed up.
  private mutating func loop() {
    guard let x = pick(rank: 2), x.axes.count == 2, let start = pick(rank: 1), start.axes == [x.axes[1]]
    else { return }
    serial += 1
    let name = "loop\(serial)"
    let (row, scalar) = (Self.type(number, [x.axes[1]]), "\(number)[]")
    let symbol = x.axes[1].text == "B" ? " where B <= 9" : ""
    let other = random.pick(["maximum", "add", "multiply"])
    bodies += """
      body @\(name)(%c: \(row), %x: \(row)) -> \(row), \(row)\(symbol) {
        %a = subtract %c, %x : \(row)
        %m = \(random.pick(["sum", "max"])) %a : \(scalar)
        %w = broadcast %m {shape = [\(x.axes[1].text)]} : \(row)
        %n = \(other) %a, %w : \(row)
        %s = \(random.pick(["sum", "min"])) %n : \(scalar)
        %v = broadcast %s {shape = [\(x.axes[1].text)]} : \(row)
        %r = subtract %\(random.pick(["n", "c", "x"])), %v : \(row)
        return %\(random.pick(["r", "n"])), %\(random.pick(["r", "c", "n"]))
      }

      """
    let (a, b) = (serial, serial + 1)
    serial += 1
    lines.append(
      "%v\(a), %w\(b) = scan @\(name), %\(start.name), %\(x.name) {carries = 1, sequences = 1} : \(start.type), \(x.type)"
    )
    values.append(Value(name: "v\(a)", dtype: number, axes: start.axes))
    values.append(Value(name: "w\(b)", dtype: number, axes: x.axes))
  }
}
