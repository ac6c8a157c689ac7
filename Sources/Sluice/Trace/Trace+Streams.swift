/// The streams of draws that are given as numbers, or left out.

import SluiceIR

/// The streams that a function has used so far.
struct Streams {
  /// Every number that was given or taken.
  var used: Set<Int> = []
  /// By number what was left out: the seed of the draw, and its place.
  var numbered: [Int: (seed: Frame.Capture, site: Site)] = [:]
}

extension Operand {
  /// The stream of a draw: as given, or the next one.
  static func stream(_ given: Int?, _ seed: Tensor, at site: Site) -> Operand {
    .int(Trace.current?.stream(given, seed: seed, at: site) ?? 0)
  }
}

extension Trace {
  /// The stream of a draw from a seed: as given, or the least number that no draw of the function has yet.
  ///
  /// Numbers count in the whole function, bodies too: a seed that is handed on to a body is another tensor there. Giving
  /// a number that a draw from the same seed got before, because it had none, is a mistake, for both would be the same.
  func stream(_ given: Int?, seed: Tensor, at site: Site) -> Int {
    guard !frames.isEmpty else { return given ?? 0 }
    let key = Frame.Capture.value(frame: seed.frame, seed.value)
    guard let given else {
      var number = 0
      while frames[0].streams.used.contains(number) { number += 1 }
      frames[0].streams.used.insert(number)
      frames[0].streams.numbered[number] = (key, site)
      return number
    }
    if let other = frames[0].streams.numbered[given], other.seed == key {
      report(
        "stream \(given) of this seed belongs to the draw at \(other.site.line):\(other.site.column), which got the next number",
        hint: "give that draw a number too, or take another one here", at: site)
    }
    frames[0].streams.used.insert(given)
    return given
  }
}
