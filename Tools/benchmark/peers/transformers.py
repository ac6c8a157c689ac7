"""Transformers: `gpt-*`, `bert-*`, `minilm-*`, `gpt2-*`, of the sizes of Workload.swift and Models.swift."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    layers: int
    width: int
    heads: int
    tokens: int
    batch: int
    vocabulary: int
    places: int = 0  # rows of the table of positions; as many as tokens when 0


SMALL, MEDIUM = Size(4, 128, 4, 64, 12, 256), Size(6, 384, 6, 256, 4, 256)
SIZES = {
    "gpt-small": SMALL, "gpt-medium": MEDIUM, "bert-small": SMALL, "bert-medium": MEDIUM,
    "gpt-forward": MEDIUM, "bert-forward": MEDIUM,
    "gpt2-step": Size(12, 768, 12, 64, 4, 50257), "gpt2-forward": Size(12, 768, 12, 64, 4, 50257),
    "gpt2-prefill": Size(12, 768, 12, 256, 1, 50257, 1024), "gpt2-decode": Size(12, 768, 12, 256, 1, 50257),
    "minilm-1": Size(6, 384, 12, 128, 1, 30522, 512), "minilm-8": Size(6, 384, 12, 128, 8, 30522, 512),
}
ROWS = list(SIZES)
STEPS = ("gpt-small", "gpt-medium", "bert-small", "bert-medium", "gpt2-step")


def is_causal(row):
    return row.startswith("gpt")


def hyperparameters(row):
    """beta2 and decay of AdamW."""
    return (0.95, 0.1) if is_causal(row) else (0.999, 0.01)


# PyTorch


def torch_net(row):
    import torch
    from torch import nn
    from torch.nn import functional as F

    size, causal = SIZES[row], is_causal(row)

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv = nn.Linear(size.width, 3 * size.width)
            self.mix = nn.Linear(size.width, size.width)
            self.up = nn.Linear(size.width, 4 * size.width)
            self.down = nn.Linear(4 * size.width, size.width)
            self.first, self.second = nn.LayerNorm(size.width), nn.LayerNorm(size.width)

        def heads(self, x):
            return x.view(x.shape[0], x.shape[1], size.heads, -1).transpose(1, 2)

        def attend(self, x, mask=None, cache=None):
            q, k, v = (self.heads(part) for part in self.qkv(x).split(size.width, 2))
            if cache is not None:
                # The last place of the cache is the one of this token. An exported graph cannot write it in place.
                keys, values = cache
                if torch.compiler.is_exporting() or torch.jit.is_tracing():
                    keys, values = (torch.cat([old[:, :, :-1], new], 2) for old, new in ((keys, k), (values, v)))
                else:
                    keys[:, :, -1:], values[:, :, -1:] = k, v
                y = F.scaled_dot_product_attention(q, keys, values)
            else:
                y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
            return self.mix(y.transpose(1, 2).reshape(x.shape))

        def network(self, x):
            return self.down(F.gelu(self.up(x), approximate="tanh" if causal else "none"))

        def forward(self, x, mask=None, cache=None):
            if causal:
                x = x + self.attend(self.first(x), cache=cache)
                return x + self.network(self.second(x))
            x = self.first(x + self.attend(x, mask))
            return self.second(x + self.network(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(size.vocabulary, size.width)
            self.places = nn.Embedding(size.places or size.tokens, size.width)
            self.layers = nn.ModuleList(Layer() for _ in range(size.layers))
            self.norm = nn.LayerNorm(size.width)
            if row.startswith("bert"):
                self.segments = nn.Embedding(2, size.width)
                self.transform = nn.Linear(size.width, size.width)
                self.transform_norm = nn.LayerNorm(size.width)
                self.bias = nn.Parameter(torch.zeros(size.vocabulary))
                self.pooler, self.follows = nn.Linear(size.width, size.width), nn.Linear(size.width, 2)
            for name, parameter in self.named_parameters():
                if parameter.dim() > 1:
                    nn.init.normal_(parameter, 0, 0.02)
            self.register_buffer("order", torch.arange(size.tokens), persistent=False)

        def features(self, tokens, segments=None):
            x = self.words(tokens) + self.places(self.order)
            if segments is not None:
                x = x + self.segments(segments)
            mask = None
            if row.startswith("bert"):
                mask = (tokens != 0)[:, None, None, :]
            x = x if causal else self.norm(x)
            for layer in self.layers:
                x = layer(x, mask)
            return self.norm(x) if causal else x

        def scores(self, x):
            if row.startswith("bert"):
                x = self.transform_norm(F.gelu(self.transform(x)))
                return F.linear(x, self.words.weight, self.bias)
            return F.linear(x, self.words.weight)

        def forward(self, tokens, segments=None):
            x = self.features(tokens, segments)
            if row.startswith("minilm"):
                return x
            return self.scores(x[:, -1] if row == "gpt2-prefill" else x)

        def loss(self, tokens, segments=None, follows=None):
            if causal:
                logits = self(tokens[:, :-1])
                return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
            chosen = (torch.rand(tokens.shape) < 0.15) & (tokens >= 4)
            fate = torch.rand(tokens.shape)
            other = torch.randint(4, size.vocabulary, tokens.shape)
            changed = torch.where(fate < 0.8, 3, torch.where(fate < 0.9, other, tokens))
            x = self.features(torch.where(chosen, changed, tokens), segments)
            targets = torch.where(chosen, tokens, -1)
            masked = F.cross_entropy(
                self.scores(x).flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
            masked = masked / chosen.sum().clamp(min=1)
            return masked + F.cross_entropy(self.follows(torch.tanh(self.pooler(x[:, 0]))), follows)

    class Decoder(nn.Module):
        """One token behind a cache that is full."""

        def __init__(self, net):
            super().__init__()
            self.net = net
            shape = (1, size.heads, size.tokens, size.width // size.heads)
            for index in range(size.layers):
                for part in ("keys", "values"):
                    self.register_buffer(f"{part}{index}", torch.rand(shape) - 0.5)

        def forward(self, token):
            net = self.net
            x = net.words(token)[:, None] + net.places.weight[-1]
            for index, layer in enumerate(net.layers):
                x = layer(x, cache=(getattr(self, f"keys{index}"), getattr(self, f"values{index}")))
            return net.scores(net.norm(x)[:, 0])

    torch.manual_seed(0)
    net = Net()
    return Decoder(net) if row == "gpt2-decode" else net


def torch_inputs(row):
    import torch

    size = SIZES[row]
    if row == "gpt2-decode":
        return (torch.randint(0, size.vocabulary, (1,)),)
    length = size.tokens + (1 if row in STEPS and is_causal(row) else 0)
    tokens = torch.randint(0, size.vocabulary, (size.batch, length))
    if not row.startswith("bert"):
        return (tokens,)
    inputs = (tokens, torch.randint(0, 2, tokens.shape))
    return inputs + (torch.randint(0, 2, (size.batch,)),) if row in STEPS else inputs


def torch_module(row):
    return None if row in STEPS else (torch_net(row), torch_inputs(row))


def torch_step(row, tuned, wrap):
    import torch

    net, inputs = torch_net(row), torch_inputs(row)
    beta2, decay = hyperparameters(row)
    groups = [
        {"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, beta2), fused=tuned)
    loss = wrap(net.loss)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss(*inputs)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return value.item()

    return step


# JAX


def jax_call(row):
    import jax
    import jax.numpy as jnp
    import numpy as np

    size, causal = SIZES[row], is_causal(row)
    random = np.random.default_rng(0)
    if row == "gpt2-decode":
        return None

    def matrix(*shape):
        return jnp.asarray((0.02 * random.standard_normal(shape)).astype(np.float32))

    def linear(inputs, outputs):
        return {"w": matrix(inputs, outputs), "b": jnp.zeros(outputs)}

    def norm():
        return {"w": jnp.ones(size.width), "b": jnp.zeros(size.width)}

    def layer():
        return {
            "qkv": linear(size.width, 3 * size.width), "mix": linear(size.width, size.width),
            "up": linear(size.width, 4 * size.width), "down": linear(4 * size.width, size.width),
            "first": norm(), "second": norm(),
        }

    net = {
        "words": matrix(size.vocabulary, size.width), "places": matrix(size.places or size.tokens, size.width),
        "layers": [layer() for _ in range(size.layers)], "norm": norm(),
    }
    if row.startswith("bert"):
        net |= {
            "segments": matrix(2, size.width), "transform": linear(size.width, size.width), "transform_norm": norm(),
            "bias": jnp.zeros(size.vocabulary), "pooler": linear(size.width, size.width),
            "follows": linear(size.width, 2),
        }

    def apply(p, x):
        return x @ p["w"] + p["b"]

    def normal(p, x):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p["w"] + p["b"]

    def attend(p, x, mask):
        batch, tokens, width = x.shape
        parts = apply(p["qkv"], x).reshape(batch, tokens, 3, size.heads, width // size.heads)
        q, k, v = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.swapaxes(2, 3) / math.sqrt(width // size.heads)
        scores = scores if mask is None else jnp.where(mask, scores, -jnp.inf)
        return apply(p["mix"], (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(x.shape))

    def network(p, x):
        return apply(p["down"], jax.nn.gelu(apply(p["up"], x), approximate=causal))

    def features(net, tokens, segments=None):
        x = net["words"][tokens] + net["places"][: tokens.shape[1]]
        mask = jnp.tril(jnp.ones((tokens.shape[1],) * 2, bool)) if causal else None
        if segments is not None:
            x, mask = x + net["segments"][segments], (tokens != 0)[:, None, None, :]
        x = x if causal else normal(net["norm"], x)
        for p in net["layers"]:
            if causal:
                x = x + attend(p, normal(p["first"], x), mask)
                x = x + network(p, normal(p["second"], x))
            else:
                x = normal(p["first"], x + attend(p, x, mask))
                x = normal(p["second"], x + network(p, x))
        return normal(net["norm"], x) if causal else x

    def scores(net, x):
        if "bias" in net:
            x = normal(net["transform_norm"], jax.nn.gelu(apply(net["transform"], x), approximate=False))
            return x @ net["words"].T + net["bias"]
        return x @ net["words"].T

    def pick(logits, targets):
        return jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)[..., 0]

    def loss(net, key, tokens, segments=None, follows=None):
        if causal:
            return -pick(scores(net, features(net, tokens[:, :-1])), tokens[:, 1:]).mean()
        keys = jax.random.split(key, 3)
        chosen = (jax.random.uniform(keys[0], tokens.shape) < 0.15) & (tokens >= 4)
        fate = jax.random.uniform(keys[1], tokens.shape)
        other = jax.random.randint(keys[2], tokens.shape, 4, size.vocabulary)
        changed = jnp.where(fate < 0.8, 3, jnp.where(fate < 0.9, other, tokens))
        x = features(net, jnp.where(chosen, changed, tokens), segments)
        masked = -(pick(scores(net, x), tokens) * chosen).sum() / jnp.maximum(chosen.sum(), 1)
        return masked - pick(apply(net["follows"], jnp.tanh(apply(net["pooler"], x[:, 0]))), follows).mean()

    inputs = [jnp.asarray(t.numpy() if hasattr(t, "numpy") else t) for t in jax_inputs(row, random)]
    if row not in STEPS:

        @jax.jit
        def forward(net, *inputs):
            x = features(net, *inputs)
            if row.startswith("minilm"):
                return x
            return scores(net, x[:, -1] if row == "gpt2-prefill" else x)

        return lambda: forward(net, *inputs).block_until_ready()

    beta2, decay = hyperparameters(row)

    def step(net, m, v, count, key):
        value, gradient = jax.value_and_grad(loss)(net, key, *inputs)
        size_ = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradient)))
        scale, count = jnp.minimum(1, 1 / (size_ + 1e-6)), count + 1
        gradient = jax.tree.map(lambda g: g * scale, gradient)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradient)
        one, two = 1 - 0.9**count, jnp.sqrt(1 - beta2**count)

        def update(p, m, v):
            kept = p * (1 - 1e-3 * decay) if p.ndim > 1 else p
            return kept - 1e-3 * (m / one) / (jnp.sqrt(v) / two + 1e-8)

        return value, jax.tree.map(update, net, m, v), m, v, count

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    state = [net, jax.tree.map(jnp.zeros_like, net), jax.tree.map(jnp.zeros_like, net), jnp.float32(0)]
    key = jax.random.key(0)

    def call():
        value, *state[:] = step(*state, key)
        return float(value)

    return call


def jax_inputs(row, random):
    size = SIZES[row]
    length = size.tokens + (1 if row in STEPS and is_causal(row) else 0)
    tokens = random.integers(0, size.vocabulary, (size.batch, length))
    if not row.startswith("bert"):
        return [tokens]
    inputs = [tokens, random.integers(0, 2, tokens.shape)]
    return inputs + [random.integers(0, 2, (size.batch,))] if row in STEPS else inputs
