"""An independent reading of the language: evaluates `.sluice` functions with NumPy.

    python3 Tools/oracle/evaluate.py FILE...
    python3 Tools/oracle/evaluate.py --graphs FOLDER

The first runs the `// run:` lines of the files (or of the examples in a Markdown file) and prints what differs; the
second compares the results of random functions that `Tools/fuzz oracle` has written. Written
from IR/README.md and IR/ops.md, not from the Swift sources. Floats are rounded to their dtype after every op;
integers, bools and views are exact. Ops that are not here are counted and named at the end.
"""

import ast, itertools, math, pathlib, re, sys, warnings

import numpy as np

import philox
from language import DTYPES, Missing, Reader, elements, flatten, narrow, widen

warnings.simplefilter("ignore")
ERROR = dict(f32=2e-4, f64=1e-7, f16=1e-3, bf16=1e-2)


def dim(tokens, symbols):
    return int(eval("".join(tokens), {}, dict(symbols)))


class Call:
    """One node with its attributes evaluated."""

    def __init__(self, op, attributes, types, symbols, dtypes):
        self.op, self.attributes, self.types, self.symbols = op, attributes, types, symbols
        self.dtypes = dtypes  # of the operands

    def text(self, key, default=None):
        return self.attributes.get(key, default)

    def int(self, key, default=0):
        return dim(self.attributes[key], self.symbols) if key in self.attributes else default

    def ints(self, key, default=None):
        return [dim(x, self.symbols) for x in self.attributes[key]] if key in self.attributes else default

    def bool(self, key):
        return self.attributes.get(key) == "true"

    def float(self, key, default=None):
        """A number, rounded to the dtype that the op calculates in."""
        dtype = self.types[0][0] if self.types[0][0] in ("f32", "f64") else "f32"
        number = float(self.attributes[key]) if key in self.attributes else default
        return number if number is None else float(np.array(number, DTYPES[dtype]))

    def axes(self, x):
        axes = self.ints("axes", list(range(x.ndim)))
        return tuple(a % x.ndim for a in axes)


def pick_min(x, y):
    """NaN wins, -0 is smaller than +0."""
    if x.dtype.kind != "f":
        return np.minimum(x, y)
    return np.where((x == 0) & (y == 0), np.where(np.signbit(x) | np.signbit(y), -0.0, 0.0), np.minimum(x, y))


def pick_max(x, y):
    if x.dtype.kind != "f":
        return np.maximum(x, y)
    return np.where((x == 0) & (y == 0), np.where(np.signbit(x) & np.signbit(y), -0.0, 0.0), np.maximum(x, y))


def wrap(value, dtype):
    bits = np.dtype(dtype).itemsize * 8
    value &= (1 << bits) - 1
    return value - (1 << bits) if np.dtype(dtype).kind == "i" and value >> (bits - 1) else value


def by_element(function):
    """An integer map through Python's integers."""

    def run(x, y):
        flat = [wrap(function(int(a), int(b), x.dtype.itemsize * 8), x.dtype) for a, b in zip(x.flat, y.flat)]
        return np.array(flat, x.dtype).reshape(x.shape)

    return run


def quotient(a, b, _):
    return 0 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def power(a, b, bits):
    if b < 0:
        return 1 if a == 1 else (-1) ** (b % 2) if a == -1 else 0
    return pow(a, b, 1 << bits)


INTEGER = dict(
    divide=by_element(quotient),
    remainder=by_element(lambda a, b, n: a - b * quotient(a, b, n)),
    power=by_element(power),
    shift_left=by_element(lambda a, b, n: a << b if 0 <= b < n else 0),
    shift_right=by_element(lambda a, b, n: a >> b if 0 <= b < n else -(a < 0)),
)
wide = lambda x: x.astype(np.longdouble) if x.dtype.kind == "f" else x
sigmoid = lambda x: 1 / (1 + np.exp(-x))
softplus = lambda x: np.where(np.isnan(x), x, np.logaddexp(x, 0))
special = lambda f: lambda x: np.vectorize(f, otypes=[float])(x.astype(float)) if x.size else x
MAPS = dict(
    add=np.add, subtract=np.subtract, multiply=np.multiply, divide=np.divide, remainder=np.fmod, minimum=pick_min,
    maximum=pick_max, clamp=lambda x, a, b: pick_min(pick_max(x, a), b), negate=np.negative, stop_gradient=np.array, abs=np.abs,
    fma=lambda x, y, z: x * y + z, sign=lambda x: np.where((x == 0) | (x != x), x, np.sign(x)), sqrt=np.sqrt,
    rsqrt=lambda x: 1 / np.sqrt(x), floor=np.floor, ceil=np.ceil, round=np.rint, trunc=np.trunc, exp=np.exp,
    expm1=np.expm1, log=np.log, log1p=np.log1p, tanh=np.tanh, sigmoid=sigmoid, softplus=softplus, sin=np.sin,
    cos=np.cos, relu=lambda x: np.where(x <= 0, x.dtype.type(0), x), exp2=np.exp2, log2=np.log2,
    erf=special(math.erf), tan=np.tan, asin=np.arcsin, acos=np.arccos, atan=np.arctan, atan2=np.arctan2,
    sinh=np.sinh, cosh=np.cosh, cbrt=np.cbrt, power=np.power, silu=lambda x: x * sigmoid(x),
)
TESTS = dict(
    equal=np.equal, not_equal=np.not_equal, less=np.less, less_equal=np.less_equal, greater=np.greater,
    greater_equal=np.greater_equal, is_nan=np.isnan, is_finite=np.isfinite, select=np.where,
)
TESTS |= {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert}


def cast(call, x):
    dtype, x = call.text("dtype"), widen(x, call.dtypes[0])
    to = DTYPES[dtype]
    if dtype == "bool":
        return x != 0
    if dtype in ("f16", "bf16"):
        return narrow(x, dtype)
    if x.dtype.kind == "f" and np.dtype(to).kind in "iu":
        info = np.iinfo(to)
        flat = [0 if v != v else max(info.min, min(info.max, int(max(-1e30, min(1e30, v))))) for v in x.astype(float).flat]
        return np.array(flat, to).reshape(x.shape)
    return x.astype(to)


def reduced(call, x):
    axes, keep = call.axes(x), call.bool("keep_dims")
    if call.op in ("max", "min"):
        kind = x.dtype.kind
        info = np.iinfo(x.dtype) if kind != "f" else None
        first = (-np.inf if call.op == "max" else np.inf) if kind == "f" else info.min if call.op == "max" else info.max
        function = np.max if call.op == "max" else np.min
        y = function(x, axis=axes, keepdims=keep, initial=first)
        if kind == "f":  # -0 is smaller than +0
            minus = (np.any if call.op == "min" else np.all)(np.signbit(x) | (x != 0), axis=axes, keepdims=keep)
            some = np.any(np.signbit(x) & (x == 0), axis=axes, keepdims=keep)
            y = np.where(y == 0, np.where((some if call.op == "min" else minus), -0.0, 0.0), y)
        return y
    if call.op in ("any", "all"):
        return getattr(np, call.op)(x, axis=axes, keepdims=keep)
    y = wide(x)
    if call.op in ("sum", "prod"):
        return getattr(np, call.op)(y, axis=axes, keepdims=keep, dtype=y.dtype)
    if call.op == "mean":
        return np.mean(y, axis=axes, keepdims=keep)
    if call.op == "variance":
        d = y - np.mean(y, axis=axes, keepdims=True)
        count = np.longdouble(math.prod(x.shape[a] for a in axes) - call.int("correction"))
        return np.sum(d * d, axis=axes, keepdims=keep) / count
    if call.op == "logsumexp":
        m = np.max(y, axis=axes, keepdims=True, initial=-np.inf)
        m0 = np.where(np.isfinite(m), m, 0)
        total = np.log(np.sum(np.exp(y - m0), axis=axes, keepdims=True)) + m0
        return total if keep else total.squeeze(axes)
    order = call.float("ord", 2.0)
    if order == 1:
        return np.sum(np.abs(y), axis=axes, keepdims=keep)
    if order == 2:
        return np.sqrt(np.sum(y * y, axis=axes, keepdims=keep))
    return np.max(np.abs(y), axis=axes, keepdims=keep, initial=0)


def cumulative(call, x):
    axis = call.int("axis", -1)
    y = np.moveaxis(x, axis, 0)
    y = y[::-1] if call.bool("reverse") else y
    step = dict(cumsum=np.add, cumprod=np.multiply, cummax=pick_max, cummin=pick_min)[call.op]
    out = np.empty_like(y)
    if call.bool("exclusive") and len(y):
        first = np.full_like(y[0], 0 if call.op == "cumsum" else 1)
        y = np.concatenate([first[None], y[:-1]])
    for i in range(len(y)):
        out[i] = y[i] if i == 0 else step(out[i - 1], y[i])
    return np.moveaxis(out[::-1] if call.bool("reverse") else out, 0, axis)


def order(call, x, descending=None):
    """Stable; NaN last, or first where descending; -0 before +0."""
    axis = call.int("axis", -1) % x.ndim
    descending = call.bool("descending") if descending is None else descending
    key = np.moveaxis(x, axis, -1)
    out = np.empty(key.shape, np.int32)
    rank = lambda v: (v != v, 0 if v != v else v, not np.signbit(v) if v.dtype.kind == "f" and v == 0 else True)
    for place in np.ndindex(key.shape[:-1]):
        row = [rank(v) for v in key[place]]
        # With reverse=True Python keeps the order of equal elements.
        out[place] = sorted(range(len(row)), key=row.__getitem__, reverse=descending)
    return np.moveaxis(out, -1, axis)


def indexed(n, i):
    i = i.astype(np.int64)
    ok = (i >= -n) & (i < n)
    return np.where(ok, np.where(i < 0, i + n, i), 0), ok


def gather(call, x, i):
    axis = call.int("axis") % x.ndim
    n = x.shape[axis]
    shape = x.shape[:axis] + i.shape + x.shape[axis + 1 :]
    if n == 0:
        return np.zeros(shape, x.dtype)
    at, ok = indexed(n, i)
    mask = ok.reshape((1,) * axis + i.shape + (1,) * (x.ndim - axis - 1))
    return np.where(mask, np.take(x, at, axis), x.dtype.type(0))


def take_along_axis(call, x, i):
    axis = call.int("axis", -1)
    if x.shape[axis] == 0:
        return np.zeros(i.shape, x.dtype)
    at, ok = indexed(x.shape[axis], i)
    return np.where(ok, np.take_along_axis(x, at, axis), x.dtype.type(0))


def scatter(call, x, i, updates):
    axis = call.int("axis") % x.ndim
    out = np.moveaxis(x, axis, 0).copy()
    u = np.moveaxis(updates, range(axis, axis + i.ndim), range(i.ndim))
    for place in np.ndindex(i.shape):
        k = int(i[place])
        if -len(out) <= k < len(out):
            out[k] = u[place] if call.op == "scatter" else out[k] + u[place]
    return np.moveaxis(out, 0, axis)


def starts(x, sizes, at):
    return tuple(slice(s := max(0, min(int(a), n - k)), s + k) for n, k, a in zip(x.shape, sizes, at))


def sliced(call, x):
    first, limit = call.ints("start"), call.ints("limit")
    for axis, (a, b, s) in enumerate(zip(first, limit, call.ints("strides", [1] * x.ndim))):
        x = np.take(x, list(range(a, b, s)), axis) if x.shape[axis] else x
    return x


def unfold(call, x):
    axis, size, step, gap = call.int("axis") % x.ndim, call.int("size"), call.int("step", 1), call.int("dilation", 1)
    count = (x.shape[axis] - gap * (size - 1) - 1) // step + 1
    at = np.arange(count)[:, None] * step + np.arange(size) * gap
    return np.moveaxis(np.take(x, at, axis), axis + 1, -1)


def matmul(call, x, y):
    x, y = wide(x), wide(y)
    x = x.swapaxes(-1, -2) if call.bool("transpose_lhs") and x.ndim > 1 else x
    y = y.swapaxes(-1, -2) if call.bool("transpose_rhs") and y.ndim > 1 else y
    return np.matmul(x, y)


def softmax(call, x):
    axis, y = call.int("axis", -1), wide(x)
    if y.size == 0:
        return x
    d = y - y.max(axis, keepdims=True)
    total = np.exp(d).sum(axis, keepdims=True)
    return np.exp(d) / total if call.op == "softmax" else d - np.log(total)


def bits(seed, stream, shape):
    n = math.prod(shape)
    c = [[i & 0xFFFFFFFF, i >> 32, int(stream) & 0xFFFFFFFF, int(stream) >> 32 & 0xFFFFFFFF] for i in range((n + 3) // 4)]
    key = (int(seed) & 0xFFFFFFFF, int(seed) >> 32 & 0xFFFFFFFF)
    words = philox.philox(np.array(c, np.uint64).reshape(-1, 4), key).reshape(-1)[:n]
    return words.astype(np.uint32).reshape(shape)


uniform = lambda *a: (bits(*a) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def windows(call, x, size, fill):
    """x padded, then the windows of its last axes: [..., i, j, ..., ki, kj, ...]."""
    n = len(size)
    pads = call.ints("padding", [0] * 2 * n)
    steps, gaps = call.ints("strides", [1] * n), call.ints("dilation", [1] * n)
    lead = x.ndim - n
    x = np.pad(x, [(0, 0)] * lead + [tuple(pads[2 * i : 2 * i + 2]) for i in range(n)], constant_values=fill)
    for i in range(n):
        count = max(0, (x.shape[lead + i] - gaps[i] * (size[i] - 1) - 1) // steps[i] + 1)
        at = np.arange(count)[:, None] * steps[i] + np.arange(size[i]) * gaps[i]
        x = np.moveaxis(np.take(x, at, lead + i), lead + i + 1, -1)
    return x


def conv(call, x, w):
    n, groups = x.ndim - 2, call.int("groups", 1)
    v = windows(call, wide(x), w.shape[2:], 0)
    c, o = w.shape[1], w.shape[0] // groups
    parts = []
    for g in range(groups):
        a = v[:, g * c : (g + 1) * c]
        b = wide(w)[g * o : (g + 1) * o]
        y = np.tensordot(a, b, ([1] + list(range(a.ndim - n, a.ndim)), list(range(1, b.ndim))))
        parts.append(np.moveaxis(y, -1, 1))
    return np.concatenate(parts, 1)


def pool(call, x):
    size = call.ints("size")
    if call.op == "avg_pool2d":
        return windows(call, wide(x), size, 0).mean((-1, -2))
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return windows(call, x, size, least).max((-1, -2))


def normalised(call, x, *rest):
    y, eps = wide(x), call.float("epsilon", 1e-5)
    if call.op == "rms_norm":
        return y / np.sqrt((y * y).mean(-1, keepdims=True) + eps) * rest[0]
    if call.op == "layer_norm":
        return (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + eps) * rest[0] + rest[1]
    along = lambda v: wide(v).reshape((1, -1) + (1,) * (x.ndim - 2))
    if call.op == "batch_norm":
        m, v, w, b = map(along, rest)
        return (y - m) / np.sqrt(v + eps) * w + b
    groups = call.int("groups")
    z = y.reshape(x.shape[0], groups, math.prod(x.shape[1:]) // max(1, groups))
    z = (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + eps)
    return z.reshape(x.shape) * along(rest[0]) + along(rest[1])


def losses(call, x, y):
    a, how = wide(x), call.text("reduction", "mean")
    keep = np.ones(y.shape, bool)
    if call.op == "mse":
        terms = (a - y) ** 2
    elif call.op == "binary_cross_entropy":
        terms = softplus(a) - a * y
    else:
        keep = (y >= 0) & (y < x.shape[-1])
        m = a.max(-1, keepdims=True)
        p = a - m - np.log(np.exp(a - m).sum(-1, keepdims=True))
        terms = np.where(keep, -np.take_along_axis(p, np.where(keep, y, 0)[..., None].astype(int), -1)[..., 0], 0)
    return terms if how == "none" else terms.sum() if how == "sum" else terms.sum() / np.longdouble(keep.sum())


def answer(function, x, *rest):
    """A function of regular matrices; what singular ones give is left open by the language."""
    try:
        return function(x, *rest)
    except np.linalg.LinAlgError:
        raise Missing("singular matrices")


def substituted(t, b, lower):
    """The y with t y = b for a triangular t, row by row."""
    y, n = wide(np.zeros_like(b)), t.shape[-1]
    for i in range(n) if lower else reversed(range(n)):
        known = slice(0, i) if lower else slice(i + 1, n)
        total = (wide(t[..., i, known, None]) * y[..., known, :]).sum(-2)
        y[..., i, :] = (b[..., i, :] - total) / t[..., i, i, None]
    return y


def cholesky(x):
    """Column by column; NaN from the first pivot on that is not positive."""
    low = wide(np.zeros_like(x))
    for j in range(x.shape[-1]):
        d = x[..., j, j] - (low[..., j, :j] ** 2).sum(-1)
        low[..., j, j] = np.sqrt(np.where(d > 0, d, np.nan))
        rest = x[..., j + 1 :, j] - (low[..., j + 1 :, :j] * low[..., j, None, :j]).sum(-1)
        low[..., j + 1 :, j] = rest / low[..., j, j, None]
    return low


def eigenvectors(x):
    """Ascending values, vectors with the first component above 2^-10 of the largest positive."""
    values, vectors = np.linalg.eigh(x, "L")
    for place in np.ndindex(x.shape[:-2]):
        if (np.tril(x[place], -1) == 0).all():  # equal eigenvalues keep the order of the diagonal
            at = np.argsort(np.diag(x[place]), kind="stable")
            values[place], vectors[place] = np.diag(x[place])[at], np.eye(len(at))[:, at]
    for place in np.ndindex(x.shape[:-2]):
        for v in vectors[place].T:
            large = np.abs(v) > np.abs(v).max() * 2.0**-10
            v *= np.sign(v[np.argmax(large)])
    return values, vectors


def refined(a, y, b):
    """A solution of a y = b, improved in extended precision."""
    for _ in range(2):
        y = y + np.linalg.solve(a, (b - np.matmul(wide(a), y)).astype(float))
    return y


def linear(call, x, *rest):
    y = x.astype(float)
    if call.op == "eigh":
        if y.shape[-1] == 0:
            return y.sum(-1), y
        bad = ~np.isfinite(np.tril(y)).all((-1, -2))
        values, vectors = eigenvectors(np.where(bad[..., None, None], np.eye(y.shape[-1]), np.tril(y)))
        return np.where(bad[..., None], np.nan, values), np.where(bad[..., None, None], np.nan, vectors)
    if call.op == "log_abs_det":
        return np.linalg.slogdet(y)[1]
    if call.op == "inverse":
        one = np.broadcast_to(np.eye(y.shape[-1]), y.shape)
        return refined(y, answer(np.linalg.inv, y), one)
    if call.op == "solve":
        b = rest[0].astype(float)
        return refined(y, answer(np.linalg.solve, y, b), b)
    if call.op == "cholesky":
        return cholesky(y)
    if call.op == "qr":
        q, r = np.linalg.qr(y)
        return q + 0.0, r  # -0 to 0
    lower, one = call.bool("lower"), np.eye(y.shape[-1], dtype=bool)
    t = np.where(one, 1.0, y) if call.bool("unit_diagonal") else y
    t, lower = (t.swapaxes(-1, -2), not lower) if call.bool("transpose") else (t, lower)
    return substituted(t, rest[0].astype(float), lower)


def normal(call, seed, stream):
    """Box-Muller on the halves of a uniform of [2, ...]."""
    u, v = wide(uniform(seed, stream, (2, *shape_of(call))))
    return np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.longdouble(np.pi) * v)


def dropout(call, x, seed, stream):
    """What bernoulli of 1 - p shows, divided by 1 - p."""
    keep = 1 - call.float("probability", 0.5)
    shown = uniform(seed, stream, x.shape) < np.float32(keep)
    return np.where(shown, wide(x) / keep, 0) if keep > 0 else np.zeros_like(x)


def resize(call, x):
    sizes, y = call.ints("sizes"), x
    if call.text("mode", "nearest") == "nearest":
        for axis, m in zip((-2, -1), sizes):
            y = np.take(y, [i * y.shape[axis] // m for i in range(m)], axis)
        return y
    y = wide(x)
    for axis, m in zip((-2, -1), sizes):
        n = y.shape[axis]
        place = np.maximum(0, (np.arange(m) + np.longdouble(0.5)) * n / m - np.longdouble(0.5))
        low = np.floor(place).astype(int)
        part = (place - low).reshape((-1, 1) if axis == -2 else (-1,))
        a, b = np.take(y, low, axis), np.take(y, np.minimum(low + 1, n - 1), axis)
        y = a * (1 - part) + b * part
    return y


def conv_transpose(call, x, w):
    """Every element of x adds its multiple of the filters; the borders are cut off."""
    groups, n, c = call.int("groups", 1), x.shape[0], w.shape[0] // call.int("groups", 1)
    steps, gaps, pads = call.ints("strides", [1, 1]), call.ints("dilation", [1, 1]), call.ints("padding", [0] * 4)
    whole = [max(0, (x.shape[2 + i] - 1) * steps[i] + gaps[i] * (w.shape[2 + i] - 1) + 1) for i in (0, 1)]
    more = call.ints("output_padding", [0, 0])
    out = np.zeros((n, groups * w.shape[1], *(whole[i] + more[i] for i in (0, 1))), wide(x).dtype)
    for g, place in itertools.product(range(groups), np.ndindex(x.shape[2:])):
        ours = wide(x)[(slice(None), slice(g * c, (g + 1) * c), *place)]
        part = np.einsum("nc,cojk->nojk", ours, wide(w)[g * c : (g + 1) * c])
        at = tuple(slice(i * s, i * s + d * (k - 1) + 1, d) for i, s, d, k in zip(place, steps, gaps, w.shape[2:]))
        out[(slice(None), slice(g * w.shape[1], (g + 1) * w.shape[1]), *at)] += part
    return out[:, :, pads[0] : out.shape[2] - pads[1], pads[2] : out.shape[3] - pads[3]]


def attention(call, q, k, v, mask=None):
    if q.ndim > 2 and k.shape[-3] != q.shape[-3]:
        k, v = (np.repeat(y, q.shape[-3] // k.shape[-3], -3) for y in (k, v))
    m, n = q.shape[-2], k.shape[-2]
    scale = call.float("scale", 1 / math.sqrt(q.shape[-1]) if q.shape[-1] else 1.0)
    scores = np.matmul(wide(q), wide(k).swapaxes(-1, -2)) * np.longdouble(scale)
    seen = np.ones(scores.shape, bool)
    if mask is not None and mask.dtype.kind != "b":
        scores = scores + np.where(mask == -np.inf, 0, mask)
        mask = mask != -np.inf
    if mask is not None:
        seen &= mask
    if call.bool("causal"):
        seen &= np.arange(n) < np.arange(m)[:, None] + n - m + 1
    if n == 0:
        return np.zeros(shape_of(call))
    some = seen.any(-1, keepdims=True)
    top = np.where(some, np.where(seen, scores, -np.inf).max(-1, keepdims=True), 0)
    weights = np.where(seen, np.exp(scores - top), 0)
    weights = weights / np.where(some, weights.sum(-1, keepdims=True), 1)
    return without(seen, weights, v)


def without(mask, x, y):
    """The products of pairs for which the mask is true, summed; others are not there, whatever they hold."""
    return np.where(mask[..., None], wide(x)[..., None] * wide(y)[..., None, :, :], 0).sum(-2)


def rotary(call, x, positions):
    half = x.shape[-1] // 2
    power = -2 * np.arange(half, dtype=np.longdouble) / np.longdouble(max(1, x.shape[-1]))
    angle = positions[:, None] * np.longdouble(call.float("base", 10000.0)) ** power
    a, b = wide(x[..., :half]), wide(x[..., half:])
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], -1)


def shape_of(call, n=0):
    return tuple(dim(d, call.symbols) for d in call.types[n][1])


def top_k(call, x):
    axis = call.int("axis", -1)
    at = np.take(order(call, x, True), np.arange(call.int("count")), axis)
    return np.take_along_axis(x, at, axis), at


def linspace(call):
    n, a, b = call.int("length"), call.float("start"), call.float("stop")
    return np.concatenate([np.linspace(a, b, n)[:-1], [b][:n]]) if n > 1 else np.full(n, a)


def unstack(call, x):
    return tuple(np.moveaxis(x, call.int("axis"), 0))


def padded(call, x, *value):
    pads = list(zip(call.ints("low"), call.ints("high")))
    if call.op == "pad":
        out = np.full([n + a + b for n, (a, b) in zip(x.shape, pads)], value[0], x.dtype)
        out[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, pads))] = x
        return out
    return np.pad(x, pads, mode=call.op[4:]) if x.size and x.ndim else x if not x.ndim else np.zeros(shape_of(call), x.dtype)


def similarity(call, x, y=None):
    axis, norm = call.int("axis", -1), lambda v: np.sqrt((v * v).sum(call.int("axis", -1), keepdims=True))
    a = wide(x)
    if y is None:
        return a / np.maximum(norm(a), call.float("epsilon", 1e-12))
    b, eps = wide(y), call.float("epsilon", 1e-8)
    return ((a * b).sum(axis, keepdims=True) / (np.maximum(norm(a), eps) * np.maximum(norm(b), eps))).squeeze(axis)


def activation(call, x):
    y = wide(x)
    if call.op == "leaky_relu":
        return np.where(y > 0, y, y * call.float("negative_slope", 0.01))
    if call.op == "elu":
        return np.where(y > 0, y, call.float("alpha", 1.0) * np.expm1(y))
    if call.bool("approximate"):
        return y / 2 * (1 + np.tanh(np.sqrt(2 / np.longdouble(np.pi)) * (y + 0.044715 * y**3)))
    return y / 2 * (1 + special(math.erf)(y / np.sqrt(2)))


def gru(call, x, h, u, v, a, b):
    r, z, n = np.split(wide(x) @ u.T + a, 3, -1)
    r1, z1, n1 = np.split(wide(h) @ v.T + b, 3, -1)
    r, z = sigmoid(r + r1), sigmoid(z + z1)
    return (1 - z) * np.tanh(n + r * n1) + z * h


def lstm(call, x, h, c, u, v, a, b):
    i, f, g, o = np.split(wide(x) @ u.T + a + wide(h) @ v.T + b, 4, -1)
    c1 = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c1), c1


OPS = dict(
    constant=lambda c: elements(c.attributes["value"], c.types[0][0]).reshape(shape_of(c)),
    cast=cast,
    bitcast=lambda c, x: np.where(x != x, x.dtype.type(np.nan) if x.dtype.kind == "f" else x, x).view(DTYPES[c.text("dtype")]),
    argmax=lambda c, x: arg(c, x, np.argmax), argmin=lambda c, x: arg(c, x, np.argmin),
    matmul=matmul, contract=lambda c, x, y: np.einsum(c.text("equation"), wide(x), wide(y)),
    reshape=lambda c, x: x.reshape(shape_of(c)), transpose=lambda c, x: x.transpose(c.ints("order")),
    broadcast=lambda c, x: np.broadcast_to(x, shape_of(c)), slice=sliced, unfold=unfold,
    reverse=lambda c, x: np.flip(x, c.axes(x)), concat=lambda c, *x: np.concatenate(x, c.int("axis")),
    gather=gather, take_along_axis=take_along_axis, scatter=scatter, scatter_add=scatter,
    dynamic_slice=lambda c, x, *at: x[starts(x, c.ints("sizes"), at)],
    size=lambda c: np.array(c.int("length")), argsort=order, softmax=softmax, log_softmax=softmax,
    iota=lambda c: np.moveaxis(
        np.broadcast_to(np.arange(shape_of(c)[c.int("axis", -1)]), np.moveaxis(np.empty(shape_of(c)), c.int("axis", -1), -1).shape),
        -1, c.int("axis", -1)),
    random_bits=lambda c, s, t: bits(s, t, shape_of(c)).view(np.int32), uniform=lambda c, s, t: uniform(s, t, shape_of(c)),
    bernoulli=lambda c, s, t: uniform(s, t, shape_of(c)) < np.float32(c.float("probability", 0.5)),
    eye=lambda c: np.eye(*shape_of(c)), stack=lambda c, *x: np.stack(x, c.int("axis")), unstack=unstack,
    sort=lambda c, x: np.take_along_axis(x, order(c, x), c.int("axis", -1)), top_k=top_k,
    tile=lambda c, x: np.tile(x, c.ints("repeats")), linspace=linspace,
    one_hot=lambda c, i: i[..., None] == np.arange(c.int("depth")), conv1d=conv, conv2d=conv, max_pool2d=pool,
    avg_pool2d=pool, conv_transpose2d=conv_transpose, resize=resize, attention=attention, masked_matmul=lambda c, x, y, mask: without(mask, x, y),
    sampled_matmul=lambda c, x, y, mask: np.where(mask, np.matmul(wide(x), wide(y)), 0), rotary_embedding=rotary,
    normal=normal, dropout=dropout,
    permutation=lambda c, s, t: np.argsort(bits(s, t, shape_of(c)).view(np.int32), kind="stable"), l2_normalize=similarity, cosine_similarity=similarity, gru_cell=gru, lstm_cell=lstm,
)
for names, function in (
    ("sum prod max min any all mean variance logsumexp norm", reduced), ("pad pad_reflect pad_edge", padded),
    ("cumsum cumprod cummax cummin", cumulative), ("layer_norm rms_norm batch_norm group_norm", normalised),
    ("mse cross_entropy binary_cross_entropy", losses), ("leaky_relu elu gelu", activation),
    ("inverse log_abs_det cholesky solve triangular_solve qr eigh", linear),
):
    OPS |= {name: function for name in names.split()}


def arg(call, x, function):
    axis = call.int("axis", -1)
    y = np.zeros(np.delete(x.shape, axis), int) if x.shape[axis] == 0 else function(x, axis)
    return np.expand_dims(y, axis) if call.bool("keep_dims") else y


def update(call, x, u, *at):
    out = x.copy()
    out[starts(x, u.shape, at)] = u
    return out


OPS["dynamic_update_slice"] = update


def drawn(kind, numbers, dtype, shape, stream, seed=0):
    """The first value of a variable that is `normal(mean, deviation)` or `uniform(low, high)`."""
    call, (a, b) = Call(kind, {}, [(dtype, [[str(n)] for n in shape])], {}, []), map(float, numbers)
    z = normal(call, seed, stream) if kind == "normal" else uniform(seed, stream, tuple(shape))
    return (a + (b if kind == "normal" else b - a) * z).astype(DTYPES[dtype])


class Evaluator:
    def __init__(self, reader):
        self.graphs, self.dtypes = reader.graphs, {}
        self.variables = {k: drawn(*v) if isinstance(v, tuple) else v for k, v in reader.variables.items()}

    def run(self, name, inputs, symbols=None):
        graph, values, symbols = self.graphs[name], {}, dict(symbols or {})
        for (value, (_, dims)), array in zip(graph.inputs, inputs):
            for tokens, n in zip(dims, array.shape):
                if len(tokens) == 1 and not tokens[0].isdigit():
                    symbols[tokens[0]] = n
        for (value, (_, dims)), array in zip(graph.inputs, inputs):  # dims like 2*T+1, with one unknown symbol
            for tokens, n in zip(dims, array.shape):
                unknown = {t for t in tokens if t[0].isalpha() and t not in symbols}
                if len(unknown) == 1:
                    (symbol,) = unknown
                    symbols[symbol] = next(v for v in range(1 << 16) if dim(tokens, symbols | {symbol: v}) == n)
            values[value] = array
        dtypes = self.dtypes[name] = {value: dtype for value, (dtype, _) in graph.inputs}
        for names, op, operands, attributes, types in graph.nodes:
            call = Call(op, attributes, types, symbols, [dtypes[o] for o in operands])
            dtypes.update({value: dtype for value, (dtype, _) in zip(names, types)})
            results = self.node(call, [values[o] for o in operands])
            for i, (value, array) in enumerate(zip(names, results)):
                array = np.asarray(array)
                if types[i][0] in ("f16", "bf16") and array.dtype != np.uint16:
                    array = narrow(array, types[i][0])
                array = array.astype(DTYPES[types[i][0]])
                if array.shape != shape_of(call, i):
                    raise ValueError(f"{op}: shape {array.shape}, not {shape_of(call, i)}")
                values[value] = array
        results = [values[r] for r in graph.results]
        self.variables |= {state: values[v] for state, v in graph.writes}
        return results

    def node(self, call, x):
        op = call.op
        if op == "read":
            return [self.variables[call.text("name")]]
        if op in ("call", "custom_vjp"):
            return self.run(call.text("body"), x, call.symbols)
        if op == "cond":
            return self.run(call.text("then" if x[0] else "otherwise"), x[1:], call.symbols)
        if op == "while":
            n, limit, count = call.int("carries"), call.int("limit", 1 << 20), 0
            while count < limit and self.run(call.text("condition"), x, call.symbols)[0]:
                x, count = self.run(call.text("body"), x, call.symbols) + x[n:], count + 1
            return x[:n]
        if op == "scan":
            return self.scan(call, x)
        if op in INTEGER and x[0].dtype.kind in "iu":
            return [INTEGER[op](*x)]
        if op in TESTS:
            return [TESTS[op](*x)]
        if op in MAPS:
            return [MAPS[op](*map(wide, x))]
        if op not in OPS:
            raise Missing(op)
        result = OPS[op](call, *x)
        return result if isinstance(result, tuple) else [result]

    def scan(self, call, x):
        n, s = call.int("carries"), call.int("sequences")
        carries, sequences, captures = x[:n], x[n : n + s], x[n + s :]
        length = len(sequences[0]) if s else call.int("length")
        outs = [np.zeros(shape_of(call, i), DTYPES[call.types[i][0]]) for i in range(n, len(call.types))]
        for i in reversed(range(length)) if call.bool("reverse") else range(length):
            results = self.run(call.text("body"), carries + [q[i] for q in sequences] + captures, call.symbols)
            carries = results[:n]
            for out, part in zip(outs, results[n:]):
                out[i] = part
        return carries + outs


def literals(text):
    """The literals of a `// run:` line, as nested lists of words."""
    words = re.sub(r"-?\b[\w.]+(?:(?<=[0-9.]e)[+-]\d+)?", lambda m: f"'{m[0]}'", text)
    return list(ast.literal_eval(f"({words},)")) if text.strip() else []


def array(value, dtype, dims=None):
    a = elements([value], dtype)
    shape = np.array(value, object).shape if isinstance(value, list) else ()
    fixed = [int(d[0]) if len(d) == 1 and d[0].isdigit() else None for d in dims or []]
    if dims is not None and a.size == 0:  # `[]` says nothing of the dims behind a 0
        shape = [n if n is not None else (shape[i] if i < len(shape) else 0) for i, n in enumerate(fixed)]
    return a if dims is None and a.size == 0 else a.reshape(shape)


def differs(result, truth, tolerance, dtype):
    if result.size + truth.size == 0:
        return None
    if result.shape != truth.shape:
        return f"shape {result.shape}, not {truth.shape}"
    if dtype not in ERROR:
        return None if (result == truth).all() else f"{result.tolist()} is not {truth.tolist()}"
    a, b = widen(result, dtype).astype(float), widen(truth, dtype).astype(float)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=0)
    error = max(tolerance, ERROR[dtype])
    near = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= error * np.maximum(np.abs(b), min(scale, 1)))
    if tolerance == 0:
        near &= (a != 0) | (b != 0) | (np.signbit(a) == np.signbit(b))
    return None if near.all() else f"{a.tolist()} is not {b.tolist()}"


def count(counts, key):
    counts[key] = counts.get(key, 0) + 1


def check(text, path, counts):
    try:
        reader = Reader(text).module()
    except Exception as error:
        print(f"{path}: not read: {error!r}")
        return count(counts, "unread")
    evaluator = Evaluator(reader)
    for name, inputs, expected in re.findall(r"// run: (@[\w.]+)\((.*?)\) == (.*)", text):
        try:
            graph = reader.graphs[name]
            arrays = [array(v, *t) for v, (_, t) in zip(literals(inputs), graph.inputs)]
            results = evaluator.run(name, arrays)
            parts = re.split(r"\s*~\s*", expected)
            tolerance = float(parts[-1].split(",")[0]) if len(parts) > 1 else 0.0
            truths = literals(re.sub(r"\s*~\s*[-+\d.e]+", "", expected))
            dtypes = [evaluator.dtypes[name][r] for r in graph.results]
            faults = [differs(r, array(t, d), tolerance, d) for r, t, d in zip(results, truths, dtypes)]
            faults = [f for f in faults if f]
            count(counts, "wrong" if faults else "right")
            for fault in faults:
                print(f"{path}: {name}({inputs[:120]}): {fault[:400]}")
        except Missing as missing:
            count(counts, f"missing {missing}")
        except Exception as error:
            count(counts, "failed")
            print(f"{path}: {name}({inputs[:120]}): {error!r}")


def outside(result, truth, bound, dtype):
    """What of a backend's result is further than `bound` from the truth; NaN and infinities must be alike."""
    if result.shape != truth.shape:
        return f"shape {result.shape}, not {truth.shape}"
    if dtype not in ERROR:
        bad = result != truth
    else:
        a, b = result.astype(np.longdouble), widen(truth, dtype).astype(np.longdouble)
        ulps = dict(f32=2.0**-23, f64=2.0**-52, f16=2.0**-10, bf16=2.0**-7)[dtype]
        near = np.abs(a - b) <= (bound + ulps * np.abs(b) if bound else 0)
        bad = ~((a == b) | (np.isnan(a) & np.isnan(b)) | near)
    if not bad.any():
        return None
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{place} is {result[place]!s}, not {truth[place]!s} within {bound:.3g}; {bad.sum()} of {bad.size}"


def graphs(folder, counts):
    """The files that `Tools/fuzz oracle` writes: see Tests/ConformanceTests/WitnessTests.swift."""
    for path in sorted(pathlib.Path(folder).glob("*.sluice"), key=lambda p: int(p.stem)):
        text, arrays = path.read_text(), np.load(path.with_suffix(".npz"))
        reader = Reader(text).module()
        bounds = [float(b) for b in re.search(r"// bounds:(.*)", text)[1].split()]
        graph, seen = reader.graphs["@f"], set()
        for case in ("plain", "special"):
            inputs = [arrays[f"{case}.x{i}"] for i in range(len(graph.inputs))]
            evaluator = Evaluator(reader)
            try:
                truths = evaluator.run("@f", inputs)
            except Exception as error:
                print(f"{path} {case}: {error!r}")
                count(counts, f"missing {error}" if isinstance(error, Missing) else "failed")
                continue
            for backend in ("reference", "interpreter", "c"):
                if truths and f"{case}.{backend}.0" not in arrays:
                    count(counts, f"without {backend}")
                    continue
                faults = 0
                for i, (name, truth, bound) in enumerate(zip(graph.results, truths, bounds)):
                    fault = outside(arrays[f"{case}.{backend}.{i}"], truth, bound, evaluator.dtypes["@f"][name])
                    faults += fault is not None
                    if fault and (case, i, fault) not in seen:
                        seen.add((case, i, fault))
                        print(f"{path} {case}, {backend}: result {i}, {name}: {fault}")
                count(counts, "wrong" if faults else "right")


def main(paths):
    if paths[:1] == ["--graphs"]:
        counts = {}
        graphs(paths[1], counts)
        print(", ".join(f"{key}: {n}" for key, n in sorted(counts.items())))
        return 1 if set(counts) != {"right"} else 0
    counts = {}
    for path in paths:
        text = open(path).read()
        blocks = re.findall(r"```\n(.*?)```", text, re.S) if path.endswith(".md") else [text]
        for block in blocks:
            check(block, path, counts)
    print(", ".join(f"{key}: {n}" for key, n in sorted(counts.items())))
    return 1 if {"wrong", "failed", "unread"} & set(counts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
