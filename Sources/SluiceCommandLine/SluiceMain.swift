public import Sluice
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

/// The command line of Sluice over a set of models: the shipped ones for `sluice`, a user's own for their package.
///
/// ```swift
/// import Sluice
/// import SluiceCommandLine
///
/// SluiceMain(models: [myModel]).runAndExit()
/// ```
public struct SluiceMain: Sendable {
  private let models: [Model]
  private let demos: [Demo]
  private let data: [DataSet]
  private let program: String

  /// A command line over these models, demonstrations for `demo`, and data for `train`.
  public init(
    models: [Model], demos: [Demo] = [], data: [DataSet] = [], program: String = "sluice"
  ) {
    self.models = models
    self.demos = demos
    self.data = data
    self.program = program
  }

  /// Runs the process's arguments and ends the process with the exit code.
  public func runAndExit() -> Never { exit(run(Array(CommandLine.arguments.dropFirst()))) }

  /// Runs a command line, without the program's name; gives the exit code.
  ///
  /// 0 all went well, 1 the input is wrong, 64 the arguments are wrong, 66 a file does not exist, 69 there is no C
  /// compiler, 70 a mistake of ours, 74 reading or writing failed, 130 and 143 Ctrl-C and SIGTERM ended a training, which kept what it had.
  public func run(_ words: [String]) -> Int32 {
    let context = Context(program: program)
    do {
      return try dispatch(words, context)
    } catch {
      context.endProgress()
      return report(error, context)
    }
  }

  /// Says what went wrong; gives the exit code.
  private func report(_ error: any Error, _ context: Context) -> Int32 {
    let label = Terminal.label("error:")
    switch error {
    case let error as UsageError:
      context.message("\(label) \(error)\nsee `\(program) --help`")
      return ExitCode.usage
    case let error as FileError:
      context.message("\(label) \(error)")
      return error.exitCode
    case let error as Diagnostics:
      context.message("\(error)")
      return ExitCode.input
    case let error as InternalError:
      context.message("\(Terminal.label("internal error:")) \(error)")
      return ExitCode.internal
    case let error as CompileError:
      context.message("\(label) \(error)")
      switch error.kind {
      case .noCompiler: return ExitCode.unavailable
      case .cache: return ExitCode.io
      case .compiler, .load: return ExitCode.internal
      }
    default:
      // Mistakes in names, numbers, dtypes and shapes: what the input is.
      context.message("\(label) \(error)")
      return ExitCode.input
    }
  }

  private func dispatch(_ words: [String], _ context: Context) throws -> Int32 {
    let commands = commands
    guard let first = words.first else {
      context.message(overview(commands))
      return ExitCode.usage
    }
    if first == "--version" {
      try context.output("sluice \(SluiceVersion.current)\n")
      return ExitCode.ok
    }
    if first == "--help" || first == "-h" || first == "help" {
      if first == "help", words.count > 1, let command = commands.first(where: { $0.name == words[1] }) {
        try context.output(command.help(program: program))
      } else {
        try context.output(overview(commands))
      }
      return ExitCode.ok
    }
    guard let command = commands.first(where: { $0.name == first }) else {
      throw UsageError(
        "unknown command `\(first)`" + Suggestion.text(for: first, among: commands.map(\.name)))
    }
    guard let invocation = try Invocation.parse(Array(words.dropFirst()), of: command, context) else {
      try context.output(command.help(program: program))
      return ExitCode.ok
    }
    return try command.run(invocation)
  }

  private var commands: [CommandSpec] {
    let catalog = Catalog(models: models)
    var commands: [CommandSpec] = [
      .run(catalog), .profile(catalog), .train(catalog, data), .compile(catalog), .dump(catalog),
      .check(catalog), .opt(catalog),
      .gradient(catalog),
      .models(catalog),
    ]
    if !demos.isEmpty { commands.append(.demo(demos)) }
    return commands
  }

  private func overview(_ commands: [CommandSpec]) -> String {
    var text =
      "\(program): dataflow graphs from a Swift DSL or .sluice text, run or compiled to standalone C\n\n"
    text += "usage: \(program) COMMAND [arguments]\n\ncommands:\n"
    text += Help.columns(commands.map { ($0.name, $0.summary) })
    text +=
      "\n`\(program) COMMAND --help` tells more. MODEL is a name that `models` lists, or a .sluice file, or `-`; `run`, `compile`, `dump` and `check` take the text of a plan too.\n"
    text += ExitCode.summary
    if !models.isEmpty { text += "\nmodels:\n" + Help.columns(models.map { ($0.name, $0.summary) }) }
    return text
  }
}

/// A demonstration: a command of its own under `demo`.
public struct Demo: Sendable {
  /// The word after `demo`.
  public var name: String
  /// What it shows, in one line.
  public var summary: String
  /// Runs it with the values of `--input`, the output folder and the seed.
  public var run: @Sendable (Request) throws -> Void

  /// What a demonstration is asked to do.
  public struct Request: Sendable {
    /// The files of the user; none for the shipped data.
    public var inputs: [String]
    /// Whether the files hold sources that are to be mixed first.
    public var mixes: Bool
    /// Where its files go.
    public var folder: String
    /// The seed of its random numbers.
    public var seed: Int64
    /// The backend that computes.
    public var backend: Backend
    /// How many threads may compute.
    public var threads: Int
    /// Where messages and progress go.
    public var context: Context
  }

  /// A demonstration.
  public init(
    _ name: String, _ summary: String, run: @escaping @Sendable (Request) throws -> Void
  ) {
    self.name = name
    self.summary = summary
    self.run = run
  }
}

/// A mistake in what the user gave: exit code 1.
public struct InputError: Error, CustomStringConvertible {
  /// What was seen, and the way out.
  public var description: String

  /// A mistake.
  public init(_ description: String) { self.description = description }
}
