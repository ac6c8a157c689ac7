#!/usr/bin/env python3
"""Reference data for the model `bert`: the same tiny network in PyTorch, pretrained for five steps.

Writes Tests/Data/bert.npz: the first parameters by the names they have in Sluice, the batches with the masks drawn for
them (Philox in NumPy), for SGD and AdamW the losses of each step and the parameters after the last one, and the first
loss of every task. Made with the versions that `versions` names.
"""
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from philox import philox

VOCABULARY, WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 17, 12, 2, 2, 8, 3
STEPS, RATE, WARMUP, SCHEDULE, CLASSES = 5, 1e-2, 2, 6, 3
PADDING, MASK, FIRST = 0, 3, 4


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = [nn.Linear(WIDTH, WIDTH) for _ in range(4)]

    def forward(self, x, seen):
        batch, length, _ = x.shape
        q, k, v = [
            part(x).view(batch, length, HEADS, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)]
        scores = q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
        mixed = scores.masked_fill(~seen[:, None, None, :], -math.inf).softmax(-1) @ v
        return self.output(mixed.transpose(1, 2).reshape(batch, length, WIDTH))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.attentionNorm, self.norm = nn.LayerNorm(WIDTH, 1e-12), nn.LayerNorm(WIDTH, 1e-12)
        self.hidden, self.output = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, seen):
        x = self.attentionNorm(x + self.attention(x, seen))
        return self.norm(x + self.output(functional.gelu(self.hidden(x))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens, segments):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1])) + self.segments(segments)
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, tokens != PADDING)
        return x

    def pooled(self, x):
        return torch.tanh(self.pooler(x[:, 0]))


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.transform, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH, 1e-12)
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))
        self.follows = nn.Linear(WIDTH, 2)


class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(WIDTH, CLASSES)


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert, self.pretraining, self.task = Encoder(), Heads(), Task()

    def scores(self, x):
        heads = self.pretraining
        return heads.norm(functional.gelu(heads.transform(x))) @ self.bert.tokens.weight.T + heads.bias

    def losses(self, masked, targets, segments, follows):
        x = self.bert(masked, segments)
        tokens = functional.cross_entropy(
            self.scores(x).reshape(-1, VOCABULARY), targets.reshape(-1), ignore_index=-1)
        pairs = functional.cross_entropy(
            self.pretraining.follows(self.bert.pooled(x)), follows, ignore_index=-1)
        return tokens, pairs


def uniform(seed, number, count):
    """Numbers in [0, 1) of a stream: the counter of Philox is the block, then the stream."""
    counters = np.array([[block, 0, number, 0] for block in range((count + 3) // 4)], np.uint64)
    words = philox(counters, (seed, 0)).reshape(-1)[:count]
    return (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)


def masked(tokens, seed):
    chosen, fate, other = [uniform(seed, i, tokens.size).reshape(tokens.shape) for i in range(3)]
    is_chosen = (chosen < np.float32(0.15)) & (tokens >= FIRST)
    anything = (other * np.float32(VOCABULARY - FIRST)).astype(np.int32) + FIRST
    changed = np.where(fate < np.float32(0.8), MASK, np.where(fate < np.float32(0.9), anything, tokens))
    return np.where(is_chosen, changed, tokens).astype(np.int32), np.where(is_chosen, tokens, -1).astype(np.int32)


def exported(net):
    """The parameters as Sluice has them: matrices of linear maps are [in, out]."""
    linear = {f"{name}.weight" for name, part in net.named_modules() if isinstance(part, nn.Linear)}
    return {
        name: (value.detach().T if name in linear else value.detach()).numpy().copy()
        for name, value in net.named_parameters()}


def initialise(net):
    # Larger than for training, and no zeros and ones: every parameter must matter.
    generator = torch.Generator().manual_seed(5)
    for name, value in net.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        is_gain = "norm" in name.lower() and name.endswith("weight")
        value.data = 1 + 0.1 * noise if is_gain else 0.2 * noise


def factor(step):
    """The rate of a step relative to the highest: a line up, a line down to 0."""
    return min((step + 1) / WARMUP, min(max(SCHEDULE - step, 0) / (SCHEDULE - WARMUP), 1))


def train(kind, batches):
    net = Bert()
    initialise(net)
    trained = [p for name, p in net.named_parameters() if not name.startswith("task.")]
    if kind == "sgd":
        optimizer = torch.optim.SGD(trained, lr=RATE)
    else:
        groups = [
            {"params": [p for p in trained if p.dim() >= 2], "weight_decay": 0.01},
            {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-6)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    losses = []
    for batch in batches:
        tokens, pairs = net.losses(*batch)
        loss = tokens + pairs
        optimizer.zero_grad()
        loss.backward()
        if kind == "adamw":
            nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        rates.step()
        losses.append([loss.item(), tokens.item(), pairs.item()])
    return losses, exported(net)


def task_losses(net, tokens, segments, labels):
    """The first losses of the tasks `sentence`, `pair`, `tags` and `span`; the head of a span has two classes."""
    head = net.task.output
    alone, both = net.bert(tokens, segments * 0), net.bert(tokens, segments)
    spans = functional.linear(both, head.weight[:2], head.bias[:2]).transpose(1, 2)
    entropy = functional.cross_entropy
    return [
        entropy(head(net.bert.pooled(alone)), labels[:, 0]),
        entropy(head(net.bert.pooled(both)), labels[:, 0]),
        entropy(head(both).transpose(1, 2), labels),
        entropy(spans.reshape(-1, CONTEXT), labels[:, :2].reshape(-1)),
    ]


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    random = np.random.default_rng(13)
    tokens = random.integers(FIRST, VOCABULARY, (STEPS, BATCH, CONTEXT)).astype(np.int32)
    tokens[:, :, 0] = 1
    tokens[:, 1, -2:] = PADDING
    segments = np.repeat([[[0] * 4 + [1] * 4]], STEPS, 0).repeat(BATCH, 1).astype(np.int32)
    follows = random.integers(0, 2, (STEPS, BATCH)).astype(np.int32)
    follows[2, 1] = -1
    labels = random.integers(0, CLASSES, (BATCH, CONTEXT)).astype(np.int32)
    drawn = [masked(tokens[step], 100 + step) for step in range(STEPS)]
    net = Bert()
    initialise(net)
    arrays = {f"first.{name}": value for name, value in exported(net).items()}
    arrays |= {"tokens": tokens, "segments": segments, "follows": follows, "labels": labels}
    arrays["masked"] = np.stack([input for input, _ in drawn])
    arrays["targets"] = np.stack([targets for _, targets in drawn])

    def tensor(array):
        return torch.tensor(array).long()

    with torch.no_grad():
        arrays["logits"] = net.scores(net.bert(tensor(tokens[0]), tensor(segments[0]))).numpy()
        losses = task_losses(net, tensor(tokens[0]), tensor(segments[0]), tensor(labels))
        arrays["task_losses"] = np.array([loss.item() for loss in losses], dtype=np.float32)
    batches = [
        [tensor(array) for array in (*drawn[step], segments[step], follows[step])] for step in range(STEPS)]
    for kind in ("sgd", "adamw"):
        losses, last = train(kind, batches)
        arrays[f"{kind}.losses"] = np.array(losses, dtype=np.float32)
        arrays |= {f"{kind}.{name}": value for name, value in last.items() if not name.startswith("task.")}
    versions = f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}"
    arrays["versions"] = np.frombuffer(versions.encode(), dtype=np.uint8)
    path = root / "Tests/Data/bert.npz"
    np.savez_compressed(path, **arrays)
    print(path.name, path.stat().st_size, versions)
    print("chosen", [(targets >= 0).sum() for _, targets in drawn])


if __name__ == "__main__":
    main()
