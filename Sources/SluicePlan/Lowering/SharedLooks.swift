import SluiceIR

/// Which looks of a kernel's items go to one array at distances that are known: they share a slot, so that a kernel
/// has one parameter an array, however many parts of it it reads.
struct SharedLooks {
  /// A look as items have it: a root, and where it begins as far as that depends on loop counters.
  private struct Look: Hashable {
    var root: Int
    var base: DimID
  }

  /// Per look that is moved the base of its slot, and the distance from there.
  private var places: [Look: (base: DimID, distance: DimID)] = [:]

  init(_ items: some Sequence<Int>, _ program: FlatProgram, _ tables: inout Tables) {
    var looks: [Look] = []
    var seen: Set<Look> = []
    let zero = tables.dims.integer(0)
    for item in items {
      for operand in program.items[item].operands {
        let look: Look
        switch program.values[operand].form {
        case .splat: continue
        case .root: look = Look(root: operand, base: zero)
        case .view(let layout): look = Look(root: layout.root, base: layout.base)
        }
        if seen.insert(look).inserted { looks.append(look) }
      }
    }
    guard looks.contains(where: { $0.base != zero }) else { return }
    for (_, group) in Dictionary(grouping: looks, by: \.root) where group.count > 1 {
      share(group, &tables)
    }
  }

  /// Moves looks at one root to the first place that is a known distance before them.
  private mutating func share(_ looks: [Look], _ tables: inout Tables) {
    var rest = looks
    while let first = rest.first {
      var near: [(look: Look, distance: Int64)] = []
      var far: [Look] = []
      for look in rest {
        if let difference = tables.dims.subtract(look.base, first.base),
          let distance = tables.dims.value(difference), distance.magnitude <= Planner.maximumBytes
        {
          near.append((look, distance))
        } else {
          far.append(look)
        }
      }
      rest = far
      near.sort { $0.distance < $1.distance }
      guard near.count > 1, let least = near.first, Self.keepsKernelsAlike(near.map(\.distance)) else {
        continue
      }
      for (look, distance) in near {
        places[look] = (least.look.base, tables.dims.integer(distance - least.distance))
      }
    }
  }

  /// Whether distances may stand in a kernel: they are few, or so regular that other kernels have the same.
  ///
  /// Where many parts at odd places are joined, places that are arguments make all runs of them one kernel.
  private static func keepsKernelsAlike(_ distances: [Int64]) -> Bool {
    guard distances.count > 8 else { return true }
    let step = distances[1] - distances[0]
    return zip(distances, distances.dropFirst()).allSatisfy { $1 - $0 == step }
  }

  /// Where the slot of a look begins, and how far from there the look does.
  func place(_ root: Int, _ base: DimID, zero: DimID) -> (base: DimID, distance: DimID) {
    places[Look(root: root, base: base)] ?? (base, zero)
  }
}
