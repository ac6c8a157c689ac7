// A model whose author has chosen the worst names that text can hold.

import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport

enum HostileModel {
  static let names = [
    "int", "class", "x y", "*/", "/*", "\\", "a\"b", "über", "変数", "", "_", "__x", "9lives", "unix", "linux",
    "NULL",
    "context", "dims", "inputs", "outputs", "arena", "params", "state", "spans", "begin", "end", "lane", "i",
    "j", "sum",
    "int_status", "x", "X", "x_", "__LINE__", "INT32_MAX", "offsetof", "\u{202E}rtl", "??/", "%s%n", "a.b",
    "a_b",
    "very_long_name_that_goes_on_and_on_and_on_for_more_than_any_reader_can_bear_to_read_in_one_go", "t1",
    "chunk",
    "count", "task", "argument", "index", "main", "call", "k0_kernel", "reset", "params_bind", "status",
    "fma_f32",
    "function0_call", "word_at", "INT", "begin", "x1", "float", "params_block", "EOF", "1e5", "half",
    "restrict",
  ]

  static func plan() -> ModulePlan { plan("int", names: names) }

  /// A model in which every name has every role: function, symbol, input, output, parameter, state, tensor of a
  /// kernel.
  static func plan(_ model: String, names: [String]) -> ModulePlan {
    var m = PlanBuilder(
      model, function: nil,
      comment: ["ends the comment */ #error no", "back\\", "trigraph ??/", "nul\0 and \u{202E}bidi"])
    var variables: [Buffer]?
    for start in stride(from: 0, to: names.count, by: 32) {
      let part = Array(names[start..<min(start + 32, names.count)])
      for first in stride(from: 0, to: part.count, by: 8) {
        m.begin(part[0], comment: ["*/", "\\"])
        // The variables are the same in every function.
        if let variables {
          m.function.buffers = variables
        } else {
          for (row, name) in names.enumerated() {
            _ = (m.parameter(name, .f32, 1 + row % 2), m.state(name, .f32, 1 + row % 2))
          }
          variables = m.function.buffers
        }
        // So few symbols that they are parameters of kernels.
        function(&m, part, part[first..<min(first + 8, part.count)].map { m.symbol($0, 40) })
      }
    }
    // Functions that do nothing, for their names alone.
    for name in names { m.begin(name) }
    return m.plan
  }

  private static func function(_ m: inout PlanBuilder, _ names: [String], _ symbols: [SymbolID]) {
    let (extent, others) = (symbols[0], symbols.dropFirst())
    let inputs = names.map { m.input($0, .f32, extent) }
    // Types that every symbol is part of.
    for symbol in others { _ = m.input("all", .u8, symbol) }
    let outputs = names.map { m.output($0, .f32, extent) }
    let comment = ["*/ int main(void) {} /*", "??/", "\\", "line\nbreak"]
    let kernel = m.kernel("*/ kernel \\", comment: comment) { k, m in
      let slots = names.map { k.slot($0, .f32, .read) }
      let output = k.slot("begin", .f32, .write)
      k.loop(to: m.affine(extent), .vector) { k, i in
        var sum = k.load(slots[0], k.at(i))
        for slot in slots.dropFirst() { sum = k.scalar(.fma, .f32, [sum, k.load(slot, k.at(i)), sum]) }
        for symbol in others {
          let size = k.scalar(.cast, .f32, source: .i64, [k.index(m.affine(symbol))])
          sum = k.scalar(.add, .f32, [sum, size])
        }
        k.store(output, k.at(i), k.scalar(.canonical, .f32, [sum]))
      }
    }
    m.call(kernel, whole: inputs + [outputs[outputs.count - 1]])
  }
}
