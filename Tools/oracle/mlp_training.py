"""Five steps of training the model `mlp`, hidden = 7, by PyTorch, with SGD and AdamW.

Writes Tests/Data/mlp_training.npz: `images` f32 [5, 6, 64] and `labels` i32 [5, 6] of the steps, `first` (f32, all
parameters in order of their names), and for each optimizer `.losses` (f32 [5]) and `.after` (as `first`).
"""

import numpy as np
import torch
import torch.nn.functional as F

import torch_training
from portable import MODEL_DATA

STEPS, BATCH, HIDDEN = 5, 6, 7
RATES = {"sgd": 0.5, "adamw": 0.01}
DECAY = 0.1


def main():
    random = np.random.default_rng(3)
    chosen = random.permutation(1437)[: STEPS * BATCH]
    images = np.load(MODEL_DATA / "digits_images.npy")[chosen].reshape(STEPS, BATCH, 64).astype(np.float32)
    labels = np.load(MODEL_DATA / "digits_labels.npy")[chosen].reshape(STEPS, BATCH)
    first = {
        "hidden.weight": random.uniform(-0.125, 0.125, (64, HIDDEN)),
        "hidden.bias": random.uniform(-0.1, 0.1, HIDDEN),
        "output.weight": random.uniform(-0.4, 0.4, (HIDDEN, 10)),
        "output.bias": random.uniform(-0.1, 0.1, 10),
    }
    first = {name: value.astype(np.float32) for name, value in first.items()}

    def loss(p, step):
        x = torch.tensor(images[step], dtype=p["hidden.weight"].dtype) / 16
        hidden = torch.relu(x @ p["hidden.weight"] + p["hidden.bias"])
        return F.cross_entropy(hidden @ p["output.weight"] + p["output.bias"], torch.tensor(labels[step]).long())

    arrays = {"images": images, "labels": labels.astype(np.int32), "first": torch_training.flat(first)}
    for kind, rate in RATES.items():
        torch_training.record(
            arrays, kind, lambda dtype: torch_training.train(first, list(first), loss, kind, rate, DECAY, STEPS, dtype))
    torch_training.save("mlp_training.npz", arrays)


if __name__ == "__main__":
    main()
