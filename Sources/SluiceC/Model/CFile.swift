import SluiceIR
import SluicePlan

/// Puts the parts of a C file and its header in order.
struct CFile {
  let model: CModel

  init(_ model: CModel) { self.model = model }

  func emit() -> (source: String, header: String) {
    let graphHash = model.options.graphHash ?? PlanHash.plan(model.plan, without: model.options.drawing)
    let declarations = CHeader(model, graphHash: graphHash).text

    // Kernels first: they say which helpers are needed.
    var kernels: [CKernel] = []
    var kernelText = ""
    for (position, kernel) in model.plan.kernels.enumerated() {
      let printed = CKernelPrinter.function(
        kernel, named: model.kernelNames[position], model.uses[position], model.tables, model.helpers)
      kernels.append(printed)
      kernelText += printed.text + "\n"
    }
    var tables = CTables(model)
    var entryText = CInterface(model).text
    for position in model.plan.functions.indices {
      entryText += CEntry(model, position, kernels, &tables).text + "\n"
    }
    entryText += CGeneric(model).text
    entryText += CSelfTest(model).text

    let source =
      banner("\(model.name).c", graphHash) + "\n" + declarations + "\n" + CPrelude(model).text + "\n"
      + section("Helpers", model.helpers.text) + section("Constants", tables.text)
      + section("Tiles of products", model.helpers.productText) + section("Kernels", kernelText)
      + section("Entry points", CProfile(model).definitions + entryText) + CPool(model).definitions
    return (source, banner("\(model.name).h", graphHash) + "\n" + declarations)
  }

  private func section(_ title: String, _ text: String) -> String {
    text.isEmpty
      ? "" : "/* ---- \(title) " + String(repeating: "-", count: 84 - title.utf8.count) + " */\n\n" + text
  }

  private func banner(_ file: String, _ graphHash: UInt64) -> String {
    var writer = CWriter()
    var lines = [
      "\(file): the model `\(model.plan.module.name)`, compiled by Sluice \(model.options.toolVersion); "
        + "graph \(CText.hex(graphHash, 16))."
    ]
    if !model.plan.module.comment.isEmpty { lines += [""] + model.plan.module.comment }
    lines += [
      "",
      file.hasSuffix(".c")
        ? "This file stands alone: C99 or C++17, no libraries (but memcpy, memmove and memset, "
          + "which compilers may call), no memory of its own, no globals that change. "
          + "It gives the same bits with every compiler, at every optimisation level, on every processor."
        : "The same text is at the beginning of \(model.name).c, which needs no header.",
    ]
    writer.comment(lines)
    return writer.text
  }
}
