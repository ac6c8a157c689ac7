/// Composites: their definitions, written out.

import SluiceIR
import SluiceReference
import Testing

struct CompositeTests {
  @Test func softmaxes() throws {
    try checkRuns(
      """
      func @f(%x: f64[2,3]) -> f64[2,3], f64[2,3], f64[2,3] {
        %y = softmax %x : f64[2,3]
        %z = log_softmax %x {axis = 0} : f64[2,3]
        %w = softmax %x {axis = -2} : f64[2,3]
        return %y, %z, %w
      }
      // run: @f([[0, 0.6931471805599453, -inf], [1000, 1000, 1000]]) == [[0.3333333333333333, 0.6666666666666666, 0], [0.3333333333333333, 0.3333333333333333, 0.3333333333333333]], [[-1000, -999.30685281944, -inf], [0, 0, 0]], [[0, 0, 0], [1, 1, 1]] ~ 1e-12

      func @none(%x: f32[2]) -> f32[2] {
        %y = softmax %x : f32[2]
        return %y
      }
      // run: @none([-inf, -inf]) == [nan, nan]
      // run: @none([inf, 0]) == [nan, nan]
      """)
  }

  @Test func means() throws {
    try checkRuns(
      """
      func @f(%x: f32[B,T]) -> f32[B], f32[1,T], f32[] where B <= 9, T <= 9 {
        %a = mean %x {axes = [-1]} : f32[B]
        %b = mean %x {axes = [0], keep_dims = true} : f32[1,T]
        %c = mean %x : f32[]
        return %a, %b, %c
      }
      // run: @f([[1, 2], [3, 8]]) == [1.5, 5.5], [[2, 5]], 3.5
      // run: @f([[1], [2]]) == [1, 2], [[1.5]], 1.5
      """)
  }

  @Test func identities() throws {
    try checkRuns(
      """
      func @f() -> bool[2,2], i64[1,2], f64[2,1], f32[0,3] {
        %a = eye {shape = [2,2], dtype = bool} : bool[2,2]
        %b = eye {shape = [1,2], dtype = i64} : i64[1,2]
        %c = eye {shape = [2,1], dtype = f64} : f64[2,1]
        %d = eye {shape = [0,3]} : f32[0,3]
        return %a, %b, %c, %d
      }
      // run: @f() == [[true, false], [false, true]], [[1, 0]], [[1], [0]], []
      """)
  }

  /// A graph without a composite is not touched; with one, the meaning is that of its expansion.
  @Test func evaluatorExpands() throws {
    let module = try parse(Op.softmax.definition.example)
    #expect(module.graphs[0].ops.contains(.softmax))
    #expect(!Reference(module).module.graphs[0].ops.contains(.softmax))
  }
}
