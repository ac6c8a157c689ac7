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
  @Test(arguments: ["ica", "mlp", "simclr"])
  func dumpsAreKept(_ name: String) throws {
    let models = [ica, mlp, simclr]
    let model = try #require(models.first { $0.name == name })
    // The steps of AdamW on a deeper network are long, and say nothing new.
    let settings = name == "simclr" ? ["stages": "2", "optimizer": "sgd"] : [:]
    let text = printedModule(try model.trace(settings: settings))
    let path = "\(Oracle.root)/IR/models/\(name).sluice"
    if unsafe getenv("BLESS") != nil { try FileIO.write(text, to: path) }
    #expect(try FileIO.read(path) == text, "run with BLESS=1 to rewrite IR/models")
    let again = try parseModule(text, file: path)
    #expect(printedModule(again) == text)
  }
}
