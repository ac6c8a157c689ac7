/// Every `.sluice` file of `IR/tests` and `IR/models` is a test; its first line says of what. See IR/tests/README.md.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePasses
import SluicePlan
import SluiceReference
import SluiceText
import TestSupport
import Testing

/// A file under test.
struct TestFile: Sendable, CustomTestStringConvertible {
  /// The path from the root of the repository.
  var path: String

  var testDescription: String { path }

  static let all = ["IR/tests", "IR/models"].flatMap { Repository.sluiceFiles(below: $0) }
    .map { TestFile(path: $0) }

  /// Whether the file must be rejected.
  var mustFail: Bool { path.split(separator: "/").last?.hasPrefix("fail_") ?? false }
}

struct FileTests {
  @Test func thereAreFiles() { #expect(TestFile.all.count > 100) }

  @Test(arguments: TestFile.all)
  func file(_ file: TestFile) throws {
    let text = String(decoding: try #require(Repository.read(file.path)), as: UTF8.self)
    let directives = try TestDirectives(Array(text.utf8), file: file.path)
    let words = (directives.command ?? (file.path.hasPrefix("IR/models/") ? "verify" : "")).split(
      separator: " ")
    let command = words.first.map { String($0) } ?? ""
    if command == "parse" { return }  // the tests of the reader read these
    if isPlan(Array(text.utf8)) { return try planText(text, command, directives, file) }
    #expect(directives.checks.isEmpty || command == "plan", "`// check:` lines are for plans")
    let argument = words.dropFirst().joined(separator: " ")
    if file.mustFail || !directives.errors.isEmpty {
      #expect(file.mustFail, "a file that states errors is named `fail_...`")
      return try checkErrors(text, directives, file)
    }
    let module = try readAndVerify(text, file)
    switch command {
    case "verify": break
    case "run": try run(module, directives, file)
    case "passes": try passes(module, argument, file)
    case "plan" where argument.hasPrefix("counts"): try counts(module, directives)
    case "plan": try plan(module, argument, directives, file)
    case "gradient": try gradient(module, directives)
    case "emit-c": try emitC(module, file)
    default:
      Issue.record(
        "the first line asks for `\(command)`, not for verify, run, passes, plan, gradient or emit-c")
    }
  }

  /// The module of a text, which must print as a text that reads as the same module.
  private func readAndVerify(_ text: String, _ file: TestFile) throws -> Module {
    let module = try parseModule(text, file: file.path)
    let errors = verify(module)
    #expect(errors.isEmpty, "\(errors)")
    let printed = printModule(module)
    let again = try parseModule(printed, file: file.path)
    #expect(printModule(again) == printed, "printing, reading and printing gives another text")
    return module
  }

  /// The errors of reading and verifying, and of planning where the file asks for it, must be those stated, each on
  /// its line.
  private func checkErrors(_ text: String, _ directives: TestDirectives, _ file: TestFile) throws {
    var found: [Diagnostic]
    do {
      let module = try parseModule(text, file: file.path)
      found = verify(module)
      if found.isEmpty, directives.command?.hasPrefix("plan") ?? false {
        var options = Planner.Options()
        options.arenaBytes = budget(directives)
        _ = try Planner.plan(runPasses(module, OptimizationLevel.none.passes), options: options)
      }
    } catch { found = error.all }
    expect(found, directives)
  }

  /// A plan as text: it runs as its `// run:` lines say, or the reader or the checker finds the stated errors.
  private func planText(
    _ text: String, _ command: String, _ directives: TestDirectives, _ file: TestFile
  ) throws {
    #expect(command == "run" || command == "verify", "a plan is run or verified")
    if file.mustFail || !directives.errors.isEmpty {
      #expect(file.mustFail, "a file that states errors is named `fail_...`")
      do {
        expect(PlanChecker().check(try parsePlan(text, file: file.path)), directives)
      } catch { expect(error.all, directives) }
      return
    }
    let subject = try PlanSubject(Array(text.utf8), file: file.path)
    let printed = printPlan(subject.plan)
    #expect(printPlan(try parsePlan(printed, file: file.path)) == printed)
    if command == "run" {
      let failures = try subject.failures()
      #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
  }

  /// The errors found must be those stated, each on its line.
  private func expect(_ errors: [Diagnostic], _ directives: TestDirectives) {
    #expect(!directives.errors.isEmpty, "no `// error:` is stated")
    var found = errors
    for expected in directives.errors {
      let match = found.firstIndex {
        $0.place?.line == expected.line && $0.message.contains(expected.message)
      }
      if let match {
        found.remove(at: match)
      } else {
        Issue.record("line \(expected.line) does not give the error `\(expected.message)`")
      }
    }
    for error in found {
      Issue.record("line \(error.place?.line ?? 0) gives an error that is not stated: \(error.message)")
    }
  }

  /// The derivatives of the functions that are called must be those that finite differences give, and the same in all
  /// backends; a call of `@f.vjp`, `@f.jvp` or `@f.vjp.vjp` states them, but for the signs of zeros.
  private func gradient(_ module: Module, _ directives: TestDirectives) throws {
    #expect(!directives.runs.isEmpty, "there is no `// run:` line")
    for run in directives.runs {
      var failures: [String]
      if run.function.contains(".") {
        let derived = try derivative(run.function, of: module)
        var agreement = try Agreement(try Subject(derived, runs: [run]), anyZero: true)
        failures = agreement.rejections + agreement.failures()
      } else {
        failures = try checkDerivative(module, run)
      }
      #expect(failures.isEmpty, "line \(run.line):\n\(failures.joined(separator: "\n"))")
    }
  }

  /// The module with a derivative of a function of it: `f.vjp`, `f.jvp`, or that of a derivative, `f.vjp.vjp`.
  private func derivative(_ name: String, of module: Module) throws -> Module {
    if module.function(name) != nil { return module }
    let parts = name.split(separator: ".")
    let inner = parts.dropLast().joined(separator: ".")
    let source = try derivative(inner, of: module)
    return parts.last == "jvp"
      ? try addJvp(of: inner, to: isolated(inner, of: source))
      : try GradientCheck(source, function: inner).module
  }

  private func checkDerivative(_ module: Module, _ run: RunLine) throws -> [String] {
    let check = try GradientCheck(module, function: run.function)
    let inputs = try Subject(module).inputs(run)
    let failures = try check.failures(inputs.map(\.referenceTensor), tolerance: run.tolerance ?? 1e-7)

    // Any cotangents will do for the comparison of backends.
    let name = "\(run.function).vjp"
    let symbols = try module.bindSymbols(
      of: try #require(module.function(run.function)), shapes: inputs.map(\.shape))
    let graph = check.module[try #require(check.module.function(name))]
    var random = SeededRandom(2)
    let seeds = graph.inputs.dropFirst(inputs.count).map { value -> HostTensor in
      let type = graph.types[value.index]
      let shape = check.module.tables.types.shape(type).map {
        Int(symbols.evaluate($0, check.module.tables.dims) ?? 0)
      }
      return random.tensor(check.module.tables.types.dtype(type), shape)
    }
    var agreement = try Agreement(try Subject(check.module))
    return failures + agreement.rejections + agreement.failures(name, inputs + seeds)
  }

  private func run(_ module: Module, _ directives: TestDirectives, _ file: TestFile) throws {
    #expect(!directives.runs.isEmpty, "there is no `// run:` line")
    let subject = try Subject(module, runs: directives.runs)
    var others: [(name: String, backend: any Backend)] = []
    if let c = try CBackend(subject, subject.plan()) { others.append(("C", c)) }
    var agreement = try Agreement(subject, others: others)
    #expect(agreement.rejections.isEmpty, "\(agreement.rejections.joined(separator: "\n"))")
    let failures = agreement.failures()
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  /// The text after the passes; the golden file is beside the test.
  private func passes(_ module: Module, _ names: String, _ file: TestFile) throws {
    let list = names.split { $0 == "," || $0 == " " }.map { String($0) }
    let result = try runPasses(module, list, verifyEach: true)
    let difference = try Repository.difference(printModule(result), golden: file.golden)
    #expect(difference == nil)
  }

  /// The plan as text, after `expand`.
  private func plan(
    _ module: Module, _ options: String, _ directives: TestDirectives, _ file: TestFile
  ) throws {
    let plan = try Subject(module).plan(fuses: options != "unfused")
    let difference = try Repository.difference(printPlan(plan), golden: file.golden)
    #expect(difference == nil)
    for check in directives.checks { try compare(plan, check.function, check) }
  }

  /// What plans cost after all passes; `@f.vjp` is the derivative of `@f`.
  private func counts(_ module: Module, _ directives: TestDirectives) throws {
    #expect(!directives.checks.isEmpty, "there is no `// check:` line")
    for check in directives.checks {
      var module = module
      if let name = check.function { module = keepFunctions(try derivative(name, of: module), [name]) }
      let errors = verify(module)
      #expect(errors.isEmpty, "\(errors)")
      let plan = try Subject(module).plan(level: .full, arenaBytes: budget(directives))
      #expect(PlanChecker().check(plan).isEmpty)
      try compare(plan, check.function, check)
    }
  }

  /// The bytes that an arena may have: the number behind `within` on the first line.
  private func budget(_ directives: TestDirectives) -> Int? {
    let words = directives.command?.split(separator: " ") ?? []
    return words.dropLast().last == "within" ? words.last.flatMap { Int($0) } : nil
  }

  /// What a function costs must be what the line says.
  private func compare(_ plan: ModulePlan, _ name: String?, _ check: CheckLine) throws {
    #expect(name != nil || plan.functions.count == 1, "line \(check.line) does not say which function")
    let function = try #require(
      name.map { plan.function($0) } ?? plan.functions.first, "line \(check.line): there is no such function")
    let count = PlanCount(plan, function)
    for bound in check.bounds {
      let found =
        switch bound.quantity {
        case .kernels: Double(count.kernels)
        case .calls: Double(count.calls)
        case .arena: Double(function.arenaBytes)
        case .bytes: count.bytes
        }
      let isRight = bound.isUpper ? found <= Double(bound.value) : found == Double(bound.value)
      #expect(
        isRight,
        "line \(check.line): \(bound.quantity) is \(found), not \(bound.isUpper ? "<=" : "==") \(bound.value)"
      )
    }
  }

  /// The C file, after `expand`.
  private func emitC(_ module: Module, _ file: TestFile) throws {
    let (source, _) = CSource.emitC(try Subject(module).plan())
    let difference = try Repository.difference(source, golden: file.golden)
    #expect(difference == nil)
  }
}

extension TestFile {
  /// The file of what must come out: `NAME.expected` beside `NAME.sluice`.
  var golden: String { String(path.dropLast("sluice".count)) + "expected" }
}
