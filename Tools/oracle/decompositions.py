"""Cases of `triangular_solve`, `qr` and `eigh`: exact fractions, and 50-digit decimals for the last two.

A result may be off by a few unit roundoffs times the dimension, of its largest element; the inputs are chosen
so that all results are well determined.
"""

from decimal import Decimal, localcontext

import numpy as np

import exact
from places import FLOATS, f32
from sluice_text import NAMES

random = np.random.default_rng(20250703)
ROUNDOFF = {np.float32: 2.0**-24, np.float64: 2.0**-53}


def random_matrix(shape, dtype):
    return np.round(random.normal(0, 2, shape), 2).astype(f32).astype(dtype)


def tolerance(dtype, d, *results):
    """A few roundoffs of the largest element, relative to the smallest that is not 0."""
    worst = 0
    for result in results:
        sizes = np.abs(np.asarray(result, np.float64))
        if (sizes > 0).any():
            worst = max(worst, sizes.max() / sizes[sizes > 0].min())
    return 8 * d * ROUNDOFF[dtype] * worst


def decimals(a):
    return [[Decimal(float(v)) for v in row] for row in a]


def floats(rows, dtype):
    return np.array([[float(v) for v in row] for row in rows], np.float64).astype(dtype)


def matrices(a):
    return a.reshape(int(np.prod(a.shape[:-2])), *a.shape[-2:])


def qr(a):
    """Householder's reduction with LAPACK's signs."""
    m, n = a.shape
    k = min(m, n)
    with localcontext() as context:
        context.prec = 50
        r, q = decimals(a), decimals(np.eye(m))
        for j in range(k):
            if all(r[i][j] == 0 for i in range(j + 1, m)):
                continue
            length = sum(r[i][j] ** 2 for i in range(j, m)).sqrt()
            v = [r[i][j] if i >= j else Decimal(0) for i in range(m)]
            v[j] += -length if r[j][j] < 0 else length
            square = sum(x * x for x in v)
            for c in range(n):
                part = 2 * sum(v[i] * r[i][c] for i in range(m)) / square
                for i in range(m):
                    r[i][c] -= part * v[i]
            for row in q:
                part = 2 * sum(row[i] * v[i] for i in range(m)) / square
                for i in range(m):
                    row[i] -= part * v[i]
        r = [[r[i][c] if c >= i else Decimal(0) for c in range(n)] for i in range(k)]
        dtype = a.dtype.type
        q = floats([row[:k] for row in q], dtype).reshape(m, k)
        return q, floats(r, dtype).reshape(k, n)


def eigh(a):
    """Jacobi rotations; eigenvalues ascending, signs as the language has them."""
    n = len(a)
    with localcontext() as context:
        context.prec = 50
        a_, v = decimals(np.tril(a) + np.tril(a, -1).T), decimals(np.eye(n))
        size = max((abs(x) for row in a_ for x in row), default=0)
        for _ in range(12):
            for p in range(n):
                for q in range(p + 1, n):
                    if abs(a_[p][q]) <= size * Decimal("1e-48"):
                        continue
                    theta = (a_[q][q] - a_[p][p]) / (2 * a_[p][q])
                    t = (1 if theta >= 0 else -1) / (abs(theta) + (theta * theta + 1).sqrt())
                    c = 1 / (t * t + 1).sqrt()
                    s = t * c
                    for row in a_:
                        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
                    above, below = a_[p], a_[q]
                    a_[p] = [c * x - s * y for x, y in zip(above, below)]
                    a_[q] = [s * x + c * y for x, y in zip(above, below)]
                    for row in v:
                        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
        order = sorted(range(n), key=lambda i: a_[i][i])
        for i in range(n):
            column = [row[i] for row in v]
            first = next(x for x in column if abs(x) > max(map(abs, column)) / 1024)
            if first < 0:
                for row in v:
                    row[i] = -row[i]
        values = [[a_[i][i] for i in order]]
        noise = Decimal("1e-40")  # what is exactly 0
        vectors = [[row[i] if abs(row[i]) > noise else Decimal(0) for i in order] for row in v]
        dtype = a.dtype.type
        return floats(values, dtype)[0], floats(vectors, dtype)


def triangular(case):
    def solved(a, b, lower, transpose, unit):
        t = np.tril(a) if lower else np.triu(a)
        if unit:
            t = t - np.diag(np.diag(t)) + np.eye(len(t))
        return exact.solve(t.T if transpose else t, b).astype(a.dtype)

    flags = ("lower", "transpose", "unit_diagonal")
    for dtype in FLOATS:
        name = NAMES[dtype]
        for d in (1, 2, 4):
            a = (random_matrix((d, d), dtype) / 2 + 3 * np.eye(d)).astype(f32).astype(dtype)
            b = random_matrix((d, 3), dtype)
            for choice in range(8):
                chosen = [bool(choice >> i & 1) for i in range(3)]
                result = solved(a, b, *chosen)
                label = "".join("_" + flag for flag, on in zip(flags, chosen) if on)
                attributes = {flag: True for flag, on in zip(flags, chosen) if on}
                error = tolerance(dtype, d, result)
                case("triangular_solve", f"{name}_{d}x{d}{label}", [a, b], result, error, **attributes)
        a = (random_matrix((2, 3, 3), dtype) / 4 + 2 * np.eye(3)).astype(f32).astype(dtype)
        b = random_matrix((2, 3, 2), dtype)
        result = np.stack([solved(a[i], b[i], True, False, False) for i in range(2)])
        error = tolerance(dtype, 3, result)
        case("triangular_solve", f"{name}_batched", [a, b], result, error, lower=True)
    nothing = np.zeros((0, 0), f32)
    case("triangular_solve", "f32_0x0", [nothing, np.zeros((0, 2), f32)], np.zeros((0, 2), f32))
    nothing = np.zeros((2, 0), f32)
    case("triangular_solve", "f32_no_columns", [np.eye(2, dtype=f32), nothing], nothing)
    a, b = np.array([[2, 1], [0, 0]], f32), np.array([[1, -1, 0], [1, -1, 0]], f32)
    result = np.array([[-np.inf, np.inf, np.nan], [np.inf, -np.inf, np.nan]], f32)
    case("triangular_solve", "f32_singular", [a, b], result)
    a, b = np.array([[2, np.nan], [0, 4]], f32), np.array([[1], [4]], f32)
    case("triangular_solve", "f32_nan", [a, b], np.array([[np.nan], [1]], f32))
    case("triangular_solve", "f32_nan_not_read", [a, b], np.array([[0.5], [1]], f32), lower=True)


def reductions(case):
    def check(name, a, error=None):
        results = [qr(m) for m in matrices(a)]
        k = min(a.shape[-2:])
        q = np.array([q for q, _ in results], a.dtype).reshape(*a.shape[:-1], k)
        r = np.array([r for _, r in results], a.dtype).reshape(*a.shape[:-2], k, a.shape[-1])
        error = tolerance(a.dtype.type, max(a.shape[-2:]), q, r) if error is None else error
        case("qr", name, [a], [q, r], error)

    for dtype in FLOATS:
        name = NAMES[dtype]
        for shape in ((1, 1), (2, 2), (3, 3), (5, 3), (3, 5), (4, 1), (1, 4), (2, 4, 3)):
            check(f"{name}_{'x'.join(map(str, shape))}", random_matrix(shape, dtype))
        check(f"{name}_signs", np.array([[0, 2, 1], [-3, 1, 2], [4, 2, -2]], dtype))
        big = np.finfo(dtype).max / 8
        check(f"{name}_large", np.array([[3, 1], [4, 2]], dtype) * dtype(big / 16))
        check(f"{name}_small", np.array([[3, 1], [4, 2]], dtype) * np.finfo(dtype).tiny)
    check("f32_done", np.array([[-2, 3], [0, -0.0], [0, 0]], f32), 0)
    check("f32_zeros", np.zeros((3, 2), f32), 0)
    check("f32_0x3", np.zeros((0, 3), f32), 0)
    check("f32_3x0", np.zeros((3, 0), f32), 0)
    check("f32_none", np.zeros((0, 2, 2), f32), 0)
    nan = np.nan
    a, r = np.array([[nan, 1], [1, 2]], f32), np.array([[nan, nan], [0, nan]], f32)
    case("qr", "f32_nan", [a], [np.full((2, 2), nan, f32), r])
    a = np.array([[1, 0, nan], [0, 3, 2], [0, 4, 3]], f32)
    q = np.array([[1, 0, 0], [0, -0.6, -0.8], [0, -0.8, 0.6]], f32)
    case("qr", "f32_nan_behind", [a], [q, np.array([[1, 0, nan], [0, -5, -3.6], [0, 0, 0.2]], f32)], 1e-5)


def eigenvalues(case):
    def check(name, a, error=None):
        results = [eigh(m) for m in matrices(a)]
        w = np.array([w for w, _ in results], a.dtype).reshape(a.shape[:-1])
        v = np.array([v for _, v in results], a.dtype).reshape(a.shape)
        error = tolerance(a.dtype.type, 2 * a.shape[-1], w, v) if error is None else error
        case("eigh", name, [a], [w, v], error)

    for dtype in FLOATS:
        name = NAMES[dtype]
        for d in (1, 2, 3, 5):
            check(f"{name}_{d}x{d}", random_matrix((d, d), dtype) + 4 * np.diag(np.arange(d)).astype(dtype))
        check(f"{name}_batched", random_matrix((2, 3, 3), dtype))
        check(f"{name}_diagonal", np.diag(np.array([3, -1, 2], dtype)), 0)
        check(f"{name}_equal", np.diag(np.array([2, 1, 2, 1], dtype)), 0)
        check(f"{name}_pair", np.array([[0, 7], [1, 0]], dtype))
        big = dtype(np.finfo(dtype).max / 16)
        check(f"{name}_large", np.array([[3, 0], [1, 2]], dtype) * big)
        check(f"{name}_small", np.array([[3, 0], [1, 2]], dtype) * np.finfo(dtype).tiny * 64)
    check("f32_zeros", np.zeros((2, 2), f32), 0)
    check("f32_0x0", np.zeros((0, 0), f32), 0)
    check("f32_none", np.zeros((0, 2, 2), f32), 0)
    for label, value in (("nan", np.nan), ("inf", -np.inf)):
        a = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 3]], f32)
        a[1, 0] = value
        case("eigh", f"f32_{label}", [a], [np.full(3, np.nan, f32), np.full((3, 3), np.nan, f32)])
    a = np.array([[2, np.nan], [0, 1]], f32)
    case("eigh", "f32_nan_not_read", [a], [np.array([1, 2], f32), np.array([[0, 1], [1, 0]], f32)])


def add(case):
    """Adds all cases."""
    triangular(case)
    reductions(case)
    eigenvalues(case)
