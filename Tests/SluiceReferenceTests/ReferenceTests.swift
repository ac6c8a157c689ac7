/// The evaluator's own behaviour: variables, states, precision, and what it says to wrong arguments.

import SluiceFormats
import SluiceIR
import SluiceReference
import Testing

struct ReferenceTests {
  private static let counter = """
    param @step : i32[2] init data [3, 4]
    state @count : i32[2] init zeros

    func @f(%x: i32[N,2]) -> (sum: i32[2]) where N <= 4 {
      %step = read @step : i32[2]
      %count = read @count : i32[2]
      %sum = sum %x {axes = [0]} : i32[2]
      %more = add %count, %step : i32[2]
      %next = add %more, %sum : i32[2]
      return %count, @count = %next
    }

    func @pure(%x: f32[], %y: f32[B,B]) -> f32[] where B <= 3 {
      return %x
    }

    """

  @Test func statesAreReadAtEntryAndWrittenAtExit() throws {
    let module = try parse(Self.counter)
    let reference = Reference(module)
    var variables = try Reference.initialVariables(of: module, seed: 0)
    #expect(variables["step"]?.integers == [3, 4])
    let x = HostTensor([Int32(1), 2], shape: [1, 2])
    for call in 0..<3 {
      let outcome = try reference.run(function: "f", inputs: [x], variables: variables)
      #expect(outcome.results[0].integers == [Int64(4 * call), Int64(6 * call)])
      #expect(outcome.states.keys.sorted() == ["count"])
      for (name, value) in outcome.states { variables[name] = value }
    }
    #expect(variables["count"]?.integers == [12, 18])
  }

  private func message(_ function: String, _ inputs: [any ReferenceConvertible]) -> String {
    do {
      let reference = Reference(try parse(Self.counter))
      let count = ReferenceTensor(.i32, [2], integers: [0, 0])
      _ = try reference.run(function: function, inputs: inputs, variables: ["count": count])
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func wrongArgumentsAreNamed() throws {
    let scalar = HostTensor(scalar: Float(1))
    func matrix(_ shape: Int...) throws -> HostTensor { try HostTensor.zeros(.f32, shape: shape) }
    func integers(_ shape: Int...) throws -> HostTensor { try HostTensor.zeros(.i32, shape: shape) }
    #expect(message("g", []) == "there is no function `@g`, the functions are `@f`, `@pure`")
    #expect(message("pure", [scalar]) == "`@pure` takes 2 inputs, got 1")
    #expect(
      message("pure", [scalar, try matrix(2, 3)])
        == "axis 1 of input `y` of `@pure` is `B` = 2, the array given has 3")
    #expect(
      message("pure", [scalar, try matrix(4, 4)])
        == "axis 0 of input `y` of `@pure` makes `B` = 4, it may be at most 3")
    #expect(
      message("pure", [scalar, try matrix(3)]) == "input `y` of `@pure` has 2 axes, the array given has 1")
    #expect(
      message("pure", [try integers(), try matrix(3, 3)])
        == "input `x` of `@pure` is f32, the array given is i32")
    #expect(message("pure", [scalar, try matrix(0, 0)]) == "no error")
    #expect(message("f", [try integers(1, 2)]) == "`@f` reads `@step`, which has no value")
  }

  @Test func variablesMustFit() throws {
    let reference = Reference(try parse(Self.counter))
    let wrong = ReferenceTensor(.i32, [3], integers: [0, 0, 0])
    let x = HostTensor([Int32(1), 2], shape: [1, 2])
    #expect {
      try reference.run(function: "f", inputs: [x], variables: ["count": wrong, "step": wrong])
    } throws: { "\($0)" == "`@step` is i32[2], the value given is i32[3]" }
  }

  @Test func whatDoesNotFitMemoryIsAnError() throws {
    let module = try parse(
      """
      func @f(%x: f32[N]) -> f32[N,N,N] where N <= 1000000 {
        %y = broadcast %x {shape = [N,N,N]} : f32[N,N,N]
        return %y
      }

      """)
    let input = HostTensor([Float](repeating: 0, count: 2000))
    #expect {
      try Reference(module).run(function: "f", inputs: [input])
    } throws: {
      "\($0)" == "a value of f32[N,N,N] in `@f` has more than 1073741824 elements for these sizes"
    }
    var reference = Reference(module)
    reference.elementLimit = 8
    let two = HostTensor([Float](repeating: 0, count: 2))
    #expect(try reference.run(function: "f", inputs: [two]).results[0].shape == [2, 2, 2])
  }

  @Test func whatIsEmptyMayBeLarge() throws {
    let wide = "f32[4,0,1099511627776]"
    let found = try results(
      """
      func @f(%x: \(wide), %m: f32[1099511627776,0,0]) -> f32[], \(wide), f32[1099511627776,0,0] {
        %a = exp %x : \(wide)
        %b = reverse %a : \(wide)
        %c = concat %b, %x {axis = 1} : \(wide)
        %d = sum %c : f32[]
        %e = sum %c {axes = [0,2]} : f32[0]
        %i = inverse %m : f32[1099511627776,0,0]
        return %d, %c, %i
      }

      """,
      [
        try HostTensor.zeros(.f32, shape: [4, 0, 1 << 40]),
        try HostTensor.zeros(.f32, shape: [1 << 40, 0, 0]),
      ])
    #expect(found[0] == ReferenceTensor(.f32, [], floats: [0]))
    #expect(found[1].shape == [4, 0, 1 << 40] && found[2].shape == [1 << 40, 0, 0])
  }

  @Test func tensorsGoToTheHostAndBack() throws {
    let tensors = [
      HostTensor([Float(0.1), -0.0, .infinity], shape: [3, 1]), HostTensor([0.1, -1e300]),
      HostTensor([Int32.min, 7]),
      HostTensor([Int64.min, .max]), HostTensor([UInt8(0), 255], shape: [1, 2]), HostTensor([true, false]),
      HostTensor(scalar: Int32(5)), try HostTensor.zeros(.f64, shape: [0, 3]),
    ]
    for tensor in tensors { #expect(tensor.referenceTensor.hostTensor == tensor) }
    #expect(tensors[0].referenceTensor.floats[0] == Double(Float(0.1)))
    #expect(tensors[5].referenceTensor.integers == [1, 0])
  }

  /// In exact64, f32 is only a name.
  @Test func exactKeepsEveryDigit() throws {
    let text = """
      func @f(%x: f32[], %n: i64[]) -> f32[], f32[], f32[2] {
        %y = sqrt %x : f32[]
        %c = cast %n {dtype = f32} : f32[]
        %i = iota {shape = [2], dtype = f32} : f32[2]
        return %y, %c, %i
      }

      """
    let inputs: [any ReferenceConvertible] = [
      HostTensor(scalar: Float(2)), HostTensor(scalar: Int64(16_777_217)),
    ]
    let typed = try results(text, inputs).map(\.floats)
    let exact = try results(text, inputs, precision: .exact64).map(\.floats)
    #expect(typed[0] == [Double(Float(2).squareRoot())] && exact[0] == [2.squareRoot()])
    #expect(typed[1] == [16_777_216] && exact[1] == [16_777_217])
  }
}

struct InitializerTests {
  private static let text = """
    param @zeros : f32[2,3]
    param @ones : bool[2] init ones
    param @constant : u8[] init constant(7)
    param @eye : f64[2,2] init eye
    param @data : i64[2] init data [-5, 9223372036854775807]
    param @uniform : f32[1000] init uniform(-2, 6)
    state @normal : f32[2,5,100] init normal(3, 0.5)
    state @wide : f64[1000] init normal(0, 1)
    state @deep : f32[1,1,1,1,1,1,2,2] init normal(0, 1)

    func @f() {
      return
    }

    """

  @Test func valuesAreAsDeclared() throws {
    let module = try parse(Self.text)
    let values = try Reference.initialVariables(of: module, seed: 11)
    func floats(_ name: String) throws -> [Double] { try #require(values[name]).floats }
    #expect(values.count == 9)
    #expect(values["zeros"] == ReferenceTensor(.f32, [2, 3], floats: [Double](repeating: 0, count: 6)))
    #expect(values["ones"] == ReferenceTensor(.bool, [2], integers: [1, 1]))
    #expect(values["constant"] == ReferenceTensor(.u8, [], integers: [7]))
    #expect(try floats("eye") == [1, 0, 0, 1])
    #expect(values["data"]?.integers == [-5, .max])
    #expect(try floats("uniform").allSatisfy { $0 >= -2 && $0 < 6 })
    let mean = try floats("normal").reduce(0, +) / 1000
    #expect((mean - 3).magnitude < 0.1)
    #expect(values["deep"]?.shape == [1, 1, 1, 1, 1, 1, 2, 2])
  }

  /// `uniform(low, high)` is `low + (high - low) u` of the op, with the variable's position as its stream.
  @Test func drawsAreThoseOfTheOps() throws {
    let module = try parse(Self.text)
    let values = try Reference.initialVariables(of: module, seed: 11)
    let drawn = try results(
      """
      func @f(%seed: i64[], %five: i64[], %six: i64[], %seven: i64[]) -> f32[1000], f32[2,5,100], f32[1000] {
        %u = uniform %seed, %five {shape = [1000]} : f32[1000]
        %n = normal %seed, %six {shape = [2,5,100]} : f32[2,5,100]
        %w = normal %seed, %seven {shape = [1000]} : f32[1000]
        return %u, %n, %w
      }

      """, [11, 5, 6, 7].map { ReferenceTensor(.i64, [], integers: [$0]) })
    func rounded(_ x: Double) -> Double { Double(Float(x)) }
    #expect(values["uniform"]?.floats == drawn[0].floats.map { rounded(rounded(8 * $0) - 2) })
    #expect(values["normal"]?.floats == drawn[1].floats.map { rounded(rounded(0.5 * $0) + 3) })
    #expect(values["wide"]?.floats == drawn[2].floats)
  }

  @Test func seedsAndPositionsMatter() throws {
    let module = try parse(Self.text)
    let (a, b) = (
      try Reference.initialVariables(of: module, seed: 1), try Reference.initialVariables(of: module, seed: 2)
    )
    #expect(a["uniform"] != b["uniform"])
    #expect(a["zeros"] == b["zeros"])
    #expect(try Reference.initialVariables(of: module, seed: 1) == a)
    #expect(Array((a["wide"]?.floats ?? []).prefix(4)) != (a["deep"]?.floats ?? []))
  }
}
