// Random kernels give the bits of a plain walk over their instructions, at sizes around block borders.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct KernelTests {
  private static let sizes: [(rows: Int, columns: Int)] = [
    (1, 1), (2, 7), (3, 16), (2, 17), (5, 33), (0, 5), (4, 0), (1, 65), (5, 300), (4, 31),
  ]

  @Test(arguments: 0..<(Build.isExhaustive ? 32 : 2))
  func randomKernelsGiveTheSameBits(seed: Int) throws {
    let count = Build.isExhaustive ? 40 : 16
    var kernels = RandomKernels(seed: seed, functions: count)
    let (plan, states) = (kernels.m.plan, try kernels.states)
    let models = try (Build.isExhaustive ? Build.all : Build.fast).map {
      (
        build: $0,
        model: try CompiledModel(plan, parameters: [], states: states, options: $0.options(threads: 2))
      )
    }
    var machine = PlanMachine(plan, states: states)
    for function in 0..<count {
      for size in [Self.sizes[function % 10], Self.sizes[(function * 7 + 3) % 10], (3, 20 + function)] {
        let inputs = kernels.inputs()
        let symbols = kernels.symbols(size.0, size.1)
        _ = try machine.run("f\(function)", inputs, symbols: symbols)
        for (_, model) in models { _ = try model.run("f\(function)", inputs: inputs, symbols: symbols) }
      }
    }
    for (build, model) in models {
      for (row, found) in zip(plan.states, model.states) {
        let bytes = Array(machine.states[row.offset..<row.offset + row.byteCount])
        let expected = try HostTensor(dtype: found.dtype, shape: found.shape, bytes: bytes)
        let wrong = found.difference(from: expected.words)
        #expect(wrong == nil, "seed \(seed), `\(row.name)` with \(build): \(wrong ?? "")")
      }
    }
  }
}
