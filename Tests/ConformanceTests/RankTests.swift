/// Tensors of 0 to 8 axes through maps, reductions, transposes and broadcasts.

import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceText
import TestSupport
import Testing

struct RankTests {
  private static let extents = [2, 3, 1, 2, 1, 2, 2, 1]
  static let ranks = Array(0...TypeTable.maximumRank)

  /// A function of one rank: a map of views, a reduction, a broadcast and a reshape, chosen by a seed.
  private static func text(_ rank: Int, _ random: inout SeededRandom) -> String {
    func list(_ numbers: [Int]) -> String { "[" + numbers.map { String($0) }.joined(separator: ",") + "]" }
    func type(_ shape: [Int], _ dtype: String = "f32") -> String { dtype + list(shape) }
    let shape = Array(extents.prefix(rank))
    let order = Array(0..<rank).shuffled(using: &random)
    let turned = order.map { shape[$0] }
    let axes = (0..<rank).filter { _ in random.oneIn(2) }
    let rest = turned.indices.filter { !axes.contains($0) }.map { turned[$0] }
    let kept = turned.indices.map { axes.contains($0) ? 1 : turned[$0] }
    let narrow = turned.map { random.oneIn(3) ? 1 : $0 }
    let count = shape.reduce(1, *)
    return """
      func @rank\(rank)(%x: \(type(shape)), %y: \(type(narrow))) -> \(type(turned)), \(type(rest)), \(type(turned)), f32[\(count)] {
        %t = transpose %x {order = \(list(order))} : \(type(turned))
        %wide = broadcast %y {shape = \(list(turned))} : \(type(turned))
        %r = reverse %wide {axes = \(list(axes))} : \(type(turned))
        %sum = add %t, %r : \(type(turned))
        %s = sum %sum {axes = \(list(axes))} : \(type(rest))
        %k = max %sum {axes = \(list(axes)), keep_dims = true} : \(type(kept))
        %kw = broadcast %k {shape = \(list(turned))} : \(type(turned))
        %d = subtract %sum, %kw : \(type(turned))
        %f = reshape %d {shape = [\(count)]} : f32[\(count)]
        return %sum, %s, %d, %f
      }

      """
  }

  @Test func allRanksAgree() throws {
    for seed in 0..<UInt64(Repository.isExhaustive ? 20 : 3) {
      var random = SeededRandom(seed)
      let text = Self.ranks.map { Self.text($0, &random) }.joined()
      let subject = try Subject(text, file: "ranks.sluice")
      var others: [(name: String, backend: any Backend)] = []
      if let c = try CBackend(subject, subject.plan()) { others.append(("C", c)) }
      var agreement = try Agreement(subject, variants: Variant.all, others: others)
      #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
      for function in subject.module.functions {
        let graph = subject.module[function]
        let inputs = graph.inputs.map { input in
          let type = graph.types[input.index]
          let shape = subject.module.tables.types.shape(type).compactMap {
            subject.module.tables.dims.value($0)
          }
          return random.tensor(.f32, shape.map { Int($0) })
        }
        let name = subject.module.tables.strings[graph.name]
        let failures = agreement.failures(name, inputs, rough: 1e-6)
        #expect(failures.isEmpty, "seed \(seed), @\(name):\n\(failures.joined(separator: "\n"))\n\(text)")
      }
    }
  }
}
