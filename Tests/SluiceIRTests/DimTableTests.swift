/// Arithmetic of dims: closed forms, canonical form, overflow.

import SluiceIR
import Testing

/// Tables with two symbols, as a class, since `#expect` takes no mutating calls.
final class Dims {
  var tables = Tables()
  let bSymbol: SymbolID
  let tSymbol: SymbolID
  let b: DimID
  let t: DimID

  init() {
    bSymbol = tables.dims.symbol(tables.strings.intern("B"), bound: 8)
    tSymbol = tables.dims.symbol(tables.strings.intern("T"), bound: 100)
    b = tables.dims.dim(bSymbol)
    t = tables.dims.dim(tSymbol)
  }

  func integer(_ value: Int64) -> DimID { tables.dims.integer(value) }
  func add(_ a: DimID, _ b: DimID) -> DimID? { tables.dims.add(a, b) }
  func add(_ a: DimID, _ n: Int64) -> DimID { tables.dims.add(a, integer(n)) ?? .none }
  func subtract(_ a: DimID, _ b: DimID) -> DimID? { tables.dims.subtract(a, b) }
  func multiply(_ a: DimID, _ b: DimID) -> DimID? { tables.dims.multiply(a, b) }
  func divide(_ a: DimID, _ b: DimID) -> DimID? { tables.dims.divide(a, exactlyBy: b) }
  func text(_ dim: DimID?) -> String { dim.map { tables.text($0) } ?? "nil" }
  func symbol(_ name: String, _ bound: Int64) -> SymbolID {
    tables.dims.symbol(tables.strings.intern(name), bound: bound)
  }
}

struct DimTableTests {
  let dims = Dims()

  @Test func integersAreInterned() {
    let five = dims.integer(5)
    #expect(dims.tables.dims.value(five) == 5)
    #expect(dims.integer(5) == five)
    #expect(dims.tables.dims.symbol(five) == nil)
    #expect(dims.add(five, -5) == dims.integer(0))
  }

  @Test func binomialsExpand() throws {
    let (plus, minus) = (dims.add(dims.b, 1), dims.add(dims.b, -1))
    let square = try #require(dims.multiply(plus, plus))
    let difference = try #require(dims.multiply(plus, minus))
    #expect(dims.text(square) == "B*B+2*B+1")
    #expect(dims.text(difference) == "B*B-1")
    // (B + 1)^2 - (B + 1)(B - 1) = 2 B + 2
    #expect(dims.text(dims.subtract(square, difference)) == "2*B+2")
  }

  @Test func equalPolynomialsHaveEqualHandles() throws {
    let bt = try #require(dims.multiply(dims.b, dims.t))
    #expect(dims.multiply(dims.t, dims.b) == bt)
    let left = try #require(dims.multiply(dims.add(dims.b, 1), dims.t))
    let right = try #require(dims.add(dims.t, bt))
    #expect(left == right)
    #expect(dims.subtract(left, right) == dims.integer(0))
    #expect(dims.subtract(left, dims.t) == bt)
  }

  @Test func symbolsAreFound() throws {
    #expect(dims.tables.dims.symbol(dims.b) == dims.bSymbol)
    let sum = dims.add(dims.b, 1)
    #expect(dims.tables.dims.symbol(sum) == nil)
    let product = try #require(dims.multiply(sum, dims.t))
    #expect(Set(dims.tables.dims.symbols(in: product)) == [dims.bSymbol, dims.tSymbol])
    #expect(dims.symbol("B", 9) != dims.bSymbol, "another bound is another symbol")
    #expect(dims.symbol("B", 8) == dims.bSymbol)
  }

  @Test func evaluationFollowsArithmetic() {
    var random = SplitMix(seed: 1)
    var known: [(dim: DimID, value: Int64)] = [
      (dims.b, 5), (dims.t, 7), (dims.integer(3), 3), (dims.integer(-2), -2),
    ]
    for step in 0..<600 {
      let a = known[Int.random(in: known.indices, using: &random)]
      let b = known[Int.random(in: known.indices, using: &random)]
      let (dim, value): (DimID?, Int64) =
        switch step % 3 {
        case 0: (dims.add(a.dim, b.dim), a.value + b.value)
        case 1: (dims.subtract(a.dim, b.dim), a.value - b.value)
        default: (dims.multiply(a.dim, b.dim), a.value * b.value)
        }
      guard let dim, value.magnitude < 1 << 30, dims.tables.dims.terms(dim).count < 20 else { continue }
      #expect(dims.tables.dims.evaluate(dim) { $0 == dims.bSymbol ? 5 : 7 } == value)
      known.append((dim, value))
    }
    #expect(known.count > 100)
  }

  @Test func boundsAreReachedBySums() throws {
    let sum = dims.add(try #require(dims.multiply(dims.b, dims.t)), 3)
    let (four, less) = (dims.integer(4), dims.add(dims.b, -1))
    let difference = try #require(dims.subtract(dims.b, dims.t))
    #expect(dims.tables.dims.bound(sum) == 803)
    #expect(dims.tables.dims.bound(four) == 4)
    #expect(dims.tables.dims.bound(less) == 7)
    // A negative term counts as 0: its symbol may be.
    #expect(dims.tables.dims.bound(difference) == 8)
    #expect(dims.tables.dims.isNeverNegative(sum))
    #expect(!dims.tables.dims.isNeverNegative(less))
  }

  @Test func exactDivision() throws {
    let bt = try #require(dims.multiply(dims.b, dims.t))
    #expect(dims.divide(bt, dims.t) == dims.b)
    let twelve = try #require(dims.multiply(bt, dims.integer(12)))
    #expect(dims.divide(twelve, dims.integer(6)) == dims.multiply(bt, dims.integer(2)))
    #expect(dims.divide(bt, dims.integer(6)) == nil)
    #expect(dims.divide(dims.b, dims.t) == nil)
    #expect(dims.divide(dims.add(dims.b, 1), dims.b) == nil)
    #expect(dims.divide(dims.b, dims.add(dims.b, 1)) == nil)
    #expect(dims.divide(dims.b, dims.integer(0)) == nil)
    #expect(dims.divide(dims.integer(0), dims.b) == dims.integer(0))
  }

  @Test func whatDoesNotFitIsNil() throws {
    let large = dims.integer(.max)
    #expect(dims.add(large, dims.integer(1)) == nil)
    #expect(dims.multiply(large, dims.integer(2)) == nil)
    let factor = try #require(dims.multiply(large, dims.b))
    #expect(dims.add(factor, factor) == nil)
    #expect(dims.tables.dims.evaluate(factor) { _ in 2 } == nil)
    #expect(dims.tables.dims.bound(factor) == nil)
    let least = dims.integer(.min)
    #expect(dims.subtract(dims.integer(0), least) == nil)
    #expect(dims.divide(least, dims.integer(-1)) == nil)
  }

  @Test func degreesAreBounded() {
    var power: DimID? = dims.b
    var degree = 1
    while let known = power, degree < 100 {
      power = dims.multiply(known, dims.b)
      degree += 1
    }
    #expect(degree == 17)
  }

  @Test func termsPrintByDegreeAndName() throws {
    let tb = try #require(dims.multiply(dims.t, dims.b))
    let sum = try #require(dims.add(dims.add(dims.t, 4), tb))
    #expect(dims.text(dims.subtract(sum, dims.b)) == "B*T-B+T+4")
    #expect(dims.text(dims.integer(0)) == "0")
    #expect(dims.text(dims.subtract(dims.integer(0), dims.b)) == "-B")
  }
}
