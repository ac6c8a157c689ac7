import Sluice
import Testing

/// Dims and shapes as values, without any model.
@Suite struct DimTests {
  private let B = Dim("B", max: 8)
  private let T: Dim = "T <= 16"

  @Test func polynomials() {
    #expect("\(B * T + 2 * B - 3)" == "B*T+2*B-3")
    #expect(B * T - T * B == 0)
    #expect((B + 1) * (B - 1) == B * B - 1)
    #expect("\(4 * (T + 1) / 4)" == "T+1")
    #expect("\(-1 * T)" == "-T")
    #expect((B * T) / B == T)
    #expect((6 * B * T + 4 * B) / (2 * B) == 3 * T + 2)
    #expect(0 / B == 0)
    #expect((B + T) / (T + B) == 1)
    #expect(B != Dim("B", max: 9))
    #expect(Dim("  T<=16 ") == T)
    #expect(("B" as Dim) == Dim("B", max: 1024))
  }

  @Test func values() {
    #expect((Dim(6) / 2 * 5 - 1).value == 14)
    #expect(B.value == nil)
    #expect((B - B).value == 0)
    let heads = 4
    let width: Dim = 512
    #expect(width / heads == 128)
    #expect(heads * width == 2048)
    #expect(heads + width - heads == width)
    #expect((1024 / width).value == 2)
  }

  @Test func mistakesWaitForTheirUse() throws {
    let odd = B / 3
    let large = Dim(Int.max) * 2
    let zero = T / 0
    let worse = odd + 1
    let found = try mistakesOf { f in
      f.output("a", zeros([worse]))  // odd: zeros^(
      f.output("b", zeros([large, 2]))  // large: zeros^(
      f.output("c", zeros([zero]))  // zero: zeros^(
      f.output("d", zeros([odd]))
    }
    #expect(
      found == [
        "odd: `B` cannot be divided by `3`",
        "- a quotient of dims is exact: a number that divides every term",
        "large: the dim `9223372036854775807` * `2` is too large",
        "- coefficients have 64 bits, dims few terms",
        "zero: `T` cannot be divided by `0`",
      ])
  }

  @Test func shapes() {
    let shape: Shape = [B, T, 3]
    #expect("\(shape)" == "[B,T,3]")
    #expect(shape[-1] == 3)
    #expect(shape[1] == T)
    #expect(shape.dropLast() == [B, T])
    #expect(shape.dropFirst(5) == [])
    #expect([1] + shape.dropFirst() + [2] == [1, T, 3, 2])
    #expect(shape.elementCount == 3 * B * T)
    #expect(shape.map(\.description) == ["B", "T", "3"])
  }
}
