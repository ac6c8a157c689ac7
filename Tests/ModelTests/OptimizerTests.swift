/// Optimizers against PyTorch, LAMB and Lion against their papers (Tools/oracle/optimizers.py).

import Sluice
import SluiceFormats
import SluiceIR
import SluicePlan
import SluiceText
import Testing

import enum TestSupport.Repository

struct OptimizerTests {
  /// A variant of Tools/oracle/optimizers.py.
  enum Variant: String, CaseIterable, Sendable {
    case sgd, momentum, nesterov, adam, adamw, lamb, clipNorm = "clip_norm", clipValue = "clip_value"
    case lion, rmsprop, rmspropCentered = "rmsprop_centered", adagrad
    case cosine, steps, accumulated
    case adamBF16 = "adam_bf16", momentumF16 = "momentum_f16", accumulatedBF16 = "accumulated_bf16"

    /// The dtype of the parameters.
    var dtype: DType {
      switch self {
      case .adamBF16, .accumulatedBF16: .bf16
      case .momentumF16: .f16
      default: .f32
      }
    }

    var isAccumulated: Bool { self == .accumulated || self == .accumulatedBF16 }

    func optimizer(_ net: Regression) -> Optimizer {
      switch self {
      case .sgd: SGD(net, rate: 0.1, weightDecay: 0.05)
      case .momentum: SGD(net, rate: 0.1, momentum: 0.8)
      case .nesterov: SGD(net, rate: 0.1, momentum: 0.8, nesterov: true, weightDecay: 0.01)
      case .adam: Adam(net, rate: 0.1, weightDecay: 0.1)
      case .adamw: AdamW(net, rate: 0.1, beta1: 0.8, beta2: 0.99, weightDecay: 0.3)
      case .lamb: LAMB(net, rate: 0.1, weightDecay: 0.1)
      case .lion: Lion(net, rate: 0.03, beta1: 0.8, beta2: 0.95, weightDecay: 0.2)
      case .rmsprop: RMSprop(net, rate: 0.05, smoothing: 0.9, weightDecay: 0.1)
      case .rmspropCentered: RMSprop(net, rate: 0.02, smoothing: 0.8, momentum: 0.7, centered: true)
      case .adagrad: Adagrad(net, rate: 0.3, weightDecay: 0.05)
      case .clipNorm: SGD(net, rate: 0.1, clipping: .norm(0.5))
      case .clipValue: Adam(net, rate: 0.1, clipping: .value(0.2))
      case .cosine: SGD(net, rate: .cosine(peak: 0.2, warmup: 3, steps: 6, floor: 0.02))
      case .steps: SGD(net, rate: .steps(0.2, factor: 0.5, every: 2))
      case .accumulated, .accumulatedBF16: AdamW(net, rate: 0.1, weightDecay: 0.1, accumulation: 2)
      case .adamBF16: Adam(net, rate: 0.1, weightDecay: 0.1)
      case .momentumF16: SGD(net, rate: 0.1, momentum: 0.8, clipping: .norm(0.5))
      }
    }

    var model: Model {
      Model("regression") { model in
        let net = Regression(dtype)
        let optimizer = optimizer(net)
        let rows = Dim("N", max: 5)
        model.function("train_step") { f in
          let error = net(f.input("x", .f32, [rows, 3])) - f.input("y", .f32, [rows, 2])
          let loss = (error * error).mean()
          optimizer.step(minimizing: loss)
          f.output("loss", loss)
        }
        model.initializer()
      }
    }
  }

  struct Regression: Sluice.Module {
    @Param var a: Tensor
    @Param var b: Tensor

    init(_ dtype: DType = .f32) {
      _a = Param([3, 2], .normal(1), dtype: dtype)
      _b = Param([2], .zeros, dtype: dtype)
    }

    func forward(_ x: Tensor) -> Tensor { x.matmul(a.cast(.f32)) + b.cast(.f32) }
  }

  private func archive() throws -> TensorArchive {
    try TensorArchive.read("\(Repository.root)/Tests/Data/optimizers.npz")
  }

  private func tensor(_ name: String) throws -> HostTensor { try #require(try archive().tensor(name)) }

  @Test(arguments: Variant.allCases)
  func agreesWithTheReference(_ variant: Variant) throws {
    var session = try Session(variant.model)
    for name in ["a", "b"] { try session.setState(name, narrowed(tensor(name), variant.dtype)) }
    let (x, y) = (try tensor("x"), try tensor("y"))
    let losses = try tensor("\(variant.rawValue).losses").floats()
    for (step, expected) in losses.enumerated() {
      var inputs = [x, y]
      if variant.isAccumulated {
        inputs = [x, y].map { rows($0, from: step % 2, by: 2) }
      }
      let loss = try session.run("train_step", inputs)[0].floats()[0]
      #expect(abs(loss - expected) <= 1e-5 * abs(expected), "step \(step)")
    }
    for name in ["a", "b"] {
      let wanted = try tensor("\(variant.rawValue).\(name)")
      if variant.dtype.isNarrow {
        // What is stored has few bits: all of them are right.
        #expect(try session.state(name) == narrowed(wanted, variant.dtype), "`\(name)`")
        continue
      }
      let expected = wanted.floats()
      for (seen, wanted) in zip(try session.state(name).floats(), expected) {
        #expect(abs(seen - wanted) <= 1e-5 * max(abs(wanted), 0.1), "`\(name)`")
      }
    }
    let steps = session.stateNames.filter { $0.hasSuffix(".step") }
    #expect(try steps.map { try session.state($0).int64s()[0] } == [Int64(losses.count)])
  }

  private func narrowed(_ tensor: HostTensor, _ dtype: DType) -> HostTensor {
    dtype.isNarrow
      ? HostTensor(narrowing: tensor.floats().map { Double($0) }, to: dtype, shape: tensor.shape) : tensor
  }

  private func rows(_ tensor: HostTensor, from start: Int, by step: Int) -> HostTensor {
    let width = tensor.shape[1]
    let values = tensor.floats()
    let chosen = stride(from: start, to: tensor.shape[0], by: step)
    let kept = chosen.flatMap { values[($0 * width)..<(($0 + 1) * width)] }
    return HostTensor(Array(kept), shape: [kept.count / width, width])
  }

  /// `@init` writes what a session with that seed begins with, and the states of the optimizer.
  @Test func initializationGivesTheFirstValues() throws {
    let model = Variant.adam.model
    var session = try Session(model, seed: 1)
    let again = try Session(model, seed: 5)
    _ = try session.run("train_step", [tensor("x"), tensor("y")])
    _ = try session.run("init", [HostTensor(scalar: Int64(5))])
    #expect(session.stateNames.contains("adam.v.a"))
    for name in session.stateNames { #expect(try session.state(name) == again.state(name), "`\(name)`") }
  }

  /// A parameter that is trained is a parameter still: it is loaded by name, and constant without `train_step`.
  @Test func trainedParametersAreParameters() throws {
    let module = try Variant.sgd.model.trace()
    let session = try Session(module)
    #expect(session.plan.learnedVariables.map(\.name) == ["a", "b"])
    #expect(session.plan.parameters.isEmpty)
    #expect(session.stateNames.sorted() == ["a", "b", "sgd.step"])
  }

  /// States of f16 and bf16 parameters are f32, and so is what accumulates.
  @Test func statesOfNarrowParametersAreWide() throws {
    let session = try Session(Variant.accumulatedBF16.model)
    for purpose in ["m", "v", "sum"] { #expect(try session.state("adamw.\(purpose).a").dtype == .f32) }
    #expect(try session.state("a").dtype == .bf16)
  }

  private struct Pair: Sluice.Module {
    @Param var used: Tensor
    @Param var unused: Tensor

    init() {
      _used = Param([2], .ones)
      _unused = Param([2], .ones)
    }

    func forward(_ x: Tensor) -> Tensor { (x * used * used).sum() }
  }

  /// A parameter that the loss does not depend on stays, decay or not, and a remark says so.
  @Test func parametersThatTheLossDoesNotTouchStay() throws {
    var remarks: [Diagnostic] = []
    let module = try Model("m") { model in
      let net = model.module("net", Pair())
      let optimizer = AdamW(net, rate: 0.1, weightDecay: 0.5, decayed: .all)
      model.function("f") { f in
        let loss = net(f.input("x", .f32, [2]))
        optimizer.step(minimizing: loss)
        f.output("loss", loss)
      }
    }.trace { remarks.append($0) }
    #expect(remarks.map(\.severity) == [.remark])
    #expect(
      remarks.first?.message
        == "the loss does not depend on `net.unused`, which `adamw` is to train: it stays as it is")
    #expect(remarks.first?.place?.file.hasSuffix("OptimizerTests.swift") == true)
    var session = try Session(module)
    _ = try session.run("f", [HostTensor([1, 1] as [Float])])
    #expect(!printModule(module).contains("@net.unused ="))
    #expect(
      session.stateNames.contains("adamw.m.net.used") && !session.stateNames.contains("adamw.m.net.unused"))
    #expect(try session.state("net.used").floats() != [1, 1])
  }

  /// Where a loss depends on nothing that is trained, or on what it was before a step, nothing would be learned.
  @Test func lossesThatDependOnNothingAreReported() throws {
    func message(_ body: @escaping @Sendable (FunctionBuilder, Pair, Optimizer) -> Void) -> String {
      do throws(Diagnostics) {
        _ = try Model("m") { model in
          let net = model.module("net", Pair())
          let optimizer = SGD(net, rate: 0.1)
          model.function("f") { f in body(f, net, optimizer) }
        }.trace()
        return "no mistake"
      } catch { return "\(error)" }
    }
    let nothing = message { f, _, optimizer in
      let loss = f.input("x", .f32, [])
      optimizer.step(minimizing: loss)
      f.output("loss", loss)
    }
    #expect(nothing.contains("the loss depends on none of the parameters that `sgd` trains"))
    #expect(nothing.contains("give the optimizer the modules"))
    let stopped = message { f, net, optimizer in
      let loss = stopGradient(net(f.input("x", .f32, [2])))
      optimizer.step(minimizing: loss)
      f.output("loss", loss)
    }
    #expect(stopped.contains("depends on none"))
    let twice = message { f, net, optimizer in
      let loss = net(f.input("x", .f32, [2]))
      optimizer.step(minimizing: loss)
      optimizer.step(minimizing: loss * 2)
      f.output("loss", loss)
    }
    #expect(twice.contains("depends on none") && twice.contains("compute the loss again"))
    // From the new values it is another loss.
    let again = message { f, net, optimizer in
      let x = f.input("x", .f32, [2])
      optimizer.step(minimizing: net(x))
      let loss = net(x)
      optimizer.step(minimizing: loss)
      f.output("loss", loss)
    }
    #expect(again == "no mistake")
  }

  @Test func mistakesAreReported() throws {
    #expect {
      _ = try Model("m") { model in
        let optimizer = SGD(rate: 0.1)
        model.function("f") { f in
          optimizer.step(minimizing: f.input("x", .f32, []))
          f.output("y", f.input("y", .f32, []))
        }
      }.trace()
    } throws: { "\($0)".contains("`sgd` has no parameters to train") }
  }
}
