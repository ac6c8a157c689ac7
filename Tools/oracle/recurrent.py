#!/usr/bin/env python3
"""Reference data for recurrent layers: LSTM and GRU of two layers by PyTorch, with the gradient of a loss.

Writes Tests/Data/recurrent.npz: inputs, first states, parameters by their names in PyTorch, outputs, last states, and the
gradients of the sum of squared outputs by all parameters. Made with the versions that the array `versions` names.
"""
import pathlib
import sys

import numpy as np
import torch

TIMES, BATCH, INPUT, HIDDEN, LAYERS = 4, 3, 5, 6, 2


def main():
    torch.manual_seed(3)
    arrays = {"x": torch.randn(TIMES, BATCH, INPUT).numpy()}
    for name, kind in (("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)):
        net = kind(INPUT, HIDDEN, num_layers=LAYERS)
        x = torch.tensor(arrays["x"])
        h = torch.randn(LAYERS, BATCH, HIDDEN)
        c = torch.randn(LAYERS, BATCH, HIDDEN)
        arrays[f"{name}.zero"] = net(x)[0].detach().numpy()
        output, last = net(x, (h, c) if name == "lstm" else h)
        (output**2).sum().backward()
        arrays[f"{name}.output"] = output.detach().numpy()
        arrays[f"{name}.h"] = h.numpy()
        if name == "lstm":
            arrays["lstm.c"] = c.numpy()
            arrays["lstm.last_h"], arrays["lstm.last_c"] = (part.detach().numpy() for part in last)
        else:
            arrays["gru.last_h"] = last.detach().numpy()
        for key, value in net.named_parameters():
            arrays[f"{name}.{key}"] = value.detach().numpy()
            arrays[f"{name}.gradient.{key}"] = value.grad.numpy()
    versions = f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}"
    arrays["versions"] = np.frombuffer(versions.encode(), dtype=np.uint8)
    path = pathlib.Path(__file__).resolve().parents[2] / "Tests/Data/recurrent.npz"
    np.savez(path, **arrays)
    print(path.name, versions)


if __name__ == "__main__":
    main()
