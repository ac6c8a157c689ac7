/// Why a plan was not run, or not run to its end: a wrong input, or a plan that is not well formed.

/// An error of the plan interpreter.
public enum InterpreterError: Error, Hashable, Sendable {
  /// The plan has no function of this name.
  case unknownFunction(String)
  /// A wrong number of parameters, states or inputs; `role` says of what.
  case tensorCount(role: String, expected: Int, actual: Int)
  /// A tensor has another dtype or shape than declared; the types as text.
  case tensorType(name: String, expected: String, actual: String)
  /// A block of states has another size in bytes.
  case stateSize(expected: Int, actual: Int)
  /// The shapes of the inputs give no values to the symbols; the reason as text.
  case binding(String)
  /// No value was given for a symbol.
  case unboundSymbol(String)
  /// The value of a symbol is negative or above its bound.
  case symbolOutOfBounds(name: String, value: Int64, bound: Int64)
  /// A dim that must not be negative is.
  case negativeDim(String, value: Int64)
  /// A dim does not fit 64 bits.
  case dimOverflow(String)
  /// A load or store beyond its buffer or local; `index` counts elements from its beginning.
  case outOfBounds(kernel: String, memory: String, index: Int, count: Int)
  /// A kernel that is not well formed; `instruction` is the position in its program, nil for the kernel as a whole.
  case invalidKernel(kernel: String, instruction: Int?, reason: String)
  /// A function's plan that is not well formed.
  case invalidPlan(function: String, reason: String)
  /// There is no memory of that size.
  case outOfMemory(bytes: Int)
  /// More loop iterations than `PlanInterpreter.Options.iterationLimit`.
  case tooManyIterations(limit: Int)
}

extension InterpreterError: CustomStringConvertible {
  /// The message: lower case, no full stop.
  public var description: String {
    switch self {
    case .unknownFunction(let name): "there is no function `@\(name)`"
    case .tensorCount(let role, let expected, let actual): "\(expected) \(role) expected, got \(actual)"
    case .tensorType(let name, let expected, let actual): "`\(name)` is \(expected), got \(actual)"
    case .stateSize(let expected, let actual): "the states have \(expected) bytes, got \(actual)"
    case .binding(let reason): reason
    case .unboundSymbol(let name): "the symbol `\(name)` has no value"
    case .symbolOutOfBounds(let name, let value, let bound):
      "the symbol `\(name)` is \(value), it must be in 0...\(bound)"
    case .negativeDim(let dim, let value): "the dim `\(dim)` is \(value) for these sizes"
    case .dimOverflow(let dim): "the dim `\(dim)` does not fit 64 bits for these sizes"
    case .outOfBounds(let kernel, let memory, let index, let count):
      "kernel `\(kernel)` accesses element \(index) of `\(memory)`, which has \(count)"
    case .invalidKernel(let kernel, let instruction, let reason):
      "kernel `\(kernel)`\(instruction.map { ", instruction \($0)" } ?? ""): \(reason)"
    case .invalidPlan(let function, let reason): "plan of `@\(function)`: \(reason)"
    case .outOfMemory(let bytes): "there is no memory for \(bytes) bytes"
    case .tooManyIterations(let limit): "more than \(limit) loop iterations"
    }
  }
}
