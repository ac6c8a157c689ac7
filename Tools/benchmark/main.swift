// The benchmarks of Sluice, one subcommand each; `Tools/bench` builds and runs them.

import Sluice
import SluiceC
import SluiceFormats
import SluiceIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

let overview = """
  usage: Tools/bench run|count|peers|compile [arguments]

    run      times functions of compiled models with 1 and 2 threads
    count    counts kernel calls, bytes moved and arenas in plans
    peers    times the same work in other programs in turn with ours, and prints ratios; needs Python
    compile  times the stages of the compiler on large graphs

  Exit codes: 0 all went well, 1 the input is wrong, 64 the arguments are wrong, 66 a file does not exist, 70 the C
  compiler or a measuring program failed, 74 reading or writing failed.
  """

/// Ends the process with what went wrong.
func fail(_ error: any Error) -> Never {
  printError(error is Diagnostics ? "\(error)" : "error: \(error)")
  switch error {
  case is UsageError: exit(64)
  case is CompileError, is BenchmarkError, is InternalError: exit(70)
  case let error as FileError: exit(error.exitCode)
  default: exit(1)
  }
}

let words = Array(CommandLine.arguments.dropFirst())
let rest = Array(words.dropFirst())
do {
  switch words.first {
  case "run": try RunBenchmark(rest).run()
  case "count": try CountBenchmark(rest).run()
  case "compile": try CompileBenchmark(rest).run()
  case "--help", "-h":
    print(
      [overview, RunBenchmark.usage, CountBenchmark.usage, CompileBenchmark.usage].joined(
        separator: "\n\n---- \n\n"))
  default: throw UsageError(description: (words.first.map { "unknown benchmark `\($0)`\n" } ?? "") + overview)
  }
} catch {
  fail(error)
}
