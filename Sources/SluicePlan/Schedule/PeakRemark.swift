import SluiceIR

extension [StorageAssignment.Storage] {
  /// What those in the arena ask of it, in order.
  var arenaRequests: [ArenaAllocator.Request] {
    var requests: [ArenaAllocator.Request] = []
    requests.reserveCapacity(count { $0.kind == .arena })
    for storage in self where storage.kind == .arena {
      requests.append(.init(bytes: storage.capacity, first: Int(storage.first), last: Int(storage.last)))
    }
    return requests
  }

  /// How full the arena is, and the largest buffers that are alive where it is fullest.
  ///
  /// - Parameters:
  ///   - buffers: The buffers in the order of these storages, with their names.
  ///   - arenaBytes: The size of the arena.
  ///   - lowerBound: The largest sum of sizes that are alive at once.
  ///   - time: The first entry at which so much is alive.
  ///   - location: Where what happens then came from.
  ///   - tables: The names of scopes.
  /// - Returns: The remark, or nil where there is no arena.
  func peakRemark(
    _ buffers: [Buffer], _ arenaBytes: Int, _ lowerBound: Int, at time: Int?, _ location: LocationID,
    _ tables: Tables
  ) -> Remark? {
    guard arenaBytes > 0, let time else { return nil }
    // The three largest, the largest first.
    var largest: [Int] = []
    var count = 0
    for index in indices
    where self[index].kind == .arena && self[index].first <= time && time <= self[index].last {
      count += 1
      let place = largest.firstIndex { self[$0].capacity < self[index].capacity } ?? largest.count
      largest.insert(index, at: place)
      if largest.count > 3 { largest.removeLast() }
    }
    let list = largest.map { index -> String in
      let scope = tables.scope(self[index].location)
      return "`\(buffers[index].name)` of \(buffers[index].capacity) bytes"
        + (scope.isEmpty ? "" : " (\(scope))")
    }
    let what = count > list.count ? "the largest of \(count) buffers alive at the peak" : "alive at the peak"
    return Remark(
      .memory,
      "the arena has \(arenaBytes) bytes, at least \(lowerBound) are needed "
        + "(ratio \(Self.ratio(arenaBytes, lowerBound))); \(what): \(list.joined(separator: ", "))",
      at: location)
  }

  /// How many times the lower bound the arena has, with two digits behind the point.
  private static func ratio(_ bytes: Int, _ lowerBound: Int) -> String {
    let hundredths = Int((Double(bytes) / Double(Swift.max(lowerBound, 1)) * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }
}

extension StorageAssignment {
  /// Where what happens at an entry came from.
  func location(ofEntry entry: Int) -> LocationID {
    guard visits.entries.indices.contains(entry) else { return .none }
    switch visits.entries[entry] {
    case .visits(let first, _): return program.locations[visits.firstItem(visits.ordered[Int(first)]).index]
    case .assign(let item), .control(let item): return program.locations[item.index]
    }
  }
}
