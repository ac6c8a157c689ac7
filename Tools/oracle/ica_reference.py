"""Independent f64 implementation of maximum-likelihood ICA by the Bell-Sejnowski rule.

For each example x, with g the logistic function, W := W + rate * ((1 - 2 g(W x)) x^T + (W^T)^-1): this is
stochastic gradient ascent on sum_i (sum_j log g'(w_j . x_i) + log |det W|). A minibatch step adds the mean of
the updates of its examples, all taken at the same W; an epoch is such steps over the examples in a given
order. The natural-gradient form is W := W + rate * (I + (1 - 2 g(y)) y^T) W with y = W x.

Writes, for Laplace sources, Tests/Data/ica/d<d>_n<n>/ (inputs f32 or i32, results f64):
  sources [n, d], mixing [d, d] and mixed [n, d] = sources @ mixing^T, rounded to f32
  whiten.mean [d], whiten.covariance [d, d] (divided by n), whiten.cholesky = L^-1 with L L^T the covariance,
    whiten.zca = covariance^(-1/2); whitened data is (mixed - mean) @ matrix^T
  x [n, d]      the data whitened by whiten.cholesky, rounded to f32: the input of what follows
  w [d, d], rate [], batch [], order [n]   the start, the rate, the minibatch size, a permutation
  log_likelihood []         of x at w
  step, natural_step        w after the one example x[order[0]]
  minibatch_step, natural_minibatch_step   w after the one minibatch x[order[:batch]]
  epoch, natural_epoch      w after all minibatches of `batch` in turn
  online_epoch, natural_online_epoch       the same with minibatches of one
  unmixed [n, d]            x @ epoch^T
  amari.matrix [d, d] = epoch @ whiten.cholesky @ mixing, amari [] its Amari distance
and Tests/Data/ica/photographs/: the mixing, whiten.cholesky and unmixing matrices (W at the maximum of the
likelihood of the whitened horizontal differences) and the Amari distance there, all rounded to f32.

`--photographs` also learns the photographs by the stochastic rules and prints the Amari distances; this takes
some seconds for each seed and writes nothing.
"""

import math
import sys

import numpy as np

import portable
from portable import MODEL_DATA, TEST_DATA, inverse_and_determinant, log1p, logistic, product, total

RATE = 0.0625
PHOTOGRAPH_MIXING = np.array([[0.6, 0.4], [0.45, 0.55]])


def f32(a):
    """`a` rounded to f32, as f64."""
    return np.asarray(a, np.float32).astype(np.float64)


def log_likelihood(w, x):
    """sum_i (sum_j log g'(w_j . x_i) + log |det W|), with log g'(u) = -|u| - 2 log(1 + e^-|u|)."""
    u = np.abs(product(x, w.T))
    terms = -u - 2 * log1p(portable.exp(-u))
    return math.fsum(terms.ravel()) + len(x) * math.log(abs(inverse_and_determinant(w)[1]))


def step(w, x, rate):
    """W after one minibatch x [m, d] of the Bell-Sejnowski rule."""
    score = 1 - 2 * logistic(product(x, w.T))
    return w + rate * (product(score.T, x) / len(x) + inverse_and_determinant(w)[0].T)


def natural_step(w, x, rate):
    """W after one minibatch x [m, d] of the natural-gradient rule."""
    y = product(x, w.T)
    score = 1 - 2 * logistic(y)
    return w + rate * product(np.eye(len(w)) + product(score.T, y) / len(x), w)


def epoch(one_step, w, x, order, batch, rate):
    """W after one visit of the examples in the given order; what does not fill a minibatch is left out."""
    for k in range(0, len(order) - batch + 1, batch):
        w = one_step(w, x[order[k : k + batch]], rate)
    return w


def whitening(x):
    """Mean, covariance, and the two whitening matrices: Cholesky's and the symmetric one."""
    mean = total(x) / len(x)
    centered = x - mean
    covariance = product(centered.T, centered) / len(x)
    cholesky = inverse_and_determinant(portable.cholesky(covariance))[0]
    values, vectors = portable.symmetric_eigen(covariance)
    zca = product(vectors / np.sqrt(values), vectors.T)
    return mean, covariance, cholesky, zca


def amari(p):
    """Distance of P = W A from a scaled permutation: 0 for one, 1 for a matrix of equal entries."""
    p = np.abs(p)
    d = len(p)
    rows = np.sum(p.sum(axis=1) / p.max(axis=1) - 1)
    columns = np.sum(p.sum(axis=0) / p.max(axis=0) - 1)
    return (rows + columns) / (2 * d * (d - 1))


def small_case(d, n):
    """Writes the case of n examples of d Laplace sources."""
    random = np.random.default_rng(1000 * d + n)
    batch = n // 8
    sources = f32(random.laplace(size=(n, d)))
    mixing = f32(random.uniform(-1, 1, (d, d)) + 1.5 * np.eye(d))
    mixed = f32(product(sources, mixing.T))
    mean, covariance, cholesky, zca = whitening(mixed)
    x = f32(product(mixed - mean, cholesky.T))
    w = f32(np.eye(d) + random.uniform(-0.3, 0.3, (d, d)))
    order = random.permutation(n)

    assert np.allclose(product(product(cholesky, covariance), cholesky.T), np.eye(d), atol=1e-12)
    assert np.allclose(product(product(zca, covariance), zca), np.eye(d), atol=1e-12)
    for change in (np.eye(d)[:, :1] * np.ones(d), np.ones((d, d))):  # the rule is the gradient
        h = 1e-5
        slope = (log_likelihood(w + h * change, x) - log_likelihood(w - h * change, x)) / (2 * h)
        gradient = len(x) * (step(w, x, 1.0) - w)
        assert abs(slope - np.sum(gradient * change)) < 1e-6 * n, (slope, np.sum(gradient * change))

    learned = epoch(step, w, x, order, batch, RATE)
    amari_matrix = product(product(learned, cholesky), mixing)
    inputs = {
        "sources": sources, "mixing": mixing, "mixed": mixed, "x": x, "w": w, "rate": np.array(RATE),
    }  # fmt: skip
    integers = {"order": order, "batch": np.array(batch)}
    results = {
        "whiten.mean": mean,
        "whiten.covariance": covariance,
        "whiten.cholesky": cholesky,
        "whiten.zca": zca,
        "log_likelihood": log_likelihood(w, x),
        "step": step(w, x[order[:1]], RATE),
        "natural_step": natural_step(w, x[order[:1]], RATE),
        "minibatch_step": step(w, x[order[:batch]], RATE),
        "natural_minibatch_step": natural_step(w, x[order[:batch]], RATE),
        "epoch": learned,
        "natural_epoch": epoch(natural_step, w, x, order, batch, RATE),
        "online_epoch": epoch(step, w, x, order, 1, RATE),
        "natural_online_epoch": epoch(natural_step, w, x, order, 1, RATE),
        "unmixed": product(x, learned.T),
        "amari.matrix": amari_matrix,
        "amari": amari(amari_matrix),
    }
    folder = TEST_DATA / "ica" / f"d{d}_n{n}"
    for arrays, dtype in ((inputs, np.float32), (integers, np.int32), (results, np.float64)):
        for name, array in arrays.items():
            portable.save(folder / f"{name}.npy", np.asarray(array, dtype))


def photograph_differences():
    """The whitened horizontal differences [272853, 2] of the mixed photographs, and the whitening matrix."""
    pictures = np.stack([np.load(MODEL_DATA / f"{name}_gray.npy") / 255.0 for name in ("china", "flower")])
    mixed = np.tensordot(PHOTOGRAPH_MIXING, pictures, 1)
    x = np.diff(mixed, axis=2).reshape(2, -1).T
    x = x - x.mean(axis=0)
    whitening_matrix = inverse_and_determinant(portable.cholesky(x.T @ x / len(x)))[0]
    return x @ whitening_matrix.T, whitening_matrix


def photograph_distance(w, whitening_matrix):
    return amari(w @ whitening_matrix @ PHOTOGRAPH_MIXING)


def photograph_optimum(x, whitening_matrix):
    """Writes the maximum of the likelihood, found by natural-gradient steps over all examples."""
    w = np.eye(2)
    for _ in range(100):
        y = x @ w.T
        w = w + 0.3 * (np.eye(2) - np.tanh(y / 2).T @ y / len(x)) @ w
    distance = photograph_distance(w, whitening_matrix)
    folder = TEST_DATA / "ica" / "photographs"
    for name, array in (
        ("mixing", PHOTOGRAPH_MIXING),
        ("whiten.cholesky", whitening_matrix),
        ("unmixing", w),
        ("amari", distance),
    ):
        portable.save(folder / f"{name}.npy", np.asarray(array, np.float32))
    print(f"photographs: Amari distance {distance:.5f} at the maximum of the likelihood")


def photograph_schedules(x, whitening_matrix):
    """Learns the photographs by each rule and prints the Amari distance after every epoch."""

    def plain(w, x, rate):
        (a, b), (c, d) = w
        inverse = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
        return w + rate * (-np.tanh(x @ w.T / 2).T @ x / len(x) + inverse.T)

    def natural(w, x, rate):
        y = x @ w.T
        return w + rate * (w - (np.tanh(y / 2).T @ y / len(x)) @ w)

    for name, rule, batch, epochs, first_rate, decay in (
        ("Bell-Sejnowski", plain, 64, 5, 0.1, 0.3),
        ("natural gradient", natural, 256, 6, 0.1, 0.3),
    ):
        print(f"{name}: minibatches of {batch}, rate {first_rate} * {decay}^epoch")
        for seed in range(4):
            random = np.random.default_rng(seed)
            w, distances = np.eye(2), []
            for k in range(epochs):
                w = epoch(rule, w, x, random.permutation(len(x)), batch, first_rate * decay**k)
                distances.append(f"{photograph_distance(w, whitening_matrix):.5f}")
            print(f"  seed {seed}:", *distances, flush=True)


def main():
    portable.fresh_folder(TEST_DATA / "ica")
    for d in (2, 3, 4):
        for n in (64, 256):
            small_case(d, n)
    x, whitening_matrix = photograph_differences()
    photograph_optimum(x, whitening_matrix)
    print(portable.total_size(TEST_DATA / "ica"))
    if "--photographs" in sys.argv[1:]:
        photograph_schedules(x, whitening_matrix)


if __name__ == "__main__":
    main()
