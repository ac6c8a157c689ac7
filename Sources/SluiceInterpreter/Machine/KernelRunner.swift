import SluiceIR

/// Executes the codes of a bound kernel.
struct KernelRunner {
  /// An access beyond a memory, or too many iterations.
  enum Fault: Error {
    case outOfBounds(memory: Int, index: Int)
    case tooManyIterations
  }

  private let file: RegisterFile
  /// How many loop iterations may still run.
  private var budget: UInt64

  /// Runs a kernel on tensors, one a slot, each of the slot's dtype; takes the iterations it ran off `budget`.
  static func run(
    _ kernel: BoundKernel, _ tensors: Span<TensorView>, budget: inout UInt64
  ) throws(Fault) {
    let codes = kernel.compiled.codes
    let program = Program(kernel)
    // The register file points into memory that the kernel owns.
    budget = try withExtendedLifetime(kernel) { () throws(Fault) in
      var runner = KernelRunner(file: kernel.registers, budget: budget)
      try runner.run(codes.span, program, tensors)
      return runner.budget
    }
  }

  /// The tables of a kernel that codes refer to.
  struct Program {
    let addresses: [AddressCode]
    let affines: [AffineCode]
    let terms: [TermCode]
    let loops: [LoopCode]
    let values: [Int64]
    let addressRow: Int32
    let locals: [TensorView]

    init(_ kernel: BoundKernel) {
      locals = kernel.locals
      addresses = kernel.compiled.addresses
      affines = kernel.compiled.affines
      terms = kernel.compiled.terms
      loops = kernel.compiled.loops
      values = kernel.values
      addressRow = kernel.compiled.addressRow
    }
  }

  private mutating func run(
    _ codes: Span<Code>, _ program: borrowing Program, _ tensors: Span<TensorView>
  ) throws(Fault) {
    var at = 0
    // How many iterations run side by side in the tiled loop around the current code.
    var tile = 1
    while true {
      let code = codes[at]
      let width = code.isWide ? tile : 1
      at += 1
      switch code.kind {
      case .scalar: file.scalar(code, width)
      case .select: file.select(code, width)
      case .cast: file.cast(code, width)
      case .copy: file.copy(code, width)
      case .splat: file.splat(code, width)
      case .spread: file.splat(code, Int(code.index))
      case .fold: file.fold(code, width)
      case .tree: file.tree(code)
      case .index: index(code, width, program)
      case .load: try load(code, width, program, tensors)
      case .store: try store(code, width, program, tensors)
      case .poison: poison(memory(code, program, tensors), code.dtype)
      case .unless: if file.get(code.a, UInt8.self) == 0 { at = Int(code.index) }
      case .beginLoop:
        let loop = program.loops[Int(code.index)]
        if try begin(loop, program) == 0 { at = Int(loop.exit) }
      case .endLoop:
        let loop = program.loops[Int(code.index)]
        let remaining = file.get(loop.remaining, UInt64.self) &- 1
        if remaining > 0 {
          file.set(loop.remaining, remaining)
          file.set(loop.index, file.get(loop.index, Int64.self) &+ Int64(loop.step))
          at = Int(loop.body)
        }
      case .beginTiles:
        let loop = program.loops[Int(code.index)]
        let count = try begin(loop, program)
        if count == 0 {
          at = Int(loop.exit)
        } else {
          tile = Int(Swift.min(UInt64(loop.tileWidth), count))
          fillIndexRow(loop, tile)
        }
      case .endTiles:
        let loop = program.loops[Int(code.index)]
        let remaining = file.get(loop.remaining, UInt64.self) &- UInt64(tile)
        if remaining > 0 {
          file.set(loop.remaining, remaining)
          file.set(loop.index, file.get(loop.index, Int64.self) &+ Int64(tile &* loop.step))
          tile = Int(Swift.min(UInt64(loop.tileWidth), remaining))
          fillIndexRow(loop, tile)
          at = Int(loop.body)
        } else {
          tile = 1
        }
      case .halt: return
      }
    }
  }

  // MARK: Loops

  /// Sets the index and the number of iterations, which it gives.
  private mutating func begin(_ loop: LoopCode, _ program: borrowing Program) throws(Fault) -> UInt64 {
    let start = evaluate(program.affines[Int(loop.start)], program)
    var end = evaluate(program.affines[Int(loop.end)], program)
    if loop.limit >= 0 { end = Swift.min(end, evaluate(program.affines[Int(loop.limit)], program)) }
    if start >= end { return 0 }
    // `end - start` fits without a sign.
    let distance = UInt64(bitPattern: end &- start)
    let count = loop.step == 1 ? distance : (distance &- 1) / UInt64(loop.step) &+ 1
    guard count <= budget else { throw .tooManyIterations }
    budget &-= count
    file.set(loop.index, start)
    file.set(loop.remaining, count)
    return count
  }

  @inline(__always)
  private func fillIndexRow(_ loop: LoopCode, _ width: Int) {
    guard loop.indexRow >= 0 else { return }
    let row = file.row(loop.indexRow, width, Int64.self)
    let first = file.get(loop.index, Int64.self)
    for i in 0..<width { row[i] = first &+ Int64(i &* loop.step) }
  }

  // MARK: Index expressions

  @inline(__always)
  private func evaluate(_ affine: AffineCode, _ program: borrowing Program) -> Int64 {
    var sum = program.values[Int(affine.constant)]
    var at = Int(affine.first)
    while at < Int(affine.last) {
      let term = program.terms[at]
      sum = sum &+ program.values[Int(term.coefficient)] &* file.get(term.register, Int64.self)
      at += 1
    }
    return sum
  }

  @inline(__always)
  private func stride(_ address: AddressCode, _ program: borrowing Program) -> Int {
    address.stride < 0 ? 0 : Int(program.values[Int(address.stride)]) &* address.step
  }

  /// Fills a row with the index of every iteration.
  private func fill(_ row: Row<Int64>, _ address: AddressCode, _ width: Int, _ program: borrowing Program) {
    let base = evaluate(address.base, program)
    let stride = Int64(stride(address, program))
    for i in 0..<width { row[i] = base &+ Int64(i) &* stride }
    for at in Int(address.firstGather)..<Int(address.lastGather) {
      let coefficient = program.values[Int(program.terms[at].coefficient)]
      let factors = file.row(program.terms[at].register, width, Int64.self)
      for i in 0..<width { row[i] = row[i] &+ coefficient &* factors[i] }
    }
  }

  @inline(__always)
  private func index(_ code: Code, _ width: Int, _ program: borrowing Program) {
    let address = program.addresses[Int(code.index)]
    if code.isWide {
      fill(file.row(code.result, width, Int64.self), address, width, program)
    } else {
      file.set(code.result, evaluate(address.base, program))
    }
  }

  // MARK: Memory

  /// What a code works on: tensors come first, locals behind them.
  @inline(__always)
  private func memory(
    _ code: Code, _ program: borrowing Program, _ tensors: Span<TensorView>
  ) -> TensorView {
    let number = Int(code.a)
    return number < tensors.count ? tensors[number] : program.locals[number &- tensors.count]
  }

  /// Sets all bits: NaNs, where floats are loaded that nobody has stored.
  private func poison(_ memory: TensorView, _ dtype: DType) {
    switch dtype {
    case .f32, .i32: memory.fill(UInt32.max)
    case .f64, .i64: memory.fill(UInt64.max)
    case .u8, .bool: memory.fill(UInt8.max)
    case .f16, .bf16: memory.fill(UInt16.max)
    }
  }

  @inline(__always)
  private func load(
    _ code: Code, _ width: Int, _ program: borrowing Program, _ tensors: Span<TensorView>
  ) throws(Fault) {
    let address = program.addresses[Int(code.index)]
    let tensor = memory(code, program, tensors)
    if code.isWide, address.isGathered {
      let addresses = file.row(program.addressRow, width, Int64.self)
      fill(addresses, address, width, program)
      let bad =
        switch code.dtype {
        case .f32, .i32: tensor.gather(file.row(code.result, width, UInt32.self), addresses, width)
        case .f64, .i64: tensor.gather(file.row(code.result, width, UInt64.self), addresses, width)
        case .u8, .bool: tensor.gather(file.row(code.result, width, UInt8.self), addresses, width)
        case .f16, .bf16: tensor.gather(file.row(code.result, width, UInt16.self), addresses, width)
        }
      if bad >= 0 { throw .outOfBounds(memory: Int(code.a), index: tensor.first &+ Int(addresses[bad])) }
      return
    }
    let index = Int(evaluate(address.base, program))
    let stride = code.isWide ? stride(address, program) : 0
    let isInside =
      switch code.dtype {
      case .f32, .i32: tensor.load(file.row(code.result, width, UInt32.self), index, stride: stride, width)
      case .f64, .i64: tensor.load(file.row(code.result, width, UInt64.self), index, stride: stride, width)
      case .u8, .bool: tensor.load(file.row(code.result, width, UInt8.self), index, stride: stride, width)
      case .f16, .bf16: tensor.load(file.row(code.result, width, UInt16.self), index, stride: stride, width)
      }
    if !isInside { throw fault(code, tensor, index, stride, width) }
  }

  @inline(__always)
  private func store(
    _ code: Code, _ width: Int, _ program: borrowing Program, _ tensors: Span<TensorView>
  ) throws(Fault) {
    let address = program.addresses[Int(code.index)]
    let tensor = memory(code, program, tensors)
    if code.isWide, address.isGathered {
      let addresses = file.row(program.addressRow, width, Int64.self)
      fill(addresses, address, width, program)
      let bad =
        switch code.dtype {
        case .f32, .i32: tensor.scatter(file.row(code.b, width, UInt32.self), addresses, width)
        case .f64, .i64: tensor.scatter(file.row(code.b, width, UInt64.self), addresses, width)
        case .u8, .bool: tensor.scatter(file.row(code.b, width, UInt8.self), addresses, width)
        case .f16, .bf16: tensor.scatter(file.row(code.b, width, UInt16.self), addresses, width)
        }
      if bad >= 0 { throw .outOfBounds(memory: Int(code.a), index: tensor.first &+ Int(addresses[bad])) }
      return
    }
    let index = Int(evaluate(address.base, program))
    let stride = code.isWide ? stride(address, program) : 0
    let isInside =
      switch code.dtype {
      case .f32, .i32: tensor.store(file.row(code.b, width, UInt32.self), index, stride: stride, width)
      case .f64, .i64: tensor.store(file.row(code.b, width, UInt64.self), index, stride: stride, width)
      case .u8, .bool: tensor.store(file.row(code.b, width, UInt8.self), index, stride: stride, width)
      case .f16, .bf16: tensor.store(file.row(code.b, width, UInt16.self), index, stride: stride, width)
      }
    if !isInside { throw fault(code, tensor, index, stride, width) }
  }

  /// The first access of a tile that is not inside.
  private func fault(_ code: Code, _ tensor: TensorView, _ index: Int, _ stride: Int, _ width: Int) -> Fault {
    for i in 0..<width where !tensor.contains(index &+ i &* stride, stride: 0, 1) {
      return .outOfBounds(memory: Int(code.a), index: tensor.first &+ index &+ i &* stride)
    }
    return .outOfBounds(memory: Int(code.a), index: tensor.first &+ index)
  }
}
