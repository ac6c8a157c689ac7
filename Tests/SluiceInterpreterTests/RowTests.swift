import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import TestSupport
import Testing

/// Values that must last in the rows of a tile while others come and go.
@Suite struct RowTests {
  private func ramp(_ count: Int) -> [UInt64] { (0..<count).map { Float($0).bits } }

  /// A chain of additions that needs rows of its own.
  private func chain(_ f: inout KernelBuilder, _ first: Register, _ length: Int) -> Register {
    var value = first
    for step in 0..<length {
      let other = f.scalar(.abs, .f32, [value])
      value = f.scalar(step % 2 == 0 ? .add : .multiply, .f32, [other, value])
    }
    return value
  }

  /// A value from outside is used early, in several tiles of several loops.
  @Test func uniformOperandsOfSeveralLoops() throws {
    let count = 600
    var m = PlanBuilder("uniform")
    var f = m.builder("uniform")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let outer = f.beginLoop(to: m.affine(2), .sequential)
    let scale = f.load(x, m.affine(3, (1, outer)))
    for part in 0..<3 {
      let i = f.beginLoop(to: m.affine(count), .vector)
      var value = f.load(x, f.at(i))
      // More rows at once in the later loops.
      let others = (0..<4 * part).map { f.load(x, m.affine($0, (1, i))) }
      value = f.scalar(.multiply, .f32, [scale, value])
      for other in others { value = f.scalar(.add, .f32, [value, other]) }
      value = chain(&f, value, 4)
      f.store(y, m.affine(part * count, (3 * count, outer), (1, i)), value)
      f.endLoop()
    }
    f.endLoop()
    try compare(f, m, [.f32, .f32], [ramp(count + 8), [UInt64](repeating: 0, count: 6 * count)])
  }

  /// The index of an inner loop, and of the tiled loop, are operands of instructions on rows.
  @Test func indicesAsOperands() throws {
    let count = 520
    var m = PlanBuilder("indices")
    var f = m.builder("indices")
    let y = f.slot("y", .i64, .write)
    let z = f.slot("z", .i64, .write)
    let i = f.beginLoop(to: m.affine(count), .vector)
    let sum = f.variable(i)
    let k = f.beginLoop(to: m.affine(3), .sequential)
    let product = f.scalar(.multiply, .i64, [k, i])
    f.assign(sum, f.scalar(.add, .i64, [sum, product]))
    f.store(z, m.affine(0, (count, k), (1, i)), k)
    f.endLoop()
    f.store(y, f.at(i), f.scalar(.subtract, .i64, [sum, i]))
    f.endLoop()
    let zeros = [UInt64](repeating: 0, count: 3 * count)
    try compare(f, m, [.i64, .i64], [Array(zeros[..<count]), zeros])
  }

  /// The bits of a variable are kept when the variable changes.
  @Test func bitsOfVariables() throws {
    for kind in [Loop.Kind.vector, .sequential] {
      var m = PlanBuilder("bits")
      var f = m.builder("bits")
      let x = f.slot("x", .f32, .read)
      let y = f.slot("y", .i32, .write)
      let i = f.beginLoop(to: m.affine(300), kind)
      let value = f.variable(f.load(x, f.at(i)))
      let before = f.scalar(.bitcast, .i32, source: .f32, [value])
      f.assign(value, f.scalar(.negate, .f32, [value]))
      let after = f.scalar(.bitcast, .i32, source: .f32, [value])
      let same = f.scalar(.bitcast, .f32, source: .i32, [after])
      let last = f.scalar(.bitcast, .i32, source: .f32, [same])
      f.store(y, f.at(i), f.scalar(.xor, .i32, [before, last]))
      let one = f.scalar(.bitcast, .i32, source: .f32, [f.float(1)])
      f.store(y, m.affine(300, (1, i)), f.scalar(.add, .i32, [one, before]))
      f.endLoop()
      try compare(f, m, [.f32, .i32], [ramp(300), [UInt64](repeating: 0, count: 600)])
    }
  }

  /// Lanes of several accumulators beside a body that needs rows.
  @Test func lanesBesideOtherRows() throws {
    var m = PlanBuilder("lanes")
    var f = m.builder("lanes")
    let x = f.slot("x", .f32, .read)
    let y = f.slot("y", .f32, .write)
    let scale = f.variable(f.float(0.25))
    let totals = (0..<4).map { _ in f.variable(scale) }
    let i = f.beginLoop(to: m.affine(700), .lanes(16))
    var value = f.scalar(.multiply, .f32, [f.load(x, f.at(i)), scale])
    for total in totals {
      f.accumulate(total, .add, value)
      value = f.scalar(.sqrt, .f32, [chain(&f, value, 2)])
    }
    f.endLoop()
    for (place, total) in totals.enumerated() { f.store(y, m.affine(place), total) }
    try compare(f, m, [.f32, .f32], [ramp(700), [0, 0, 0, 0]])
  }
}
