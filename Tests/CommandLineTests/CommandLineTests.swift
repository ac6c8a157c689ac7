import SluiceCommandLine
import SluiceModels
import Testing

/// The command line's exit codes, which scripts rely on.
struct CommandLineTests {
  private let main = SluiceMain(models: [ica, mlp])

  @Test(arguments: [
    (["models"], 0), (["--version"], 0), (["help"], 0), (["run", "--help"], 0), ([], 64), (["nothing"], 64),
    (["dump", "ica", "--unknown"], 64), (["dump"], 64), (["dump", "ica", "--stage", "x"], 64),
    (["dump", "icq"], 1),
    (["check", "missing.sluice"], 66), (["check", "ica"], 0), (["check", "ica", "--set", "sources=x"], 1),
    (["run", "ica", "-f", "nothing"], 1), (["run", "ica", "-f", "step"], 1),
    (["run", "ica", "-f", "step", "--input", "y=1"], 1),
  ])
  func exitCodes(_ words: [String], _ code: Int) {
    #expect(main.run(words) == Int32(code), "sluice \(words.joined(separator: " "))")
  }
}
