// Products in register tiles: all sizes of what is left over, on several targets, against sums written down here.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

@Suite struct TileTests {
  /// Rows, terms and columns: around the sizes of tiles, vectors, chains and blocks.
  private static let shapes: [(rows: Int, terms: Int, columns: Int)] = [
    (1, 5, 4), (2, 3, 65), (5, 300, 16), (6, 17, 31), (7, 8, 33), (11, 257, 12), (12, 4, 64), (13, 9, 7),
    (25, 1, 130), (100, 33, 20), (129, 10, 36), (3, 513, 1024),
  ]

  private static func text(_ dtype: DType) -> String {
    shapes.map { rows, terms, columns in
      let (a, b) = ("\(dtype.name)[\(rows),\(terms)]", "\(dtype.name)[\(terms),\(columns)]")
      let y = "\(dtype.name)[\(rows),\(columns)]"
      return """
        func @plain_\(rows)(%a: \(a), %b: \(b)) -> \(y) {
          %y = matmul %a, %b : \(y)
          return %y
        }
        func @map_\(rows)(%a: \(a), %b: \(b)) -> \(y) {
          %p = matmul %a, %b : \(y)
          %y = add %p, %p : \(y)
          return %y
        }
        func @turned_\(rows)(%a: \(a), %b: \(dtype.name)[\(columns),\(terms)]) -> \(y) {
          %t = transpose %b {order = [1,0]} : \(b)
          %y = matmul %a, %t : \(y)
          return %y
        }
        """
    }.joined(separator: "\n")
  }

  /// Sums of products as docs/decisions/3-order-of-sums.md says: chains of 256 fused multiply-adds.
  private static func products<T: BinaryFloatingPoint>(
    _ a: [T], _ b: [T], _ shape: (rows: Int, terms: Int, columns: Int), turned: Bool
  ) -> [T] {
    var result: [T] = []
    for i in 0..<shape.rows {
      for j in 0..<shape.columns {
        var total: T = 0
        for first in stride(from: 0, to: shape.terms, by: 256) {
          var chain: T = 0
          for k in first..<min(first + 256, shape.terms) {
            let other = turned ? b[j * shape.terms + k] : b[k * shape.columns + j]
            chain = chain.addingProduct(a[i * shape.terms + k], other)
          }
          total += chain
        }
        result.append(total)
      }
    }
    return result
  }

  /// The same of arrays.
  private static func products(
    _ a: HostTensor, _ b: HostTensor, _ shape: (rows: Int, terms: Int, columns: Int), turned: Bool
  ) -> HostTensor {
    let result = [shape.rows, shape.columns]
    return a.dtype == .f32
      ? HostTensor(products(a.floats(), b.floats(), shape, turned: turned), shape: result)
      : HostTensor(products(a.doubles(), b.doubles(), shape, turned: turned), shape: result)
  }

  /// Instruction sets, and the forms for compilers without vector types and processors without multiply-adds.
  private static let targets: [[String]] = [
    ["-O3", "-march=native"], ["-O2", "-mavx2", "-mfma"], ["-O1"],
    ["-O2", "-march=native", "-DM_PLAIN_VECTORS"], ["-O2", "-march=native", "-DM_SOFTWARE_FMA"],
  ]

  /// The first target with every compiler, each of the others with one of them or with all.
  private static let builds: [Build] = targets.enumerated().flatMap { row, target in
    let compilers = Build.fast.map(\.compiler)
    let isSampled = row > 0 && !Build.isExhaustive && !compilers.isEmpty
    return (isSampled ? [compilers[row % compilers.count]] : compilers).map {
      Build(compiler: $0, flags: target)
    }
  }

  @Test(arguments: [DType.f32, .f64])
  func allTargetsHaveTheBits(_ dtype: DType) throws {
    let module = try parseModule(Array("module @m\n\(Self.text(dtype))".utf8), file: "tiles.sluice")
    let plan = try Planner.plan(runPasses(module, ["expand"]))
    #expect(PlanChecker().check(plan).isEmpty)
    #expect(CSource.emitC(plan).source.contains("M_TILE"))
    var random = SeededRandom(3)
    let cases = try Self.shapes.flatMap { shape in
      let a = random.tensor(dtype, [shape.rows, shape.terms])
      let b = random.tensor(dtype, [shape.terms, shape.columns])
      let turned = try b.reshaped([shape.columns, shape.terms])
      let plain = Self.products(a, b, shape, turned: false)
      let twice =
        dtype == .f32
        ? HostTensor(plain.floats().map { $0 + $0 }, shape: plain.shape)
        : HostTensor(plain.doubles().map { $0 + $0 }, shape: plain.shape)
      return [
        ("plain", [a, b], plain), ("map", [a, b], twice),
        ("turned", [a, turned], Self.products(a, turned, shape, turned: true)),
      ].map { ("\($0)_\(shape.rows)", $1, $2) }
    }
    for build in Self.builds {
      guard let model = try? CompiledModel(plan, parameters: [], states: [], options: build.options()) else {
        // Not every machine has every instruction set.
        #expect(build.flags.contains("-mavx2"))
        continue
      }
      for (function, inputs, expected) in cases {
        #expect(try model.run(function, inputs: inputs) == [expected], "\(function) \(build)")
      }
    }
  }
}
