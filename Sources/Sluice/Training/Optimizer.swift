import SluiceIR

/// What is done to gradients before they are used.
public enum GradientClipping: Sendable, Hashable {
  /// Nothing.
  case none
  /// All gradients times `min(1, limit / norm)`, with the norm of all of them together (Pascanu et al. 2013,
  /// algorithm 1; the norm is increased by 1e-6, so that 0 is no trouble).
  case norm(Double)
  /// Every element clamped to `-limit ... limit`.
  case value(Double)
}

/// The parameters that weight decay pulls towards 0.
public enum DecayedParameters: Sendable {
  /// All.
  case all
  /// Those with two axes or more: matrices and kernels, but no biases and no gains.
  case matrices
  /// Those for whose name this is true: `blocks.0.attention.weight`.
  case named(@Sendable (String) -> Bool)
}

/// What changes parameters so that a loss falls: the base of `SGD`, `Adam`, `AdamW`, `LAMB`, `RMSprop`,
/// `Adagrad` and `Lion`, and of your own.
///
/// A subclass says in `updated` what becomes of one parameter. Sign descent (Bernstein et al. 2018, algorithm 1):
/// ```swift
/// final class SignDescent: Optimizer {
///   override func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
///     parameter - update.rate.cast(parameter.dtype) * sign(gradient)
///   }
/// }
/// ```
/// An optimizer belongs to one tracing: it is made in the closure of a `Model`, with the modules that it trains.
/// `step(minimizing:)` differentiates the loss, and writes new parameters, its own states and the number of steps. All
/// states begin with 0 and are named after the parameter: `adamw.m.blocks.0.weight`. Parameters of f16 and bf16 are
/// trained too: gradients and states are f32, and what is written is computed in f32 and rounded once. Parameters that
/// the loss does not depend on stay as they are, with a remark; when it depends on none of them, that is a mistake.
open class Optimizer {
  /// The name that its states begin with.
  public let name: String
  /// How far a step goes.
  public let rate: LearningRate
  /// What is done to gradients first.
  public let clipping: GradientClipping
  /// How strongly parameters are pulled towards 0.
  public let weightDecay: Double
  /// Which parameters are.
  public let decayed: DecayedParameters
  /// How many calls of `step` make one step: their gradients are averaged.
  public let accumulation: Int

  private let modules: [Any]
  private let count: State
  private var slots: [String: State] = [:]
  private let site: Site

  /// The base of an optimizer.
  ///
  /// - Parameters:
  ///   - name: What the states begin with, and the scope of the step: an identifier.
  ///   - modules: Modules, parameters, arrays of them.
  ///   - rate: The learning rate.
  ///   - clipping: What is done to gradients first.
  ///   - weightDecay: How strongly parameters are pulled towards 0.
  ///   - decayed: Which parameters are; the others have an `update.decay` of 0.
  ///   - accumulation: How many calls make one step.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ name: String, _ modules: [Any], rate: LearningRate, clipping: GradientClipping = .none,
    weightDecay: Double = 0, decayed: DecayedParameters = .all, accumulation: Int = 1, file: String = #fileID,
    line: Int = #line, column: Int = #column
  ) {
    let site = Site(file, line, column)
    self.name = name
    self.modules = modules
    self.rate = rate
    self.clipping = clipping
    self.weightDecay = weightDecay
    self.decayed = decayed
    self.accumulation = Swift.max(accumulation, 1)
    self.site = site
    count = State([], .zeros, dtype: .i64, file: site.file, line: site.line, column: site.column)
  }

  /// The new value of a parameter.
  ///
  /// - Parameters:
  ///   - parameter: Its value, f32 where it is f16 or bf16.
  ///   - gradient: Its gradient, clipped, of the same type.
  ///   - update: The rate, the number of this step, and the states of the parameter.
  /// - Returns: A tensor of the same type; what a subclass does not override leaves the parameter as it is.
  open func updated(_ parameter: Tensor, _ gradient: Tensor, _ update: ParameterUpdate) -> Tensor {
    parameter
  }

  /// Differentiates a loss, and changes all parameters that it is trained by.
  ///
  /// - Parameters:
  ///   - loss: A float scalar of the function that is being traced.
  ///   - file: The file of the call.
  ///   - line: The line of the call.
  ///   - column: The column of the call.
  public func step(
    minimizing loss: Tensor, file: String = #fileID, line: Int = #line, column: Int = #column
  ) {
    let site = Site(file, line, column)
    guard let trace = Trace.current else { return }
    guard trace.frames.last?.isFunction == true else {
      trace.report("an optimizer makes its step in a function, not in a body", at: site)
      return
    }
    trace.enterScope(name, at: site)
    defer { trace.leave() }
    let parameters = parameters(trace, at: site)
    guard !parameters.isEmpty else {
      trace.report(
        "`\(name)` has no parameters to train", hint: "give it the modules: `\(name)(net)`", at: site)
      return
    }
    guard let (trained, gradients) = gradients(of: loss, by: parameters, trace, at: site) else { return }
    declare(count, "\(name).step", trace, at: site)
    if accumulation == 1 {
      apply(trained, clipped(gradients, at: site), step: count.value, trace, at: site)
      count.value = count.value + 1
    } else {
      accumulate(trained, gradients, trace, at: site)
    }
  }

  /// A parameter that is trained.
  private struct Trained {
    let cell: VariableCell
    let name: String
    /// Its value, and the same in the dtype of its gradient: f32 for f16 and bf16.
    let value: Tensor
    let wide: Tensor
  }

  /// The parameters that a loss depends on, and its gradients; nil where there are none, which is reported.
  private func gradients(
    of loss: Tensor, by parameters: [(cell: VariableCell, name: String)], _ trace: Trace, at site: Site
  ) -> ([Trained], [Tensor])? {
    if !loss.isPoison, loss.rank != 0 {
      trace.report(
        "`\(name)` minimizes \(loss), which is no scalar", hint: "reduce it: `.mean()` or `.sum()`", at: site)
      return nil
    }
    let wasWritten = parameters.contains { trace.frames[0].written[$0.cell.id] != nil }
    let values = parameters.map { trace.read($0.cell) }
    guard let found = trace.dependentCotangents(of: values, from: [(loss, nil)], at: site),
      trace.diagnostics.isEmpty
    else { return nil }
    let hint =
      wasWritten
      ? "parameters that `\(trace.frames[0].name)` has written are other values from there on: compute the loss again "
        + "from them, or add the losses up and make one step"
      : "give the optimizer the modules that the loss is computed by; integers, comparisons and `stopGradient` let no "
        + "gradient through"
    var (trained, gradients, untouched) = ([Trained](), [Tensor](), [String]())
    for (index, parameter) in parameters.enumerated() {
      guard let gradient = found[index] else {
        untouched.append("`\(parameter.name)`")
        continue
      }
      let wide = values[index].cast(gradient.dtype)
      trained.append(
        Trained(cell: parameter.cell, name: parameter.name, value: values[index], wide: wide))
      gradients.append(gradient)
    }
    guard !trained.isEmpty else {
      trace.report(
        "the loss depends on none of the parameters that `\(name)` trains", hint: hint, at: site)
      return nil
    }
    if !untouched.isEmpty {
      let shown = untouched.prefix(4).joined(separator: ", ")
      let rest = untouched.count > 4 ? " and \(untouched.count - 4) more" : ""
      trace.remark(
        "the loss does not depend on \(shown)\(rest), which `\(name)` is to train: "
          + (untouched.count == 1 ? "it stays as it is" : "they stay as they are"), hint: hint, at: site)
    }
    return (trained, gradients)
  }

  /// Sums gradients up, and makes the step in every `accumulation`th call.
  private func accumulate(
    _ parameters: [Trained], _ gradients: [Tensor], _ trace: Trace, at site: Site
  ) {
    let sums = zip(parameters, gradients).map { parameter, gradient -> (State, Tensor) in
      let state = slot("sum", parameter.name, like: gradient, trace, at: site)
      return (state, state.value + gradient)
    }
    let call = count.value + 1
    let isDue = (call % accumulation) .== 0
    let means = sums.map { $0.1 / Double(accumulation) }
    // All is computed in every call, and kept where the step is due.
    let written = apply(
      parameters, clipped(means, at: site), step: count.value / accumulation, trace, at: site)
    for (write, old) in written { write(select(where: isDue, write.value, old)) }
    for (state, sum) in sums { state.value = select(where: isDue, sum * 0, sum) }
    count.value = call
  }

  /// A variable that was written, with what it was before.
  struct Written {
    let cell: VariableCell
    let trace: Trace

    var value: Tensor { trace.read(cell) }
    func callAsFunction(_ tensor: Tensor) { trace.write(cell, tensor) }
  }

  @discardableResult
  private func apply(
    _ parameters: [Trained], _ gradients: [Tensor], step: Tensor, _ trace: Trace, at site: Site
  ) -> [(Written, Tensor)] {
    let done = step.cast(.f64)
    let rate = Trace.scoped("rate", at: site) { self.rate.rate(done) }
    var written: [(Written, Tensor)] = []
    for (parameter, gradient) in zip(parameters, gradients) {
      let (name, wide) = (parameter.name, parameter.wide)
      trace.enterScope(name, at: site)
      defer { trace.leave() }
      var decay = weightDecay
      switch decayed {
      case .all: break
      case .matrices: if wide.rank < 2 { decay = 0 }
      case .named(let isDecayed): if !isDecayed(name) { decay = 0 }
      }
      let update = ParameterUpdate(rate: rate, step: done + 1, decay: decay) { purpose in
        let state = self.slot(purpose, name, like: wide, trace, at: site)
        written.append((Written(cell: state.cell, trace: trace), state.value))
        return state
      }
      let next = updated(wide, gradient, update).cast(parameter.value.dtype)
      written.append((Written(cell: parameter.cell, trace: trace), parameter.value))
      trace.write(parameter.cell, next)
    }
    return written
  }

  // MARK: Parameters and states

  /// The parameters of the modules with their names, each once.
  private func parameters(_ trace: Trace, at site: Site) -> [(cell: VariableCell, name: String)] {
    var found: [(cell: VariableCell, name: String)] = []
    var seen: Set<ObjectIdentifier> = []
    for module in modules {
      Reflection.forEachCell(in: module) { cell, _ in
        guard cell.kind == .parameter, cell.dtype.isFloating, seen.insert(cell.id).inserted else { return }
        guard let binding = trace.binding(of: cell, at: site) else { return }
        found.append((cell, binding.name))
      }
    }
    return found
  }

  private func slot(
    _ purpose: String, _ parameter: String, like tensor: Tensor, _ trace: Trace, at site: Site
  ) -> State {
    let key = "\(name).\(purpose).\(parameter)"
    if let known = slots[key] { return known }
    let state = State(
      tensor.shape, .zeros, dtype: tensor.dtype, file: site.file, line: site.line, column: site.column)
    slots[key] = state
    declare(state, key, trace, at: site)
    return state
  }

  private func declare(_ state: State, _ name: String, _ trace: Trace, at site: Site) {
    if trace.bindings[state.cell.id] == nil { trace.declare(state.cell, name, at: site) }
  }

  private func clipped(_ gradients: [Tensor], at site: Site) -> [Tensor] {
    if clipping == .none { return gradients }
    return Trace.scoped("clipping", at: site) { clipped(gradients) }
  }

  private func clipped(_ gradients: [Tensor]) -> [Tensor] {
    switch clipping {
    case .none: return gradients
    case .value(let limit): return gradients.map { clamp($0, -limit, limit) }
    case .norm(let limit):
      guard let first = gradients.first else { return [] }
      let squares = gradients.dropFirst().reduce((first * first).sum()) {
        $0 + ($1 * $1).sum().cast(first.dtype)
      }
      let factor = minimum(limit / (sqrt(squares) + 1e-6), 1)
      return gradients.map { $0 * factor.cast($0.dtype) }
    }
  }
}

/// What an optimizer knows when it changes a parameter.
public struct ParameterUpdate {
  /// The rate of this step, f64 `[]`.
  public let rate: Tensor
  /// The number of this step from 1, f64 `[]`.
  public let step: Tensor
  /// The weight decay of this parameter.
  public let decay: Double
  /// A state of the parameter's shape and its gradient's dtype for a purpose, an identifier; 0 at first.
  public let state: (_ purpose: String) -> State
}
