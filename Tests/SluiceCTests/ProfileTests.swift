// Times of steps, measured by the C itself.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceText
import Testing

@Suite struct ProfileTests {
  private static let text = """
    module @timed

    body @step(%sum: f32[256,256], %row: f32[256,256]) -> f32[256,256] {
      %p = matmul %row, %row : f32[256,256]
      %next = add %sum, %p : f32[256,256]
      return %next
    }

    func @sums(%x: f32[T,256,256], %start: f32[256,256]) -> f32[256,256] where T <= 4 {
      %y = scan @step, %start, %x {carries = 1, sequences = 1} : f32[256,256]
      return %y
    }

    func @other(%x: f32[4]) -> f32[4] {
      %y = negate %x : f32[4]
      return %y
    }
    """

  @Test func stepsAreTimed() throws {
    let plan = try Planner.plan(parseModule(Self.text, file: "timed.sluice"))
    var options = CompiledModel.Options()
    options.profiles = true
    let model = try CompiledModel(plan, parameters: [], states: [], options: options)
    let input = try HostTensor(
      dtype: .f32, shape: [3, 256, 256], bytes: [UInt8](repeating: 0, count: 3 << 18))
    let start = try HostTensor(dtype: .f32, shape: [256, 256], bytes: [UInt8](repeating: 0, count: 1 << 18))
    _ = try model.run("sums", inputs: [input, start])
    let steps = try #require(plan.function("sums")).steps
    // Nothing is measured yet.
    #expect(try model.stepTimes("sums").map(\.runs) == [Int](repeating: 0, count: steps.count))
    try model.beginProfile()
    let clock = ContinuousClock()
    let duration = try clock.measure {
      for _ in 0..<2 { _ = try model.run("sums", inputs: [input, start]) }
    }
    let times = try model.stepTimes("sums")
    #expect(times.count == steps.count)
    var turns = 1
    for (step, time) in zip(steps, times) {
      switch step {
      case .loop: turns = 3
      case .end: turns = 1
      case .call: #expect(time.runs == 2 * turns)
      default: break
      }
    }
    let sum = times.reduce(0) { $0 + $1.seconds }
    #expect(sum > 0 && .seconds(sum) <= duration)
    #expect(try model.stepTimes("other").allSatisfy { $0.runs == 0 && $0.seconds == 0 })
    // It begins anew.
    try model.beginProfile()
    #expect(try model.stepTimes("sums").allSatisfy { $0.runs == 0 && $0.seconds == 0 })
    #expect(throws: RunError.self) { try model.stepTimes("none") }
  }

  /// Without the macro nothing of it is left, and a model that was made without says so.
  @Test func nothingWithoutTheMacro() throws {
    let plan = try Planner.plan(parseModule(Self.text, file: "timed.sluice"))
    let model = try CompiledModel(plan, parameters: [], states: [])
    #expect(throws: CompileError.self) { try model.beginProfile() }
  }
}
