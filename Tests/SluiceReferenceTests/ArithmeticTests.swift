/// Maps, reductions and contractions: closed forms and the edges of every dtype.

import SluiceFormats
import SluiceIR
import SluiceReference
import Testing

struct MapTests {
  @Test func integersWrap() throws {
    try checkRuns(
      """
      func @f(%x: i32[3], %y: i32[3]) -> i32[3], i32[3], i32[3] {
        %a = add %x, %y : i32[3]
        %s = subtract %x, %y : i32[3]
        %m = multiply %x, %y : i32[3]
        return %a, %s, %m
      }
      // run: @f([2147483647, -2147483648, 65536], [1, -1, 65536]) == [-2147483648, 2147483647, 131072], [2147483646, -2147483647, 0], [2147483647, -2147483648, 0]

      func @g(%x: u8[3], %y: u8[3]) -> u8[3], u8[3], u8[3], u8[3] {
        %a = add %x, %y : u8[3]
        %s = subtract %x, %y : u8[3]
        %m = multiply %x, %y : u8[3]
        %n = not %x : u8[3]
        return %a, %s, %m, %n
      }
      // run: @g([255, 3, 16], [1, 5, 17]) == [0, 8, 33], [254, 254, 255], [255, 15, 16], [0, 252, 239]

      func @h(%x: i64[2], %y: i64[2]) -> i64[2], i64[2] {
        %a = add %x, %y : i64[2]
        %m = multiply %x, %y : i64[2]
        return %a, %m
      }
      // run: @h([9223372036854775807, -9223372036854775808], [1, -1]) == [-9223372036854775808, 9223372036854775807], [9223372036854775807, -9223372036854775808]
      """)
  }

  @Test func divisionOfIntegers() throws {
    try checkRuns(
      """
      func @f(%x: i32[6], %y: i32[6]) -> i32[6], i32[6] {
        %d = divide %x, %y : i32[6]
        %r = remainder %x, %y : i32[6]
        return %d, %r
      }
      // run: @f([7, -7, 7, -7, 5, -2147483648], [2, 2, -2, -2, 0, -1]) == [3, -3, -3, 3, 0, -2147483648], [1, -1, 1, -1, 5, 0]
      """)
  }

  @Test func shifts() throws {
    try checkRuns(
      """
      func @f(%x: u8[4], %y: u8[4]) -> u8[4], u8[4] {
        %l = shift_left %x, %y : u8[4]
        %r = shift_right %x, %y : u8[4]
        return %l, %r
      }
      // run: @f([255, 1, 200, 200], [4, 7, 8, 1]) == [240, 128, 0, 144], [15, 0, 0, 100]

      func @g(%x: i64[4], %y: i64[4]) -> i64[4], i64[4] {
        %l = shift_left %x, %y : i64[4]
        %r = shift_right %x, %y : i64[4]
        return %l, %r
      }
      // run: @g([-1, 1, -9, -9], [1, 63, 64, -1]) == [-2, -9223372036854775808, 0, 0], [-1, 0, -1, -1]
      """)
  }

  @Test func casts() throws {
    try checkRuns(
      """
      func @f(%x: f32[6]) -> i32[6], u8[6], i64[6], bool[6] {
        %i = cast %x {dtype = i32} : i32[6]
        %u = cast %x {dtype = u8} : u8[6]
        %l = cast %x {dtype = i64} : i64[6]
        %b = cast %x {dtype = bool} : bool[6]
        return %i, %u, %l, %b
      }
      // run: @f([-0.0, -1.9, 255.5, 3e9, nan, -inf]) == [0, -1, 255, 2147483647, 0, -2147483648], [0, 0, 255, 255, 0, 0], [0, -1, 255, 3000000000, 0, -9223372036854775808], [false, true, true, true, true, true]

      func @g(%x: i64[3]) -> i32[3], u8[3], f32[3], f64[3] {
        %i = cast %x {dtype = i32} : i32[3]
        %u = cast %x {dtype = u8} : u8[3]
        %f = cast %x {dtype = f32} : f32[3]
        %d = cast %x {dtype = f64} : f64[3]
        return %i, %u, %f, %d
      }
      // run: @g([4294967297, -1, 9007199791611905]) == [1, -1, 536870913], [1, 255, 1], [4294967296, -1, 9007200328482816], [4294967297, -1, 9007199791611905]
      """)
    // 2^53 + 2^29 + 1 lies just above the middle of two f32 numbers; by way of f64 it would be the middle.
    let wide = try results(
      "func @f(%x: i64[]) -> f32[] {\n  %y = cast %x {dtype = f32} : f32[]\n  return %y\n}\n",
      [ReferenceTensor(.i64, [], integers: [(1 << 60) + (1 << 36) + 1])])
    #expect(wide[0].floats == [Double(Float(Int64((1 << 60) + (1 << 36) + 1)))])
  }

  @Test func zerosHaveSigns() throws {
    try checkRuns(
      """
      func @f(%x: f32[4], %y: f32[4]) -> f32[4], f32[4], f32[4] {
        %low = minimum %x, %y : f32[4]
        %high = maximum %x, %y : f32[4]
        %c = clamp %x, %y, %high : f32[4]
        return %low, %high, %c
      }
      // run: @f([0, -0.0, nan, 1], [-0.0, 0, 1, nan]) == [-0.0, -0.0, nan, nan], [0, 0, nan, nan], [0, 0, nan, nan]

      func @g(%x: f64[3]) -> f64[3], f64[3], f64[3] {
        %n = negate %x : f64[3]
        %r = relu %x : f64[3]
        %s = sign %x : f64[3]
        return %n, %r, %s
      }
      // run: @g([-0.0, nan, -inf]) == [0, nan, inf], [0, nan, 0], [-0.0, nan, -1]
      """)
  }

  @Test func singlesRoundOnce() throws {
    let text = """
      func @f(%x: f32[], %y: f32[], %z: f32[]) -> f32[] {
        %r = fma %x, %y, %z : f32[]
        return %r
      }

      """
    // x y is the middle of two f32 numbers, and z moves it by less than a bit of f64: only one rounding gets it right.
    let (x, y, z) = (Float(1 + 0x1p-12), Float(1 + 0x1p-12), Float(0x1p-80))
    let inputs = [x, y, z].map { HostTensor(scalar: $0) }
    let once = try results(text, inputs)
    #expect(once[0].floats == [Double(z.addingProduct(x, y))])
    #expect(once[0].floats != [Double(Float(Double(x) * Double(y) + Double(z)))])

    let third =
      "func @f(%x: f32[]) -> f32[] {\n  %y = divide %x, %x : f32[]\n  %z = exp %y : f32[]\n  return %z\n}\n"
    let input = HostTensor(scalar: Float(3))
    #expect(try results(third, [input])[0].floats == [Double(Float(2.718281828459045))])
    #expect(try results(third, [input], precision: .exact64)[0].floats == [2.718281828459045])
  }

  @Test func mapsOfNothingAndOfScalars() throws {
    try checkRuns(
      """
      func @f(%x: f32[2,0]) -> f32[2,0] {
        %y = exp %x : f32[2,0]
        return %y
      }
      // run: @f([[], []]) == [[], []]

      func @g(%c: bool[], %x: u8[], %y: u8[]) -> u8[] {
        %z = select %c, %x, %y : u8[]
        return %z
      }
      // run: @g(true, 1, 2) == 1
      // run: @g(false, 1, 2) == 2
      """)
  }
}

struct ReduceTests {
  @Test func foldsOfNothing() throws {
    try checkRuns(
      """
      func @f(%x: f32[2,0]) -> f32[2], f32[2], f32[2], f32[2], f32[2], i32[2] {
        %sum = sum %x {axes = [1]} : f32[2]
        %prod = prod %x {axes = [1]} : f32[2]
        %mean = mean %x {axes = [1]} : f32[2]
        %max = max %x {axes = [1]} : f32[2]
        %min = min %x {axes = [1]} : f32[2]
        %arg = argmax %x : i32[2]
        return %sum, %prod, %mean, %max, %min, %arg
      }
      // run: @f([[], []]) == [0, 0], [1, 1], [nan, nan], [-inf, -inf], [inf, inf], [0, 0]

      func @g(%x: u8[0]) -> u8[], u8[] {
        %max = max %x : u8[]
        %min = min %x : u8[]
        return %max, %min
      }
      // run: @g([]) == 0, 255

      func @h(%x: i64[0], %y: i32[0], %z: bool[0]) -> i64[], i32[], bool[], bool[] {
        %max = max %x : i64[]
        %min = min %y : i32[]
        %any = any %z : bool[]
        %all = all %z : bool[]
        return %max, %min, %any, %all
      }
      // run: @h([], [], []) == -9223372036854775808, 2147483647, false, true
      """)
  }

  @Test func axesInAnyOrder() throws {
    try checkRuns(
      """
      func @f(%x: i32[2,2,3]) -> i32[2], i32[2], i32[1,2,1], i32[], i32[2,2,3] {
        %a = sum %x {axes = [2,0]} : i32[2]
        %b = sum %x {axes = [-1,-3]} : i32[2]
        %c = sum %x {axes = [0,2], keep_dims = true} : i32[1,2,1]
        %d = sum %x : i32[]
        %e = sum %x {axes = []} : i32[2,2,3]
        return %a, %b, %c, %d, %e
      }
      // run: @f([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]) == [30, 48], [30, 48], [[[30], [48]]], 78, [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]
      """)
  }

  @Test func integersWrapAndZerosHaveSigns() throws {
    try checkRuns(
      """
      func @f(%x: u8[3], %y: i32[2]) -> u8[], u8[], i32[] {
        %sum = sum %x : u8[]
        %prod = prod %x : u8[]
        %wide = prod %y : i32[]
        return %sum, %prod, %wide
      }
      // run: @f([200, 100, 3], [65536, 65537]) == 47, 96, 65536

      func @g(%x: f32[2,2]) -> f32[2], f32[2] {
        %max = max %x {axes = [1]} : f32[2]
        %min = min %x {axes = [1]} : f32[2]
        return %max, %min
      }
      // run: @g([[-0.0, 0], [0, -0.0]]) == [0, 0], [-0.0, -0.0]
      // run: @g([[nan, 0], [1, nan]]) == [nan, nan], [nan, nan]
      """)
  }

  @Test func sumsAreInDouble() throws {
    // In f32 every addition would be lost.
    var values = [Float](repeating: 1, count: 257)
    values[0] = 0x1p24
    let text = "func @f(%x: f32[257]) -> f32[] {\n  %y = sum %x : f32[]\n  return %y\n}\n"
    #expect(try results(text, [HostTensor(values)])[0].floats == [0x1p24 + 256])
  }

  @Test func argumentsOfExtremes() throws {
    try checkRuns(
      """
      func @f(%x: f32[2,3]) -> i32[3], i32[2,1], i32[2] {
        %a = argmax %x {axis = 0} : i32[3]
        %b = argmin %x {keep_dims = true} : i32[2,1]
        %c = argmax %x {axis = -1} : i32[2]
        return %a, %b, %c
      }
      // run: @f([[1, nan, 3], [1, 9, nan]]) == [0, 0, 1], [[1], [2]], [1, 2]
      // run: @f([[0, -0.0, 0], [-inf, inf, inf]]) == [0, 1, 1], [[0], [0]], [0, 1]

      func @g(%x: u8[4]) -> i32[], i32[] {
        %a = argmax %x : i32[]
        %b = argmin %x : i32[]
        return %a, %b
      }
      // run: @g([3, 200, 200, 3]) == 1, 0
      """)
  }
}

struct ContractTests {
  @Test func everyRank() throws {
    try checkRuns(
      """
      func @vectors(%x: f32[3], %y: f32[3]) -> f32[] {
        %z = matmul %x, %y : f32[]
        return %z
      }
      // run: @vectors([1, 2, 3], [4, 5, 6]) == 32

      func @right(%x: f32[2,3], %y: f32[3]) -> f32[2] {
        %z = matmul %x, %y : f32[2]
        return %z
      }
      // run: @right([[1, 2, 3], [4, 5, 6]], [1, 0, -1]) == [-2, -2]

      func @left(%x: f32[2], %y: f32[2,3]) -> f32[3] {
        %z = matmul %x, %y : f32[3]
        return %z
      }
      // run: @left([1, 10], [[1, 2, 3], [4, 5, 6]]) == [41, 52, 63]

      func @batch(%x: i32[2,1,2], %y: i32[2,2,1]) -> i32[2,1,1] {
        %z = matmul %x, %y : i32[2,1,1]
        return %z
      }
      // run: @batch([[[1, 2]], [[3, 4]]], [[[5], [6]], [[7], [8]]]) == [[[17]], [[53]]]

      func @shared(%x: i32[2,1,2], %y: i32[2,2]) -> i32[2,1,2] {
        %z = matmul %x, %y : i32[2,1,2]
        return %z
      }
      // run: @shared([[[1, 2]], [[3, 4]]], [[1, 0], [0, 10]]) == [[[1, 20]], [[3, 40]]]

      func @transposed(%x: f32[3,2], %y: f32[4,3]) -> f32[2,4] {
        %z = matmul %x, %y {transpose_lhs = true, transpose_rhs = true} : f32[2,4]
        return %z
      }
      // run: @transposed([[1, 2], [3, 4], [5, 6]], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]) == [[1, 3, 5, 9], [2, 4, 6, 12]]

      func @empty(%x: f32[2,0], %y: f32[0,2]) -> f32[2,2] {
        %z = matmul %x, %y : f32[2,2]
        return %z
      }
      // run: @empty([[], []], []) == [[0, 0], [0, 0]]

      func @wrap(%x: u8[2], %y: u8[2]) -> u8[] {
        %z = matmul %x, %y : u8[]
        return %z
      }
      // run: @wrap([16, 3], [17, 5]) == 31
      """)
  }
}
