/// The loop: order, carries, parts, captures, lengths.

import SluiceIR
import SluiceReference
import Testing

struct ScanTests {
  @Test func forwardsAndBackwards() throws {
    try checkRuns(
      """
      body @step(%sum: i32[], %x: i32[], %w: i32[2], %factor: i32[]) -> i32[], i32[], i32[2] {
        %y = multiply %sum, %factor : i32[]
        %next = add %y, %x : i32[]
        %twice = add %w, %w : i32[2]
        return %next, %sum, %twice
      }

      func @f(%start: i32[], %xs: i32[N], %ws: i32[N,2]) -> i32[], i32[N], i32[N,2] where N <= 4 {
        %ten = constant {value = 10} : i32[]
        %last, %before, %doubled = scan @step, %start, %xs, %ws, %ten {carries = 1, sequences = 2} : i32[], i32[N], i32[N,2]
        return %last, %before, %doubled
      }
      // run: @f(9, [1, 2, 3], [[1, 2], [3, 4], [5, 6]]) == 9123, [9, 91, 912], [[2, 4], [6, 8], [10, 12]]

      func @back(%start: i32[], %xs: i32[N], %ws: i32[N,2]) -> i32[], i32[N], i32[N,2] where N <= 4 {
        %ten = constant {value = 10} : i32[]
        %last, %before, %doubled = scan @step, %start, %xs, %ws, %ten {carries = 1, sequences = 2, reverse = true} : i32[], i32[N], i32[N,2]
        return %last, %before, %doubled
      }
      // run: @back(9, [1, 2, 3], [[1, 2], [3, 4], [5, 6]]) == 9321, [932, 93, 9], [[2, 4], [6, 8], [10, 12]]
      """)
  }

  @Test func nothingToDo() throws {
    try checkRuns(
      """
      body @step(%sum: f32[], %x: f32[2]) -> f32[], f32[2] {
        %next = add %sum, %sum : f32[]
        return %next, %x
      }

      func @f(%start: f32[], %xs: f32[0,2]) -> f32[], f32[0,2] {
        %last, %all = scan @step, %start, %xs {carries = 1, sequences = 1} : f32[], f32[0,2]
        return %last, %all
      }
      // run: @f(3, []) == 3, []

      body @twice(%x: f32[]) -> f32[] {
        %y = add %x, %x : f32[]
        return %y
      }

      func @g(%x: f32[], %n: f32[N]) -> f32[] where N <= 40 {
        %y = scan @twice, %x {carries = 1, length = 2*N+1} : f32[]
        return %y
      }
      // run: @g(1, [0, 0]) == 32
      // run: @g(1, [0, 0, 0, 0, 0, 0, 0, 0]) == 131072
      """)
  }

  @Test func loopsWithinLoops() throws {
    try checkRuns(
      """
      body @inner(%sum: i32[], %x: i32[], %y: i32[]) -> i32[] {
        %p = multiply %x, %y : i32[]
        %next = add %sum, %p : i32[]
        return %next
      }

      body @outer(%sum: i32[], %y: i32[], %xs: i32[3]) -> i32[], i32[] {
        %next = scan @inner, %sum, %xs, %y {carries = 1, sequences = 1} : i32[]
        return %next, %next
      }

      func @f(%xs: i32[3], %ys: i32[2]) -> i32[2] {
        %zero = constant {value = 0} : i32[]
        %sum, %sums = scan @outer, %zero, %ys, %xs {carries = 1, sequences = 1} : i32[], i32[2]
        return %sums
      }
      // run: @f([1, 2, 3], [10, 100]) == [60, 660]
      """)
  }

  @Test func bodiesSeeSymbols() throws {
    try checkRuns(
      """
      body @step(%sum: f32[], %x: f32[T]) -> f32[] where T <= 8 {
        %mean = mean %x : f32[]
        %next = add %sum, %mean : f32[]
        return %next
      }

      func @f(%xs: f32[B,T]) -> f32[] where B <= 8, T <= 8 {
        %zero = constant {value = 0} : f32[]
        %sum = scan @step, %zero, %xs {carries = 1, sequences = 1} : f32[]
        return %sum
      }
      // run: @f([[1, 3], [5, 7], [9, 11]]) == 18
      // run: @f([[1, 2, 3]]) == 2
      """)
  }
}
