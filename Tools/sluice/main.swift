import SluiceCommandLine
import SluiceModels

SluiceMain(models: [bert, gpt, ica, mlp, simclr], demos: [GPTDemo.demo, ICADemo.demo, SimCLRDemo.demo])
  .runAndExit()
