import SluiceCommandLine
import SluiceModels

SluiceMain(models: [gpt, ica, mlp], demos: [ICADemo.demo]).runAndExit()
