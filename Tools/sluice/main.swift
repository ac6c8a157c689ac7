import SluiceCommandLine
import SluiceModels

SluiceMain(models: [ica, mlp], demos: [ICADemo.demo]).runAndExit()
