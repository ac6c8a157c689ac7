import SluiceFormats
import SluiceIR
import SluiceInterpreter
import SluicePlan
import Testing

/// Values that must last in the rows of a tile while others come and go.
@Suite struct RowTests {
  private func ramp(_ count: Int) -> [UInt64] { (0..<count).map { Float($0).bits } }

  /// A chain of additions that needs rows of its own.
  private func chain(_ f: inout KernelFixture, _ first: Register, _ length: Int) -> Register {
    var value = first
    for step in 0..<length {
      let other = f.builder.scalar(.abs, .f32, [value])
      value = f.builder.scalar(step % 2 == 0 ? .add : .multiply, .f32, [other, value])
    }
    return value
  }

  /// A value from outside is used early, in several tiles of several loops.
  @Test func uniformOperandsOfSeveralLoops() throws {
    let count = 600
    var f = KernelFixture("uniform")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let outer = f.loop(2, .sequential)
    let scale = f.builder.load(x, f.affine(3, (1, outer)))
    for part in 0..<3 {
      let i = f.loop(count, .vector)
      var value = f.builder.load(x, f.at(i))
      // More rows at once in the later loops.
      let others = (0..<4 * part).map { f.builder.load(x, f.affine($0, (1, i))) }
      value = f.builder.scalar(.multiply, .f32, [scale, value])
      for other in others { value = f.builder.scalar(.add, .f32, [value, other]) }
      value = chain(&f, value, 4)
      f.builder.store(y, f.affine(part * count, (3 * count, outer), (1, i)), value)
      f.builder.endLoop()
    }
    f.builder.endLoop()
    try compare(f, [.f32, .f32], [ramp(count + 8), [UInt64](repeating: 0, count: 6 * count)])
  }

  /// The index of an inner loop, and of the tiled loop, are operands of instructions on rows.
  @Test func indicesAsOperands() throws {
    let count = 520
    var f = KernelFixture("indices")
    let y = f.builder.slot("y", .i64, .write)
    let z = f.builder.slot("z", .i64, .write)
    let i = f.loop(count, .vector)
    let sum = f.builder.variable(i)
    let k = f.loop(3, .sequential)
    let product = f.builder.scalar(.multiply, .i64, [k, i])
    f.builder.assign(sum, f.builder.scalar(.add, .i64, [sum, product]))
    f.builder.store(z, f.affine(0, (count, k), (1, i)), k)
    f.builder.endLoop()
    f.builder.store(y, f.at(i), f.builder.scalar(.subtract, .i64, [sum, i]))
    f.builder.endLoop()
    let zeros = [UInt64](repeating: 0, count: 3 * count)
    try compare(f, [.i64, .i64], [Array(zeros[..<count]), zeros])
  }

  /// The bits of a variable are kept when the variable changes.
  @Test func bitsOfVariables() throws {
    for kind in [Loop.Kind.vector, .sequential] {
      var f = KernelFixture("bits")
      let x = f.builder.slot("x", .f32, .read)
      let y = f.builder.slot("y", .i32, .write)
      let i = f.loop(300, kind)
      let value = f.builder.variable(f.builder.load(x, f.at(i)))
      let before = f.builder.scalar(.bitcast, .i32, source: .f32, [value])
      f.builder.assign(value, f.builder.scalar(.negate, .f32, [value]))
      let after = f.builder.scalar(.bitcast, .i32, source: .f32, [value])
      let same = f.builder.scalar(.bitcast, .f32, source: .i32, [after])
      let last = f.builder.scalar(.bitcast, .i32, source: .f32, [same])
      f.builder.store(y, f.at(i), f.builder.scalar(.xor, .i32, [before, last]))
      let one = f.builder.scalar(.bitcast, .i32, source: .f32, [f.float(1)])
      f.builder.store(y, f.affine(300, (1, i)), f.builder.scalar(.add, .i32, [one, before]))
      f.builder.endLoop()
      try compare(f, [.f32, .i32], [ramp(300), [UInt64](repeating: 0, count: 600)])
    }
  }

  /// Lanes of several accumulators beside a body that needs rows.
  @Test func lanesBesideOtherRows() throws {
    var f = KernelFixture("lanes")
    let x = f.builder.slot("x", .f32, .read)
    let y = f.builder.slot("y", .f32, .write)
    let scale = f.builder.variable(f.float(0.25))
    let totals = (0..<4).map { _ in f.builder.variable(scale) }
    let i = f.loop(700, .lanes(16))
    var value = f.builder.scalar(.multiply, .f32, [f.builder.load(x, f.at(i)), scale])
    for total in totals {
      f.builder.accumulate(total, .add, value)
      value = f.builder.scalar(.sqrt, .f32, [chain(&f, value, 2)])
    }
    f.builder.endLoop()
    for (place, total) in totals.enumerated() { f.builder.store(y, f.affine(place), total) }
    try compare(f, [.f32, .f32], [ramp(700), [0, 0, 0, 0]])
  }
}
