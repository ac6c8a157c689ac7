import SluiceIR

/// Contractions in which a mask leaves terms or results out: their loops begin and end where a block of rows does, so
/// that what the mask leaves out for all of the block is not computed.
///
/// The mask must say so by places alone, as `key <= query` does: then an inequality between two loops is known, and a
/// block of one of them bounds the other. Terms that a mask leaves out do not exist, so a shorter loop has the same
/// sum. Results count as left out where everything that reads them takes something else instead; they are 0 then.
extension VisitLowering {
  /// Where the loops over an atom begin and end.
  struct Span {
    /// The first place; nil for that of the block, or 0.
    var start: Affine?
    /// The place behind the last; nil for the extent.
    var end: Affine?
    /// Whether the end is never more than the extent.
    var isInside = false
  }

  /// What masks say about a contraction: sums over atoms that are at least 0 wherever there is something to compute.
  struct MaskFacts {
    /// For its terms.
    var terms: [Affine] = []
    /// For its results.
    var results: [Affine] = []
  }

  /// The rows of a block at most where a mask bounds the loops: larger ones skip less.
  static let mostMaskedRows = 32
  /// How many items deep a mask is looked into.
  private static let maskDepth = 8

  // MARK: Facts

  /// What masks say about a contraction.
  mutating func maskFacts(_ item: Int) -> MaskFacts {
    let open = indices
    // The index of an atom is a register that does not exist.
    for atom in indices.indices { indices[atom] = Affine(writer.zero, [Affine.Term(writer.one, ~atom)]) }
    defer { indices = open }
    var facts = MaskFacts()
    let mask = request.operandRange(item).lowerBound + 2
    if request.operandRange(item).contains(mask) {
      facts.terms = meaning(mask, operandPlace(item, 2, place(item)), depth: Self.maskDepth).ifTrue
    }
    facts.results = resultFacts(item)
    return facts
  }

  /// What holds wherever somebody reads a result of a contraction, and not something else in its place.
  private mutating func resultFacts(_ item: Int) -> [Affine] {
    guard let root = request.results(item).first, !request.roots[Int(root)].needsMemory else { return [] }
    var common: [Affine]?
    for reader in request.items.indices {
      for row in request.operandRange(reader) where request.operandRows[row].root == root {
        let own = readerFacts(reader, row, resultPlace(item))
        common = common.map { $0.filter(own.contains) } ?? own
      }
    }
    return common ?? []
  }

  /// What holds wherever a map looks at one of its operands.
  private mutating func readerFacts(_ reader: Int, _ row: Int, _ place: [Affine]) -> [Affine] {
    guard request.items[reader].role == .map, request.operandRows[row].layout.isNone else { return [] }
    let rows = request.operandRange(reader)
    let program = recipes.program(request.items[reader].recipe)
    return rows.filter { condition in
      tables.types.dtype(request.operandRows[condition].type) == .bool
        && program.ignores(row - rows.lowerBound, without: condition - rows.lowerBound)
    }.flatMap { condition in
      meaning(condition, operandPlace(reader, condition - rows.lowerBound, place), depth: Self.maskDepth)
        .ifTrue
    }
  }

  // MARK: Meanings

  /// What an operand comes to, as far as places say it.
  private enum Meaning {
    case unknown
    case number(Affine)
    /// Sums that are at least 0 where a bool is true, and where it is false.
    case truth([Affine], ifFalse: [Affine])

    var ifTrue: [Affine] { if case .truth(let facts, _) = self { facts } else { [] } }
    var ifFalse: [Affine] { if case .truth(_, let facts) = self { facts } else { [] } }
  }

  private mutating func meaning(_ row: Int, _ place: [Affine], depth: Int) -> Meaning {
    let operand = request.operandRows[row]
    if let bits = operand.splat { return constant(bits, tables.types.dtype(operand.type)) }
    let maker = request.roots[Int(operand.root)].maker
    guard depth > 0, maker != .max, request.items[Int(maker)].nest == KernelRequest.derived else {
      return .unknown
    }
    return meaning(of: Int(maker), rootPlace(operand, place), depth: depth - 1)
  }

  private mutating func meaning(of item: Int, _ place: [Affine], depth: Int) -> Meaning {
    let rows = request.operandRange(item)
    let recipe = request.items[item].recipe
    switch request.items[item].role {
    case .copy: return meaning(rows.lowerBound, place, depth: depth)
    case .generate: return generated(item, place)
    case .map:
      let parameters = rows.map { row in
        meaning(row, operandPlace(item, row - rows.lowerBound, place), depth: depth)
      }
      var values: [Meaning] = []
      let program = recipes.program(recipe)
      for instruction in program.instructions {
        values.append(meaning(of: instruction, values, parameters))
      }
      return values[program.result]
    default: return .unknown
    }
  }

  private mutating func generated(_ item: Int, _ place: [Affine]) -> Meaning {
    let recipe = request.items[item].recipe
    let type = request.resultType(item)
    switch (recipes.generator(recipe), tables.types.dtype(type)) {
    case (.iota, .i64), (.iota, .i32):
      let axis = recipes.axes[recipe.index].first
      guard let count = tables.dims.bound(tables.types.dim(type, axis)), count <= Int64(Int32.max) else {
        return .unknown
      }
      return number(place[axis])
    case (.size, .i64):
      return number(tables.attributes.dim(recipes.records[recipe.index], .length).map { Affine($0) })
    default: return .unknown
    }
  }

  private mutating func constant(_ bits: UInt64, _ dtype: DType) -> Meaning {
    switch dtype {
    case .i64: return number(Affine(tables.dims.integer(Int64(bitPattern: bits))))
    case .i32: return number(Affine(tables.dims.integer(Int64(Int32(truncatingIfNeeded: bits)))))
    default: return .unknown
    }
  }

  /// A number that is far from where 64 bits end.
  private mutating func number(_ sum: Affine?) -> Meaning {
    let most = Int64(1) << 40
    guard let sum, let high = tables.dims.bound(sum.constant),
      let low = tables.dims.negativeBound(sum.constant),
      high.magnitude <= most, low.magnitude <= most,
      sum.terms.allSatisfy({ tables.dims.value($0.coefficient).map { $0.magnitude == 1 } ?? false })
    else { return .unknown }
    return .number(sum)
  }

  private mutating func meaning(
    of instruction: ScalarProgram.Instruction, _ values: [Meaning], _ parameters: [Meaning]
  ) -> Meaning {
    func operand(_ number: UInt32) -> Meaning { Int(number) < values.count ? values[Int(number)] : .unknown }
    let (a, b) = (operand(instruction.a), operand(instruction.b))
    switch (instruction.op, a, b) {
    case (.parameter, _, _): return parameters[Int(instruction.immediate)]
    case (.constant, _, _): return constant(instruction.immediate, instruction.dtype)
    case (.add, .number(let a), .number(let b)) where instruction.dtype == .i64: return number(sum(a, b, 1))
    case (.subtract, .number(let a), .number(let b)) where instruction.dtype == .i64:
      return number(sum(a, b, -1))
    case (.cast, .number, _) where instruction.dtype == .i64: return a
    case (.lessEqual, .number(let a), .number(let b)): return isNotNegative(sum(b, a, -1))
    case (.less, .number(let a), .number(let b)):
      guard case .truth(let greater, let less) = isNotNegative(sum(a, b, -1)) else { return .unknown }
      return .truth(less, ifFalse: greater)
    case (.not, .truth(let ifTrue, let ifFalse), _): return .truth(ifFalse, ifFalse: ifTrue)
    case (.and, _, _) where instruction.dtype == .bool: return .truth(a.ifTrue + b.ifTrue, ifFalse: [])
    case (.or, _, _) where instruction.dtype == .bool: return .truth([], ifFalse: a.ifFalse + b.ifFalse)
    default: return .unknown
    }
  }

  /// The bool that says whether a number is at least 0.
  private mutating func isNotNegative(_ number: Affine?) -> Meaning {
    guard let number, let negated = sum(Affine(tables.dims.integer(-1)), number, -1) else { return .unknown }
    return .truth([number], ifFalse: [negated])
  }

  /// `a + factor * b`, with its registers in order; nil where it has no bound.
  private mutating func sum(_ a: Affine, _ b: Affine, _ factor: Int64) -> Affine? {
    let factor = tables.dims.integer(factor)
    var result = a
    guard let constant = tables.dims.multiply(b.constant, factor).flatMap({ tables.dims.add(a.constant, $0) })
    else { return nil }
    result.constant = constant
    for term in b.terms {
      guard let coefficient = tables.dims.multiply(term.coefficient, factor) else { return nil }
      if let known = result.terms.firstIndex(where: { $0.register == term.register }) {
        guard let total = tables.dims.add(result.terms[known].coefficient, coefficient) else { return nil }
        result.terms[known].coefficient = total
      } else {
        result.terms.append(Affine.Term(coefficient, term.register))
      }
    }
    result.terms.removeAll { $0.coefficient == writer.zero }
    result.terms.sort { $0.register < $1.register }
    return result
  }

  // MARK: Spans

  /// Lets the loops over some atoms begin and end where facts say it, in the blocks that are open.
  ///
  /// What is bounded already stays so. Gives whether there is such a fact.
  @discardableResult
  mutating func bound(_ atoms: [Int], by facts: [Affine]) -> Bool {
    var isBounded = false
    for atom in atoms where spans[atom] == nil {
      guard let span = span(atom, facts) else { continue }
      spans[atom] = span
      isBounded = true
      guard let start = blocks[atom]?.start else { continue }
      let first = Affine(writer.zero, [Affine.Term(writer.one, start)])
      let narrowed = cut(span, atom, from: span.start.map { choose(.maximum, first, $0) })
      blocks[atom]?.narrowed = narrowed
    }
    return isBounded
  }

  /// Lets the loops over what a contraction sums begin and end where facts say it.
  ///
  /// Chains stay whole at their beginning.
  mutating func boundSum(_ item: Int, by facts: [Affine]) {
    let summed = summedAtoms(item)
    let chain = SumOrder.chain(summed.map { request.atoms[$0] }, tables)
    for (position, atom) in summed.enumerated() where spans[atom] == nil && bound([atom], by: facts) {
      guard position == chain.first, let block = chain.block, let span = spans[atom] else { continue }
      spans[atom] = cut(span, atom, from: span.start.map { wholeBlocks(before: $0, block) })
    }
  }

  /// A span with an end inside the extent.
  private mutating func cut(_ span: Span, _ atom: Int, from start: Affine?) -> Span {
    let end = span.end.map { choose(.minimum, $0, Affine(extent(atom))) }
    return Span(start: start, end: end, isInside: true)
  }

  /// Where the block begins in which a place is.
  private mutating func wholeBlocks(before place: Affine, _ size: Int) -> Affine {
    let operands = [writer.builder.index(place), writer.builder.constant(UInt64(size), .i64)]
    let count = writer.builder.scalar(.divide, .i64, operands)
    return Affine(writer.zero, [Affine.Term(tables.dims.integer(size), count)])
  }

  /// Lets loops over some atoms go through all places again.
  mutating func unbound(_ atoms: [Int]) {
    for atom in atoms {
      spans[atom] = nil
      blocks[atom]?.narrowed = nil
    }
  }

  /// Whether facts relate an atom to one of some others.
  func relates(_ facts: [Affine], _ atom: Int, _ others: [Int]) -> Bool {
    facts.contains { fact in
      fact.terms.contains { $0.register == ~atom } && fact.terms.contains { others.contains(~$0.register) }
    }
  }

  /// Where loops over an atom begin and end; nil where that is not known.
  private mutating func span(_ atom: Int, _ facts: [Affine]) -> Span? {
    var span = Span()
    for fact in facts where isWhole(atom) {
      guard let own = fact.terms.first(where: { $0.register == ~atom }) else { continue }
      var rest = fact
      rest.terms.removeAll { $0.register == ~atom }
      guard let most = largest(rest) else { continue }
      if own.coefficient == writer.one {
        // atom + rest >= 0
        span.start = span.start ?? sum(Affine(writer.zero), most, -1).map { notNegative($0) }
      } else {
        // rest - atom >= 0
        span.end = span.end ?? sum(most, Affine(writer.one), 1)
      }
    }
    return span.start == nil && span.end == nil ? nil : span
  }

  /// Whether the loops over an atom are its own.
  private mutating func isWhole(_ atom: Int) -> Bool {
    merged >> UInt32(atom) & 1 == 0 && extent(atom) == request.atoms[atom]
  }

  /// What a sum over atoms is at most in the blocks that are open; nil where these say nothing.
  private mutating func largest(_ fact: Affine) -> Affine? {
    var result = Affine(fact.constant)
    for term in fact.terms {
      let atom = ~term.register
      guard isWhole(atom), let factor = tables.dims.value(term.coefficient) else { return nil }
      var place: Affine
      if let index = indices[atom] {
        place = index
      } else if let block = blocks[atom], let start = block.start {
        place = Affine(
          factor > 0 ? tables.dims.integer(block.size - 1) : writer.zero, [Affine.Term(writer.one, start)])
      } else {
        return nil
      }
      place.terms.sort { $0.register < $1.register }
      guard let next = sum(result, place, factor) else { return nil }
      result = next
    }
    return result
  }

  /// A number, or 0 where it is less.
  private mutating func notNegative(_ sum: Affine) -> Affine {
    if tables.dims.isNeverNegative(sum.constant),
      sum.terms.allSatisfy({ tables.dims.isNeverNegative($0.coefficient) })
    {
      return sum
    }
    return choose(.maximum, sum, Affine(writer.zero))
  }

  /// The smaller or the larger of two numbers.
  private mutating func choose(_ op: ScalarOp, _ a: Affine, _ b: Affine) -> Affine {
    let operands = [writer.builder.index(a), writer.builder.index(b)]
    return Affine(writer.zero, [Affine.Term(writer.one, writer.builder.scalar(op, .i64, operands))])
  }
}

extension ScalarProgram {
  /// Whether the result does not depend on one parameter where another one, a bool, is false.
  fileprivate func ignores(_ parameter: Int, without condition: Int) -> Bool {
    var depends: [Bool] = []
    /// The bools that are known.
    var known: [Bool?] = []
    for (position, instruction) in instructions.enumerated() {
      let operands = [instruction.a, instruction.b, instruction.c].map(Int.init).prefix { $0 != position }
      var (isDependent, truth) = (operands.contains { depends[$0] }, Bool?.none)
      switch instruction.op {
      case .parameter:
        isDependent = instruction.immediate == UInt64(parameter)
        if instruction.immediate == UInt64(condition) { truth = false }
      case .not where instruction.dtype == .bool: truth = known[operands[0]].map { !$0 }
      case .and where operands.contains { known[$0] == false }: truth = false
      case .or where operands.contains { known[$0] == true }: truth = true
      case .select:
        if let choice = known[operands[0]] {
          let chosen = operands[choice ? 1 : 2]
          (isDependent, truth) = (depends[chosen], known[chosen])
        }
      default: break
      }
      depends.append(isDependent && truth == nil)
      known.append(truth)
    }
    return !depends[result]
  }
}
