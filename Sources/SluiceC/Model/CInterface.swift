import SluiceIR
import SluicePlan

/// The functions that every model has: status texts, the parameters file, the initial state.
struct CInterface {
  private let model: CModel

  init(_ model: CModel) { self.model = model }

  /// Their definitions.
  var text: String {
    var text = model.helpers.expand(Self.statusString) + CArithmetic(model).text
    if model.plan.parameterBytes > 0 {
      model.helpers.use("misaligned")
      model.helpers.use("copy")
      text += model.helpers.expand(Self.bind)
    }
    if model.plan.stateBytes > 0, model.options.initialState == .reset, model.drawing == nil { text += reset }
    return text
  }

  /// All templates.
  static let templates = statusString + bind + resetHead

  private static let statusString = """
    @@API const char *@status_string(@status status) {
      switch (status) {
        case @@OK:
          return "ok";
        case @@ERROR_NULL:
          return "a pointer that is needed is NULL";
        case @@ERROR_DIM:
          return "a dim is negative or above its maximum";
        case @@ERROR_ALIGNMENT:
          return "a pointer is not aligned";
        case @@ERROR_ARENA:
          return "the arena is too small";
        case @@ERROR_PARAMS:
          return "the parameters file does not fit this model";
        case @@ERROR_ALIAS:
          return "memory that is written overlaps other memory of the call";
        case @@ERROR_FUNCTION:
          return "there is no function of that number";
        case @@ERROR_INDEX:
          return "an index or a class in an input is out of range";
        case @@ERROR_ARITHMETIC:
          return "the compiler or the processor computes otherwise than promised";
      }
      return "unknown status";
    }


    """

  private static var bind: String {
    return """
      /* A number of 32 or 64 bits in the bytes of a file of this machine's byte order. */
      static uint32_t @word_at(const unsigned char *bytes) {
        uint32_t word;
        @@COPY(&word, bytes, sizeof word);
        return word;
      }

      static uint64_t @long_at(const unsigned char *bytes) {
        uint64_t word;
        @@COPY(&word, bytes, sizeof word);
        return word;
      }

      @@API @status @params_bind(@context *context, const void *file, size_t bytes) {
        static const char magic[8] = {'S', 'L', 'U', 'I', 'C', 'E', 'P', '1'};
        const unsigned char *const header = (const unsigned char *)file;
        if (context == NULL || file == NULL) {
          return @@ERROR_NULL;
        }
        if (@misaligned(file, @@ALIGN)) {
          return @@ERROR_ALIGNMENT;
        }
        if (bytes != (size_t)64 + @@PARAMS_BYTES) {
          return @@ERROR_PARAMS;
        }
        for (size_t i = 0; i < sizeof magic; ++i) {
          if (header[i] != (unsigned char)magic[i]) {
            return @@ERROR_PARAMS;
          }
        }
        for (size_t i = 40; i < 64; ++i) {
          if (header[i] != 0) {
            return @@ERROR_PARAMS;
          }
        }
        if (@word_at(header + 8) != 0x01020304u || @word_at(header + 12) != @@ABI_VERSION ||
            @long_at(header + 16) != @@PARAMS_HASH || @long_at(header + 24) != @@PARAMS_BYTES) {
          return @@ERROR_PARAMS;
        }
        uint64_t sum = UINT64_C(0x6a09e667f3bcc908);
        for (size_t i = 64; i < bytes; i += 8) {
          sum = (sum ^ @long_at(header + i)) * UINT64_C(0x9e3779b97f4a7c15);
          sum ^= sum >> 32;
        }
        if (@long_at(header + 32) != sum) {
          return @@ERROR_PARAMS;
        }
        const @status arithmetic = @check_arithmetic();
        if (arithmetic != @@OK) {
          return arithmetic;
        }
        context->params = header + 64;
        return @@OK;
      }


      """
  }

  private static var resetHead: String {
    return """
      @@API @status @reset(const @context *context) {
        if (context == NULL || context->state == NULL) {
          return @@ERROR_NULL;
        }
        if (@misaligned(context->state, @@ALIGN)) {
          return @@ERROR_ALIGNMENT;
        }
        const @status arithmetic = @check_arithmetic();
        if (arithmetic != @@OK) {
          return arithmetic;
        }
        unsigned char *const state = (unsigned char *)context->state;

      """
  }

  private var reset: String {
    model.helpers.use("misaligned")
    let (code, tables) = Self.initialValues(model)
    return tables + model.helpers.expand(Self.resetHead) + (code.isEmpty ? "  (void)state;\n" : code)
      + model.helpers.expand("  return @@OK;\n}\n\n")
  }

  /// Statements that write the initial values of the states that are not drawn, given a pointer to their block, and
  /// the tables that they need.
  static func initialValues(_ model: CModel) -> (code: String, tables: String) {
    var code = ""
    var tables = ""
    // States of optimizers are many, large and zeros.
    var zeros = 0..<0
    for (position, variable) in model.plan.states.enumerated()
    where !model.options.drawnStates.contains(variable.name) {
      let part = model.options.states?[variable.offset..<variable.offset + variable.byteCount] ?? []
      if !part.contains(where: { $0 != 0 }) {
        if zeros.upperBound != position {
          code += CTables.clear(zeros, model)
          zeros = position..<position
        }
        zeros = zeros.lowerBound..<position + 1
        continue
      }
      let (statements, table) = CTables.reset(position, part, model)
      code += statements
      tables += table
    }
    return (code + CTables.clear(zeros, model), tables)
  }
}
