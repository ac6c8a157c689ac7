"""Products, maps and rows: the sizes of `matmul-*`, `gelu-*`, `softmax-*`, `layernorm-*`, `crossentropy-*`, `adamw-*`."""

import math

FUNCTIONS = ("gelu", "softmax", "layernorm", "crossentropy", "adamw")
ROWS = [f"matmul-{n}" for n in (128, 512, 1024)] + [f"{f}-1e{p}" for f in FUNCTIONS for p in range(3, 8)]
COLUMNS = 1000
BETA1, BETA2, RATE, DECAY, EPSILON = 0.9, 0.999, 1e-3, 1e-2, 1e-8
CORRECTION = 0.795  # sqrt(1 - BETA2^1000)


def split(row):
    function, size = row.split("-")
    return function, int(float(size))


def numpy_call(row):
    import numpy as np

    function, size = split(row)
    random = np.random.default_rng(0)
    if function == "matmul":
        x, y = (random.uniform(-1, 1, (size, size)).astype(np.float32) for _ in range(2))
        z = np.empty_like(x)
        return lambda: np.matmul(x, y, out=z)
    x = random.uniform(-1, 1, (size // COLUMNS, COLUMNS)).astype(np.float32)
    one = np.float32(1)
    if function == "gelu":
        scale = np.float32(math.sqrt(2 / math.pi))
        return lambda: np.float32(0.5) * x * (one + np.tanh(scale * (x + np.float32(0.044715) * x * x * x)))
    if function == "softmax":

        def softmax():
            e = np.exp(x - x.max(1, keepdims=True))
            return e / e.sum(1, keepdims=True)

        return softmax
    if function == "layernorm":

        def layernorm():
            centred = x - x.mean(1, keepdims=True)
            return centred / np.sqrt((centred * centred).mean(1, keepdims=True) + np.float32(1e-5))

        return layernorm
    if function == "crossentropy":
        targets = random.integers(0, COLUMNS, len(x))
        places = np.arange(len(x))

        def crossentropy():
            top = x.max(1, keepdims=True)
            return (np.log(np.exp(x - top).sum(1)) + top[:, 0] - x[places, targets]).mean()

        return crossentropy
    p, m, v = (np.zeros_like(x) for _ in range(3))

    def adamw():
        m[:] = np.float32(BETA1) * m + np.float32(1 - BETA1) * x
        v[:] = np.float32(BETA2) * v + np.float32(1 - BETA2) * (x * x)
        p[:] = np.float32(1 - RATE * DECAY) * p - np.float32(RATE) * (
            m / (np.sqrt(v) / np.float32(CORRECTION) + np.float32(EPSILON)))

    return adamw


def torch_module(row):
    """The module and its inputs; nothing where there is no module: `adamw`."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    function, size = split(row)
    if function == "matmul":

        class Product(nn.Module):
            def forward(self, x, y):
                return x @ y

        return Product(), tuple(torch.rand(size, size) * 2 - 1 for _ in range(2))
    x = torch.rand(size // COLUMNS, COLUMNS) * 2 - 1
    if function == "gelu":
        return nn.GELU(approximate="tanh"), (x,)
    if function == "softmax":
        return nn.Softmax(dim=1), (x,)
    if function == "layernorm":
        return nn.LayerNorm(COLUMNS), (x,)
    if function == "crossentropy":

        class Loss(nn.Module):
            def forward(self, x, targets):
                if torch.jit.is_tracing():  # for OpenVINO, which has no such operation
                    return -F.log_softmax(x, 1).gather(1, targets[:, None]).mean()
                return F.cross_entropy(x, targets)

        return Loss(), (x, torch.randint(0, COLUMNS, (len(x),)))
    return None


def torch_step(row, tuned, wrap):
    import torch

    size = split(row)[1]
    p = torch.nn.Parameter(torch.rand(size // COLUMNS, COLUMNS))
    p.grad = torch.rand_like(p) * 2 - 1
    optimizer = torch.optim.AdamW([p], lr=RATE, betas=(BETA1, BETA2), weight_decay=DECAY, fused=tuned)
    return wrap(optimizer.step)


def jax_call(row):
    import jax
    import jax.numpy as jnp
    import numpy as np

    function, size = split(row)
    random = np.random.default_rng(0)
    if function == "matmul":
        x, y = (jnp.asarray(random.uniform(-1, 1, (size, size)).astype(np.float32)) for _ in range(2))
        product = jax.jit(jnp.matmul)
        return lambda: product(x, y).block_until_ready()
    x = jnp.asarray(random.uniform(-1, 1, (size // COLUMNS, COLUMNS)).astype(np.float32))
    targets = jnp.asarray(random.integers(0, COLUMNS, len(x)))

    def layernorm(x):
        mean = x.mean(1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(x.var(1, keepdims=True) + 1e-5)

    def crossentropy(x):
        return -jnp.take_along_axis(jax.nn.log_softmax(x), targets[:, None], 1).mean()

    if function != "adamw":
        maps = {"gelu": jax.nn.gelu, "softmax": jax.nn.softmax, "layernorm": layernorm, "crossentropy": crossentropy}
        call = jax.jit(maps[function])
        return lambda: call(x).block_until_ready()

    @jax.jit
    def adamw(p, m, v):
        m = BETA1 * m + (1 - BETA1) * x
        v = BETA2 * v + (1 - BETA2) * x * x
        return (1 - RATE * DECAY) * p - RATE * (m / (jnp.sqrt(v) / CORRECTION + EPSILON)), m, v

    state = [jnp.zeros_like(x) for _ in range(3)]

    def step():
        state[:] = adamw(*state)
        state[0].block_until_ready()

    return step
