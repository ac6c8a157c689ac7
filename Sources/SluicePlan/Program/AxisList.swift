/// Up to 15 axes or atoms in order, four bits each; 15 stands for none.
struct AxisList: Hashable {
  var bits = UInt64.max

  init() {}

  /// The axes from 0 up to a rank.
  init(rank: Int) {
    let all: UInt64 = 0xFEDC_BA98_7654_3210
    bits = rank >= 16 ? all : all | .max << UInt64(4 * rank)
  }

  /// What stands at a position; 15 for none.
  subscript(_ position: Int) -> Int {
    get { Int(bits >> UInt64(4 * position) & 15) }
    set {
      let shift = UInt64(4 * position)
      bits = bits & ~(15 << shift) | UInt64(newValue & 15) << shift
    }
  }

  /// Nothing at a position.
  static let none = 15

  /// At every position what another list has at the position that stands there.
  func through(_ other: AxisList) -> AxisList {
    var (result, rest, shift) = (AxisList(), ~bits, UInt64(0))
    while rest != 0 {
      let own = Int(bits >> shift & 15)
      if own != Self.none {
        result.bits = result.bits & ~(15 << shift) | UInt64(other[own]) << shift
      }
      rest &= ~(15 << shift)
      shift += 4
    }
    return result
  }

  /// At how many positions something stands.
  var count: Int {
    let free = bits & bits >> 1 & bits >> 2 & bits >> 3 & 0x1111_1111_1111_1111
    return 16 - free.nonzeroBitCount
  }
}
