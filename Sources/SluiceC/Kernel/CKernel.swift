import SluiceIR
import SluicePlan

/// A kernel as a C function, and what callers must know of it.
struct CKernel {
  /// The name of the function.
  var name: String
  /// The definition, with everything that belongs to it.
  var text: String
  /// The slots that are parameters, in order.
  var slots: [Int]
  /// The symbols that are parameters, in order.
  var symbols: [SymbolID]
  /// Whether it is called through a job: threads share its work, or it runs together with others.
  var isJob = false
  /// Whether the symbols are passed in an array: there are many, and C promises 127 parameters.
  var takesSizes = false

  /// The type of the arguments of a call.
  var row: String { name + "_row" }
}

/// What a kernel must know of its calls.
struct CKernelUse: Hashable {
  /// The slots that may share memory with another slot of which one is stored to.
  var shared: Set<Int> = []
  /// The bool slots whose bytes somebody else has written.
  var foreignBools: Set<Int> = []
  /// Whether it runs together with other calls, and whether it runs alone.
  var isTogether = false
  var isAlone = false
}

/// Prints one kernel.
struct CKernelPrinter {
  let kernel: Kernel
  let use: CKernelUse
  let helpers: CHelpers
  let tree: CKernelTree
  let strings: StringTable
  let dims: CDims
  var emitter: CEmitter
  let slotNames: [String]
  let localNames: [String]
  private let variableNames: [Register: String]
  var usedSlots: Set<Int> = []
  var usedSymbols: Set<SymbolID> = []
  /// What threads share.
  let tasks: CTasks?
  var range = (begin: "begin", end: "end")
  /// Whether it does so much that a call more does not count: inlined, it would only make compilers slow.
  private let isLong: Bool

  /// The least work at the symbols' bounds of a kernel that is no part of its callers.
  private static let leastLongWork: Int64 = 1024

  /// The most symbols that are parameters of their own.
  static let mostSymbols = 16
  let takesSizes: Bool

  /// Prints a kernel as a function of that name.
  static func function(
    _ kernel: Kernel, named name: String, _ use: CKernelUse, _ tables: Tables, _ helpers: CHelpers
  ) -> CKernel {
    var printer = CKernelPrinter(kernel, use, tables, helpers)
    return printer.function(named: name)
  }

  private init(_ kernel: Kernel, _ use: CKernelUse, _ tables: Tables, _ helpers: CHelpers) {
    self.kernel = kernel
    self.use = use
    self.helpers = helpers
    tree = CKernelTree(kernel)
    strings = tables.strings
    takesSizes = kernel.symbols.count > Self.mostSymbols
    tasks = takesSizes ? nil : CTasks.division(kernel, tree, tables.dims).tasks
    var cost = CCost(tables.dims)
    let work = cost.cost(tree.nodes)
    isLong = cost.largest(work) >= Self.leastLongWork
    var scope = NameScope(prefix: helpers.prefix, takesSizes ? ["sizes"] : [])
    if tasks != nil { range = (scope.claim("begin"), scope.claim("end")) }
    var symbolNames: [SymbolID: String] = [:]
    for symbol in kernel.symbols {
      symbolNames[symbol] = scope.claim(tables.strings[tables.dims.symbols[symbol.index].name])
    }
    dims = CDims(tables.dims, symbolNames)
    slotNames = kernel.slots.map { scope.claim($0.name) }
    localNames = kernel.locals.map { scope.claim($0.name) }
    variableNames = Self.variableNames(kernel)
    emitter = CEmitter(CWriter(depth: 1), scope, helpers, dtypes: kernel.registers, uses: tree.uses)
  }

  private mutating func function(named name: String) -> CKernel {
    print(tree.nodes, isTop: true)
    let slots = kernel.slots.indices.filter { usedSlots.contains($0) }
    let symbols = kernel.symbols.filter { usedSymbols.contains($0) }
    var writer = CWriter()
    writer.comment(kernel.comment.isEmpty ? [kernel.name] : kernel.comment)
    var parameters = slots.map(parameter)
    parameters += takesSizes ? ["const ptrdiff_t *sizes"] : symbols.map { "ptrdiff_t \(dims.name($0))" }
    if tasks != nil { parameters += ["ptrdiff_t \(range.begin)", "ptrdiff_t \(range.end)"] }
    let list = parameters.isEmpty ? "void" : parameters.joined(separator: ", ")
    if isLong { writer.line(helpers.macro("KERNEL")) }
    writer.open("static void \(name)(\(list))")
    if takesSizes {
      for (position, symbol) in symbols.enumerated() {
        writer.line("const ptrdiff_t \(dims.name(symbol)) = sizes[\(position)];")
      }
    }
    writer.raw(emitter.writer.text)
    writer.close()
    let result = CKernel(
      name: name, text: writer.text, slots: slots, symbols: symbols, takesSizes: takesSizes)
    let isJob = tasks != nil || (use.isTogether && !takesSizes)
    return isJob ? CJob(printer: self).add(to: result) : result
  }

  /// The declaration of the parameter of a slot.
  func parameter(_ slot: Int) -> String {
    let restrict = use.shared.contains(slot) ? "" : "\(helpers.macro("RESTRICT")) "
    return "\(type(slot))\(restrict)\(slotNames[slot])"
  }

  /// The pointer type of a slot.
  func type(_ slot: Int) -> String {
    let constant = kernel.slots[slot].access == .read ? "const " : ""
    return "\(constant)\(helpers.element(kernel.slots[slot].dtype)) *"
  }

  /// How the iterations of a `.vector` loop run side by side.
  func lanes(_ loop: Loop, _ inside: [CKernelTree.Node]) -> CLanes {
    let emitter = emitter
    return CLanes(loop, inside, tree, kernel, dims.dims) { emitter.known($0) != nil }
  }

  // MARK: Code

  /// Prints instructions, and everything that waits behind them.
  mutating func print(_ nodes: [CKernelTree.Node], isTop: Bool = false) {
    for (position, node) in nodes.enumerated() {
      switch node {
      case .instruction(let instruction): print(instruction)
      case .branch(let condition, let inside):
        let test = emitter.value(condition).asCondition
        emitter.flush()
        emitter.open("if (\(test))")
        print(inside)
        emitter.close()
      case .loop(let loop, let inside):
        emitter.flush()
        if isTop, position == nodes.count - 1, let tasks { print(tasks) } else { print(loop, inside) }
      }
    }
    emitter.flush()
  }

  /// Prints a loop, or the part of it from `range.begin` to `range.end`.
  mutating func print(
    _ loop: Loop, _ inside: [CKernelTree.Node], range: (begin: String, end: String)? = nil
  ) {
    if case .lanes(let count) = loop.kind, count > 1 { return printLanes(loop, inside, count) }
    if range == nil, loop.isRectangular, CTasks.number(loop, dims.dims) == 1 {
      return printOnce(loop, inside)
    }
    let bounds = range ?? self.bounds(loop)
    if let tile = CTile(loop, inside, self) { return print(tile, bounds) }
    let lanes = lanes(loop, inside)
    if lanes.blockLength > 1 { return printBlocks(loop, inside, lanes, bounds) }
    if loop.kind != .sequential { noteIndependence(inside) }
    emitter.openLoop(loop, bounds)
    print(inside)
    emitter.close()
    emitter.scope.close()
  }

  /// Prints the body of a loop that surely runs once.
  private mutating func printOnce(_ loop: Loop, _ inside: [CKernelTree.Node]) {
    emitter.know(loop.index, expression(loop.start))
    emitter.writer.openBlock()
    emitter.scope.open()
    print(inside)
    emitter.close()
  }

  /// Tells compilers that iterations are independent, where they cannot see it: the pointers may be equal.
  mutating func noteIndependence(_ inside: [CKernelTree.Node]) {
    let isShared = inside.contains { node in
      guard case .instruction(.store(.slot(let slot), _, _)) = node else { return false }
      return use.shared.contains(slot)
    }
    if isShared, !inside.contains(where: \.isLoop) {
      emitter.writer.line(helpers.macro("INDEPENDENT"))
    }
  }

  /// Where a loop begins and ends, as expressions that may be repeated.
  mutating func bounds(_ loop: Loop) -> (begin: String, end: String) {
    noteSymbols(of: loop)
    return emitter.bounds(loop, dims)
  }

  mutating func expression(_ affine: Affine) -> CExpression {
    note(affine)
    return emitter.affine(affine, dims).expression
  }

  /// Prints an instruction that is neither loop nor condition.
  mutating func print(_ instruction: Instruction) {
    switch instruction {
    case .scalar(let scalar): emitter.scalar(scalar)
    case .index(let result, let affine):
      note(affine)
      emitter.index(result, affine, dims)
    case .load(let result, .slot(let slot), let index):
      note(index)
      usedSlots.insert(slot)
      emitter.load(result, slotNames[slot], index, dims, isForeignBool: use.foreignBools.contains(slot))
    case .load(let result, .local(let local), let index):
      note(index)
      emitter.load(result, localNames[local], index, dims, isForeignBool: false)
    case .store(.slot(let slot), let index, let value):
      note(index)
      usedSlots.insert(slot)
      emitter.store(slotNames[slot], index, value, dims)
    case .store(.local(let local), let index, let value):
      note(index)
      emitter.store(localNames[local], index, value, dims)
    case .local(let local):
      let (type, count) = (
        helpers.element(kernel.locals[local].dtype), dims.dims.bound(kernel.locals[local].count)
      )
      emitter.writer.line("\(type) \(localNames[local])[\(max(count ?? 1, 1))];")
    case .assign(let variable, let value):
      emitter.assign(variable, value, name: variableName(variable))
    case .accumulate(let accumulator, let op, let value):
      // A single lane.
      guard let sum = emitter.known(accumulator) else { return }
      emitter.flush(variables: true)
      emitter.accumulate(sum, op, value, kernel.registers[accumulator])
    case .loop, .if, .end:
      preconditionFailure("kernel `\(kernel.name)` has a loop where only instructions may stand")
    }
  }

  /// Notes the symbols that say how often a loop runs.
  mutating func noteSymbols(of loop: Loop) {
    for bound in loop.bounds { note(bound) }
  }

  mutating func note(_ affine: Affine) {
    for dim in [affine.constant] + affine.terms.map(\.coefficient) {
      usedSymbols.formUnion(dims.dims.symbols(in: dim))
    }
  }

  /// A name for a variable: after what is collected in it.
  func variableName(_ variable: Register) -> String { variableNames[variable] ?? "value" }

  private static func variableNames(_ kernel: Kernel) -> [Register: String] {
    var names: [Register: String] = [:]
    var definitions: [Register: ScalarOp] = [:]
    for instruction in kernel.instructions {
      switch instruction {
      case .scalar(let scalar): definitions[scalar.result] = scalar.op
      case .assign(let variable, let value):
        if let op = definitions[value], let name = name(of: op) { names[variable] = name }
      case .accumulate(let variable, let op, _): names[variable] = name(of: op)
      default: continue
      }
    }
    return names
  }

  private static func name(of op: ScalarOp) -> String? {
    switch op {
    case .add, .fma: "sum"
    case .multiply: "product"
    case .maximum: "largest"
    case .minimum: "least"
    case .select: "chosen"
    case .and: "all"
    case .or: "any"
    default: nil
    }
  }
}
