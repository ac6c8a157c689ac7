import SluiceCommandLine
import SluiceModels

SluiceMain(models: [gpt, ica, mlp], demos: [GPTDemo.demo, ICADemo.demo]).runAndExit()
