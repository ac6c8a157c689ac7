// What `Tools/bench` counts in plans and graphs, against counts by hand.

import Sluice
import SluicePlan
import SluiceText
import Testing

@testable import sluice_bench

@Suite struct CountTests {
  /// What is counted of the function `@f` of a text.
  private func counted(_ text: String, dims: [String: Int] = [:]) throws -> Subject {
    let module = try parseModule("module @m\n\(text)", file: "count.sluice")
    return try Subject(
      Workload(name: "f", summary: "", source: .module(module), function: "f", dims: dims))
  }

  @Test func mapsMoveEachOperandOnce() throws {
    let row = try counted(
      """
      func @f(%x: f32[N,3], %y: f32[3]) -> f32[N,3] where N <= 100 {
        %b = broadcast %y {shape = [N, 3]} : f32[N,3]
        %s = add %x, %b : f32[N,3]
        %r = multiply %s, %x : f32[N,3]
        return %r
      }
      """, dims: ["N": 10])
    #expect(row.count.calls == 1)
    #expect(row.count.bytes == 4 * (30 + 3 + 30))
    #expect(row.flops == 0 && row.arena.bytes == 0)
  }

  @Test func whatIsReadAgainMovesOnce() throws {
    let row = try counted(
      """
      func @f(%x: f32[10]) -> f32[8] {
        %w = unfold %x {axis = 0, size = 3} : f32[8,3]
        %y = sum %w {axes = [1]} : f32[8]
        return %y
      }
      """)
    #expect(row.count.calls == 1)
    #expect(row.count.bytes == 4 * (10 + 8))
  }

  @Test func symbolsHaveTheirBounds() throws {
    let text = "func @f(%x: f32[N]) -> f32[N] where N <= 100 {\n  %y = exp %x : f32[N]\n  return %y\n}\n"
    #expect(try counted(text).count.bytes == 800)
    #expect(throws: UsageError.self) { try counted(text, dims: ["N": 101]) }
    #expect(throws: UsageError.self) { try counted(text, dims: ["M": 1]) }
  }

  @Test func productsCountMultiplyAdds() throws {
    let row = try counted(
      """
      func @f(%x: f32[5,4,3], %y: f32[3,7]) -> f32[5,4,7] {
        %z = matmul %x, %y : f32[5,4,7]
        return %z
      }
      """)
    #expect(row.flops == 2 * 5 * 4 * 7 * 3)
    // However often the product comes back to its operands and its result.
    let once = 4 * (5 * 4 * 3 + 3 * 7 + 5 * 4 * 7)
    #expect(row.count.bytes >= Double(once) && row.count.bytes <= Double(once + 4 * 5 * 4 * 7))
  }

  @Test func zerosBetweenStridesAreNoWork() throws {
    // The product of a vector that was spread by 2 counts half.
    let row = try counted(
      """
      func @f(%x: f32[6], %w: f32[12,5]) -> f32[5] {
        %zero = constant {value = 0} : f32[]
        %apart = reshape %x {shape = [6,1]} : f32[6,1]
        %padded = pad %apart, %zero {low = [0,0], high = [0,1]} : f32[6,2]
        %spread = reshape %padded {shape = [12]} : f32[12]
        %y = matmul %spread, %w : f32[5]
        return %y
      }
      """)
    #expect(row.flops == 2 * 6 * 5)
  }

  @Test func loopsCountTheirTurns() throws {
    func text(_ length: Int) -> String {
      """
      body @step(%h: f32[3], %x: f32[3], %w: f32[3,3]) -> f32[3] {
        %p = matmul %w, %h : f32[3]
        %s = add %p, %x : f32[3]
        %n = tanh %s : f32[3]
        return %n
      }
      func @f(%h: f32[3], %xs: f32[\(length),3], %w: f32[3,3]) -> f32[3] {
        %r = scan @step, %h, %xs, %w {carries = 1, sequences = 1} : f32[3]
        return %r
      }
      """
    }
    let (short, long) = (try counted(text(2)), try counted(text(12)))
    #expect(short.flops == 2 * 18 && long.flops == 12 * 18)
    #expect(long.count.calls > short.count.calls && (long.count.calls - short.count.calls) % 10 == 0)
    // A turn looks at its own part of the sequence, not at all of it.
    let turn = (long.count.bytes - short.count.bytes) / 10
    #expect(turn >= 4 * (9 + 3 + 3 + 3) && turn < 4 * 60)
  }

  @Test func aPartIsTheDifferenceToOneMore() throws {
    let row = try Subject(
      Workload(
        name: "tiny", summary: "", source: .model(minilm, ["layers": "2"]), function: "encode",
        part: Workload.Part(name: "layer", setting: "layers")))
    let more = try Subject(
      Workload(name: "more", summary: "", source: .model(minilm, ["layers": "4"]), function: "encode"))
    #expect(row.partCalls == Double(more.count.calls - row.count.calls) / 2)
    // Products of 12 squares of the width a row, and two of attention.
    let (rows, width) = (128.0, 384.0)
    #expect(more.flops == 4 * (2 * rows * width * width * 12 + 4 * rows * rows * width))
  }

  @Test func rowsAreFoundByNameAndByBeginning() throws {
    #expect(Set(Workload.all.map(\.name)).count == Workload.all.count)
    #expect(Workload.named("gpt2-step").map(\.name) == ["gpt2-step"])
    #expect(Workload.named("gpt").map(\.name) == ["gpt-small", "gpt-medium", "gpt-forward"])
    #expect(Workload.named("nothing").isEmpty)
    var (options, words) = (RowOptions(), ArraySlice<String>())
    for word in ["gpt2-step", "gpt2", "gpt2-step"] { #expect(try options.take(word, &words)) }
    let names = try options.workloads(usual: []).map(\.name)
    #expect(names.count == Set(names).count && names.count == Workload.named("gpt2").count)
    #expect(throws: UsageError.self) { _ = try RunBenchmark(["--threads", "0"]) }
    #expect(throws: UsageError.self) { _ = try RunBenchmark(["--what"]) }
    #expect(throws: UsageError.self) { try RunBenchmark(["nothing"]).run() }
    #expect(throws: UsageError.self) { try RunBenchmark(["gpt2-step", "--set", "layers=1"]).run() }
  }

  @Test func mediansAreMiddles() {
    #expect([3.0, 1, 2].median == 2 && [4.0, 1, 2, 3].median == 2.5 && [Double]().median == 0)
  }
}
