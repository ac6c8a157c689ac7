/// Recurrent layers against PyTorch (Tools/oracle/recurrent.py), with its parameters by their names.

import Sluice
import SluiceFormats
import Testing

import enum TestSupport.Repository

struct RecurrentTests {
  /// Outputs from zeros; outputs and last states from given states; the gradients of the sum of squared outputs.
  private static func model(isLSTM: Bool) -> Model {
    Model("recurrent") { model in
      let lstm = isLSTM ? model.module("lstm", LSTM(5, 6, layers: 2)) : nil
      let gru = isLSTM ? nil : model.module("gru", GRU(5, 6, layers: 2))
      func run(_ f: FunctionBuilder) -> (output: Tensor, h: [Tensor], c: [Tensor]) {
        let x = f.input("x", .f32, [4, 3, 5])
        let h = f.input("h", .f32, [2, 3, 6])
        if let gru {
          let result = gru(x, from: (0..<2).map { h[$0] })
          return (result.output, result.states, [])
        }
        guard let lstm else { return (x, [], []) }
        let c = f.input("c", .f32, [2, 3, 6])
        let result = lstm(x, from: (0..<2).map { (h: h[$0], c: c[$0]) })
        return (result.output, result.states.map(\.h), result.states.map(\.c))
      }
      model.function("zero") { f in
        let x = f.input("x", .f32, [4, 3, 5])
        f.output("output", lstm.map { $0(x) } ?? gru.map { $0(x) } ?? x)
      }
      model.function("run") { f in
        let (output, h, c) = run(f)
        f.output("output", output)
        f.output("last_h", stack(h))
        if isLSTM { f.output("last_c", stack(c)) }
      }
      model.function("train_step") { f in
        let output = run(f).output
        // With a rate of -1 plain descent adds the gradient to the parameter.
        SGD(lstm as Any, gru as Any, rate: .constant(-1)).step(minimizing: (output * output).sum())
        f.output("loss", (output * output).sum())
      }
    }
  }

  @Test(arguments: ["lstm", "gru"], [Backend.interpreter, .reference])
  func agreesWithTheReference(name: String, backend: Backend) throws {
    let archive = try TensorArchive.read("\(Repository.root)/Tests/Data/recurrent.npz")
    func tensor(_ key: String) throws -> HostTensor {
      try #require(try archive.tensor("\(name).\(key)"), "\(key)")
    }
    var session = try Session(Self.model(isLSTM: name == "lstm"), backend: backend)
    let parameters = session.stateNames.filter { !$0.hasSuffix(".step") }
    #expect(
      parameters
        == (0..<2).flatMap { layer in
          ["weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"].map { "\(name).\($0)\(layer)" }
        })
    for parameter in parameters {
      try session.setState(parameter, tensor(String(parameter.dropFirst(name.count + 1))))
    }
    func check(_ seen: HostTensor, _ key: String) throws {
      let wanted = try tensor(key)
      #expect(seen.shape == wanted.shape, "\(key)")
      for (a, b) in zip(seen.floats(), wanted.floats()) {
        #expect(abs(a - b) <= 2e-6 * max(1, abs(b)), "\(key)")
      }
    }
    let x = try #require(try archive.tensor("x"))
    try check(session.run("zero", [x])[0], "zero")
    var inputs = try [x, tensor("h")]
    if name == "lstm" { inputs.append(try tensor("c")) }
    let results = try session.run("run", inputs)
    for (result, key) in zip(results, ["output", "last_h", "last_c"]) { try check(result, key) }
    #expect(results.count == (name == "lstm" ? 3 : 2))
    _ = try session.run("train_step", inputs)
    for parameter in parameters {
      let key = String(parameter.dropFirst(name.count + 1))
      let (before, gradient) = (try tensor(key).floats(), try tensor("gradient.\(key)").floats())
      for (seen, (b, g)) in zip(try session.state(parameter).floats(), zip(before, gradient)) {
        #expect(abs(seen - (b + g)) <= 1e-5 * max(1, abs(g)), "\(key)")
      }
    }
  }

  @Test func wrongStatesAreMistakes() throws {
    let model = Model("wrong") { model in
      let net = model.module("net", GRU(5, 6, layers: 2))
      model.function("run") { f in
        let x = f.input("x", .f32, [4, 3, 5])
        f.output("y", net(x, from: [zeros([3, 6])]).output)
      }
    }
    #expect {
      _ = try model.trace()
    } throws: {
      "\($0)".contains("`GRU` of 2 layers begins with 2 states, not 1")
    }
  }

  @Test func noLayersAreAMistake() throws {
    let model = Model("empty") { model in
      let net = model.module("net", LSTM(5, 6, layers: 0))
      model.function("run") { f in f.output("y", net(f.input("x", .f32, [4, 3, 5]))) }
    }
    #expect {
      _ = try model.trace()
    } throws: {
      "\($0)".contains("`LSTM` has no layers")
    }
  }

  /// What is no sequence of batches is told, too.
  @Test func wrongRanksAreMistakes() throws {
    let model = Model("flat") { model in
      let net = model.module("net", LSTM(5, 6))
      model.function("run") { f in f.output("y", net(f.input("x", .f32, [5]))) }
    }
    #expect(throws: (any Error).self) { try model.trace() }
  }

  /// `x / sqrt(mean(x^2))` of a row 3, 4 is that over the root of 12.5.
  @Test func rootMeanSquareIsOne() throws {
    let model = Model("rms") { model in
      let norm = model.module("norm", RMSNorm(2, epsilon: 0))
      model.function("run") { f in f.output("y", norm(f.input("x", .f32, [1, 2]))) }
    }
    var session = try Session(model)
    let y = try session.run("run", [HostTensor([3, 4] as [Float], shape: [1, 2])])[0].floats()
    for (seen, wanted) in zip(y, [3 / Float(12.5).squareRoot(), 4 / Float(12.5).squareRoot()]) {
      #expect(abs(seen - wanted) < 1e-6)
    }
  }
}
