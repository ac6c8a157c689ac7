import SluiceIR

/// Loops and the lives of locals.
extension KernelVerifier {
  mutating func begin(_ loop: Loop, _ accumulators: [Register: ScalarOp]) {
    var varies = use(loop.start)
    varies = use(loop.end) || varies
    if let limit = loop.limit { varies = use(limit) || varies }
    if loop.step < 1 { say("the step \(loop.step) is less than 1") }
    if case .lanes(let count) = loop.kind, count < 1 || count > Loop.mostLanes || count & (count - 1) != 0 {
      say("\(count) lanes; expected a power of two up to \(Loop.mostLanes)")
    }
    if loop.kind == .tasks { beginTasks(loop) }
    if loop.kind == .jam { beginJam() }
    straightLine("a loop")
    for block in blocks where block.loop?.kind == .vector {
      if loop.kind != .sequential, loop.kind != .jam {
        say("stands inside a vector loop and is not sequential")
      }
      if varies { say("its bounds differ between the iterations of the vector loop around it") }
    }
    for register in Set(loop.bounds.flatMap { $0.terms.map(\.register) }).sorted() where changes(register) {
      say("its bounds mention `\(text.name(register))`, which its body changes")
    }
    let differs = loop.kind == .vector || loop.kind == .jam || varies
    blocks.append(Block(loop: loop, instruction: instruction, accumulators: accumulators))
    define(loop.index, .i64, differs, as: .loopIndex)
  }

  /// Whether the loop that begins here assigns a register.
  private func changes(_ register: Register) -> Bool {
    var depth = 0
    for item in kernel.instructions[instruction...] {
      switch item {
      case .loop, .if: depth += 1
      case .end: depth -= 1
      case .assign(register, _), .accumulate(register, _, _): return true
      default: break
      }
      if depth == 0 { return false }
    }
    return false
  }

  /// Says so where only straight-line instructions may stand; inside a vector loop that is sequential loops, too.
  mutating func straightLine(_ what: String) {
    if case .lanes? = blocks.last?.loop?.kind { say("\(what) inside a `lanes` loop") }
    if what != "a loop", blocks.contains(where: { $0.loop?.kind == .vector }) {
      say("\(what) inside a vector loop")
    }
  }

  // MARK: Tasks

  /// Shows that a loop of tasks stands outermost, or directly in another one.
  private mutating func beginTasks(_ loop: Loop) {
    if !loop.isRectangular { say("a `tasks` loop whose bounds mention registers or a limit") }
    guard let outer = blocks.last else {
      for other in kernel.instructions[..<instruction] {
        switch other {
        case .scalar, .index, .load: continue
        default: return say("`\(text.text(other))` stands beside a `tasks` loop")
        }
      }
      return
    }
    if outer.loop?.kind != .tasks {
      say("a `tasks` loop inside another kind of loop or an `if`")
    } else if outer.instruction != instruction - 1 {
      say("a `tasks` loop is not alone in the one around it")
    }
  }

  /// Shows that nothing stands behind a loop of tasks.
  mutating func endTasks() {
    let next = instruction + 1
    guard next < kernel.instructions.count else { return }
    if case .end = kernel.instructions[next] { return }
    say("`\(text.text(kernel.instructions[next]))` stands beside a `tasks` loop")
  }

  // MARK: Jammed loops

  /// Shows that a `jam` loop begins a vector loop.
  private mutating func beginJam() {
    if blocks.last?.loop?.kind != .vector {
      say("a `jam` loop that stands in no vector loop")
    } else if blocks.last?.instruction != instruction - 1 {
      say("a `jam` loop is not alone in the vector loop around it")
    }
  }

  /// Shows that nothing stands behind a `jam` loop.
  mutating func endJam() {
    let next = instruction + 1
    guard next < kernel.instructions.count else { return }
    if case .end = kernel.instructions[next] { return }
    say("a `jam` loop is not alone in the vector loop around it")
  }

  // MARK: Locals

  /// The life of a local begins.
  mutating func begin(local: Int) {
    guard lives.indices.contains(local) else { return say("local \(local) does not exist") }
    straightLine("a local")
    if lives[local] != .ahead { return say("`\(kernel.locals[local].name)` begins twice") }
    lives[local] = .now
    if !blocks.isEmpty { blocks[blocks.count - 1].locals.append(local) }
  }
}
