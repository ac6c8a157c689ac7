import SluiceIR

/// What the parts of one run of the checker share: the plan, models of its kernels, and what was found.
final class CheckContext {
  let plan: ModulePlan
  /// The plan's tables: kept here, because a computed property would copy them at every use.
  let tables: Tables
  let space: SymbolSpace
  /// A model of every kernel; nil for kernels that are not well-formed.
  private(set) var models: [KernelModel?] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// How many goals were shown, and how many of them by samples only.
  private(set) var provenCount = 0
  private(set) var sampledCount = 0
  /// How many sums kernels state, and how many of floats they take in loops without a word.
  private(set) var statedSums = 0
  private(set) var unstatedSums = 0
  private var said: Set<String> = []
  /// More messages than this help nobody.
  private let limit = 100

  init(_ plan: ModulePlan) {
    self.plan = plan
    tables = plan.tables
    space = SymbolSpace(plan.tables.dims)
  }

  /// What is being looked at, for the places of messages.
  var here = PlanLines.Part.plan

  /// Reports what is wrong, once.
  func say(_ message: String, notes: [String] = []) {
    guard diagnostics.count < limit, said.insert(message).inserted else { return }
    diagnostics.append(
      Diagnostic(.error, message, at: plan.lines?.place(of: here), notes: notes.map { Diagnostic.Note($0) }))
  }

  /// Whether a goal holds; counts it.
  func accepts(_ goal: Polynomial, in scope: Int, _ prover: inout Prover) -> Bool {
    switch prover.verdict(goal, in: scope) {
    case .proven: provenCount += 1
    case .sampled: sampledCount += 1
    case .open: return false
    }
    return true
  }

  /// Counts goals that are plain to see.
  func noteProof(_ count: Int) { provenCount += count }

  func kernelName(_ kernel: Int) -> String { plan.kernelName(KernelID(kernel)) }

  /// A polynomial for messages: symbols by name.
  func text(_ polynomial: Polynomial) -> String {
    if polynomial.isLost { return "?" }
    if polynomial.terms.isEmpty { return "0" }
    var text = ""
    for term in polynomial.terms {
      if term.coefficient < 0 { text += "-" } else if !text.isEmpty { text += "+" }
      var factors = term.monomial.factors.reversed().map { factor in
        factor.isLocal
          ? "v\(factor - .firstLocal)" : PlanPrinter.text(SymbolSpace.symbol(factor), tables)
      }
      if term.coefficient.magnitude != 1 || factors.isEmpty {
        factors.insert("\(term.coefficient.magnitude)", at: 0)
      }
      text += factors.joined(separator: "*")
    }
    return text
  }

  /// Verifies every kernel, and makes models of those that are well-formed.
  func checkKernels() {
    for (index, kernel) in plan.kernels.enumerated() {
      let place = "kernel `\(kernelName(index))`"
      let text = KernelText(kernel, tables)
      let flaws = KernelVerifier(kernel, tables).verify()
      for flaw in flaws {
        here = .instruction(index, flaw.instruction ?? -1)
        let line = flaw.instruction.map { "instruction \($0), `\(text.text(kernel.instructions[$0]))`: " }
        say("\(place), \(line ?? "")\(flaw.reason)")
      }
      guard flaws.isEmpty else {
        models.append(nil)
        continue
      }
      let model = KernelModelBuilder(kernel, space).build()
      for instruction in model.overflows {
        here = .instruction(index, instruction)
        let line = text.text(kernel.instructions[instruction])
        say(
          "\(place), instruction \(instruction), `\(line)`: the index may not fit 64 bits",
          notes: ["bound values that come from data: `minimum(maximum(i, 0), n-1)`"])
      }
      var independence = Independence(space, model, Environment())
      for (loop, memory) in independence.conflicts() {
        here = .instruction(index, model.loops[loop].instruction)
        let line = text.text(kernel.instructions[model.loops[loop].instruction])
        say(
          "\(place), instruction \(model.loops[loop].instruction), `\(line)`: iterations are not independent: "
            + "two of them may touch the same element of `\(kernel.memoryName(memory))`",
          notes: ["make the loop sequential"])
      }
      let summary = kernel.locals.isEmpty ? nil : KernelSummarizer(space, model, Environment()).summarize()
      if let summary { checkLocals(index, model, summary, place) }
      checkSums(index, model, summary, place)
      models.append(model)
    }
  }

  /// Shows that sums are taken in the order that they are stated to have.
  private func checkSums(_ index: Int, _ model: KernelModel, _ summary: KernelSummary?, _ place: String) {
    let kernel = plan.kernels[index]
    // Without such a loop nothing is summed.
    let sums = kernel.instructions.contains {
      if case .loop(let loop) = $0 { loop.kind == .sequential || loop.lanes != nil } else { false }
    }
    guard sums || !kernel.sums.isEmpty else { return }
    var checker = SumChecker(kernel, model, space, tables, summary)
    let flaws = checker.check()
    for flaw in flaws {
      here = .instruction(index, flaw.instruction)
      let line = KernelText(kernel, tables).text(kernel.instructions[flaw.instruction])
      say(
        "\(place), instruction \(flaw.instruction), `\(line)`: \(flaw.reason)",
        notes: ["the order of a sum follows from what its `sum` line says"])
    }
    statedSums += kernel.sums.count
    unstatedSums += checker.unstatedCount
  }

  /// Shows that every access of a local is inside it, and that every load finds what was stored in the same life.
  private func checkLocals(_ index: Int, _ model: KernelModel, _ summary: KernelSummary, _ place: String) {
    let kernel = plan.kernels[index]
    var prover = Prover(space, model, Environment())
    for (number, local) in kernel.locals.enumerated() {
      let memory = kernel.number(of: .local(number))
      let count = space[local.count]
      for problem in outside(memory, kernel, model, .zero, count, "`\(local.name)`", &prover) {
        here = .instruction(index, problem.instruction)
        say("\(place), \(problem.message)")
      }
    }
    let text = KernelText(kernel, tables)
    for (number, access) in model.accesses.enumerated()
    where access.memory >= kernel.slots.count && !access.isStore && !summary.isCovered[number] {
      let line = text.text(kernel.instructions[access.instruction])
      here = .instruction(index, access.instruction)
      say(
        "\(place), instruction \(access.instruction), `\(line)`: may load elements that were never stored in this "
          + "life of `\(kernel.memoryName(access.memory))`")
    }
  }

  /// What is wrong with the bounds of the accesses of a memory that has `count` elements from `-offset` on.
  func outside(
    _ memory: Int, _ kernel: Kernel, _ model: KernelModel, _ offset: Polynomial, _ count: Polynomial,
    _ what: String, _ prover: inout Prover
  ) -> [(instruction: Int, message: String)] {
    var messages: [(instruction: Int, message: String)] = []
    var seen: Set<KernelModel.Access> = []
    for number in model.accessesOfMemory[memory] {
      var access = model.accesses[number]
      let instruction = access.instruction
      access.instruction = 0
      access.isStore = false
      guard seen.insert(access).inserted else { continue }
      // Text only where something is wrong.
      func place() -> String {
        let line = KernelText(kernel, tables).text(kernel.instructions[instruction])
        return "instruction \(instruction), `\(line)`"
      }
      let element = access.index + offset
      if !accepts(element, in: access.scope, &prover) {
        messages.append(
          (
            instruction,
            "\(place()) may touch an element before \(what): cannot show that the index is at least 0"
          ))
      }
      if !accepts(count - 1 - element, in: access.scope, &prover) {
        messages.append(
          (
            instruction,
            "\(place()) may touch an element behind \(what): cannot show that the index is less than "
              + text(count)
          ))
      }
    }
    return messages
  }
}
