import SluiceIR
import SluicePlan

/// A kernel as a C function, and what callers must know of it.
struct CKernel {
  /// The name of the function to call.
  var name: String
  /// The definition, with everything that belongs to it.
  var text: String
  /// The slots that are parameters, in order.
  var slots: [Int]
  /// The symbols that are parameters, in order.
  var symbols: [SymbolID]
  /// Whether the function takes the context first, to divide its work.
  var isDivided: Bool
  /// Whether the symbols are passed in an array: there are many, and C promises 127 parameters.
  var takesSizes = false
}

/// What a kernel must know of its calls.
struct CKernelUse: Hashable {
  /// The slots that may share memory with another slot of which one is stored to.
  var shared: Set<Int> = []
  /// The bool slots whose bytes somebody else has written.
  var foreignBools: Set<Int> = []
}

/// Prints one kernel.
struct CKernelPrinter {
  let kernel: Kernel
  let use: CKernelUse
  let helpers: CHelpers
  let tree: CKernelTree
  let dims: CDims
  var emitter: CEmitter
  let slotNames: [String]
  private let variableNames: [Register: String]
  var usedSlots: Set<Int> = []
  var usedSymbols: Set<SymbolID> = []
  /// The loop that is divided, as a position among the top-level nodes.
  let divided: Int?
  var range = (begin: "begin", end: "end")

  /// The least work at the symbols' bounds for which dividing is worth its code.
  static let leastDividedWork: Int64 = 65_536

  /// The most symbols that are parameters of their own.
  static let mostSymbols = 16
  private let takesSizes: Bool

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
    takesSizes = kernel.symbols.count > Self.mostSymbols
    if !takesSizes, case .loop(let loop) = Self.division(tree.nodes, tables.dims) {
      divided = loop
    } else {
      divided = nil
    }
    var scope = NameScope(prefix: helpers.prefix, takesSizes ? ["sizes"] : [])
    if divided != nil { range = (scope.claim("begin"), scope.claim("end")) }
    var symbolNames: [SymbolID: String] = [:]
    for symbol in kernel.symbols {
      symbolNames[symbol] = scope.claim(tables.strings[tables.dims.symbols[symbol.index].name])
    }
    dims = CDims(tables.dims, symbolNames)
    slotNames = kernel.slots.map { scope.claim($0.name) }
    variableNames = Self.variableNames(kernel)
    emitter = CEmitter(CWriter(depth: 1), scope, helpers, dtypes: kernel.registers, uses: tree.uses)
  }

  /// Whether threads share the iterations of a kernel.
  enum Division {
    /// They share this loop, the only one, at this place among the top-level nodes.
    case loop(Int)
    /// They do not, and why.
    case none(String)
  }

  /// The only loop of a kernel may be divided where it is preceded by scalars and loads alone.
  static func division(_ nodes: [CKernelTree.Node], _ dims: DimTable) -> Division {
    guard case .loop(let loop, let inside) = nodes.last else {
      return .none("it does not end with a loop")
    }
    guard loop.kind == .parallel || loop.kind == .vector else {
      return .none("its outer loop is not parallel")
    }
    for node in nodes.dropLast() {
      guard case .instruction(let instruction) = node else {
        return .none("it has several loops one after the other")
      }
      switch instruction {
      case .scalar, .index, .load: continue
      default: return .none("it writes before its loop")
      }
    }
    guard loop.step == 1, loop.bounds.allSatisfy({ $0.terms.isEmpty }), loop.limit == nil else {
      return .none("the bounds of its loop are not simple")
    }
    var cost = CCost(dims)
    let (each, count) = (cost.cost(inside), cost.iterations(loop))
    let work = cost.largest(each).multipliedReportingOverflow(by: cost.largest(count))
    guard work.overflow || work.partialValue >= leastDividedWork else {
      return .none(
        "it has at most \(work.partialValue) operations, and dividing is worth its while from \(leastDividedWork) on"
      )
    }
    return .loop(nodes.count - 1)
  }

  private mutating func function(named name: String) -> CKernel {
    print(tree.nodes, isTop: true)
    let slots = kernel.slots.indices.filter { usedSlots.contains($0) }
    let symbols = kernel.symbols.filter { usedSymbols.contains($0) }
    var writer = CWriter()
    writer.comment(kernel.comment.isEmpty ? [kernel.name] : kernel.comment)
    var parameters = slots.map(parameter)
    parameters += takesSizes ? ["const ptrdiff_t *sizes"] : symbols.map { "ptrdiff_t \(dims.name($0))" }
    if divided != nil { parameters += ["ptrdiff_t \(range.begin)", "ptrdiff_t \(range.end)"] }
    let list = parameters.isEmpty ? "void" : parameters.joined(separator: ", ")
    writer.open("static void \(name)(\(list))")
    if takesSizes {
      for (position, symbol) in symbols.enumerated() {
        writer.line("const ptrdiff_t \(dims.name(symbol)) = sizes[\(position)];")
      }
    }
    writer.raw(emitter.writer.text)
    writer.close()
    let result = CKernel(
      name: name, text: writer.text, slots: slots, symbols: symbols, isDivided: false, takesSizes: takesSizes)
    guard let divided, case .loop(let loop, let inside) = tree.nodes[divided] else { return result }
    return CDivision(printer: self, loop: loop, inside: inside).divide(result)
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
        open("if (\(test))")
        print(inside)
        close()
      case .loop(let loop, let inside):
        emitter.flush()
        print(loop, inside, isDivided: isTop && position == divided)
      }
    }
    emitter.flush()
  }

  private mutating func print(_ loop: Loop, _ inside: [CKernelTree.Node], isDivided: Bool) {
    if case .lanes(let count) = loop.kind, count > 1 { return printLanes(loop, inside, count) }
    let lanes = lanes(loop, inside)
    let bounds = isDivided ? range : self.bounds(loop)
    if lanes.blockLength > 1 { return printBlocks(loop, inside, lanes, bounds) }
    if loop.kind == .vector || loop.kind == .parallel { noteIndependence(inside) }
    emitter.scope.open()
    let index = indexName()
    emitter.know(loop.index, CExpression(index, .primary, .index))
    let step = loop.step == 1 ? "++\(index)" : "\(index) += \(loop.step)"
    open("for (ptrdiff_t \(index) = \(bounds.begin); \(index) < \(bounds.end); \(step))")
    print(inside)
    close()
    emitter.scope.close()
  }

  /// Tells compilers that iterations are independent, where they cannot see it: the pointers may be equal.
  mutating func noteIndependence(_ inside: [CKernelTree.Node]) {
    let isShared = inside.contains { node in
      if case .instruction(.store(let slot, _, _)) = node { use.shared.contains(slot) } else { false }
    }
    if isShared, !inside.contains(where: \.isLoop) {
      emitter.writer.line(helpers.macro("INDEPENDENT"))
    }
  }

  /// A name for the index of a loop.
  mutating func indexName() -> String {
    emitter.scope.first(of: ["i", "j", "k", "l", "m", "n", "p", "q", "r", "s"])
  }

  /// Where a loop begins and ends, as expressions that may be repeated.
  mutating func bounds(_ loop: Loop) -> (begin: String, end: String) {
    let begin = expression(loop.start).text
    let end = expression(loop.end)
    guard let limit = loop.limit else { return (begin, end.text) }
    let most = expression(limit)
    let name = emitter.scope.claim("end")
    emitter.writer.line(
      "const ptrdiff_t \(name) = \(end.text(atLeast: .additive)) < \(most.text(atLeast: .additive)) ? "
        + "\(end.text) : \(most.text);")
    return (begin, name)
  }

  private mutating func expression(_ affine: Affine) -> CExpression {
    note(affine)
    return emitter.affine(affine, dims).expression
  }

  mutating func open(_ code: String) {
    emitter.writer.open(code)
    emitter.scope.open()
  }

  mutating func close() {
    emitter.scope.close()
    emitter.writer.close()
  }

  /// Prints an instruction that is neither loop nor condition.
  mutating func print(_ instruction: Instruction) {
    switch instruction {
    case .scalar(let scalar): emitter.scalar(scalar)
    case .index(let result, let affine):
      note(affine)
      emitter.index(result, affine, dims)
    case .load(let result, let slot, let index):
      note(index)
      usedSlots.insert(slot)
      emitter.load(result, slotNames[slot], index, dims, isForeignBool: use.foreignBools.contains(slot))
    case .store(let slot, let index, let value):
      note(index)
      usedSlots.insert(slot)
      emitter.store(slotNames[slot], index, value, dims)
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

  private mutating func note(_ affine: Affine) {
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
