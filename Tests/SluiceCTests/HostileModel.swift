// A model whose author has chosen the worst names that text can hold.

import SluiceFormats
import SluiceIR
import SluicePlan

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
    "count", "task", "argument", "index", "main", "float", "params_block", "EOF", "1e5", "half", "restrict",
  ]

  static func plan() -> ModulePlan {
    var kit = PlanKit(
      "int", comment: ["ends the comment */ #error no", "back\\", "trigraph ??/", "nul\0 and \u{202E}bidi"])
    let symbols = ["int", "INT", "*/", "begin", "x1"].map { kit.symbol($0, 20_000) }
    let extent = kit.dim(symbols[0])
    var others: [DimID] = []
    for symbol in symbols.dropFirst() { others.append(kit.dim(symbol)) }
    var variables: [Buffer] = []
    for (row, name) in names.enumerated() {
      let type = kit.type(.f32, [kit.dim(1 + row % 2)])
      variables.append(row % 2 == 0 ? kit.parameter(name, type) : kit.state(name, type))
    }
    for (row, name) in ["call", "int", "k0_kernel"].enumerated() {
      var k = kit.builder("*/ kernel \\")
      var slots: [Int] = []
      for name in names.prefix(40) { slots.append(k.slot(name, .f32, .read)) }
      let output = k.slot("begin", .f32, .write)
      let none = kit.zero
      let one = kit.one
      let wide = kit.product(others[0], others[1])
      k.loop(to: Affine(extent), .vector) { k, i in
        var sum = k.load(slots[0], Affine(none, [.init(one, i)]))
        for slot in slots.dropFirst() {
          sum = k.scalar(.fma, .f32, [sum, k.load(slot, Affine(none, [.init(one, i)])), sum])
        }
        let scaled = k.scalar(
          .add, .f32, [sum, k.scalar(.cast, .f32, source: .i64, [k.index(Affine(wide))])])
        k.store(output, Affine(none, [.init(one, i)]), k.scalar(.canonical, .f32, [scaled]))
      }
      let kernel = kit.add(k, comment: ["*/ int main(void) {} /*", "??/", "\\", "line\nbreak"])
      let type = kit.type(.f32, [extent])
      var inputs: [(String, TypeID)] = []
      for name in names.prefix(40) { inputs.append((name, type)) }
      // A type that every symbol is part of.
      inputs.append(("all", kit.type(.u8, others)))
      let arguments = (Array(0..<40) + [41]).map { Argument(buffer: BufferID($0), offset: kit.zero) }
      kit.function(
        name, symbols: symbols, inputs: inputs, outputs: [(names[row], type)], others: variables,
        steps: [.call(kernel, arguments)], comment: ["*/", "\\"])
    }
    // Functions that do nothing, for their names alone.
    for name in [
      "reset", "params_bind", "status", "x", "X", "*/", "fma_f32", "", "function0_call", "word_at",
    ] {
      kit.function(name, inputs: [], outputs: [], steps: [])
    }
    return kit.finish()
  }
}
