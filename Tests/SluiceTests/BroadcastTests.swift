import Sluice
import Testing

/// Broadcasting by NumPy's rules.
@Suite struct BroadcastTests {
  /// NumPy's own examples, and what `numpy.broadcast_shapes` gives for some more.
  @Test(arguments: [
    ([3], [1], [3]), ([3], [], [3]), ([256, 256, 3], [3], [256, 256, 3]),
    ([8, 1, 6, 1], [7, 1, 5], [8, 7, 6, 5]),
    ([5, 4], [1], [5, 4]), ([5, 4], [4], [5, 4]), ([15, 3, 5], [15, 1, 5], [15, 3, 5]),
    ([15, 3, 5], [3, 5], [15, 3, 5]),
    ([15, 3, 5], [3, 1], [15, 3, 5]), ([0, 3], [1], [0, 3]), ([1], [0], [0]), ([2, 1], [1, 0], [2, 0]),
    ([], [], []),
  ])
  func fits(_ a: [Int], _ b: [Int], _ expected: [Int]) throws {
    for (x, y) in [(a, b), (b, a)] {
      let found = try textOf { f in
        let (p, q) = (
          f.input("x", .f32, Shape(x.map { Dim($0) })), f.input("y", .f32, Shape(y.map { Dim($0) }))
        )
        #expect((p + q).shape == Shape(expected.map { Dim($0) }))
        f.output("z", p + q)
      }
      // A `broadcast` stands there only for an operand that needs one.
      #expect(found.split(separator: " ").count { $0 == "broadcast" } == [a, b].count { $0 != expected })
    }
  }

  @Test(arguments: [([3], [4]), ([2, 1], [8, 4, 3]), ([0], [2]), ([2, 3], [2])])
  func doesNotFit(_ a: [Int], _ b: [Int]) throws {
    let found = try mistakesOf { f in
      f.output("z", zeros(Shape(a.map { Dim($0) })) + zeros(Shape(b.map { Dim($0) })))  // add: ) ^+ zeros
    }
    #expect(found.count == 2)
    #expect(found[0].hasPrefix("add: `add` of shapes that do not fit: "))
  }

  @Test func symbols() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, ["B <= 8", 1])
      let y = f.input("y", .f32, ["B <= 8"])
      f.output("z", x * y)
      f.output("w", y + ones([]))
    }
    #expect(found.contains("z: f32[B,B], w: f32[B]"))
    let mistake = try mistakesOf { f in
      f.output("z", f.input("x", .f32, ["B <= 8"]) + f.input("y", .f32, ["C <= 8"]))  // add: ]) ^+ f
    }
    #expect(
      mistake == [
        "add: `add` of shapes that do not fit: f32[B] and f32[C]",
        "- axis -1 is B and C; dims must be equal or 1",
      ])
  }

  @Test func functionsOfThree() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, [2, 3])
      let c = f.input("c", .bool, [3])
      f.output("select", select(where: c, x, 0))
      f.output("fma", fma(x, ones([3]), ones([2, 1])))
      f.output("clamp", clamp(ones([3]), x, x))
      f.output("numbers", select(where: c, 1, ones([2, 1])))
    }
    #expect(found.contains("(select: f32[2,3], fma: f32[2,3], clamp: f32[2,3], numbers: f32[2,3])"))
    let mistake = try mistakesOf { f in
      let c = f.input("c", .bool, [3])
      f.output("z", select(where: c, ones([3]), ones([3], .f64)))  // select: select^(
      f.output("w", select(where: ones([3]), ones([3]), ones([3])))  // condition: select^(
    }
    #expect(
      mistake == [
        "select: `select` of different dtypes: f32[3] and f64[3]", "- convert one of them: `.cast(.f32)`",
        "condition: `select`: operand 1 (`condition`) is f32, it may be bool", "- convert it: `.cast(...)`",
      ])
  }

  @Test func matmul() throws {
    let found = try textOf { f in
      let x = f.input("x", .f32, [1, 5, 2, 3])
      let y = f.input("y", .f32, [7, 1, 3, 4])
      let z = f.input("z", .f32, [5, 3, 4])
      f.output("xy", x.matmul(y))
      f.output("xz", x.matmul(z))
      f.output("vector", x.matmul(ones([3])))
      f.output("dot", dot(ones([3]), ones([3])))
      f.output("outer", outer(ones([3]), ones([4])))
    }
    #expect(
      found.contains(
        "(xy: f32[7,5,2,4], xz: f32[1,5,2,4], vector: f32[1,5,2], dot: f32[], outer: f32[3,4])"))
    let mistake = try mistakesOf { f in
      f.output("z", ones([2, 3, 4]).matmul(ones([5, 4, 3])))  // batch: .matmul^(
    }
    #expect(mistake == ["batch: `matmul`: batch dims differ, 2 and 5: f32[2,3,4] x f32[5,4,3]"])
  }

  @Test func numbersTakeTheDtype() throws {
    let found = try textOf { f in
      f.output("a", f.input("x", .u8, []) + 1)
      f.output("b", 2.5 - f.input("y", .f64, []))
      f.output("c", f.input("z", .i64, []) * Int.max)
      f.output("d", f.input("w", .i32, []) .< 3)
    }
    for constant in [
      "{value = 1} : u8[]", "{value = 2.5} : f64[]", "{value = 9223372036854775807} : i64[]",
      "{value = 3} : i32[]",
    ] {
      #expect(found.contains(constant))
    }
  }
}
