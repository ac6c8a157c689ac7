#!/usr/bin/env python3
"""Reference data for the model `gpt`: the same tiny network in PyTorch, trained for five steps.

Writes Tests/Data/gpt.npz: sizes, the first parameters by the names they have in Sluice, the batches, and for SGD and
AdamW the losses of each step and the parameters after the last one. Made with the versions that `versions` names.
"""
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

VOCABULARY, WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 17, 12, 2, 2, 8, 3
STEPS, RATE, WARMUP, SCHEDULE = 5, 1e-2, 2, 6


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = [nn.Linear(WIDTH, WIDTH) for _ in range(4)]

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = [
            part(x).view(batch, length, HEADS, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)]
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(hidden, -math.inf).softmax(-1) @ v
        return self.output(mixed.transpose(1, 2).reshape(batch, length, WIDTH))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attentionNorm, self.norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.hidden, self.output = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attention(self.attentionNorm(x))
        return x + self.output(functional.gelu(self.hidden(self.norm(x)), approximate="tanh"))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.norm(x) @ self.tokens.weight.T

    def loss(self, tokens):
        logits = self(tokens[:, :-1])
        return functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))


def exported(net):
    """The parameters as Sluice has them: matrices of linear maps are [in, out]."""
    linear = {f"{name}.weight" for name, part in net.named_modules() if isinstance(part, nn.Linear)}
    return {
        name: (value.detach().T if name in linear else value.detach()).numpy().copy()
        for name, value in net.named_parameters()}


def initialise(net):
    # Larger than for training, and no zeros and ones: every parameter must matter.
    generator = torch.Generator().manual_seed(3)
    for name, value in net.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        is_gain = "norm" in name.lower() and name.endswith("weight")
        value.data = 1 + 0.1 * noise if is_gain else 0.2 * noise


def factor(step):
    """The rate of a step relative to the highest: a line, then half a cosine to a tenth."""
    if step < WARMUP:
        return (step + 1) / WARMUP
    part = min((step - WARMUP) / (SCHEDULE - WARMUP), 1)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * part))


def train(kind, batches):
    net = Decoder()
    initialise(net)
    if kind == "sgd":
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    else:
        matrices = [p for p in net.parameters() if p.dim() >= 2]
        vectors = [p for p in net.parameters() if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), eps=1e-8)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    losses = []
    for tokens in batches:
        loss = net.loss(tokens)
        optimizer.zero_grad()
        loss.backward()
        if kind == "adamw":
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        rates.step()
        losses.append(loss.item())
    return losses, exported(net)


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    random = np.random.default_rng(11)
    batches = random.integers(0, VOCABULARY, (STEPS, BATCH, CONTEXT + 1)).astype(np.int32)
    net = Decoder()
    initialise(net)
    arrays = {f"first.{name}": value for name, value in exported(net).items()}
    arrays["batches"] = batches
    with torch.no_grad():
        arrays["logits"] = net(torch.tensor(batches[0, :, :-1]).long()).numpy()
    tensors = torch.tensor(batches).long()
    for kind in ("sgd", "adamw"):
        losses, last = train(kind, tensors)
        arrays[f"{kind}.losses"] = np.array(losses, dtype=np.float32)
        arrays |= {f"{kind}.{name}": value for name, value in last.items()}
    versions = f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}"
    arrays["versions"] = np.frombuffer(versions.encode(), dtype=np.uint8)
    path = root / "Tests/Data/gpt.npz"
    np.savez_compressed(path, **arrays)
    print(path.name, path.stat().st_size, versions)


if __name__ == "__main__":
    main()
