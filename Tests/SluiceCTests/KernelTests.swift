// Kernels of every shape give the bits of a plain walk over their instructions, at sizes around block borders.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct KernelTests {
  private static let sizes: [(rows: Int, columns: Int)] = [
    (1, 1), (2, 7), (3, 16), (2, 17), (5, 33), (0, 5), (4, 0), (1, 65), (6, 40), (7, 31),
  ]

  @Test(arguments: 0..<4)
  func randomKernelsGiveTheSameBits(shape: Int) throws {
    for round in 0..<(Build.isExhaustive ? 8 : 1) {
      try check(shape: shape, seed: UInt64(round * 4 + shape), kernels: Build.isExhaustive ? 40 : 12)
    }
  }

  private func check(shape: Int, seed: UInt64, kernels: Int) throws {
    var generator = RandomKernels(seed: seed)
    for _ in 0..<kernels { generator.add(shape: shape) }
    let plan = generator.kit.finish()
    let models = try (Build.isExhaustive ? Build.all : Build.fast).map {
      (build: $0, model: try CompiledModel(plan, parameters: [], states: [], options: $0.options(threads: 2)))
    }
    for function in 0..<kernels {
      for size in [
        Self.sizes[function % 10], Self.sizes[(function * 7 + 3) % 10], (rows: 3, columns: 20 + function),
      ] {
        // A gather from an empty row has no index to clamp to.
        if shape == 3, size.columns == 0 { continue }
        let inputs = try generator.inputs(function, size.rows, size.columns)
        let symbols = [generator.rows: size.rows, generator.columns: size.columns]
        var machine = PlanMachine(plan)
        let expected = try machine.run("f\(function)", inputs, symbols: symbols)
        for (build, model) in models {
          let outputs = try model.run("f\(function)", inputs: inputs, symbols: symbols)
          for (row, (output, wanted)) in zip(outputs, expected).enumerated() where output != wanted {
            let (a, b) = (words(output), words(wanted))
            let at = a.indices.first { a[$0] != b[$0] } ?? 0
            Issue.record(
              """
              seed \(seed) f\(function) y\(row) of \(size) with \(build) differs at \(at): 0x\(String(a[at], radix: 16)), \
              expected 0x\(String(b[at], radix: 16))
              """)
          }
        }
      }
    }
  }
}
