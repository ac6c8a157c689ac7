import SluiceIR

/// One tracing of a model: the module under construction, the graphs that are open, and the mistakes so far.
///
/// A trace belongs to the one task that runs the model's closures; it is ambient there, so that functions such as
/// `zeros` need no argument for it.
// Unchecked: a task-local value must be Sendable, but only the task that traces ever sees this one, and it is
// done when tracing is.
final class Trace: @unchecked Sendable {
  /// The trace that is going on.
  @TaskLocal static var current: Trace?

  var builder: ModuleBuilder
  /// Whether the module was handed out; tensors may outlive it.
  private(set) var isFinished = false

  /// The graphs under construction: a function, then the bodies of scans inside of each other.
  var frames: [Frame] = []
  /// Of every frame there ever was: what messages call it.
  var frameNames: [String] = []
  /// The calls of modules that are going on, outermost first.
  var calls: [Call] = []
  /// The place of the last op outside of any call, for ops that do not know theirs.
  var lastSite: Site
  /// Parameters and states by the identity of their cells.
  var bindings: [ObjectIdentifier: Binding] = [:]
  /// The names of the functions so far.
  var functionNames: Set<String> = []
  /// The symbols that the bodies of scans mention.
  var bodySymbols: [GraphID: [SymbolID]] = [:]

  /// The mistakes, in the order they were found.
  var diagnostics: [Diagnostic] = []
  /// What is worth knowing and no mistake, in the order it was found.
  var remarks: [Diagnostic] = []
  /// Place and text of the mistakes: what happens twice in a loop is one mistake.
  var reported: Set<String> = []
  /// The files of places, to give the same names to places that come from a backtrace.
  var files: [String] = []

  /// The name of the model, which begins every scope path.
  let name: String
  /// The same, interned: the scope of what stands in no module.
  let nameID: StringID
  /// The dims that were asked for, by their handles.
  private var knownDims: [DimID: Dim] = [:]
  private var dimHandles: [Dim: DimID] = [:]

  init(name: String, comment: [String], site: Site) {
    self.name = name
    lastSite = site
    var builder = ModuleBuilder(name: name, comment: comment)
    nameID = builder.tables.strings.intern(name)
    self.builder = builder
  }

  /// Hands out the module, or all mistakes.
  func finish() throws(Diagnostics) -> SluiceIR.Module {
    var done = ModuleBuilder(name: name)
    swap(&done, &builder)
    isFinished = true
    bindings = [:]
    let module = done.finish()
    let found = Diagnostics(diagnostics)
    if found.hasErrors { throw found }
    return module
  }

  // MARK: Dims

  /// The handle of a dim; nil where it is a mistake, which is reported then.
  func handle(_ dim: Dim, at site: Site?) -> DimID? {
    switch dim.content {
    case .poison: return nil
    case .invalid(let mistake):
      report(mistake.message, hint: mistake.hint, at: site, once: mistake.message)
      return nil
    case .polynomial(let terms):
      for term in terms {
        for symbol in term.symbols {
          guard agrees(symbol, at: site) else { return nil }
        }
      }
      if let known = dimHandles[dim] { return known }
      guard let handle = intern(terms) else {
        report("the dim `\(dim)` is too large", at: site)
        return nil
      }
      dimHandles[dim] = handle
      knownDims[handle] = dim
      return handle
    }
  }

  /// The handles of dims; nil where one is a mistake, which is reported then.
  func handles(_ shape: Shape, at site: Site?) -> [DimID]? {
    if shape.isPoison { return nil }
    var handles: [DimID] = []
    for dim in shape.dims {
      guard let handle = handle(dim, at: site) else { return nil }
      handles.append(handle)
    }
    return handles
  }

  /// The dim of a handle.
  func dim(_ handle: DimID) -> Dim {
    if let known = knownDims[handle] { return known }
    let tables = builder.tables
    let terms = tables.dims.terms(handle).map { term in
      let symbols = term.symbols.map { id -> Dim.Symbol in
        let symbol = tables.dims.symbols[id.index]
        return Dim.Symbol(name: tables.strings[symbol.name], bound: Int(symbol.bound))
      }
      return Dim.Term(coefficient: Int(term.coefficient), symbols: symbols.sorted())
    }
    // Handles are ordered by first use, dims by name: a sum puts the terms in order.
    let dim = terms.reduce(Dim(0)) { $0 + Dim(content: .polynomial([$1])) }
    knownDims[handle] = dim
    return dim
  }

  private func intern(_ terms: [Dim.Term]) -> DimID? {
    var sum = builder.tables.dims.integer(0)
    for term in terms {
      if term.coefficient == .min { return nil }
      var product = builder.tables.dims.integer(term.coefficient)
      for symbol in term.symbols {
        let name = builder.tables.strings.intern(symbol.name)
        let id = builder.tables.dims.symbol(name, bound: Int64(symbol.bound))
        let factor = builder.tables.dims.dim(id)
        guard let next = builder.tables.dims.multiply(product, factor) else { return nil }
        product = next
      }
      guard let next = builder.tables.dims.add(sum, product) else { return nil }
      sum = next
    }
    return sum
  }

  /// Whether a symbol has the bound that its name has in the function already; reports it where it has not.
  private func agrees(_ symbol: Dim.Symbol, at site: Site?) -> Bool {
    guard !frames.isEmpty else { return true }
    guard let known = frames[0].bounds[symbol.name] else {
      frames[0].bounds[symbol.name] = symbol.bound
      return true
    }
    if known == symbol.bound { return true }
    let hint =
      known == Dim.defaultBound || symbol.bound == Dim.defaultBound
      ? "a name without a bound has \(Dim.defaultBound); write `let \(symbol.name) = Dim(\"\(symbol.name)\", max: ...)` once"
      : "one name has one bound in a function"
    report(
      "`\(symbol.name)` is at most \(symbol.bound) here, but at most \(known) before in `\(frames[0].name)`",
      hint: hint,
      at: site, once: "bound of \(symbol.name) in frame \(frames[0].id)")
    return false
  }
}
