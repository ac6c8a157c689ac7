import Sluice
import SluiceCommandLine

let doubler = Model("doubler", "Twice its input.") { model in
  let n: Dim = "N <= 1024"
  model.function("double") { f in
    let x = f.input("x", .f32, [n])
    f.output("y", 2 * x)
  }
}

SluiceMain(models: [doubler], program: "own-models").runAndExit()
