import SluiceIR
public import SluicePlan

extension CSource {
  /// Which loop of each kernel threads share in generated C, or why they share none; a remark of kind `divide` a kernel.
  public static func remarks(_ plan: ModulePlan) -> [Remark] {
    // The place of a kernel is that of its first call.
    var locations = [LocationID](repeating: .none, count: plan.kernels.count)
    for function in plan.functions.reversed() {
      for (position, step) in function.steps.enumerated().reversed() {
        guard case .call(let kernel, _) = step, let location = function.origins[position].first else {
          continue
        }
        locations[kernel.index] = location
      }
    }
    return plan.kernels.indices.map { index in
      Remark(
        .divide, message(plan.kernels[index], plan.tables), at: locations[index], kernel: KernelID(index))
    }
  }

  private static func message(_ kernel: Kernel, _ tables: Tables) -> String {
    if kernel.symbols.count > CKernelPrinter.mostSymbols {
      return "not divided: it has more than \(CKernelPrinter.mostSymbols) symbols"
    }
    switch CTasks.division(kernel, CKernelTree(kernel), tables.dims) {
    case .none(let reason): return "not divided: \(reason)"
    case .tasks(let tasks):
      let loops = tasks.loops.map { "\(tables.text($0.start.constant)) ..< \(tables.text($0.end.constant))" }
      return
        "divided among threads: \(loops.count == 1 ? "the loop" : "the loops") over \(loops.joined(separator: ", "))"
    }
  }
}
