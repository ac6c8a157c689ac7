"""What the classifier `mlp` says about the first 32 test images.

Writes to Tests/Data/mlp: `images` (f32 [32, 64], grey levels divided by 16), `logits_f64`,
`probabilities_f64`, the two rounded to f32, and `labels` (i32, the class of the largest logit). The weights
are multiples of 2^-10 and the images of 2^-4, so the f64 logits are exact; the probabilities are correctly
rounded. Run `mlp_weights.py` first.
"""

import numpy as np

import exact
import portable
from portable import MODEL_DATA, TEST_DATA, TRAINING_IMAGES, product

COUNT = 32


def main():
    weights = {
        name: np.load(MODEL_DATA / "mlp" / f"{name}.npy").astype(np.float64)
        for name in ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
    }
    chosen = slice(TRAINING_IMAGES, TRAINING_IMAGES + COUNT)
    images = np.load(MODEL_DATA / "digits_images.npy")[chosen].reshape(COUNT, 64) / 16.0
    truth = np.load(MODEL_DATA / "digits_labels.npy")[chosen]

    hidden = np.maximum(product(images, weights["hidden.weight"]) + weights["hidden.bias"], 0)
    logits = product(hidden, weights["output.weight"]) + weights["output.bias"]
    probabilities = np.array([exact.softmax_of(row) for row in logits])
    labels = np.argmax(logits, axis=1).astype(np.int32)

    folder = portable.fresh_folder(TEST_DATA / "mlp")
    for name, array in (
        ("images", images.astype(np.float32)),
        ("logits_f64", logits),
        ("logits_f32", logits.astype(np.float32)),
        ("probabilities_f64", probabilities),
        ("probabilities_f32", probabilities.astype(np.float32)),
        ("labels", labels),
    ):
        portable.save(folder / f"{name}.npy", array)
    print(f"{int(np.sum(labels == truth))} of {COUNT} labels are right")
    top = np.sort(logits, axis=1)
    print(f"the smallest distance between the two largest logits is {(top[:, -1] - top[:, -2]).min():.4f}")
    print(portable.total_size(folder))


if __name__ == "__main__":
    main()
