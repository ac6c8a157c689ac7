/// Views, gather, generators and sorting.

import SluiceFormats
import SluiceIR
import Testing

@testable import SluiceReference

struct ViewTests {
  @Test func transposes() throws {
    try checkRuns(
      """
      func @f(%x: i32[2,1,3]) -> i32[3,2,1] {
        %y = transpose %x {order = [2,0,1]} : i32[3,2,1]
        return %y
      }
      // run: @f([[[1, 2, 3]], [[4, 5, 6]]]) == [[[1], [4]], [[2], [5]], [[3], [6]]]

      func @g(%x: i32[]) -> i32[] {
        %y = transpose %x {order = []} : i32[]
        return %y
      }
      // run: @g(5) == 5
      """)
  }

  @Test func symbolicSlices() throws {
    try checkRuns(
      """
      func @f(%x: f32[N]) -> f32[N], f32[2] where N <= 10 {
        %zero = constant {value = 0} : f32[]
        %y = pad %x, %zero {low = [4], high = [N]} : f32[2*N+4]
        %z = slice %y {start = [N], limit = [2*N]} : f32[N]
        %w = slice %y {start = [N], limit = [N+4], strides = [3]} : f32[2]
        return %z, %w
      }
      // run: @f([1, 2, 3]) == [0, 1, 2], [0, 3]
      // run: @f([1, 2]) == [0, 0], [0, 2]

      func @g(%x: i32[3,4]) -> i32[2,2], i32[0,4] {
        %y = slice %x {start = [1,0], limit = [3,4], strides = [1,3]} : i32[2,2]
        %z = slice %x {start = [2,0], limit = [2,4]} : i32[0,4]
        return %y, %z
      }
      // run: @g([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]) == [[5, 8], [9, 12]], []
      """)
  }

  @Test func repeatsAndTurns() throws {
    try checkRuns(
      """
      func @f(%x: i32[1,2,1]) -> i32[2,3,2,2] {
        %y = broadcast %x {shape = [2,3,2,2]} : i32[2,3,2,2]
        return %y
      }
      // run: @f([[[1], [2]]]) == [[[[1, 1], [2, 2]], [[1, 1], [2, 2]], [[1, 1], [2, 2]]], [[[1, 1], [2, 2]], [[1, 1], [2, 2]], [[1, 1], [2, 2]]]]

      func @g(%x: u8[2,2], %y: u8[0]) -> u8[2,2], u8[2,2], u8[0] {
        %a = reverse %x : u8[2,2]
        %b = reverse %x {axes = [-2]} : u8[2,2]
        %c = reverse %y : u8[0]
        return %a, %b, %c
      }
      // run: @g([[1, 2], [3, 4]], []) == [[4, 3], [2, 1]], [[3, 4], [1, 2]], []
      """)
  }

  @Test func joins() throws {
    try checkRuns(
      """
      func @f(%x: bool[2,1], %y: bool[2,2], %z: bool[2,0]) -> bool[2,3] {
        %r = concat %x, %y, %z {axis = -1} : bool[2,3]
        return %r
      }
      // run: @f([[true], [false]], [[false, true], [true, false]], [[], []]) == [[true, false, true], [false, true, false]]

      func @g(%x: f32[1,2], %v: f32[]) -> f32[3,3] {
        %r = pad %x, %v {low = [1,0], high = [1,1]} : f32[3,3]
        return %r
      }
      // run: @g([[1, 2]], -0.0) == [[-0.0, -0.0, -0.0], [1, 2, -0.0], [-0.0, -0.0, -0.0]]
      """)
  }
}

struct GatherTests {
  @Test func anyAxisAndIndex() throws {
    try checkRuns(
      """
      func @f(%x: i32[2,3], %i: i64[2,2]) -> i32[2,2,2], i32[2,2,3] {
        %a = gather %x, %i {axis = 1} : i32[2,2,2]
        %b = gather %x, %i : i32[2,2,3]
        return %a, %b
      }
      // run: @f([[1, 2, 3], [4, 5, 6]], [[0, -3], [2, 3]]) == [[[1, 1], [3, 0]], [[4, 4], [6, 0]]], [[[1, 2, 3], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
      // run: @f([[1, 2, 3], [4, 5, 6]], [[-9223372036854775808, 9223372036854775807], [1, -1]]) == [[[0, 0], [2, 3]], [[0, 0], [5, 6]]], [[[0, 0, 0], [0, 0, 0]], [[4, 5, 6], [4, 5, 6]]]

      func @scalar(%x: f32[3], %i: i32[]) -> f32[] {
        %y = gather %x, %i : f32[]
        return %y
      }
      // run: @scalar([1, 2, 3], -1) == 3

      func @empty(%x: f32[0], %i: i32[2]) -> f32[2] {
        %y = gather %x, %i : f32[2]
        return %y
      }
      // run: @empty([], [0, -1]) == [0, 0]
      """)
  }
}

struct GenerateTests {
  @Test func positions() throws {
    try checkRuns(
      """
      func @f() -> i32[2,3], f64[2,2], u8[0] {
        %a = iota {shape = [2,3], axis = 0} : i32[2,3]
        %b = iota {shape = [2,2], axis = -1, dtype = f64} : f64[2,2]
        %c = iota {shape = [0], dtype = u8} : u8[0]
        return %a, %b, %c
      }
      // run: @f() == [[0, 0, 0], [1, 1, 1]], [[0, 1], [0, 1]], []

      func @size(%x: f32[A,B]) -> i32[], f32[], u8[] where A <= 100, B <= 100 {
        %a = size {length = A*B+1, dtype = i32} : i32[]
        %b = size {length = A-B, dtype = f32} : f32[]
        %c = size {length = 200*A, dtype = u8} : u8[]
        return %a, %b, %c
      }
      // run: @size([[1, 2, 3], [4, 5, 6]]) == 7, -1, 144
      """)
    let wrapped = try results(
      "func @f() -> u8[300] {\n  %y = iota {shape = [300], dtype = u8} : u8[300]\n  return %y\n}\n")
    #expect(wrapped[0].integers == (0..<300).map { Int64($0 % 256) })
  }

  private func bits(_ count: Int, seed: Int64, stream: Int64) throws -> [UInt32] {
    let text = """
      func @f(%seed: i64[], %stream: i64[]) -> i32[\(count)] {
        %r = random_bits %seed, %stream {shape = [\(count)]} : i32[\(count)]
        return %r
      }

      """
    let inputs = [seed, stream].map { ReferenceTensor(.i64, [], integers: [$0]) }
    return try results(text, inputs)[0].integers.map { UInt32(truncatingIfNeeded: $0) }
  }

  /// The known answers of Random123 (`kat_vectors`, philox4x32 10).
  @Test func knownRandomWords() throws {
    #expect(
      Philox.block(seed: 0, stream: 0, index: 0) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      Philox.block(seed: -1, stream: -1, index: .max) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    // The digits of pi.
    #expect(
      Philox.block(
        seed: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e, index: 0x85a3_08d3_243f_6a88)
        == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    #expect(try bits(8, seed: 9, stream: -3).suffix(4) == Philox.block(seed: 9, stream: -3, index: 1)[...])
  }

  @Test func longerArraysContinue() throws {
    let long = try bits(1003, seed: -5, stream: 1 << 40)
    #expect(try bits(6, seed: -5, stream: 1 << 40) == Array(long.prefix(6)))
    #expect(Set(long).count > 1000)
    #expect(try bits(0, seed: 1, stream: 1) == [])
    let ones = long.reduce(0) { $0 + $1.nonzeroBitCount }
    #expect((ones - 1003 * 16).magnitude < 500, "half of the bits are 1")
  }

  @Test func distributions() throws {
    let text = """
      func @f(%seed: i64[], %stream: i64[]) -> f32[20000], f32[100,100], i32[1000] {
        %u = uniform %seed, %stream {shape = [20000]} : f32[20000]
        %n = normal %seed, %stream {shape = [100,100]} : f32[100,100]
        %p = permutation %seed, %stream {length = 1000} : i32[1000]
        return %u, %n, %p
      }

      """
    let found = try results(text, [3, 4].map { ReferenceTensor(.i64, [], integers: [$0]) })
    let (uniform, normal) = (found[0].floats, found[1].floats)
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(moments(uniform).mean.distance(to: 0.5).magnitude < 0.01)
    #expect(moments(uniform).variance.distance(to: 1 / 12).magnitude < 0.002)
    #expect(moments(normal).mean.magnitude < 0.03)
    #expect(moments(normal).variance.distance(to: 1).magnitude < 0.05)
    #expect(found[2].integers.sorted() == (0..<1000).map { Int64($0) })
    #expect(found[2].integers != found[2].integers.sorted())
  }

  private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }
}

struct OrderTests {
  @Test func sortingIsStable() throws {
    try checkRuns(
      """
      func @f(%x: f32[8]) -> i32[8], i32[8] {
        %up = argsort %x : i32[8]
        %down = argsort %x {descending = true} : i32[8]
        return %up, %down
      }
      // run: @f([0, nan, -0.0, 1, -inf, nan, -0.0, 1]) == [4, 2, 6, 0, 3, 7, 1, 5], [1, 5, 3, 7, 0, 2, 6, 4]

      func @g(%x: i64[3,2]) -> i32[3,2], i32[3,2] {
        %a = argsort %x {axis = 0} : i32[3,2]
        %b = argsort %x {axis = -1, descending = true} : i32[3,2]
        return %a, %b
      }
      // run: @g([[3, 1], [9223372036854775807, 1], [-9223372036854775808, 0]]) == [[2, 2], [0, 0], [1, 1]], [[0, 1], [0, 1], [1, 0]]

      func @h(%x: bool[4], %y: u8[0]) -> i32[4], i32[0] {
        %a = argsort %x : i32[4]
        %b = argsort %y : i32[0]
        return %a, %b
      }
      // run: @h([true, false, true, false], []) == [1, 3, 0, 2], []
      """)
  }
}
