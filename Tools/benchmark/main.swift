// The benchmarks of Sluice, one subcommand each; `Tools/bench` builds and runs them.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

let words = Array(CommandLine.arguments.dropFirst())
switch words.first {
case "compile":
  do {
    try CompileBenchmark(Array(words.dropFirst())).run()
  } catch {
    printError("error: \(error)")
    exit(error is UsageError ? 64 : 1)
  }
case "--help", "-h":
  print(CompileBenchmark.usage)
default:
  printError(CompileBenchmark.usage)
  exit(64)
}
