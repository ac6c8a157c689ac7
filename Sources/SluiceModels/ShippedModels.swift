public import Sluice

/// The models that ship, in the order of their names.
public let shippedModels: [Model] = [bert, gpt, ica, mlp, simclr]
