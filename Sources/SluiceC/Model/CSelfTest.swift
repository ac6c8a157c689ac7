import SluiceIR
import SluicePlan

/// The self-test in the C file, behind a macro: every function on fixed inputs, compared with hashes that the
/// interpreter made.
struct CSelfTest {
  private let model: CModel
  private let rows: [SelfTest.Row]

  init(_ model: CModel) {
    self.model = model
    rows = model.options.selfTest
  }

  private func aligned(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

  /// Where the state, the arena and a function's inputs and outputs begin in the memory of the test.
  private var places: (state: Int, arena: Int, tensors: Int) {
    let state = aligned(model.plan.parameterBytes)
    let arena = state + aligned(model.plan.stateBytes)
    return (state, arena, arena + aligned(arenaBytes))
  }

  /// The largest arena of the functions that are tested.
  private var arenaBytes: Int { rows.map { model.plan.functions[$0.function].arenaBytes }.max() ?? 0 }

  /// The inputs and outputs of a function with their counts and places.
  private func tensors(_ row: SelfTest.Row, _ ports: [Port], from start: inout Int) -> [(
    dtype: DType, isScalar: Bool, count: Int, place: Int
  )] {
    let function = model.plan.functions[row.function]
    return ports.map { port in
      let dtype = model.tables.types.dtype(port.type)
      let shape = SelfTest.shape(port.type, model.plan, function, row.sizes) ?? []
      let count = shape.reduce(1, *)
      defer { start += aligned(max(1, count * dtype.byteCount)) }
      return (dtype, shape.isEmpty, count, start)
    }
  }

  private var byteCount: Int {
    rows.reduce(places.tensors) { most, row in
      var end = places.tensors
      let function = model.plan.functions[row.function]
      _ = tensors(row, function.inputs + function.outputs, from: &end)
      return max(most, end)
    }
  }

  /// The part of the header.
  var declarations: String {
    if rows.isEmpty { return "" }
    let tested = Set(rows.map(\.function))
    let missing = model.publicFunctions.filter { !tested.contains($0) }.map { model.functions[$0].name }
    let without =
      missing.isEmpty
      ? "every function" : "functions (without \(missing.joined(separator: ", ")), which do too much)"
    var writer = CWriter()
    writer.directive("#ifdef \(model.macroPrefix)SELF_TEST")
    writer.comment([
      "Runs \(without) on fixed inputs, with parameters and states of its own, and compares the bits with those of "
        + "Sluice's interpreter: \(model.macroPrefix)OK or \(model.macroPrefix)ERROR_ARITHMETIC. It works in "
        + "\(model.macroPrefix)SELF_TEST_BYTES bytes at a multiple of \(model.macroPrefix)ALIGN. Worth a run with every "
        + "new compiler, option and processor."
    ])
    writer.directive("#define \(model.macroPrefix)SELF_TEST_BYTES \(byteCount)")
    writer.line(
      "\(model.macroPrefix)FUNCTION \(model.prefix)status \(model.prefix)self_test(void *memory, size_t bytes);"
    )
    writer.directive("#endif")
    writer.blank()
    return writer.text
  }

  /// The definitions.
  var text: String {
    if rows.isEmpty { return "" }
    model.helpers.use("copy")
    model.helpers.use("misaligned")
    var writer = CWriter()
    writer.directive("#ifdef \(model.macroPrefix)SELF_TEST")
    writer.raw(model.helpers.expand(Self.common))
    for row in rows { write(row, &writer) }
    writer.raw(model.helpers.expand(entry))
    writer.directive("#endif")
    writer.blank()
    return writer.text
  }

  /// All names that the test has for itself, but for those of single functions.
  static let templates = common + " @self_test @@SELF_TEST @@SELF_TEST_BYTES "

  private static let common = """
    /* ---- Self-test ------------------------------------------------------------------------------- */

    static uint32_t @test_mix(uint32_t x) {
      x = (x ^ (x >> 16)) * 0x85ebca6bu;
      x = (x ^ (x >> 13)) * 0xc2b2ae35u;
      return x ^ (x >> 16);
    }

    /* Fills a tensor: floats in 1/16 ..< 1, integers in 0 ... 3, by their bits. dtype as in reflection. */
    static void @test_fill(unsigned char *memory, int dtype, uint32_t number, size_t count, int is_signed) {
      for (size_t i = 0; i < count; ++i) {
        const uint32_t r = @test_mix(number * 0x9e3779b9u + (uint32_t)i + 1u);
        const uint32_t sign = is_signed ? r >> 31 : 0u;
        const uint32_t exponent = (r >> 28) & 3u;
        uint32_t bits = r & 3u;
        uint64_t wide = bits;
        uint16_t half;
        switch (dtype) {
          case 0:
            bits = (sign << 31) | ((123u + exponent) << 23) | (r & 0x7fffffu);
            @@COPY(memory + i * 4, &bits, sizeof bits);
            break;
          case 1:
            bits = (sign << 31) | ((1019u + exponent) << 20) | (r & 0xfffffu);
            wide = ((uint64_t)bits << 32) | @test_mix(r);
            @@COPY(memory + i * 8, &wide, sizeof wide);
            break;
          case 2:
            @@COPY(memory + i * 4, &bits, sizeof bits);
            break;
          case 3:
            @@COPY(memory + i * 8, &wide, sizeof wide);
            break;
          case 6:
            half = (uint16_t)((sign << 15) | ((11u + exponent) << 10) | (r & 0x3ffu));
            @@COPY(memory + i * 2, &half, sizeof half);
            break;
          case 7:
            half = (uint16_t)((sign << 15) | ((123u + exponent) << 7) | (r & 0x7fu));
            @@COPY(memory + i * 2, &half, sizeof half);
            break;
          default:
            memory[i] = (unsigned char)(dtype == 4 ? r & 0xffu : r & 1u);
            break;
        }
      }
    }

    /* A hash that also depends on so many elements of that size. */
    static uint64_t @test_hash(uint64_t hash, const unsigned char *memory, size_t size, size_t count) {
      for (size_t i = 0; i < count; ++i) {
        uint64_t word = memory[i];
        uint32_t bits;
        uint16_t half;
        if (size == 2) {
          @@COPY(&half, memory + i * 2, sizeof half);
          word = half;
        } else if (size == 4) {
          @@COPY(&bits, memory + i * 4, sizeof bits);
          word = bits;
        } else if (size == 8) {
          @@COPY(&word, memory + i * 8, sizeof word);
        }
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
      }
      return hash;
    }


    """

  private func fill(_ place: Int, _ dtype: DType, _ number: Int, _ count: Int, signed: Bool) -> String {
    "\(model.prefix)test_fill(memory + \(place), \(dtype.rawValue), \(number)u, \(count), \(signed ? 1 : 0));"
  }

  private func variables(_ variables: [ModulePlan.Variable]) -> [(dtype: DType, count: Int, offset: Int)] {
    variables.map {
      let dtype = model.tables.types.dtype($0.type)
      return (dtype, $0.byteCount / dtype.byteCount, $0.offset)
    }
  }

  /// The test of one function.
  private func write(_ row: SelfTest.Row, _ writer: inout CWriter) {
    let (function, names) = (model.plan.functions[row.function], model.functions[row.function])
    let numbers = SelfTest.numbers(model.plan)
    var end = places.tensors
    let inputs = tensors(row, function.inputs, from: &end)
    let outputs = tensors(row, function.outputs, from: &end)
    let states = variables(model.plan.states)
    writer.open(
      "static \(model.prefix)status \(model.prefix)test\(row.function)("
        + "const \(model.prefix)context *context, unsigned char *memory)")
    for (position, state) in states.enumerated() {
      writer.line(
        fill(places.state + state.offset, state.dtype, numbers.states + position, state.count, signed: false))
    }
    for (position, input) in inputs.enumerated() {
      writer.line(fill(input.place, input.dtype, numbers.inputs + position, input.count, signed: true))
    }
    var arguments = ["context"]
    if let type = names.dimsType {
      writer.line("\(type) dims;")
      for (member, size) in zip(names.symbols, row.sizes) { writer.line("dims.\(member) = \(size);") }
      arguments.append("&dims")
    }
    if let type = names.inputsType {
      writer.line("\(type) inputs;")
      for (member, input) in zip(names.inputs, inputs) {
        let element = model.helpers.element(input.dtype)
        let pointer = "(const \(element) *)(const void *)(memory + \(input.place))"
        writer.line("inputs.\(member) = \(input.isScalar ? "*" : "")\(pointer);")
      }
      arguments.append("&inputs")
    }
    if let type = names.outputsType {
      writer.line("\(type) outputs;")
      for (member, output) in zip(names.outputs, outputs) {
        writer.line(
          "outputs.\(member) = (\(model.helpers.element(output.dtype)) *)(void *)(memory + \(output.place));")
      }
      arguments.append("&outputs")
    }
    writer.line("const \(model.prefix)status status = \(names.name)(\(arguments.joined(separator: ", ")));")
    writer.open("if (status != \(model.macroPrefix)OK)")
    writer.line("return status;")
    writer.close()
    writer.line("uint64_t hash = UINT64_C(0x\(CText.hex(SelfTest.seed, 16)));")
    let results =
      outputs.map { ($0.dtype, $0.count, $0.place) }
      + states.map { ($0.dtype, $0.count, places.state + $0.offset) }
    for (dtype, count, place) in results {
      writer.line("hash = \(model.prefix)test_hash(hash, memory + \(place), \(dtype.byteCount), \(count));")
    }
    writer.line(
      "return hash == UINT64_C(0x\(CText.hex(row.hash, 16))) ? \(model.macroPrefix)OK : "
        + "\(model.macroPrefix)ERROR_ARITHMETIC;")
    writer.close()
    writer.blank()
  }

  private var entry: String {
    var text = """
      @@API @status @self_test(void *memory, size_t bytes) {
        unsigned char *const start = (unsigned char *)memory;
        if (memory == NULL) {
          return @@ERROR_NULL;
        }
        if (@misaligned(memory, @@ALIGN)) {
          return @@ERROR_ALIGNMENT;
        }
        if (bytes < @@SELF_TEST_BYTES) {
          return @@ERROR_ARENA;
        }
        @context context;
        context.params = start;
        context.state = start + \(places.state);
        context.arena = start + \(places.arena);
        context.arena_bytes = \(arenaBytes);
        context.parallel_for = NULL;
        context.user = NULL;
        @status status = @check_arithmetic();

      """
    for (position, parameter) in variables(model.plan.parameters).enumerated() {
      text +=
        "  "
        + fill(parameter.offset, parameter.dtype, position, parameter.count, signed: true)
        .replacing("(memory +", with: "(start +") + "\n"
    }
    for row in rows {
      text += """
          if (status == @@OK) {
            status = \(model.prefix)test\(row.function)(&context, start);
          }

        """
    }
    return text + "  return status;\n}\n"
  }
}
