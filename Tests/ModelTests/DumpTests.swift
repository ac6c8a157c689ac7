import Sluice
import SluiceModels
import SluiceText
import Testing

import enum TestSupport.Repository

/// `IR/models` holds the dumps of the shipped models, byte for byte; `BLESS=1` rewrites them.
struct DumpTests {
  @Test(arguments: shippedModels.map(\.name))
  func dumpsAreKept(_ name: String) throws {
    let model = try #require(shippedModels.first { $0.name == name })
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
