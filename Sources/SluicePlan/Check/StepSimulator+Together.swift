import SluiceIR

/// Calls that run together have no memory in common that one of them stores to.
extension StepSimulator {
  /// A run of memory that a call works on.
  private struct Use {
    var call: Int
    var slot: Int
    /// The place; bytes of the arena count from 0, another place is one byte.
    var space: Int
    var bytes: Range<Int>
    var isStored: Bool
  }

  /// The runs that reach furthest of two different calls.
  private struct Reach {
    private var first: Use?
    private var second: Use?

    mutating func add(_ use: Use) {
      if let first, first.call != use.call {
        if use.bytes.upperBound > first.bytes.upperBound {
          (self.first, second) = (use, first)
        } else if second.map({ use.bytes.upperBound > $0.bytes.upperBound }) ?? true {
          second = use
        }
      } else if first.map({ use.bytes.upperBound > $0.bytes.upperBound }) ?? true {
        first = use
      }
    }

    /// A run of another call that reaches into one that begins no earlier.
    func common(_ use: Use) -> Use? {
      for other in [first, second] {
        if let other, other.call != use.call, other.bytes.upperBound > use.bytes.lowerBound { return other }
      }
      return nil
    }
  }

  /// Reports calls that run together where one stores to memory that another one works on.
  ///
  /// Whole buffers count, whatever of them kernels touch.
  func checkIndependence(_ calls: Range<Int>) {
    var uses: [Use] = []
    for call in calls {
      guard case .call(let kernel, let arguments) = function.steps[call] else { continue }
      let slots = context.plan.kernels[kernel.index].slots
      for (slot, argument) in arguments.enumerated() where slots.indices.contains(slot) {
        let place = placeOfBuffer[argument.buffer.index]
        let bytes = places[place].bytes
        uses.append(
          Use(
            call: call, slot: slot, space: bytes == nil ? place + 1 : 0, bytes: bytes ?? 0..<1,
            isStored: slots[slot].access != .read))
      }
    }
    uses.sort { ($0.space, $0.bytes.lowerBound, $0.call) < ($1.space, $1.bytes.lowerBound, $1.call) }
    var (stored, all) = (Reach(), Reach())
    var space = -1
    for use in uses where !use.bytes.isEmpty {
      if use.space != space { (stored, all, space) = (Reach(), Reach(), use.space) }
      if let other = (use.isStored ? all : stored).common(use) {
        say(use.call, use.slot, "shares memory with step \(other.call), which runs together with it")
      }
      all.add(use)
      if use.isStored { stored.add(use) }
    }
  }
}
