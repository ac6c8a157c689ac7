import Foundation
import SluiceC
import SluicePlan
import TestSupport
import Testing

/// Parameters files that were damaged: each is refused, for a checksum covers every byte.
struct ParametersFileTests {
  @Test func damagedOnesAreRefused() throws {
    let plan = SampleModel.plan()
    let file = ParametersFile.encode([UInt8](repeating: 7, count: plan.parameterBytes), of: plan)
    #expect(try ParametersFile.decode(file, of: plan).count == plan.parameterBytes)
    var random = SeededRandom(UInt64(Repository.number("SLUICE_SEED") ?? 0) &+ 11)
    for round in 0..<(Repository.number("SLUICE_RANDOM") ?? 2000) {
      var damaged = file
      // Half of the damage goes to the header.
      let end = round % 2 == 0 ? 64 : file.count
      for _ in 0..<Int.random(in: 1...4, using: &random) where !damaged.isEmpty {
        let at = Int.random(in: 0..<min(end, damaged.count), using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: damaged[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: damaged[at] = UInt8.random(in: 0...255, using: &random)
        case 2: damaged.removeSubrange(at...)
        case 3: damaged.remove(at: at)
        default: damaged.insert(0xff, at: at)
        }
      }
      if damaged == file { continue }
      #expect(throws: ParametersFile.Failure.self) { _ = try ParametersFile.decode(damaged, of: plan) }
    }
  }
}
