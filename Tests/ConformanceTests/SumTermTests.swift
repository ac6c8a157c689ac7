import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

/// Every term of every sum is in its place: plans run with terms instead of numbers, and the trees that come out are
/// compared with those of docs/decisions/3-order-of-sums.md, written down here once more.
@Suite struct SumTermTests {
  /// The order of sums, over terms.
  private struct Statement {
    let terms: TermTable

    /// Along the last axis: in a block 16 lanes, added as a tree.
    func row(_ values: [UInt64]) -> UInt64 {
      blocks(values, 1024) { block in
        var lanes = [UInt64](repeating: 0, count: 16)
        for (place, value) in block.enumerated() { lanes[place % 16] = terms.add(lanes[place % 16], value) }
        for half in [8, 4, 2, 1] {
          for lane in 0..<half { lanes[lane] = terms.add(lanes[lane], lanes[lane + half]) }
        }
        return lanes[0]
      }
    }

    /// Along other axes.
    func column(_ values: [UInt64]) -> UInt64 {
      blocks(values, 64) { $0.reduce(0) { terms.add($0, $1) } }
    }

    /// Over several axes: the last one first.
    func fold(_ extents: ArraySlice<Int>, rows: Bool, _ element: ([Int]) -> UInt64) -> UInt64 {
      guard let extent = extents.first else { return terms.add(0, element([])) }
      let isLast = extents.count == 1
      let values = (0..<extent).map { place in
        isLast ? element([place]) : fold(extents.dropFirst(), rows: rows) { element([place] + $0) }
      }
      return isLast && rows ? row(values) : column(values)
    }

    private func blocks(_ values: [UInt64], _ size: Int, _ sum: (ArraySlice<UInt64>) -> UInt64) -> UInt64 {
      stride(from: 0, to: values.count, by: size).reduce(0) {
        terms.add($0, sum(values[$1..<min($1 + size, values.count)]))
      }
    }

    /// A contraction: chains of fused multiply-adds.
    ///
    /// A chain goes over as many inner axes as have at most 256 elements, and so many steps of the next one. What has no
    /// factors is no term.
    func products(_ extents: [Int], _ factors: ([Int]) -> (UInt64, UInt64)?) -> UInt64 {
      var (inner, axis) = (1, extents.count)
      while axis > 0, extents[axis - 1] <= 256 / inner {
        axis -= 1
        inner *= max(extents[axis], 1)
      }
      let rest = axis == 0 ? inner : extents[axis - 1] * inner
      let chain = axis == 0 ? inner : 256 / inner * inner
      var total: UInt64 = 0
      for outer in 0..<extents[..<max(axis - 1, 0)].reduce(1, *) {
        for start in stride(from: 0, to: rest, by: chain) {
          var part: UInt64 = 0
          for place in start..<min(start + chain, rest) {
            if let (a, b) = factors(Self.place(outer * rest + place, extents)) {
              part = terms.fma(a, b, part)
            }
          }
          total = terms.add(total, part)
        }
      }
      return total
    }

    private static func place(_ number: Int, _ extents: [Int]) -> [Int] {
      var (rest, place) = (number, [Int]())
      for extent in extents.reversed() {
        place.append(rest % extent)
        rest /= extent
      }
      return place.reversed()
    }
  }

  // MARK: Plans

  /// The results of `@f` over inputs that name themselves, one behind the other, in one table.
  private func run(
    _ text: String, _ shapes: [[Int]], fuses: Bool, _ terms: TermTable
  ) throws -> [[UInt64]] {
    let subject = try Subject("module @m\n\(text)", file: "terms.sluice")
    var number = 0
    let inputs = try shapes.map { shape -> HostTensor in
      let words = (0..<shape.reduce(1, *)).map { UInt32(TermTable.leaf(number + $0)) }
      number += words.count
      return try HostTensor(dtype: .f32, shape: shape, bytes: words.flatMap(Self.bytes))
    }
    return try Self.run(subject, inputs, fuses: fuses, terms)
  }

  /// The results of `@f`, proven and run.
  private static func run(
    _ subject: Subject, _ inputs: [HostTensor], fuses: Bool, level: OptimizationLevel = .none,
    _ terms: TermTable
  ) throws -> [[UInt64]] {
    let plan = try subject.plan(fuses: fuses, level: level)
    let report = PlanChecker().report(plan)
    #expect(report.diagnostics.isEmpty, "\(report.diagnostics)")
    let index = try #require(plan.functions.firstIndex { $0.name == "f" })
    let values = try plan.functions[index].bindSymbols(shapes: inputs.map(\.shape), plan.tables)
    var symbols: [SymbolID: Int] = [:]
    for symbol in plan.functions[index].symbols { symbols[symbol] = values[symbol].map { Int($0) } }
    var machine = PlanMachine(plan, parameters: subject.values(.parameter), states: subject.values(.state))
    machine.terms = terms
    let results = try machine.run("f", inputs, symbols: symbols)
    return results.map(words) + [machine.states.map(UInt64.init)]
  }

  private static func bytes(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
  }

  private static func words(_ tensor: HostTensor) -> [UInt64] {
    let size = tensor.dtype.byteCount
    return stride(from: 0, to: tensor.bytes.count, by: size).map { start in
      (0..<size).reduce(0) { $0 | UInt64(tensor.bytes[start + $1]) << UInt64(8 * $1) }
    }
  }

  /// A leaf of the first input, or of one that begins so many elements later.
  private func x(_ index: Int, behind: Int = 0) -> UInt64 { TermTable.leaf(behind + index) }

  /// Compares results with what they must be, element by element.
  private func expect(
    _ found: [UInt64], count: Int, sourceLocation: SourceLocation = #_sourceLocation, _ tree: (Int) -> UInt64
  ) {
    #expect(found.count == count, sourceLocation: sourceLocation)
    let wrong = (0..<count).filter { found[$0] != tree($0) }
    #expect(wrong.isEmpty, "other trees: \(wrong.prefix(10))", sourceLocation: sourceLocation)
  }

  @Test(arguments: [true, false])
  func foldsOfRows(_ fuses: Bool) throws {
    let terms = TermTable()
    let found = try run(
      """
      func @f(%x: f32[3,1030]) -> f32[3] {
        %y = sum %x {axes = [1]} : f32[3]
        return %y
      }
      """, [[3, 1030]], fuses: fuses, terms)
    let order = Statement(terms: terms)
    expect(found[0], count: 3) { r in order.row((0..<1030).map { x(r * 1030 + $0) }) }
  }

  @Test(arguments: [true, false])
  func foldsOfColumns(_ fuses: Bool) throws {
    let terms = TermTable()
    let found = try run(
      """
      func @f(%x: f32[2,130,3]) -> f32[2,3] {
        %y = sum %x {axes = [1]} : f32[2,3]
        return %y
      }
      """, [[2, 130, 3]], fuses: fuses, terms)
    let order = Statement(terms: terms)
    expect(found[0], count: 6) { p in order.column((0..<130).map { x(p / 3 * 390 + $0 * 3 + p % 3) }) }
  }

  /// Equal extents, so that only the places of terms say which axis comes first.
  @Test(arguments: [true, false])
  func foldsOfSeveralAxes(_ fuses: Bool) throws {
    let terms = TermTable()
    let found = try run(
      """
      func @f(%x: f32[66,66,2,3]) -> (f32[2,3], f32[66,3], f32[]) {
        %y = sum %x {axes = [0, 1]} : f32[2,3]
        %z = sum %x {axes = [1, 2]} : f32[66,3]
        %w = sum %x : f32[]
        return %y, %z, %w
      }
      """, [[66, 66, 2, 3]], fuses: fuses, terms)
    let order = Statement(terms: terms)
    func at(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> UInt64 { x(((a * 66 + b) * 2 + c) * 3 + d) }
    expect(found[0], count: 6) { p in
      order.fold([66, 66], rows: false) { at($0[0], $0[1], p / 3, p % 3) }
    }
    expect(found[1], count: 198) { p in
      order.fold([66, 2], rows: false) { at(p / 3, $0[0], $0[1], p % 3) }
    }
    #expect(found[2] == [order.fold([66, 66, 2, 3], rows: true) { at($0[0], $0[1], $0[2], $0[3]) }])
  }

  @Test(arguments: [257, 600], [true, false])
  func contractions(_ count: Int, _ fuses: Bool) throws {
    let terms = TermTable()
    let found = try run(
      """
      func @f(%x: f32[5,\(count)], %w: f32[\(count),16]) -> f32[5,16] {
        %y = matmul %x, %w : f32[5,16]
        return %y
      }
      """, [[5, count], [count, 16]], fuses: fuses, terms)
    let order = Statement(terms: terms)
    expect(found[0], count: 80) { p in
      order.products([count]) { (x(p / 16 * count + $0[0]), x($0[0] * 16 + p % 16, behind: 5 * count)) }
    }
  }

  /// Several summed axes, of which a chain has some.
  @Test(arguments: [[12, 5, 5], [20, 20], [3, 200]], [true, false])
  func contractionsOfSeveralAxes(_ extents: [Int], _ fuses: Bool) throws {
    let terms = TermTable()
    let count = extents.reduce(1, *)
    let shape = extents.map(\.description).joined(separator: ",")
    let labels = "ijk".prefix(extents.count)
    let found = try run(
      """
      func @f(%x: f32[4,\(shape)], %w: f32[16,\(shape)]) -> f32[4,16] {
        %y = contract %x, %w {equation = "a\(labels),b\(labels)->ab"} : f32[4,16]
        return %y
      }
      """, [[4] + extents, [16] + extents], fuses: fuses, terms)
    let order = Statement(terms: terms)
    expect(found[0], count: 64) { p in
      order.products(extents) { place in
        let term = zip(place, extents).reduce(0) { $0 * $1.1 + $1.0 }
        return (x(p / 16 * count + term), x(p % 16 * count + term, behind: 4 * count))
      }
    }
  }

  /// What a mask leaves out is no term, and nothing else is left out: loops end where the mask does, be it in the first
  /// chain or in the second one.
  @Test(arguments: [0, 250], [true, false])
  func maskedContractions(_ distance: Int, _ fuses: Bool) throws {
    let terms = TermTable()
    let count = distance + 50
    let found = try run(
      """
      func @f(%x: f32[36,\(count)], %w: f32[\(count),16]) -> f32[36,16] {
        %query = iota {shape = [36,\(count)], axis = 0, dtype = i64} : i64[36,\(count)]
        %key = iota {shape = [36,\(count)], axis = 1, dtype = i64} : i64[36,\(count)]
        %far = constant {value = \(distance)} : i64[]
        %distance = broadcast %far {shape = [36,\(count)]} : i64[36,\(count)]
        %last = add %query, %distance : i64[36,\(count)]
        %mask = less_equal %key, %last : bool[36,\(count)]
        %y = masked_matmul %x, %w, %mask : f32[36,16]
        return %y
      }
      """, [[36, count], [count, 16]], fuses: fuses, terms)
    let order = Statement(terms: terms)
    expect(found[0], count: 576) { p in
      order.products([count]) { k in
        k[0] > p / 16 + distance
          ? nil : (x(p / 16 * count + k[0]), x(k[0] * 16 + p % 16, behind: 36 * count))
      }
    }
  }

  /// Sums down columns that leave parts where the rows are made.
  @Test(arguments: [true, false])
  func parts(_ fuses: Bool) throws {
    let terms = TermTable()
    let found = try run(
      """
      func @f(%x: f32[600,16], %w: f32[16,32]) -> f32[32] {
        %y = matmul %x, %w : f32[600,32]
        %z = sum %y {axes = [0]} : f32[32]
        return %z
      }
      """, [[600, 16], [16, 32]], fuses: fuses, terms)
    let order = Statement(terms: terms)
    expect(found[0], count: 32) { c in
      order.column(
        (0..<600).map { r in
          order.products([16]) { (x(r * 16 + $0[0]), x($0[0] * 32 + c, behind: 9600)) }
        })
    }
  }

  private static let first = Repository.number("SLUICE_SEED") ?? 0
  private static let count = Repository.number("SLUICE_RANDOM") ?? (Repository.isExhaustive ? 400 : 4)

  /// Whatever is fused, divided, kept in private memory or left out: every result is the same tree.
  @Test(arguments: first..<first + count)
  func fusingChangesNoTree(_ seed: Int) throws {
    let layers = RandomLayers(seed: UInt64(seed))
    let subject = try Subject(layers.text, file: "random.sluice")
    for level in [OptimizationLevel.none, .full] {
      let terms = TermTable()
      let plain = try Self.run(subject, layers.inputs, fuses: false, level: level, terms)
      let fused = try Self.run(subject, layers.inputs, fuses: true, level: level, terms)
      let isSame = plain == fused
      #expect(isSame, "seed \(seed), \(level)\n\(layers.text)")
    }
  }
}
