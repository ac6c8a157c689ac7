"""Images: `simclr-step` (two views of 64 images through a small residual network) and `simclr-embed`."""

ROWS = ["simclr-step", "simclr-embed"]
STAGES = (32, 64, 128)


def torch_net():
    import torch
    from torch import nn
    from torch.nn import functional as F

    def conv(inputs, outputs, size, stride=1):
        return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1, self.norm1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
            self.conv2, self.norm2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
            self.shortcut = None
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

        def forward(self, x):
            y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
            return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.norm = conv(3, STAGES[0], 3), nn.BatchNorm2d(STAGES[0])
            widths = (STAGES[0],) + STAGES
            self.blocks = nn.Sequential(*(Block(widths[i], widths[i + 1], 2 if i else 1) for i in range(3)))

        def forward(self, x):
            return self.blocks(F.relu(self.norm(self.stem(x)))).mean((2, 3))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = Encoder()
            self.hidden, self.output = nn.Linear(128, 128), nn.Linear(128, 32, bias=False)

        def loss(self, views):
            z = F.normalize(self.output(F.relu(self.hidden(self.encoder(views)))))
            count = len(views)
            similarity = (z @ z.T / 0.5).masked_fill(torch.eye(count, dtype=torch.bool), float("-inf"))
            return F.cross_entropy(similarity, (torch.arange(count) + count // 2) % count)

    torch.manual_seed(0)
    return Net()


def torch_module(row):
    import torch

    if row == "simclr-step":
        return None
    return torch_net().encoder.eval(), (torch.rand(128, 3, 32, 32),)


def torch_step(row, tuned, wrap):
    import torch

    net, views = torch_net(), torch.rand(128, 3, 32, 32)
    if tuned:
        net, views = net.to(memory_format=torch.channels_last), views.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-4, fused=tuned)
    loss = wrap(net.loss)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss(views)
        value.backward()
        optimizer.step()
        return value.item()

    return step


def jax_call(row):
    import jax
    import jax.numpy as jnp
    import numpy as np

    random = np.random.default_rng(0)

    def kernel(size, inputs, outputs):
        spread = (2 / (size * size * inputs)) ** 0.5
        return jnp.asarray((spread * random.standard_normal((size, size, inputs, outputs))).astype(np.float32))

    def norm(width):
        return {"w": jnp.ones(width), "b": jnp.zeros(width)}

    def block(inputs, outputs, stride):
        p = {"conv1": kernel(3, inputs, outputs), "norm1": norm(outputs), "conv2": kernel(3, outputs, outputs),
             "norm2": norm(outputs)}
        if stride != 1 or inputs != outputs:
            p |= {"shortcut": kernel(1, inputs, outputs), "norm3": norm(outputs)}
        return p

    widths = (STAGES[0],) + STAGES
    net = {
        "stem": kernel(3, 3, STAGES[0]), "norm": norm(STAGES[0]),
        "blocks": [block(widths[i], widths[i + 1], 2 if i else 1) for i in range(3)],
        "hidden": kernel(1, 128, 128)[0, 0], "hidden_bias": jnp.zeros(128), "output": kernel(1, 128, 32)[0, 0],
    }

    def conv(x, w, stride=1):
        pad = w.shape[0] // 2
        return jax.lax.conv_general_dilated(
            x, w, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def normal(p, x, training):
        mean, variance = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if training else (0.0, 1.0)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p["w"] + p["b"]

    def features(net, x, training):
        x = jax.nn.relu(normal(net["norm"], conv(x, net["stem"]), training))
        for index, p in enumerate(net["blocks"]):
            stride = 2 if index else 1
            y = jax.nn.relu(normal(p["norm1"], conv(x, p["conv1"], stride), training))
            y = normal(p["norm2"], conv(y, p["conv2"]), training)
            x = normal(p["norm3"], conv(x, p["shortcut"], stride), training) if "shortcut" in p else x
            x = jax.nn.relu(x + y)
        return x.mean((1, 2))

    images = jnp.asarray(random.uniform(0, 1, (128, 32, 32, 3)).astype(np.float32))
    if row == "simclr-embed":
        embed = jax.jit(lambda net, x: features(net, x, False))
        return lambda: embed(net, images).block_until_ready()

    def loss(net):
        h = features(net, images, True)
        z = jax.nn.relu(h @ net["hidden"] + net["hidden_bias"]) @ net["output"]
        z = z / jnp.maximum(jnp.linalg.norm(z, axis=1, keepdims=True), 1e-12)
        similarity = jnp.where(jnp.eye(128, dtype=bool), -jnp.inf, z @ z.T / 0.5)
        partner = (jnp.arange(128) + 64) % 128
        return -jnp.take_along_axis(jax.nn.log_softmax(similarity), partner[:, None], 1).mean()

    def step(net, m, v, count):
        value, gradient = jax.value_and_grad(loss)(net)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
        count = count + 1
        one, two = 1 - 0.9**count, jnp.sqrt(1 - 0.999**count)
        net = jax.tree.map(
            lambda p, m, v: p * (1 - 3e-7) - 3e-3 * (m / one) / (jnp.sqrt(v) / two + 1e-8), net, m, v)
        return value, net, m, v, count

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    state = [net, jax.tree.map(jnp.zeros_like, net), jax.tree.map(jnp.zeros_like, net), jnp.float32(0)]

    def call():
        value, *state[:] = step(*state)
        return float(value)

    return call
