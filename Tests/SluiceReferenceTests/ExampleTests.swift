/// Every row's example gives what it says, in both precisions and after every pipeline.

import SluiceIR
import SluiceReference
import Testing

struct ExampleTests {
  @Test(arguments: Op.allCases) func exampleHolds(_ op: Op) throws {
    try checkRuns(op.definition.example)
    try checkRuns(op.definition.example, precision: .exact64, tolerance: 1e-6)
  }
}
