import SluiceCommandLine
import SluiceModels

let digits = DataSet("digits", "images u8[1797,8,8], labels i32[1797]") {
  ["images": try ModelData.digitImages(), "labels": try ModelData.digitLabels()]
}

SluiceMain(
  models: [bert, gpt, ica, mlp, simclr], demos: [BERTDemo.demo, GPTDemo.demo, ICADemo.demo, SimCLRDemo.demo],
  data: [digits]
).runAndExit()
