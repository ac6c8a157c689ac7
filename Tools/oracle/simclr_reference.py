"""Five steps of training the model `simclr` on given views by PyTorch, for each loss and optimizer.

The model has size 5, channels 3, width 4, stages 2, blocks 1, projection 6, classes 3; a batch has 6 images. Writes
Tests/Data/simclr.npz: `views` f32 [5, 2, 6, 3, 5, 5] with levels 0 to 1 and `labels` i32 [5, 6] of the steps, `first`
(f32, parameters and running statistics in order of their names), and for each run `LOSS.OPTIMIZER` `.losses` (f32 [5])
and `.after` (as `first`). The runs `probe` and `finetune` take the first views as images. `features` (f32 [6, 8]) are
those of the first images for the first values. `augmented` (f32 [2, 6, 3, 5, 5]) are random views of the first images
by NumPy, for seed 77, mirrored and grey half of the time, with the model's defaults else.
"""

import numpy as np
import torch
import torch.nn.functional as F

import philox
import torch_training

STEPS, BATCH, SIZE, CHANNELS, WIDTH, PROJECTION, CLASSES, TEMPERATURE = 5, 6, 5, 3, 4, 6, 3, 0.5
RATES = {"sgd": 0.05, "adamw": 1e-3}
DECAY = 1e-2


def first_values(random):
    values = {}

    def conv(name, input, output, size):
        deviation = np.sqrt(2 / (input * size * size))
        values[f"{name}.weight"] = random.normal(0, deviation, (output, input, size, size))

    def norm(name, channels):
        values[f"{name}.weight"] = random.uniform(0.5, 1.5, channels)
        values[f"{name}.bias"] = random.uniform(-0.5, 0.5, channels)
        values[f"{name}.runningMean"] = random.uniform(-0.5, 0.5, channels)
        values[f"{name}.runningVariance"] = random.uniform(0.5, 1.5, channels)

    def linear(name, input, output, bias=True):
        values[f"{name}.weight"] = random.normal(0, 1 / np.sqrt(input), (input, output))
        if bias:
            values[f"{name}.bias"] = random.uniform(-0.1, 0.1, output)

    def block(name, input, output):
        conv(f"{name}.conv1", input, output, 3)
        norm(f"{name}.norm1", output)
        conv(f"{name}.conv2", output, output, 3)
        norm(f"{name}.norm2", output)
        if input != output:
            conv(f"{name}.shortcut", input, output, 1)
            norm(f"{name}.shortcutNorm", output)

    conv("encoder.stem", CHANNELS, WIDTH, 3)
    norm("encoder.norm", WIDTH)
    block("encoder.blocks.0", WIDTH, WIDTH)
    block("encoder.blocks.1", WIDTH, 2 * WIDTH)
    linear("projection.hidden", 2 * WIDTH, 2 * WIDTH)
    linear("projection.output", 2 * WIDTH, PROJECTION, bias=False)
    linear("probe", 2 * WIDTH, CLASSES)
    linear("classifier", 2 * WIDTH, CLASSES)
    return {name: value.astype(np.float32) for name, value in values.items()}


def features(p, x, training):
    def conv(name, x, stride=1):
        w = p[f"{name}.weight"]
        return F.conv2d(x, w, stride=stride, padding=w.shape[-1] // 2)

    def norm(name, x):
        return F.batch_norm(
            x, p[f"{name}.runningMean"], p[f"{name}.runningVariance"], p[f"{name}.weight"], p[f"{name}.bias"],
            training=training, momentum=0.1, eps=1e-5)

    def block(name, x, stride):
        hidden = torch.relu(norm(f"{name}.norm1", conv(f"{name}.conv1", x, stride)))
        residual = norm(f"{name}.norm2", conv(f"{name}.conv2", hidden))
        if stride > 1:
            x = norm(f"{name}.shortcutNorm", conv(f"{name}.shortcut", x, stride))
        return torch.relu(residual + x)

    x = torch.relu(norm("encoder.norm", conv("encoder.stem", x)))
    return block("encoder.blocks.1", block("encoder.blocks.0", x, 1), 2).mean(dim=(2, 3))


def linear(p, name, x):
    return x @ p[f"{name}.weight"] + p.get(f"{name}.bias", 0)


def nt_xent(x, y, labels):
    z = F.normalize(torch.cat([x, y]), dim=1)
    similarity = z @ z.T / TEMPERATURE
    count = len(z)
    total = 0
    for i in range(count):
        j = (i + count // 2) % count
        others = [similarity[i, k] for k in range(count) if k != i]
        total = total - (similarity[i, j] - torch.logsumexp(torch.stack(others), 0))
    return total / count


def in_batch(x, y, labels):
    total = 0
    for i in range(len(x)):
        products = torch.stack([x[i] @ y[j] for j in range(len(y))])
        total = total - torch.log(torch.exp(products[i]) / torch.exp(products).sum())
    return total


def supervised(x, y, labels):
    z = F.normalize(torch.cat([x, y]), dim=1)
    labels = torch.cat([labels, labels])
    total = 0
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        scores = {a: z[i] @ z[a] / TEMPERATURE for a in others}
        rest = torch.logsumexp(torch.stack(list(scores.values())), 0)
        same = [a for a in others if labels[a] == labels[i]]
        total = total - sum(scores[a] - rest for a in same) / len(same)
    return total / len(z)


def uniform(seed, stream, shape):
    """What the op `uniform` draws."""
    counters = [[i, 0, stream, 0] for i in range((int(np.prod(shape)) + 3) // 4)]
    words = philox.philox(np.array(counters, np.uint64), (seed, 0)).reshape(-1)[: int(np.prod(shape))]
    return ((words >> np.uint64(8)).astype(np.float64) * 2.0**-24).reshape(shape)


def augmented(images, seed, stream, area=(0.4, 1.4), brightness=0.4, contrast=0.4, grey=0.5):
    """Random views of images [B, 3, H, W]: for every one in turn, pixel by pixel."""
    draws = uniform(seed, stream, (9, len(images)))
    views = np.zeros(images.shape)
    luma = np.array([0.299, 0.587, 0.114])
    size = images.shape[-1]
    for b, image in enumerate(images.astype(np.float64)):
        u = draws[:, b]
        part = area[0] + (area[1] - area[0]) * u[0]
        aspect = np.exp((2 * u[1] - 1) * np.log(4 / 3))
        rows, columns = np.sqrt(part * aspect), np.sqrt(part / aspect)

        def pixel(y, x):
            return image[:, y, x] if 0 <= y < size and 0 <= x < size else 0

        for i in range(size):
            for j in range(size):
                y = u[2] * (1 - rows) * size + (i + 0.5) * rows - 0.5
                x = u[3] * (1 - columns) * size + (j + 0.5) * columns - 0.5
                y0, x0 = int(np.floor(y)), int(np.floor(x))
                dy, dx = y - y0, x - x0
                top = (1 - dx) * pixel(y0, x0) + dx * pixel(y0, x0 + 1)
                bottom = (1 - dx) * pixel(y0 + 1, x0) + dx * pixel(y0 + 1, x0 + 1)
                views[b, :, i, size - 1 - j if u[4] < 0.5 else j] = (1 - dy) * top + dy * bottom
        view = np.clip(views[b] * (1 - brightness + 2 * brightness * u[5]), 0, 1)
        mean = np.tensordot(luma, view, 1).mean()
        view = np.clip(mean + (view - mean) * (1 - contrast + 2 * contrast * u[6]), 0, 1)
        gray = np.tensordot(luma, view, 1)[None]
        saturation = 0 if u[8] < grey else 1 - contrast + 2 * contrast * u[7]
        views[b] = np.clip(gray + (view - gray) * saturation, 0, 1)
    return views.astype(np.float32)


def main():
    random = np.random.default_rng(11)
    views = random.uniform(0, 1, (STEPS, 2, BATCH, CHANNELS, SIZE, SIZE)).astype(np.float32)
    # The two views of an image are alike.
    views[:, 1] = 0.5 * (views[:, 0] + views[:, 1])
    labels = random.integers(0, CLASSES, (STEPS, BATCH)).astype(np.int32)
    first = first_values(random)
    arrays = {"views": views, "labels": labels, "first": torch_training.flat(first)}

    def of(p, step, view):
        return torch.tensor(views[step, view], dtype=p["probe.weight"].dtype)

    def classes(step):
        return torch.tensor(labels[step]).long()

    def contrast(objective):
        def loss(p, step):
            h = features(p, torch.cat([of(p, step, 0), of(p, step, 1)]), True)
            z = linear(p, "projection.output", torch.relu(linear(p, "projection.hidden", h)))
            return objective(z[:BATCH], z[BATCH:], classes(step))

        return loss

    def probe(p, step):
        return F.cross_entropy(linear(p, "probe", features(p, of(p, step, 0), False)), classes(step))

    def finetune(p, step):
        return F.cross_entropy(linear(p, "classifier", features(p, of(p, step, 0), True)), classes(step))

    runs = [
        ("nt_xent", contrast(nt_xent), ("encoder", "projection"), ("sgd", "adamw")),
        ("in_batch", contrast(in_batch), ("encoder", "projection"), ("sgd", "adamw")),
        ("supervised", contrast(supervised), ("encoder", "projection"), ("sgd", "adamw")),
        ("probe", probe, ("probe",), ("sgd", "adamw")),
        ("finetune", finetune, ("encoder", "classifier"), ("sgd", "adamw")),
    ]
    for name, loss, modules, kinds in runs:
        trained = [n for n in first if n.split(".")[0] in modules and "running" not in n]
        for kind in kinds:
            torch_training.record(
                arrays, f"{name}.{kind}",
                lambda dtype: torch_training.train(first, trained, loss, kind, RATES[kind], DECAY, STEPS, dtype))
    tensors = {name: torch.tensor(value) for name, value in first.items()}
    arrays["features"] = features(tensors, torch.tensor(views[0, 0]), False).numpy()
    arrays["augmented"] = np.stack([augmented(views[0, 0], 77, stream) for stream in range(2)])
    torch_training.save("simclr.npz", arrays)


if __name__ == "__main__":
    main()
