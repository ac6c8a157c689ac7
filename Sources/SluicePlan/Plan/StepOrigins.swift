public import SluiceIR

/// Where the nodes came from that each step of a function runs: locations, step by step.
public struct StepOrigins: Sendable, Hashable {
  private var ends: [UInt32] = []
  private var locations: [LocationID] = []

  /// No steps.
  public init() {}

  /// Adds a step; locations that repeat the one before them count once, and none not at all.
  package mutating func append(_ step: some Sequence<LocationID>) {
    let begin = locations.count
    for location in step where !location.isNone {
      if locations.count == begin || locations[locations.count - 1] != location { locations.append(location) }
    }
    ends.append(UInt32(locations.count))
  }

  /// The locations of a step; none where nothing is known.
  public subscript(step: Int) -> ArraySlice<LocationID> {
    guard ends.indices.contains(step) else { return [] }
    return locations[(step == 0 ? 0 : Int(ends[step - 1]))..<Int(ends[step])]
  }
}

extension ExecutionPlan {
  /// The scopes of steps as one text, `gpt/layers.0, gpt/layers.0/attention`; empty where there are none.
  public func scopes(ofSteps steps: some Sequence<Int>, _ tables: Tables) -> String {
    var scopes: [StringID] = []
    for step in steps {
      for location in origins[step] {
        let scope = tables.scopeID(location)
        if !scope.isNone, !scopes.contains(scope) { scopes.append(scope) }
      }
    }
    return ScopeList.text(scopes.map { tables.strings[$0] })
  }
}

extension ModulePlan {
  /// Puts the scopes of all calls of a kernel above what else is said of it, in one line.
  ///
  /// Nothing is said of a kernel that only serves what stands in no module.
  mutating func noteScopes() {
    // Pairs of a kernel and a scope.
    var uses: [UInt64] = []
    for function in functions {
      for (position, step) in function.steps.enumerated() {
        guard case .call(let kernel, _) = step else { continue }
        for location in function.origins[position] {
          let scope = tables.scopeID(location)
          let use = UInt64(kernel.raw) << 32 | UInt64(scope.raw)
          if !scope.isNone, uses.last != use { uses.append(use) }
        }
      }
    }
    uses.sort()
    var begin = 0
    while begin < uses.count {
      let kernel = uses[begin] >> 32
      var scopes: [String] = []
      var end = begin
      while end < uses.count, uses[end] >> 32 == kernel {
        if end == begin || uses[end] != uses[end - 1] {
          scopes.append(tables.strings[StringID(raw: UInt32(truncatingIfNeeded: uses[end]))])
        }
        end += 1
      }
      if scopes != [module.name] { kernels[Int(kernel)].comment.insert(ScopeList.text(scopes), at: 0) }
      begin = end
    }
  }

  /// Adds a remark for every scope of a function in which values are computed again for a derivative.
  mutating func noteRecomputation() {
    for function in functions {
      // One row a scope that is recomputed, and whether the scope seen last is one.
      var rows: [(scope: StringID, location: LocationID, calls: Int)] = []
      var last: (scope: StringID, isRecomputed: Bool) = (.none, false)
      for (position, step) in function.steps.enumerated() {
        guard case .call = step else { continue }
        for location in function.origins[position] {
          let scope = tables.scopeID(location)
          if scope != last.scope { last = (scope, ScopeMark.recomputed.marks(tables.scope(location))) }
          guard last.isRecomputed else { continue }
          if let row = rows.firstIndex(where: { $0.scope == scope }) {
            rows[row].calls += 1
          } else {
            rows.append((scope, location, 1))
          }
          break
        }
      }
      for row in rows {
        remarks.append(
          Remark(
            .recompute,
            "computed again for a derivative, rather than kept, in \(row.calls) call\(row.calls == 1 ? "" : "s")",
            at: row.location, function: tables.strings.find(function.name) ?? .none))
      }
    }
  }
}
