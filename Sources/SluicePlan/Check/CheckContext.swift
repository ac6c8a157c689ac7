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
  private var said: Set<String> = []
  /// More messages than this help nobody.
  private let limit = 100

  init(_ plan: ModulePlan) {
    self.plan = plan
    tables = plan.tables
    space = SymbolSpace(plan.tables.dims)
  }

  /// Reports what is wrong, once.
  func say(_ message: String, notes: [String] = []) {
    guard diagnostics.count < limit, said.insert(message).inserted else { return }
    diagnostics.append(Diagnostic(.error, message, notes: notes.map { Diagnostic.Note($0) }))
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

  func kernelName(_ kernel: Int) -> String { PlanPrinter.name(kernel, plan) }

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
      let messages = KernelVerifier(kernel, tables).verify()
      for message in messages { say("\(place), \(message)") }
      guard messages.isEmpty else {
        models.append(nil)
        continue
      }
      let model = KernelModelBuilder(kernel, space).build()
      let text = KernelText(kernel, tables)
      for instruction in model.overflows {
        let line = text.text(kernel.instructions[instruction])
        say(
          "\(place), instruction \(instruction), `\(line)`: the index may not fit 64 bits",
          notes: ["bound values that come from data: `minimum(maximum(i, 0), n-1)`"])
      }
      var independence = Independence(space, model, Environment())
      for (loop, slot) in independence.conflicts() {
        let line = text.text(kernel.instructions[model.loops[loop].instruction])
        say(
          "\(place), instruction \(model.loops[loop].instruction), `\(line)`: iterations are not independent: "
            + "two of them may touch the same element of `\(kernel.slots[slot].name)`",
          notes: ["make the loop sequential"])
      }
      models.append(model)
    }
  }
}
