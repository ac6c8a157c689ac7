/// Matrices that are badly scaled or hold infinities and NaN: all backends give the same.

import Foundation
import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceText
import TestSupport
import Testing

struct MatrixTests {
  private static let ops: [(name: String, results: [[Int]], hasRight: Bool, attributes: String)] = [
    ("inverse", [[3, 3]], false, ""), ("solve", [[3, 2]], true, ""), ("log_abs_det", [[]], false, ""),
    ("cholesky", [[3, 3]], false, ""), ("qr", [[3, 3], [3, 3]], false, ""),
    ("eigh", [[3], [3, 3]], false, ""), ("triangular_solve", [[3, 2]], true, " {lower = true}"),
    ("triangular_solve", [[3, 2]], true, " {transpose = true}"),
  ]

  /// A function per op and dtype, `@op3_f64`, over a batch of two matrices.
  private static let text: String = ops.enumerated().flatMap { number, op in
    ["f32", "f64"].map { dtype -> String in
      func type(_ shape: [Int]) -> String {
        "\(dtype)[\(([2] + shape).map { String($0) }.joined(separator: ","))]"
      }
      let types = op.results.map(type).joined(separator: ", ")
      let names = op.results.indices.map { "%r\($0)" }.joined(separator: ", ")
      let (input, operand) = op.hasRight ? (", %b: \(type([3, 2]))", ", %b") : ("", "")
      return """
        func @op\(number)_\(dtype)(%a: \(type([3, 3]))\(input)) -> \(types) {
          \(names) = \(op.name) %a\(operand)\(op.attributes) : \(types)
          return \(names)
        }

        """
    }
  }.joined()

  /// A symmetric matrix that is far from singular, its rows and columns times powers of two.
  private static func matrix(_ random: inout SeededRandom, scale: Int) -> [Double] {
    func near(_ size: Double) -> Double { (Double(random.below(2001)) / 1000 - 1) * size }
    let scales = (0..<3).map { _ in exp2(Double(random.below(2 * scale + 1) - scale)) }
    var values = [Double](repeating: 0, count: 9)
    for i in 0..<3 {
      for j in 0...i {
        let value = i == j ? 1 + near(0.25) : near(0.25)
        values[3 * i + j] = value * scales[i] * scales[j]
        values[3 * j + i] = values[3 * i + j]
      }
    }
    return values
  }

  private static func tensor(_ dtype: DType, _ values: [Double], _ shape: [Int]) -> HostTensor {
    dtype == .f32 ? HostTensor(values.map { Float($0) }, shape: shape) : HostTensor(values, shape: shape)
  }

  /// Calls every op `count` times on the matrices that `make` gives.
  private func check(
    _ seed: UInt64, _ count: Int, rough: Double,
    _ make: (inout SeededRandom, DType, _ op: Int) -> (a: [Double], b: [Double])
  ) throws {
    var random = SeededRandom(seed)
    let subject = try Subject(Self.text, file: "matrices.sluice")
    let c = try CBackend(subject, subject.plan(level: .full))
    var agreement = try Agreement(subject, others: c.map { [("C", $0)] } ?? [])
    #expect(agreement.rejections.isEmpty)
    for (number, op) in Self.ops.enumerated() {
      for dtype in [DType.f32, .f64] {
        for _ in 0..<count {
          let (first, second) = (make(&random, dtype, number), make(&random, dtype, number))
          var inputs = [Self.tensor(dtype, first.a + second.a, [2, 3, 3])]
          if op.hasRight { inputs.append(Self.tensor(dtype, first.b + second.b, [2, 3, 2])) }
          let failures = agreement.failures("op\(number)_\(dtype.name)", inputs, rough: rough)
          #expect(
            failures.isEmpty,
            "\(op.name)\(op.attributes) \(inputs.map { $0.asDoubles() }): \(failures.joined(separator: "\n"))"
          )
          if !failures.isEmpty { return }
        }
      }
    }
  }

  /// Sizes that differ by up to 2^120 in f64, 2^24 in f32.
  @Test func badlyScaled() throws {
    try check(41, 12, rough: 1e-3) { random, dtype, _ in
      let a = Self.matrix(&random, scale: dtype == .f32 ? 6 : 30)
      return (a, (0..<6).map { _ in Double(random.below(9)) - 4 })
    }
  }

  /// Infinities and NaN anywhere, in one matrix of the batch or in both.
  @Test func notFinite() throws {
    try check(42, 40, rough: 1e-3) { random, _, _ in
      var a = Self.matrix(&random, scale: 1)
      var b = (0..<6).map { _ in Double(random.below(9)) - 4 }
      for _ in 0..<random.below(3) { a[random.below(9)] = random.pick([.infinity, -.infinity, .nan]) }
      for _ in 0..<random.below(2) { b[random.below(6)] = random.pick([.infinity, -.infinity, .nan]) }
      return (a, b)
    }
  }

  /// The eigenvalues of a positive definite matrix whose rows and columns are scaled are known each to its own last
  /// digits (Demmel and Veselic 1992), so those of the backends agree one by one.
  @Test func smallEigenvaluesOfScaledMatrices() throws {
    var random = SeededRandom(43)
    let subject = try Subject(Self.text, file: "matrices.sluice")
    var reference = ReferenceBackend(subject)
    var interpreter = try InterpreterBackend(subject, subject.plan())
    for _ in 0..<200 {
      let matrices = Self.matrix(&random, scale: 240) + Self.matrix(&random, scale: 100)
      let inputs = [Self.tensor(.f64, matrices, [2, 3, 3])]
      let (wanted, got) = try (reference.run("op5_f64", inputs)[0], interpreter.run("op5_f64", inputs)[0])
      let difference = got.difference(from: wanted, tolerance: 1e-13)
      #expect(difference == nil, "\(matrices): \(difference ?? "")")
    }
  }
}
