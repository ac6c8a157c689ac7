import SluiceIR
import SluicePasses
import SluiceText
import Testing

@testable import SluicePlan

struct RemarkTests {
  /// Two layers that are equal share their kernels, which name both; another shape has kernels of its own.
  @Test func equalKernelsOfOtherScopesAreOne() throws {
    let text = """
      module @net
      func @f(%x: f32[4,8], %z: f32[4,9]) -> f32[4,8], f32[4,9] {
        scope "net/layers.0"
        %a = cumsum %x {axis = 1} : f32[4,8]
        scope "net/layers.1"
        %b = cumsum %a {axis = 1} : f32[4,8]
        scope "net"
        %d = add %b, %x : f32[4,8]
        scope "other"
        %e = tanh %z : f32[4,9]
        return %d, %e
      }
      """
    let scoped = try plan(text)
    let plain = try plan(
      text.split(separator: "\n").filter { !$0.contains("scope") }.joined(separator: "\n"))
    #expect(
      scoped.kernels
        == plain.kernels.indices.map { index in
          var kernel = plain.kernels[index]
          kernel.comment = scoped.kernels[index].comment
          return kernel
        })
    #expect(scoped.functions[0].steps == plain.functions[0].steps)
    let firsts = scoped.kernels.compactMap(\.comment.first)
    #expect(firsts.contains("net/layers.0..1"), "\(firsts)")
    #expect(firsts.contains("other"))
    #expect(!firsts.contains("net"), "nothing is said of what stands in no module")
    #expect(plain.kernels.allSatisfy { $0.comment.first?.hasPrefix("net") == false })
  }

  @Test(arguments: [
    (["a/layers.0/x", "a/layers.1/x", "a/layers.2/x"], "a/layers.0..2/x"),
    (["a/layers.0", "a/layers.2", "a/layers.3"], "a/layers.{0,2..3}"),
    (["a/1.0/b", "a/1.1/b", "a/2.0/b", "a/2.1/b"], "a/1..2.0..1/b"),
    (["a/0.1", "a/1.0"], "a/0.1, a/1.0"),
    (["a/l.0 (gradient)", "a/l.1 (gradient)", "a/l.1"], "a/l.0..1 (gradient), a/l.1"),
    (["conv1", "conv2"], "conv1, conv2"), (["a.01", "a.1", "a.2"], "a.01, a.1..2"),
    (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"), ([], ""), (["", "x"], ", x"),
    (["a.99999999999999999999", "a.1"], "a.99999999999999999999, a.1"),
  ])
  func scopesAreListed(_ scopes: [String], _ text: String) {
    #expect(ScopeList.text(scopes) == text)
  }

  /// Every function with an arena has one remark on memory, with the numbers of its plan and the largest buffers.
  @Test func memoryIsExplained() throws {
    let plan = try plan(
      """
      module @m
      func @f(%x: f32[8,64]) -> f32[8,64] {
        scope "m/first"
        %a = cumsum %x {axis = 1} : f32[8,64]
        scope "m/second"
        %b = cumsum %a {axis = 0} : f32[8,64]
        return %b
      }
      func @g(%x: f32[2]) -> f32[2] {
        %y = exp %x : f32[2]
        return %y
      }
      """)
    let remarks = plan.remarks.filter { $0.kind == .memory }
    #expect(remarks.map { plan.tables.strings[$0.function] } == ["f"])
    let function = plan.functions[0]
    let text = plan.text(try #require(remarks.first))
    #expect(
      text.contains("has \(function.arenaBytes) bytes, at least \(function.lowerBoundBytes)"), "\(text)")
    #expect(text.contains("of 2048 bytes (m/first)"), "\(text)")
    #expect(text.contains("[memory, @f, m/"), "\(text)")
  }

  /// A remark on fusion names the function, the kernel in which the item runs, its line and its scope.
  @Test func fusionIsExplained() throws {
    let plan = try plan(
      """
      module @m
      func @f(%x: f32[8,64]) -> f32[8,64] {
        scope "m/norm"
        %s = cumsum %x {axis = 1} : f32[8,64]
        %y = exp %s : f32[8,64]
        return %y
      }
      """)
    let remark = try #require(plan.remarks.first { $0.kind == .fuse })
    #expect(plan.tables.strings[remark.function] == "f")
    #expect(plan.tables.scope(remark.location) == "m/norm")
    #expect(plan.tables.place(remark.location)?.line == 5)
    #expect(plan.kernelName(remark.kernel).hasSuffix("exp"))
  }

  /// What is computed again says so once a scope and function.
  @Test func recomputationIsExplained() throws {
    let plan = try plan(
      """
      module @m
      func @f(%x: f32[8,64]) -> f32[8,64], f32[8] {
        scope "m/layers.0 (recomputed)"
        %a = exp %x : f32[8,64]
        %b = exp %a : f32[8,64]
        scope "m/layers.0 (gradient)"
        %s = sum %b {axes = [1]} : f32[8]
        return %b, %s
      }
      """)
    let remarks = plan.remarks.filter { $0.kind == .recompute }
    #expect(remarks.map { plan.tables.scope($0.location) } == ["m/layers.0 (recomputed)"])
    #expect(remarks.map { plan.tables.strings[$0.function] } == ["f"])
  }

  /// A pad that runs where its operand is made says so, and so do sums that read results of one kernel side by side.
  @Test func joiningIsExplained() throws {
    let padded = try remarks(
      .fuse,
      """
      module @m
      func @f(%x: f32[64,32,32], %z: f32[]) -> f32[64,34,34], f32[64,32,32] {
        %y = exp %x : f32[64,32,32]
        %p = pad %y, %z {low = [0,1,1], high = [0,1,1]} : f32[64,34,34]
        return %p, %y
      }
      """)
    #expect(padded == ["fused: `pad` stores its border around what this kernel makes or reads"])
    let refused = try remarks(
      .fuse,
      """
      module @m
      func @f(%x: f32[256,64], %w: f32[64,64], %z: f32[]) -> f32[256,64], f32[66,66] {
        %y = matmul %x, %w : f32[256,64]
        %p = pad %w, %z {low = [1,1], high = [1,1]} : f32[66,66]
        return %y, %p
      }
      """)
    #expect(refused.contains { $0.hasPrefix("not fused: `pad`: ") }, "\(refused)")
    let summed = try remarks(
      .fuse,
      """
      module @m
      func @f(%x: f32[32,16,16,16], %w: f32[32,16,1,1]) -> f32[32,32,16,16] {
        %c = conv2d %x, %w : f32[32,32,16,16]
        %q = multiply %c, %c : f32[32,32,16,16]
        %s = sum %c {axes = [0, 2, 3], keep_dims = true} : f32[1,32,1,1]
        %t = sum %q {axes = [0, 2, 3], keep_dims = true} : f32[1,32,1,1]
        %a = broadcast %s {shape = [32,32,16,16]} : f32[32,32,16,16]
        %b = broadcast %t {shape = [32,32,16,16]} : f32[32,32,16,16]
        %d = subtract %c, %a : f32[32,32,16,16]
        %y = multiply %d, %b : f32[32,32,16,16]
        return %y
      }
      """)
    #expect(summed.contains("fused: `sum` runs beside what reads other results of the same kernel"))
  }

  /// What private memory holds in another order is said of the product that reads it, and of no other.
  @Test func layoutIsExplained() throws {
    func text(_ places: Int) -> String {
      """
      module @m
      func @f(%x: f32[8,32,\(places + 2),\(places + 2)], %w: f32[32,32,3,3]) -> f32[8,32,\(places),\(places)] {
        %y = conv2d %x, %w : f32[8,32,\(places),\(places)]
        return %y
      }
      """
    }
    #expect(
      try remarks(.layout, text(8)) == [
        "`contract`: lanes run through rows of the image, which a copy in private memory puts behind each other"
      ])
    #expect(try remarks(.layout, text(32)).isEmpty)
  }

  private func remarks(_ kind: Remark.Kind, _ text: String) throws -> [String] {
    let module = try parseModule(text, file: "test.sluice")
    let plan = try Planner.plan(runPasses(module, OptimizationLevel.full.passes))
    return plan.remarks.filter { $0.kind == kind }.map(\.message)
  }

  private func plan(_ text: String) throws -> ModulePlan {
    let module = try parseModule(text, file: "test.sluice")
    return try Planner.plan(runPasses(module, OptimizationLevel.none.passes))
  }
}
