"""Reference data for windows, contractions and the composites, by the plainest NumPy in extended precision.

Results are computed in `longdouble` without BLAS and rounded once, so that every machine with an 80-bit or wider
`longdouble` writes the same files.
"""

import itertools
import math

import numpy as np

L = np.longdouble
f32, f64, i32, i64 = np.float32, np.float64, np.int32, np.int64
NAMES = {f32: "f32", f64: "f64"}
CLOSE = {f32: 2e-6, f64: 4e-15}
random = np.random.default_rng(20251121)


def normal(shape, dtype):
    return random.normal(0, 1, shape).astype(f32).astype(dtype)


def positive(shape, dtype):
    return random.uniform(0.5, 2, shape).astype(f32).astype(dtype)


def windows(x, axis, size, step=1, dilation=1):
    count = (x.shape[axis] - (size - 1) * dilation - 1) // step + 1
    parts = [np.take(x, [i * step + j * dilation for j in range(size)], axis) for i in range(count)]
    return np.stack([np.moveaxis(part, axis, -1) for part in parts], axis)


def views(case):
    x = normal((2, 7, 3), f32)
    for size, step, dilation in ((1, 1, 1), (3, 2, 1), (3, 1, 3), (7, 1, 1), (2, 5, 4)):
        result = windows(x, 1, size, step, dilation)
        name = f"f32_{size}_{step}_{dilation}"
        case("unfold", name, [x], result, axis=1, size=size, step=step, dilation=dilation)
    b = np.array([True, False, True, True])
    case("unfold", "bool", [b], windows(b, 0, 2), axis=-1, size=2)
    for dtype in (f32, f64, i32, i64, np.uint8, np.bool_):
        a, b = (random.integers(0, 2, (2, 3)).astype(dtype) for _ in range(2))
        name = np.dtype(dtype).name
        case("stack", name, [a, b, a], np.stack([a, b, a], 1), axis=1)
        case("unstack", name, [a], [a[:, 0], a[:, 1], a[:, 2]], axis=-1)
        case("tile", name, [a], np.tile(a, (2, 3)), repeats=(2, 3))
        case("pad_edge", name, [a], np.pad(a, ((1, 2), (0, 4)), "edge"), low=(1, 0), high=(2, 4))
        case("pad_reflect", name, [a], np.pad(a, ((1, 0), (2, 1)), "reflect"), low=(1, 2), high=(0, 1))
    case("stack", "scalars", [f32(1), f32(2)], np.array([1, 2], f32), axis=-1)
    empty = np.zeros((0, 2), f32)
    case("stack", "empty", [empty, empty], np.zeros((2, 0, 2), f32))
    case("tile", "none", [x], np.zeros((2, 0, 3), f32), repeats=(1, 0, 1))
    case("tile", "scalar", [f32(3)], f32(3), repeats=())
    case("tile", "six", [np.ones((1, 2, 1, 1, 2, 1), f32)], np.ones((2, 2, 3, 1, 2, 2), f32),
         repeats=(2, 1, 3, 1, 1, 2))
    case("pad_edge", "nothing", [empty], empty, low=(0, 0), high=(0, 0))
    for dtype in (i32, i64):
        at = np.array([[0, 3, -1], [2, 4, 1]], dtype)
        result = (at[..., None] == np.arange(4)).astype(f32)
        case("one_hot", np.dtype(dtype).name, [at], result, depth=4)
    case("one_hot", "bool", [np.array([1, 0], i32)], np.array([[False, True], [True, False]]), depth=2, dtype="bool")
    case("one_hot", "none", [np.array([1, 0], i32)], np.zeros((2, 0), f32), depth=0)
    case("linspace", "f32_11", [], np.linspace(0, 1, 11, dtype=L).astype(f32), 1e-6, start=0.0, stop=1.0, length=11)
    case("linspace", "f64_7", [], np.linspace(-3, 5, 7, dtype=L).astype(f64), 1e-15,
         start=-3.0, stop=5.0, length=7, dtype="f64")
    case("linspace", "one", [], np.array([2], f32), start=2.0, stop=5.0, length=1)
    case("linspace", "none", [], np.array([], f32), start=2.0, stop=5.0, length=0)


def slices(case):
    x = normal((5, 4), f32)
    for label, start, limit, strides in (
        ("whole", (4, 3), (-1, -1), (-1, -1)),
        ("part", (3, 0), (0, 4), (-1, 2)),
        ("steps", (4, 2), (-1, -1), (-2, -3)),
        ("even", (3, 3), (-1, 1), (-2, -1)),
        ("nothing", (2, 2), (2, 2), (-1, -5)),
        ("far", (4, 3), (-1, -1), (-9, -(2**40))),
    ):
        parts = [range(a, b, s) for a, b, s in zip(start, limit, strides)]
        result = x[np.ix_(*[np.array(list(p), int) for p in parts])]
        case("slice", f"f32_back_{label}", [x], result, start=start, limit=limit, strides=strides)
    empty = np.zeros((0,), f32)
    case("slice", "f32_back_empty", [empty], empty, start=(-1,), limit=(-1,), strides=(-1,))


def sorting(case):
    for dtype in (f32, f64, i32, np.uint8):
        x = random.integers(0, 6, (3, 7)).astype(dtype)
        name = np.dtype(dtype).name
        case("sort", f"{name}_rows", [x], np.sort(x, 0), axis=0)
        case("sort", f"{name}_down", [x], -np.sort(-x.astype(f64), 1).astype(f64).astype(dtype) if dtype != np.uint8
             else np.sort(x, 1)[:, ::-1], descending=True)
        at = np.argsort(-x.astype(f64), 1, kind="stable")[:, :4].astype(i32)
        case("top_k", name, [x], [np.take_along_axis(x, at, 1), at], count=4)
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 0.0], f32)
    case("sort", "special", [x], np.array([-np.inf, -0.0, 0.0, 0.0, np.inf, np.nan], f32))
    case("top_k", "special", [x], [np.array([np.nan, np.inf, 0, 0], f32), np.array([2, 3, 0, 5], i32)], count=4)
    none = np.zeros((2, 0), f32)
    case("sort", "none", [none], none)
    case("top_k", "none", [none], [none, np.zeros((2, 0), i32)], count=0)


def relative(result, error):
    """An error relative to the size of the terms, made relative to the least result."""
    least = np.abs(result[np.isfinite(result)])
    least = least[least > 0].min() if (least > 0).any() else 1
    return min(float(error / least), 2e-3)


def contractions(case):
    for equation, a, b in (
        ("ij,jk->ik", (3, 4), (4, 2)),
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
        ("i,j->ij", (3,), (4,)),
        ("ij,ij->", (3, 4), (3, 4)),
        ("ii,i->i", (3, 3), (3,)),
        ("ij,k->k", (2, 3), (4,)),
        ("bhqd,bhkd->bhqk", (1, 2, 3, 4), (1, 2, 5, 4)),
        ("abcdef,fedcba->ac", (1, 2, 1, 2, 2, 1), (1, 2, 2, 1, 2, 1)),
        (",->", (), ()),
        ("iA,Aj->ji", (2, 0), (0, 3)),
    ):
        name = equation.replace(",", "_").replace("->", "_to_") or "scalar"
        for dtype in (f32, f64):
            x, y = positive(a, dtype), positive(b, dtype)
            result = np.asarray(np.einsum(equation, x.astype(L), y.astype(L))).astype(dtype)
            case("contract", f"{NAMES[dtype]}_{name}", [x, y], result, CLOSE[dtype], equation=equation)
        x, y = (random.integers(-9, 9, s).astype(i32) for s in (a, b))
        case("contract", f"i32_{name}", [x, y], np.asarray(np.einsum(equation, x, y), i32), equation=equation)


def conv(x, w, strides, padding, dilation, groups):
    """The definition, element by element, for any number of spatial axes."""
    axes = x.ndim - 2
    amounts = [(0, 0), (0, 0)] + [tuple(padding[2 * a : 2 * a + 2]) for a in range(axes)]
    x = np.pad(x.astype(L), amounts)
    size = [
        (x.shape[a + 2] - (w.shape[a + 2] - 1) * dilation[a] - 1) // strides[a] + 1 for a in range(axes)
    ]
    result = np.zeros((x.shape[0], w.shape[0], *size), L)
    rows, channels = w.shape[0] // groups, w.shape[1]
    for n, o in itertools.product(range(x.shape[0]), range(w.shape[0])):
        for place in itertools.product(*map(range, size)):
            for c in range(channels):
                for tap in itertools.product(*map(range, w.shape[2:])):
                    at = tuple(p * s + t * d for p, s, t, d in zip(place, strides, tap, dilation))
                    value = x[(n, o // rows * channels + c, *at)]
                    result[(n, o, *place)] += value * L(w[(o, c, *tap)])
    return result


def conv_transpose(x, w, strides, padding, dilation, groups, extra):
    (n, channels, h, width), (_, rows, kh, kw) = x.shape, w.shape
    size = [
        (a - 1) * s + d * (k - 1) + 1 + e
        for a, s, d, k, e in zip((h, width), strides, dilation, (kh, kw), extra)
    ]
    full = np.zeros((n, rows * groups, *size), L)
    for b, c, i, j in itertools.product(range(n), range(channels), range(h), range(width)):
        group = c // (channels // groups)
        for o, p, q in itertools.product(range(rows), range(kh), range(kw)):
            y, z = i * strides[0] + p * dilation[0], j * strides[1] + q * dilation[1]
            full[b, group * rows + o, y, z] += L(x[b, c, i, j]) * L(w[c, o, p, q])
    return full[:, :, padding[0] : size[0] - padding[1], padding[2] : size[1] - padding[3]]


def convolutions(case):
    for label, xs, ws, attributes in (
        ("plain", (2, 2, 5), (3, 2, 3), {}),
        ("padded", (1, 2, 4), (2, 2, 3), {"strides": (2,), "padding": (1, 2), "dilation": (2,)}),
        ("grouped", (1, 4, 4), (6, 2, 2), {"groups": 2}),
        ("depthwise", (2, 3, 4), (3, 1, 2), {"groups": 3}),
    ):
        for dtype in (f32, f64):
            x, w = positive(xs, dtype), positive(ws, dtype)
            full = {"strides": (1,), "padding": (0, 0), "dilation": (1,), "groups": 1, **attributes}
            case("conv1d", f"{NAMES[dtype]}_{label}", [x, w], conv(x, w, **full).astype(dtype), CLOSE[dtype],
                 **attributes)
    for label, xs, ws, attributes in (
        ("plain", (2, 2, 4, 5), (3, 2, 2, 3), {}),
        ("padded", (1, 1, 4, 4), (2, 1, 3, 3), {"padding": (1, 1, 1, 1), "strides": (2, 1)}),
        ("dilated", (1, 2, 6, 5), (1, 2, 2, 2), {"dilation": (3, 2), "padding": (0, 1, 2, 0)}),
        ("grouped", (1, 4, 3, 3), (4, 2, 2, 2), {"groups": 2}),
        ("no_images", (0, 1, 3, 3), (2, 1, 2, 2), {}),
    ):
        for dtype in (f32, f64):
            x, w = positive(xs, dtype), positive(ws, dtype)
            full = {"strides": (1, 1), "padding": (0,) * 4, "dilation": (1, 1), "groups": 1, **attributes}
            case("conv2d", f"{NAMES[dtype]}_{label}", [x, w], conv(x, w, **full).astype(dtype), CLOSE[dtype],
                 **attributes)
    for label, xs, ws, attributes in (
        ("plain", (1, 2, 2, 3), (2, 3, 2, 2), {}),
        ("strided", (2, 1, 3, 2), (1, 2, 3, 3), {"strides": (2, 3)}),
        ("cut", (1, 2, 3, 3), (2, 1, 3, 3), {"strides": (2, 2), "padding": (1, 1, 1, 1)}),
        ("longer", (1, 1, 2, 2), (1, 1, 2, 2), {"strides": (2, 3), "output_padding": (1, 2)}),
        ("cut_more", (1, 1, 3, 3), (1, 1, 1, 1), {"strides": (2, 2), "padding": (1, 0, 0, 2)}),
        ("dilated", (1, 1, 2, 2), (1, 2, 2, 2), {"dilation": (2, 3)}),
        ("grouped", (1, 4, 2, 2), (4, 1, 2, 2), {"groups": 2, "strides": (2, 2)}),
    ):
        for dtype in (f32, f64):
            x, w = positive(xs, dtype), positive(ws, dtype)
            full = {"strides": (1, 1), "padding": (0,) * 4, "dilation": (1, 1), "groups": 1, **attributes}
            full["extra"] = full.pop("output_padding", (0, 0))
            case("conv_transpose2d", f"{NAMES[dtype]}_{label}", [x, w],
                 conv_transpose(x, w, **full).astype(dtype), CLOSE[dtype], **attributes)


def pool(x, size, strides=(1, 1), padding=(0,) * 4, dilation=(1, 1), fill=-np.inf):
    lead = [(0, 0)] * (x.ndim - 2)
    x = np.pad(x, lead + [tuple(padding[:2]), tuple(padding[2:])], constant_values=fill)
    a = x.ndim - 2
    x = windows(x, a, size[0], strides[0], dilation[0])
    return windows(x, a + 1, size[1], strides[1], dilation[1])


def pooling(case):
    for label, shape, attributes in (
        ("halved", (1, 2, 4, 6), {"size": (2, 2), "strides": (2, 2)}),
        ("padded", (3, 5), {"size": (3, 3), "padding": (1, 1, 1, 0)}),
        ("dilated", (2, 5, 5), {"size": (2, 3), "dilation": (2, 2), "strides": (1, 2)}),
    ):
        for dtype in (f32, f64):
            x = normal(shape, dtype)
            x.flat[3] = np.nan
            name = f"{NAMES[dtype]}_{label}"
            case("max_pool2d", name, [x], pool(x, **attributes).max((-1, -2)), **attributes)
            x = positive(shape, dtype)
            mean = pool(x.astype(L), **attributes, fill=0).mean((-1, -2)).astype(dtype)
            case("avg_pool2d", name, [x], mean, CLOSE[dtype], **attributes)
    x = random.integers(-99, 99, (4, 4)).astype(i32)
    full = np.pad(x, 1, constant_values=np.iinfo(i32).min)
    case("max_pool2d", "i32", [x], windows(windows(full, 0, 2), 1, 2).max((-1, -2)), size=(2, 2),
         padding=(1, 1, 1, 1))


def resizing(case):
    x = normal((2, 3, 4), f32)
    for rows, columns in ((6, 8), (2, 2), (3, 4), (1, 7), (0, 2)):
        at = [np.array([i * n // m for i in range(m)], int) for n, m in ((3, rows), (4, columns))]
        case("resize", f"nearest_{rows}_{columns}", [x], x[:, at[0]][:, :, at[1]], sizes=(rows, columns))
        y = positive((3, 4), f64)
        value = y.astype(L)
        for axis, (n, m) in enumerate(((3, rows), (4, columns))):
            place = [max((L(i) + L(0.5)) * n / L(m) - L(0.5), L(0)) for i in range(m)]
            low = [min(math.floor(p), n - 1) for p in place]
            high = [min(p + 1, n - 1) for p in low]
            weight = np.array([p - q for p, q in zip(place, low)], L).reshape([-1, 1] if axis == 0 else [-1])
            value = np.take(value, low, axis) * (1 - weight) + np.take(value, high, axis) * weight
        case("resize", f"bilinear_{rows}_{columns}", [y], value.astype(f64), 1e-14, sizes=(rows, columns),
             mode="bilinear")


def statistics(case):
    for dtype in (f32, f64):
        name, close = NAMES[dtype], CLOSE[dtype]
        x = normal((2, 3, 4), dtype) * dtype(5)
        wide = x.astype(L)
        for axes in ((0,), (1, 2), (0, 1, 2), ()):
            kept = tuple(axes)
            size = math.prod(x.shape[a] for a in kept)
            total = np.log(np.exp(wide).sum(kept))
            case("logsumexp", name, [x], total.astype(dtype), relative(np.asarray(total), close * 10), axes=axes)
            if size > 1:
                case("variance", f"{name}_unbiased", [x], wide.var(kept, ddof=1).astype(dtype), close * 4,
                     axes=axes, correction=1)
                case("variance", name, [x], wide.var(kept).astype(dtype), close * 4, axes=axes, keep_dims=False)
            case("norm", name, [x], np.sqrt((wide**2).sum(kept)).astype(dtype), close, axes=axes)
            case("norm", f"{name}_1", [x], np.abs(wide).sum(kept).astype(dtype), close, axes=axes, ord=1.0)
            largest = np.abs(x).max(kept) if kept else np.abs(x)
            case("norm", f"{name}_inf", [x], largest, axes=axes, ord=math.inf)
        special = np.array([[-np.inf, -np.inf], [np.inf, 1], [np.nan, 1], [1000, 1000]], dtype)
        total = np.array([-np.inf, np.inf, np.nan, 1000 + math.log(2)], dtype)
        case("logsumexp", f"{name}_special", [special], total, close, axes=(1,))
        none = np.zeros((2, 0), dtype)
        case("logsumexp", f"{name}_none", [none], np.full(2, -np.inf, dtype), axes=(1,))
        case("norm", f"{name}_none", [none], np.zeros(2, dtype), axes=(1,), ord=math.inf)
        case("variance", f"{name}_none", [none], np.full(2, np.nan, dtype), axes=(1,))


def normalisations(case):
    for dtype in (f32, f64):
        name, close = NAMES[dtype], CLOSE[dtype] * 20
        x = normal((3, 6), dtype)
        w, b = positive((6,), dtype), positive((6,), dtype) + dtype(4)
        wide = x.astype(L)

        def standard(v, axes, epsilon=1e-5):
            return (v - v.mean(axes, keepdims=True)) / np.sqrt(v.var(axes, keepdims=True) + L(epsilon))

        # The bias keeps results away from 0, so that a relative error says something.
        case("layer_norm", name, [x, w, b], (standard(wide, -1) * w + b).astype(dtype), close)
        case("layer_norm", f"{name}_vector", [x[0], w, b], (standard(wide[0], -1, 0.1) * w + b).astype(dtype),
             close, epsilon=0.1)
        root = wide / np.sqrt((wide**2).mean(-1, keepdims=True) + L(1e-5)) * w
        case("rms_norm", name, [x, w], root.astype(dtype), close)
        v = normal((2, 3, 2, 2), dtype)
        m, s, g, h = (positive((3,), dtype) for _ in range(4))
        along = lambda t: t.astype(L).reshape(3, 1, 1)
        result = (v.astype(L) - along(m)) / np.sqrt(along(s) + L(1e-5)) * along(g) + along(h) + L(0)
        case("batch_norm", name, [v, m, s, g, h], result.astype(dtype), relative(result, close))
        v = normal((2, 4, 3), dtype)
        g, h = positive((4,), dtype), positive((4,), dtype) + dtype(4)
        result = standard(v.astype(L).reshape(2, 2, 2, 3), (2, 3)).reshape(2, 4, 3) * g[:, None] + h[:, None]
        case("group_norm", name, [v, g, h], result.astype(dtype), close, groups=2)
        norms = np.sqrt((wide**2).sum(1, keepdims=True))
        case("l2_normalize", name, [x], (wide / norms).astype(dtype), close)
        zero = np.zeros((2, 3), dtype)
        case("l2_normalize", f"{name}_zero", [zero], zero, axis=0)
        y = positive((3, 6), dtype)
        dot = (wide * y).sum(1) / (norms[:, 0] * np.sqrt((y.astype(L) ** 2).sum(1)))
        case("cosine_similarity", name, [x, y], dot.astype(dtype), relative(dot, close))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v, mask=None, causal=False, scale=None):
    q, k, v = (t.astype(L) for t in (q, k, v))
    if q.ndim > 2:
        repeat = q.shape[-3] // k.shape[-3]
        k, v = np.repeat(k, repeat, -3), np.repeat(v, repeat, -3)
    scores = (q[..., :, None, :] * k[..., None, :, :]).sum(-1) * L(scale or 1 / math.sqrt(q.shape[-1]))
    m, n = scores.shape[-2:]
    if causal:
        scores = np.where(np.arange(n) <= np.arange(m)[:, None] + n - m, scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == np.bool_ else scores + mask
    return (softmax(scores)[..., None] * v[..., None, :, :]).sum(-2)


def attention(case):
    for dtype in (f32, f64):
        name, close = NAMES[dtype], CLOSE[dtype] * 10
        for label, qs, ks, width, attributes, mask in (
            ("plain", (3, 4), (5, 4), 2, {}, None),
            ("causal", (2, 3, 4), (2, 3, 4), 4, {"causal": True}, None),
            ("causal_cached", (2, 2, 4), (2, 5, 4), 4, {"causal": True}, None),
            ("grouped", (1, 4, 2, 4), (1, 2, 3, 4), 3, {"scale": 0.5}, None),
            ("grouped_masked", (2, 4, 2, 2), (2, 1, 3, 2), 2, {"causal": True}, "bool"),
            ("biased", (2, 2, 3), (2, 3, 3), 1, {}, "float"),
        ):
            q, k, v = normal(qs, dtype), normal(ks, dtype), positive((*ks[:-1], width), dtype)
            operands = [q, k, v]
            extra = None
            if mask == "bool":
                extra = random.integers(0, 2, (qs[-2], ks[-2])).astype(np.bool_)
                extra[:, 0] = True
            elif mask:
                extra = normal((1, ks[-2]), dtype)
            if extra is not None:
                operands.append(extra)
            result = attend(q, k, v, extra, **attributes).astype(dtype)
            case("attention", f"{name}_{label}", operands, result, close, **attributes)
        x = positive((2, 3, 4), dtype)
        at = np.array([0, 2, 5], i32)
        angle = at[:, None] * L(10000) ** (-np.arange(2, dtype=L) / 2)
        turned = np.concatenate(
            [
                x[..., :2] * np.cos(angle) - x[..., 2:] * np.sin(angle),
                x[..., 2:] * np.cos(angle) + x[..., :2] * np.sin(angle),
            ],
            -1,
        )
        case("rotary_embedding", name, [x, at], turned.astype(dtype), relative(turned, close))


def losses(case):
    for dtype in (f32, f64):
        name, close = NAMES[dtype], CLOSE[dtype] * 10
        x, y = normal((3, 4), dtype), positive((3, 4), dtype)
        t = np.array([3, -1, 0], i32)
        picked = -np.log(softmax(x.astype(L)))[[0, 1, 2], [3, 0, 0]] * np.array([1, 0, 1])
        error = (x.astype(L) - y) ** 2
        binary = np.log1p(np.exp(x.astype(L))) - x.astype(L) * y
        for op, operands, values, mean in (
            ("mse", [x, y], error, error.mean()),
            ("cross_entropy", [x, t], picked, picked.sum() / 2),
            ("binary_cross_entropy", [x, y], binary, binary.mean()),
        ):
            bound = relative(values, close)
            case(op, f"{name}_none", operands, values.astype(dtype), bound, reduction="none")
            case(op, f"{name}_sum", operands, values.sum().astype(dtype), bound, reduction="sum")
            case(op, f"{name}_mean", operands, mean.astype(dtype), bound)
        nobody = np.array([-1, 4, 9], i32)
        case("cross_entropy", f"{name}_nobody", [x, nobody], dtype(np.nan))


def cells(case):
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    for dtype in (f32, f64):
        name, close = NAMES[dtype], CLOSE[dtype]
        x, h, c = normal((2, 3), dtype), normal((2, 2), dtype), normal((2, 2), dtype)
        for gates, op in ((3, "gru_cell"), (4, "lstm_cell")):
            u, v = normal((gates * 2, 3), dtype), normal((gates * 2, 2), dtype)
            a, b = normal((gates * 2,), dtype), normal((gates * 2,), dtype)
            p = (x.astype(L)[:, None, :] * u).sum(-1) + a
            q = (h.astype(L)[:, None, :] * v).sum(-1) + b
            p, q = (np.split(t, gates, 1) for t in (p, q))
            if gates == 3:
                reset, update = sigmoid(p[0] + q[0]), sigmoid(p[1] + q[1])
                new = np.tanh(p[2] + reset * q[2])
                result = (1 - update) * new + update * h
                case(op, name, [x, h, u, v, a, b], result.astype(dtype), relative(result, close * 10))
            else:
                i, f, g, o = (s + t for s, t in zip(p, q))
                cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                out = sigmoid(o) * np.tanh(cell)
                bound = max(relative(out, close * 10), relative(cell, close * 10))
                case(op, name, [x, h, c, u, v, a, b], [out.astype(dtype), cell.astype(dtype)], bound)


def add(case):
    for group in (
        views,
        slices,
        sorting,
        contractions,
        convolutions,
        pooling,
        resizing,
        statistics,
        normalisations,
        attention,
        losses,
        cells,
    ):
        group(case)
