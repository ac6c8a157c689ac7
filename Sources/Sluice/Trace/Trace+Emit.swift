import SluiceIR

/// What an op of the DSL may be given: a tensor, or a Swift number that takes the dtype of the tensors beside it.
enum Operand {
  case tensor(Tensor)
  case int(Int)
  case double(Double)

  /// The tensor, if it is one.
  var tensor: Tensor? { if case .tensor(let tensor) = self { tensor } else { nil } }
}

/// An attribute whose dims are still the model's.
enum Setup {
  case plain(AttributeName, AttributeValue)
  case dim(AttributeName, Dim)
  case shape(AttributeName, Shape)
  case string(AttributeName, String)

  static func int(_ name: AttributeName, _ value: Int) -> Setup { .plain(name, .int(Int64(value))) }
  static func ints(_ name: AttributeName, _ values: [Int]) -> Setup {
    .plain(name, .ints(values.map { Int64($0) }))
  }
  static func bool(_ name: AttributeName, _ value: Bool) -> Setup { .plain(name, .bool(value)) }
  static func number(_ name: AttributeName, _ value: Double) -> Setup { .plain(name, .number(value)) }
  static func dtype(_ value: DType) -> Setup { .plain(.dtype, .dtype(value)) }
}

extension Trace {
  static let nameHint =
    "a name is made of ASCII letters, digits, `_` and dots, and begins with a letter or `_`"

  /// Emits an op of one result into the trace that is going on; a place of nil is that of the running operator.
  static func emit(
    _ op: Op, _ operands: [Operand], _ attributes: [Setup] = [], broadcasts: Bool = false, at site: Site?
  ) -> Tensor {
    guard let trace = current else { return .homeless }
    return trace.emit(op, operands, attributes, broadcasts: broadcasts, at: site)
  }

  /// Emits an op of tensors.
  static func emit(_ op: Op, _ operands: Tensor..., with attributes: [Setup] = [], at site: Site?) -> Tensor {
    emit(op, operands.map { .tensor($0) }, attributes, at: site)
  }

  /// Emits an op of several results.
  static func emit(
    _ op: Op, _ operands: [Tensor], count: Int, with attributes: [Setup] = [], at site: Site?
  ) -> [Tensor] {
    let first = emit(op, operands.map { .tensor($0) }, attributes, at: site)
    guard let trace = current, !first.isPoison, first.trace != nil else {
      return Array(repeating: first, count: count)
    }
    return (0..<count).map { trace.tensor(ValueID(first.value.index + $0)) }
  }

  /// Emits an elementwise op, with shapes broadcast.
  static func map(_ op: Op, _ operands: Operand..., at site: Site?) -> Tensor {
    emit(op, operands, broadcasts: true, at: site)
  }

  /// A tensor that is a mistake which is reported, with the type of another one as a guess.
  func poison(_ like: Tensor? = nil) -> Tensor {
    Tensor(
      trace: self, frame: .max, value: .none,
      type: like.flatMap { $0.trace === self ? $0.type : nil } ?? .none)
  }

  /// The tensor of a value of the innermost frame.
  func tensor(_ value: ValueID) -> Tensor {
    Tensor(trace: self, frame: frames[frames.count - 1].id, value: value, type: builder.type(value))
  }

  func emit(
    _ op: Op, _ operands: [Operand], _ attributes: [Setup], broadcasts: Bool, at site: Site?
  ) -> Tensor {
    let tensors = operands.compactMap(\.tensor)
    let guess = tensors.max { $0.rank < $1.rank }
    if tensors.contains(where: \.isPoison) { return poison(guess) }
    guard isInFunction(op, at: site), let values = resolve(tensors, at: site) else { return poison(guess) }
    locate(site)
    do throws(InferenceError) {
      var all = try scalars(op, operands, values)
      if broadcasts { all = try broadcast(op, all) }
      guard let record = resolve(attributes, at: site) else { return poison(guess) }
      let value = try builder.emit(op, all, record)
      if let reason = builder.tables.excess(builder.shape(value)) {
        throw InferenceError(
          "the result of `\(op.definition.name)`, \(builder.tables.text(builder.type(value))), is too large: \(reason)"
        )
      }
      return tensor(value)
    } catch {
      report(error, at: site)
      return poison(guess)
    }
  }

  /// Whether a function is being traced; reports where none is.
  func isInFunction(_ op: Op, at site: Site?) -> Bool {
    if !frames.isEmpty { return true }
    report("`\(op.definition.name)` outside of a function", hint: Self.outsideHint, at: site)
    return false
  }

  // MARK: Operands

  /// The values of tensors in the innermost frame; nil where one is a mistake, which is reported.
  func resolve(_ tensors: [Tensor], at site: Site?) -> [ValueID]? {
    if tensors.contains(where: \.isPoison) { return nil }
    var values: [ValueID] = []
    for tensor in tensors {
      guard let value = resolve(tensor, at: site) else { return nil }
      values.append(value)
    }
    return values
  }

  /// The value of a tensor in the innermost frame: its own, or an input for what a body captures.
  func resolve(_ tensor: Tensor, at site: Site?) -> ValueID? {
    guard let owner = tensor.trace else {
      report(
        "a tensor that was made outside of a function is used", hint: Self.outsideHint, at: site,
        once: "homeless")
      return nil
    }
    guard owner === self else {
      report(
        "a tensor of another model is used", hint: "models share no tensors: make it in this one", at: site,
        once: "foreign")
      return nil
    }
    if tensor.isPoison { return nil }
    guard let top = frames.last, frames.contains(where: { $0.id == tensor.frame }) else {
      let isBody = frameNames[Int(tensor.frame)].hasPrefix("the body")
      report(
        "a tensor of \(frameNames[Int(tensor.frame)]) is used outside of it",
        hint: isBody
          ? "give it back from the body, carried or as an output"
          : "functions share parameters and states, no tensors: make it again",
        at: site, once: "ended \(tensor.frame) \(tensor.value.raw)")
      return nil
    }
    if tensor.frame == top.id { return tensor.value }
    let name = frames.first { $0.id == tensor.frame }?.name(of: tensor.value)
    return capture(.value(frame: tensor.frame, tensor.value), .tensor(tensor), tensor.type, name: name).value
  }

  /// The input of the innermost frame, a body, for something of outer frames.
  func capture(_ key: Frame.Capture, _ source: Frame.CaptureSource, _ type: TypeID, name: String?) -> Tensor {
    let top = frames.count - 1
    let value: ValueID
    if let known = frames[top].captures[key] {
      value = known
    } else {
      value = builder.capture(type)
      frames[top].captures[key] = value
      frames[top].captureSources.append(source)
      if let name { frames[top].inputNames.append((value, name)) }
    }
    return Tensor(trace: self, frame: frames[top].id, value: value, type: type)
  }

  /// All operands as values; Swift numbers become constants of the dtype of the tensors.
  private func scalars(_ op: Op, _ operands: [Operand], _ values: [ValueID]) throws(InferenceError)
    -> [ValueID]
  {
    let kin = op.definition.traits.contains(.conditional) ? values.dropFirst() : values[...]
    let dtype = kin.first.map { builder.dtype($0) } ?? .f32
    var remaining = values[...]
    var all: [ValueID] = []
    for operand in operands {
      switch operand {
      case .tensor: if let next = remaining.popFirst() { all.append(next) }
      case .int(let number): all.append(try scalar(number, dtype))
      case .double(let number): all.append(try scalar(number, dtype))
      }
    }
    return all
  }

  /// A scalar constant; throws where the dtype cannot hold the number.
  func scalar(_ number: Int, _ dtype: DType) throws(InferenceError) -> ValueID {
    builder.scalar(bits: try NumberBits.bits(number, dtype), dtype)
  }

  /// A scalar constant; throws where the dtype cannot hold the number.
  func scalar(_ number: Double, _ dtype: DType) throws(InferenceError) -> ValueID {
    builder.scalar(bits: try NumberBits.bits(number, dtype), dtype)
  }

  // MARK: Attributes

  /// The attributes with dims of this trace; nil where a dim is a mistake, which is reported.
  func resolve(_ attributes: [Setup], at site: Site?) -> [Attribute]? {
    var record: [Attribute] = []
    for attribute in attributes {
      switch attribute {
      case .plain(let name, let value): record.append(Attribute(name, value))
      case .dim(let name, let dim):
        guard let handle = handle(dim, at: site) else { return nil }
        record.append(Attribute(name, .dim(handle)))
      case .shape(let name, let shape):
        guard let handles = handles(shape, at: site) else { return nil }
        record.append(Attribute(name, .dims(handles)))
      case .string(let name, let text):
        record.append(Attribute(name, .string(builder.tables.strings.intern(text))))
      }
    }
    return record
  }

  /// Reports what is wrong with a node, with the way out as Swift writes it.
  func report(_ error: InferenceError, at site: Site?) {
    report(error.message, hint: Self.hint(error), at: site)
  }

  /// The way out as Swift writes it.
  static func hint(_ error: InferenceError) -> String? {
    switch error.remedy {
    case nil, .text: nil
    case .words(let words): words
    case .convert(let what, let dtype): "convert \(what): `.cast(\(dtype.map { ".\($0.name)" } ?? "..."))`"
    case .repeat: "repeat the smaller one with `.broadcast(to:)`"
    case .swapAxes: "`.T` swaps the last two axes"
    }
  }
}

extension Frame {
  /// The name that a value will have.
  func name(of value: ValueID) -> String? {
    (inputNames.first { $0.value == value } ?? wishes.first { $0.value == value })?.name
  }
}
