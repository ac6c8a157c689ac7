import SluiceIR

/// The steps of a function as they are made, and the calls that are to run together, until one comes that cannot.
struct CallTable {
  private(set) var steps: [Step] = []
  private(set) var origins = StepOrigins()
  private var calls: [(step: Step, origins: [LocationID])] = []
  /// The number of the table that is open, and per buffer the last one that works on it, and that stores to it.
  private var table: UInt32 = 1
  private var used: [UInt32] = []
  private var stored: [UInt32] = []

  /// Adds a step that stands alone.
  mutating func append(_ step: Step, _ locations: [LocationID]) {
    end()
    steps.append(step)
    origins.append(locations)
  }

  /// Adds a call that may run together with those before it, behind the last `end`.
  mutating func join(_ kernel: KernelID, _ arguments: [Argument], _ slots: [Slot], _ locations: [LocationID])
  {
    for argument in arguments where argument.buffer.index >= used.count {
      let more = argument.buffer.index + 1 - used.count
      used += repeatElement(0, count: more)
      stored += repeatElement(0, count: more)
    }
    let isApart = zip(slots, arguments).allSatisfy { slot, argument in
      stored[argument.buffer.index] != table && (slot.access == .read || used[argument.buffer.index] != table)
    }
    if !isApart { end() }
    for (slot, argument) in zip(slots, arguments) {
      used[argument.buffer.index] = table
      if slot.access != .read { stored[argument.buffer.index] = table }
    }
    calls.append((.call(kernel, arguments), locations))
  }

  /// Ends what runs together.
  mutating func end() {
    let isTogether = calls.count > 1
    if isTogether {
      steps.append(.together)
      origins.append([])
    }
    for call in calls {
      steps.append(call.step)
      origins.append(call.origins)
    }
    if isTogether {
      steps.append(.end)
      origins.append([])
    }
    calls.removeAll(keepingCapacity: true)
    table += 1
  }
}
