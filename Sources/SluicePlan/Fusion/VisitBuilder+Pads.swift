import SluiceIR

/// Pads run over the elements that they surround, in the visit that makes those, and store them a border further in.
extension VisitBuilder {
  /// The loops around a visit that a pad begins: the axes outside of all padded ones, where these have enough places
  /// for threads to share.
  mutating func beginPad(_ item: ItemID, _ visit: VisitID, _ tables: Tables) {
    attempt.outer = leadingAtoms(item, tables)
    if places(visit, attempt.outer, tables) < Self.leastPlaces.other { attempt.outer = 0 }
  }

  /// The atoms of the axes outside of all padded ones: at one place of them a whole border is made, with its inside.
  func leadingAtoms(_ item: ItemID, _ tables: Tables) -> UInt32 {
    var atoms: UInt32 = 0
    for axis in leaves.space.indices {
      if program.isPadded(item, axis, tables) { return atoms }
      if attempt.atoms[axis] != AxisList.none { atoms |= 1 << UInt32(attempt.atoms[axis]) }
    }
    return atoms
  }
}
