import SluiceCommandLine
import SluiceModels

SluiceMain(models: [bert, gpt, ica, mlp], demos: [GPTDemo.demo, ICADemo.demo]).runAndExit()
