import Sluice
import SluiceCommandLine
import SluiceFormats
import SluiceModels
import SluiceText

/// `sluice demo gpt`: a small transformer learns the King James text character by character, and continues a prompt.
enum GPTDemo {
  /// The demo as the command line runs it.
  static let demo = Demo("gpt", "learns to continue text (the King James one, or a file of yours)") {
    request in
    try run(request)
  }

  private static let batch = 8
  private static let context = 64
  private static let steps = 1500
  private static let prompts = ["In the beginning ", "And Jesus said unto them, "]

  private static func run(_ request: Demo.Request) throws {
    let start = ContinuousClock.now
    let text = try TokenStream.text(request)
    let alphabet = Alphabet(text)
    var stream = TokenStream(text.map { alphabet.token($0) }, seed: request.seed)
    request.context.message(
      "\(stream.trainingCount) characters to learn from, \(text.count - stream.trainingCount) held out, "
        + "\(alphabet.characters.count) different ones")
    let settings = [
      "vocabulary": "\(alphabet.characters.count)", "width": "128", "layers": "3", "heads": "4",
      "context": "\(context)", "max_batch": "\(4 * batch)", "rate": "0.003", "warmup": "30",
      "steps": "\(steps)",
    ]
    var training = try TextTraining(gpt, settings: settings, request)
    try training.train(steps: steps) { step in
      let parts =
        step == nil
        ? stream.held(4 * batch, length: context + 1) : stream.drawn(batch, length: context + 1)
      return [HostTensor(parts.flatMap { Array($0) }, shape: [parts.count, context + 1])]
    }
    for prompt in prompts {
      let tokens = Array(prompt.utf8).compactMap { alphabet.known($0) }
      guard !tokens.isEmpty else { continue }
      let next = try continuation(of: tokens, by: 300, &training, request.seed)
      request.context.message("\n" + alphabet.text(tokens) + "|" + alphabet.text(next))
    }
    let file = "\(request.folder)/gpt.sluice"
    try FileIO.write(printedModule(training.module), to: file)
    request.context.message("\n\(file)\nall in \(Rounded.seconds(ContinuousClock.now - start))")
  }

  /// Tokens behind a prompt, drawn one at a time; where the context is full, its second half is read again.
  private static func continuation(
    of prompt: [Int32], by count: Int, _ training: inout TextTraining, _ seed: Int64
  ) throws -> [Int32] {
    var tokens = prompt
    var position = context
    while tokens.count < prompt.count + count {
      if position == context {
        _ = try training.run("restart", [])
        let known = tokens.suffix(context / 2)
        for token in known.dropLast() { _ = try training.run("decode", [HostTensor([token], shape: [1])]) }
        position = known.count - 1
      }
      let inputs = [
        HostTensor(Array(tokens.suffix(1)), shape: [1]), HostTensor(scalar: 0.7 as Float),
        HostTensor(scalar: 40 as Int32), HostTensor(scalar: 0.95 as Float),
        HostTensor(scalar: seed &+ Int64(tokens.count)),
      ]
      tokens += try training.run("sample", inputs)[0].int32s()
      position += 1
    }
    return Array(tokens.dropFirst(prompt.count))
  }
}

/// The different bytes of a text, numbered in order.
private struct Alphabet {
  let characters: [UInt8]
  private var numbers = [Int32](repeating: -1, count: 256)

  init(_ text: [UInt8]) {
    var isUsed = [Bool](repeating: false, count: 256)
    for byte in text { isUsed[Int(byte)] = true }
    characters = (0..<256).filter { isUsed[$0] }.map { UInt8($0) }
    for (number, byte) in characters.enumerated() { numbers[Int(byte)] = Int32(number) }
  }

  func token(_ byte: UInt8) -> Int32 { numbers[Int(byte)] }

  func known(_ byte: UInt8) -> Int32? { token(byte) < 0 ? nil : token(byte) }

  func text(_ tokens: [Int32]) -> String {
    String(decoding: tokens.map { characters[Int($0)] }, as: UTF8.self)
  }
}
