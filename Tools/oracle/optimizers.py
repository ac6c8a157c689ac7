#!/usr/bin/env python3
"""Reference data for the optimizers: a small regression trained by PyTorch, LAMB and Lion by their papers in NumPy.

Writes Tests/Data/optimizers.npz: the data, the first parameters, and for every variant the losses of each step and the
parameters after the last one. Made with the versions that the array `versions` names.
"""
import pathlib
import sys

import numpy as np
import torch

STEPS = 7


def data():
    random = np.random.default_rng(7)
    x = random.normal(size=(5, 3)).astype(np.float32)
    y = random.normal(size=(5, 2)).astype(np.float32)
    a = random.normal(size=(3, 2)).astype(np.float32)
    b = random.normal(size=(2,)).astype(np.float32)
    return x, y, a, b


def loss_of(x, y, a, b):
    return ((x @ a + b - y) ** 2).mean()


def train(make, clip=None, schedule=None, accumulate=1, narrow=None):
    """With `narrow` the parameters are of that dtype: computed with in f32, and rounded once when a step writes them."""
    x, y, a, b = [torch.tensor(array) for array in data()]
    if narrow:
        a, b = a.to(narrow).float(), b.to(narrow).float()
    a.requires_grad_()
    b.requires_grad_()
    optimizer = make(a, b)
    rates = schedule(optimizer) if schedule else None
    losses = []
    for step in range(STEPS * accumulate):
        # A part of the batch a call, so that accumulation sees different gradients.
        rows = slice(None) if accumulate == 1 else slice(step % accumulate, None, accumulate)
        loss = loss_of(x[rows], y[rows], a, b)
        (loss / accumulate).backward()
        losses.append(loss.item())
        if (step + 1) % accumulate:
            continue
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_([a, b], 0.5)
        if clip == "value":
            torch.nn.utils.clip_grad_value_([a, b], 0.2)
        optimizer.step()
        if narrow:
            with torch.no_grad():
                for p in (a, b):
                    p.copy_(p.to(narrow).float())
        optimizer.zero_grad()
        if rates:
            rates.step()
    return losses, a.detach().numpy(), b.detach().numpy()


def lamb(rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-6, decay=0.1):
    """You et al. 2020, algorithm 2, in binary64; weight decay for the matrix alone."""
    x, y, a, b = [array.astype(np.float64) for array in data()]
    parameters = [a, b]
    means = [np.zeros_like(p) for p in parameters]
    squares = [np.zeros_like(p) for p in parameters]
    losses = []
    for step in range(1, STEPS + 1):
        residual = x @ parameters[0] + parameters[1] - y
        losses.append((residual**2).mean())
        slope = 2 * residual / residual.size
        for i, g in enumerate([x.T @ slope, slope.sum(axis=0)]):
            p = parameters[i]
            means[i] = beta1 * means[i] + (1 - beta1) * g
            squares[i] = beta2 * squares[i] + (1 - beta2) * g * g
            m = means[i] / (1 - beta1**step)
            v = squares[i] / (1 - beta2**step)
            d = m / (np.sqrt(v) + epsilon) + (decay if p.ndim > 1 else 0) * p
            ratio = np.linalg.norm(p) / np.linalg.norm(d)
            parameters[i] = p - rate * ratio * d
    return losses, parameters[0].astype(np.float32), parameters[1].astype(np.float32)


def lion(rate=0.03, beta1=0.8, beta2=0.95, decay=0.2):
    """Chen et al. 2023, algorithm 2, in binary64; weight decay for the matrix alone."""
    x, y, a, b = [array.astype(np.float64) for array in data()]
    parameters = [a, b]
    means = [np.zeros_like(p) for p in parameters]
    losses = []
    for _ in range(STEPS):
        residual = x @ parameters[0] + parameters[1] - y
        losses.append((residual**2).mean())
        slope = 2 * residual / residual.size
        for i, g in enumerate([x.T @ slope, slope.sum(axis=0)]):
            p = parameters[i]
            c = beta1 * means[i] + (1 - beta1) * g
            means[i] = beta2 * means[i] + (1 - beta2) * g
            parameters[i] = p - rate * (np.sign(c) + (decay if p.ndim > 1 else 0) * p)
    return losses, parameters[0].astype(np.float32), parameters[1].astype(np.float32)


def groups(a, b, decay):
    return [{"params": [a], "weight_decay": decay}, {"params": [b], "weight_decay": 0.0}]


def cosine(optimizer):
    # Warm-up over 3 steps, then half a cosine to 0.02 at step 6.
    def factor(step):
        if step < 3:
            return (step + 1) / 3
        part = min((step - 3) / 3, 1)
        floor = 0.02 / 0.2
        return floor + 0.5 * (1 - floor) * (1 + np.cos(np.pi * part))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


VARIANTS = {
    "sgd": lambda: train(lambda a, b: torch.optim.SGD([a, b], lr=0.1, weight_decay=0.05)),
    "momentum": lambda: train(lambda a, b: torch.optim.SGD([a, b], lr=0.1, momentum=0.8)),
    "nesterov": lambda: train(
        lambda a, b: torch.optim.SGD([a, b], lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01)),
    "adam": lambda: train(lambda a, b: torch.optim.Adam([a, b], lr=0.1, weight_decay=0.1)),
    "adamw": lambda: train(lambda a, b: torch.optim.AdamW(groups(a, b, 0.3), lr=0.1, betas=(0.8, 0.99))),
    "lamb": lamb,
    "lion": lion,
    "rmsprop": lambda: train(lambda a, b: torch.optim.RMSprop([a, b], lr=0.05, alpha=0.9, weight_decay=0.1)),
    "rmsprop_centered": lambda: train(
        lambda a, b: torch.optim.RMSprop([a, b], lr=0.02, alpha=0.8, momentum=0.7, centered=True)),
    "adagrad": lambda: train(lambda a, b: torch.optim.Adagrad([a, b], lr=0.3, weight_decay=0.05)),
    "clip_norm": lambda: train(lambda a, b: torch.optim.SGD([a, b], lr=0.1), clip="norm"),
    "clip_value": lambda: train(lambda a, b: torch.optim.Adam([a, b], lr=0.1), clip="value"),
    "cosine": lambda: train(lambda a, b: torch.optim.SGD([a, b], lr=0.2), schedule=cosine),
    "steps": lambda: train(
        lambda a, b: torch.optim.SGD([a, b], lr=0.2),
        schedule=lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=2, gamma=0.5)),
    "accumulated": lambda: train(lambda a, b: torch.optim.AdamW(groups(a, b, 0.1), lr=0.1), accumulate=2),
    "adam_bf16": lambda: train(lambda a, b: torch.optim.Adam([a, b], lr=0.1, weight_decay=0.1), narrow=torch.bfloat16),
    "momentum_f16": lambda: train(lambda a, b: torch.optim.SGD([a, b], lr=0.1, momentum=0.8), clip="norm", narrow=torch.float16),
    "accumulated_bf16": lambda: train(
        lambda a, b: torch.optim.AdamW(groups(a, b, 0.1), lr=0.1), accumulate=2, narrow=torch.bfloat16),
}


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    arrays = dict(zip("xyab", data()))
    for name, run in VARIANTS.items():
        losses, a, b = run()
        arrays[f"{name}.losses"] = np.array(losses, dtype=np.float32)
        arrays[f"{name}.a"] = a
        arrays[f"{name}.b"] = b
    versions = f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}"
    arrays["versions"] = np.frombuffer(versions.encode(), dtype=np.uint8)
    path = root / "Tests/Data/optimizers.npz"
    np.savez(path, **arrays)
    print(path.name, versions)


if __name__ == "__main__":
    main()
