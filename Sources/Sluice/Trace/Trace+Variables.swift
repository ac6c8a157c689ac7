import SluiceFormats
import SluiceIR

/// What a parameter or state is, whatever the model calls it: one cell may be part of many tracings.
final class VariableCell: Sendable {
  let kind: SluiceIR.Variable.Kind
  let shape: Shape
  let dtype: DType
  let initializer: Initializer
  let site: Site

  init(
    _ kind: SluiceIR.Variable.Kind, _ shape: Shape, _ dtype: DType, _ initializer: Initializer, _ site: Site
  ) {
    self.kind = kind
    self.shape = shape
    self.dtype = dtype
    self.initializer = initializer
    self.site = site
  }

  var id: ObjectIdentifier { ObjectIdentifier(self) }
}

/// The name and type that a tracing gave to a cell.
struct Binding {
  /// Kept, so that its identity stays its own.
  let cell: VariableCell
  let name: String
  /// Nil where the declaration was a mistake.
  let type: TypeID?
}

extension Trace {
  // MARK: Declaring

  /// Declares a parameter or state under a name; a mistake is reported, and reading it is silent then.
  func declare(_ cell: VariableCell, _ name: String, at site: Site) {
    bindings[cell.id] = Binding(cell: cell, name: name, type: declared(cell, name, at: site))
  }

  private func declared(_ cell: VariableCell, _ name: String, at site: Site) -> TypeID? {
    guard isIdentifier(name, dots: true) else {
      report(
        "`\(name)` is no name of a \(cell.kind.keyword)",
        hint: "a name is made of ASCII letters, digits, `_` and dots",
        at: site)
      return nil
    }
    guard let shape = handles(cell.shape, at: site) else { return nil }
    guard shape.count <= TypeTable.maximumRank, !cell.shape.contains(where: { ($0.value ?? 0) < 0 }) else {
      report(
        "`@\(name)` cannot have the shape \(cell.shape)",
        hint: "at most \(TypeTable.maximumRank) axes, none of them negative", at: site)
      return nil
    }
    let type = builder.tables.types.intern(cell.dtype, shape)
    do {
      locate(site)
      // A symbolic dim is a mistake that `declare` knows.
      let isFixed = shape.allSatisfy { builder.tables.dims.value($0) != nil }
      let initializer = isFixed ? try cell.initializer.resolve(type, &builder.tables) : .zeros
      try builder.declare(
        SluiceIR.Variable(
          kind: cell.kind, name: builder.tables.strings.intern(name), type: type, initializer: initializer,
          location: builder.location))
      return type
    } catch {
      let isClash = error.remedy == nil && calls.last?.typeName != nil && isDeclared(name)
      report(
        error.message,
        hint: isClash ? "give one of the modules a name: `model.module(\"name\", ...)`" : Self.hint(error),
        at: site)
      return nil
    }
  }

  /// Names and declares the parameters and states of a module that have no name yet.
  func adopt(_ module: Any, prefix: String, at site: Site) {
    var clashes = false
    Reflection.forEachCell(in: module) { cell, path in
      if bindings[cell.id] != nil { return }
      let name = prefix.isEmpty ? path : path.isEmpty ? prefix : "\(prefix).\(path)"
      // Two modules of one name are one mistake, however many parameters they have.
      let isTaken = isDeclared(name)
      if isTaken, clashes {
        bindings[cell.id] = Binding(cell: cell, name: name, type: nil)
      } else {
        declare(cell, name, at: cell.site.isInternal ? site : cell.site)
      }
      if isTaken { clashes = true }
    }
  }

  private func isDeclared(_ name: String) -> Bool {
    builder.tables.strings.find(name).flatMap { builder.tables.variable($0) } != nil
  }

  /// The binding of a cell: the properties of the outermost module that is called give names to what has none.
  func binding(of cell: VariableCell, at site: Site?, reports: Bool = true) -> Binding? {
    if let known = bindings[cell.id] { return known }
    if let outermost = calls.first(where: { $0.root != nil }), let root = outermost.root {
      adopt(root, prefix: "", at: outermost.site)
      if let known = bindings[cell.id] { return known }
    }
    guard reports else { return nil }
    report(
      "a \(cell.kind.keyword) of type \(cell.dtype.name)\(cell.shape) has no name",
      hint:
        "keep its module in a property of the module that calls it, or name it: `model.module(\"name\", ...)`",
      at: site, once: "no name in \(calls.last.map { "\($0.site)" } ?? "\(cell.id)")")
    return nil
  }

  // MARK: Reading and writing

  /// The value of a parameter or state at this point of the function.
  func read(_ cell: VariableCell) -> Tensor {
    guard let binding = binding(of: cell, at: nil) else { return poison() }
    guard !frames.isEmpty else {
      report("`@\(binding.name)` is read outside of a function", hint: Self.outsideHint, at: nil)
      return poison()
    }
    guard let type = binding.type else { return poison() }
    locate(nil)
    return read(binding, type)
  }

  /// The value of a bound variable in the innermost frame.
  private func read(_ binding: Binding, _ type: TypeID) -> Tensor {
    let top = frames.count - 1
    if !frames[top].isFunction {
      return capture(.variable(binding.cell.id), .variable(binding.cell), type, name: binding.name)
    }
    if let known = frames[top].written[binding.cell.id] ?? frames[top].reads[binding.cell.id] { return known }
    let name = builder.tables.strings.intern(binding.name)
    let value = builder.make(.read, [], [Attribute(.name, .symbol(name))])
    let tensor = Tensor(trace: self, frame: frames[top].id, value: value, type: type)
    frames[top].reads[binding.cell.id] = tensor
    frames[top].wishes.append((value, binding.name))
    return tensor
  }

  /// The operand of a scan for what its body captured; nil where that is a mistake, which is reported.
  func value(of source: Frame.CaptureSource, at site: Site?) -> ValueID? {
    switch source {
    case .tensor(let tensor): return resolve(tensor, at: site)
    case .variable(let cell):
      guard let binding = bindings[cell.id], let type = binding.type else { return nil }
      return resolve(read(binding, type), at: site)
    }
  }

  /// Makes a tensor the new value of a state from here on, and when the function returns.
  func write(_ cell: VariableCell, _ tensor: Tensor) {
    guard let binding = binding(of: cell, at: nil) else { return }
    guard let top = frames.last else {
      report("`@\(binding.name)` is written outside of a function", hint: Self.outsideHint, at: nil)
      return
    }
    guard top.isFunction else {
      report(
        "`@\(binding.name)` is written in \(frameNames[Int(top.id)])",
        hint: frameNames[Int(top.id)].hasSuffix("`scan`")
          ? "carry it: `scan(over: ..., from: ...)`, and write what comes back"
          : "give it back from the body, and write what comes back", at: nil)
      return
    }
    // A failed declaration or value is reported already; the state counts as written.
    guard let type = binding.type else { return }
    var written = tensor
    if tensor.isPoison {
      written = poison(tensor)
    } else if resolve(tensor, at: nil) == nil {
      written = poison()
    } else if tensor.type != type {
      let (wanted, seen) = (builder.tables.text(type), builder.tables.text(tensor.type))
      let sameShape = builder.tables.types.sameShape(type, tensor.type)
      report(
        "`@\(binding.name)` is \(wanted), the value written is \(seen)",
        hint: sameShape ? "convert it: `.cast(.\(cell.dtype.name))`" : nil, at: nil)
      written = poison()
    }
    let position = frames.count - 1
    if frames[position].written[cell.id] == nil { frames[position].writeOrder.append(cell) }
    frames[position].written[cell.id] = written
  }

  static let outsideHint = "move it into `model.function(...) { f in ... }`"
}
