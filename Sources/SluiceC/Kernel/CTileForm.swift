import SluiceIR
import SluicePlan

/// A register tile without what differs from kernel to kernel: tiles of one form share their functions.
///
/// Where operands begin in memory, how far apart their elements are, where loops end, and values that the tile does
/// not compute are parameters. What is left is the form: the loops, the operations, and which elements are
/// neighbours.
struct CTileForm {
  /// What a kernel passes for a parameter.
  enum Argument {
    case memory(Memory)
    case extent(DimID)
    case place(Affine)
    /// Where a loop ends: at its end or at its limit.
    case end(Loop)
    case value(Register)
  }

  /// An operand or result: a pointer.
  struct Pointer {
    let memory: Memory
    let name: String
    let isForeignBool: Bool
  }

  /// The body; its memories are slots, numbers of `pointers`, and its dims are those of `dims`.
  private(set) var body: [CKernelTree.Node] = []
  private(set) var pointers: [Pointer] = []
  /// The parameters: declarations for the function, and what a kernel passes.
  private(set) var parameters: [(name: String, declaration: String, argument: Argument)] = []
  /// The names of the values that the tile reads and does not define.
  private(set) var values: [(register: Register, name: CExpression)] = []
  /// How many elements further a load should be asked for early, where the processor does not see that itself.
  private(set) var ahead: [Register: String] = [:]
  /// The dims of the body, and the names of the parameters that they are.
  private(set) var dims: CDims
  /// The names in use.
  private(set) var scope: NameScope

  /// The names of what all tiles have.
  static let names = ["i", "j", "begin", "end", "first", "last", "count", "vectors", "rows", "r", "v"]
  /// The names that the emitter gives to loops, outermost first.
  private static let loopLetters = ["k", "l", "m", "n", "p", "q", "s"]

  private let tile: CTile
  private let printer: CKernelPrinter
  private var strings: StringTable
  private var table: DimTable
  private var symbols: [SymbolID: String] = [:]
  private var loopNames: [Register: String] = [:]
  /// The innermost loop that is open.
  private var innermost: Loop?
  /// The memories that the tile stores to.
  private var stored: Set<Memory> = []
  private var accesses: [(pointer: Int, from: Affine, to: Affine)] = []
  private var bounds: [(from: Affine, to: Affine)] = []

  init(_ tile: CTile, _ printer: CKernelPrinter) {
    self.tile = tile
    self.printer = printer
    strings = printer.strings
    table = printer.dims.dims
    dims = printer.dims
    scope = NameScope(prefix: printer.helpers.prefix, Self.names)
    findStored(tile.body)
    body = form(tile.body, depth: 0)
    dims = CDims(table, symbols)
    parameters = Self.sorted(parameters)
  }

  /// Parameters in an order that does not depend on the order of loads: pointers with what belongs to them by name.
  private static func sorted(
    _ parameters: [(name: String, declaration: String, argument: Argument)]
  ) -> [(name: String, declaration: String, argument: Argument)] {
    func stem(_ name: String) -> Substring { name.prefix { $0 != "_" } }
    let pointers = ["a", "b", "c", "to"].flatMap { pointer in parameters.filter { stem($0.name) == pointer } }
    return pointers + parameters.filter { parameter in !pointers.contains { $0.name == parameter.name } }
  }

  private mutating func findStored(_ nodes: [CKernelTree.Node]) {
    for node in nodes {
      switch node {
      case .instruction(.store(let memory, _, _)): stored.insert(memory)
      case .loop(_, let inside), .branch(_, let inside): findStored(inside)
      case .instruction: continue
      }
    }
  }

  // MARK: Code

  private mutating func form(_ nodes: [CKernelTree.Node], depth: Int) -> [CKernelTree.Node] {
    nodes.map { node in
      switch node {
      case .instruction(let instruction): return .instruction(form(instruction))
      case .loop(let loop, let inside):
        let name = depth < Self.loopLetters.count ? Self.loopLetters[depth] : "k"
        loopNames[loop.index] = name
        let outer = innermost
        innermost = loop
        let formed = CKernelTree.Node.loop(form(loop, name, depth), form(inside, depth: depth + 1))
        innermost = outer
        return formed
      case .branch: preconditionFailure("a condition inside a tile")
      }
    }
  }

  private mutating func form(_ loop: Loop, _ name: String, _ depth: Int) -> Loop {
    var formed = loop
    formed.start =
      depth == 0 ? Affine(parameter("\(name)_begin", .place(loop.start))) : bound(loop.start, "\(name)_begin")
    if let limit = loop.limit, split(loop.end).own.isEmpty, split(limit).own.isEmpty {
      formed.end = Affine(parameter("\(name)_end", .end(loop)))
      formed.limit = nil
    } else {
      formed.end = bound(loop.end, "\(name)_end")
      formed.limit = loop.limit.map { bound($0, "\(name)_end") }
    }
    return formed
  }

  private mutating func form(_ instruction: Instruction) -> Instruction {
    switch instruction {
    case .scalar(let scalar):
      for operand in scalar.operands { noteValue(operand) }
      return instruction
    case .index(let result, let affine): return .index(result: result, index(affine))
    case .load(let result, let memory, let affine):
      let (pointer, index) = access(memory, affine, stem(of: result))
      if isFar(result, memory, affine),
        let term = index.terms.first(where: { $0.register == innermost?.index }),
        let symbol = table.symbol(term.coefficient), let stride = symbols[symbol]
      {
        ahead[result] = "\(Self.termsAhead) * \(stride)"
      }
      return .load(result: result, memory: .slot(pointer), index: index)
    case .store(let memory, let affine, let value):
      noteValue(value)
      let (pointer, index) = access(memory, affine, "to")
      return .store(memory: .slot(pointer), index: index, value: value)
    case .assign(_, let value):
      noteValue(value)
      return instruction
    case .accumulate, .local, .loop, .if, .end: preconditionFailure("no instruction of tiles")
    }
  }

  /// A name for an operand: `a` for one that rows differ in, `b` for one that lanes differ in.
  private func stem(of result: Register) -> String {
    guard tile.varyingInLanes.contains(result) else { return "a" }
    return tile.varyingInRows.contains(result) ? "c" : "b"
  }

  /// Whether the next terms of a sum load what processors do not ask for early.
  ///
  /// Neighbouring terms of a sum that are a quarter of a page apart are soon on other pages, which prefetchers of
  /// processors do not cross.
  private func isFar(_ result: Register, _ memory: Memory, _ affine: Affine) -> Bool {
    guard case .slot = memory, let loop = innermost, loop.step == 1, tile.rows != nil,
      tile.varyingInLanes.contains(result), !tile.varyingInRows.contains(result),
      let term = affine.terms.first(where: { $0.register == loop.index }),
      let distance = table.value(term.coefficient)
    else { return false }
    return distance >= Int64(1024 / tile.dtype.byteCount)
  }

  /// How many terms of a sum ahead of its use an operand is asked for.
  private static let termsAhead = 8

  // MARK: Memory

  /// The pointer and the index of an access.
  ///
  /// Operands that are only loaded have a pointer each, so what they share in one kernel is no part of the form.
  private mutating func access(_ memory: Memory, _ affine: Affine, _ stem: String) -> (Int, Affine) {
    let isStored = stored.contains(memory)
    if let known = accesses.first(where: { pointers[$0.pointer].memory == memory && $0.from == affine }) {
      return (known.pointer, known.to)
    }
    let known = isStored ? pointers.firstIndex { $0.memory == memory } : nil
    let pointer = known ?? addPointer(memory, isStored ? "to" : stem, isStored: isStored)
    let name = pointers[pointer].name
    let (own, place) = split(affine)
    var index = Affine(parameter("\(name)_at", .place(place)))
    for term in own.sorted(by: { rank($0.register) < rank($1.register) }) {
      let direction = direction(term.register)
      let isLiteral = direction == "lane" || direction == "row"
      index.terms.append(stride(term, "\(name)_\(direction)", isLiteral: isLiteral))
    }
    accesses.append((pointer, affine, index))
    return (pointer, index)
  }

  private mutating func addPointer(_ memory: Memory, _ stem: String, isStored: Bool) -> Int {
    let name = scope.claim(stem)
    let kernel = printer.kernel
    let dtype: DType
    var isForeignBool = false
    switch memory {
    case .slot(let slot):
      dtype = kernel.slots[slot].dtype
      isForeignBool = printer.use.foreignBools.contains(slot)
    case .local(let local): dtype = kernel.locals[local].dtype
    }
    let constant = isStored ? "" : "const "
    let declaration = "\(constant)\(printer.helpers.element(dtype)) *\(name)"
    parameters.append((name, declaration, .memory(memory)))
    pointers.append(Pointer(memory: memory, name: name, isForeignBool: isForeignBool))
    return pointers.count - 1
  }

  /// What the elements along an index are to a pointer.
  private func direction(_ register: Register) -> String {
    if register == tile.loop.index { return "lane" }
    if register == tile.rows?.index { return "row" }
    return loopNames[register] ?? "step"
  }

  /// Where the term of an index stands in an address: rows, then loops from outside, then lanes.
  private func rank(_ register: Register) -> Int {
    if register == tile.rows?.index { return -1 }
    if register == tile.loop.index { return Self.loopLetters.count + 1 }
    return loopNames[register].flatMap { Self.loopLetters.firstIndex(of: $0) } ?? Self.loopLetters.count
  }

  // MARK: Expressions

  /// The terms of registers that the tile defines, and the rest.
  private func split(_ affine: Affine) -> (own: [Affine.Term], place: Affine) {
    (
      affine.terms.filter { tile.defined.contains($0.register) },
      Affine(affine.constant, affine.terms.filter { !tile.defined.contains($0.register) })
    )
  }

  /// A term whose coefficient is a parameter; but that neighbours are neighbours can be a part of the form.
  private mutating func stride(_ term: Affine.Term, _ name: String, isLiteral: Bool = true) -> Affine.Term {
    if isLiteral, let value = table.value(term.coefficient), value.magnitude == 1 { return term }
    return Affine.Term(parameter(name, .extent(term.coefficient)), term.register)
  }

  /// An index that is a value.
  private mutating func index(_ affine: Affine) -> Affine {
    let (own, place) = split(affine)
    let isZero = place.terms.isEmpty && table.value(place.constant) == 0
    var index = isZero ? place : Affine(parameter("at", .place(place)))
    for term in own { index.terms.append(stride(term, "step")) }
    return index
  }

  /// A bound of a loop: one that begins where another one is keeps its length, a number, in the form.
  private mutating func bound(_ affine: Affine, _ name: String) -> Affine {
    let (own, place) = split(affine)
    let number = place.terms.isEmpty ? table.value(place.constant) : nil
    if own.isEmpty ? number == 0 : number != nil && own.allSatisfy({ table.value($0.coefficient) != nil }) {
      return affine
    }
    if let known = bounds.first(where: { $0.from == affine }) { return known.to }
    var bound = Affine(parameter(name, .place(place)))
    for term in own { bound.terms.append(stride(term, "\(name)_step")) }
    bounds.append((affine, bound))
    return bound
  }

  /// A new parameter of type ptrdiff_t, as a dim.
  private mutating func parameter(_ name: String, _ argument: Argument) -> DimID {
    let name = scope.claim(name)
    parameters.append((name, "ptrdiff_t \(name)", argument))
    let symbol = table.symbol(strings.intern(name), bound: 1)
    symbols[symbol] = name
    return table.dim(symbol)
  }

  private mutating func noteValue(_ register: Register) {
    guard !tile.defined.contains(register), !values.contains(where: { $0.register == register }) else {
      return
    }
    let kind = printer.emitter.known(register)?.kind == .index ? CExpression.Kind.index : .value
    let name = scope.number("t")
    let type = kind == .index ? "ptrdiff_t" : printer.kernel.registers[register].cType
    parameters.append((name, "\(type) \(name)", .value(register)))
    values.append((register, CExpression(name, .primary, kind)))
  }
}
