import SluiceIR
import SluicePlan
import TestSupport
import Testing

/// Kernels with one thing wrong: the checker says what.
@Suite struct KernelRejectionTests {
  typealias Body = @Sendable (inout KernelBuilder, inout PlanBuilder) -> Void

  /// The messages about a plan of one kernel of the slots x, y: f32[N], called for an input and an output.
  static func messages(_ body: Body, writes: Slot.Access = .write) -> [String] {
    var m = PlanBuilder("wrong")
    m.symbol("N", 4)
    let x = m.input("x", .f32, "N")
    let y = m.output("y", .f32, "N")
    let kernel = m.kernel("wrong") { k, m in
      _ = (k.slot("x", .f32, .read), k.slot("y", .f32, writes))
      k.loop(to: m.affine("N"), .vector) { k, i in
        k.store(.slot(1), k.at(i), k.load(.slot(0), k.at(i)))
      }
      body(&k, &m)
    }
    m.call(kernel, x, y)
    return PlanChecker().check(m.plan).map(\.message)
  }

  static let registers: [(String, Body)] = [
    ("register 99 does not exist", { k, m in _ = k.scalar(.negate, .f32, source: .f32, [99]) }),
    (
      "is used before it is defined on every path",
      { k, _ in
        let later = k.register(.f32)
        _ = k.scalar(.negate, .f32, [later])
      }
    ),
    (
      "is used before it is defined on every path",
      { k, m in
        var inner = 0
        k.loop(to: m.affine("N"), .sequential) { k, _ in inner = k.constant(0, .f32) }
        _ = k.scalar(.negate, .f32, [inner])
      }
    ),
    (
      "is used before it is defined on every path",
      { k, _ in
        let condition = k.constant(1, .bool)
        var variable = 0
        k.when(condition) { k in variable = k.variable(k.constant(0, .f32)) }
        _ = k.scalar(.negate, .f32, [variable])
      }
    ),
    ("is i64, expected f32", { k, m in k.store(.slot(1), m.affine("0"), k.constant(0, .i64)) }),
    ("is f32, expected i64", { k, m in _ = k.load(.slot(0), m.affine("0", ("1", k.constant(0, .f32)))) }),
    (
      "occurs twice in an index",
      { k, m in
        let zero = k.constant(0, .i64)
        _ = k.load(.slot(0), m.affine("0", ("1", zero), ("2", zero)))
      }
    ),
    ("slot 2 does not exist", { k, m in k.store(.slot(2), m.affine("0"), k.constant(0, .f32)) }),
    ("loads from `y`, which is only written", { k, m in _ = k.load(.slot(1), m.affine("0")) }),
    ("stores to `x`, which is only read", { k, m in k.store(.slot(0), m.affine("0"), k.constant(0, .f32)) }),
    ("the name is no identifier", { k, _ in _ = k.slot("a b", .f32, .read) }),
  ]

  static let scalars: [(String, Body)] = [
    ("`sqrt` of i32, expected a float", { k, _ in _ = k.scalar(.sqrt, .i32, [k.constant(0, .i32)]) }),
    ("`add` of bool", { k, _ in _ = k.scalar(.add, .bool, [k.constant(0, .bool), k.constant(0, .bool)]) }),
    ("`add` takes 2 operands, got 1", { k, _ in _ = k.scalar(.add, .f32, [k.constant(0, .f32)]) }),
    (
      "`add` of f32, i32 gives no f32",
      { k, _ in _ = k.scalar(.add, .f32, [k.constant(0, .f32), k.constant(0, .i32)]) }
    ),
    (
      "the result is f32, expected bool",
      { k, _ in _ = k.scalar(.less, .f32, [k.constant(0, .f32), k.constant(0, .f32)]) }
    ),
    (
      "the condition is f32, expected bool",
      { k, _ in
        let zero = k.constant(0, .f32)
        _ = k.scalar(.select, .f32, [zero, zero, zero])
      }
    ),
    (
      "`and` of f32, expected an integer or bool",
      { k, _ in _ = k.scalar(.and, .f32, [k.constant(0, .f32), k.constant(0, .f32)]) }
    ),
    (
      "`shiftLeft` of bool, expected an integer",
      { k, _ in _ = k.scalar(.shiftLeft, .bool, [k.constant(0, .bool), k.constant(0, .bool)]) }
    ),
    (
      "`multiplyHigh` of i64, expected i32",
      { k, _ in _ = k.scalar(.multiplyHigh, .i64, [k.constant(0, .i64), k.constant(0, .i64)]) }
    ),
    (
      "`bitcast` of f32 to f64", { k, _ in _ = k.scalar(.bitcast, .f64, source: .f32, [k.constant(0, .f32)]) }
    ),
    (
      "the source is f64, an operand is f32",
      { k, _ in _ = k.scalar(.cast, .i32, source: .f64, [k.constant(0, .f32)]) }
    ),
    ("the constant has more bits than u8", { k, _ in _ = k.constant(256, .u8) }),
    ("a kernel has no parameters", { k, _ in _ = k.scalar(.parameter, .f32, []) }),
    (
      "the function 200 does not exist",
      { k, _ in _ = k.scalar(.call, .f32, [k.constant(0, .f32)], immediate: 200) }
    ),
  ]

  static let loops: [(String, Body)] = [
    ("ends nothing", { k, _ in k.endLoop() }),
    ("has no end", { k, m in _ = k.beginLoop(to: m.affine("N"), .sequential) }),
    ("the step 0 is less than 1", { k, m in k.loop(to: m.affine("N"), step: 0, .sequential) { _, _ in } }),
    ("0 lanes; expected a power of two", { k, m in k.loop(to: m.affine("N"), .lanes(0)) { _, _ in } }),
    ("3 lanes; expected a power of two", { k, m in k.loop(to: m.affine("N"), .lanes(3)) { _, _ in } }),
    (
      "an `if` inside a vector loop",
      { k, m in
        let condition = k.constant(1, .bool)
        k.loop(to: m.affine("N"), .vector) { k, _ in k.when(condition) { _ in } }
      }
    ),
    (
      "stands inside a vector loop and is not sequential",
      { k, m in
        k.loop(to: m.affine("N"), .vector) { k, _ in k.loop(to: m.affine("N"), .vector) { _, _ in } }
      }
    ),
    (
      "its bounds differ between the iterations of the vector loop",
      { k, m in
        k.loop(to: m.affine("N"), .vector) { k, i in
          k.loop(to: k.at(i), .sequential) { _, _ in }
        }
      }
    ),
    (
      "a loop inside a `lanes` loop",
      { k, m in
        k.loop(to: m.affine("N"), .lanes(4)) { k, _ in k.loop(to: m.affine("N"), .sequential) { _, _ in } }
      }
    ),
    (
      "is changed inside the loop over `i4`, whose iterations are parallel",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .parallel) { k, _ in k.assign(sum, sum) }
      }
    ),
    (
      "is changed inside the loop over `i4`, which is a vector loop",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .vector) { k, _ in
          k.loop(to: m.affine("N"), .sequential) { k, _ in k.assign(sum, sum) }
        }
      }
    ),
    (
      "which may only accumulate",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .lanes(2)) { k, _ in k.assign(sum, sum) }
      }
    ),
    (
      "is changed inside the loop over `i4`, whose iterations are parallel",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .parallel) { k, _ in
          k.loop(to: m.affine("N"), .lanes(2)) { k, _ in k.accumulate(sum, .add, k.constant(0, .f32)) }
        }
      }
    ),
    (
      "stands outside a `lanes` loop",
      { k, _ in
        let sum = k.variable(k.constant(0, .f32))
        k.accumulate(sum, .add, sum)
      }
    ),
    (
      "is defined inside the loop",
      { k, m in
        k.loop(to: m.affine("N"), .lanes(2)) { k, _ in
          let sum = k.variable(k.constant(0, .f32))
          k.accumulate(sum, .add, k.constant(0, .f32))
        }
      }
    ),
    (
      "is used inside the loop that accumulates into it",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .lanes(2)) { k, _ in k.accumulate(sum, .add, k.scalar(.negate, .f32, [sum]))
        }
      }
    ),
    (
      "`subtract` is no operation to accumulate with",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .lanes(2)) { k, _ in k.accumulate(sum, .subtract, k.constant(0, .f32)) }
      }
    ),
    (
      "accumulates in two ways",
      { k, m in
        let sum = k.variable(k.constant(0, .f32))
        k.loop(to: m.affine("N"), .lanes(2)) { k, _ in
          k.accumulate(sum, .add, k.constant(0, .f32))
          k.accumulate(sum, .maximum, k.constant(0, .f32))
        }
      }
    ),
    ("is the index of a loop", { k, m in k.loop(to: m.affine("N"), .sequential) { k, i in k.assign(i, i) } }),
    (
      "its bounds mention `v3`, which its body changes",
      { k, m in
        let end = k.variable(k.constant(0, .i64))
        k.loop(to: k.at(end), .sequential) { k, _ in k.assign(end, end) }
      }
    ),
    (
      "the index may not fit 64 bits",
      { k, m in
        _ = k.index(
          m.affine(
            "0", ("9000000000000000000", k.index(m.affine("N"))), ("9000000000000000000", k.constant(2, .i64))
          ))
      }
    ),
  ]

  @Test(arguments: (registers + scalars + loops).indices)
  func malformed(_ index: Int) {
    let (expected, body) = (Self.registers + Self.scalars + Self.loops)[index]
    let messages = Self.messages(body)
    #expect(messages.contains { $0.contains(expected) }, "expected `\(expected)`, got \(messages)")
    #expect(
      messages.allSatisfy { $0.hasPrefix("kernel `k0_wrong`") || $0.hasPrefix("plan of `f`, step 0") },
      "\(messages)")
  }

  /// What no builder writes: a register that is defined twice, a dim that is not there.
  @Test func changedInstructions() {
    var m = PlanBuilder("changed")
    let x = m.input("x", .f32, 4)
    let kernel = m.kernel("changed") { k, m in
      _ = (k.load(k.slot("x", .f32, .read), m.affine(0)), k.float(1))
    }
    m.call(kernel, x)
    #expect(PlanChecker().check(m.plan) == [])
    for (result, index, expected) in [
      (1, m.affine(0), "is defined twice"), (0, Affine(DimID(raw: 12345)), "a dim is out of range"),
    ] {
      var plan = m.plan
      plan.kernels[0].instructions[0] = .load(result: result, memory: .slot(0), index: index)
      let messages = PlanChecker().check(plan).map(\.message)
      #expect(messages.contains { $0.contains(expected) }, "\(messages)")
    }
  }

  static let indices: [(String, Body)] = [
    (
      "may touch an element before the buffer",
      { k, m in
        k.loop(to: m.affine("N"), .vector) { k, i in _ = k.load(.slot(0), m.affine("-1", ("1", i))) }
      }
    ),
    (
      "may touch an element behind the buffer",
      { k, m in
        k.loop(to: m.affine("N"), .vector) { k, i in _ = k.load(.slot(0), m.affine("1", ("1", i))) }
      }
    ),
    (
      "may touch an element behind the buffer",
      { k, m in
        k.loop(to: m.affine("N+1"), .vector) { k, i in _ = k.load(.slot(0), k.at(i)) }
      }
    ),
    ("may touch an element behind the buffer", { k, m in _ = k.load(.slot(0), m.affine("0")) }),
    (
      "may touch an element behind the buffer",
      { k, m in
        k.loop(to: m.affine("N"), step: 2, .sequential) { k, i in
          _ = k.load(.slot(0), m.affine("1", ("1", i)))
        }
      }
    ),
    // Bits as an index, without a clamp and with one that is too wide.
    (
      "may touch an element",
      { k, m in
        k.loop(to: m.affine("N"), .vector) { k, i in
          let bits = k.scalar(.bitcast, .i32, source: .f32, [k.load(.slot(0), k.at(i))])
          _ = k.load(.slot(0), m.affine("0", ("1", k.scalar(.cast, .i64, source: .i32, [bits]))))
        }
      }
    ),
    (
      "may touch an element behind the buffer",
      { k, m in
        let (zero, count) = (k.constant(0, .i64), k.index(m.affine("N")))
        k.loop(to: m.affine("N"), .vector) { k, i in
          let place = k.scalar(.cast, .i64, source: .f32, [k.load(.slot(0), k.at(i))])
          _ = k.load(
            .slot(0),
            m.affine("0", ("1", k.scalar(.minimum, .i64, [k.scalar(.maximum, .i64, [place, zero]), count]))))
        }
      }
    ),
    // N - 1 is negative where there are no elements, and nothing says that there are.
    (
      "may touch an element",
      { k, m in
        let (zero, last) = (k.constant(0, .i64), k.index(m.affine("N-1")))
        let place = k.scalar(.minimum, .i64, [k.scalar(.maximum, .i64, [k.constant(2, .i64), zero]), last])
        _ = k.load(.slot(0), k.at(place))
      }
    ),
    (
      "the index may not fit 64 bits",
      { k, m in
        k.loop(to: m.affine("N"), .vector) { k, i in
          let place = k.scalar(.cast, .i64, source: .f32, [k.load(.slot(0), k.at(i))])
          _ = k.load(.slot(0), m.affine("0", ("4", place)))
        }
      }
    ),
    (
      "iterations are not independent: two of them may touch the same element of `y`",
      { k, m in
        k.loop(to: m.affine("N"), .parallel) { k, _ in
          k.loop(to: m.affine("N"), .vector) { k, i in
            k.store(.slot(1), k.at(i), k.constant(0, .f32))
          }
        }
      }
    ),
  ]

  @Test(arguments: indices.indices)
  func outside(_ index: Int) {
    let (expected, body) = Self.indices[index]
    let messages = Self.messages(body)
    #expect(messages.contains { $0.contains(expected) }, "expected `\(expected)`, got \(messages)")
  }
}
