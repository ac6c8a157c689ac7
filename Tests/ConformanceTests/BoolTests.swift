/// Truth values that callers hand over.

import SluiceIR
import SluicePlan
import TestSupport
import Testing

struct BoolTests {
  /// A caller's bool is a byte of any value, which the kernel that reads it compares with 0.
  ///
  /// The same op on a bool of the function, which needs no comparison, comes first.
  @Test func bytesFromOutsideHaveKernelsOfTheirOwn() throws {
    let subject = try Subject(
      """
      state @kept : bool[2,2] init zeros

      func @f(%x: i32[2,2], %p: bool[2,2]) -> i32[4,2], i32[2,2], i32[2,2] {
        %zero = constant {value = 0} : i32[]
        %zeros = broadcast %zero {shape = [2,2]} : i32[2,2]
        %q = less %x, %zeros : bool[2,2]
        %t = concat %q, %q {axis = 0} : bool[4,2]
        %a = cast %t {dtype = i32} : i32[4,2]
        %u = transpose %p {order = [1,0]} : bool[2,2]
        %b = cast %u {dtype = i32} : i32[2,2]
        %old = read @kept : bool[2,2]
        %v = transpose %old {order = [1,0]} : bool[2,2]
        %c = cast %v {dtype = i32} : i32[2,2]
        return %a, %b, %c, @kept = %p
      }
      """, file: "bools.sluice")
    let plan = try subject.plan()
    let function = plan.functions[0]
    // Per place of bools the kernels that read them.
    var (outside, inside): (Set<KernelID>, Set<KernelID>) = ([], [])
    for case .call(let kernel, let arguments) in function.steps {
      for (slot, argument) in zip(plan.kernels[kernel.index].slots, arguments)
      where slot.dtype == .bool && slot.access == .read {
        switch function.buffers[argument.buffer.index].storage {
        case .input, .state: outside.insert(kernel)
        default: inside.insert(kernel)
        }
      }
    }
    #expect(!outside.isEmpty && !inside.isEmpty && outside.isDisjoint(with: inside))
    for kernel in outside {
      #expect(
        plan.kernels[kernel.index].instructions.contains { instruction in
          if case .scalar(let scalar) = instruction { scalar.op == .notEqual } else { false }
        })
    }
  }
}
