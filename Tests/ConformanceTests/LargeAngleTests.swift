/// `sin`, `cos` and `tan` in every kind of loop, of blocks with and without large arguments.

import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceText
import TestSupport
import Testing

struct LargeAngleTests {
  /// Maps, two calls in a chain and side by side, sums along both axes, a sum of products, and a loop.
  private static func text(_ dtype: String) -> String {
    """
    body @step(%x: \(dtype)[], %y: \(dtype)[]) -> \(dtype)[], \(dtype)[] {
      %z = add %x, %y : \(dtype)[]
      %t = tan %z : \(dtype)[]
      return %t, %t
    }

    func @maps(%x: \(dtype)[N,M]) -> \(dtype)[N,M], \(dtype)[N,M], \(dtype)[N,M] where N <= 80, M <= 80 {
      %two = constant {value = 2} : \(dtype)[]
      %twos = broadcast %two {shape = [N,M]} : \(dtype)[N,M]
      %double = multiply %x, %twos : \(dtype)[N,M]
      %sine = sin %double : \(dtype)[N,M]
      %cosine = cos %x : \(dtype)[N,M]
      %product = multiply %sine, %cosine : \(dtype)[N,M]
      %scaled = multiply %x, %sine : \(dtype)[N,M]
      %again = sin %scaled : \(dtype)[N,M]
      %tangent = tan %x : \(dtype)[N,M]
      return %product, %again, %tangent
    }

    func @sums(%x: \(dtype)[N,M]) -> \(dtype)[N], \(dtype)[M], \(dtype)[], \(dtype)[] where N <= 80, M <= 80 {
      %sine = sin %x : \(dtype)[N,M]
      %rows = sum %sine {axes = [1]} : \(dtype)[N]
      %columns = sum %sine {axes = [0]} : \(dtype)[M]
      %all = sum %sine : \(dtype)[]
      %cosine = cos %x : \(dtype)[N,M]
      %most = max %cosine : \(dtype)[]
      return %rows, %columns, %all, %most
    }

    func @products(%x: \(dtype)[N,M]) -> \(dtype)[N,N] where N <= 80, M <= 80 {
      %cosine = cos %x : \(dtype)[N,M]
      %r = matmul %cosine, %cosine {transpose_rhs = true} : \(dtype)[N,N]
      return %r
    }

    func @loop(%start: \(dtype)[], %xs: \(dtype)[N]) -> \(dtype)[], \(dtype)[N] where N <= 80 {
      %last, %all = scan @step, %start, %xs {carries = 1, sequences = 1} : \(dtype)[], \(dtype)[N]
      return %last, %all
    }

    func @three(%x: \(dtype)[3]) -> \(dtype)[3] {
      %r = cos %x : \(dtype)[3]
      return %r
    }

    """
  }

  /// Small angles, with a large one, an infinity or NaN here and there if that is wanted.
  private static func angles(
    _ dtype: DType, _ shape: [Int], large: Int, _ random: inout SeededRandom
  ) -> HostTensor {
    let values = (0..<shape.reduce(1, *)).map { _ -> Double in
      let small = (Double(random.below(1_000_000)) / 1000 - 500)
      guard large > 0, random.oneIn(large) else { return small }
      return random.pick([small * 1e6, small * 1e20, 3e38, 131072.25, -1e9, .infinity, .nan, 1e12 * small])
    }
    return dtype == .f32
      ? HostTensor(values.map { Float($0) }, shape: shape) : HostTensor(values, shape: shape)
  }

  @Test(arguments: [DType.f32, .f64])
  func everyLoopGivesTheSame(_ dtype: DType) throws {
    let subject = try Subject(Self.text(dtype.name), file: "angles.sluice")
    var others: [(name: String, backend: any Backend)] = []
    for level in [OptimizationLevel.none, .full] {
      for optimisation in Repository.isExhaustive ? ["-O0", "-O3"] : ["-O3"] {
        if let c = try CBackend(subject, subject.plan(level: level), optimisation: [optimisation]) {
          others.append(("C \(optimisation), -O\(level.rawValue)", c))
        }
      }
    }
    var agreement = try Agreement(subject, others: others)
    #expect(agreement.rejections.isEmpty)
    var random = SeededRandom(8)
    for large in [0, 100, 3, 1] {
      for shape in [[1, 1], [3, 79], [79, 3], [64, 32], [80, 80]] {
        let x = Self.angles(dtype, shape, large: large, &random)
        let start = Self.angles(dtype, [], large: 2, &random)
        let row = Self.angles(dtype, [shape[0]], large: large, &random)
        let three = Self.angles(dtype, [3], large: large, &random)
        for (function, inputs) in [
          ("maps", [x]), ("sums", [x]), ("products", [x]), ("loop", [start, row]), ("three", [three]),
        ] {
          // The evaluator's angles have other roundings, which a large factor or many steps enlarge: no bound.
          let failures = agreement.failures(function, inputs, rough: .infinity)
          #expect(failures.isEmpty, "@\(function) \(shape): \(failures.joined(separator: "\n"))")
        }
      }
    }
  }
}
