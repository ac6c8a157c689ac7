"""Reference data for the operators: inputs and outputs of every op, case by case.

Writes Tests/Data/ops/<op>/<case>.in0.npy, .in1.npy, ... and <case>.out0.npy. A case is named
`<label>[__<attribute>_<integers>]...`: `f32_random__axes_0_2` has the attribute axes = [0, 2]. The label
starts with the dtype of the data.

Outputs are computed without rounding on the way (integers, fractions, 120-digit decimals) and rounded once.
Where the output has the type that the op gives, the op must give these bits (any NaN for a NaN). Sums,
means, products, matrix products, elementary functions, softmax and linear algebra of floats have f64
outputs, also for f32 inputs: the op must be within its stated error of them, which are first rounded to its
own type.

Meaning where libraries differ: integers wrap; division truncates and by zero gives 0, remainder has the sign
of the dividend and by zero gives the dividend; the float remainder is C's fmod; NaN propagates through
minimum, maximum, clamp, max and min; +0 is above -0 in these, but equal to it in equal, less, argmax, argmin
and argsort; sign keeps NaN and signed zeros; round is half to even; argmax and argmin give the first place,
the first NaN winning; reductions drop their axes, and over nothing sum is 0, prod 1, mean NaN, max the least
and min the greatest value of the type (an infinity for floats); argsort is stable and ascending with NaN
last; the softmax of a row is NaN where its maximum is infinite.

Operands: select (condition, when true, when false); clamp (x, low, high); gather (x, indices), which puts
the indices' shape in the place of the axis and counts negative indices from the end; solve (a, b) with
a x = b.
"""

import itertools
import math

import numpy as np

import exact
import portable
from portable import TEST_DATA

FLOATS = (np.float32, np.float64)
SIGNED = (np.int32, np.int64)
INTEGERS = (np.int32, np.int64, np.uint8)
I32, BOOL = np.int32, np.bool_
NAMES = {np.float32: "f32", np.float64: "f64", I32: "i32", np.int64: "i64", np.uint8: "u8", BOOL: "bool"}

ops = TEST_DATA / "ops"
random = np.random.default_rng(20250101)


def case(op, name, inputs, outputs, **attributes):
    """Saves one case."""
    for key, value in attributes.items():
        integers = value if isinstance(value, (tuple, list)) else [value]
        name += "__" + "_".join([key, *map(str, integers)])
    assert not (ops / op / f"{name}.in0.npy").exists(), f"{op}/{name} twice"
    for kind, arrays in (("in", inputs), ("out", outputs)):
        for i, array in enumerate(arrays):
            portable.save(ops / op / f"{name}.{kind}{i}.npy", array)


# Inputs


def normal(shape, dtype):
    """Values of both signs around one, or integers around a hundred."""
    if dtype in FLOATS:
        return random.normal(0, 2, shape).astype(np.float32).astype(dtype)  # f32 values in either type
    if dtype == np.bool_:
        return random.integers(0, 2, shape).astype(dtype)
    low = 0 if dtype == np.uint8 else -100
    return random.integers(low, 100, shape).astype(dtype)


def specials(dtype):
    """The values at the edges of a type."""
    if dtype in FLOATS:
        info = np.finfo(dtype)
        tiny, least, big = info.tiny, info.smallest_subnormal, info.max
        below = np.nextafter(tiny, dtype(0))
        values = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 1.5, -3, big, -big]
        return np.array(values + [least, -least, below, tiny, -tiny], dtype)
    info = np.iinfo(dtype)
    values = [info.min, info.min + 1, info.max - 1, info.max, 0, 1, 2, 3, 7, 10]
    if info.min < 0:
        values += [-1, -2, -3, -7, -10]
    return np.array(sorted(set(values)), dtype)


def pairs(dtype):
    """All pairs of the most special values, as two arrays; fewer for wide types, whose rules are the same."""
    if dtype in FLOATS:
        info = np.finfo(dtype)
        values = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -3, info.smallest_subnormal, info.max]
        if dtype == np.float32:
            values += [-1, info.tiny, -info.max]
    elif dtype == np.uint8:
        values = [0, 1, 2, 7, 128, 255]
    else:
        info = np.iinfo(dtype)
        values = [info.min, info.max, -7, -1, 0, 1, 3]
        if dtype == I32:
            values += [info.min + 1, -3, 10]
    values = np.array(values, dtype)
    return np.repeat(values, len(values)), np.tile(values, len(values))


# Scalar meaning


def wrapped(value, dtype):
    """The integer `value` modulo the type's range."""
    info = np.iinfo(dtype)
    return (value - info.min) % (info.max - info.min + 1) + info.min


def truncating_quotient(a, b):
    if b == 0:
        return 0
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def truncating_remainder(a, b):
    return a if b == 0 else a - b * truncating_quotient(a, b)


def lesser(a, b):
    """The smaller of two numbers: NaN if there is one, -0 below +0."""
    if a != a or b != b:
        return a if a != a else b
    if a == b == 0:
        return a if math.copysign(1, a) < 0 else b
    return a if a < b else b


def greater(a, b):
    """The greater of two numbers: NaN if there is one, +0 above -0."""
    if a != a or b != b:
        return a if a != a else b
    if a == b == 0:
        return b if math.copysign(1, a) < 0 else a
    return a if a > b else b


def by_element(function, dtype, *arrays):
    """`function` of the elements as Python numbers; integer results wrap into `dtype`."""
    integers = dtype in INTEGERS
    values = [function(*(v.item() for v in vs)) for vs in zip(*(a.ravel() for a in arrays))]
    values = [wrapped(v, dtype) if integers else v for v in values]
    return np.array(values, dtype).reshape(arrays[0].shape)


def rounded_sum(values, dtype):
    """The sum of a list in the output type of `sum`."""
    return wrapped(sum(int(v) for v in values), dtype) if dtype in INTEGERS else exact.sum_of(values)


# Elementwise ops


def binary_arithmetic():
    integer_meaning = {
        "add": lambda a, b: a + b,
        "subtract": lambda a, b: a - b,
        "multiply": lambda a, b: a * b,
        "divide": truncating_quotient,
        "remainder": truncating_remainder,
        "minimum": min,
        "maximum": max,
    }
    float_meaning = {  # NumPy's own arithmetic is IEEE: one rounding each, and fmod is exact
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "divide": np.divide,
        "remainder": np.fmod,
        "minimum": lambda a, b: by_element(lesser, a.dtype.type, a, b),
        "maximum": lambda a, b: by_element(greater, a.dtype.type, a, b),
    }
    for op in integer_meaning:
        for dtype in FLOATS + INTEGERS:
            random_pair = normal((3, 7), dtype), normal((3, 7), dtype)
            for label, (a, b) in (("special", pairs(dtype)), ("random", random_pair)):
                if label == "random" and dtype not in (np.float32, I32):
                    continue
                if dtype in FLOATS:
                    result = float_meaning[op](a, b)
                else:
                    result = by_element(integer_meaning[op], dtype, a, b)
                assert result.dtype == dtype
                case(op, f"{NAMES[dtype]}_{label}", [a, b], [result])
    empty = np.zeros((2, 0), np.float32)
    case("add", "f32_empty", [empty, empty], [empty])


def comparisons():
    for op, meaning in (("equal", lambda a, b: a == b), ("less", lambda a, b: a < b)):
        for dtype in FLOATS + INTEGERS:
            a, b = pairs(dtype)
            case(op, f"{NAMES[dtype]}_special", [a, b], [by_element(meaning, BOOL, a, b)])
            if dtype not in (np.float32, I32):
                continue
            near = normal((40,), dtype)
            other = np.where(random.integers(0, 2, 40) == 1, near, normal((40,), dtype))
            case(op, f"{NAMES[dtype]}_random", [near, other], [by_element(meaning, BOOL, near, other)])
    a, b = np.array([0, 0, 1, 1], BOOL), np.array([0, 1, 0, 1], BOOL)
    case("equal", "bool_all", [a, b], [by_element(lambda x, y: x == y, BOOL, a, b)])
    for dtype in FLOATS + INTEGERS + (BOOL,):
        chosen, a, b = normal((4, 5), BOOL), normal((4, 5), dtype), normal((4, 5), dtype)
        case("select", f"{NAMES[dtype]}_random", [chosen, a, b], [np.where(chosen, a, b)])
    a = specials(np.float32)
    b, chosen = a[::-1].copy(), np.arange(len(a)) % 3 == 0
    case("select", "f32_special", [chosen, a, b], [np.where(chosen, a, b)])


def clamps():
    for dtype in FLOATS + INTEGERS:
        x = normal((3, 6), dtype)
        low, high = np.sort(normal((2, 3, 6), dtype), axis=0)
        meaning = lambda v, low, high: lesser(greater(v, low), high)
        case("clamp", f"{NAMES[dtype]}_random", [x, low, high], [by_element(meaning, dtype, x, low, high)])
        if dtype not in FLOATS:
            continue
        values = [np.nan, 0.0, -0.0, 1, np.inf]
        triples = [t for t in itertools.product(values, repeat=3) if not t[1] > t[2]]
        x, low, high = (np.array(column, dtype) for column in zip(*triples))
        case("clamp", f"{NAMES[dtype]}_special", [x, low, high], [by_element(meaning, dtype, x, low, high)])


def unary_exact():
    def sign(v):
        return v if v != v or v == 0 else math.copysign(1, v)

    for op, integer_meaning, float_meaning in (
        ("negate", lambda v: -v, np.negative),
        ("abs", abs, np.abs),
        ("sign", lambda v: (v > 0) - (v < 0), lambda a: by_element(sign, a.dtype.type, a)),
    ):
        for dtype in FLOATS + SIGNED:
            for label, x in (("random", normal((4, 9), dtype)), ("special", specials(dtype))):
                result = float_meaning(x) if dtype in FLOATS else by_element(integer_meaning, dtype, x)
                case(op, f"{NAMES[dtype]}_{label}", [x], [result])
    for op, meaning in (("floor", np.floor), ("ceil", np.ceil), ("round", np.rint), ("trunc", np.trunc)):
        for dtype in FLOATS:
            digits = np.finfo(dtype).nmant
            halves = np.arange(-4.5, 5, 0.5)
            ties = (-1.5, -0.5, 0.5, 1, 2.5)
            around = np.array([np.nextafter(dtype(v), dtype(to)) for v in ties for to in (-9, 9)])
            powers = (2.0 ** (digits - 1), 2.0**digits, 2.0 ** (digits + 1))
            edge = np.array([power + offset for power in powers for offset in (-1, -0.5, 0.5, 1)])
            x = np.concatenate([halves, around, edge, -edge, 10 * normal((20,), dtype)]).astype(dtype)
            case(op, f"{NAMES[dtype]}_random", [x], [meaning(x)])
            case(op, f"{NAMES[dtype]}_special", [specials(dtype)], [meaning(specials(dtype))])
    for dtype in FLOATS:
        x = np.abs(normal((40,), dtype)) * dtype(10)
        case("sqrt", f"{NAMES[dtype]}_random", [x], [np.sqrt(x)])
        case("sqrt", f"{NAMES[dtype]}_special", [specials(dtype)], [np.sqrt(specials(dtype))])


def unary_elementary():
    spread = lambda low, high, n=24: random.uniform(low, high, n)
    positive = lambda: np.ldexp(spread(0.5, 1), random.integers(-30, 30, 24))
    inputs = {  # op -> values besides the special ones, which every op has
        "exp": [*spread(-20, 20), *spread(-104, 89), -87.5, -100, -103.9, 88.7, 88.8],
        "log": [*positive(), *spread(0.5, 2), 1 - 2**-20, 1 + 2**-20],
        "log1p": [*spread(-0.9, 10), *spread(-1e-3, 1e-3), 1e-8, -1e-8, -0.9999],
        "expm1": [*spread(-20, 20), *spread(-1e-3, 1e-3), 1e-8, -1e-8, -50, 88.7],
        "tanh": [*spread(-5, 5), *spread(-1e-3, 1e-3), 8.9, 9.1, -20, 100],
        "sigmoid": [*spread(-20, 20), *spread(-100, 100), 1e-6, -87.5, -103, -104],
        "softplus": [*spread(-20, 20), *spread(-100, 100), 1e-6, -87.5, -103, -104],
        "sin": [*spread(-10, 10), *spread(-1e4, 1e4), math.pi, math.pi / 2, 1e-4, 1e6, 1e10, 1e22],
        "cos": [*spread(-10, 10), *spread(-1e4, 1e4), math.pi, math.pi / 2, 1e-4, 1e6, 1e10, 1e22],
    }
    for op, values in inputs.items():
        meaning = getattr(exact, op)
        for dtype in FLOATS:
            x = np.array(values, np.float32).astype(dtype)  # multiples of f32, short in either type
            if dtype == np.float64:
                x = x * (1 + 2.0**-40)
            case(op, f"{NAMES[dtype]}_random", [x], [exact.elementwise(meaning, x)])
            x = specials(dtype)
            if op in ("sin", "cos") and dtype == np.float64:
                x = x[~(np.abs(x) == np.finfo(dtype).max)]  # more digits of pi than are at hand
            case(op, f"{NAMES[dtype]}_special", [x], [exact.elementwise(meaning, x)])


# Reductions


def reduced(x, axes, function, dtype):
    """`function` of the lists of elements along `axes`, which are dropped."""
    axes = [axis % x.ndim for axis in axes]
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    shape = [x.shape[axis] for axis in kept]
    result = np.zeros(shape, dtype)
    moved = np.transpose(x, kept + axes)
    for place in np.ndindex(*shape):
        result[place] = function([v.item() for v in moved[place].ravel()])
    return result


def reductions():
    def least(dtype):
        return -np.inf if dtype in FLOATS else np.iinfo(dtype).min

    def greatest(dtype):
        return np.inf if dtype in FLOATS else np.iinfo(dtype).max

    def chain(function, start):
        def folded(values):
            result = start
            for value in values:
                result = function(result, value)
            return result

        return folded

    def meaning(op, dtype):
        """The function of a list and the type of its result."""
        precise = np.float64 if dtype in FLOATS else dtype
        if op == "sum":
            return lambda v: rounded_sum(v, dtype), precise
        if op == "prod":
            if dtype in FLOATS:
                return exact.product_of, precise
            return lambda v: wrapped(math.prod(v), dtype), precise
        if op == "mean":
            return exact.mean_of, precise
        if op == "max":
            return chain(greater, least(dtype)), dtype
        return chain(lesser, greatest(dtype)), dtype

    for op in ("sum", "mean", "max", "min", "prod"):
        for dtype in FLOATS + (() if op == "mean" else INTEGERS):
            function, result = meaning(op, dtype)
            name = NAMES[dtype]
            x = normal((2, 3, 5), dtype)
            for axes in ((0,), (1,), (-1,), (0, 2), (0, 1, 2)) if dtype == np.float32 else ((0, 2),):
                case(op, f"{name}_random", [x], [reduced(x, axes, function, result)], axes=axes)
            for label, shape, axes in (
                ("empty_axis", (2, 0, 3), (1,)),
                ("empty_result", (2, 0, 3), (0,)),
                ("empty_all", (0, 4), (0, 1)),
                ("one", (1, 4), (0,)),
                ("one_of_each", (1, 1), (0, 1)),
            ):
                if dtype == np.float32 or label == "empty_axis":
                    y = normal(shape, dtype)
                    case(op, f"{name}_{label}", [y], [reduced(y, axes, function, result)], axes=axes)
            if dtype == np.float32:
                y = normal((2, 100), dtype)
                if op == "prod":
                    y = (1 + y / 20).astype(dtype)
                case(op, f"{name}_long", [y], [reduced(y, (1,), function, result)], axes=(1,))
        for dtype in FLOATS:
            function, result = meaning(op, dtype)
            nan, inf = np.nan, np.inf
            rows = [[1, nan, 2], [inf, 1, 2], [-inf, 1, 2], [inf, -inf, 1], [nan, inf, -inf], [nan] * 3]
            y = np.array(rows + [[inf] * 3], dtype)
            case(op, f"{NAMES[dtype]}_special", [y], [reduced(y, (1,), function, result)], axes=(1,))
        if op in ("max", "min"):
            for dtype in FLOATS:
                function, result = meaning(op, dtype)
                y = np.array([[0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0], [0.0, 0.0]], dtype)
                case(op, f"{NAMES[dtype]}_zeros", [y], [reduced(y, (1,), function, result)], axes=(1,))
        if op in ("sum", "prod"):
            y = np.array([[2**31 - 1, 1, 5], [-(2**31), -1, 0], [2**16, 2**16, 3]], I32)
            case(op, "i32_wrap", [y], [reduced(y, (1,), meaning(op, I32)[0], I32)], axes=(1,))


def places():
    def first(better):
        """The first place of a list at which nothing is better, a NaN being best."""

        def found(values):
            best = 0
            for i, value in enumerate(values):
                held = values[best]
                if held == held and (value != value or better(value, held)):
                    best = i
            return best

        return found

    for op, better in (("argmax", lambda a, b: a > b), ("argmin", lambda a, b: a < b)):
        for dtype in FLOATS + INTEGERS:
            x = normal((2, 3, 5), dtype)
            for axis in (0, 1, -1) if dtype == np.float32 else (1,):
                case(op, f"{NAMES[dtype]}_random", [x], [reduced(x, (axis,), first(better), I32)], axis=axis)
            y = random.integers(0, 3, (6, 5)).astype(dtype)
            case(op, f"{NAMES[dtype]}_ties", [y], [reduced(y, (1,), first(better), I32)], axis=1)
        nan, inf = np.nan, np.inf
        rows = [[1, nan, nan], [inf, nan, 1], [-inf] * 3, [0.0, -0.0, 0.0], [-0.0, 0.0, -0.0]]
        y = np.array(rows + [[nan, -inf, inf]], np.float32)
        case(op, "f32_special", [y], [reduced(y, (1,), first(better), I32)], axis=1)
        y = np.zeros((0, 3), np.float32)
        case(op, "f32_empty_result", [y], [np.zeros(0, I32)], axis=1)
        y = normal((4, 1), np.float32)
        case(op, "f32_one", [y], [np.zeros(4, I32)], axis=1)


# Products and softmax


def matrix_product(a, b):
    """The product over the last axis of a and the last but one of b; leading axes broadcast."""
    dtype = a.dtype.type
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, lead + a.shape[-2:])
    b = np.broadcast_to(b, lead + b.shape[-2:])
    result = np.zeros(lead + (a.shape[-2], b.shape[-1]), np.float64 if dtype in FLOATS else dtype)
    for place in np.ndindex(*result.shape):
        row, column = a[place[:-1]], b[place[:-2] + (slice(None), place[-1])]
        if dtype in FLOATS:
            result[place] = exact.dot(row, column)
        else:
            result[place] = wrapped(sum(int(x) * int(y) for x, y in zip(row, column)), dtype)
    return result


def matmul():
    shapes = {
        "square": ((4, 4), (4, 4)),
        "wide": ((2, 3), (3, 17)),
        "deep": ((3, 65), (65, 2)),
        "row": ((1, 5), (5, 3)),
        "column": ((3, 5), (5, 1)),
        "one": ((1, 1), (1, 1)),
        "outer": ((3, 1), (1, 4)),
        "batched": ((3, 2, 4), (3, 4, 2)),
        "batched_twice": ((2, 3, 2, 4), (2, 3, 4, 3)),
        "batch_by_matrix": ((2, 3, 4), (4, 5)),
        "empty_sum": ((2, 0), (0, 3)),
        "empty_rows": ((0, 3), (3, 2)),
        "empty_batch": ((0, 2, 3), (0, 3, 2)),
    }
    for label, (left, right) in shapes.items():
        for dtype in FLOATS + SIGNED:
            if dtype == I32 and label not in ("wide", "batched", "empty_sum"):
                continue
            if dtype in (np.float64, np.int64) and label not in ("square", "batched"):
                continue
            a, b = normal(left, dtype), normal(right, dtype)
            case("matmul", f"{NAMES[dtype]}_{label}", [a, b], [matrix_product(a, b)])
    nan, inf = np.nan, np.inf
    a = np.array([[1, inf, 0], [nan, 1, 1], [0, -inf, 2], [0, 1, 2]], np.float32)
    b = np.array([[1, 0], [0, 3], [2, -1]], np.float32)
    case("matmul", "f32_special", [a, b], [matrix_product(a, b)])
    a, b = np.array([[2**31 - 1, 2, -(2**31)]], I32), np.array([[3], [2**30], [-1]], I32)
    case("matmul", "i32_wrap", [a, b], [matrix_product(a, b)])


def softmaxes():
    def along(x, axis, logarithm):
        rows = np.moveaxis(x, axis, -1)
        result = np.zeros(rows.shape)
        for place in np.ndindex(*rows.shape[:-1]):
            result[place] = exact.softmax_of(rows[place], logarithm)
        return np.moveaxis(result, -1, axis)

    nan, inf = np.nan, np.inf
    for op, logarithm in (("softmax", False), ("log_softmax", True)):
        for dtype in FLOATS:
            name = NAMES[dtype]
            x = normal((2, 3, 5), dtype)
            for axis in (-1, 0, 1):
                case(op, f"{name}_random", [x], [along(x, axis, logarithm)], axis=axis)
            x = (30 * normal((3, 40), dtype)).astype(dtype)
            case(op, f"{name}_wide", [x], [along(x, 1, logarithm)], axis=1)
            rows = [[-inf] * 3, [inf, 0, 0], [nan, 0, 0], [-inf, 0, 1], [1e30, -1e30, 0], [1000] * 3]
            x = np.array(rows + [[0.0, -0.0, 0]], dtype)
            case(op, f"{name}_special", [x], [along(x, 1, logarithm)], axis=1)
        for label, shape in (("one", (3, 1)), ("empty_result", (0, 3)), ("empty_axis", (3, 0))):
            x = normal(shape, np.float32)
            case(op, f"f32_{label}", [x], [along(x, 1, logarithm)], axis=1)


# Movement


def movement():
    for dtype in FLOATS + INTEGERS + (BOOL,):
        name = NAMES[dtype]
        x = normal((2, 3, 4), dtype)
        for order in ((2, 0, 1), (1, 0, 2)):
            case("transpose", f"{name}_random", [x], [np.transpose(x, order)], order=order)
        parts = [normal((2, n), dtype) for n in (3, 0, 1)]
        case("concat", f"{name}_random", parts, [np.concatenate(parts, 1)], axis=1)
        index = np.array([2, 0, -1, 0, -3], I32)
        case("gather", f"{name}_random", [x, index], [np.take(x, index, 1)], axis=1)
        x = normal((5, 7), dtype)
        case("slice", f"{name}_random", [x], [x[1:5:2, 0:7:3]], start=(1, 0), stop=(5, 7), stride=(2, 3))

    f32 = np.float32
    x = normal((3, 4), f32)
    case("transpose", "f32_matrix", [x], [x.T], order=(1, 0))
    case("transpose", "f32_same", [x], [x], order=(0, 1))
    x = normal((2, 3, 4, 5), f32)
    case("transpose", "f32_four", [x], [np.transpose(x, (3, 1, 0, 2))], order=(3, 1, 0, 2))
    x = normal((2, 0, 3), f32)
    case("transpose", "f32_empty", [x], [np.transpose(x, (2, 1, 0))], order=(2, 1, 0))

    x = normal((6,), f32)
    for label, start, stop, stride in (
        ("all", 0, 6, 1),
        ("tail", 4, 6, 1),
        ("every_second", 0, 6, 2),
        ("stride_past_end", 1, 6, 4),
        ("empty", 3, 3, 1),
    ):
        case("slice", f"f32_{label}", [x], [x[start:stop:stride]], start=start, stop=stop, stride=stride)

    x, y = normal((2, 3), f32), normal((4, 3), f32)
    case("concat", "f32_rows", [x, y], [np.concatenate([x, y], 0)], axis=0)
    x, y = normal((2, 2, 2), f32), normal((2, 2, 3), f32)
    case("concat", "f32_last", [x, y], [np.concatenate([x, y], -1)], axis=-1)
    case("concat", "f32_single", [x], [x], axis=0)
    empty = normal((0, 3), f32)
    case("concat", "f32_empty", [empty, empty], [empty], axis=0)

    x = normal((4, 3), f32)
    for label, index, axis in (
        ("rows", [3, 3, 0], 0),
        ("columns", [-1, -2], -1),
        ("matrix", [[0, 1], [2, 3], [-1, -4]], 0),
        ("scalar", 2, 0),
        ("none", [], 0),
    ):
        index = np.array(index, I32)
        case("gather", f"f32_{label}", [x, index], [np.take(x, index, axis)], axis=axis)
    index = np.array([1, -1], np.int64)
    case("gather", "f32_i64_indices", [x, index], [np.take(x, index, 0)], axis=0)


def sorting():
    def along(x, axis):
        """Stable ascending order with NaN last, by Python's own stable sort."""
        rows = np.moveaxis(x, axis, -1)
        result = np.zeros(rows.shape, I32)
        for place in np.ndindex(*rows.shape[:-1]):
            keys = [(1, 0) if v != v else (0, v.item()) for v in rows[place]]
            result[place] = sorted(range(len(keys)), key=lambda i: keys[i])
        return np.moveaxis(result, -1, axis)

    for dtype in FLOATS + INTEGERS:
        name = NAMES[dtype]
        x = normal((3, 9), dtype)
        for axis in (0, -1) if dtype == np.float32 else ():
            case("argsort", f"{name}_random", [x], [along(x, axis)], axis=axis)
        x = random.integers(0, 4, (2, 20)).astype(dtype)
        case("argsort", f"{name}_ties", [x], [along(x, 1)], axis=1)
        x = random.permutation(np.tile(specials(dtype), 2))[None]
        case("argsort", f"{name}_special", [x], [along(x, 1)], axis=1)
    for label, shape in (("one", (3, 1)), ("empty_axis", (3, 0)), ("empty_result", (0, 3))):
        x = normal(shape, np.float32)
        case("argsort", f"f32_{label}", [x], [along(x, 1)], axis=1)
    x = normal((2, 3, 4), np.float32)
    case("argsort", "f32_middle", [x], [along(x, 1)], axis=1)


# Linear algebra


def linear_algebra():
    for dtype in FLOATS:
        for d in (1, 2, 3, 4, 5):
            name = f"{NAMES[dtype]}_{d}x{d}"
            a = normal((d, d), dtype) / 2 + 2 * np.eye(d)[::-1]  # the pivots are off the diagonal
            a = a.astype(np.float32).astype(dtype)
            b = normal((d, 2), dtype)
            root = a.astype(np.float64)
            positive = portable.product(root, root.T) + 0.5 * np.eye(d)
            positive = positive.astype(np.float32).astype(dtype)
            assert np.linalg.cond(a) < 100 and np.linalg.cond(positive) < 300, (np.linalg.cond(a), d)
            case("inverse", f"{name}_random", [a], [exact.inverse(a)])
            case("log_abs_det", f"{name}_random", [a], [exact.log_abs_det(a)])
            case("solve", f"{name}_random", [a, b], [exact.solve(a, b)])
            case("cholesky", f"{name}_random", [positive], [exact.cholesky(positive)])
        name = NAMES[dtype]
        a = np.array([[0, 2, 1], [1, 0, 0], [0, 0, -4]], dtype)  # cannot be done without row exchanges
        case("inverse", f"{name}_zero_pivot", [a], [exact.inverse(a)])
        case("log_abs_det", f"{name}_zero_pivot", [a], [exact.log_abs_det(a)])
        case("solve", f"{name}_zero_pivot", [a, a], [exact.solve(a, a)])
        batch = (normal((3, 2, 2), dtype) / 2 + 2 * np.eye(2, dtype=dtype)).astype(dtype)
        case("inverse", f"{name}_batched", [batch], [np.stack([exact.inverse(a) for a in batch])])
        case("log_abs_det", f"{name}_batched", [batch], [np.stack([exact.log_abs_det(a) for a in batch])])


def main():
    portable.fresh_folder(ops)
    with np.errstate(all="ignore"):
        for group in (
            binary_arithmetic,
            comparisons,
            clamps,
            unary_exact,
            unary_elementary,
            reductions,
            places,
            matmul,
            softmaxes,
            movement,
            sorting,
            linear_algebra,
        ):
            group()
    for folder in sorted(ops.iterdir()):
        print(portable.total_size(folder))
    print(portable.total_size(ops))


if __name__ == "__main__":
    main()
