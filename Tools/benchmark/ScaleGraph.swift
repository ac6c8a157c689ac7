// Large modules of several shapes, which show whether every stage of the compiler is linear.

import SluiceIR

/// A way to make a module of about a given number of nodes.
struct ScaleGraph: Sendable {
  /// The name on the command line.
  var name: String
  /// What it is, in a few words.
  var summary: String
  /// Makes it.
  var build: @Sendable (_ nodeCount: Int) throws -> Module

  static let all: [ScaleGraph] = [
    ScaleGraph(name: "chain", summary: "maps, each of the two before: deep, fuses into large kernels") {
      try chain($0)
    },
    ScaleGraph(name: "steps", summary: "maps and products of 2x2 matrices in turn: every node is a step") {
      try steps($0)
    },
    ScaleGraph(
      name: "fan", summary: "one input looked at in many places, all alive at once; a tree of sums"
    ) {
      try fan($0)
    },
    ScaleGraph(name: "shared", summary: "a chain whose nodes all use one value made at the start") {
      try shared($0)
    },
    ScaleGraph(name: "stack", summary: "a transformer: attention and feed-forward layers with own parameters")
    {
      try transformer($0)
    },
    ScaleGraph(name: "scans", summary: "a chain of loops: every tenth node is a scan with two carried values")
    {
      try scans($0)
    },
  ]

  // MARK: Shapes

  private static func chain(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "chain", simplifies: false)
    let type = builder.tables.types.intern(.f32, [builder.tables.dims.integer(64)])
    builder.begin(.function, "f")
    var (a, b) = (builder.input(type, "x"), builder.input(type, "y"))
    let ops: [Op] = [.add, .multiply, .subtract, .maximum]
    for index in 0..<(count - 2) { (a, b) = (b, try builder.emit(ops[index & 3], [a, b])) }
    try builder.end(results: [b])
    return builder.finish()
  }

  private static func steps(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "steps", simplifies: false)
    let two = builder.tables.dims.integer(2)
    let type = builder.tables.types.intern(.f32, [two, two])
    builder.begin(.function, "f")
    let x = builder.input(type, "x")
    var last = x
    for index in 0..<(count - 1) {
      last = index % 2 == 0 ? try builder.emit(.matmul, [last, x]) : try builder.emit(.tanh, [last])
    }
    try builder.end(results: [last])
    return builder.finish()
  }

  private static func fan(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "fan", simplifies: false)
    let leaves = Swift.max(count / 3, 1)
    let (four, long) = (builder.tables.dims.integer(4), builder.tables.dims.integer(Int64(leaves + 4)))
    let type = builder.tables.types.intern(.f32, [long])
    _ = builder.tables.types.intern(.f32, [four])
    builder.begin(.function, "f")
    let x = builder.input(type, "x")
    var row: [ValueID] = []
    for index in 0..<leaves {
      let start = builder.tables.dims.integer(Int64(index))
      let limit = builder.tables.dims.integer(Int64(index + 4))
      let part = try builder.emit(
        .slice, [x], [Attribute(.start, .dims([start])), Attribute(.limit, .dims([limit]))])
      row.append(try builder.emit(.exp, [part]))
    }
    while row.count > 1 {
      var next: [ValueID] = []
      for index in stride(from: 0, to: row.count - 1, by: 2) {
        next.append(try builder.emit(.add, [row[index], row[index + 1]]))
      }
      if row.count % 2 == 1 { next.append(row[row.count - 1]) }
      row = next
    }
    try builder.end(results: row)
    return builder.finish()
  }

  private static func shared(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "shared", simplifies: false)
    let type = builder.tables.types.intern(.f32, [builder.tables.dims.integer(16)])
    builder.begin(.function, "f")
    let x = builder.input(type, "x")
    let value = try builder.emit(.exp, [x])
    var last = x
    for index in 0..<(count - 2) {
      last = try builder.emit(index % 2 == 0 ? .add : .multiply, [last, value])
    }
    try builder.end(results: [last])
    return builder.finish()
  }

  private static func transformer(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "stack", simplifies: false)
    let (tokens, width, heads, hidden): (Int64, Int64, Int64, Int64) = (16, 32, 4, 128)
    let model = builder.tables.types.intern(.f32, builder.dims([tokens, width]))
    let square = builder.tables.types.intern(.f32, builder.dims([width, 3 * width]))
    let up = builder.tables.types.intern(.f32, builder.dims([width, hidden]))
    let down = builder.tables.types.intern(.f32, builder.dims([hidden, width]))
    let byHead = Attribute(.shape, .dims(builder.dims([tokens, 3, heads, width / heads])))
    let partShape = Attribute(.shape, .dims(builder.dims([heads, tokens, width / heads])))
    let joinedShape = Attribute(.shape, .dims(builder.dims([tokens, width])))
    var ranges: [[Attribute]] = []
    for part: Int64 in 0..<3 {
      ranges.append([
        Attribute(.start, .dims(builder.dims([part, 0, 0, 0]))),
        Attribute(.limit, .dims(builder.dims([part + 1, heads, tokens, width / heads]))),
      ])
    }
    let layers = Swift.max(count / 25, 1)
    var names: [StringID] = []
    for layer in 0..<layers {
      for (name, type) in [("qkv", square), ("up", up), ("down", down)] {
        let id = builder.tables.strings.intern("layer\(layer).\(name)")
        names.append(id)
        try builder.declare(Variable(kind: .parameter, name: id, type: type, initializer: .zeros))
      }
    }
    builder.begin(.function, "f")
    var x = builder.input(model, "x")
    for layer in 0..<layers {
      let qkv = try builder.emit(.read, [], [Attribute(.name, .symbol(names[3 * layer]))])
      let mean = try builder.emit(
        .mean, [x], [Attribute(.axes, .ints([1])), Attribute(.keepDims, .bool(true))])
      let centered = try builder.emit(
        .subtract, [x, try builder.emit(.broadcast, [mean], [joinedShape])])
      let all = try builder.emit(.matmul, [centered, qkv])
      let split = try builder.emit(.reshape, [all], [byHead])
      let packed = try builder.emit(.transpose, [split], [Attribute(.order, .ints([1, 2, 0, 3]))])
      var parts: [ValueID] = []
      for part in 0..<3 {
        let slice = try builder.emit(.slice, [packed], ranges[part])
        parts.append(try builder.emit(.reshape, [slice], [partShape]))
      }
      let scores = try builder.emit(.matmul, [parts[0], parts[1]], [Attribute(.transposeRhs, .bool(true))])
      let weights = try builder.emit(.softmax, [scores])
      let mixed = try builder.emit(.matmul, [weights, parts[2]])
      let back = try builder.emit(.transpose, [mixed], [Attribute(.order, .ints([1, 0, 2]))])
      let joined = try builder.emit(.reshape, [back], [joinedShape])
      let attended = try builder.emit(.add, [x, joined])
      let first = try builder.emit(.read, [], [Attribute(.name, .symbol(names[3 * layer + 1]))])
      let second = try builder.emit(.read, [], [Attribute(.name, .symbol(names[3 * layer + 2]))])
      let inner = try builder.emit(.relu, [try builder.emit(.matmul, [attended, first])])
      x = try builder.emit(.add, [attended, try builder.emit(.matmul, [inner, second])])
    }
    try builder.end(results: [x])
    return builder.finish()
  }

  private static func scans(_ count: Int) throws -> Module {
    var builder = ModuleBuilder(name: "scans", simplifies: false)
    let three = builder.tables.dims.integer(3)
    let type = builder.tables.types.intern(.f32, [three])
    builder.begin(.body, "step")
    let (a, b) = (builder.input(type, "a"), builder.input(type, "b"))
    let sum = try builder.emit(.add, [a, b])
    let body = try builder.end(results: [b, sum])
    builder.begin(.function, "f")
    var last = builder.input(type, "x")
    let first = last
    for _ in 0..<(count / 10) {
      let loop = try builder.emit(
        .scan, [last, first],
        [Attribute(.body, .graph(body)), Attribute(.carries, .int(2)), Attribute(.length, .dim(three))])
      last = ValueID(loop.index + 1)
      for index in 0..<9 { last = try builder.emit(index % 2 == 0 ? .tanh : .abs, [last]) }
    }
    try builder.end(results: [last])
    return builder.finish()
  }
}

extension ModuleBuilder {
  fileprivate mutating func dims(_ values: [Int64]) -> [DimID] {
    var dims: [DimID] = []
    for value in values { dims.append(tables.dims.integer(value)) }
    return dims
  }

  fileprivate mutating func input(_ type: TypeID, _ name: String) -> ValueID {
    input(type, name: tables.strings.intern(name))
  }
}
