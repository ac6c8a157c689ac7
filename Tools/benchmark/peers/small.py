"""Small things: `mlp-row`, `ica-epoch`, `lstm-*`."""

ROWS = ["mlp-row", "ica-epoch", "lstm-64", "lstm-1", "lstm-step-64", "lstm-step-1"]
WIDTH, LENGTH = 256, 64
EXAMPLES, SOURCES = 100_000, 4


def batch(row):
    return int(row.rsplit("-", 1)[1])


def numpy_call(row):
    import numpy as np

    random = np.random.default_rng(0)

    def matrix(*shape):
        return random.uniform(-0.1, 0.1, shape).astype(np.float32)

    if row == "mlp-row":
        x, w1, b1, w2, b2 = matrix(1, 784), matrix(784, 128), matrix(128), matrix(128, 10), matrix(10)
        return lambda: np.maximum(x @ w1 + b1, 0) @ w2 + b2
    if row == "ica-epoch":
        x = random.uniform(-1, 1, (EXAMPLES, SOURCES)).astype(np.float32)
        state = np.eye(SOURCES, dtype=np.float32)
        rate, one, two = np.float32(1e-5), np.float32(1), np.float32(2)

        def epoch():
            w = state.copy()
            for index in random.permutation(EXAMPLES):
                example = x[index]
                g = one / (one + np.exp(-(w @ example)))
                w += rate * (np.outer(one - two * g, example) + np.linalg.inv(w.T))
            return w

        return epoch
    return None


def torch_module(row):
    import torch
    from torch import nn

    torch.manual_seed(0)
    if row == "mlp-row":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), (torch.rand(1, 784),)
    if row in ("lstm-64", "lstm-1"):

        class States(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell = nn.LSTM(WIDTH, WIDTH)

            def forward(self, x):
                return self.cell(x)[0]

        return States(), (torch.rand(LENGTH, batch(row), WIDTH) * 2 - 1,)
    return None


def torch_step(row, tuned, wrap):
    import torch

    if not row.startswith("lstm"):
        return None
    cell = torch.nn.LSTM(WIDTH, WIDTH)
    x = (torch.rand(LENGTH, batch(row), WIDTH) * 2 - 1).requires_grad_()
    states = wrap(lambda x: cell(x)[0].sum())
    wanted = [x] + list(cell.parameters())
    return lambda: torch.autograd.grad(states(x), wanted)


def jax_call(row):
    import jax
    import jax.numpy as jnp
    import numpy as np

    random = np.random.default_rng(0)

    def matrix(*shape):
        return jnp.asarray(random.uniform(-1 / 16, 1 / 16, shape).astype(np.float32))

    if row == "mlp-row":
        x, w1, b1, w2, b2 = matrix(1, 784), matrix(784, 128), matrix(128), matrix(128, 10), matrix(10)
        call = jax.jit(lambda x: jnp.maximum(x @ w1 + b1, 0) @ w2 + b2)
        return lambda: call(x).block_until_ready()
    if row == "ica-epoch":
        x = jnp.asarray(random.uniform(-1, 1, (EXAMPLES, SOURCES)).astype(np.float32))

        @jax.jit
        def epoch(w, key):
            def step(w, example):
                g = jax.nn.sigmoid(w @ example)
                return w + 1e-5 * (jnp.outer(1 - 2 * g, example) + jnp.linalg.inv(w.T)), None

            return jax.lax.scan(step, w, x[jax.random.permutation(key, EXAMPLES)])[0]

        key = jax.random.key(0)
        return lambda: epoch(jnp.eye(SOURCES), key).block_until_ready()

    weights = [matrix(WIDTH, 4 * WIDTH), matrix(WIDTH, 4 * WIDTH), jnp.zeros(4 * WIDTH)]
    x = jnp.asarray(random.uniform(-1, 1, (LENGTH, batch(row), WIDTH)).astype(np.float32))

    def states(x, wx, wh, b):
        def step(carry, pre):
            h, c = carry
            i, f, g, o = jnp.split(pre + h @ wh, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zero = jnp.zeros(x.shape[1:])
        return jax.lax.scan(step, (zero, zero), x @ wx + b)[1]

    if "step" in row:
        call = jax.jit(jax.grad(lambda *all: states(*all).sum(), argnums=(0, 1, 2, 3)))
    else:
        call = jax.jit(states)
    return lambda: jax.block_until_ready(call(x, *weights))
