/// Seeded random kernels of every shape that plans may have: what the interpreter and C are held against.

package import SluiceFormats
package import SluiceIR
import SluicePlan

/// Makes the functions `f0`, `f1`, … of one plan; each calls one random kernel.
///
/// Iterations of parallel and vector loops are independent: kernels load from inputs, anywhere, and store each
/// element once in a state of their own. Only loops in order load again what they have stored.
package struct RandomKernels {
  package private(set) var m = PlanBuilder("random", function: "f0")
  private var k: KernelBuilder
  private var random: SeededRandom
  private var known: [DType: [Register]] = [:]
  /// The loops around.
  private var loops: [Around] = []
  /// What the kernel is called with: the inputs, then its states.
  private var arguments: [Int] = []

  /// A loop around: its index, what that is less than, and the most that this is.
  private struct Around {
    var index: Register
    var extent: any Size
    var most: Int
    var kind: Loop.Kind
  }

  private static let symbols = (rows: 5, columns: 300)
  private static let inputCount = 997

  /// The functions of one seed.
  package init(seed: Int, functions: Int = 1) {
    random = SeededRandom(UInt64(seed))
    k = m.builder("kernel")
    for number in 0..<functions {
      if number > 0 { m.begin("f\(number)") }
      makeFunction(number)
    }
  }

  private mutating func makeFunction(_ number: Int) {
    m.symbol("R", Int64(Self.symbols.rows))
    m.symbol("C", Int64(Self.symbols.columns))
    k = m.builder("kernel\(number)")
    (known, loops) = ([:], [])
    arguments = DType.allCases.map { dtype in
      _ = k.slot("x\(dtype.name)", dtype, .read)
      return m.input("x\(dtype.name)", dtype, Self.inputCount)
    }
    for dtype in DType.allCases {
      known[dtype] = [k.constant(dtype == .bool ? 1 : random.next() & 63, dtype)]
    }
    for _ in 0...random.below(2) { nest(0) }
    m.call(m.add(k), whole: arguments)
  }

  // MARK: Values to run it on

  /// Inputs of any function.
  package mutating func inputs() -> [HostTensor] {
    DType.allCases.map { dtype in
      HostTensor(words: (0..<Self.inputCount).map { _ in random.word(dtype) }, dtype)
    }
  }

  /// The symbols `R` and `C` of any function.
  package func symbols(_ rows: Int, _ columns: Int) -> [SymbolID: Int] {
    Dictionary(uniqueKeysWithValues: zip(m.function.symbols, [rows, columns]))
  }

  /// States of zeros.
  package var states: [HostTensor] {
    get throws {
      try m.plan.states.map {
        let dtype = m.plan.tables.types.dtype($0.type)
        return try HostTensor.zeros(dtype, shape: [$0.byteCount / dtype.byteCount])
      }
    }
  }

  // MARK: Loops

  /// Puts code between scopes: registers defined inside are not seen after it.
  private mutating func scoped(_ open: (inout Self) -> Void, _ body: (inout Self) -> Void) {
    let (before, around) = (known, loops)
    open(&self)
    body(&self)
    k.endLoop()
    (known, loops) = (before, around)
  }

  /// A loop to a number or a symbol, in steps, or up to a limit.
  private mutating func begin(_ extent: any Size, _ kind: Loop.Kind) {
    var around = Around(index: 0, extent: extent, most: Self.symbols.rows, kind: kind)
    var step = 1
    if let count = extent as? Int {
      step = random.oneIn(4) ? 2 : 1
      around.most = count * step
      around.extent = count * step
    } else if extent as? String == "C" {
      around.most = Self.symbols.columns
    }
    let end = m.affine(around.extent)
    let isCut = random.oneIn(4)
    around.index = k.beginLoop(
      to: isCut ? m.affine(around.most + 3) : end, limit: isCut ? end : nil, step: step, kind)
    push(around)
  }

  private mutating func push(_ around: Around) {
    loops.append(around)
    known[.i64, default: []].append(around.index)
  }

  /// A loop over tiles, the last one cut off, with the loop over their elements inside.
  private mutating func tiled(
    _ outer: Loop.Kind, _ kind: Loop.Kind, _ size: Int, _ body: (inout Self) -> Void
  ) {
    let (extent, most) = random.oneIn(2) ? ("R", Self.symbols.rows) : ("C", Self.symbols.columns)
    let tile = k.beginLoop(to: m.affine(extent), step: size, outer)
    scoped {
      let index = $0.k.beginLoop(
        from: $0.k.at(tile), to: $0.m.affine(size, (1, tile)), limit: $0.m.affine(extent), kind)
      $0.push(Around(index: index, extent: extent, most: most, kind: kind))
    } _: {
      body(&$0)
    }
    k.endLoop()
  }

  private var isOrdered: Bool { loops.allSatisfy { $0.kind == .sequential } }

  private mutating func nest(_ depth: Int) {
    if random.oneIn(3) { work(random.below(4)) }
    switch random.below(depth > 2 ? 5 : 10) {
    case 0: vector()
    case 1: lanes()
    case 2:
      work(2)
      store()
    case 3:
      tiled(
        random.pick([.parallel, .sequential]), random.pick([.vector, .sequential]), random.pick([5, 40])
      ) {
        $0.work(3)
        $0.store()
      }
    case 4 where isOrdered: update()
    case 5 where k.kernel.locals.count < 4: local()
    case 6:
      let condition = value(.bool)
      scoped({ $0.k.begin(if: condition) }, { $0.nest(depth + 1) })
    default:
      scoped {
        $0.begin($0.random.pick([0, 1, 2, 5, "R", "R"]), $0.random.pick([.parallel, .sequential]))
      } _: {
        for _ in 0...$0.random.below(2) { $0.nest(depth + 1) }
      }
    }
  }

  private mutating func vector() {
    scoped {
      $0.begin($0.random.pick([1, 2, 9, 40, 255, 256, 257, 300, "C", "C", "C"]), .vector)
    } _: {
      $0.work($0.random.below(6))
      if $0.random.oneIn(2) { $0.carried(2) }
      $0.work($0.random.below(4))
      for _ in 0...$0.random.below(2) { $0.store() }
    }
  }

  /// A sequential loop, or one over tiles, with a variable.
  private mutating func carried(_ depth: Int) {
    let dtype = random.pick(DType.allCases)
    let variable = k.variable(value(dtype))
    func body(_ self: inout Self) {
      self.known[dtype, default: []].append(variable)
      self.work(self.random.below(3))
      if depth > 0, self.random.oneIn(3) { self.carried(depth - 1) }
      self.k.assign(variable, self.value(dtype))
    }
    if random.oneIn(3) {
      tiled(.sequential, .sequential, 5, body)
    } else {
      scoped({ $0.begin($0.random.pick([0, 1, 2, 3, "R", "R"]), .sequential) }, body)
    }
    known[dtype, default: []].append(variable)
  }

  /// Reductions in lanes, of whole rows or of one tile after the other.
  private mutating func lanes() {
    let dtype = random.pick(DType.allCases.filter { !$0.isNarrow })
    let op = random.pick(ScalarOp.allCases.filter { $0.isAccumulation && $0.supports(dtype) })
    let (first, second) = (k.variable(value(dtype)), k.variable(value(.f32)))
    let kind = Loop.Kind.lanes(random.pick([1, 2, 4, 8, 16]))
    func body(_ self: inout Self) {
      self.work(self.random.below(4))
      self.k.accumulate(first, op, self.value(dtype))
      self.k.accumulate(second, .add, self.value(.f32))
      if self.random.oneIn(4) { self.k.accumulate(first, op, self.value(dtype)) }
      if self.random.oneIn(3) { self.store() }
    }
    if random.oneIn(3) {
      tiled(.sequential, kind, 40, body)
    } else {
      scoped({ $0.begin($0.random.pick([0, 1, 7, 8, 255, 256, 257, 300, "C", "C"]), kind) }, body)
    }
    known[dtype, default: []].append(first)
    known[.f32, default: []].append(second)
    store()
  }

  /// A local that is filled in one loop, and read in another one from its end.
  private mutating func local() {
    let dtype = random.pick(DType.allCases)
    let (count, most) = random.pick([("1", 1), ("7", 7), ("255", 255), ("C", Self.symbols.columns)])
    let row = k.local("row", dtype, m.dim(count))
    for isStore in [true, false] {
      let kind = random.pick([Loop.Kind.vector, .parallel, .sequential])
      scoped {
        let index = $0.k.beginLoop(to: $0.m.affine(count), kind)
        $0.loops.append(Around(index: index, extent: count, most: most, kind: kind))
      } _: {
        let i = $0.loops[$0.loops.count - 1].index
        if isStore {
          $0.work($0.random.below(4))
          $0.k.store(row, $0.k.at(i), $0.value(dtype))
        } else {
          let value = $0.k.load(row, $0.m.affine("\(count)-1", (-1, i)))
          $0.known[dtype, default: []].append(value)
          $0.store(value, dtype)
        }
      }
    }
  }

  /// A loop in order that loads and stores one state, at places that come from data.
  private mutating func update() {
    let dtype = random.pick(DType.allCases)
    let memory = state(dtype, .readWrite, 64)
    scoped {
      $0.begin($0.random.pick([3, "C"]), .sequential)
    } _: {
      $0.work($0.random.below(4))
      let value = $0.k.load(memory, $0.k.at($0.place()))
      $0.known[dtype, default: []].append(value)
      $0.work($0.random.below(3))
      let condition = $0.value(.bool)
      $0.scoped({ $0.k.begin(if: condition) }, { $0.k.store(memory, $0.k.at($0.place()), $0.value(dtype)) })
    }
  }

  // MARK: Scalars

  /// Some operations on what is known.
  private mutating func work(_ count: Int) {
    for _ in 0..<count {
      switch random.below(6) {
      case 0: load()
      case 1:
        let (from, to) = (random.pick(DType.allCases), random.pick(DType.allCases))
        if from != to { define(to, k.scalar(.cast, to, source: from, [value(from)])) }
      case 2:
        let dtype = random.pick(DType.allCases)
        define(dtype, k.scalar(.select, dtype, [value(.bool), value(dtype), value(dtype)]))
      case 3 where random.oneIn(3):
        // Only canonical NaNs have bits that are the same everywhere.
        let (from, to) = random.pick([(DType.f32, DType.i32), (.f64, .i64)])
        define(to, k.scalar(.bitcast, to, source: from, [k.scalar(.canonical, from, [value(from)])]))
      default:
        let dtype = random.pick([DType.f32, .f32, .f64, .i32, .i64, .u8, .bool])
        let op = random.pick(ScalarOp.allCases.filter { $0.supports(dtype) })
        let operands = (0..<op.operandCount).map { _ in value(dtype) }
        let result: DType = op.isComparison ? .bool : dtype
        define(result, k.scalar(op, result, operands))
      }
    }
  }

  private mutating func define(_ dtype: DType, _ register: Register) {
    known[dtype, default: []].append(register)
  }

  private mutating func value(_ dtype: DType) -> Register {
    if random.oneIn(10) { return k.constant(random.pick(dtype.specialWords), dtype) }
    // The last ones are more interesting.
    let registers = known[dtype] ?? []
    return random.oneIn(2) ? registers[registers.count - 1] : random.pick(registers)
  }

  /// A place from data: less than 64.
  private mutating func place() -> Register { k.scalar(.and, .i64, [value(.i64), k.integer(63)]) }

  /// An element of an input: at an affine place, or at one that depends on data.
  private mutating func load() {
    let row = random.below(DType.allCases.count)
    var terms: [(any Size, Register)] = []
    var largest = 0
    for loop in loops where random.below(3) > 0 {
      let coefficient = random.pick([1, 1, 2, 3, 0])
      guard largest + coefficient * loop.most < Self.inputCount - 100 else { continue }
      largest += coefficient * loop.most
      terms.append((coefficient, loop.index))
    }
    if random.oneIn(3) { terms.append((1, place())) }
    let place = affine(random.below(30), terms)
    if random.oneIn(8) { define(.i64, k.index(place)) }
    define(DType.allCases[row], k.load(.slot(row), place))
  }

  private mutating func affine(_ constant: Int, _ terms: [(any Size, Register)]) -> Affine {
    Affine(m.dim(constant), terms.map { Affine.Term(m.dim($0.0), $0.1) })
  }

  /// A state of the kernel.
  private mutating func state(_ dtype: DType, _ access: Slot.Access, _ count: Int) -> Memory {
    arguments.append(m.state("y\(m.plan.states.count)", dtype, count))
    return k.slot("y", dtype, access)
  }

  /// Stores a value at the place of this iteration in a state of its own.
  private mutating func store() {
    let dtype = random.pick(DType.allCases)
    store(value(dtype), dtype)
  }

  private mutating func store(_ value: Register, _ dtype: DType) {
    var count = m.dim(1)
    var most = 1
    var terms: [(any Size, Register)] = []
    for loop in loops.reversed() {
      terms.append((count, loop.index))
      count = m.plan.module.tables.dims.product([count, m.dim(loop.extent)]) ?? .none
      most *= max(loop.most, 1)
    }
    k.store(state(dtype, .write, most), affine(0, terms), value)
  }
}
