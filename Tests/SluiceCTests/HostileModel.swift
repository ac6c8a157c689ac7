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
    var kit = PlanKit(
      model, comment: ["ends the comment */ #error no", "back\\", "trigraph ??/", "nul\0 and \u{202E}bidi"])
    var variables: [Buffer] = []
    for (row, name) in names.enumerated() {
      let type = kit.type(.f32, [kit.dim(1 + row % 2)])
      variables.append(kit.parameter(name, type))
      variables.append(kit.state(name, type))
    }
    for start in stride(from: 0, to: names.count, by: 32) {
      let part = Array(names[start..<min(start + 32, names.count)])
      for first in stride(from: 0, to: part.count, by: 8) {
        // So few symbols that they are parameters of kernels.
        let symbols = part[first..<min(first + 8, part.count)].map { kit.symbol($0, 40) }
        function(&kit, part, symbols, variables)
      }
    }
    // Functions that do nothing, for their names alone.
    for name in names { kit.function(name, inputs: [], outputs: [], steps: []) }
    return kit.finish()
  }

  private static func function(
    _ kit: inout PlanKit, _ names: [String], _ symbols: [SymbolID], _ variables: [Buffer]
  ) {
    let extent = kit.dim(symbols[0])
    var others: [DimID] = []
    for symbol in symbols.dropFirst() { others.append(kit.dim(symbol)) }
    var k = kit.builder("*/ kernel \\")
    var slots: [Memory] = []
    for name in names { slots.append(k.slot(name, .f32, .read)) }
    let output = k.slot("begin", .f32, .write)
    let (none, one) = (kit.zero, kit.one)
    k.loop(to: Affine(extent), .vector) { k, i in
      var sum = k.load(slots[0], Affine(none, [.init(one, i)]))
      for slot in slots.dropFirst() {
        sum = k.scalar(.fma, .f32, [sum, k.load(slot, Affine(none, [.init(one, i)])), sum])
      }
      for dim in others {
        let size = k.scalar(.cast, .f32, source: .i64, [k.index(Affine(dim))])
        sum = k.scalar(.add, .f32, [sum, size])
      }
      k.store(output, Affine(none, [.init(one, i)]), k.scalar(.canonical, .f32, [sum]))
    }
    let kernel = kit.add(k, comment: ["*/ int main(void) {} /*", "??/", "\\", "line\nbreak"])
    let type = kit.type(.f32, [extent])
    var inputs: [(String, TypeID)] = []
    for name in names { inputs.append((name, type)) }
    // Types that every symbol is part of.
    for dim in others { inputs.append(("all", kit.type(.u8, [dim]))) }
    let used = [Array(0..<names.count), [inputs.count + names.count - 1]].joined()
    let arguments = used.map { Argument(buffer: BufferID($0), offset: kit.zero) }
    kit.function(
      names[0], symbols: symbols, inputs: inputs, outputs: names.map { ($0, type) }, others: variables,
      steps: [.call(kernel, arguments)], comment: ["*/", "\\"])
  }
}
