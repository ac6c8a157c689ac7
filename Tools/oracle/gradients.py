#!/usr/bin/env python3
"""Derivatives by PyTorch: writes IR/tests/gradient/torch.sluice.

For every case the file has a function of the op in f64 and a line `// run: @f.vjp(inputs, cotangents) == results,
cotangents of the inputs`. The derivatives of composites, and what all of them do at kinks, ties and zeros, are thus
those that PyTorch has. Made with the versions that the file's first lines name.
"""
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(5)
DTYPE = {torch.float64: "f64", torch.int64: "i64", torch.bool: "bool"}


def rand(*shape):
    return torch.round(torch.randn(shape, dtype=torch.float64) * 64) / 64


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def positive(n, batch=()):
    x = rand(*batch, n, n)
    return x @ x.mT + 2 * torch.eye(n, dtype=torch.float64)


CASES = {
    # kinks, ties and zeros
    "relu": ("relu %0", lambda x: F.relu(x), [tensor([-1, 0, 2])]),
    "abs": ("abs %0", lambda x: x.abs(), [tensor([-1, 0, 2])]),
    "maximum": ("maximum %0, %1", torch.maximum, [tensor([1, 2, 3]), tensor([1, 3, 2])]),
    "minimum": ("minimum %0, %1", torch.minimum, [tensor([1, 2, 3]), tensor([1, 3, 2])]),
    "max": ("max %0 {axes = [1]}", lambda x: x.amax(1), [tensor([[3, 1, 3], [2, 2, 2]])]),
    "min": ("min %0", lambda x: x.amin(), [tensor([[3, 1], [1, 2]])]),
    "prod": ("prod %0 {axes = [1]}", lambda x: x.prod(1), [tensor([[3, 0, 2], [0, 2, 0]])]),
    "cumprod": ("cumprod %0", lambda x: x.cumprod(1), [tensor([[3, 0, 2, 5], [0, 2, 0, 1]])]),
    "norm": ("norm %0 {axes = [1]}", lambda x: torch.linalg.vector_norm(x, dim=1), [tensor([[3, 4], [0, 0]])]),
    "norm_1": ("norm %0 {ord = 1}", lambda x: torch.linalg.vector_norm(x, 1), [tensor([[3, -4], [0, 1]])]),
    "norm_inf": ("norm %0 {ord = inf}", lambda x: torch.linalg.vector_norm(x, float("inf")), [tensor([4, -4, 1])]),
    "power": ("power %0, %1", torch.pow, [tensor([0, 2, 0.5, 1.5]), tensor([2, 0, -1.5, 3])]),
    "sqrt": ("sqrt %0", torch.sqrt, [tensor([4, 0.25])]),
    "leaky_relu": ("leaky_relu %0 {negative_slope = 0.2}", lambda x: F.leaky_relu(x, 0.2), [tensor([-1, 0, 2])]),
    # activations
    "elu": ("elu %0", lambda x: F.elu(x), [rand(5)]),
    "silu": ("silu %0", F.silu, [rand(5)]),
    "gelu": ("gelu %0", F.gelu, [rand(5)]),
    "gelu_tanh": ("gelu %0 {approximate = true}", lambda x: F.gelu(x, approximate="tanh"), [rand(5)]),
    "softplus": ("softplus %0", lambda x: F.softplus(x, threshold=1e9), [rand(5)]),
    # statistics
    "softmax": ("softmax %0 {axis = 0}", lambda x: x.softmax(0), [rand(3, 4)]),
    "log_softmax": ("log_softmax %0", lambda x: x.log_softmax(-1), [rand(3, 4)]),
    "logsumexp": ("logsumexp %0 {axes = [1]}", lambda x: x.logsumexp(1), [rand(3, 4)]),
    "variance": ("variance %0 {axes = [0], correction = 1}", lambda x: x.var(0), [rand(3, 4)]),
    "layer_norm": ("layer_norm %0, %1, %2", lambda x, w, b: F.layer_norm(x, (4,), w, b), [rand(3, 4), rand(4), rand(4)]),
    "rms_norm": ("rms_norm %0, %1", lambda x, w: F.rms_norm(x, (4,), w, 1e-5), [rand(3, 4), rand(4)]),
    "group_norm": ("group_norm %0, %1, %2 {groups = 2}", lambda x, w, b: F.group_norm(x, 2, w, b), [rand(2, 4, 3), rand(4), rand(4)]),
    "batch_norm": ("batch_norm %0, %1, %2, %3, %4", lambda x, m, v, w, b: (x - m[:, None]) / (v[:, None] + 1e-5).sqrt() * w[:, None] + b[:, None],
                   [rand(2, 3, 4), rand(3), rand(3).abs() + 1, rand(3), rand(3)]),
    "l2_normalize": ("l2_normalize %0", lambda x: F.normalize(x, dim=-1), [rand(3, 4)]),
    "cosine_similarity": ("cosine_similarity %0, %1", lambda x, y: F.cosine_similarity(x, y, dim=-1), [rand(3, 4), rand(3, 4)]),
    # losses
    "mse": ("mse %0, %1", F.mse_loss, [rand(3, 4), rand(3, 4)]),
    "cross_entropy": ("cross_entropy %0, %1", lambda x, t: F.cross_entropy(x, t, ignore_index=-1), [rand(4, 3), torch.tensor([0, 2, -1, 1])]),
    "binary_cross_entropy": ("binary_cross_entropy %0, %1", F.binary_cross_entropy_with_logits, [rand(5), rand(5).sigmoid().round(decimals=3)]),
    # windows
    "conv1d": ("conv1d %0, %1 {strides = [2], padding = [1,1], dilation = [2]}", lambda x, w: F.conv1d(x, w, stride=2, padding=1, dilation=2), [rand(2, 2, 9), rand(3, 2, 3)]),
    "conv2d": ("conv2d %0, %1 {strides = [2,1], padding = [1,1,1,1], dilation = [1,2], groups = 2}",
               lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=1, dilation=(1, 2), groups=2), [rand(2, 4, 5, 6), rand(2, 2, 3, 2)]),
    "conv_transpose2d": ("conv_transpose2d %0, %1 {strides = [2,1], padding = [1,1,0,0]}",
                         lambda x, w: F.conv_transpose2d(x, w, stride=(2, 1), padding=(1, 0)), [rand(1, 2, 3, 3), rand(2, 2, 3, 2)]),
    "max_pool2d": ("max_pool2d %0 {size = [3,3], strides = [2,2], padding = [1,1,1,1]}", lambda x: F.max_pool2d(x, 3, 2, 1), [torch.randperm(50).reshape(1, 2, 5, 5).double()]),
    "avg_pool2d": ("avg_pool2d %0 {size = [2,2], strides = [2,2]}", lambda x: F.avg_pool2d(x, 2), [rand(1, 2, 4, 6)]),
    "resize_bilinear": ("resize %0 {sizes = [5,7], mode = \"bilinear\"}", lambda x: F.interpolate(x, (5, 7), mode="bilinear"), [rand(1, 2, 3, 4)]),
    "resize_nearest": ("resize %0 {sizes = [2,6]}", lambda x: F.interpolate(x, (2, 6), mode="nearest"), [rand(1, 1, 3, 4)]),
    # networks
    "attention": ("attention %0, %1, %2 {causal = true}", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [rand(2, 2, 3, 4), rand(2, 2, 3, 4), rand(2, 2, 3, 2)]),
    "attention_mask": ("attention %0, %1, %2, %3", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
                       [rand(1, 2, 3, 4), rand(1, 2, 5, 4), rand(1, 2, 5, 2), torch.rand(1, 2, 3, 5) > 0.3]),
    "gru_cell": ("gru_cell %0, %1, %2, %3, %4, %5", lambda x, h, u, v, a, b: torch.gru_cell(x, h, u, v, a, b), [rand(2, 3), rand(2, 2), rand(6, 3), rand(6, 2), rand(6), rand(6)]),
    "lstm_cell": ("lstm_cell %0, %1, %2, %3, %4, %5, %6", lambda x, h, c, u, v, a, b: torch.lstm_cell(x, (h, c), u, v, a, b),
                  [rand(2, 3), rand(2, 2), rand(2, 2), rand(8, 3), rand(8, 2), rand(8), rand(8)]),
    # order and places
    "sort": ("sort %0 {descending = true}", lambda x: x.sort(descending=True).values, [rand(2, 5)]),
    "cummax": ("cummax %0", lambda x: x.cummax(1).values, [tensor([[1, 3, 2, 5], [4, 3, 2, 6]])]),
    "gather": ("gather %0, %1", lambda x, i: x[i], [rand(4, 2), torch.tensor([[0, -1], [2, 0]])]),
    # matrices
    "inverse": ("inverse %0", torch.linalg.inv, [positive(3, (2,))]),
    "log_abs_det": ("log_abs_det %0", lambda x: torch.linalg.slogdet(x).logabsdet, [rand(2, 3, 3)]),
    "solve": ("solve %0, %1", torch.linalg.solve, [positive(3) + rand(3, 3), rand(3, 2)]),
    "cholesky": ("cholesky %0", torch.linalg.cholesky, [positive(3)]),
    "eigh": ("eigh %0", lambda x: torch.linalg.eigvalsh(x), [positive(3)]),
    "qr": ("qr %0", None, [rand(4, 3)]),
    "triangular_solve": ("triangular_solve %0, %1 {lower = true}", lambda a, b: torch.linalg.solve_triangular(a, b, upper=False), [positive(3), rand(3, 2)]),
    "matmul": ("matmul %0, %1 {transpose_rhs = true}", lambda x, y: x @ y.mT, [rand(2, 3, 4), rand(2, 5, 4)]),
}


def qr(x):
    # The signs of Householder reflections, as documented: as LAPACK has them.
    return torch.linalg.qr(x)


def text(values):
    array = values.detach().numpy()
    if array.dtype == bool:
        return str(array.tolist()).replace("True", "true").replace("False", "false")
    return str(array.tolist())


def kind(value):
    return f"{DTYPE[value.dtype]}[{','.join(str(n) for n in value.shape)}]"


def case(name, op, function, inputs):
    function = function or qr
    leaves = [x.clone().requires_grad_(x.dtype == torch.float64) for x in inputs]
    results = function(*leaves)
    results = list(results) if isinstance(results, tuple) else [results]
    seeds = [rand(*r.shape) for r in results]
    if name in ("power", "cumprod"):
        # The sign of a 0 is not what is compared.
        seeds = [seed.abs() for seed in seeds]
    floats = [x for x in leaves if x.requires_grad]
    grads = torch.autograd.grad(results, floats, seeds, allow_unused=True)
    grads = [torch.zeros_like(x) if g is None else g for g, x in zip(grads, floats)]
    kinds = [kind(r) for r in results]
    extra = ", %v" if name == "eigh" else ""
    types = ", ".join(kinds + ([kind(inputs[0])] if extra else []))
    names = ", ".join(f"%r{i}" for i in range(len(results)))
    arguments = ", ".join(f"%{'abcdefgh'[i]}: {kind(x)}" for i, x in enumerate(inputs))
    body = op
    for i in range(len(inputs)):
        body = body.replace(f"%{i}", f"%{'abcdefgh'[i]}")
    expected = ", ".join(text(v) for v in results + grads)
    return (
        f"func @{name}({arguments}) -> {', '.join(kinds)} {{\n  {names}{extra} = {body} : {types}\n  return {names}\n}}\n"
        f"// run: @{name}.vjp({', '.join(text(v) for v in list(inputs) + seeds)}) == {expected} ~ 1e-9\n")


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    lines = ["// test: gradient", "// Derivatives by PyTorch, made by Tools/oracle/gradients.py with",
             f"// torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}.", ""]
    parts = [case(name, *row) for name, row in CASES.items()]
    path = root / "IR/tests/gradient/torch.sluice"
    path.write_text("\n".join(lines) + "\n" + "\n".join(parts))
    print(path.name, len(parts), "cases")


if __name__ == "__main__":
    main()
