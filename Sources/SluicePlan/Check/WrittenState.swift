/// What is known at a step about the elements of one place: a buffer in the arena, an output, a state, ...
struct WrittenState {
  /// Elements that are surely written.
  struct Part {
    var region: Region
    /// The loops of steps around the store, of which the region may mention counters.
    var depth: Int
    /// Whether earlier iterations of the innermost of these loops wrote it, rather than this one.
    var isHistory = false
  }

  /// Whether its bytes are its own: no other buffer was stored to there since.
  var isIntact: Bool
  /// The loops around the store that completed it, or -1 while parts may be missing.
  var fullDepth = -1
  /// What is written of it; not kept once it is full.
  var parts: [Part] = []
  /// The place that took its bytes and the step, where it had any.
  var lostTo: (place: Int, step: Int)?

  /// Whether every element is written.
  var isFull: Bool { fullDepth >= 0 }
}

extension WrittenState.Part: Equatable {}
