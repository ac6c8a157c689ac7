import SluiceIR
import SluicePlan

/// The function that looks for indices and classes out of range in the inputs of an entry point.
///
/// It is called by default where it costs under 1 % of the entry point, by an estimate; the macro `CHECK_INDICES` turns
/// it off, or on where it costs more.
struct CIndexCheck {
  /// When it is called.
  enum Level: Int {
    /// Never: the inputs have neither indices nor classes.
    case none = 0
    /// By default.
    case cheap = 1
    /// On demand.
    case costly = 2
  }

  private let model: CModel
  private let position: Int
  private let function: ExecutionPlan
  private let names: CFunction
  private var dims: DimTable
  private var usedSymbols: Set<SymbolID> = []

  init(_ model: CModel, _ position: Int) {
    self.model = model
    self.position = position
    function = model.plan.functions[position]
    names = model.functions[position]
    dims = model.tables.dims
  }

  /// What the preprocessor asks before it lets the function in.
  var condition: String { "#if \(model.macroPrefix)CHECK_INDICES >= \(model.indexLevels[position].rawValue)" }

  /// The definition; nothing where there is nothing to look at.
  mutating func definition() -> String {
    guard model.indexLevels[position] != .none else { return "" }
    var scope = NameScope(
      prefix: model.prefix, ["dims", "inputs", "outside", "least", "end", "value"])
    var symbolNames: [SymbolID: String] = [:]
    for symbol in function.symbols {
      symbolNames[symbol] = scope.claim(model.tables.strings[dims.symbols[symbol.index].name])
    }
    let depth = function.indexUses.map(\.axes.count).max() ?? 0
    let counters = (0..<depth).map { scope.claim(["i", "j", "k", "l", "m", "n", "o", "p"][$0 % 8]) }
    var body = CWriter(depth: 1)
    for use in function.indexUses { print(use, symbolNames, counters, &body) }

    var writer = CWriter()
    writer.directive(condition)
    writer.comment(["Whether an index or a class in the inputs of \(names.name) is out of range."])
    let parameters = [
      names.dimsType.map { "const \($0) *dims" }, names.inputsType.map { "const \($0) *inputs" },
    ]
    writer.line("\(model.macroPrefix)NOINLINE")
    writer.open(
      "static int \(model.indexCheckNames[position])(\(parameters.compactMap { $0 }.joined(separator: ", ")))"
    )
    if names.dimsType != nil, usedSymbols.isEmpty { writer.line("(void)dims;") }
    for (member, symbol) in zip(names.symbols, function.symbols) where usedSymbols.contains(symbol) {
      writer.line("const ptrdiff_t \(symbolNames[symbol] ?? "") = (ptrdiff_t)dims->\(member);")
    }
    writer.line("int outside = 0;")
    writer.raw(body.text)
    writer.line("return outside;")
    writer.close()
    writer.directive("#endif")
    writer.blank()
    return writer.text
  }

  /// The call, for the function that checks arguments.
  func call(_ writer: inout CWriter) {
    guard model.indexLevels[position] != .none else { return }
    let arguments = [names.dimsType.map { _ in "dims" }, "inputs"].compactMap { $0 }.joined(separator: ", ")
    writer.directive(condition)
    writer.open("if (\(model.indexCheckNames[position])(\(arguments)))")
    writer.line("return \(model.macroPrefix)ERROR_INDEX;")
    writer.close()
    writer.directive("#endif")
  }

  /// Loops over the elements of one use.
  private mutating func print(
    _ use: IndexUse, _ symbolNames: [SymbolID: String], _ counters: [String], _ writer: inout CWriter
  ) {
    let port = function.inputs[use.input]
    let dtype = model.tables.types.dtype(port.type)
    let axes = loops(use.axes)
    for dim in axes.flatMap({ [$0.extent, $0.stride] }) + [use.offset, use.size] {
      usedSymbols.formUnion(dims.symbols(in: dim))
    }
    let printer = CDims(dims, symbolNames)
    func text(_ dim: DimID) -> CExpression { printer.expression(dim) }

    writer.line("{")
    writer.depth += 1
    // Numbers of the element's own width, where the size fits: compilers compare several at once.
    let isWide = dtype == .i64 || (dims.bound(use.size).map { $0 > Int64(Int32.max) } ?? true)
    let type = isWide ? "int64_t" : "int32_t"
    let size = dims.value(use.size).map { String($0) } ?? "(\(type))\(text(use.size).text(atLeast: .primary))"
    if use.hasLowerBound { writer.line("const \(type) least = -\(size);") }
    writer.line("const \(type) end = \(size);")
    var opened = 0
    var place: [(isNegative: Bool, term: CExpression)] = printer.terms(use.offset)
    for (axis, counter) in zip(axes, counters) {
      if dims.value(axis.stride) == 0 {
        // Repeated elements are looked at once, where there are any.
        writer.open("if (\(text(axis.extent).text) > 0)")
      } else {
        writer.open("for (ptrdiff_t \(counter) = 0; \(counter) < \(text(axis.extent).text); ++\(counter))")
        let stride = dims.value(axis.stride)
        let factor = stride == 1 ? "" : " * \(text(axis.stride).text(atLeast: .primary))"
        place.append((false, CExpression("\(counter)\(factor)")))
      }
      opened += 1
    }
    let isScalar = model.tables.types.rank(port.type) == 0
    let member = "inputs->\(names.inputs[use.input])"
    let element = isScalar ? member : "\(member)[\(place.isEmpty ? "0" : CDims.sum(place).text)]"
    writer.line(
      "const \(type) value = \(dtype == .i32 && !isWide || dtype == .i64 ? "" : "(\(type))")\(element);")
    writer.line(
      use.hasLowerBound ? "outside |= (value < least) | (value >= end);" : "outside |= value >= end;")
    for _ in 0..<opened { writer.close() }
    writer.close()
  }

  /// The axes as loops: those of one element left out, the nearest elements innermost, and runs put together.
  private mutating func loops(_ axes: [IndexUse.Axis]) -> [IndexUse.Axis] {
    let size = { [dims] (axis: IndexUse.Axis) -> Int64 in (dims.bound(axis.stride) ?? .max).magnitudeOrMost }
    let ordered = axes.filter { dims.value($0.extent) != 1 }.enumerated().sorted {
      let (a, b) = (size($0.element), size($1.element))
      // What is repeated comes first, as a condition.
      if (a == 0) != (b == 0) { return a == 0 }
      return a != b ? a > b : $0.offset < $1.offset
    }
    var loops: [IndexUse.Axis] = []
    for axis in ordered.map(\.element) {
      if let last = loops.last, dims.value(axis.stride) != 0,
        dims.multiply(axis.extent, axis.stride) == last.stride,
        let extent = dims.multiply(last.extent, axis.extent)
      {
        loops[loops.count - 1] = IndexUse.Axis(extent: extent, stride: axis.stride)
      } else {
        loops.append(axis)
      }
    }
    return loops
  }
}

extension Int64 {
  fileprivate var magnitudeOrMost: Int64 { self == .min ? .max : abs(self) }
}

// MARK: Cost

extension CIndexCheck.Level {
  /// What looking at one element costs, in scalar operations of kernels, which run several at once.
  private static let weight: Int64 = 12
  /// What the call costs that looks at them.
  private static let fixed: Int64 = 24

  /// The level of a function: costs are compared for the least sizes and for the largest ones.
  init(_ function: ExecutionPlan, _ plan: ModulePlan) {
    guard !function.indexUses.isEmpty else {
      self = .none
      return
    }
    var dims = plan.tables.dims
    var elements = dims.integer(0)
    for use in function.indexUses {
      let count = dims.product(use.axes.filter { dims.value($0.stride) != 0 }.map(\.extent))
      elements = count.flatMap { dims.add(elements, $0) } ?? elements
    }
    var cost = CCost(dims)
    let work = cost.cost(function, plan.kernels)
    let isCheap = [true, false].allSatisfy { isLargest in
      let value = { (dim: DimID) -> Int64? in
        cost.dims.evaluate(dim) { isLargest ? cost.dims.symbols[$0.index].bound : 1 }
      }
      guard let elements = value(elements) else { return false }
      let (check, overflow) = elements.multipliedReportingOverflow(by: 100 * Self.weight)
      let (sum, isLarge) = check.addingReportingOverflow(100 * Self.fixed)
      // Work that does not fit 64 bits is more than any check.
      return !overflow && !isLarge && sum <= value(work) ?? .max
    }
    self = isCheap ? .cheap : .costly
  }
}
