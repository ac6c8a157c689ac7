"""What the scripts share that train models with PyTorch: optimizers, steps, and arrays that the tests read.

Weights have the layouts and names of Sluice, so a model is written as functions of a dict of tensors.
"""

import pathlib
import sys

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]


def optimizer(kind, parameters, rate, decay):
    """SGD or AdamW with weight decay for tensors of two axes or more."""
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[kind](groups, lr=rate)


def train(first, trained, loss, kind, rate, decay, steps, dtype=torch.float32):
    """The losses of the steps and all values after the last one, from first values by name.

    `trained` are the names of parameters; `loss(values, step)` gives the loss, and may change what is no parameter.
    """
    values = {name: torch.tensor(array, dtype=dtype) for name, array in first.items()}
    for name in trained:
        values[name].requires_grad_()
    update = optimizer(kind, [values[name] for name in trained], rate, decay)
    losses = []
    for step in range(steps):
        update.zero_grad()
        value = loss(values, step)
        value.backward()
        update.step()
        losses.append(value.item())
    return losses, {name: value.detach().numpy() for name, value in values.items()}


def flat(values):
    """All values in one array, in order of their names."""
    return np.concatenate([values[name].reshape(-1) for name in sorted(values)]).astype(np.float32)


def record(arrays, name, run):
    """Adds losses and last values of `run(dtype)` in f32, and prints how far they are from those in f64."""
    (losses, values), (exact_losses, exact_values) = run(torch.float32), run(torch.float64)
    arrays[f"{name}.losses"] = np.array(losses, np.float32)
    arrays[f"{name}.after"] = flat(values)
    drift = max(
        np.abs(values[n] - exact_values[n]).max() / max(np.abs(exact_values[n]).max(), 1e-30) for n in values)
    loss_drift = max(abs(a - b) / abs(b) for a, b in zip(losses, exact_losses))
    print(f"{name}: losses {losses[0]:.5f} to {losses[-1]:.5f}; f32 differs from f64 by "
          f"{loss_drift:.1e} (losses), {drift:.1e} (values, relative to the largest of each array)")


def save(name, arrays):
    versions = f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}"
    arrays["versions"] = np.frombuffer(versions.encode(), dtype=np.uint8)
    path = ROOT / "Tests/Data" / name
    np.savez_compressed(path, **arrays)
    print(f"{name}: {path.stat().st_size} bytes, {versions}")
