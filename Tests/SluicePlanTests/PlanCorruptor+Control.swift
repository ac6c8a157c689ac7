import SluiceIR
import SluicePlan

/// Corruptions of branches and of the ways out of loops.
extension PlanCorruptor {
  /// Lets calls run together that ran one after the other: that is sound where their order does not matter.
  mutating func joinCalls(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    let steps = plan.functions[f].steps
    func isCall(_ at: Int) -> Bool { if case .call = steps[at] { true } else { false } }
    guard let begin = pick(steps.indices.dropLast().filter { isCall($0) && isCall($0 + 1) }) else {
      return nil
    }
    var end = begin + 2
    while end < steps.count, isCall(end), below(3) > 0 { end += 1 }
    plan.functions[f].steps.insert(.end, at: end)
    plan.functions[f].steps.insert(.together, at: begin)
    return ("steps \(begin) ..< \(end) together", .sameResults)
  }

  mutating func changeControl(_ plan: inout ModulePlan) -> (String, Expectation)? {
    let f = below(plan.functions.count)
    let steps = plan.functions[f].steps
    let controls = steps.indices.filter { at in
      switch steps[at] {
      case .leave, .branch, .otherwise, .forever, .together: true
      case .call, .loop, .end: false
      }
    }
    guard let step = pick(controls) else { return nil }
    switch below(6) {
    case 0:
      // A `leave` less is sound where the loop counts.
      plan.functions[f].steps.remove(at: step)
      if case .leave = steps[step] { return ("step \(step) dropped", .safe) }
      return ("step \(step) dropped", steps[step] == .otherwise ? .safe : .rejected)
    case 1:
      plan.functions[f].steps.swapAt(step, below(steps.count))
      return ("step \(step) elsewhere", .safe)
    case 2:
      plan.functions[f].steps.insert(.otherwise, at: below(steps.count))
      return ("another `otherwise`", .safe)
    case 3:
      let to = below(plan.functions[f].steps.count)
      plan.functions[f].steps.insert(steps[step], at: to)
      return ("step \(step) again at \(to)", .safe)
    default:
      let buffer = BufferID(below(plan.functions[f].buffers.count + 1))
      switch steps[step] {
      case .leave(let flag):
        guard let offset = below(2) == 0 ? flag.offset : otherDim(&plan, flag.offset) else { return nil }
        plan.functions[f].steps[step] = .leave(unless: Argument(buffer: buffer, offset: offset))
      case .branch(let flag):
        guard let offset = below(2) == 0 ? flag.offset : otherDim(&plan, flag.offset) else { return nil }
        plan.functions[f].steps[step] = .branch(Argument(buffer: buffer, offset: offset))
      default: return nil
      }
      return ("step \(step): another bool, of buffer \(buffer.raw)", .safe)
    }
  }
}
