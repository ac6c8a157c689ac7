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
    text += stack("run", Array(0..<layers))
    text += stack("back", (0..<layers).reversed())
    text += "func @decay() {\n"
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

  /// A function that applies layers in an order.
  private static func stack(_ name: String, _ order: [Int]) -> String {
    var text =
      "\nfunc @\(name)(%x: f32[40,24]) -> f32[40,24], f32[7] {\n  %between = read @between : f32[7]\n"
    for (place, layer) in order.enumerated() {
      let input = place == 0 ? "%x" : "%y\(place - 1)"
      text += """
          %w\(place) = read @layers.\(layer).weight : f32[24,24]
          %b\(place) = read @layers.\(layer).bias : f32[24]
          %p\(place) = matmul \(input), %w\(place) : f32[40,24]
          %c\(place) = broadcast %b\(place) {shape = [40,24]} : f32[40,24]
          %s\(place) = add %p\(place), %c\(place) : f32[40,24]
          %t\(place) = softmax %s\(place) {axis = -1} : f32[40,24]
          %y\(place) = cumsum %t\(place) {axis = 0} : f32[40,24]

        """
    }
    return text + "  return %y\(order.count - 1), %between\n}\n\n"
  }

  @Test func layersAreALoop() throws {
    let subject = try Subject(Self.text, file: "stack.sluice")
    let plan = try subject.plan(level: .full)
    let source = CSource.emitC(plan).source
    let entry = try #require(source.firstRange(of: "STACK_API stack_status stack_run("))
    let code = source[entry.lowerBound...]
    #expect(code.contains("for (ptrdiff_t n = 0; n < "))
    #expect(code.contains("STACK_CONST_F32(params + 128 + n * 128)"))
    #expect(code.contains("STACK_F32(state + places[n][0])"))
    #expect(code.contains("STACK_CONST_F32(params + 512 - n * 128)"))
    #expect(code.contains("stack_k5_add_row rows[6];"))
    let calls = plan.functions[0].steps.count { if case .call = $0 { true } else { false } }
    let printed = code.ranges(of: "_call(context").count
    #expect(calls >= 2 * Self.layers && printed < calls, "\(printed) of \(calls) calls\n\(code.prefix(6000))")

    #expect(calls == plan.functions[1].steps.count { if case .call = $0 { true } else { false } })

    guard var compiled = try CBackend(subject, plan) else { return }
    var interpreter = try InterpreterBackend(subject, plan)
    var random = SeededRandom(3)
    let x = random.tensor(.f32, [40, 24])
    for _ in 0..<2 {
      for name in ["run", "back"] {
        let (found, wanted) = (try compiled.run(name, [x]), try interpreter.run(name, [x]))
        #expect(found.map(\.words) == wanted.map(\.words), "\(name)")
      }
      _ = try (compiled.run("decay", []), interpreter.run("decay", []))
      #expect(compiled.states.map(\.words) == interpreter.states.map(\.words))
    }
  }

  /// Every call has its own time, in loops too.
  @Test func everyCallIsTimed() throws {
    let subject = try Subject(Self.text, file: "stack.sluice")
    let plan = try subject.plan(level: .full)
    var options = CompiledModel.Options()
    options.profiles = true
    let model = try CompiledModel(
      plan, parameters: subject.values(.parameter), states: subject.values(.state), options: options)
    var random = SeededRandom(4)
    try model.beginProfile()
    _ = try model.run("run", inputs: [random.tensor(.f32, [40, 24])])
    let steps = try #require(plan.function("run")).steps
    for (step, time) in zip(steps, try model.stepTimes("run")) {
      if case .call = step { #expect(time.runs == 1) } else { #expect(time.runs == 0) }
    }
  }
}
