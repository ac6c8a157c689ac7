import SluiceIR
import SluicePlan
import SluiceText
import TestSupport
import Testing

/// Kernels that the planner made, with one sum taken in another order: the checker refuses all of them.
@Suite struct SumCorruptionTests {
  /// Sums of every kind: in blocks and without, in several axes, in chains, in memory, in parts, cut by a mask.
  private static let text = """
    module @sums

    func @folds(%x: f32[200,66,1100], %s: f32[B,40], %t: f32[50,30,8]) -> (f32[200,66], f32[66,1100], f32[], f32[40], f32[8]) where B <= 300 {
      %a = sum %x {axes = [2]} : f32[200,66]
      %b = sum %x {axes = [0]} : f32[66,1100]
      %c = prod %x : f32[]
      %d = sum %s {axes = [0]} : f32[40]
      %e = sum %t {axes = [0, 1]} : f32[8]
      return %a, %b, %c, %d, %e
    }

    func @products(%x: f32[40,3,300], %w: f32[20,3,300], %y: f32[40,600], %z: f32[600,512]) -> (f32[40,20], f32[40,512]) {
      %a = contract %x, %w {equation = "aij,bij->ab"} : f32[40,20]
      %b = matmul %y, %z : f32[40,512]
      return %a, %b
    }

    func @parts(%x: f32[600,16], %w: f32[16,32]) -> (f32[600,32], f32[32]) {
      %y = matmul %x, %w : f32[600,32]
      %z = sum %y {axes = [0]} : f32[32]
      return %y, %z
    }

    func @masked(%x: f32[2,96,16], %y: f32[2,16,96], %z: f32[2,96,16]) -> f32[2,96,16] {
      %i = iota {shape = [2,96,96], axis = 1, dtype = i64} : i64[2,96,96]
      %j = iota {shape = [2,96,96], axis = 2, dtype = i64} : i64[2,96,96]
      %seen = less_equal %j, %i : bool[2,96,96]
      %s = sampled_matmul %x, %y, %seen : f32[2,96,96]
      %r = masked_matmul %s, %z, %seen : f32[2,96,16]
      return %r
    }

    """

  private static let plan = Result { try Subject(text, file: "sums.sluice").plan() }

  /// A sum of a kernel: where its terms go in, and the loops around that.
  private struct Site {
    var kernel: Int
    var sum: Sum
    var take: Int
    /// The loops around the terms that are no independent ones, outermost first.
    var loops: [Int]
  }

  private static func sites(_ plan: ModulePlan) -> [Site] {
    plan.kernels.indices.flatMap { index -> [Site] in
      let kernel = plan.kernels[index]
      return kernel.sumsByInstruction().map { take, row in
        var open: [Int] = []
        for (position, instruction) in kernel.instructions[..<take].enumerated() {
          switch instruction {
          case .loop, .if: open.append(position)
          case .end: open.removeLast()
          default: continue
          }
        }
        let loops = open.filter {
          Self.loop(kernel, $0).map { $0.kind == .sequential || $0.lanes != nil } ?? false
        }
        return Site(kernel: index, sum: kernel.sums[row], take: take, loops: loops)
      }
    }
  }

  private static func loop(_ kernel: Kernel, _ position: Int) -> Loop? {
    if case .loop(let loop) = kernel.instructions[position] { loop } else { nil }
  }

  /// One change of a kernel; false where it does not apply.
  private typealias Change = @Sendable (inout Kernel, Site, inout Tables) -> Bool

  private static func change(_ kernel: inout Kernel, _ position: Int?, _ body: (inout Loop) -> Bool) -> Bool {
    guard let position, var loop = loop(kernel, position), body(&loop) else { return false }
    kernel.instructions[position] = .loop(loop)
    return true
  }

  private static let changes: [(name: String, change: Change)] = [
    (
      "other lanes",
      { kernel, site, _ in
        change(&kernel, site.loops.last) { loop in
          guard let lanes = loop.lanes else { return false }
          loop.kind = .lanes(lanes / 2)
          return true
        }
      }
    ),
    (
      "swapped loops",
      { kernel, site, _ in
        guard site.loops.count > 1, let inner = site.loops.last else { return false }
        let outer = site.loops[site.loops.count - 2]
        guard let a = loop(kernel, outer), let b = loop(kernel, inner), b.isRectangular, a.isRectangular,
          a.lanes == nil, b.lanes == nil
        else { return false }
        kernel.instructions.swapAt(outer, inner)
        return true
      }
    ),
    (
      "the first term left out",
      { kernel, site, tables in
        change(&kernel, site.loops.last) { loop in
          guard let next = tables.dims.add(loop.start.constant, tables.dims.integer(1)) else { return false }
          loop.start.constant = next
          return true
        }
      }
    ),
    (
      "the last term left out",
      { kernel, site, tables in
        change(&kernel, site.loops.last) { loop in
          let end = loop.limit ?? loop.end
          guard let less = tables.dims.subtract(end.constant, tables.dims.integer(1)) else { return false }
          if loop.limit == nil { loop.end.constant = less } else { loop.limit?.constant = less }
          return true
        }
      }
    ),
    (
      "every other term",
      { kernel, site, _ in
        change(&kernel, site.loops.last) { loop in
          loop.step = 2
          return true
        }
      }
    ),
    (
      "a block left out",
      { kernel, site, tables in
        change(&kernel, site.loops.first { loop(kernel, $0).map { $0.step > 1 } ?? false }) { loop in
          loop.start.constant = tables.dims.add(loop.start.constant, tables.dims.integer(loop.step)) ?? .none
          return loop.start.constant != .none
        }
      }
    ),
    (
      "smaller blocks",
      { kernel, site, tables in
        guard site.loops.count > 1, let inner = site.loops.last else { return false }
        let outer = site.loops[site.loops.count - 2]
        guard let blocks = loop(kernel, outer), blocks.step > 1 else { return false }
        let (size, half) = (tables.dims.integer(blocks.step), tables.dims.integer(blocks.step / 2))
        return change(&kernel, outer) { loop in
          loop.step /= 2
          return true
        }
          && change(&kernel, inner) { loop in
            // A piece of a part may be smaller: it is no block.
            guard site.sum.kind != .part, loop.end.constant == size else { return false }
            loop.end.constant = half
            return true
          }
      }
    ),
    (
      "a term twice",
      { kernel, site, _ in
        switch kernel.instructions[site.take] {
        case .accumulate: kernel.instructions.insert(kernel.instructions[site.take], at: site.take)
        case .assign(let result, let value):
          guard let at = kernel.instructions.firstIndex(where: { defines($0, value) }),
            case .scalar(var scalar) = kernel.instructions[at], scalar.op != .select
          else { return false }
          scalar.result = kernel.registers.count
          kernel.registers.append(scalar.dtype)
          kernel.instructions.insert(
            contentsOf: [.scalar(scalar), .assign(result: result, value: scalar.result)], at: site.take + 1)
        default: return false
        }
        return true
      }
    ),
    (
      "the other way round",
      { kernel, site, _ in
        let reader = kernel.instructions.indices.last { position in
          if case .scalar(let scalar) = kernel.instructions[position], position > site.take {
            scalar.operands.last == site.sum.register
          } else {
            false
          }
        }
        guard let reader, case .scalar(var scalar) = kernel.instructions[reader] else { return false }
        scalar.operands.reverse()
        kernel.instructions[reader] = .scalar(scalar)
        return true
      }
    ),
    (
      "another beginning",
      { kernel, site, _ in
        guard let at = kernel.instructions.firstIndex(where: { defines($0, site.sum.register) }),
          case .assign(_, let value) = kernel.instructions[at],
          let constant = kernel.instructions.firstIndex(where: { defines($0, value) }),
          case .scalar(var scalar) = kernel.instructions[constant], scalar.op == .constant
        else { return false }
        scalar.immediate ^= 0x4000_0000
        kernel.instructions[constant] = .scalar(scalar)
        return true
      }
    ),
    (
      "another axis first",
      { kernel, site, _ in
        guard let row = kernel.sums.firstIndex(of: site.sum), kernel.axes(ofSum: row).count > 1 else {
          return false
        }
        kernel.sumAxes.swapAt(site.sum.axisEnd - 1, site.sum.axisEnd - 2)
        return true
      }
    ),
    (
      "another kind",
      { kernel, site, _ in
        guard let row = kernel.sums.firstIndex(of: site.sum), site.sum.kind == .rows else { return false }
        kernel.sums[row].kind = .columns
        return true
      }
    ),
  ]

  private static func defines(_ instruction: Instruction, _ register: Register) -> Bool {
    switch instruction {
    case .scalar(let scalar): scalar.result == register
    case .assign(register, _): true
    default: false
    }
  }

  @Test func theSumsAreThere() throws {
    let plan = try Self.plan.get()
    let report = PlanChecker().report(plan)
    #expect(report.diagnostics.isEmpty, "\(report.diagnostics)")
    #expect(report.statedSumCount > 8 && report.unstatedSumCount == 0)
    for kind in Sum.Kind.allCases {
      #expect(plan.kernels.contains { $0.sums.contains { $0.kind == kind } }, "no \(kind)")
    }
  }

  @Test(arguments: changes.indices)
  func noOtherOrderPasses(_ index: Int) throws {
    let plan = try Self.plan.get()
    let (name, change) = Self.changes[index]
    var count = 0
    for site in Self.sites(plan) {
      var other = plan
      guard change(&other.kernels[site.kernel], site, &other.module.tables) else { continue }
      // The kernel alone.
      other.functions = []
      other.kernels = [other.kernels[site.kernel]]
      count += 1
      let messages = PlanChecker().check(other)
      #expect(
        messages.contains { $0.notes.contains { $0.message.contains("the order of a sum") } },
        "\(name), kernel \(site.kernel), \(site.sum): \(messages.map(\.message))")
    }
    #expect(count > 0, "\(name) applies nowhere")
  }
}
