"""Trains the digit classifier of the model `mlp` and writes its weights.

The network is x[64] -> linear -> relu -> linear -> logits[10] with 32 hidden units, x being the 8x8 image
divided by 16. Weights are stored as [in, out], so that y = x @ w + b, and rounded to multiples of 2^-10.
The training images are moved, turned and stretched a little each time they are seen, which helps with the
test images because other people wrote them; the amounts were chosen by cross-validation on the training
images. Prints the accuracy on the images that were kept out; takes about half a minute.
"""

import numpy as np

import portable
from portable import MODEL_DATA, TRAINING_IMAGES, product, total

EPOCHS, BATCH, PEAK_RATE, WEIGHT_DECAY = 400, 64, 0.005, 1e-4
HIDDEN, CLASSES = 32, 10
LABEL_SMOOTHING, NOISE = 0.1, 0.17
DISTORTED = 51
"""How many images of a batch are distorted."""
GRID = 1024


def distorted(images, random):
    """`images` [n, 8, 8] after a random affine map each, by bilinear interpolation."""
    n = len(images)

    def amount(limit):
        return random.uniform(-limit, limit, (n, 1, 1))

    y, x = np.meshgrid(np.arange(8) - 3.5, np.arange(8) - 3.5, indexing="ij")
    turn = amount(0.175)
    at_x = (1 + amount(0.14)) * x + (amount(0.175) - turn) * y + amount(0.49) + 3.5
    at_y = (1 + amount(0.14)) * y + turn * x + amount(0.49) + 3.5
    x0, y0 = np.floor(at_x).astype(int), np.floor(at_y).astype(int)
    dx, dy = at_x - x0, at_y - y0
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4)))
    image = np.arange(n)[:, None, None]

    def pixel(row, column):
        return padded[image, np.clip(row + 4, 0, 15), np.clip(column + 4, 0, 15)]

    top = (1 - dx) * pixel(y0, x0) + dx * pixel(y0, x0 + 1)
    bottom = (1 - dx) * pixel(y0 + 1, x0) + dx * pixel(y0 + 1, x0 + 1)
    return (1 - dy) * top + dy * bottom


def logits(parameters, x):
    """The network's hidden activations and logits for x [n, 64]."""
    hidden_weight, hidden_bias, output_weight, output_bias = parameters
    hidden = np.maximum(product(x, hidden_weight) + hidden_bias, 0)
    return hidden, product(hidden, output_weight) + output_bias


def accuracy(parameters, images, labels):
    """The share of `images` given their label."""
    guess = np.argmax(logits(parameters, images.reshape(len(images), 64))[1], axis=1)
    return float(np.mean(guess == labels))


def train(images, labels):
    """Adam with a rate that falls linearly to zero, on the cross-entropy with smoothed labels."""
    random = np.random.default_rng(1)
    parameters = [
        random.uniform(-0.3, 0.3, (64, HIDDEN)),
        np.zeros(HIDDEN),
        random.uniform(-0.3, 0.3, (HIDDEN, CLASSES)),
        np.zeros(CLASSES),
    ]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    first_decay, second_decay = 1.0, 1.0
    for epoch in range(EPOCHS):
        rate = PEAK_RATE * (1 - epoch / EPOCHS)
        order = random.permutation(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            x = np.concatenate([distorted(images[chosen[:DISTORTED]], random), images[chosen[DISTORTED:]]])
            x = x.reshape(BATCH, 64) + random.uniform(-NOISE, NOISE, (BATCH, 64))
            target = np.full((BATCH, CLASSES), LABEL_SMOOTHING / CLASSES)
            target[np.arange(BATCH), labels[chosen]] += 1 - LABEL_SMOOTHING

            hidden, scores = logits(parameters, x)
            weights = portable.exp(scores - scores.max(axis=1, keepdims=True))
            scores_gradient = (weights / total(weights.T)[:, None] - target) / BATCH
            hidden_gradient = product(scores_gradient, parameters[2].T) * (hidden > 0)
            gradients = [
                product(x.T, hidden_gradient) + WEIGHT_DECAY * parameters[0],
                total(hidden_gradient),
                product(hidden.T, scores_gradient) + WEIGHT_DECAY * parameters[2],
                total(scores_gradient),
            ]
            first_decay *= 0.9
            second_decay *= 0.999
            for i, gradient in enumerate(gradients):
                first[i] = 0.9 * first[i] + 0.1 * gradient
                second[i] = 0.999 * second[i] + 0.001 * gradient * gradient
                size = np.sqrt(second[i] / (1 - second_decay)) + 1e-8
                parameters[i] = parameters[i] - rate * (first[i] / (1 - first_decay)) / size
    return parameters


def main():
    images = np.load(MODEL_DATA / "digits_images.npy") / 16.0
    labels = np.load(MODEL_DATA / "digits_labels.npy")
    n = TRAINING_IMAGES
    parameters = train(images[:n], labels[:n])
    rounded = [np.rint(p * GRID) / GRID for p in parameters]
    for name, values in (("as trained", parameters), ("rounded to multiples of 1/1024", rounded)):
        seen, kept_out = accuracy(values, images[:n], labels[:n]), accuracy(values, images[n:], labels[n:])
        print(f"{name}: {100 * seen:.2f} % of the training images, {100 * kept_out:.2f} % of the others")
    for name, values in zip(("hidden.weight", "hidden.bias", "output.weight", "output.bias"), rounded):
        portable.save(MODEL_DATA / "mlp" / f"{name}.npy", values.astype(np.float32))
        print(f"mlp/{name}.npy: {list(values.shape)}, largest magnitude {np.abs(values).max()}")


if __name__ == "__main__":
    main()
