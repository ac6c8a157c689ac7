/// The elements `base + sum of stride * i` for all `i` in a box: what a load or store in a nest of loops touches.
struct Region: Hashable, Sendable {
  /// One dimension: `i` runs from 0 up to `count` and, where there is one, `clip`.
  struct Extent: Hashable, Sendable {
    var stride: Polynomial
    var count: Polynomial
    var clip: Polynomial?

    /// Where the count is another one in every iteration of a loop, up to the clip alone, which is the same in all.
    mutating func widen(without unknown: Unknown) {
      guard count.mentions(unknown), let clip, !clip.mentions(unknown) else { return }
      (count, self.clip) = (clip, nil)
    }
  }

  /// The first element.
  var base: Polynomial
  /// The dimensions; in normal form the first has stride 1 and the others are sorted.
  var extents: [Extent]
  /// What must be at least 0 for the region to be touched at all; sorted.
  var guards: [Polynomial] = []
  /// Whether several iterations touch the same elements, as far as the loops show.
  var repeats = false

  /// One element.
  init(element: Polynomial) {
    base = element
    extents = [Extent(stride: .one, count: .one)]
  }

  /// Whether it is a run of consecutive elements.
  var isRun: Bool { extents.count == 1 && extents[0].stride == .one }

  /// The largest element, where the region is not empty: clips are left out of account.
  var last: Polynomial {
    extents.reduce(base) { $0 + $1.stride * ($1.count - 1) }
  }

  /// The region moved by a number of elements.
  func moved(by offset: Polynomial) -> Region {
    var result = self
    result.base = base + offset
    return result
  }

  /// Whether anything in it mentions an unknown that is defined after another one.
  func mentionsMore(than unknown: Unknown) -> Bool {
    base.leading > unknown || guards.contains { $0.leading > unknown }
      || extents.contains {
        $0.stride.leading > unknown || $0.count.leading > unknown || ($0.clip?.leading ?? 0) > unknown
      }
  }

  /// Whether anything in it mentions an unknown.
  func mentions(_ unknown: Unknown) -> Bool {
    base.mentions(unknown) || guards.contains { $0.mentions(unknown) }
      || extents.contains {
        $0.stride.mentions(unknown) || $0.count.mentions(unknown) || $0.clip?.mentions(unknown) ?? false
      }
  }
}

/// A loop as far as regions care: `unknown` is a multiple of `step`, from 0, below `count` and `clip`.
struct Sweep {
  var unknown: Unknown
  var count: Polynomial
  var clip: Polynomial?
  var step: Int64 = 1
}

/// Computes with regions; whatever it has to know about sizes it asks a `Prover`.
///
/// Results are exact unless stated. Where a result would not be a region, it is nil.
struct RegionAlgebra {
  /// Which way a result may be wrong.
  enum Rounding {
    /// It may only be too small: for what is surely written.
    case down
    /// It may only be too large: for what is perhaps touched.
    case up
  }

  var prover: Prover

  init(_ prover: Prover) { self.prover = prover }

  private mutating func holds(_ goal: Polynomial, _ scope: Int) -> Bool { prover.holds(goal, in: scope) }

  // MARK: Loops

  /// What a region becomes over all iterations of a loop; `scope` is the scope around the loop.
  mutating func extended(_ region: Region, over sweep: Sweep, in scope: Int, _ rounding: Rounding) -> Region?
  {
    let unknown = sweep.unknown
    guard !region.base.isLost, let (stride, rest) = region.base.split(by: unknown) else { return nil }
    // Values defined inside the loop are others in every iteration.
    if unknown.isLocal, region.mentionsMore(than: unknown) { return nil }
    if region.guards.contains(where: { $0.mentions(unknown) }) { return nil }
    var region = region
    if rounding == .up {
      for i in region.extents.indices { region.extents[i].widen(without: unknown) }
    }
    if region.extents.contains(where: { $0.stride.mentions(unknown) || $0.count.mentions(unknown) }) {
      return nil
    }
    var result = region
    result.base = rest
    let clipped = region.extents.indices.filter { region.extents[$0].clip?.mentions(unknown) ?? false }
    if let tile = tile(region, stride, sweep) {
      guard clipped.isEmpty || clipped == [tile.extent] else { return nil }
      return merged(result, tile, over: sweep, in: scope, rounding)
    }
    if !clipped.isEmpty { return nil }
    if stride.isZero { return repeated(result, over: sweep, in: scope, rounding) }
    var extent = Region.Extent(stride: stride, count: sweep.count, clip: sweep.clip)
    if sweep.step > 1 {
      if sweep.count.isDivisible(by: sweep.step), sweep.clip == nil {
        extent.stride = stride.scaled(by: sweep.step)
        extent.count = sweep.count.divided(by: sweep.step)
      } else if rounding == .down {
        return nil
      }
    }
    if stride.terms.allSatisfy({ $0.coefficient < 0 }) {
      // Backwards: the same elements from the other end, which a clip would move.
      if extent.clip != nil {
        guard let count = least([sweep.count, sweep.clip].compactMap { $0 }, scope) else { return nil }
        extent.count = count
        extent.clip = nil
      }
      result.base = rest + extent.stride * (extent.count - 1)
      extent.stride = -extent.stride
    }
    result.extents.append(extent)
    return normalized(result, in: scope)
  }

  /// The dimension in which consecutive iterations of a loop with a step put tiles side by side, and how many of
  /// its elements belong to one index of the loop.
  private func tile(_ region: Region, _ stride: Polynomial, _ sweep: Sweep) -> (
    extent: Int, width: Polynomial
  )? {
    for (i, extent) in region.extents.enumerated() where extent.count.isDivisible(by: sweep.step) {
      let width = extent.count.divided(by: sweep.step)
      guard extent.stride * width == stride, !stride.isLost, sweep.step > 1 || extent.clip != nil else {
        continue
      }
      guard let clip = extent.clip else { return (i, width) }
      if let (coefficient, _) = clip.split(by: sweep.unknown), coefficient == -width { return (i, width) }
    }
    return nil
  }

  /// Tiles of `step` indices at every step of a loop: together they are the loop's range, cut off where they are.
  private mutating func merged(
    _ region: Region, _ tile: (extent: Int, width: Polynomial), over sweep: Sweep, in scope: Int,
    _ rounding: Rounding
  ) -> Region? {
    var result = region
    let clip = region.extents[tile.extent].clip?.split(by: sweep.unknown)?.rest
    switch rounding {
    case .up:
      // The last tile reaches up to the next multiple of the step, unless it is cut off.
      let end = sweep.count.isDivisible(by: sweep.step) ? sweep.count : sweep.count + (sweep.step - 1)
      result.extents[tile.extent].count = end * tile.width
      result.extents[tile.extent].clip = clip
    case .down:
      let own = [sweep.count, sweep.clip].compactMap { $0.map { $0 * tile.width } }
      guard let ends = least(pair: own + [clip].compactMap { $0 }, scope) else { return nil }
      result.extents[tile.extent].count = ends[0]
      result.extents[tile.extent].clip = ends.count > 1 ? ends[1] : nil
    }
    return normalized(result, in: scope)
  }

  /// The same elements in every iteration: they are touched when there is one.
  private mutating func repeated(_ region: Region, over sweep: Sweep, in scope: Int, _ rounding: Rounding)
    -> Region?
  {
    var result = region
    result.repeats = true
    if rounding == .up { return result }
    let runs = holds(sweep.count - 1, scope) && (sweep.clip.map { holds($0 - 1, scope) } ?? true)
    return runs ? result : nil
  }

  /// The smallest of some polynomials, where that can be shown.
  private mutating func least(_ all: [Polynomial], _ scope: Int) -> Polynomial? {
    for one in all where all.allSatisfy({ $0 == one || holds($0 - one, scope) }) { return one }
    return nil
  }

  /// At most two of some polynomials, one of which is the smallest.
  private mutating func least(pair all: [Polynomial], _ scope: Int) -> [Polynomial]? {
    var rest: [Polynomial] = []
    for one in all where !rest.contains(one) {
      if rest.contains(where: { holds(one - $0, scope) }) { continue }
      rest.removeAll { holds($0 - one, scope) }
      rest.append(one)
    }
    return rest.count <= 2 ? rest : nil
  }

  // MARK: Normal form

  /// The same region with dimensions joined where they lie end to end, and in a fixed order.
  mutating func normalized(_ region: Region, in scope: Int) -> Region {
    var result = region
    for i in result.extents.indices {
      guard let clip = result.extents[i].clip else { continue }
      if holds(clip - result.extents[i].count, scope) {
        result.extents[i].clip = nil
      } else if holds(result.extents[i].count - clip, scope) {
        result.extents[i].count = clip
        result.extents[i].clip = nil
      }
    }
    result.extents.removeAll { $0.count == .one && $0.clip == nil }
    if !result.extents.contains(where: { $0.stride == .one }) {
      result.extents.append(Region.Extent(stride: .one, count: .one))
    }
    while joinOnce(&result, scope) {}
    result.extents.sort { a, b in
      if (a.stride == .one) != (b.stride == .one) { return a.stride == .one }
      return a.stride != b.stride ? a.stride.precedes(b.stride) : a.count.precedes(b.count)
    }
    return result
  }

  private mutating func joinOnce(_ region: inout Region, _ scope: Int) -> Bool {
    // What is cut off stays apart, so that the tiles before and behind it can join it.
    for i in region.extents.indices where region.extents[i].clip == nil {
      let inner = region.extents[i]
      for j in region.extents.indices where j != i && region.extents[j].clip == nil {
        let outer = region.extents[j]
        guard outer.stride == inner.stride * inner.count, !outer.stride.isLost, holds(inner.count, scope)
        else { continue }
        region.extents[i] = Region.Extent(
          stride: inner.stride, count: inner.count * outer.count)
        region.extents.remove(at: j)
        return true
      }
    }
    return false
  }

  // MARK: Sets

  /// Two regions as one, where that is a region again: equal, side by side, or under opposite conditions.
  mutating func union(_ a: Region, _ b: Region, in scope: Int) -> Region? {
    if a.base == b.base, a.extents == b.extents {
      if a.guards == b.guards || a.guards.isEmpty { return a }
      if b.guards.isEmpty { return b }
      if a.guards.count == 1, b.guards.count == 1, (a.guards[0] + b.guards[0]) == Polynomial(-1) {
        var result = a
        result.guards = []
        return result
      }
      return nil
    }
    guard a.guards == b.guards, a.extents.count == b.extents.count else { return nil }
    return joined(a, b, scope) ?? joined(b, a, scope)
  }

  /// `b` behind `a` along one dimension.
  private mutating func joined(_ a: Region, _ b: Region, _ scope: Int) -> Region? {
    let distance = b.base - a.base
    for i in a.extents.indices {
      let (first, second) = (a.extents[i], b.extents[i])
      guard first.stride == second.stride, first.clip == nil, distance == first.stride * first.count,
        !distance.isLost,
        a.extents.indices.allSatisfy({ $0 == i || a.extents[$0] == b.extents[$0] })
      else { continue }
      var result = a
      result.extents[i].count = first.count + second.count
      result.extents[i].clip = second.clip.map { first.count + $0 }
      result.repeats = a.repeats || b.repeats
      return normalized(result, in: scope)
    }
    return nil
  }

  /// Whether every element of `inner` is one of `outer`'s.
  mutating func contains(_ outer: Region, _ inner: Region, in scope: Int) -> Bool {
    guard outer.guards.isEmpty else { return false }
    if outer.base == inner.base, outer.extents == inner.extents { return true }
    // What both go through alike has no part in it.
    var (outer, inner) = (outer, inner)
    outer.extents.removeAll { extent in
      guard extent.stride != .one, let same = inner.extents.firstIndex(of: extent) else { return false }
      inner.extents.remove(at: same)
      return true
    }
    if outer.isRun, inner.extents.allSatisfy({ holds($0.stride, scope) }),
      holds(inner.base - outer.base, scope),
      [outer.extents[0].count, outer.extents[0].clip].allSatisfy({ end in
        end.map { holds(outer.base + $0 - 1 - inner.last, scope) } ?? true
      })
    {
      return true
    }
    guard outer.extents.count == inner.extents.count else { return false }
    let shift = inner.base - outer.base
    for (i, (whole, part)) in zip(outer.extents, inner.extents).enumerated() {
      guard whole.stride == part.stride else { return false }
      // Where both begin differs along the first dimension only.
      let offset = i == 0 ? shift : .zero
      if i == 0, !holds(offset, scope) { return false }
      for end in [whole.count, whole.clip].compactMap({ $0 })
      where !holds(end - part.count - offset, scope)
        && !(part.clip.map { holds(end - $0 - offset, scope) } ?? false)
      {
        return false
      }
    }
    return true
  }

  /// Whether different indices are different elements: every stride is larger than what the smaller ones span.
  mutating func isInjective(_ extents: [Region.Extent], in scope: Int) -> Bool {
    var rest = extents.filter { $0.count != .one }
    // Upper bounds of one span: what is cut off ends where it would end anyway, and where it is cut.
    var spans = [Polynomial.one]
    while !rest.isEmpty {
      guard
        let next = rest.indices.first(where: { i in
          // The next dimension is one whose stride is a lower bound of all strides that are left.
          spans.contains { holds(rest[i].stride - $0, scope) }
            && rest.indices.allSatisfy { $0 == i || holds(rest[$0].stride - rest[i].stride, scope) }
        })
      else { return false }
      let extent = rest.remove(at: next)
      let ends = [extent.count, extent.clip].compactMap { $0 }
      spans = Array(spans.flatMap { span in ends.map { span + extent.stride * ($0 - 1) } }.prefix(4))
    }
    return true
  }
}
