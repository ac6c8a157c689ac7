package import SluiceIR

/// Where the parts of a plan stand in the text that it was read from.
package struct PlanLines: Sendable {
  /// A part of a plan; kernels and functions by position.
  package enum Part: Sendable, Hashable {
    /// All of it.
    case plan
    /// A kernel's instruction; -1 for the kernel as a whole.
    case instruction(Int, Int)
    /// A function.
    case function(Int)
    /// A function's buffer.
    case buffer(Int, Int)
    /// A function's step.
    case step(Int, Int)
  }

  /// A kernel or a function.
  package struct Item: Sendable {
    /// Where it begins.
    package var line: Int
    /// The lines of the instructions, or of the steps.
    package var steps: [Int32] = []
    /// The lines of the buffers.
    package var buffers: [Int32] = []
  }

  /// The file as the user named it.
  package var file: String
  /// The kernels.
  package var kernels: [Item] = []
  /// The functions.
  package var functions: [Item] = []

  /// Where a part stands.
  package func place(of part: Part) -> Diagnostic.Place {
    Diagnostic.Place(file: file, line: line(of: part), column: 0)
  }

  /// The line of a part; that of its kernel or function where there is none of its own, else 0.
  private func line(of part: Part) -> Int {
    func own(_ items: [Item], _ item: Int, _ lines: (Item) -> [Int32], _ number: Int) -> Int {
      guard items.indices.contains(item) else { return 0 }
      let found = lines(items[item])
      return found.indices.contains(number) ? Int(found[number]) : items[item].line
    }
    return switch part {
    case .plan: 0
    case .instruction(let kernel, let number): own(kernels, kernel, \.steps, number)
    case .function(let function): own(functions, function, \.steps, -1)
    case .buffer(let function, let number): own(functions, function, \.buffers, number)
    case .step(let function, let number): own(functions, function, \.steps, number)
    }
  }
}
