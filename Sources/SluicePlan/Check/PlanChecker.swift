public import SluiceIR

/// Proves that a finished plan is sound, from the plan alone: it shares no code with the planner.
///
/// It takes as given that the caller passes symbols within their bounds, that dims listed as checked are not
/// negative, and memory of the stated sizes that does not overlap. From that it proves, for all sizes:
///
/// Kernels
/// - Names of kernels, slots, locals, ports and buffers are identifiers; those of ports, and of the slots and locals of
///   a kernel, are unique.
/// - Registers, slots and locals exist; a register is defined once, on every path before its use; only `assign` and
///   `accumulate` change it afterwards, and never the index of a loop.
/// - Operands, results and immediates have the dtypes that `ScalarOp` states; indices are i64.
/// - Loops and ifs are balanced, steps are 1 or more, lanes are a power of two up to 256; the body of a loop does not
///   change registers in its bounds.
/// - Inside `vector` loops stand only sequential loops, whose bounds are the same for all iterations, no `if` and no
///   `local`; inside `lanes` loops only straight-line instructions.
/// - `tasks` loops stand outermost, one directly and alone in the other; before them are only scalars and loads, behind
///   them is nothing; their bounds mention no registers.
/// - `tasks`, `parallel`, `vector` and `lanes` loops change no register from outside, but for `accumulate`, which stands
///   directly in a `lanes` loop, with one operation an accumulator, which nothing reads there.
/// - Iterations of these loops are independent: none touches an element that another one stores, but for locals that
///   begin inside the loop; and nothing before loops that threads share loads what they store.
/// - Every local has one `local` instruction, is used only behind it in the same block, and has a bound; those of
///   a kernel have at most 192 KiB. Every access is inside its local, and every load finds what was
///   stored in the same life.
/// - A `jam` loop is all that a `vector` loop holds.
/// - Stores go to slots with write access, loads come from slots with read access.
/// - Symbols that index expressions mention are listed, in ascending order.
/// - No index expression or dim leaves 64 bits.
///
/// Sums
/// - A sum that a kernel states (`Sum`) is over axes of the stated extents, each with a loop of its own, and has the
///   order of docs/decisions/3-order-of-sums.md: every element goes in once, or is left out by a mask that is seen to
///   exclude it, in ascending order, into the lane, block or chain where it belongs; all these begin with 0 (products
///   with 1), and go into each other in that order. What is not stated has the order that its loops have.
///
/// Memory
/// - Every load and store of every call is inside its buffer, and every argument begins in it.
/// - Every buffer's count is never negative, and its elements at the bounds fit its capacity.
/// - Buffers in the arena begin at multiples of 64 and end inside it; variables likewise in their blocks, without
///   overlap. Ports, variables and constants have the dtype and count of their buffers.
/// - Parameters, inputs and constants are bound to slots that are only read.
///
/// Order
/// - A load finds its buffer the last to be stored to in all of its bytes, at capacity, and all that it may read
///   stored before: by earlier steps, by earlier iterations of enclosing loops of steps, or by the kernel itself.
/// - Loops of steps are sound in their first and in every later iteration, forwards and in reverse; what they
///   leave behind is relied on only where they surely run, and where they may be left early only if it holds at
///   every `leave`.
/// - Both sides of a branch are sound; behind it only that is relied on which both leave behind.
/// - The bools that branches and `leave` look at are inside their buffers and stored before.
/// - Arguments of a call that share memory are only loaded, or touch different elements of one buffer, or are in
///   place: one only loaded, one only stored, from the same byte on, elements of the same size; every load comes
///   first in the innermost loop that it shares with a store, the two touch the same elements in one iteration,
///   and different iterations touch different ones.
/// - Every output is completely written at the end.
///
/// Tables
/// - Handles are in range, arguments have the number and dtypes of the slots, loops and branches of steps are
///   balanced, loops at most 6 deep, with branches at most 80; loops count with symbols that are neither the
///   function's nor those of loops around them, within their bounds, or have a `leave`, which stands directly in
///   its loop.
/// - All symbols have values where they are used. The arena is a multiple of 64, and not less than its lower bound.
///
/// Statements about sizes are inequalities of polynomials. They are proven by signs, by the facts that loops and
/// conditions give, by cutting the box of all sizes into parts, or by trying all sizes where there are at most 64.
/// What none of this shows is tried with samples (`Report.sampledCount`), and accepted where they all hold: corners
/// of 0, 1 and the bounds, and 32 seeded sizes. Everything else is rejected.
public struct PlanChecker: Sendable {
  /// What a run of the checker found.
  public struct Report: Sendable {
    /// What is wrong; empty for a sound plan.
    public var diagnostics: [Diagnostic]
    /// How many statements about sizes and indices were proven for all sizes.
    public var provenCount: Int
    /// How many were only tried with samples: corners and seeded sizes.
    public var sampledCount: Int
    /// How many sums kernels state, and take in the order that follows.
    public var statedSumCount = 0
    /// How many sums of floats kernels take in loops without stating them.
    public var unstatedSumCount = 0
  }

  /// A checker.
  public init() {}

  /// What is wrong with a plan; empty where it is proven sound.
  public func check(_ plan: ModulePlan) -> [Diagnostic] { report(plan).diagnostics }

  /// What is wrong with a plan, and how much was proven about it.
  public func report(_ plan: ModulePlan) -> Report {
    let context = CheckContext(plan)
    checkVariables("parameter", plan.parameters, plan.parameterBytes, context)
    checkVariables("state", plan.states, plan.stateBytes, context)
    context.checkKernels()
    var names: Set<String> = []
    for (position, function) in plan.functions.enumerated() {
      context.here = .function(position)
      if !names.insert(function.name).inserted { context.say("two plans are named `\(function.name)`") }
      FunctionChecker.check(context, position)
    }
    return Report(
      diagnostics: context.diagnostics, provenCount: context.provenCount, sampledCount: context.sampledCount,
      statedSumCount: context.statedSums, unstatedSumCount: context.unstatedSums)
  }

  private func checkVariables(
    _ kind: String, _ variables: [ModulePlan.Variable], _ byteCount: Int, _ context: CheckContext
  ) {
    if byteCount < 0 { context.say("the block of \(kind)s has \(byteCount) bytes") }
    var end = 0
    for variable in variables {
      let place = "\(kind) `@\(variable.name)`"
      guard variable.type.index < context.tables.types.count else {
        context.say("\(place): the type is out of range")
        continue
      }
      let shape = context.tables.types.shape(variable.type)
      let elements = shape.reduce(Polynomial.one) { $0 * context.space[$1] }
      let size = elements.scaled(by: Int64(context.tables.types.dtype(variable.type).byteCount))
      if size.value != Int64(variable.byteCount) {
        let type = PlanPrinter.text(variable.type, context.tables)
        context.say("\(place) has \(variable.byteCount) bytes, which is not the size of \(type)")
      }
      if variable.offset < 0 || variable.offset % 64 != 0 {
        context.say("\(place): the offset \(variable.offset) is no multiple of 64")
      }
      if variable.offset < end { context.say("\(place) at byte \(variable.offset) begins before \(end)") }
      let (own, overflow) = variable.offset.addingReportingOverflow(variable.byteCount)
      if overflow || own > byteCount {
        context.say("\(place) ends behind the \(byteCount) bytes of its block")
      }
      end = max(end, overflow ? .max : own)
    }
  }
}
