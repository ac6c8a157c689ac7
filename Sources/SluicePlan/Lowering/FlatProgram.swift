import SluiceIR

/// A function with the bodies that it runs copied in: one list of items over values with known layouts.
///
/// Views are gone: a value is a root with a place of its own, or an affine look at a root, or a constant repeated.
/// Carried values, stacked results and the results of a `cond` have a cell, which `assign` items write.
struct FlatProgram {
  /// More loops in each other would make checking a plan slow.
  static let maximumLoopDepth = 6
  /// What a value is made of.
  enum Form {
    /// A value with elements of its own, in row-major order.
    case root
    /// Elements of a root: element (i, j, ...) is `base + offset + sum of stride * index`.
    case view(Layout)
    /// The same constant everywhere.
    case splat(UInt64)
  }

  /// An affine look at a root value.
  struct Layout: Hashable {
    /// The root.
    var root: Int
    /// The part of the offset that depends on loop counters.
    var base: DimID
    /// The rest of the offset.
    var offset: DimID
    /// The distance between neighbours along every axis.
    var strides: [DimID]
  }

  /// Where the elements of a root come from.
  enum Source: Hashable {
    /// The item that computes it.
    case item
    /// Memory of the caller or the module.
    case input(Int), parameter(Int), state(Int), constant(ConstantID)
    /// A carried value: written before the loop and at the end of every iteration. Or a result of a `cond`: written
    /// at the end of both bodies.
    case cell
    /// The stacked results of a loop: one part written in every iteration.
    case stack
  }

  struct Value {
    var type: TypeID
    var name: StringID
    var form: Form
    var source: Source
    /// The item after which the value is there; -1 for what is there from the start.
    var item: Int
    /// The region that it lives in; for cells and stacks the one around their loop or branch.
    var region: Int
    /// The place of the node or input that gives it.
    var location: LocationID
  }

  /// Where an `assign` puts its operand.
  enum Target: Hashable {
    case output(Int)
    case state(Int)
    case cell(Int)
    case part(stack: Int, counter: SymbolID)
  }

  enum Action {
    /// A primitive op.
    case node(Op, AttributesID)
    /// The operand's elements in row-major order.
    case copy
    /// Puts the operand at a target.
    case assign(Target)
    /// Repeats the items up to the matching `endLoop`.
    case beginLoop(counter: SymbolID, count: DimID, reverse: Bool)
    /// Repeats the items up to the matching `endLoop` until a `leave`.
    case beginForever
    /// Leaves the innermost loop unless the operand is true.
    case leave
    case endLoop
    /// Runs the items up to `otherwise` where the operand is true, those between it and `endBranch` where not.
    case beginBranch
    case otherwise
    case endBranch
  }

  struct Item {
    var action: Action
    var operands: [Int]
    var results: [Int]
    var region: Int
    var location: LocationID
  }

  var values: [Value] = []
  var items: [Item] = []
  /// The regions: 0 is the function, the others are loops and the two sides of branches.
  var regions: [Region] = [Region(parent: -1, begin: -1, end: -1)]

  struct Region {
    /// The region around it.
    var parent: Int
    /// The items that begin and end the loop, or the whole branch for either side of it.
    var begin: Int
    var end: Int
  }

  /// The root behind a value; nil for a repeated constant.
  func root(_ value: Int) -> Int? {
    switch values[value].form {
    case .splat: nil
    case .root: value
    case .view(let layout): layout.root
    }
  }
}

/// Builds the flat program of one function.
struct Flattener {
  var program = FlatProgram()
  var tables: Tables
  let module: Module
  private let parameterIndex: [StringID: Int]
  private let stateIndex: [StringID: Int]
  var region = 0
  /// The loops around what is being copied in.
  var loopDepth = 0
  let zero: DimID

  init(_ module: Module, _ tables: Tables, parameters: [StringID: Int], states: [StringID: Int]) {
    self.module = module
    self.tables = tables
    zero = self.tables.dims.integer(0)
    self.parameterIndex = parameters
    self.stateIndex = states
  }

  /// A graph that is being copied in: where it is, what its values became.
  struct Frame {
    var graph: Graph
    var next: Int
    var map: [Int]
    var ending: Ending
  }

  /// What happens when a graph has been copied in.
  enum Ending {
    case function, call, scan(Scan), condition(While), whileBody(While), then(Cond), otherwise(Cond)
  }

  /// What follows a graph: the values that its node gives, or another graph to copy in.
  enum Followup {
    case results([Int])
    case frame(Frame)
  }

  /// The loop around a body.
  struct Scan {
    var counter: SymbolID
    var cells: [Int]
    var stacks: [Int]
  }

  /// The program of a function, and the tables with the dims it made.
  consuming func flatten(_ function: Graph) throws(Diagnostics) -> (FlatProgram, Tables) {
    var inputs: [Int] = []
    for (position, value) in function.inputs.enumerated() {
      location = function.locations[position]
      inputs.append(root(function.types[value.index], function.names[value.index], .input(position)))
    }
    var frames = [Frame(graph: function, next: function.inputCount, map: inputs, ending: .function)]
    while var frame = frames.popLast() {
      let graph = frame.graph
      var entered: Frame?
      while frame.next < graph.nodeCount, entered == nil {
        let node = NodeID(frame.next)
        frame.next += 1
        do throws(Diagnostics) {
          entered = try copy(node, of: graph, &frame)
        } catch {
          throw error.located(at: tables.place(location))
        }
      }
      if let entered {
        frames.append(frame)
        frames.append(try admit(entered, frames.count))
        continue
      }
      switch followup(frame) {
      case .frame(let next): frames.append(try admit(next, frames.count))
      case .results(let results): if !frames.isEmpty { frames[frames.count - 1].map += results }
      }
    }
    return (program, tables)
  }

  /// A body may be copied in unless it makes the program too deep.
  private func admit(_ frame: Frame, _ depth: Int) throws(Diagnostics) -> Frame {
    let message: String
    if depth > Module.maximumBodyDepth {
      message = "bodies are nested more than \(Module.maximumBodyDepth) deep"
    } else if loopDepth > FlatProgram.maximumLoopDepth {
      message = "more than \(FlatProgram.maximumLoopDepth) loops are nested"
    } else {
      return frame
    }
    throw Diagnostics([Diagnostic(message, at: tables.place(location))])
  }

  private mutating func followup(_ frame: Frame) -> Followup {
    switch frame.ending {
    case .function:
      finishFunction(frame)
      return .results([])
    case .call: return .results(frame.graph.results.map { frame.map[$0.index] })
    case .scan(let scan):
      finish(scan, frame)
      return .results(scan.cells + scan.stacks)
    case .condition(let loop): return .frame(leave(loop, frame))
    case .whileBody(let loop):
      finish(loop, frame)
      return .results(loop.cells)
    case .then(let cond): return .frame(turn(cond, frame))
    case .otherwise(let cond):
      finish(cond, frame)
      return .results(cond.cells)
    }
  }

  // MARK: Nodes

  private mutating func copy(
    _ node: NodeID, of graph: Graph, _ frame: inout Frame
  ) throws(Diagnostics) -> Frame? {
    let op = graph.ops[node.index]
    let record = graph.attributes[node.index]
    let operands = graph.operands(node).map { frame.map[$0.index] }
    let result = graph.result(node)
    let type = graph.types[result.index]
    let name = graph.names[result.index]
    location = graph.locations[node.index]
    switch op.definition.family {
    case .source(.constant):
      frame.map.append(constant(record, type, name))
    case .source:
      frame.map.append(read(record, type, name))
    case .view(let kernel) where kernel != .concat && kernel != .pad:
      frame.map.append(try view(kernel, operands[0], record, type, name))
    case .body(let kernel):
      switch kernel {
      case .call: return enter(body(.body, record), operands, .call)
      case .cond: return beginCond(graph, node, operands, record)
      case .while: return beginWhile(graph, node, operands, record)
      case .scan: return beginScan(graph, node, operands, record)
      }
    case .expand:
      throw Diagnostics([Diagnostic("`\(op.definition.name)` was not expanded before planning")])
    case .contract(let kernel):
      frame.map += append(.node(op, record), packed(operands, kernel, record), [type], name)
    case .view(.concat):
      let parts = try bounded(
        operands, record, tables.axis(record, of: .concat, rank: tables.types.rank(type)))
      frame.map += append(.node(op, record), parts, [type], name)
    case .generate(.randomBits):
      // Seed and stream are no constants of the kernel, so that kernels of one shape are one.
      frame.map += append(.node(op, record), operands.map { inMemory($0) }, [type], name)
    default:
      let types = graph.results(node).map { graph.types[$0.index] }
      frame.map += append(.node(op, record), operands, types, name)
    }
    return nil
  }

  private var location: LocationID = .none

  @discardableResult
  mutating func append(
    _ action: FlatProgram.Action, _ operands: [Int], _ types: [TypeID] = [], _ name: StringID = .none
  ) -> [Int] {
    let item = program.items.count
    let results = types.map { type -> Int in
      program.values.append(
        FlatProgram.Value(
          type: type, name: name, form: .root, source: .item, item: item, region: region, location: location))
      return program.values.count - 1
    }
    program.items.append(
      FlatProgram.Item(
        action: action, operands: operands, results: results, region: region, location: location))
    return results
  }

  mutating func root(_ type: TypeID, _ name: StringID, _ source: FlatProgram.Source) -> Int {
    program.values.append(
      FlatProgram.Value(
        type: type, name: name, form: .root, source: source, item: -1, region: region, location: location))
    return program.values.count - 1
  }

  private mutating func constant(_ record: AttributesID, _ type: TypeID, _ name: StringID) -> Int {
    guard let id = tables.attributes.constant(record, .value) else { preconditionFailure("verified") }
    let value = root(type, name, .constant(id))
    if tables.types.rank(type) == 0 {
      let size = tables.types.dtype(type).byteCount
      program.values[value].form = .splat(tables.constants.bits(id, 0, size: size))
    }
    return value
  }

  /// A scalar as an array of one element, where it is a constant.
  private mutating func inMemory(_ value: Int) -> Int {
    let row = program.values[value]
    guard case .splat(let bits) = row.form, tables.types.rank(row.type) == 0 else { return value }
    let count = tables.types.dtype(row.type).byteCount
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
    return root(row.type, row.name, .constant(tables.constants.intern(row.type, bytes)))
  }

  /// At most `Grouping.maximumArrays` operands of a `concat`: where there are more, they are joined in runs first.
  private mutating func bounded(
    _ operands: [Int], _ record: AttributesID, _ axis: Int
  ) throws(Diagnostics) -> [Int] {
    var parts = operands
    while parts.count > Grouping.maximumArrays {
      var joined: [Int] = []
      for start in stride(from: 0, to: parts.count, by: Grouping.maximumArrays) {
        let run = Array(parts[start..<min(start + Grouping.maximumArrays, parts.count)])
        var shape = tables.types.shape(program.values[run[0]].type)
        for part in run.dropFirst() {
          shape[axis] = try tables.sum(shape[axis], tables.types.dim(program.values[part].type, axis))
        }
        let type = tables.types.intern(tables.types.dtype(program.values[run[0]].type), shape)
        joined += run.count == 1 ? run : append(.node(.concat, record), run, [type])
      }
      parts = joined
    }
    return parts
  }

  private mutating func read(_ record: AttributesID, _ type: TypeID, _ name: StringID) -> Int {
    guard let variable = tables.attributes.symbol(record, .name) else { preconditionFailure("verified") }
    let shown = name.isNone ? variable : name
    if let parameter = parameterIndex[variable] { return root(type, shown, .parameter(parameter)) }
    guard let state = stateIndex[variable] else { preconditionFailure("verified") }
    return root(type, shown, .state(state))
  }

  // MARK: Views

  /// The layout of a value that is a root or a view.
  mutating func layout(_ value: Int) -> FlatProgram.Layout {
    if case .view(let layout) = program.values[value].form { return layout }
    let strides = tables.contiguousStrides(tables.types.shape(program.values[value].type))
    return FlatProgram.Layout(root: value, base: zero, offset: zero, strides: strides)
  }

  private mutating func view(
    _ kernel: ViewKernel, _ operand: Int, _ record: AttributesID, _ type: TypeID, _ name: StringID
  ) throws(Diagnostics) -> Int {
    if case .splat = program.values[operand].form {
      var value = program.values[operand]
      value.type = type
      program.values.append(value)
      return program.values.count - 1
    }
    let shape = tables.types.shape(program.values[operand].type)
    var look = layout(operand)
    switch kernel {
    case .transpose:
      let order = tables.attributes.ints(record, .order) ?? []
      look.strides = order.map { look.strides[Int($0)] }
    case .broadcast:
      let target = tables.types.shape(type)
      let lead = target.count - shape.count
      let old = look.strides
      look.strides = target.indices.map { axis in
        axis < lead || shape[axis - lead] != target[axis] ? zero : old[axis - lead]
      }
    case .slice:
      let start = tables.attributes.dims(record, .start) ?? []
      let steps = tables.attributes.ints(record, .strides)
      for axis in shape.indices {
        look.offset = try tables.sum(look.offset, tables.product(start[axis], look.strides[axis]))
        if let steps {
          look.strides[axis] = try tables.product(look.strides[axis], tables.dims.integer(steps[axis]))
        }
      }
    case .reverse:
      let minusOne = tables.dims.integer(-1)
      for axis in tables.axes(record, rank: shape.count) {
        let last = try tables.sum(shape[axis], minusOne)
        look.offset = try tables.sum(look.offset, tables.product(last, look.strides[axis]))
        look.strides[axis] = try tables.product(look.strides[axis], minusOne)
      }
    case .reshape:
      let target = tables.types.shape(type)
      if let strides = tables.reshapedStrides(shape, look.strides, to: target) {
        look.strides = strides
      } else {
        let copy = append(.copy, [operand], [program.values[operand].type], name)[0]
        look = layout(copy)
        look.strides = tables.contiguousStrides(target)
      }
    case .unfold:
      let axis = tables.axis(record, of: .unfold, rank: shape.count)
      let apart = tables.dims.integer(tables.attributes.int(record, .dilation) ?? 1)
      let step = tables.dims.integer(tables.attributes.int(record, .step) ?? 1)
      look.strides.append(try tables.product(look.strides[axis], apart))
      look.strides[axis] = try tables.product(look.strides[axis], step)
    case .concat, .pad:
      preconditionFailure("concat and pad are no looks at one value")
    }
    return viewValue(look, type, name)
  }

  mutating func viewValue(_ look: FlatProgram.Layout, _ type: TypeID, _ name: StringID) -> Int {
    var look = look
    // Where the first element is surely there, its place goes to the argument of the call: kernels that differ
    // only in where they look are one.
    if look.offset != zero, tables.dims.value(look.offset) != nil, hasElements(type),
      let start = tables.dims.add(look.base, look.offset)
    {
      look.base = start
      look.offset = zero
    }
    let root = program.values[look.root]
    program.values.append(
      FlatProgram.Value(
        type: type, name: name, form: .view(look), source: root.source, item: root.item, region: region,
        location: location))
    return program.values.count - 1
  }

  /// Whether a type has elements for all sizes and no symbols.
  private func hasElements(_ type: TypeID) -> Bool {
    (0..<tables.types.rank(type)).allSatisfy { axis in
      tables.dims.value(tables.types.dim(type, axis)).map { $0 > 0 } ?? false
    }
  }

  // MARK: The end

  private mutating func finishFunction(_ frame: Frame) {
    var assigns: [(source: Int, target: FlatProgram.Target)] = []
    for (position, value) in frame.graph.results.enumerated() {
      assigns.append((whole(frame.map[value.index]), .output(position)))
    }
    for write in frame.graph.writes {
      guard let state = stateIndex[write.state] else { continue }
      let value = whole(frame.map[write.value.index])
      if case .root = program.values[value].form, program.values[value].source == .state(state) { continue }
      assigns.append((value, .state(state)))
    }
    let states = Set(
      program.values.indices.filter { if case .state = program.values[$0].source { true } else { false } })
    assign(assigns, overwritten: states)
  }

  /// The root behind a look at all of its elements in their order, such as a reshape, if it is computed here.
  private mutating func whole(_ value: Int) -> Int {
    guard case .view(let look) = program.values[value].form, look.base == zero, look.offset == zero,
      program.values[look.root].source == .item
    else { return value }
    let type = program.values[value].type
    let count = tables.elementCount(type)
    guard count != nil, count == tables.elementCount(program.values[look.root].type),
      look.strides == tables.contiguousStrides(tables.types.shape(type))
    else { return value }
    return look.root
  }

  /// Assigns that happen at once: what one of them overwrites and another one reads is copied first.
  mutating func assign(_ assigns: [(source: Int, target: FlatProgram.Target)], overwritten: Set<Int>) {
    var sources: [Int] = []
    for (source, target) in assigns {
      switch (target, program.values[source].form) {
      case (.output, _), (.part, _), (_, .splat):
        sources.append(source)
      default:
        let isOverwritten = overwritten.contains(layout(source).root)
        let value = program.values[source]
        sources.append(isOverwritten ? append(.copy, [source], [value.type], value.name)[0] : source)
      }
    }
    for (source, assign) in zip(sources, assigns) { append(.assign(assign.target), [source]) }
  }
}
