import Sluice
import SluiceFormats
import SluiceModels
import SluiceText
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `IR/models` holds the dumps of the shipped models, byte for byte; `BLESS=1` rewrites them.
struct DumpTests {
  @Test(arguments: ["bert", "gpt", "ica", "mlp"])
  func dumpsAreKept(_ name: String) throws {
    let models = [bert, gpt, ica, mlp]
    let model = try #require(models.first { $0.name == name })
    let text = printedModule(try model.trace())
    let path = "\(Oracle.root)/IR/models/\(name).sluice"
    if unsafe getenv("BLESS") != nil { try FileIO.write(text, to: path) }
    #expect(try FileIO.read(path) == text, "run with BLESS=1 to rewrite IR/models")
    let again = try parseModule(text, file: path)
    #expect(printedModule(again) == text)
  }
}
