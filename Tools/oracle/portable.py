"""What the scripts of this folder share: places, saving, and arithmetic that gives the same bits everywhere.

NumPy's matrix products, linear algebra and vector `exp` choose their code by processor, so their last
bits differ between machines. The functions here use additions, multiplications, divisions and square
roots only, one rounding each and in a fixed order. They are not fast, and they do not need to be.
"""

import shutil
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MODEL_DATA = ROOT / "Sources" / "SluiceData" / "Data"
TEST_DATA = ROOT / "Tests" / "Data"

TRAINING_IMAGES = 1437
"""The digits that the classifier learns from; those after them are for testing."""


def fresh_folder(path):
    """An empty folder at `path`: what an earlier version of a script left there goes."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def save(path, array):
    """Writes a C-contiguous, little-endian .npy (format 1.0)."""
    array = np.asarray(array)
    assert array.dtype.byteorder in "=|<", array.dtype
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.array(array, order="C"), version=(1, 0), allow_pickle=False)


def total_size(path):
    """The number of files below `path` and of bytes in them."""
    sizes = [file.stat().st_size for file in path.rglob("*.npy")]
    return f"{len(sizes)} files, {sum(sizes)} bytes in {path.relative_to(ROOT)}"


def product(a, b):
    """The matrix product of [m, k] and [k, n], summed in order of k."""
    result = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1]):
        result += a[:, k, None] * b[k]
    return result


def total(a):
    """The sum over the first axis, in order."""
    result = np.zeros(a.shape[1:])
    for row in a:
        result = result + row
    return result


def exp(x):
    """e^x for -700 < x < 700, within 2 ulp: x = k log 2 + r, then a Taylor polynomial in r."""
    x = np.asarray(x, np.float64)
    k = np.rint(x * 1.4426950408889634)
    r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10  # log 2 in two parts, the first short
    p = np.ones_like(r)
    for n in range(15, 0, -1):
        p = 1 + p * r / n
    return np.ldexp(p, k.astype(np.int64))


def log1p(x):
    """log(1 + x) for 0 <= x <= 1: 2 artanh(x / (2 + x)) by its series."""
    s = np.asarray(x, np.float64) / (2 + np.asarray(x, np.float64))
    square = s * s
    p = np.zeros_like(s)
    for n in range(41, 0, -2):
        p = p * square + 1 / n
    return 2 * s * p


def logistic(x):
    """1 / (1 + e^-x), from e^-|x| so that nothing overflows."""
    e = exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1 / (1 + e), e / (1 + e))


def inverse_and_determinant(a):
    """The inverse and the determinant of [d, d], by Gauss-Jordan elimination with row exchanges."""
    d = len(a)
    rows = np.concatenate([np.array(a, np.float64), np.eye(d)], axis=1)
    determinant = 1.0
    for c in range(d):
        pivot = c + int(np.argmax(np.abs(rows[c:, c])))
        if pivot != c:
            rows[[c, pivot]] = rows[[pivot, c]]
            determinant = -determinant
        determinant *= rows[c, c]
        rows[c] /= rows[c, c]
        for r in range(d):
            if r != c:
                rows[r] -= rows[r, c] * rows[c]
    return rows[:, d:], determinant


def cholesky(a):
    """The lower triangular L with L L^T = a."""
    d = len(a)
    result = np.zeros((d, d))
    for i in range(d):
        for j in range(i + 1):
            rest = a[i, j]
            for k in range(j):
                rest = rest - result[i, k] * result[j, k]
            result[i, j] = np.sqrt(rest) if i == j else rest / result[j, j]
    return result


def symmetric_eigen(a):
    """Eigenvalues [d] and eigenvectors (columns) of a positive definite matrix, by Jacobi rotations."""
    d = len(a)
    a = np.array(a, np.float64)
    vectors = np.eye(d)
    for _ in range(30):
        for p in range(d):
            for q in range(p + 1, d):
                if abs(a[p, q]) <= 1e-20 * np.sqrt(a[p, p] * a[q, q]):
                    continue
                theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
                t = (1.0 if theta >= 0 else -1.0) / (abs(theta) + np.sqrt(theta * theta + 1))
                cosine = 1 / np.sqrt(t * t + 1)
                sine = t * cosine
                rotation = np.eye(d)
                rotation[p, p] = rotation[q, q] = cosine
                rotation[p, q], rotation[q, p] = sine, -sine
                a = product(product(rotation.T, a), rotation)
                a[p, q] = a[q, p] = 0.0
                vectors = product(vectors, rotation)
    return np.diag(a).copy(), vectors
