import SluiceCommandLine
import SluiceModels

SluiceMain(models: [bert, gpt, ica, mlp], demos: [BERTDemo.demo, GPTDemo.demo, ICADemo.demo]).runAndExit()
