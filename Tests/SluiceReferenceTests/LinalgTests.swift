/// Small dense matrices: against products, closed forms and what is singular.

import SluiceIR
import SluiceReference
import Testing

struct LinalgTests {
  private func random(_ shape: [Int], seed: UInt64) -> ReferenceTensor {
    var random = SplitMix(seed: seed)
    let values = (0..<shape.reduce(1, *)).map { _ in Double.random(in: -1...1, using: &random) }
    return ReferenceTensor(.f64, shape, floats: values)
  }

  @Test(arguments: [1, 2, 5, 12]) func inverseTimesMatrixIsIdentity(_ n: Int) throws {
    let text = """
      func @f(%x: f64[3,\(n),\(n)]) -> f64[3,\(n),\(n)], f64[3,\(n),\(n)] {
        %y = inverse %x : f64[3,\(n),\(n)]
        %a = matmul %x, %y : f64[3,\(n),\(n)]
        %b = matmul %y, %x : f64[3,\(n),\(n)]
        return %a, %b
      }

      """
    for product in try results(text, [random([3, n, n], seed: UInt64(n))]) {
      for (position, value) in product.floats.enumerated() {
        let isDiagonal = position % (n * n) % (n + 1) == 0
        #expect((value - (isDiagonal ? 1 : 0)).magnitude < 1e-9)
      }
    }
  }

  @Test func solutionsSolve() throws {
    let text = """
      func @f(%a: f64[2,6,6], %b: f64[2,6,3]) -> f64[2,6,3] {
        %y = solve %a, %b : f64[2,6,3]
        %r = matmul %a, %y : f64[2,6,3]
        return %r
      }

      """
    let b = random([2, 6, 3], seed: 9)
    let product = try results(text, [random([2, 6, 6], seed: 8), b])[0]
    #expect(zip(product.floats, b.floats).allSatisfy { ($0 - $1).magnitude < 1e-9 })
  }

  @Test func determinants() throws {
    // Of triangular matrices the product of the diagonal, whatever the order of the rows.
    try checkRuns(
      """
      func @f(%x: f64[2,3,3]) -> f64[2] {
        %y = log_abs_det %x : f64[2]
        return %y
      }
      // run: @f([[[0, 0, 5], [2, 1, 1], [0, -3, 4]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]) == [3.4011973816621555, -inf] ~ 1e-12
      // run: @f([[[1e-200, 0, 0], [0, 1e-200, 0], [0, 0, 1e-200]], [[nan, 0, 0], [0, 1, 0], [0, 0, 1]]]) == [-1381.5510557964274, nan] ~ 1e-12

      func @empty(%x: f32[2,0,0]) -> f32[2] {
        %y = log_abs_det %x : f32[2]
        return %y
      }
      // run: @empty([]) == [0, 0]
      """)
  }

  @Test func choleskyTimesItsTransposeIsTheMatrix() throws {
    let text = """
      func @f(%x: f64[7,7]) -> f64[7,7], f64[7,7], f64[7,7] {
        %square = matmul %x, %x {transpose_rhs = true} : f64[7,7]
        %l = cholesky %square : f64[7,7]
        %y = matmul %l, %l {transpose_rhs = true} : f64[7,7]
        return %square, %y, %l
      }

      """
    let found = try results(text, [random([7, 7], seed: 3)])
    #expect(zip(found[0].floats, found[1].floats).allSatisfy { ($0 - $1).magnitude < 1e-12 })
    let isLower = found[2].floats.enumerated().allSatisfy {
      $0.offset % 7 <= $0.offset / 7 || $0.element == 0
    }
    #expect(isLower)
  }

  @Test func whatIsSingularGivesNoNumbers() throws {
    try checkRuns(
      """
      func @cholesky(%x: f64[2,2]) -> f64[2,2] {
        %y = cholesky %x : f64[2,2]
        return %y
      }
      // run: @cholesky([[4, 99], [2, 0]]) == [[2, 0], [1, nan]]
      // run: @cholesky([[0, 0], [0, 1]]) == [[nan, 0], [nan, nan]]

      func @inverse(%x: f64[2,2]) -> f64[2,2] {
        %y = inverse %x : f64[2,2]
        return %y
      }
      // run: @inverse([[0, 0], [0, 0]]) == [[nan, nan], [nan, nan]]
      // run: @inverse([[0, 2], [4, 0]]) == [[0, 0.25], [0.5, 0]]
      """)
  }

  @Test func singlesAreWorkedOutInDouble() throws {
    // The Hilbert matrix of 5 rows has a condition of 5e5: f32 elimination would lose all but two digits.
    let rows = (0..<5).map { i in
      "[" + (0..<5).map { "\(Float(1) / Float(i + $0 + 1))" }.joined(separator: ", ") + "]"
    }
    let text = """
      func @f(%x: f32[5,5]) -> f32[5,5] {
        %y = inverse %x : f32[5,5]
        %z = inverse %y : f32[5,5]
        return %z
      }
      // run: @f([\(rows.joined(separator: ", "))]) == [\(rows.joined(separator: ", "))] ~ 1e-2

      """
    try checkRuns(text)
  }
}
