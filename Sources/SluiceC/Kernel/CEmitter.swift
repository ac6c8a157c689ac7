import SluiceIR
import SluicePlan

/// Prints straight-line code: folds scalars that are used once into the expressions that use them.
///
/// An expression waits until its only use, where nothing that happens in between can change its value; otherwise
/// it becomes a constant with a name. Either way it is evaluated once, with the same result.
struct CEmitter {
  /// How a register is written.
  private enum Value {
    case none
    /// An expression that has not been written yet.
    case waiting(Waiting)
    /// A literal, a name, or another expression that may be repeated.
    case known(CExpression, isVariable: Bool)
  }

  /// An expression on its way to its only use.
  private struct Waiting {
    var expression: CExpression
    var loads: Bool
    var variables: Bool
  }

  var writer: CWriter
  var scope: NameScope
  let scalars: CScalar
  private let dtypes: [DType]
  private var values: [Value]
  private var uses: [Int]
  /// Waiting registers in order of definition.
  private var queue: [Register] = []
  /// The bits of registers that are constants.
  private var constants: [Register: UInt64] = [:]
  /// The name of the lane that is being computed, with the registers that are arrays of lanes.
  var lane: (index: String, arrays: [Register: String])?
  /// The registers that are vectors: those that differ from lane to lane of a tile.
  var vectors: Set<Register> = []

  init(_ writer: CWriter, _ scope: NameScope, _ helpers: CHelpers, dtypes: [DType], uses: [Int]) {
    self.writer = writer
    self.scope = scope
    self.scalars = CScalar(helpers: helpers)
    self.dtypes = dtypes
    self.uses = uses
    self.values = [Value](repeating: .none, count: dtypes.count)
  }

  // MARK: Registers

  /// Says how a register is written from now on.
  mutating func know(_ register: Register, _ expression: CExpression, isVariable: Bool = false) {
    values[register] = .known(expression, isVariable: isVariable)
  }

  /// Forgets registers: the code that defines them is printed once more.
  mutating func forget(_ registers: Set<Register>) {
    for register in registers { values[register] = .none }
  }

  /// The expression of a register that does not wait: a loop index, a variable, a literal.
  func known(_ register: Register) -> CExpression? {
    if case .known(let expression, _) = values[register] { expression } else { nil }
  }

  /// The expressions of operands; those that wait are consumed.
  private mutating func take(_ registers: [Register]) -> (
    expressions: [CExpression], loads: Bool, variables: Bool
  ) {
    shorten(registers)
    var (loads, variables) = (false, false)
    let expressions = registers.map { register -> CExpression in
      switch values[register] {
      case .none: preconditionFailure("a kernel uses register \(register) before it is defined")
      case .known(let expression, let isVariable):
        variables = variables || isVariable
        return expression
      case .waiting(let waiting):
        values[register] = .none
        queue.removeAll { $0 == register }
        loads = loads || waiting.loads
        variables = variables || waiting.variables
        return waiting.expression
      }
    }
    return (expressions, loads, variables)
  }

  /// Writes the longest operands down first where together they would not fit a line.
  private mutating func shorten(_ registers: [Register]) {
    func length(_ register: Register) -> Int {
      switch values[register] {
      case .waiting(let waiting): waiting.expression.text.utf8.count
      case .known(let expression, _): expression.text.utf8.count
      case .none: 0
      }
    }
    let room = max(40, CWriter.width - 2 * writer.depth - 26)
    while registers.reduce(0, { $0 + length($1) }) > room {
      let long = registers.filter { if case .waiting = values[$0] { length($0) > 16 } else { false } }
      guard let longest = long.max(by: { length($0) < length($1) }) else { return }
      settle(longest)
    }
  }

  /// Writes an expression that waits down as a constant of its own.
  private mutating func settle(_ register: Register) {
    guard case .waiting(let waiting) = values[register] else { return }
    queue.removeAll { $0 == register }
    write(register, waiting.expression)
  }

  /// Writes loads down that wait: in one branch of a condition they would be loads that may not happen, and compilers
  /// do not vectorise those.
  private mutating func settleLoads(_ registers: some Sequence<Register>) {
    for register in registers {
      if case .waiting(let waiting) = values[register], waiting.loads { settle(register) }
    }
  }

  /// Writes down what waits and could change: loads, variables, or everything.
  mutating func flush(loads: Bool = false, variables: Bool = false) {
    let all = !loads && !variables
    for register in queue {
      guard case .waiting(let waiting) = values[register] else { continue }
      if all || (loads && waiting.loads) || (variables && waiting.variables) { settle(register) }
    }
  }

  private mutating func write(_ register: Register, _ expression: CExpression) {
    if let lane, let array = lane.arrays[register] {
      writer.line("\(array)[\(lane.index)] = \(expression.asValue.text);")
      know(register, CExpression("\(array)[\(lane.index)]"))
      return
    }
    let name = scope.number(stem(of: expression))
    if expression.kind == .index {
      writer.line("const ptrdiff_t \(name) = \(expression.text);")
      know(register, CExpression(name, .primary, .index))
    } else {
      writer.line("const \(type(register)) \(name) = \(expression.asValue.text);")
      know(register, CExpression(name))
    }
  }

  /// The C type of a register.
  func type(_ register: Register) -> String {
    let dtype = dtypes[register]
    return vectors.contains(register) ? scalars.helpers.use("vector_\(dtype.name)") : dtype.cType
  }

  /// A name for an expression: after the tensor where it is an element, else `t`.
  private func stem(of expression: CExpression) -> String {
    let text = expression.text
    if text.hasSuffix("]"), let bracket = text.firstIndex(of: "["), !text[..<bracket].contains("(") {
      return String(text[..<bracket])
    }
    return "t"
  }

  private mutating func define(_ register: Register, _ expression: CExpression, loads: Bool, variables: Bool)
  {
    if lane?.arrays[register] != nil { return write(register, expression) }
    guard uses[register] > 0 else { return }
    let isShort = expression.text.utf8.count <= CWriter.width - 2 * writer.depth - 12
    if uses[register] == 1, isShort {
      values[register] = .waiting(Waiting(expression: expression, loads: loads, variables: variables))
      queue.append(register)
    } else {
      write(register, expression)
    }
  }

  // MARK: Instructions

  /// A scalar operation; one of constants is computed here and now.
  mutating func scalar(_ instruction: ScalarInstruction) {
    if let bits = folded(instruction) {
      constants[instruction.result] = bits
      return know(instruction.result, scalars.constant(bits, instruction.dtype))
    }
    if instruction.op == .select { settleLoads(instruction.operands.dropFirst()) }
    let literal = nameLiteral(instruction.operands)
    let (operands, loads, variables) = take(instruction.operands)
    if let literal { know(instruction.operands[0], literal) }
    var expression = scalars.expression(
      instruction.op, instruction.dtype, source: instruction.source, operands,
      immediate: instruction.immediate)
    if lane?.arrays[instruction.result] != nil, let function = instruction.reducingFunction {
      // Behind the loop over the lanes follows what large arguments need.
      expression = .call(scalars.helpers.use(function, instruction.dtype, .near), operands)
    }
    define(instruction.result, expression, loads: loads, variables: variables)
  }

  /// The bits of an operation of constants, unless they are a NaN's, which differ from machine to machine.
  private func folded(_ instruction: ScalarInstruction) -> UInt64? {
    if instruction.op == .constant { return instruction.immediate }
    var operands = instruction.operands.compactMap { constants[$0] }
    guard operands.count == instruction.operands.count, !operands.isEmpty, instruction.op != .call else {
      return nil
    }
    operands += [0, 0]
    let bits = instruction.evaluate(operands[0], operands[1], operands[2])
    let isNaN = [instruction.dtype, instruction.source].contains { dtype in
      dtype.isFloat && ([bits] + operands).contains { CLiteral.isNaN($0, dtype) }
    }
    return isNaN ? nil : bits
  }

  /// Gives the first operand a name where all are literals: compilers warn of constants that overflow.
  ///
  /// The name is for one instruction; what is given back is known again after it.
  private mutating func nameLiteral(_ operands: [Register]) -> CExpression? {
    guard let first = operands.first, let literal = known(first),
      operands.allSatisfy({ constants[$0] != nil })
    else {
      return nil
    }
    let name = scope.number("c")
    writer.line("const \(dtypes[first].cType) \(name) = \(literal.asValue.text);")
    know(first, CExpression(name))
    return literal
  }

  /// The value of an index expression.
  mutating func index(_ result: Register, _ affine: Affine, _ dims: CDims) {
    let (expression, loads, variables) = self.affine(affine, dims)
    if affine.terms.isEmpty { return know(result, expression) }
    define(result, expression, loads: loads, variables: variables)
  }

  /// An index expression as a ptrdiff_t.
  mutating func affine(
    _ affine: Affine, _ dims: CDims
  ) -> (expression: CExpression, loads: Bool, variables: Bool) {
    let (operands, loads, variables) = take(affine.terms.map(\.register))
    var terms: [(isNegative: Bool, term: CExpression)] = []
    for (term, operand) in zip(affine.terms, operands) {
      terms += dims.terms(term.coefficient, times: operand.asIndex)
    }
    terms += dims.terms(affine.constant)
    // A difference reads better from its positive end.
    if let first = terms.first, first.isNegative, let positive = terms.firstIndex(where: { !$0.isNegative }) {
      terms.insert(terms.remove(at: positive), at: 0)
    }
    return (CDims.sum(terms), loads, variables)
  }

  /// `result = tensor[index]`; bools that others wrote are made 0 or 1.
  mutating func load(
    _ result: Register, _ tensor: String, _ index: Affine, _ dims: CDims, isForeignBool: Bool
  ) {
    let (place, _, variables) = affine(index, dims)
    let element = CExpression("\(tensor)[\(place.text)]")
    let value = isForeignBool ? CExpression("\(element.text) != 0", .comparison, .truth) : element
    define(result, value, loads: true, variables: variables)
  }

  /// `tensor[index] = value`.
  mutating func store(_ tensor: String, _ index: Affine, _ value: Register, _ dims: CDims) {
    shorten(index.terms.map(\.register) + [value])
    let (place, _, _) = affine(index, dims)
    let (operands, _, _) = take([value])
    flush(loads: true)
    writer.line("\(tensor)[\(place.text)] = \(operands[0].asValue.text);")
  }

  /// `variable = value`; the first time it declares the variable.
  mutating func assign(_ variable: Register, _ value: Register, name: String) {
    let (operands, _, _) = take([value])
    flush(variables: true)
    if let lane, let array = lane.arrays[variable] {
      writer.line("\(array)[\(lane.index)] = \(operands[0].asValue.text);")
      know(variable, CExpression("\(array)[\(lane.index)]"), isVariable: true)
    } else if let known = known(variable) {
      writer.line("\(known.text) = \(operands[0].asValue.text);")
    } else {
      let name = scope.claim(name)
      writer.line("\(type(variable)) \(name) = \(operands[0].asValue.text);")
      know(variable, CExpression(name), isVariable: true)
    }
  }

  // MARK: Vectors

  /// An operand as a vector: one value is in all lanes.
  private func vector(_ register: Register, _ expression: CExpression) -> CExpression {
    if vectors.contains(register) { return expression }
    return .call(scalars.helpers.use("splat_\(dtypes[register].name)"), [expression])
  }

  /// An operation of a tile, lane by lane.
  mutating func vector(_ instruction: ScalarInstruction) {
    var instruction = instruction
    // Products commute; what is in all lanes comes first, so that equal tiles are equal texts.
    if instruction.op == .fma, vectors.contains(instruction.operands[0]),
      !vectors.contains(instruction.operands[1])
    {
      instruction.operands.swapAt(0, 1)
    }
    let (operands, loads, variables) = take(instruction.operands)
    let isChoice = instruction.op == .select
    let arguments = zip(instruction.operands, operands).enumerated().map { position, operand in
      isChoice && position == 0 ? CExpression(operand.1.asCondition) : vector(operand.0, operand.1)
    }
    let name: String
    switch instruction.op {
    case .fma: name = "lanes_fma"
    case .add: name = "lanes_add"
    case .canonical: name = "lanes_canonical"
    case .select: name = "choose"
    default: preconditionFailure("`\(instruction.op)` is no operation of tiles")
    }
    let function = scalars.helpers.use("\(name)_\(instruction.dtype.name)")
    define(instruction.result, .call(function, arguments), loads: loads, variables: variables)
  }

  /// `result` = neighbours in a tensor from `index` on, or elements `stride` apart; what is `ahead` elements further
  /// is asked for early.
  mutating func loadVector(
    _ result: Register, _ tensor: String, _ index: Affine, stride: CExpression?, count: String,
    ahead: String?, _ dims: CDims
  ) {
    let (place, _, variables) = affine(index, dims)
    if let ahead {
      writer.line("\(scalars.helpers.macro("PREFETCH"))(&\(tensor)[\(place.text)], \(ahead));")
    }
    var arguments = ["&\(tensor)[\(place.text)]", count]
    if let stride { arguments.insert(stride.text, at: 1) }
    let name = scalars.helpers.use(
      "\(stride == nil ? "load" : "load_apart")_\(dtypes[result].name)")
    let call = CExpression("\(name)(\(arguments.joined(separator: ", ")))")
    define(result, call, loads: true, variables: variables)
  }

  /// Stores a vector in a tensor from `index` on, or its lanes `stride` apart.
  mutating func storeVector(
    _ tensor: String, _ index: Affine, _ value: Register, stride: CExpression?, count: String, _ dims: CDims
  ) {
    shorten(index.terms.map(\.register) + [value])
    let (place, _, _) = affine(index, dims)
    let (operands, _, _) = take([value])
    flush(loads: true)
    var arguments = ["&\(tensor)[\(place.text)]", vector(value, operands[0]).text, count]
    if let stride { arguments.insert(stride.text, at: 1) }
    let name = scalars.helpers.use(
      "\(stride == nil ? "store" : "store_apart")_\(dtypes[value].name)")
    writer.line("\(name)(\(arguments.joined(separator: ", ")));")
  }

  /// `variable = value` for a vector in an array of a tile.
  mutating func assignVector(_ variable: Register, _ value: Register, place: String) {
    let (operands, _, _) = take([value])
    flush(variables: true)
    writer.line("\(place) = \(vector(value, operands[0]).text);")
    know(variable, CExpression(place), isVariable: true)
  }

  /// `lane = op(lane, value)` of an accumulator.
  mutating func accumulate(_ lane: CExpression, _ op: ScalarOp, _ value: Register, _ dtype: DType) {
    let (operands, _, _) = take([value])
    let combined = scalars.expression(op, dtype, source: dtype, [lane, operands[0]], immediate: 0)
    writer.line("\(lane.text) = \(combined.asValue.text);")
  }

  /// A condition, or another value that is needed at once.
  mutating func value(_ register: Register) -> CExpression { take([register]).expressions[0] }
}
