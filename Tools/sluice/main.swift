import SluiceCommandLine
import SluiceFormats
import SluiceModels

let data = [
  DataSet("digits", "images u8[1797,8,8], labels i32[1797]") {
    ["images": try ModelData.digitImages(), "labels": try ModelData.digitLabels()]
  },
  DataSet("kjv", "the bytes of the King James Bible") { ["text": HostTensor(ModelData.kingJames())] },
]

SluiceMain(
  models: shippedModels, demos: [BERTDemo.demo, GPTDemo.demo, ICADemo.demo, SimCLRDemo.demo],
  data: data
).runAndExit()
