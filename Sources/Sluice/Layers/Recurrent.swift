import SluiceIR

/// The parameters of recurrent layers, one cell above the other, named and laid out as PyTorch does: `weight_ih_l0`,
/// `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then those of layer 1, so that its files fit.
struct RecurrentCells: CustomReflectable {
  /// The parameters of one cell.
  private struct Cell {
    let input: Param
    let hidden: Param
    let inputBias: Param
    let hiddenBias: Param
  }

  private let cells: [Cell]
  private let hidden: Dim
  private let site: Site

  /// All values are uniform within 1 / sqrt(hidden) of 0.
  init(_ input: Dim, _ hidden: Dim, gates: Int, layers: Int, _ site: Site) {
    self.site = site
    let limit = 1 / Double(Swift.max(hidden.value ?? 1, 1)).squareRoot()
    func param(_ shape: Shape) -> Param {
      Param(shape, .uniform(-limit, limit), file: site.file, line: site.line, column: site.column)
    }
    self.hidden = hidden
    let rows = hidden * gates
    cells = (0..<Swift.max(layers, 0)).map { layer in
      Cell(
        input: param([rows, layer == 0 ? input : hidden]), hidden: param([rows, hidden]),
        inputBias: param([rows]), hiddenBias: param([rows]))
    }
  }

  /// The weights of a layer.
  private func weights(_ layer: Int) -> CellWeights {
    let cell = cells[layer]
    return CellWeights(
      input: cell.input.value, hidden: cell.hidden.value, inputBias: cell.inputBias.value,
      hiddenBias: cell.hiddenBias.value)
  }

  /// The names of parameters are the labels of a mirror.
  var customMirror: Mirror {
    let children = cells.enumerated().flatMap { layer, cell -> [Mirror.Child] in
      [
        ("weight_ih_l\(layer)", cell.input), ("weight_hh_l\(layer)", cell.hidden),
        ("bias_ih_l\(layer)", cell.inputBias), ("bias_hh_l\(layer)", cell.hiddenBias),
      ]
    }
    return Mirror(self, children: children, displayStyle: .struct)
  }

  /// The states of the last layer at all times, and the last states of every layer, for `[T, B, input]`.
  ///
  /// - Parameters:
  ///   - name: What the layer is called in messages.
  ///   - x: The sequence.
  ///   - states: The first states, a list a layer; zeros when left out.
  ///   - count: How many states a layer has; the first of them is its output.
  ///   - site: The place of the call, where it is known.
  ///   - cell: The next states, from those before and a part of the sequence.
  func run(
    _ name: String, _ x: Tensor, from states: [[Tensor]]?, count: Int, at site: Site? = nil,
    _ cell: (_ states: [Tensor], _ x: Tensor, _ weights: CellWeights) -> [Tensor]
  ) -> (output: Tensor, states: [[Tensor]]) {
    if cells.isEmpty {
      Trace.current?.report(
        "`\(name)` has no layers", hint: "it has one or more", at: self.site, once: "\(self.site)")
    }
    if let states, states.count != cells.count {
      Trace.current?.report(
        "`\(name)` of \(cells.count) layers begins with \(cells.count) states, not \(states.count)",
        at: site ?? self.site)
      return (x, states)
    }
    var output = x
    var last: [[Tensor]] = []
    for layer in cells.indices {
      let zeros = Sluice.zeros([output.shape[1], hidden], output.dtype)
      let first = states?[layer] ?? [Tensor](repeating: zeros, count: count)
      let weights = weights(layer)
      let all = scan(over: [output], from: first) { states, parts in
        let next = cell(states, Tensor.element(parts, 0), weights)
        return (next, Array(next.prefix(1)))
      }
      last.append((0..<count).map { Tensor.element(all.carries, $0) })
      output = Tensor.element(all.outputs, 0)
    }
    return (output, last)
  }
}

/// Long short-term memories (Hochreiter and Schmidhuber 1997) along a sequence, one above the other.
///
/// i = sigmoid(W_ii x + b_ii + W_hi h + b_hi), f and o likewise, g = tanh(W_ig x + b_ig + W_hg h + b_hg),
/// c := f c + i g, h := o tanh(c). Parameters have the names, the layout and the gates i, f, g, o of `torch.nn.LSTM`.
public struct LSTM: Module, CustomReflectable {
  private let cells: RecurrentCells

  /// Layers from `input` features to `hidden` ones.
  ///
  /// - Parameters:
  ///   - input: The last dim of what it takes.
  ///   - hidden: The size of states, and the last dim of what it gives.
  ///   - layers: How many, each on the states of the one below.
  ///   - file: The file of the declaration.
  ///   - line: The line of the declaration.
  ///   - column: The column of the declaration.
  public init(
    _ input: Dim, _ hidden: Dim, layers: Int = 1, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    cells = RecurrentCells(input, hidden, gates: 4, layers: layers, Site(file, line, column))
  }

  /// What names its parameters.
  public var customMirror: Mirror { cells.customMirror }

  /// The states of the last layer, `[T, B, hidden]`, for `[T, B, input]`; all begin with 0.
  public func forward(_ x: Tensor) -> Tensor { cells.run("LSTM", x, from: nil, count: 2, Self.next).output }

  /// The same from given states, one pair of h and c a layer, each `[B, hidden]`; gives the last ones too.
  public func callAsFunction(
    _ x: Tensor, from states: [(h: Tensor, c: Tensor)], file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) -> (output: Tensor, states: [(h: Tensor, c: Tensor)]) {
    guard let trace = Trace.current else { return (x, states) }
    let site = Site(file, line, column)
    trace.enter(self, typeName: "LSTM", at: site)
    defer { trace.leave() }
    let result = cells.run("LSTM", x, from: states.map { [$0.h, $0.c] }, count: 2, at: site, Self.next)
    return (result.output, result.states.map { (h: $0[0], c: $0[1]) })
  }

  private static func next(_ states: [Tensor], _ x: Tensor, _ weights: CellWeights) -> [Tensor] {
    let next = lstmCell(x, state: Tensor.element(states, 0), cell: Tensor.element(states, 1), weights)
    return [next.state, next.cell]
  }
}

/// Gated recurrent units along a sequence, one above the other.
///
/// Source: Cho, van Merriënboer and others 2014, equations 5 to 8, with the reset inside as PyTorch has it:
/// r = sigmoid(W_ir x + b_ir + W_hr h + b_hr), z likewise, n = tanh(W_in x + b_in + r (W_hn h + b_hn)),
/// h := (1 - z) n + z h. Parameters have the names, the layout and the gates r, z, n of `torch.nn.GRU`.
public struct GRU: Module, CustomReflectable {
  private let cells: RecurrentCells

  /// Layers from `input` features to `hidden` ones; see `LSTM`.
  public init(
    _ input: Dim, _ hidden: Dim, layers: Int = 1, file: String = #fileID, line: Int = #line,
    column: Int = #column
  ) {
    cells = RecurrentCells(input, hidden, gates: 3, layers: layers, Site(file, line, column))
  }

  /// What names its parameters.
  public var customMirror: Mirror { cells.customMirror }

  /// The states of the last layer, `[T, B, hidden]`, for `[T, B, input]`; all begin with 0.
  public func forward(_ x: Tensor) -> Tensor { cells.run("GRU", x, from: nil, count: 1, Self.next).output }

  /// The same from given states, one a layer, each `[B, hidden]`; gives the last ones too.
  public func callAsFunction(
    _ x: Tensor, from states: [Tensor], file: String = #fileID, line: Int = #line, column: Int = #column
  ) -> (output: Tensor, states: [Tensor]) {
    guard let trace = Trace.current else { return (x, states) }
    let site = Site(file, line, column)
    trace.enter(self, typeName: "GRU", at: site)
    defer { trace.leave() }
    let result = cells.run("GRU", x, from: states.map { [$0] }, count: 1, at: site, Self.next)
    return (result.output, result.states.map { $0[0] })
  }

  private static func next(_ states: [Tensor], _ x: Tensor, _ weights: CellWeights) -> [Tensor] {
    [gruCell(x, state: Tensor.element(states, 0), weights)]
  }
}
