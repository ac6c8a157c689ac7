import SluiceFormats
import SluiceIR
import SluicePlan

extension TrainingFeed {
  /// Throws `TrainingError` where data have indices or classes out of range: all of them are looked at, once.
  ///
  /// Every example can be at every place of a batch, and every window of a sequence be taken; so an element is held
  /// against a size where its place in its example, or in some window, is.
  func checkIndices(_ function: ExecutionPlan, _ plan: ModulePlan) throws {
    guard !function.indexUses.isEmpty else { return }
    let rows = batch.isFixed ? batch.limit : 1
    let shapes = sources.map { source -> [Int] in
      switch source {
      case .examples(let array): [rows] + array.shape
      case .sequence: [rows, window ?? 1]
      case .seed: []
      case .fixed(let value): value.shape
      }
    }
    // Shapes that do not fit are told by the first step.
    guard let sizes = try? function.bindSymbols(shapes: shapes, plan.tables) else { return }
    for use in function.indexUses {
      let shape = shapes[use.input]
      let places = use.places(sizes, plan.tables.dims, count: HostTensor.elementCount(of: shape) ?? 0)
      guard !places.isEmpty else { continue }
      let check = IndexCheck(use, sizes, plan.tables)
      let name = function.inputs[use.input].name
      func look(
        _ numbers: [Int64], at places: some Collection<Int>, _ index: (Int) -> [Int]
      ) throws {
        if let finding = check.find(numbers, at: places) {
          throw TrainingError(check.message(finding, "the data `\(name)`", index(finding.first)))
        }
        if check.areNone(numbers, at: places) {
          throw TrainingError(
            "the data `\(name)` has classes, but all are less than 0, which is none: there is nothing to learn"
          )
        }
      }
      switch sources[use.input] {
      case .examples(let array):
        let size = max(array.shape.reduce(1, *), 1)
        let inRow = Set(places.map { $0 % size }).sorted()
        let all = (0..<array.count).flatMap { row in inRow.map { row * size + $0 } }
        try look(array.integers, at: all) { [$0 / size] + HostTensor.index(of: $0 % size, in: array.shape) }
      case .sequence(let array):
        let inWindow = places.map { $0 % max(window ?? 1, 1) }
        guard let first = inWindow.min(), let last = inWindow.max() else { continue }
        let end = array.count - (window ?? 1) + last + 1
        guard first < end else { continue }
        try look(array.integers, at: first..<end) { [$0] }
      case .fixed(let value): try look(value.asIntegers(), at: places) { value.index(of: $0) }
      case .seed: continue
      }
    }
  }
}
