"""Reference data for the operators: functions of one node with what they must give, case by case.

Writes IR/tests/ops/<op>.sluice, which the file tests run in the reference evaluator, the interpreter and C. A
function is a case, `<dtype>_<label>` with the attributes that tell it from others of its label, and the
`// run:` line behind it holds inputs and results.

Results are computed without rounding on the way (integers, fractions, 120-digit decimals) and rounded once to
the type that the op gives. Without `~` the op must give these bits (the one NaN for a NaN). Behind `~` stands how
far it may be off, relative to the value written:
- elementary functions 2.4e-7 in f32 and 5e-16 in f64, which is 2 units in the last place of a number just above
  a power of two;
- sums, means, products and matrix products of n terms: n unit roundoffs (2^-24 or 2^-53) of the sum of
  magnitudes, and one for the result;
- softmax: the terms in the exponent, the elementary functions and the sum taken together;
- linear algebra in d dimensions: d unit roundoffs times the condition number, of the largest element.

Meaning where libraries differ: the summaries of the op table, IR/ops.md. Integers wrap; division truncates and by
zero gives 0, the remainder has the sign of the dividend and by zero is the dividend; NaN wins in minimum, maximum,
clamp, max and min; +0 is above -0 in these and in argsort, but equal to it in comparisons, argmax and argmin; sign
keeps NaN and zeros; round is half to even; casts to integers truncate and saturate, NaN gives 0; argmax and argmin
give the first place, the first NaN winning; over nothing sum is 0, prod 1, mean NaN, max the least and min the
greatest value of the type (an infinity for floats); argsort is stable with NaN last, or first when descending;
gather counts negative indices from the end and gives 0 for what is out of range; the softmax of a row is NaN where
its maximum is infinite.

Operands: select (condition, when true, when false); clamp (x, low, high); gather (x, indices); pad (x, value);
solve (a, b) with a x = b; random ops (seed, stream).
"""

import itertools
import math
from fractions import Fraction

import numpy as np

import cumulative
import decompositions
import exact
import ops_composites
import ops_elementary
import philox
import places as computed_places
import portable
import sluice_text
from sluice_text import NAMES

FLOATS = (np.float32, np.float64)
SIGNED = (np.int32, np.int64)
INTEGERS = (np.int32, np.int64, np.uint8)
I32, BOOL = np.int32, np.bool_
ROUNDOFF = {np.float32: 2.0**-24, np.float64: 2.0**-53}
ELEMENTARY = {np.float32: 2.4e-7, np.float64: 5e-16}

folder = portable.ROOT / "IR" / "tests" / "ops"
random = np.random.default_rng(20250101)
texts = {}  # op -> the functions of its file
names = set()


def case(op, name, inputs, output, error=None, **attributes):
    """Adds one case; `error` is the tolerance, relative to the output."""
    for key, value in attributes.items():
        if key in ("axis", "axes"):
            integers = value if isinstance(value, (tuple, list)) else [value]
            name += "_" + "_".join([key, *map(str, integers)]).replace("-", "m")
    assert (op, name) not in names, f"{op}/{name} twice"
    names.add((op, name))
    error = None if not error else error
    output = output if isinstance(output, list) else np.asarray(output)
    text = sluice_text.function(op, name, inputs, output, attributes, error)
    texts.setdefault(op, []).append(text)


def relative(bound, result):
    """The largest of absolute errors, relative to the results they belong to; those of no error count nothing."""
    result = np.abs(np.asarray(result, np.float64))
    bound = np.where(np.isfinite(result), np.broadcast_to(bound, result.shape), 0)
    counts = bound > 0
    assert (result[counts] > 0).all(), "a result of 0 that may be off has no relative error"
    value = float((bound[counts] / result[counts]).max()) if counts.any() else 0
    assert value < 2e-3, f"a tolerance of {value}: choose other data"
    return value


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


# Elementwise ops


def arithmetic():
    integer_meaning = {
        "add": lambda a, b: a + b,
        "subtract": lambda a, b: a - b,
        "multiply": lambda a, b: a * b,
        "divide": truncating_quotient,
        "remainder": truncating_remainder,
        "minimum": min,
        "maximum": max,
    }
    float_meaning = {  # NumPy's own arithmetic is IEEE: one rounding each
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "divide": np.divide,
        "minimum": lambda a, b: by_element(lesser, a.dtype.type, a, b),
        "maximum": lambda a, b: by_element(greater, a.dtype.type, a, b),
    }
    for op in integer_meaning:
        for dtype in FLOATS + INTEGERS:
            if dtype in FLOATS and op not in float_meaning:
                continue
            random_pair = normal((3, 7), dtype), normal((3, 7), dtype)
            for label, (a, b) in (("special", pairs(dtype)), ("random", random_pair)):
                if label == "random" and dtype not in (np.float32, I32):
                    continue
                if dtype in FLOATS:
                    result = float_meaning[op](a, b)
                else:
                    result = by_element(integer_meaning[op], dtype, a, b)
                assert result.dtype == dtype
                case(op, f"{NAMES[dtype]}_{label}", [a, b], result)
    empty = np.zeros((2, 0), np.float32)
    case("add", "f32_empty", [empty, empty], empty)


def rounded(value, dtype):
    """A fraction rounded once to a float type, half to even; not for zero."""
    try:
        nearest = dtype(float(value))
    except OverflowError:
        nearest = dtype(np.inf if value > 0 else -np.inf)
    if dtype == np.float64:
        return nearest
    limit = Fraction(2) ** 128  # stands for infinity, one step behind the largest number

    def distance(candidate):
        exactly = Fraction(float(candidate)) if np.isfinite(candidate) else limit * int(np.sign(candidate))
        return abs(exactly - value), int(candidate.view(np.uint32)) & 1

    around = [np.nextafter(nearest, dtype(-np.inf)), nearest, np.nextafter(nearest, dtype(np.inf))]
    return min(around, key=distance)


def fused(dtype, x, y, z):
    """x * y + z with one rounding, element by element."""
    results = []
    for a, b, c in zip(x.ravel(), y.ravel(), z.ravel()):
        a, b, c = float(a), float(b), float(c)
        if math.isfinite(a) and math.isfinite(b) and math.isfinite(c):
            value = Fraction(a) * Fraction(b) + Fraction(c)
            product = math.copysign(1, a) * math.copysign(1, b) * 0.0  # the sign of a product of 0
            results.append(rounded(value, dtype) if value else product + c if a * b == c == 0 else dtype(0))
        else:
            special = np.float64(a) * np.float64(b) if not (math.isfinite(a) and math.isfinite(b)) else 0.0
            results.append(special + c)
    return np.array(results, dtype).reshape(x.shape)


def fused_multiply_add():
    for dtype in FLOATS:
        x, y = normal((4, 6), dtype), normal((4, 6), dtype)
        z = -(x * y) * dtype(1 + np.finfo(dtype).eps)  # what is left is the rounding error of the product
        case("fma", f"{NAMES[dtype]}_cancelling", [x, y, z], fused(dtype, x, y, z))
        case("fma", f"{NAMES[dtype]}_random", [x, y, x[::-1].copy()], fused(dtype, x, y, x[::-1]))
        info = np.finfo(dtype)
        values = [np.nan, np.inf, 0.0, -0.0, -1.5, info.max, info.smallest_subnormal]
        triples = [t for t in itertools.product(values, repeat=3)]
        if dtype == np.float64:
            triples = triples[::5]
        x, y, z = (np.array(column, dtype) for column in zip(*triples))
        case("fma", f"{NAMES[dtype]}_special", [x, y, z], fused(dtype, x, y, z))


def comparisons():
    for op, meaning in (
        ("equal", lambda a, b: a == b),
        ("not_equal", lambda a, b: a != b),
        ("less", lambda a, b: a < b),
        ("less_equal", lambda a, b: a <= b),
        ("greater", lambda a, b: a > b),
        ("greater_equal", lambda a, b: a >= b),
    ):
        for dtype in FLOATS + INTEGERS if op in ("equal", "less") else (np.float32, np.uint8):
            a, b = pairs(dtype)
            case(op, f"{NAMES[dtype]}_special", [a, b], by_element(meaning, BOOL, a, b))
        for dtype in (np.float32, I32):
            near = normal((30,), dtype)
            other = np.where(random.integers(0, 2, 30) == 1, near, normal((30,), dtype))
            case(op, f"{NAMES[dtype]}_random", [near, other], by_element(meaning, BOOL, near, other))
    a, b = np.array([0, 0, 1, 1], BOOL), np.array([0, 1, 0, 1], BOOL)
    case("equal", "bool_all", [a, b], a == b)
    case("not_equal", "bool_all", [a, b], a != b)
    for dtype in FLOATS:
        case("is_nan", f"{NAMES[dtype]}_special", [specials(dtype)], np.isnan(specials(dtype)))
        case("is_finite", f"{NAMES[dtype]}_special", [specials(dtype)], np.isfinite(specials(dtype)))


def choices():
    for dtype in FLOATS + INTEGERS + (BOOL,):
        chosen, a, b = normal((4, 5), BOOL), normal((4, 5), dtype), normal((4, 5), dtype)
        case("select", f"{NAMES[dtype]}_random", [chosen, a, b], np.where(chosen, a, b))
    a = specials(np.float32)
    b, chosen = a[::-1].copy(), np.arange(len(a)) % 3 == 0
    case("select", "f32_special", [chosen, a, b], np.where(chosen, a, b))
    for dtype in FLOATS + INTEGERS:
        x = normal((3, 6), dtype)
        low, high = np.sort(normal((2, 3, 6), dtype), axis=0)
        meaning = lambda v, low, high: lesser(greater(v, low), high)
        case("clamp", f"{NAMES[dtype]}_random", [x, low, high], by_element(meaning, dtype, x, low, high))
        case("clamp", f"{NAMES[dtype]}_crossed", [x, high, low], by_element(meaning, dtype, x, high, low))
        if dtype not in FLOATS:
            continue
        values = [np.nan, 0.0, -0.0, 1, np.inf]
        triples = [t for t in itertools.product(values, repeat=3) if not t[1] > t[2]]
        x, low, high = (np.array(column, dtype) for column in zip(*triples))
        case("clamp", f"{NAMES[dtype]}_special", [x, low, high], by_element(meaning, dtype, x, low, high))


def bits():
    for op, meaning in (("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor)):
        for dtype in INTEGERS:
            a, b = pairs(dtype)
            case(op, f"{NAMES[dtype]}_special", [a, b], meaning(a, b))
        a, b = np.array([0, 0, 1, 1], BOOL), np.array([0, 1, 0, 1], BOOL)
        case(op, "bool_all", [a, b], meaning(a, b))
    for dtype in INTEGERS:
        case("not", f"{NAMES[dtype]}_special", [specials(dtype)], ~specials(dtype))
        width = np.iinfo(dtype).bits
        amounts = np.array([0, 1, 5, width - 1, width, width + 1], dtype)
        if dtype != np.uint8:
            amounts = np.concatenate([amounts, np.array([-1, np.iinfo(dtype).min], dtype)])
        values = specials(dtype)
        x, y = np.repeat(values, len(amounts)), np.tile(amounts, len(values))
        left = lambda a, b: a << b if 0 <= b < width else 0
        right = lambda a, b: a >> b if 0 <= b < width else -(a < 0)
        case("shift_left", f"{NAMES[dtype]}_special", [x, y], by_element(left, dtype, x, y))
        case("shift_right", f"{NAMES[dtype]}_special", [x, y], by_element(right, dtype, x, y))
    case("not", "bool_all", [np.array([0, 1], BOOL)], np.array([1, 0], BOOL))


def casts():
    def meaning(value, dtype):
        if dtype == np.bool_:
            return value != 0
        if dtype in FLOATS or not isinstance(value, float):
            return value if dtype in FLOATS else wrapped(int(value), dtype)
        if value != value:
            return 0
        info = np.iinfo(dtype)
        return info.min if value <= info.min else info.max if value >= info.max else int(value)

    for source in FLOATS + INTEGERS + (BOOL,):
        if source in FLOATS:
            edges = [2.0**31, -(2.0**31), 2.0**63, -(2.0**63), 255, 256, 254.5, -0.5, 0.5, -1.5, 1e10, -1e30, 2.0**24 + 2]
            edges += [2.0**31 - 1, 2.0**31 - 0.5, -(2.0**31) - 1, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 2.0**53 + 2]
            values = np.unique(np.concatenate([specials(source), np.array(edges, source)]))
            values = np.concatenate([values, np.array([-0.0], source)])
        elif source == BOOL:
            values = np.array([0, 1], BOOL)
        else:
            wide = [2**24 + 1, 2**24 + 3, 2**31 - 65, 2**53 + 1, 2**63 - 513, 255, 256, -129]
            info = np.iinfo(source)
            wide = [v for v in wide if info.min <= v <= info.max]
            values = np.concatenate([specials(source), np.array(wide, source)])
        for target in FLOATS + INTEGERS + (BOOL,):
            if target == source:
                continue
            if target in FLOATS:
                result = values.astype(target)  # one rounding
            else:
                result = np.array([meaning(v.item(), target) for v in values], target)
            case("cast", f"{NAMES[source]}_to_{NAMES[target]}", [values], result, dtype=NAMES[target])


def unary_exact():
    def sign(v):
        return v if v != v or v == 0 else math.copysign(1, v)

    for op, integer_meaning, float_meaning in (
        ("negate", lambda v: -v, np.negative),
        ("abs", abs, np.abs),
        ("sign", lambda v: (v > 0) - (v < 0), lambda a: by_element(sign, a.dtype.type, a)),
        ("relu", lambda v: max(v, 0), lambda a: np.where(a <= 0, a.dtype.type(0), a)),
    ):
        for dtype in FLOATS + (SIGNED if op in ("negate", "abs") else INTEGERS):
            for label, x in (("random", normal((2, 9), dtype)), ("special", specials(dtype))):
                result = float_meaning(x) if dtype in FLOATS else by_element(integer_meaning, dtype, x)
                case(op, f"{NAMES[dtype]}_{label}", [x], result)
    for op, meaning in (("floor", np.floor), ("ceil", np.ceil), ("round", np.rint), ("trunc", np.trunc)):
        for dtype in FLOATS:
            digits = np.finfo(dtype).nmant
            halves = np.arange(-4.5, 5, 0.5)
            ties = (-1.5, -0.5, 0.5, 1, 2.5)
            around = np.array([np.nextafter(dtype(v), dtype(to)) for v in ties for to in (-9, 9)])
            powers = (2.0 ** (digits - 1), 2.0**digits, 2.0 ** (digits + 1))
            edge = np.array([power + offset for power in powers for offset in (-1, -0.5, 0.5, 1)])
            x = np.concatenate([halves, around, edge, -edge]).astype(dtype)
            case(op, f"{NAMES[dtype]}_edges", [x], meaning(x))
            case(op, f"{NAMES[dtype]}_special", [specials(dtype)], meaning(specials(dtype)))
    for op, meaning in (("sqrt", np.sqrt), ("rsqrt", lambda x: x.dtype.type(1) / np.sqrt(x))):
        for dtype in FLOATS:
            x = np.abs(normal((30,), dtype)) * dtype(10)
            case(op, f"{NAMES[dtype]}_random", [x], meaning(x))
            case(op, f"{NAMES[dtype]}_special", [specials(dtype)], meaning(specials(dtype)))


def unary_elementary():
    spread = lambda low, high, n=12: random.uniform(low, high, n)
    positive = lambda: np.ldexp(spread(0.5, 1), random.integers(-30, 30, 12))
    inputs = {  # op -> values besides the special ones, which every op has
        "exp": [*spread(-20, 20), *spread(-104, 89), -87.5, -100, -103.9, 88.7, 88.8],
        "log": [*positive(), *spread(0.5, 2), 1 - 2**-20, 1 + 2**-20],
        "log1p": [*spread(-0.9, 10), *spread(-1e-3, 1e-3), 1e-8, -1e-8, -0.9999],
        "expm1": [*spread(-20, 20), *spread(-1e-3, 1e-3), 1e-8, -1e-8, -50, 88.7],
        "tanh": [*spread(-5, 5), *spread(-1e-3, 1e-3), 8.9, 9.1, -20, 100],
        "sigmoid": [*spread(-20, 20), *spread(-100, 100), 1e-6, -87.5, -103, -104],
        "softplus": [*spread(-20, 20), *spread(-100, 100), 1e-6, -87.5, -103, -104],
        "sin": [*spread(-10, 10), *spread(-1e4, 1e4), math.pi, math.pi / 2, 1e-4],
        "cos": [*spread(-10, 10), *spread(-1e4, 1e4), math.pi, math.pi / 2, 1e-4],
    }
    for op, values in inputs.items():
        meaning = getattr(exact, op)
        for dtype in FLOATS:
            x = np.array(values, np.float32).astype(dtype)  # multiples of f32, short in either type
            if dtype == np.float64:
                x = x * (1 + 2.0**-40)
            result = exact.elementwise(meaning, x).astype(dtype)
            case(op, f"{NAMES[dtype]}_random", [x], result, ELEMENTARY[dtype])
            x = specials(dtype)
            if op in ("sin", "cos"):
                x = x[~(np.abs(x) == np.finfo(dtype).max)]  # out of the range of the reduction
            result = exact.elementwise(meaning, x).astype(dtype)
            case(op, f"{NAMES[dtype]}_special", [x], result, ELEMENTARY[dtype])


# Reductions


def reduced(x, axes, function, dtype, keep_dims=False):
    """`function` of the lists of elements along `axes`, which are dropped."""
    axes = [axis % x.ndim for axis in axes]
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    shape = [x.shape[axis] for axis in kept]
    result = np.zeros(shape, dtype)
    moved = np.transpose(x, kept + axes)
    for place in np.ndindex(*shape):
        result[place] = function([v.item() for v in moved[place].ravel()])
    return np.expand_dims(result, axes) if keep_dims else result


def reductions():
    def chain(function, start):
        def folded(values):
            result = start
            for value in values:
                result = function(result, value)
            return result

        return folded

    def meaning(op, dtype):
        """The function of a list."""
        least, greatest = -np.inf, np.inf
        if dtype in INTEGERS:
            least, greatest = np.iinfo(dtype).min, np.iinfo(dtype).max
            if op in ("sum", "prod"):
                return lambda v: wrapped(sum(v) if op == "sum" else math.prod(v), dtype)
        return {
            "sum": exact.sum_of,
            "mean": exact.mean_of,
            "prod": exact.product_of,
            "max": chain(greater, least),
            "min": chain(lesser, greatest),
        }[op]

    def add(op, label, x, axes, **attributes):
        dtype = x.dtype.type
        attributes["axes"] = axes
        if axes is None:
            del attributes["axes"]
        over = range(x.ndim) if axes is None else axes
        keep = attributes.get("keep_dims", False)
        result = reduced(x, over, meaning(op, dtype), dtype, keep)
        error = None
        if dtype in FLOATS and op not in ("max", "min"):
            n = math.prod(x.shape[axis] for axis in over)
            size = np.abs(result)
            if op != "prod":
                size = reduced(np.abs(x), over, meaning(op, np.float64), np.float64, keep)
            bound = 0 if n < 2 else ROUNDOFF[dtype] * (n * size + np.abs(result))
            error = relative(bound, result)
        case(op, f"{NAMES[dtype]}_{label}", [x], result, error, **attributes)

    for op in ("sum", "mean", "max", "min", "prod"):
        for dtype in FLOATS + (() if op == "mean" else INTEGERS):
            x = normal((2, 3, 5), dtype)
            for axes in ((0,), (1,), (-1,), (0, 2), (0, 1, 2)) if dtype == np.float32 else ((0, 2),):
                add(op, "random", x, axes)
            for label, shape, axes in (
                ("empty_axis", (2, 0, 3), (1,)),
                ("empty_result", (2, 0, 3), (0,)),
                ("empty_all", (0, 4), (0, 1)),
                ("one", (1, 4), (0,)),
                ("one_of_each", (1, 1), (0, 1)),
            ):
                if dtype == np.float32 or label == "empty_axis":
                    add(op, label, normal(shape, dtype), axes)
            if dtype == np.float32:
                add(op, "all", normal((3, 4), dtype), None)
                add(op, "kept", normal((3, 4), dtype), (0,), keep_dims=True)
                add(op, "no_axes", normal((3, 2), dtype), ())
                y = normal((2, 100), dtype)
                add(op, "long", (1 + y / 20).astype(dtype) if op == "prod" else np.abs(y), (1,))
        for dtype in FLOATS:
            nan, inf = np.nan, np.inf
            rows = [[1, nan, 2], [inf, 1, 2], [-inf, 1, 2], [inf, -inf, 1], [nan, inf, -inf], [nan] * 3]
            add(op, "special", np.array(rows + [[inf] * 3], dtype), (1,))
            if op in ("max", "min"):
                y = np.array([[0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0], [0.0, 0.0]], dtype)
                add(op, "zeros", y, (1,))
        if op in ("sum", "prod"):
            y = np.array([[2**31 - 1, 1, 5], [-(2**31), -1, 0], [2**16, 2**16, 3]], I32)
            add(op, "wrap", y, (1,))
    for op, meaning_of_bools in (("any", any), ("all", all)):
        x = random.integers(0, 4, (4, 3, 2)) > 1
        for axes in ((0,), (1, 2), (0, 1, 2)):
            case(op, "bool_random", [x], reduced(x, axes, meaning_of_bools, BOOL), axes=axes)
        x = np.zeros((2, 0), BOOL)
        case(op, "bool_empty_axis", [x], reduced(x, (1,), meaning_of_bools, BOOL), axes=(1,))


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
                case(op, f"{NAMES[dtype]}_random", [x], reduced(x, (axis,), first(better), I32), axis=axis)
            y = random.integers(0, 3, (6, 5)).astype(dtype)
            case(op, f"{NAMES[dtype]}_ties", [y], reduced(y, (1,), first(better), I32))
        nan, inf = np.nan, np.inf
        rows = [[1, nan, nan], [inf, nan, 1], [-inf] * 3, [inf] * 3, [0.0, -0.0, 0.0], [-0.0, 0.0, -0.0]]
        y = np.array(rows + [[nan, -inf, inf]], np.float32)
        case(op, "f32_special", [y], reduced(y, (1,), first(better), I32))
        case(op, "f32_kept", [y], reduced(y, (0,), first(better), I32, True), axis=0, keep_dims=True)
        y = np.zeros((0, 3), np.float32)
        case(op, "f32_empty_result", [y], np.zeros(0, I32))
        y = np.zeros((3, 0), np.float32)
        case(op, "f32_empty_axis", [y], np.zeros(3, I32))
        y = normal((4, 1), np.float32)
        case(op, "f32_one", [y], np.zeros(4, I32))


# Products and softmax


def matrix_product(a, b, dtype):
    """The product over the last axis of a and the last but one of b; batches are aligned at the last."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, lead + a.shape[-2:])
    b = np.broadcast_to(b, lead + b.shape[-2:])
    result = np.zeros(lead + (a.shape[-2], b.shape[-1]), dtype)
    for place in np.ndindex(*result.shape):
        row, column = a[place[:-1]], b[place[:-2] + (slice(None), place[-1])]
        if dtype in FLOATS:
            result[place] = exact.dot(row, column)
        else:
            result[place] = wrapped(sum(int(x) * int(y) for x, y in zip(row, column)), dtype)
    return result


def matmul():
    def add(label, a, b, **attributes):
        dtype = a.dtype.type
        x = np.swapaxes(a, -1, -2) if attributes.get("transpose_lhs") else a
        y = np.swapaxes(b, -1, -2) if attributes.get("transpose_rhs") else b
        x, y = x[None] if a.ndim == 1 else x, y[:, None] if b.ndim == 1 else y

        def product(x, y, dtype):
            result = matrix_product(x, y, dtype)
            result = result[..., 0] if b.ndim == 1 else result
            return result[..., 0] if a.ndim == b.ndim == 1 else result[..., 0, :] if a.ndim == 1 else result

        result = product(x, y, dtype)
        error = None
        if dtype in FLOATS and x.shape[-1] > 1:
            size = product(np.abs(x), np.abs(y), np.float64)
            error = relative(ROUNDOFF[dtype] * (x.shape[-1] * size + np.abs(result)), result)
        case("matmul", f"{NAMES[dtype]}_{label}", [a, b], result, error, **attributes)

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
        "matrix_by_batch": ((3, 4), (2, 4, 2)),
        "vectors": ((7,), (7,)),
        "vector_by_matrix": ((3,), (3, 4)),
        "batch_by_vector": ((2, 3, 4), (4,)),
        "empty_sum": ((2, 0), (0, 3)),
        "empty_rows": ((0, 3), (3, 2)),
        "empty_batch": ((0, 2, 3), (0, 3, 2)),
    }
    for label, (left, right) in shapes.items():
        for dtype in FLOATS + INTEGERS:
            if dtype == I32 and label not in ("wide", "batched", "empty_sum"):
                continue
            if dtype in (np.float64, np.int64, np.uint8) and label not in ("square", "batched"):
                continue
            add(label, normal(left, dtype), normal(right, dtype))
    for label, left, right, lhs, rhs in (
        ("lhs_transposed", (3, 2), (3, 4), True, False),
        ("rhs_transposed", (2, 3), (4, 3), False, True),
        ("both_transposed", (2, 3, 2), (2, 4, 3), True, True),
    ):
        attributes = {k: v for k, v in (("transpose_lhs", lhs), ("transpose_rhs", rhs)) if v}
        add(label, normal(left, np.float32), normal(right, np.float32), **attributes)
    nan, inf = np.nan, np.inf
    a = np.array([[1, inf, 0], [nan, 1, 1], [0, -inf, 2], [0, 1, 2]], np.float32)
    b = np.array([[1, 0], [0, 3], [2, -1]], np.float32)
    add("special", a, b)
    a, b = np.array([[2**31 - 1, 2, -(2**31)]], I32), np.array([[3], [2**30], [-1]], I32)
    add("wrap", a, b)


def softmaxes():
    def along(x, axis, function, dtype):
        rows = np.moveaxis(x, axis, -1)
        result = np.zeros(rows.shape, dtype)
        for place in np.ndindex(*rows.shape[:-1]):
            result[place] = function(rows[place])
        return np.moveaxis(result, -1, axis)

    def bounds(row, logarithm):
        """Absolute errors of a row in unit roundoffs, as if it had no infinities."""
        values = np.where(np.isfinite(row), np.float64(row), 0)
        shift = np.abs(values - values.max())
        powers = portable.exp(-shift)
        total = len(row) + 6 + shift.max()  # of the sum, relative
        if not logarithm:
            return powers / powers.sum() * (shift + 6 + total)
        return shift + total + 8 * math.log(powers.sum()) + 1

    def add(op, label, x, axis):
        dtype = x.dtype.type
        logarithm = op == "log_softmax"
        result = along(x, axis, lambda row: exact.softmax_of(row, logarithm), dtype)
        if dtype == np.float32:  # subnormal results are compared by their distance
            result = np.where(np.abs(result) < np.finfo(dtype).tiny, dtype(0), result)
        with np.errstate(all="ignore"):
            bound = ROUNDOFF[dtype] * along(x, axis, lambda row: bounds(row, logarithm), np.float64)
        bound[result == 0] = 0
        case(op, f"{NAMES[dtype]}_{label}", [x], result, relative(bound, result), axis=axis)

    nan, inf = np.nan, np.inf
    for op in ("softmax", "log_softmax"):
        for dtype in FLOATS:
            x = normal((2, 3, 5), dtype)
            for axis in (-1, 0, 1):
                add(op, "random", x, axis)
            add(op, "wide", normal((3, 40), dtype), 1)
            rows = [[-inf] * 3, [inf, 0, 0], [nan, 0, 0], [-inf, 0, 1], [1000] * 3, [0.0, -0.0, 0]]
            add(op, "special", np.array(rows, dtype), 1)
        for label, shape in (("one", (3, 1)), ("empty_result", (0, 3)), ("empty_axis", (3, 0))):
            x = normal(shape, np.float32)
            case(op, f"f32_{label}", [x], np.full(shape, 1 - (op != "softmax"), np.float32), axis=1)
    x = np.array([[1e30, -1e30, 0], [88, -88, 87]], np.float32)
    case("softmax", "f32_far", [x], along(x, 1, exact.softmax_of, np.float32), 2e-6, axis=1)


# Movement


def views():
    for dtype in FLOATS + INTEGERS + (BOOL,):
        name = NAMES[dtype]
        x = normal((2, 3, 4), dtype)
        for label, order in (("cycled", (2, 0, 1)), ("swapped", (1, 0, 2))):
            case("transpose", f"{name}_{label}", [x], np.transpose(x, order), order=order)
        case("reshape", f"{name}_random", [x], x.reshape(4, 6), shape=(4, 6))
        case("reverse", f"{name}_random", [x], x[::-1, :, ::-1], axes=(0, -1))
        x = normal((3, 1), dtype)
        case("broadcast", f"{name}_random", [x], np.broadcast_to(x, (2, 3, 2)), shape=(2, 3, 2))
        parts = [normal((2, n), dtype) for n in (3, 0, 1)]
        case("concat", f"{name}_random", parts, np.concatenate(parts, 1), axis=1)
        x = normal((5, 7), dtype)
        attributes = dict(start=(1, 0), limit=(5, 7), strides=(2, 3))
        case("slice", f"{name}_random", [x], x[1:5:2, 0:7:3], **attributes)
        x, value = normal((2, 3), dtype), normal((), dtype)
        padded = np.pad(x, ((1, 0), (2, 1)), constant_values=value[()])
        case("pad", f"{name}_random", [x, value], padded, low=(1, 2), high=(0, 1))

    f32 = np.float32
    for label, shape, order in (
        ("matrix", (3, 4), (1, 0)),
        ("same", (3, 4), (0, 1)),
        ("four", (2, 3, 4, 5), (3, 1, 0, 2)),
        ("empty", (2, 0, 3), (2, 1, 0)),
        ("scalar", (), ()),
    ):
        x = normal(shape, f32)
        case("transpose", f"f32_{label}", [x], np.transpose(x, order), order=order)
    for label, shape, new in (
        ("flat", (2, 3), (6,)),
        ("scalar_to_ones", (), (1, 1)),
        ("ones_to_scalar", (1, 1), ()),
        ("ones", (3, 2), (1, 3, 1, 2, 1)),
        ("empty", (0, 3), (2, 0, 5)),
        ("same", (2, 2), (2, 2)),
    ):
        x = normal(shape, f32)
        case("reshape", f"f32_{label}", [x], x.reshape(new), shape=new)
    for label, shape, new in (
        ("scalar", (), (2, 3)),
        ("leading", (3,), (2, 3)),
        ("inner", (2, 1, 2), (2, 3, 2)),
        ("all", (1, 1), (2, 2)),
        ("to_none", (1, 2), (0, 2)),
        ("same", (2, 2), (2, 2)),
    ):
        x = normal(shape, f32)
        case("broadcast", f"f32_{label}", [x], np.broadcast_to(x, new), shape=new)
    x = normal((2, 3), f32)
    case("reverse", "f32_all", [x], x[::-1, ::-1])
    case("reverse", "f32_none", [x], x, axes=())
    empty = normal((0, 3), f32)
    case("reverse", "f32_empty", [empty], empty, axes=(0,))

    x = normal((6,), f32)
    for label, start, limit, stride in (
        ("all", 0, 6, 1),
        ("tail", 4, 6, 1),
        ("every_second", 0, 6, 2),
        ("stride_past_end", 1, 6, 4),
        ("empty", 3, 3, 1),
        ("empty_at_end", 6, 6, 5),
    ):
        attributes = dict(start=(start,), limit=(limit,))
        if stride != 1:
            attributes["strides"] = (stride,)
        case("slice", f"f32_{label}", [x], x[start:limit:stride], **attributes)

    x, y = normal((2, 3), f32), normal((4, 3), f32)
    case("concat", "f32_rows", [x, y], np.concatenate([x, y], 0))
    x, y = normal((2, 2, 2), f32), normal((2, 2, 3), f32)
    case("concat", "f32_last", [x, y], np.concatenate([x, y], -1), axis=-1)
    case("concat", "f32_single", [x], x)
    case("concat", "f32_twice", [x, x], np.concatenate([x, x], 1), axis=1)
    case("concat", "f32_empty", [empty, empty], empty)
    x, value = normal((3,), f32), np.float32(-0.0)
    case("pad", "f32_nothing", [x, value], x, low=(0,), high=(0,))
    case("pad", "f32_empty", [normal((0,), f32), value], np.array([-0.0] * 3, f32), low=(1,), high=(2,))
    case("pad", "f32_scalar", [np.float32(7), value], np.float32(7), low=(), high=())


def gathers():
    for dtype in FLOATS + INTEGERS + (BOOL,):
        x, index = normal((2, 3, 4), dtype), np.array([2, 0, -1, 0, -3], I32)
        case("gather", f"{NAMES[dtype]}_random", [x, index], np.take(x, index, 1), axis=1)
    x = normal((4, 3), np.float32)
    for label, index, axis in (
        ("rows", [3, 3, 0], 0),
        ("columns", [-1, -2], -1),
        ("matrix", [[0, 1], [2, 3], [-1, -4]], 0),
        ("scalar", 2, 0),
        ("none", [], 0),
    ):
        index = np.array(index, I32)
        case("gather", f"f32_{label}", [x, index], np.take(x, index, axis), axis=axis)
    for dtype in SIGNED:
        info = np.iinfo(dtype)
        index = np.array([1, -1, -4, -5, 4, info.max, info.min], dtype)
        known = np.array([-4 <= i < 4 for i in index.tolist()])
        rows = np.where(known[:, None], x[np.where(known, index, 0)], np.float32(0))
        case("gather", f"{NAMES[dtype]}_indices_out_of_range", [x, index], rows)
    empty = np.zeros((0, 2), np.float32)
    case("gather", "f32_from_nothing", [empty, np.array([0, -1], I32)], np.zeros((2, 2), np.float32))


def generated():
    for label, shape, axis, dtype in (
        ("last", (2, 3), -1, I32),
        ("first", (3, 2), 0, np.float32),
        ("wrapped", (300,), 0, np.uint8),
        ("wide", (2, 2, 3), 1, np.int64),
        ("double", (4,), 0, np.float64),
        ("empty", (0, 3), 1, I32),
    ):
        count = np.arange(shape[axis]) % 256 if dtype == np.uint8 else np.arange(shape[axis])
        along = [shape[axis] if i == axis % len(shape) else 1 for i in range(len(shape))]
        result = np.broadcast_to(count.astype(dtype).reshape(along), shape)
        case("iota", f"{NAMES[dtype]}_{label}", [], result, shape=shape, axis=axis, dtype=NAMES[dtype])
    for shape, dtype in (((3, 3), np.float32), ((2, 4), I32), ((3, 1), BOOL), ((0, 0), np.float64)):
        name = f"{NAMES[dtype]}_{shape[0]}x{shape[1]}"
        case("eye", name, [], np.eye(*shape, dtype=dtype), shape=shape, dtype=NAMES[dtype])
    case("size", "i64_product", [], np.int64(2**40), length=2**40)
    case("size", "f32_rounded", [], np.float32(2**24), length=2**24 + 1, dtype="f32")
    case("size", "u8_wrapped", [], np.uint8(44), length=300, dtype="u8")


def random_numbers():
    low = 0xFFFFFFFF
    for label, seed, stream, count in (
        ("zero", 0, 0, 8),
        ("seed", 42, 0, 9),
        ("stream", 0, 1, 6),
        ("both", 0x0123456789ABCDEF, -2, 13),
        ("negative", -1, -1, 4),
        ("none", 1, 1, 0),
    ):
        key = (seed & low, seed >> 32 & low)
        counters = [[i, 0, stream & low, stream >> 32 & low] for i in range((2 * count + 3) // 4)]
        blocks = philox.philox(np.array(counters, np.uint64).reshape(-1, 4), key)
        words = blocks.ravel().astype(np.uint32)
        uniform = (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
        inputs = [np.int64(seed), np.int64(stream)]
        bits = words[:count].view(np.int32)
        case("random_bits", f"i32_{label}", inputs, bits, shape=(count,))
        case("uniform", f"f32_{label}", inputs, uniform[:count], shape=(count,))
        order = sorted(range(count), key=lambda i: bits[i])
        case("permutation", f"i32_{label}", inputs, np.array(order, I32), length=count)
        first, second = uniform[:count], uniform[count : 2 * count]
        angle = second * np.float32(2 * math.pi)
        logarithm = exact.elementwise(exact.log, 1 - first)
        normals = np.sqrt(-2 * logarithm) * exact.elementwise(exact.cos, angle)
        case("normal", f"f32_{label}", inputs, normals.astype(np.float32), 6e-7, shape=(count,))
    words = philox.philox(np.array([[0, 0, 0, 0], [1, 0, 0, 0]], np.uint64), (7, 0)).ravel()[:6]
    bits = words.astype(np.uint32).view(np.int32).reshape(2, 3)
    case("random_bits", "i32_matrix", [np.int64(7), np.int64(0)], bits, shape=(2, 3))


def sorting():
    def key(value):
        if value != value:
            return (1, 0, 0)
        return (0, value, math.copysign(1, value) if value == 0 else 0)

    def along(x, axis, descending=False):
        """Stable order with -0 before +0 and NaN last, by Python's own stable sort."""
        rows = np.moveaxis(x, axis, -1)
        result = np.zeros(rows.shape, I32)
        for place in np.ndindex(*rows.shape[:-1]):
            keys = [key(v.item()) for v in rows[place]]
            result[place] = sorted(range(len(keys)), key=lambda i: keys[i], reverse=descending)
        return np.moveaxis(result, -1, axis)

    for dtype in FLOATS + INTEGERS:
        name = NAMES[dtype]
        x = normal((3, 9), dtype)
        for axis in (0, -1) if dtype == np.float32 else ():
            case("argsort", f"{name}_random", [x], along(x, axis), axis=axis)
        x = random.integers(0, 4, (2, 20)).astype(dtype)
        case("argsort", f"{name}_ties", [x], along(x, 1))
        case("argsort", f"{name}_ties_descending", [x], along(x, 1, True), descending=True)
        x = random.permutation(np.tile(specials(dtype), 2))
        case("argsort", f"{name}_special", [x], along(x, 0))
        case("argsort", f"{name}_special_descending", [x], along(x, 0, True), descending=True)
    x = normal((2, 7), BOOL)
    case("argsort", "bool_random", [x], along(x, 1))
    for label, shape in (("one", (3, 1)), ("empty_axis", (3, 0)), ("empty_result", (0, 3))):
        x = normal(shape, np.float32)
        case("argsort", f"f32_{label}", [x], along(x, 1))
    x = normal((2, 3, 4), np.float32)
    case("argsort", "f32_middle", [x], along(x, 1), axis=1)


# Linear algebra


def linear_algebra():
    def condition(a):
        """The product of the Frobenius norms of a matrix and its inverse; the largest of a batch."""
        norm = lambda m: math.sqrt(exact.dot(m.ravel(), m.ravel()))
        return max(norm(m) * norm(exact.inverse(m)) for m in a.reshape(-1, *a.shape[-2:]))

    def error(a, result):
        """The tolerance of a solution or factor of one matrix or a batch of them."""
        d, dtype = a.shape[-1], a.dtype.type
        if d == 1:
            return ELEMENTARY[dtype]
        result = np.asarray(result, np.float64)
        bound = d * ROUNDOFF[dtype] * condition(a) * np.abs(result).max()
        return relative(np.where(result == 0, 0, bound), result)

    def determinant_error(a, result):
        d, dtype = a.shape[-1], a.dtype.type
        bound = ROUNDOFF[dtype] * (d * condition(a) + 8 * np.abs(result) + 8 * d)
        return relative(bound, result)

    for dtype in FLOATS:
        for d in (1, 2, 3, 5):
            name = f"{NAMES[dtype]}_{d}x{d}"
            a = normal((d, d), dtype) / 2 + 2 * np.eye(d)[::-1]  # the pivots are off the diagonal
            a = a.astype(np.float32).astype(dtype)
            b = normal((d, 2), dtype)
            root = a.astype(np.float64)
            positive = portable.product(root, root.T) + 0.5 * np.eye(d)
            positive = positive.astype(np.float32).astype(dtype)
            assert condition(a) < 100 and condition(positive) < 600, (condition(a), condition(positive), d)
            for op, inputs, result in (
                ("inverse", [a], exact.inverse(a)),
                ("solve", [a, b], exact.solve(a, b)),
                ("cholesky", [positive], exact.cholesky(positive)),
            ):
                case(op, f"{name}_random", inputs, result.astype(dtype), error(inputs[0], result))
            result = exact.log_abs_det(a).astype(dtype)
            case("log_abs_det", f"{name}_random", [a], result, determinant_error(a, result))
        name = NAMES[dtype]
        a = np.array([[0, 2, 1], [1, 0, 2], [4, 1, -4]], dtype)  # cannot be done without row exchanges
        b = np.array([[1], [2], [5]], dtype)
        for op, inputs, result in (("inverse", [a], exact.inverse(a)), ("solve", [a, b], exact.solve(a, b))):
            case(op, f"{name}_zero_pivot", inputs, result.astype(dtype), error(a, result))
        result = exact.log_abs_det(a).astype(dtype)
        case("log_abs_det", f"{name}_zero_pivot", [a], result, determinant_error(a, result))
        batch = (normal((3, 2, 2), dtype) / 4 + 2 * np.eye(2, dtype=dtype)).astype(dtype)
        result = np.stack([exact.inverse(a) for a in batch]).astype(dtype)
        case("inverse", f"{name}_batched", [batch], result, error(batch, result))
        result = np.stack([exact.log_abs_det(a) for a in batch]).astype(dtype)
        case("log_abs_det", f"{name}_batched", [batch], result, determinant_error(batch, result))
    for op, result in (("inverse", (0, 0)), ("cholesky", (0, 0)), ("log_abs_det", ())):
        case(op, "f32_0x0", [np.zeros((0, 0), np.float32)], np.zeros(result, np.float32))
    singular = np.array([[1, 2], [2, 4]], np.float32)
    case("log_abs_det", "f32_singular", [singular], np.float32(-np.inf))


def main():
    with np.errstate(all="ignore"):
        for group in (
            arithmetic,
            fused_multiply_add,
            comparisons,
            choices,
            bits,
            casts,
            unary_exact,
            unary_elementary,
            reductions,
            places,
            matmul,
            softmaxes,
            views,
            gathers,
            generated,
            random_numbers,
            sorting,
            linear_algebra,
        ):
            group()
        ops_composites.add(case)
        computed_places.add(case)
        cumulative.add(case)
        decompositions.add(case)
        # With random numbers of its own, so that the groups above keep theirs.
        ops_elementary.add(case, specials, pairs, wrapped)
    portable.fresh_folder(folder)
    total = 0
    for op, functions in sorted(texts.items()):
        head = f"// test: run\n// `{op}` against exact arithmetic; made by Tools/oracle/ops_reference.py.\n"
        text = head + "".join("\n" + function for function in functions)
        (folder / f"{op}.sluice").write_text(text, encoding="utf-8", newline="\n")
        total += len(text)
        print(f"{op}: {len(functions)} cases, {len(text)} bytes")
    print(f"{len(texts)} files, {len(names)} cases, {total} bytes in {folder.relative_to(portable.ROOT)}")


if __name__ == "__main__":
    main()
