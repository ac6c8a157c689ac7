#!/usr/bin/env python3
"""Derivatives at corners: writes IR/tests/gradient/corners.sluice and IR/tests/gradient/masked.sluice.

corners: every elementary op and activation at 0, -0, where exponentials overflow, at the ends of its dtype and at
infinity: value, slope (reverse and forward mode) and curvature (reverse mode of the reverse mode), from closed forms
in mpmath with 60 digits; at infinity and at corners the limits and choices that docs/training.md states. What is left
out of a list is where the function has no value, or the slope is infinite (0 times it is NaN in the curvature).
masked: attention and the products that it is made of, with keys that are excluded and hold NaN and infinities, from the
sums over the pairs that are seen, in binary64, and its derivatives by PyTorch on these pairs alone.
"""
import math
import pathlib

import mpmath as mp
import numpy as np
import torch

mp.mp.dps = 60
ROOT = pathlib.Path(__file__).resolve().parents[2]
INF = math.inf
LEAST = {"f32": 2.0**-149, "f64": 2.0**-1074}
LARGEST = {"f32": (2 - 2.0**-23) * 2.0**127, "f64": 1.7976931348623157e308}
CLOSE = {"f32": 2e-6, "f64": 1e-14}


def exp(x):
    return mp.exp(x)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def density(x):
    return exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def curve(f, x):
    return mp.diff(f, x, 2)


# name: (value, slope, curvature, what it is at -inf, at inf, attributes), all given x > -inf and x < inf.
A, B = mp.mpf(0.7978845608028654), mp.mpf(0.044715)


def tanh_gelu(x):
    u = A * x * (1 + B * x * x)
    t = mp.tanh(u)
    s = 1 / mp.cosh(u) ** 2 if abs(u) < 1e6 else mp.mpf(0)
    du, ddu = A * (1 + 3 * B * x * x), A * 6 * B * x
    return x / 2 * (1 + t), (1 + t) / 2 + x / 2 * s * du, s * du + x / 2 * (s * ddu - 2 * t * s * du * du)


def sech2(x):
    return 1 / mp.cosh(x) ** 2 if abs(x) < 1e6 else mp.mpf(0)


def normal_cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e4 else mp.mpf(x > 0)


def tail(x, f):
    """f(x), or 0 where e^-|x| vanishes."""
    return f(x) if abs(x) < 1e5 else mp.mpf(0)


NAN = math.nan
FUNCTIONS = {
    "exp": (lambda x: (exp(x),) * 3, (0, 0, 0), (INF, INF, INF)),
    "expm1": (lambda x: (mp.expm1(x), exp(x), exp(x)), (-1, 0, 0), (INF, INF, INF)),
    "exp2": (lambda x: (2**x, mp.log(2) * 2**x, mp.log(2) ** 2 * 2**x), (0, 0, 0), (INF, INF, INF)),
    "log": (lambda x: (mp.log(x), 1 / x, -1 / x**2), None, (INF, 0, 0)),
    "log2": (lambda x: (mp.log(x, 2), 1 / x / mp.log(2), -1 / x**2 / mp.log(2)), None, (INF, 0, 0)),
    "log1p": (lambda x: (mp.log1p(x), 1 / (1 + x), -1 / (1 + x) ** 2), None, (INF, 0, 0)),
    "sqrt": (lambda x: (mp.sqrt(x), 1 / (2 * mp.sqrt(x)), -1 / (4 * x * mp.sqrt(x))), None, (INF, 0, 0)),
    "rsqrt": (lambda x: (1 / mp.sqrt(x), -1 / (2 * x * mp.sqrt(x)), 3 / (4 * x * x * mp.sqrt(x))), None, (0, 0, 0)),
    "cbrt": (lambda x: (mp.sign(x) * mp.cbrt(abs(x)), mp.cbrt(abs(x)) ** -2 / 3, mp.sign(x) * -mp.mpf(2) / 9 * mp.cbrt(abs(x)) ** -5),
             (-INF, 0, 0), (INF, 0, 0)),
    "tanh": (lambda x: (mp.tanh(x), sech2(x), -2 * mp.tanh(x) * sech2(x)), (-1, 0, 0), (1, 0, 0)),
    "sigmoid": (lambda x: (sigmoid(x), tail(x, lambda x: sigmoid(x) * sigmoid(-x)), tail(x, lambda x: sigmoid(x) * sigmoid(-x) * (1 - 2 * sigmoid(x)))),
                (0, 0, 0), (1, 0, 0)),
    "softplus": (lambda x: (mp.log1p(exp(x)) if x < 1e4 else x, sigmoid(x), tail(x, lambda x: sigmoid(x) * sigmoid(-x))), (0, 0, 0), (INF, 1, 0)),
    "erf": (lambda x: (mp.erf(x), 2 * density(x * mp.sqrt(2)) * mp.sqrt(2) if abs(x) < 1e6 else 0, -4 * x * density(x * mp.sqrt(2)) * mp.sqrt(2) if abs(x) < 1e6 else 0),
            (-1, 0, 0), (1, 0, 0)),
    "sinh": (lambda x: (mp.sinh(x), mp.cosh(x), mp.sinh(x)), (-INF, INF, -INF), (INF, INF, INF)),
    "cosh": (lambda x: (mp.cosh(x), mp.sinh(x), mp.cosh(x)), (INF, -INF, INF), (INF, INF, INF)),
    "asin": (lambda x: (mp.asin(x), 1 / mp.sqrt(1 - x * x), x / mp.sqrt(1 - x * x) ** 3), None, None),
    "acos": (lambda x: (mp.acos(x), -1 / mp.sqrt(1 - x * x), -x / mp.sqrt(1 - x * x) ** 3), None, None),
    "atan": (lambda x: (mp.atan(x), 1 / (1 + x * x), -2 * x / (1 + x * x) ** 2), (-mp.pi / 2, 0, 0), (mp.pi / 2, 0, 0)),
    "relu": (lambda x: (max(x, 0), x > 0, 0), (0, 0, 0), (INF, 1, 0)),
    "abs": (lambda x: (abs(x), mp.sign(x), 0), (INF, -1, 0), (INF, 1, 0)),
    "leaky_relu": (lambda x: (x if x > 0 else x * mp.mpf(0.25), 1 if x > 0 else 0.25, 0), (-INF, 0.25, 0), (INF, 1, 0), "{negative_slope = 0.25}"),
    "elu": (lambda x: (x, 1, 0) if x > 0 else (mp.expm1(x), exp(x), exp(x)), (-1, 0, 0), (INF, 1, 0)),
    "elu_2": (lambda x: (x, 1, 0) if x > 0 else (2 * mp.expm1(x), 2 * exp(x), 2 * exp(x)), (-2, 0, 0), (INF, 1, 0), "{alpha = 2}"),
    "silu": (lambda x: (x * sigmoid(x), sigmoid(x) + tail(x, lambda x: x * sigmoid(x) * sigmoid(-x)),
                        tail(x, lambda x: sigmoid(x) * sigmoid(-x) * (2 + x * (1 - 2 * sigmoid(x))))), None, (INF, 1, 0)),
    "gelu": (lambda x: (x * normal_cdf(x), normal_cdf(x) + tail(x, lambda x: x * density(x)), tail(x, lambda x: (2 - x * x) * density(x))), None, (INF, 1, 0)),
    "gelu_tanh": (tanh_gelu, None, (INF, 1, 0), "{approximate = true}"),
}
POINTS = {
    "f32": [1.0, 16.0, 87.5, 88.0, 89.0, 110.0, 709.0, 710.0, 750.0, 1e4, 1e10, 3e18, 1e20, LARGEST["f32"]],
    "f64": [1.0, 36.5, 88.0, 89.0, 709.0, 710.0, 750.0, 1e4, 1e20, 1e150, 1e160, LARGEST["f64"]],
}
DOMAIN = {name: (0, INF) for name in ("log", "log2", "sqrt", "rsqrt")} | {"log1p": (-1, INF), "asin": (-1, 1), "acos": (-1, 1)}
OWN = {"log1p": [-1.0, -0.5], "asin": [-0.5, 0.75], "acos": [-0.5, 0.75], "sqrt": [1e-30, 4.0], "rsqrt": [2e-26, 1e-12, 4.0],
       "cbrt": [8.0, -8.0], "log": [4.0], "log2": [4.0], "erf": [0.25, -3.0], "gelu": [-3.0], "gelu_tanh": [-2.0], "silu": [-20.0], "elu": [-20.0]}


def rounded(value, dtype):
    value = mp.mpf(value)
    if mp.isinf(value):
        return float(value)
    if abs(value) > LARGEST[dtype]:
        return math.copysign(INF, value)
    return float(np.float32(float(value))) if dtype == "f32" else float(value)


def literal(values):
    return "[" + ", ".join("nan" if v != v else "inf" if v == INF else "-inf" if v == -INF else repr(v) for v in values) + "]"


def blurs(expected, dtype):
    """Whether a number is so small that formulas such as 1 - z^2 lose it; nothing is promised there."""
    return expected != 0 and abs(expected) < (1e-3 if dtype == "f32" else 1e-7)


def rows(name, dtype):
    function, low, high, *_ = FUNCTIONS[name]
    points = [0.0, -0.0, LEAST[dtype], -LEAST[dtype]]
    points += [s * p for p in POINTS[dtype] for s in (1, -1)] + OWN.get(name, [])
    left, right = DOMAIN.get(name, (-INF, INF))
    table = []
    for x in points:
        x = float(np.float32(x)) if dtype == "f32" else x
        if not left <= x <= right:
            continue
        if x in (0.0,) and name in ("log", "log2", "rsqrt", "sqrt", "cbrt") or abs(x) == 1 and name in ("asin", "acos") or x == -1 and name == "log1p":
            continue
        table.append((x, *(rounded(v, dtype) for v in function(mp.mpf(x)))))
    for x, limit in ((-INF, low), (INF, high)):
        if limit:
            table.append((x, *(rounded(v, dtype) for v in limit)))
    return table


def corners():
    parts = ["// test: gradient", "// Derivatives at corners and at the ends of a dtype, by closed forms; made by Tools/oracle/corners.py.", ""]
    for name, (_, _, _, *more) in FUNCTIONS.items():
        op = {"elu_2": "elu", "gelu_tanh": "gelu"}.get(name, name)
        for dtype in ("f32", "f64"):
            table = rows(name, dtype)
            close = CLOSE[dtype] * (20 if name in ("gelu", "gelu_tanh", "silu", "cosh", "sinh", "erf", "tanh", "sigmoid", "softplus") else 1)
            # What vanishes gradually is left to the accuracy of the formula.
            slopes = [r for r in table if not (blurs(r[2], dtype) and op in ("tanh", "sigmoid", "silu", "gelu", "erf"))]
            curves = [r for r in table if math.isfinite(r[2]) and not (blurs(r[3], dtype))
                      and not (blurs(r[2], dtype) and op in ("tanh", "sigmoid", "silu", "gelu", "softplus", "erf"))
                      and abs(r[0]) != LEAST[dtype]]
            n, m = len(slopes), len(curves)
            call = f"{op} %x {more[0] if more else ''}".strip()
            for label, count in (("", n), ("_again", m)):
                parts.append(f"func @{dtype}_{name}{label}(%x: {dtype}[{count}]) -> {dtype}[{count}] {{\n  %r = {call} : {dtype}[{count}]\n  return %r\n}}")
                if label:
                    x, y, d = (literal([r[i] for r in curves]) for i in (0, 1, 2))
                    zeros, ones = literal([0.0] * count), literal([1.0] * count)
                    # Cotangents of value and slope; results: value, slope, then the cotangents of x and of the first cotangent.
                    parts.append(f"// run: @{dtype}_{name}{label}.vjp.vjp({x}, {ones}, {zeros}, {ones}) == {y}, {d}, {literal([r[3] for r in curves])}, {d} ~ {close * 10}")
                else:
                    x, y, d = (literal([r[i] for r in slopes]) for i in (0, 1, 2))
                    ones = literal([1.0] * count)
                    parts.append(f"// run: @{dtype}_{name}.vjp({x}, {ones}) == {y}, {d} ~ {close}")
                    parts.append(f"// run: @{dtype}_{name}.jvp({x}, {ones}) == {d} ~ {close}")
            parts.append("")
    path = ROOT / "IR/tests/gradient/corners.sluice"
    path.write_text("\n".join(parts))
    print(path.name, len(FUNCTIONS), "functions")


def text(array):
    def one(v):
        if isinstance(v, list):
            return "[" + ", ".join(one(x) for x in v) + "]"
        if isinstance(v, bool):
            return str(v).lower()
        return literal([v])[1:-1]
    return one(array.tolist())


def attend(q, k, v, visible, bias):
    """Attention query by query over the keys that it sees; derivatives by torch's autograd reach nothing else."""
    out = torch.zeros(*q.shape[:-1], v.shape[-1], dtype=q.dtype)
    rows = []
    for batch in np.ndindex(*q.shape[:-2]):
        for i in range(q.shape[-2]):
            seen = torch.nonzero(visible[batch][i]).flatten()
            if len(seen) == 0:
                rows.append(out[batch][i])
                continue
            scores = (k[batch][seen] * q[batch][i]).sum(-1) / math.sqrt(q.shape[-1])
            if bias is not None:
                scores = scores + bias[batch][i][seen]
            rows.append((scores.softmax(-1)[:, None] * v[batch][seen]).sum(0))
    return torch.stack(rows).reshape(out.shape)


def masked():
    torch.manual_seed(11)
    nan, inf = math.nan, INF

    def rand(*shape):
        return (torch.randn(shape, dtype=torch.float64) * 16).round() / 16

    parts = ["// test: gradient", "// Attention in which excluded keys hold NaN and infinities; made by Tools/oracle/corners.py.", ""]
    cases = []
    for label, m, n, causal, mask in (
        ("none_seen", 2, 3, False, [[True, False, True], [False, False, False]]),
        ("each_other", 3, 3, False, [[True, False, True], [True, True, False], [False, True, True]]),
        ("causal_short", 4, 2, True, None), ("causal", 3, 3, True, None), ("causal_long", 2, 4, True, None),
        ("causal_masked", 3, 3, True, [[False, True, True], [True, True, True], [False, False, True]]),
        ("bias", 2, 3, False, [[0.5, -inf, -0.25], [-inf, -inf, -inf]]),
        ("bias_causal", 3, 3, True, [[1.0, -inf, 0.0], [-inf, 2.0, nan], [0.0, 0.5, -inf]]),
        ("padding", 2, 3, False, [[True, True, False]]),
        ("odd_query", 2, 2, False, [[False, False], [True, True]]),
    ):
        q, k, v, d = rand(2, m, 2), rand(2, n, 2), rand(2, n, 3), rand(2, m, 3)
        visible = torch.ones(m, n, dtype=torch.bool)
        if causal:
            visible &= torch.arange(n) <= torch.arange(m)[:, None] + n - m
        bias = None
        if mask is not None:
            given = torch.tensor(mask, dtype=torch.float64 if isinstance(mask[0][0], float) else torch.bool)
            if given.dtype == torch.bool:
                visible &= given
            else:
                visible &= given != -inf
                bias = given
        cases.append((label, q, k, v, d, visible.expand(2, m, n), mask, bias, causal))
    for label, q, k, v, d, visible, mask, bias, causal in cases:
        # What nobody sees is spoilt; and what a first query does not see where others do.
        hidden = ~visible.any(-2)
        lonely = ~visible.any(-1)
        k[hidden], v[hidden], q[lonely], d[lonely] = nan, inf, nan, nan
        if label == "each_other":
            v[0, 1] = torch.tensor([nan, inf, 1.0])
            k[1, 2] = torch.tensor([-inf, 1.0])
        if label == "causal":
            v[0, 2], k[1, 2] = nan, torch.tensor([nan, 1.0])
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        if bias is not None:
            leaves.append(bias.clone().requires_grad_())
        wide = leaves[3].expand(2, *leaves[3].shape) if bias is not None else None
        result = attend(*leaves[:3], visible, wide)
        grads = torch.autograd.grad(result, leaves, d, allow_unused=True)
        grads = [torch.zeros_like(x) if g is None else g for g, x in zip(grads, leaves)]
        tangents = [rand(*x.shape) for x in leaves]

        def function(*x):
            return attend(*x[:3], visible, x[3].expand(2, *x[3].shape) if bias is not None else None)

        moved = torch.autograd.functional.jvp(function, tuple(x.detach() for x in leaves), tuple(tangents))[1]
        for x, spoilt in zip(tangents, (lonely, hidden, hidden)):
            x[spoilt] = nan
        kinds = [f"f64[{','.join(map(str, x.shape))}]" for x in (q, k, v)]
        names, extra = "%q, %k, %v", ""
        operands = [text(x) for x in (q, k, v)]
        if mask is not None:
            shape = f"{len(mask)},{len(mask[0])}"
            names += ", %m"
            extra = f", %m: {'f64' if bias is not None else 'bool'}[{shape}]"
            operands.append(text(bias if bias is not None else torch.tensor(mask)))
        kind = f"f64[{','.join(map(str, d.shape))}]"
        parts.append(f"func @{label}(%q: {kinds[0]}, %k: {kinds[1]}, %v: {kinds[2]}{extra}) -> {kind} {{\n  %r = attention {names}{' {causal = true}' if causal else ''} : {kind}\n  return %r\n}}")
        parts.append(f"// run: @{label}.vjp({', '.join(operands + [text(d)])}) == {', '.join(text(x) for x in [result, *grads])} ~ 1e-12")
        parts.append(f"// run: @{label}.jvp({', '.join(operands + [text(x) for x in tangents])}) == {text(moved)} ~ 1e-12\n")
    path = ROOT / "IR/tests/gradient/masked.sluice"
    path.write_text("\n".join(parts))
    print(path.name, len(cases), "cases")


if __name__ == "__main__":
    corners()
    masked()
