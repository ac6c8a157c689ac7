/// The ways to corrupt a module that the verifier must find.

import Testing

@testable import SluiceIR

/// A module with everything that the verifier looks at: variables, a body, a scan, a write, symbols, locations.
///
/// Values of `@f`: 0 %x, 1 %w, 2 %s, 3 %wide, 4 %y, 5 and 6 the scan, 7 %total.
func sample() throws -> Module {
  try module { builder in
    let pair = builder.type(.f32, 2)
    let bytes: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]
    let data = builder.tables.constants.intern(pair, bytes)
    let (w, s) = (builder.tables.strings.intern("w"), builder.tables.strings.intern("layer.0.s"))
    try builder.declare(Variable(kind: .parameter, name: w, type: pair, initializer: .data(data)))
    try builder.declare(
      Variable(kind: .state, name: s, type: pair, initializer: .normal(mean: 0, deviation: 1)))

    let file = builder.tables.strings.intern("Model.swift")
    let symbol = builder.tables.dims.symbol(builder.tables.strings.intern("B"), bound: 8)
    builder.begin(.body, "step", symbols: [symbol])
    let carry = builder.input("carry", pair)
    let part = builder.input("part", pair)
    let next = try builder.emit(.add, [carry, part])
    try builder.end(results: [next, next])

    let outer = builder.tables.locations.intern(LocationTable.Location(file: file, line: 1, column: 2))
    let scope = builder.tables.strings.intern("net/block")
    builder.location = builder.tables.locations.intern(
      LocationTable.Location(file: file, line: 12, column: 7, scope: scope, parent: outer))
    builder.begin(.function, "f", symbols: [symbol])
    let batch = [builder.tables.dims.dim(symbol), builder.tables.dims.integer(2)]
    let x = builder.input("x", builder.tables.types.intern(.f32, batch))
    let read = try builder.emit(.read, [], [Attribute(.name, .symbol(w))])
    let state = try builder.emit(.read, [], [Attribute(.name, .symbol(s))])
    let wide = try builder.emit(.broadcast, [read], [Attribute(.shape, .dims(batch))])
    let y = try builder.emit(.add, [x, wide])
    builder.name(y, builder.tables.strings.intern("y"))
    let scan = try builder.emit(
      .scan, [state, y],
      [Attribute(.body, .graph(GraphID(0))), Attribute(.carries, .int(1)), Attribute(.sequences, .int(1))])
    let total = try builder.emit(.sum, [y], [Attribute(.axes, .ints([1]))])
    let name = builder.tables.strings.intern("total")
    try builder.end(
      results: [total, ValueID(6)], names: [name, .none], writes: [Graph.Write(state: s, value: scan)])
  }
}

/// One way to corrupt the sample, and a part of what the verifier says.
struct Corruption: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var message: String
  var corrupt: @Sendable (inout Module) -> Void

  init(_ name: String, _ message: String, _ corrupt: @escaping @Sendable (inout Module) -> Void) {
    testDescription = name
    self.message = message
    self.corrupt = corrupt
  }

  static let names: [Corruption] = [
    Corruption("module name", "the module's name `a b` is no identifier") { $0.name = "a b" },
    Corruption("empty module name", "the module's name `` is no identifier") { $0.name = "" },
    Corruption("graph name", "the graph name `f-1` is no identifier") {
      $0.graphs[1].name = $0.tables.strings.intern("f-1")
    },
    Corruption("graph name twice", "two graphs are named `@step`") { $0.graphs[1].name = $0.graphs[0].name },
    Corruption("graph name that does not exist", "the graph name `<string 999>` is no identifier") {
      $0.graphs[1].name = StringID(999)
    },
    Corruption("value name", "value 4 has a name that is not in the table, 999") {
      $0.graphs[1].names[4] = StringID(999)
    },
    Corruption("input name", "the input name `1y` is no identifier") {
      $0.graphs[1].names[0] = $0.tables.strings.intern("1y")
    },
    Corruption("input name twice", "two inputs are named `%carry`") {
      $0.graphs[0].names[1] = $0.graphs[0].names[0]
    },
    Corruption("symbol name", "the symbol `B C` is no identifier") {
      _ = $0.tables.dims.symbol($0.tables.strings.intern("B C"), bound: 1)
    },
    Corruption("symbol bound", "the symbol `N` has the negative bound -1") {
      _ = $0.tables.dims.symbol($0.tables.strings.intern("N"), bound: -1)
    },
    Corruption("comment", "a line of the comment is not in the table, 999") {
      $0.graphs[0].comment = [StringID(999)]
    },
    Corruption("signature", "the signature of `@step` is not the one of the graph") {
      $0.tables.signatures[0].results.removeLast()
    },
    Corruption("signatures", "the module has 2 graphs but 1 signatures") {
      $0.tables.signatures.removeLast()
    },
  ]

  static let variables: [Corruption] = [
    Corruption("variable name", "the param name `w,` is no identifier") {
      $0.tables.variables[0].name = $0.tables.strings.intern("w,")
    },
    Corruption("variable twice", "`@w` is declared twice") {
      $0.tables.variables[1].name = $0.tables.variables[0].name
    },
    Corruption("variable type", "`@w` has a type that is not in the table, 999") {
      $0.tables.variables[0].type = TypeID(999)
    },
    Corruption("symbolic variable", "`@w` has the symbolic dim `B`") {
      $0.tables.variables[0].type = $0.graphs[1].types[0]
    },
    Corruption("eye", "`@w` is f32[2], `eye` needs a square matrix") {
      $0.tables.variables[0].initializer = .eye
    },
    Corruption("normal", "`normal(0.0, -1.0)` needs finite numbers and a deviation of 0 or more") {
      $0.tables.variables[0].initializer = .normal(mean: 0, deviation: -1)
    },
    Corruption("uniform", "`uniform(2.0, 1.0)` needs finite numbers, the lower one first") {
      $0.tables.variables[0].initializer = .uniform(low: 2, high: 1)
    },
    Corruption("normal integer", "`normal` needs floats") {
      $0.tables.variables[1].type = $0.tables.types.intern(.i32, [])
    },
    Corruption("constant", "its initial value 300.0 is no u8") {
      $0.tables.variables[0].type = $0.tables.types.intern(.u8, [])
      $0.tables.variables[0].initializer = .constant(300)
    },
    Corruption("data", "`@w` is f32[], its data is f32[2]") {
      $0.tables.variables[0].type = $0.tables.types.intern(.f32, [])
    },
    Corruption("data that does not exist", "its data is not in the table, 7") {
      $0.tables.variables[0].initializer = .data(ConstantID(7))
    },
    Corruption("constant bytes", "constant 1 of type f32[2] has 3 bytes, it takes 8") {
      _ = $0.tables.constants.intern($0.tables.variables[0].type, [1, 2, 3])
    },
    Corruption("constant bool", "constant 1 of type bool[] holds a byte that is neither 0 nor 1") {
      _ = $0.tables.constants.intern($0.tables.types.intern(.bool, []), [2])
    },
    Corruption("constant dims", "constant 1 has the type f32[B,2] with symbolic dims") {
      _ = $0.tables.constants.intern($0.graphs[1].types[0], [])
    },
    Corruption("constant type", "constant 1 has a type that is not in the table, 999") {
      _ = $0.tables.constants.intern(TypeID(999), [])
    },
    Corruption("huge constant", "its size does not fit 64 bits") {
      let large = $0.tables.dims.integer(Int64.max)
      _ = $0.tables.constants.intern($0.tables.types.intern(.f32, [large]), [])
    },
  ]

  static let columns: [Corruption] = [
    Corruption("operand ends", "the graph has 7 ops but 6 operand ends") {
      $0.graphs[1].operandEnds.removeLast()
    },
    Corruption("attributes", "the graph has 7 ops but 8 attributes") {
      $0.graphs[1].attributes.append(.none)
    },
    Corruption("result ends", "the graph has 7 ops but 6 result ends") {
      $0.graphs[1].resultEnds.removeLast()
    },
    Corruption("locations", "the graph has 7 ops but 0 locations") { $0.graphs[1].locations = [] },
    Corruption("definers", "types for 8 values but 7 definers") { $0.graphs[1].definers.removeLast() },
    Corruption("names", "types for 8 values but 7 names") { $0.graphs[1].names.removeLast() },
    Corruption("falling ends", "the operands of node 4 are 1 ..< 0") { $0.graphs[1].operandEnds[4] = 0 },
    Corruption("ends out of range", "the operands of node 6 are 5 ..< 100 of 6") {
      $0.graphs[1].operandEnds[6] = 100
    },
    Corruption("ends too early", "the last operand end is 5, there are 6 operands") {
      $0.graphs[1].operandEnds[6] = 5
    },
    Corruption("results too early", "the last result end is 7, there are 8 results") {
      $0.graphs[1].resultEnds[6] = 7
    },
    Corruption("too many inputs", "7 nodes and 8 values but 9 inputs") { $0.graphs[1].inputCount = 9 },
    Corruption("negative inputs", "7 nodes and 8 values but -1 inputs") { $0.graphs[1].inputCount = -1 },
  ]

  static let nodes: [Corruption] = [
    Corruption("no results", "the node has no results") {
      $0.graphs[1].resultEnds[3] = 3
      $0.graphs[1].definers[3] = NodeID(4)
    },
    Corruption("later operand", "operand 2 is value 6, which is not defined earlier") {
      $0.graphs[1].operandPool[2] = ValueID(6)
    },
    Corruption("own operand", "operand 1 is value 4, which is not defined earlier") {
      $0.graphs[1].operandPool[1] = ValueID(4)
    },
    Corruption("no operand", "operand 1 is value 4294967295, which is not defined earlier") {
      $0.graphs[1].operandPool[0] = .none
    },
    Corruption("type", "value 4 has a type that is not in the table, or is no type: 999") {
      $0.graphs[1].types[4] = TypeID(999)
    },
    Corruption("type of nonsense", "value 4 has a type that is not in the table, or is no type") {
      $0.graphs[1].types[4] = $0.tables.types.intern(.f32, [DimID(9999)])
    },
    Corruption("negative dim", "value 4 has a type that is not in the table, or is no type") {
      $0.graphs[1].types[4] = $0.tables.types.intern(.f32, [$0.tables.dims.integer(-1)])
    },
    Corruption("nine axes", "value 4 has a type that is not in the table, or is no type") {
      let one = $0.tables.dims.integer(1)
      $0.graphs[1].types[4] = $0.tables.types.intern(.f32, [DimID](repeating: one, count: 9))
    },
    Corruption("definer", "value 4 is a result of this node but names node 2") {
      $0.graphs[1].definers[4] = NodeID(2)
    },
    Corruption("location", "the location is not in the table, 999") {
      $0.graphs[1].locations[4] = LocationID(999)
    },
    Corruption("record", "the attribute record 999 is not in the table") {
      $0.graphs[1].attributes[3] = AttributesID(999)
    },
    Corruption("record of nonsense", "or names what is in none") {
      $0.graphs[1].attributes[3] = $0.tables.attributes.intern([Attribute(.shape, .dims([DimID(9999)]))])
    },
    Corruption("unknown attribute", "`add` has no attribute `axis`") {
      $0.graphs[1].attributes[4] = $0.tables.attributes.intern([Attribute(.axis, .int(0))])
    },
    Corruption("kind of attribute", "`broadcast`: attribute `shape` is not of kind dims") {
      $0.graphs[1].attributes[3] = $0.tables.attributes.intern([Attribute(.shape, .ints([2]))])
    },
    Corruption("missing attribute", "`broadcast` needs the attribute `shape`") {
      $0.graphs[1].attributes[3] = AttributeTable.empty
    },
    Corruption("order of attributes", "not in the schema's order, are given twice or state a default") {
      $0.graphs[1].attributes[6] = $0.tables.attributes.intern([
        Attribute(.keepDims, .bool(false)), Attribute(.axes, .ints([1])),
      ])
    },
    Corruption("result type", "the results are stated as (f32[2]), they are (f32[B,2])") {
      $0.graphs[1].types[4] = $0.graphs[1].types[1]
    },
    Corruption("op", "`sqrt` takes 1 operand, got 2") { $0.graphs[1].ops[4] = .sqrt },
    Corruption("dtypes", "`and`: operand 1 (`x`) is f32, it may be i32, i64, u8, bool") {
      $0.graphs[1].ops[4] = .and
    },
    Corruption("shapes", "operands have different shapes: f32[2] and f32[B,2]") {
      $0.graphs[1].operandPool[1] = ValueID(1)
    },
    Corruption("number of results", "the results are stated as (f32[B,2], f32[2]), they are (f32[B,2])") {
      $0.graphs[1].resultEnds[4] = 6
    },
  ]

  static let context: [Corruption] = [
    Corruption("input behind", "an input stands behind the 1 inputs of the signature") {
      $0.graphs[1].ops[4] = .input
    },
    Corruption("no input", "node 0 of 1 inputs is no input") { $0.graphs[1].ops[0] = .eye },
    Corruption("input with attributes", "an input has one result, no operands and no attributes") {
      $0.graphs[1].attributes[0] = $0.graphs[1].attributes[1]
    },
    Corruption(
      "missing symbol", "the type f32[B,2] mentions the symbol `B`, which is not in the `where` of `@f`"
    ) {
      $0.graphs[1].symbols = []
    },
    Corruption("missing symbol of an attribute", "the attribute `shape` mentions the symbol `B`") {
      $0.graphs[1].symbols = []
    },
    Corruption(
      "missing symbol of a body", "the body `@step` has the symbol `B`, which is not in the `where` of `@f`"
    ) {
      $0.graphs[1].symbols = []
    },
    Corruption("symbol twice", "`@f` names the symbol `B` twice in its `where`") {
      $0.graphs[1].symbols.append($0.tables.dims.symbol($0.tables.strings.intern("B"), bound: 9))
    },
    Corruption("symbol out of range", "a symbol is not in the table, 55") {
      $0.graphs[1].symbols.append(SymbolID(55))
    },
    Corruption("read in a body", "a body reads a variable") { $0.graphs[1].kind = .body },
    Corruption("write in a body", "the body `@f` writes a state") { $0.graphs[1].kind = .body },
    Corruption("read of nothing", "`@nothing` is not declared") {
      let name = $0.tables.strings.intern("nothing")
      $0.graphs[1].attributes[1] = $0.tables.attributes.intern([Attribute(.name, .symbol(name))])
    },
    Corruption("body later", "the body `@f` does not stand before its use") {
      $0.graphs[1].attributes[5] = $0.tables.attributes.intern([
        Attribute(.body, .graph(GraphID(1))), Attribute(.carries, .int(1)), Attribute(.sequences, .int(1)),
      ])
    },
    Corruption("body out of range", "or names what is in none") {
      $0.graphs[1].attributes[5] = $0.tables.attributes.intern([Attribute(.body, .graph(GraphID(9)))])
    },
    Corruption("body that is a function", "`scan` runs `@step`, which is not a body") {
      $0.graphs[0].kind = .function
      $0.tables.signatures[0].kind = .function
    },
    Corruption("inputs of the body", "it takes (f32[2])") { $0.graphs[0].inputCount = 1 },
  ]

  static let returns: [Corruption] = [
    Corruption("result", "`@f` returns value 99, there are 8") { $0.graphs[1].results[0] = ValueID(99) },
    Corruption("result names", "`@f` has 2 results but 1 names of results") {
      $0.graphs[1].resultNames.removeLast()
    },
    Corruption("result name", "`@f` has the result name `<string 999>`, which is no identifier") {
      $0.graphs[1].resultNames[1] = StringID(999)
    },
    Corruption("result name twice", "`@f` has two results named `total`") {
      $0.graphs[1].resultNames[1] = $0.graphs[1].resultNames[0]
    },
    Corruption("write of nothing", "`@f` writes `@w.x`, which is not declared") {
      $0.graphs[1].writes[0].state = $0.tables.strings.intern("w.x")
    },
    Corruption("write twice", "`@f` writes `@layer.0.s` twice") {
      $0.graphs[1].writes += $0.graphs[1].writes
    },
    Corruption("value written", "`@f` writes value 88 to `@layer.0.s`, there are 8") {
      $0.graphs[1].writes[0].value = ValueID(88)
    },
    Corruption("type written", "`@layer.0.s` is f32[2], the value that `@f` writes is f32[B,2]") {
      $0.graphs[1].writes[0].value = ValueID(4)
    },
  ]

  static let all = names + variables + columns + nodes + context + returns
}
