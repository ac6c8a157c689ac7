"""Correctly rounded f64 values of elementary functions, sums and small linear algebra.

Works with the standard library's `Decimal` and `Fraction`, so the results depend on no mathematics library
and no processor. Every function takes and gives Python floats and handles NaN, infinities and signed zeros.
"""

import math
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import numpy as np

_CONTEXT = Context(prec=120, Emax=10**9, Emin=-(10**9))
_TINY = 1e-15
"""Below this a few terms of the series give more digits than a difference would."""


def _near_one(x):
    """Whether 1 + x needs more digits than the context has, so that the series serves better."""
    return abs(x) < _TINY


def _expm1(x):
    """e^x - 1 of a Decimal."""
    if _near_one(x):
        return x + x * x / 2 + x**3 / 6 + x**4 / 24
    return x.exp() - 1


def _log1p(x):
    """log(1 + x) of a Decimal."""
    if _near_one(x):
        return x - x * x / 2 + x**3 / 3 - x**4 / 4
    return (1 + x).ln()


def _arctangent_of_inverse(n):
    """arctan(1 / n) as a Decimal, by its series."""
    power = Decimal(1) / n
    result, k = power, 1
    while abs(power) > Decimal(10) ** -130:
        power = -power / (n * n)
        k += 2
        result += power / k
    return result


with localcontext(_CONTEXT):
    _PI = 4 * (4 * _arctangent_of_inverse(5) - _arctangent_of_inverse(239))


def _sine(x, shift):
    """sin(x + shift * pi / 2) of a Decimal: reduction to [-pi, pi], then the series."""
    x = x + shift * _PI / 2
    x = x - 2 * _PI * (x / (2 * _PI)).to_integral_value()
    term, result, k = x, x, 1
    while term != 0 and abs(term) > Decimal(10) ** -110:
        term = -term * x * x / ((k + 1) * (k + 2))
        k += 2
        result += term
    return result


def _finite(function, x):
    """`function` of a finite float in decimal arithmetic, rounded once."""
    with localcontext(_CONTEXT):
        return float(function(Decimal(x)))


def exp(x):
    if math.isnan(x):
        return math.nan
    if x > 710:
        return math.inf
    if x < -746:
        return 0.0
    return _finite(lambda v: v.exp(), x)


def log(x):
    if math.isnan(x) or x < 0:
        return math.nan
    if x == 0:
        return -math.inf
    return math.inf if x == math.inf else _finite(lambda v: v.ln(), x)


def log1p(x):
    if x == 0 or x == math.inf:
        return x
    if math.isnan(x) or x < -1:
        return math.nan
    return -math.inf if x == -1 else _finite(_log1p, x)


def expm1(x):
    if x == 0 or math.isnan(x):
        return x
    if x > 710:
        return math.inf
    return -1.0 if x < -746 else _finite(_expm1, x)


def tanh(x):
    if x == 0 or math.isnan(x):
        return x
    if abs(x) > 30:
        return math.copysign(1.0, x)
    return _finite(lambda v: _expm1(2 * v) / (_expm1(2 * v) + 2), x)


def sigmoid(x):
    if math.isnan(x):
        return x
    if x > 746:
        return 1.0
    return 0.0 if x < -746 else _finite(lambda v: 1 / (1 + (-v).exp()), x)


def softplus(x):
    """log(1 + e^x)."""
    if math.isnan(x):
        return x
    if x > 746:
        return x
    if x < -746:
        return 0.0
    return _finite(lambda v: v + _log1p((-v).exp()) if v > 0 else _log1p(v.exp()), x)


def sin(x):
    if x == 0:
        return x
    return _finite(lambda v: _sine(v, 0), x) if math.isfinite(x) else math.nan


def cos(x):
    return _finite(lambda v: _sine(v, 1), x) if math.isfinite(x) else math.nan


def elementwise(function, array):
    """`function` of every element, as an f64 array of the same shape."""
    array = np.asarray(array)
    values = [function(float(v)) for v in array.ravel()]
    return np.array(values, np.float64).reshape(array.shape)


def _special_sum(values):
    """The sum of values of which some are not finite."""
    if any(math.isnan(v) for v in values) or (math.inf in values and -math.inf in values):
        return math.nan
    return math.inf if math.inf in values else -math.inf


def sum_of(values):
    """The sum of floats, rounded once; 0 for none."""
    values = [float(v) for v in values]
    if all(math.isfinite(v) for v in values):
        return float(sum(map(Fraction, values), Fraction(0)))
    return _special_sum(values)


def mean_of(values):
    """The mean of floats, rounded once; NaN for none."""
    values = [float(v) for v in values]
    if not values:
        return math.nan
    if all(math.isfinite(v) for v in values):
        return float(sum(map(Fraction, values), Fraction(0)) / len(values))
    return _special_sum(values)


def product_of(values):
    """The product of floats, rounded once; 1 for none."""
    values = [float(v) for v in values]
    if all(math.isfinite(v) for v in values):
        result = Fraction(1)
        for value in values:
            result *= Fraction(value)
        negative = sum(math.copysign(1, v) < 0 for v in values) % 2 == 1
        return math.copysign(float(result), -1.0 if negative else 1.0)
    result = 1.0
    for value in values:
        result *= value  # only signs, infinities and NaN survive
    return result


def dot(a, b):
    """The sum of the products of two sequences of floats, rounded once."""
    a, b = [float(v) for v in a], [float(v) for v in b]
    if all(math.isfinite(v) for v in a + b):
        return float(sum((Fraction(x) * Fraction(y) for x, y in zip(a, b)), Fraction(0)))
    return sum_of([x * y for x, y in zip(a, b)])


def softmax_of(values, logarithm=False):
    """The softmax of a row, or its logarithm. NaN where the maximum is infinite, as x - max is then."""
    values = [float(v) for v in values]
    if any(math.isnan(v) or v == math.inf for v in values) or all(v == -math.inf for v in values):
        return [math.nan] * len(values)
    with localcontext(_CONTEXT):
        top = Decimal(max(values))
        shifted = [None if v == -math.inf else Decimal(v) - top for v in values]
        norm = sum((s.exp() for s in shifted if s is not None), Decimal(0))
        if logarithm:
            return [-math.inf if s is None else float(s - norm.ln()) for s in shifted]
        return [0.0 if s is None else float(s.exp() / norm) for s in shifted]


def _rational(matrix):
    return [[Fraction(float(v)) for v in row] for row in matrix]


def _eliminated(a, b):
    """The solution of a x = b in fractions, and the determinant of a."""
    d = len(a)
    rows = [list(x) + list(y) for x, y in zip(a, b)]
    determinant = Fraction(1)
    for c in range(d):
        pivot = next(r for r in range(c, d) if rows[r][c] != 0)
        if pivot != c:
            rows[c], rows[pivot] = rows[pivot], rows[c]
            determinant = -determinant
        determinant *= rows[c][c]
        rows[c] = [v / rows[c][c] for v in rows[c]]
        for r in range(d):
            if r != c and rows[r][c] != 0:
                factor = rows[r][c]
                rows[r] = [v - factor * w for v, w in zip(rows[r], rows[c])]
    return [row[d:] for row in rows], determinant


def _floats(rows):
    return np.array([[float(v) for v in row] for row in rows], np.float64)


def solve(a, b):
    """x with a x = b, for [d, d] and [d, n]."""
    return _floats(_eliminated(_rational(a), _rational(b))[0])


def inverse(a):
    return solve(a, np.eye(len(a)))


def log_abs_det(a):
    """log |det a|, as an array without dimensions."""
    determinant = abs(_eliminated(_rational(a), [[] for _ in a])[1])
    with localcontext(_CONTEXT):
        return np.float64((Decimal(determinant.numerator) / Decimal(determinant.denominator)).ln())


def cholesky(a):
    """The lower triangular L with L L^T = a."""
    d = len(a)
    with localcontext(_CONTEXT):
        result = [[Decimal(0)] * d for _ in range(d)]
        for i in range(d):
            for j in range(i + 1):
                rest = Decimal(float(a[i][j])) - sum(
                    (result[i][k] * result[j][k] for k in range(j)), Decimal(0)
                )
                result[i][j] = rest.sqrt() if i == j else rest / result[j][j]
        return _floats(result)
