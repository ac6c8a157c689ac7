import SluicePlan
import Testing

/// The text form of plans.
@Suite struct PlanPrinterTests {
  @Test func aPlanWithALoop() {
    let expected = """
      plan @scan

      func @f(x: f32[T,D], start: f32[D]) -> (ys: f32[T,D], end: f32[D]) where T <= 4, D <= 3 {
        arena 128, at least 0
        buffers
          %0  x      f32[D*T]  48 bytes  input x
          %1  start  f32[D]    12 bytes  input start
          %2  ys     f32[D*T]  48 bytes  output ys
          %3  end    f32[D]    12 bytes  output end
          %4  carry  f32[D]    12 bytes  arena 0 ..< 12
          %5  next   f32[D]    12 bytes  arena 64 ..< 76
        steps
          0  call k0_map_abs(start, carry)
          1  loop c <= 3 in 0 ..< T reversed {
          2    call k1_add(carry, x + D*c, next)
          3    call k0_map_abs(next, ys + D*c)
          4    call k0_map_abs(ys + D*c, carry)
          5  }
          6  call k0_map_abs(carry, end)
      }

      kernel k0_map_abs(x: read f32, y: write f32) where D <= 3 {
        vector i0 in 0 ..< D {
          v1 = x[i0]
          v2 = abs(v1)
          y[i0] = v2
        }
      }

      kernel k1_add(a: read f32, b: read f32, c: write f32) where D <= 3 {
        vector i0 in 0 ..< D {
          v1 = a[i0]
          v2 = b[i0]
          v3 = add(v1, v2)
          c[i0] = v3
        }
      }

      """
    #expect(printPlan(SamplePlans.scan(reverse: true)) == expected)
  }

  @Test func variablesAndConditions() {
    let states = """

      param @p : f32[5]
      state @w : f32[5]
      state @s : f32[3]

      parameters 64
        @p  at 0

      states 128
        @w  at 0
        @s  at 64

      """
    #expect(printPlan(SamplePlans.variables()).contains(states))
    let gather = printPlan(SamplePlans.gather(guarded: true))
    for line in [
      "kernel k0_gather(x: read f32, index: read i32, y: write f32) where N <= 4, R <= 5 {",
      "  v0 = 0 as i64",
      "  v1 = 0 as f32",
      "  v2 = R", "  tasks i4 in 0 ..< N {", "    v6 = cast(v5) as i64", "      if v12 {",
      "        v15 = x[v9*2 + i13]", "        v14 := v15",
    ] { #expect(gather.contains(line + "\n"), "\(line)\n\(gather)") }
  }

  @Test func plansThatAreWrongPrintToo() {
    var corruptor = PlanCorruptor(seed: 7)
    for (_, plan) in SamplePlans.all {
      for _ in 0..<20 {
        guard let corruption = corruptor.corrupt(plan) else { continue }
        #expect(!printPlan(corruption.plan).isEmpty)
      }
    }
  }
}
