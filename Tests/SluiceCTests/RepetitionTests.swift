// Steps that repeat with other buffers are loops in C: what they compute, and how they read.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import TestSupport
import Testing

@Suite struct RepetitionTests {
  private static let layers = 6

  /// A stack of layers; a parameter of another size stands between two of them, so weights are not equally far apart.
  private static let text = {
    var text = "module @stack\n\n"
    for layer in 0..<layers {
      text += "param @layers.\(layer).weight : f32[24,24] init normal(0, 0.3)\n"
      if layer == 2 { text += "param @between : f32[7] init ones\n" }
      text += "param @layers.\(layer).bias : f32[24] init uniform(-1, 1)\n"
    }
    text += "\nfunc @run(%x: f32[40,24]) -> f32[40,24], f32[7] {\n  %between = read @between : f32[7]\n"
    for layer in 0..<layers {
      let input = layer == 0 ? "%x" : "%y\(layer - 1)"
      text += """
          %w\(layer) = read @layers.\(layer).weight : f32[24,24]
          %b\(layer) = read @layers.\(layer).bias : f32[24]
          %p\(layer) = matmul \(input), %w\(layer) : f32[40,24]
          %c\(layer) = broadcast %b\(layer) {shape = [40,24]} : f32[40,24]
          %s\(layer) = add %p\(layer), %c\(layer) : f32[40,24]
          %t\(layer) = softmax %s\(layer) {axis = -1} : f32[40,24]
          %y\(layer) = cumsum %t\(layer) {axis = 0} : f32[40,24]

        """
    }
    text += "  return %y\(layers - 1), %between\n}\n\nfunc @decay() {\n"
    for layer in 0..<layers {
      text += """
          %w\(layer) = read @layers.\(layer).weight : f32[24,24]
          %v\(layer) = add %w\(layer), %w\(layer) : f32[24,24]

        """
    }
    text += "  %old = read @between : f32[7]\n  %new = add %old, %old : f32[7]\n"
    let stores = (0..<layers).map { "@layers.\($0).weight = %v\($0)" } + ["@between = %new"]
    return text + "  return \(stores.joined(separator: ", "))\n}\n"
  }()

  @Test func layersAreALoop() throws {
    let subject = try Subject(Self.text, file: "stack.sluice")
    let plan = try subject.plan(level: .full)
    let source = CSource.emitC(plan).source
    let entry = try #require(source.firstRange(of: "STACK_API stack_status stack_run("))
    let code = source[entry.lowerBound...]
    #expect(code.contains("for (ptrdiff_t n = 0; n < "))
    #expect(code.contains("STACK_CONST_F32(params + 128 + n * 128)"))
    #expect(code.contains("STACK_F32(state + places[n][0])"))
    #expect(code.contains("stack_k5_add_row rows[6];"))
    let calls = plan.functions[0].steps.count { if case .call = $0 { true } else { false } }
    let printed = code.ranges(of: "_call(context").count
    #expect(calls >= 2 * Self.layers && printed < calls, "\(printed) of \(calls) calls\n\(code.prefix(6000))")

    guard var compiled = try CBackend(subject, plan) else { return }
    var interpreter = try InterpreterBackend(subject, plan)
    var random = SeededRandom(3)
    let x = random.tensor(.f32, [40, 24])
    for _ in 0..<2 {
      let (found, wanted) = (try compiled.run("run", [x]), try interpreter.run("run", [x]))
      #expect(found.map(\.words) == wanted.map(\.words))
      _ = try (compiled.run("decay", []), interpreter.run("decay", []))
      #expect(compiled.states.map(\.words) == interpreter.states.map(\.words))
    }
  }
}
