import Sluice
import SluiceModels
import SluiceText
import enum TestSupport.Repository
import Testing

/// `IR/models` holds the dumps of the shipped models, byte for byte; `BLESS=1` rewrites them.
struct DumpTests {
  @Test(arguments: ["bert", "gpt", "ica", "mlp", "simclr"])
  func dumpsAreKept(_ name: String) throws {
    let models = [bert, gpt, ica, mlp, simclr]
    let model = try #require(models.first { $0.name == name })
    // The steps of AdamW on a deeper network are long, and say nothing new.
    let settings = name == "simclr" ? ["stages": "2", "optimizer": "sgd"] : [:]
    let text = printedModule(try model.trace(settings: settings))
    let path = "IR/models/\(name).sluice"
    let difference = try Repository.difference(String(decoding: text, as: UTF8.self), golden: path)
    #expect(difference == nil)
    let again = try parseModule(text, file: path)
    #expect(printedModule(again) == text)
  }
}
