import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Sums of planned functions have the bits of docs/decisions/3-order-of-sums.md, written down here once more.
@Suite struct SumOrderTests {
  /// The first result of `@f` for random operands, and the operands.
  private func run(
    _ text: String, _ shapes: [[Int]], fuses: Bool
  ) throws -> (result: [Float], operands: [[Float]]) {
    let subject = try Subject("module @m\n\(text)", file: "order.sluice")
    var random = SeededRandom(7)
    let operands = shapes.map { random.tensor(.f32, $0) }
    var backend = try InterpreterBackend(subject, subject.plan(fuses: fuses))
    return (try backend.run("f", operands)[0].floats(), operands.map { $0.floats() })
  }

  /// Sums of blocks, one added to the other.
  private func blocks(_ values: [Float], _ size: Int, _ sum: (ArraySlice<Float>) -> Float) -> Float {
    stride(from: 0, to: values.count, by: size).reduce(0) {
      $0 + sum(values[$1..<min($1 + size, values.count)])
    }
  }

  /// Along the last axis: in a block 16 lanes, added as a tree.
  private func row(_ values: [Float]) -> Float {
    blocks(values, 1024) { block in
      var lanes = [Float](repeating: 0, count: 16)
      for (place, value) in block.enumerated() { lanes[place % 16] += value }
      for half in [8, 4, 2, 1] { for lane in 0..<half { lanes[lane] += lanes[lane + half] } }
      return lanes[0]
    }
  }

  /// Along other axes.
  private func column(_ values: [Float]) -> Float { blocks(values, 64) { $0.reduce(0, +) } }

  /// A contraction: chains of fused multiply-adds.
  private func product(_ x: [Float], _ y: [Float]) -> Float {
    stride(from: 0, to: x.count, by: 256).reduce(0) { total, start in
      total + (start..<min(start + 256, x.count)).reduce(0) { $0.addingProduct(x[$1], y[$1]) }
    }
  }

  @Test(arguments: [7, 64, 65, 1024, 1025, 3000], [true, false])
  func rows(_ count: Int, _ fuses: Bool) throws {
    let (result, operands) = try run(
      """
      func @f(%x: f32[2,\(count)]) -> f32[2] {
        %y = sum %x {axes = [1]} : f32[2]
        return %y
      }
      """, [[2, count]], fuses: fuses)
    #expect(result == [row(Array(operands[0][..<count])), row(Array(operands[0][count...]))])
  }

  @Test(arguments: [7, 64, 65, 128, 300], [true, false])
  func columns(_ count: Int, _ fuses: Bool) throws {
    let (result, operands) = try run(
      """
      func @f(%x: f32[\(count),3]) -> f32[3] {
        %y = sum %x {axes = [0]} : f32[3]
        return %y
      }
      """, [[count, 3]], fuses: fuses)
    #expect(result == (0..<3).map { lane in column((0..<count).map { operands[0][$0 * 3 + lane] }) })
  }

  /// The sums of rows, then the sum down their column.
  @Test(arguments: [true, false])
  func severalAxes(_ fuses: Bool) throws {
    let (result, operands) = try run(
      """
      func @f(%x: f32[130,40]) -> f32[] {
        %y = sum %x : f32[]
        return %y
      }
      """, [[130, 40]], fuses: fuses)
    let rows = (0..<130).map { row(Array(operands[0][$0 * 40..<$0 * 40 + 40])) }
    #expect(result == [column(rows)])
  }

  @Test(arguments: [7, 256, 257, 512, 600], [true, false])
  func products(_ count: Int, _ fuses: Bool) throws {
    let (result, operands) = try run(
      """
      func @f(%x: f32[2,\(count)], %w: f32[\(count),3]) -> f32[2,3] {
        %y = matmul %x, %w : f32[2,3]
        return %y
      }
      """, [[2, count], [count, 3]], fuses: fuses)
    let expected = (0..<6).map { place -> Float in
      let (i, j) = (place / 3, place % 3)
      return product(
        Array(operands[0][i * count..<(i + 1) * count]), (0..<count).map { operands[1][$0 * 3 + j] })
    }
    #expect(result == expected)
  }
}
