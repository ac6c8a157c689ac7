import SluiceFormats
import Testing

/// `--ram`: the commands that plan keep it, with the same results, or say the least that they reach.
struct MemoryTests {
  /// Three layers of a perceptron and its gradient by the input, whose arena has 30 KB without a budget.
  private static let text = """
    module @layers
    func @f(%x: f32[32,32], %w: f32[32,32]) -> f32[32,32] {
      %a = matmul %x, %w : f32[32,32]
      %b = gelu %a : f32[32,32]
      %c = matmul %b, %w : f32[32,32]
      %d = gelu %c : f32[32,32]
      %e = matmul %d, %w : f32[32,32]
      %f = gelu %e : f32[32,32]
      return %f
    }
    """

  /// The program, and in its folder `layers.sluice` with a derivative.
  private static func program() throws -> Program {
    let sluice = try Program("sluice")
    let outcome = try sluice.run(["gradient", "-", "-o", "layers.sluice"], input: Array(text.utf8))
    try #require(outcome.code == 0, "\(outcome.messages)")
    return sluice
  }

  /// The bytes that an error says are enough.
  private static func least(_ messages: String) throws -> Int {
    let found = try #require(messages.firstMatch(of: /note: `--ram ([0-9]+)` is enough/), "\(messages)")
    return try #require(Int(found.1))
  }

  @Test func theLeastIsSaidAndReached() throws {
    let sluice = try Self.program()
    let usual = try sluice.run(["check", "layers.sluice", "--json"])
    let refused = try sluice.run(["check", "layers.sluice", "--ram", "64"])
    #expect(refused.code == 1 && refused.output.isEmpty)
    #expect(refused.messages.contains("layers.sluice:"), "\(refused.messages)")
    #expect(
      refused.messages.contains("the arena of `@f.vjp` may have 64 bytes, the least that was reached is"))
    // The first error is of `@f`, the last of its derivative, which needs more.
    let start = try #require(refused.messages.firstRange(of: "`@f.vjp`"))
    let least = try Self.least(String(refused.messages[start.lowerBound...]))
    let kept = try sluice.run(["check", "layers.sluice", "--ram", "\(least)", "--json", "--remarks=memory"])
    #expect(kept.code == 0, "\(kept.messages)")
    #expect(kept.text.contains("\"peak_bytes\":\(least),"), "\(kept.text)")
    #expect(!usual.text.contains("\"peak_bytes\":\(least),"), "\(usual.text)")
    #expect(kept.text.contains("so that the arena has \(least) bytes"), "\(kept.text)")
  }

  /// The interpreter and C give with a budget what they give without.
  @Test func resultsAreTheSame() throws {
    let sluice = try Self.program()
    let refused = try sluice.run(["check", "layers.sluice", "--ram", "64"]).messages
    let start = try #require(refused.firstRange(of: "`@f.vjp`"))
    let least = try Self.least(String(refused[start.lowerBound...]))
    let values = (0..<1024).map { Float(($0 * 37) % 101) / 50 - 1 }
    try Npy.write(HostTensor(values, shape: [32, 32]), to: "\(sluice.folder)/x.npy")
    func run(_ words: [String]) throws -> [UInt8] {
      let inputs = ["x", "w", "d_0"].flatMap { ["-i", "\($0)=x.npy"] }
      let outcome = try sluice.run(
        ["run", "layers.sluice", "-f", "f.vjp", "--outputs", "all.npz"] + inputs + words)
      #expect(outcome.code == 0, "\(outcome.messages)")
      return try FileIO.read("\(sluice.folder)/all.npz")
    }
    let expected = try run([])
    for backend in ["interpreter", "c"] {
      #expect(try run(["--ram", "\(least)", "--backend", backend]) == expected)
    }
    let compiled = try sluice.run(["compile", "layers.sluice", "--ram", "\(least)", "-o", "build", "--json"])
    #expect(compiled.code == 0 && compiled.text.contains("\"peak_bytes\":\(least),"), "\(compiled.messages)")
    let plan = try sluice.run(["dump", "layers.sluice", "--ram", "\(least)", "--stage", "plan"])
    #expect(plan.code == 0 && plan.text.contains("arena \(least)"), "\(plan.messages)")
    // A plan has its arena, and a graph has none.
    #expect(try sluice.run(["check", "-", "--ram", "1M"], input: plan.output).code == 64)
    #expect(try sluice.run(["dump", "layers.sluice", "--ram", "1M"]).code == 64)
  }

  @Test(arguments: ["64M", "64k", "1G", "1024G", "1099511627776", "70000"])
  func sizesAreRead(_ size: String) throws {
    let outcome = try Program("sluice").run(["check", "-", "--ram", size], input: Array(Self.text.utf8))
    #expect(outcome.code == 0, "\(outcome.messages)")
  }

  @Test(arguments: [
    "", "M", "-1", "64Q", "1.5G", "64MB", "0x10", "1025G", "99999999999999999999", "٣M", "M64",
  ])
  func badSizesAreExplained(_ size: String) throws {
    let outcome = try Program("sluice").run(["check", "-", "--ram", size], input: Array(Self.text.utf8))
    #expect(outcome.code == 64)
    #expect(outcome.messages.contains("`--ram \(size)`: it is a number of bytes"), "\(outcome.messages)")
  }
}
