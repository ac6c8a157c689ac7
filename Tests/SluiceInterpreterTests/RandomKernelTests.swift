import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Random kernels give what the plainest machine gives, and their text is read back as the same kernels.
@Suite struct RandomKernelTests {
  @Test func kernels() throws {
    for seed in 0..<(isRelease ? 2000 : 60) {
      var kernels = RandomKernels(seed: seed)
      let plan = kernels.m.plan
      let sizes = [(5, 300), (0, 17), (2, 256), (3, 0), (1, 1)][seed % 5]
      try compare(
        plan, inputs: kernels.inputs(), states: kernels.states, symbols: kernels.symbols(sizes.0, sizes.1))
      let text = printPlan(plan)
      let again = try parsePlan(text, file: "random.sluice")
      #expect(printPlan(again) == text)
      // Constants with all their bits, and what no text shows.
      let (old, new) = (plan.kernels[0], again.kernels[0])
      #expect(new.registers == old.registers && new.slots == old.slots)
      #expect(scalars(new) == scalars(old))
    }
  }

  private func scalars(_ kernel: Kernel) -> [ScalarInstruction] {
    kernel.instructions.compactMap { if case .scalar(let scalar) = $0 { scalar } else { nil } }
  }
}
