import Sluice
import SluiceFormats
import SluiceIR
import SluicePasses
import SluiceText

extension CommandSpec {
  /// `gradient`: prints a model with the derivative of one of its functions.
  static func gradient(_ catalog: Catalog) -> CommandSpec {
    CommandSpec(
      name: "gradient", summary: "adds the derivative of a function, `@f.vjp`, and prints the text",
      arguments: "MODEL", argumentCount: 1...1,
      options: Catalog.options + [
        Option("--function", alias: "-f", value: "NAME", "which function; not needed where there is one"),
        Option("--output", alias: "-o", value: "FILE", "where to (`-`: standard output)"),
      ],
      examples: ["gradient model.sluice --function loss", "gradient model.sluice | sluice opt - -O2"]
    ) { invocation in
      let module = try catalog.load(invocation)
      let errors = verify(module)
      guard errors.isEmpty else { throw Diagnostics(errors) }
      let name = try functionName(invocation.value("--function"), module)
      guard let function = module.function(name) else { return ExitCode.ok }
      try FileIO.write(
        printModule(addVjp(of: function, to: module)), to: invocation.value("--output") ?? "-")
      return ExitCode.ok
    }
  }
}
