import Sluice
import SluiceCommandLine
import SluiceFormats
import SluiceModels
import SluiceText

/// `sluice demo bert`: a small encoder learns the words of the King James text, and fills in masked ones.
enum BERTDemo {
  /// The demo as the command line runs it.
  static let demo = Demo(
    "bert", "learns to fill in masked words (of the King James text, or a file of yours)"
  ) {
    request in
    try run(request)
  }

  private static let batch = 32
  private static let steps = 1600
  /// Words of a segment.
  private static let half = 8
  /// Two segments, the token in front, and one behind each.
  private static let context = 2 * half + 3
  /// The place of the word that is masked in the end.
  private static let masked = 6

  private static func run(_ request: Demo.Request) throws {
    let start = ContinuousClock.now
    let text = try Words(TokenStream.text(request))
    var stream = TokenStream(text.tokens, seed: request.seed)
    request.context.message(
      "\(stream.trainingCount) words and marks to learn from, \(text.tokens.count - stream.trainingCount) held out, "
        + "\(text.words.count) different ones and special tokens")
    let settings = [
      "vocabulary": "\(text.words.count)", "width": "96", "layers": "2", "heads": "4",
      "context": "\(context)",
      "max_batch": "\(4 * batch)", "rate": "0.0015", "warmup": "100", "steps": "\(steps)", "task": "none",
      "deviation": "0.03",
    ]
    var training = try TextTraining(bert, settings: settings, request)
    try training.train(steps: steps) { step in
      let count = step == nil ? 4 * batch : batch
      let parts = step == nil ? stream.held(count, length: 2 * half) : stream.drawn(count, length: 2 * half)
      let pairs = parts.indices.map { index in
        // Every second pair is torn: its second segment is that of another one.
        let other = parts[index % 2 == 0 ? index : (index + 2) % parts.count]
        return Pair(parts[index].prefix(half), other.suffix(half), follows: index % 2 == 0)
      }
      return inputs(pairs) + [
        HostTensor(pairs.map { $0.follows ? 1 : 0 as Int32 }, shape: [pairs.count]),
        HostTensor(scalar: request.seed &+ Int64(step.map { $0 + 1 } ?? 0)),
      ]
    }
    try fillIn(text, stream, &training, request)
    let file = "\(request.folder)/bert.sluice"
    try FileIO.write(printedModule(training.module), to: file)
    request.context.message("\(file)\nall in \(Rounded.seconds(ContinuousClock.now - start))")
  }

  /// Two segments as one sequence; the second may be that behind the first.
  private struct Pair {
    var tokens: [Int32]
    var segments: [Int32]
    var follows: Bool

    init(_ first: ArraySlice<Int32>, _ second: ArraySlice<Int32>, follows: Bool) {
      tokens = [Words.start] + first + [Words.end] + second + [Words.end]
      segments = tokens.indices.map { $0 < first.count + 2 ? 0 : 1 }
      self.follows = follows
    }
  }

  private static func inputs(_ pairs: [Pair]) -> [HostTensor] {
    [pairs.flatMap(\.tokens), pairs.flatMap(\.segments)].map {
      HostTensor($0, shape: [pairs.count, context])
    }
  }

  /// Masks the sixth word of each segment pair of the text that was held out; shows some, and counts how often it is
  /// found.
  private static func fillIn(
    _ text: Words, _ stream: TokenStream, _ training: inout TextTraining, _ request: Demo.Request
  ) throws {
    var (count, first, among, shown) = (0, 0, 0, 0)
    let parts = stream.held((text.tokens.count - stream.trainingCount) / (2 * half), length: 2 * half).filter
    {
      text.isWord($0[$0.startIndex + masked])
    }
    request.context.message("")
    for group in stride(from: 0, to: parts.count, by: 4 * batch) {
      let group = parts[group..<min(group + 4 * batch, parts.count)]
      var pairs = group.map { Pair($0.prefix(half), $0.suffix(half), follows: true) }
      for index in pairs.indices { pairs[index].tokens[masked + 1] = Words.mask }
      let logits = try training.run("logits", inputs(pairs))[0].floats()
      for (row, part) in group.enumerated() {
        let size = text.words.count
        let scores = logits[((row * context + masked + 1) * size)...].prefix(size)
        let order = scores.indices.sorted { scores[$0] > scores[$1] }.map { Int32($0 - scores.startIndex) }
        let best = Array(order.filter { text.isWord($0) }.prefix(5))
        let word = part[part.startIndex + masked]
        count += 1
        if best.first == word { first += 1 }
        if best.contains(word) { among += 1 }
        guard shown < 8, count % 40 == 1 else { continue }
        shown += 1
        let seen = part.prefix(masked) + [Words.mask] + part.dropFirst(masked + 1)
        request.context.message(
          "\(text.text(seen))\n  -> \(best.map { text.words[Int($0)] }.joined(separator: " "))"
            + "   (it was: \(text.words[Int(word)]))")
      }
    }
    let part = { (number: Int) in Rounded.text(100 * Double(number) / Double(max(count, 1)), 1) }
    request.context.message(
      "\none word masked in each of \(count) parts that were held out: \(part(first)) % found at once, "
        + "\(part(among)) % among the first five")
  }
}

/// A text as words and marks: the frequent ones are tokens, and the others are one.
private struct Words {
  static let (start, end, mask, unknown): (Int32, Int32, Int32, Int32) = (1, 2, 3, 4)

  /// What the tokens stand for.
  let words: [String]
  let tokens: [Int32]

  init(_ text: [UInt8]) throws {
    let parts = Self.parts(text)
    var counts: [ArraySlice<UInt8>: Int] = [:]
    for part in parts { counts[part, default: 0] += 1 }
    let frequent = counts.sorted { ($1.value, $0.key.startIndex) < ($0.value, $1.key.startIndex) }.prefix(
      1000)
    words =
      ["[PAD]", "[CLS]", "[SEP]", "____", "*"] + frequent.map { String(decoding: $0.key, as: UTF8.self) }
    var numbers: [ArraySlice<UInt8>: Int32] = [:]
    for (number, part) in frequent.enumerated() { numbers[part.key] = Self.unknown + 1 + Int32(number) }
    tokens = parts.map { numbers[$0] ?? Self.unknown }
  }

  /// Runs of letters, and every other byte that is no space.
  private static func parts(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    var found: [ArraySlice<UInt8>] = []
    var place = 0
    while place < text.count {
      let start = place
      while place < text.count, isLetter(text[place]) { place += 1 }
      if place == start { place += 1 }
      if text[start] > 32 { found.append(text[start..<place]) }
    }
    return found
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (65...90).contains(byte & 0xDF) || byte >= 128 || byte == UInt8(ascii: "'")
  }

  /// Whether a token is a known word of letters.
  func isWord(_ token: Int32) -> Bool {
    token > Self.unknown && words[Int(token)].utf8.allSatisfy { Self.isLetter($0) }
  }

  /// Tokens as text, with spaces in front of words.
  func text(_ tokens: some Sequence<Int32>) -> String {
    var text = ""
    for token in tokens {
      let word = words[Int(token)]
      let isMark = word.utf8.count == 1 && word.utf8.allSatisfy { !Self.isLetter($0) } && word != "*"
      text += (text.isEmpty || isMark ? "" : " ") + word
    }
    return text
  }
}
