import SluiceCommandLine
import SluiceModels

SluiceMain(models: [ica, mlp, simclr], demos: [ICADemo.demo, SimCLRDemo.demo]).runAndExit()
