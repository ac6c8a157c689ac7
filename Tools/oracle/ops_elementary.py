"""Cases of elementary functions of the second group, powers, float remainders, bitcast and activations.

Part of `ops_reference.py`, which calls `add`. Finite results come from mpmath with 200 bits and are rounded to f64
and then to the type; special ones from NumPy's C library, which follows annex F of the C standard. The tolerance
is 2 units in the last place, 4 for tan, sinh, cosh and power; activations are composites with 2 to 4 roundings.
"""

import math

import mpmath
import numpy as np

from sluice_text import NAMES

FLOATS = (np.float32, np.float64)
UNIT = {np.float32: 1.2e-7, np.float64: 2.5e-16}

mpmath.mp.prec = 200
random = np.random.default_rng(20260301)


def spread(low, high, count=12):
    return [*random.uniform(low, high, count)]


def elementwise(finite, library, *arrays):
    """mpmath's result where all operands and results are finite and not 0, else that of the library."""
    result = []
    for values in zip(*(np.asarray(a, np.float64).ravel() for a in arrays)):
        value = float(library(*(np.float64(v) for v in values)))
        if math.isfinite(value) and value != 0 and all(math.isfinite(v) and v != 0 for v in values):
            value = float(finite(*(mpmath.mpf(float(v)) for v in values)))
        result.append(value)
    return np.array(result, np.float64).reshape(np.shape(arrays[0]))


def cube_root(v):
    return -mpmath.cbrt(-v) if v < 0 else mpmath.cbrt(v)


def real_power(a, b):
    return mpmath.re(mpmath.power(a, b))


def functions(case, specials):
    erf = lambda v: math.erf(v)
    tiny, huge = [1e-3, -1e-5, 3e-8], [1e6, -1e6, 1e30]
    rows = {  # op -> (finite, library, tolerance in units, values besides the special ones)
        "exp2": (lambda v: mpmath.mpf(2) ** v, np.exp2, 2, [*spread(-20, 20), *spread(-126, 128), -126, 127, 3, -7, *tiny]),
        "log2": (lambda v: mpmath.log(v, 2), np.log2, 2, [*np.ldexp(spread(0.5, 1), random.integers(-90, 90, 12)), *spread(0.5, 2), 2**-20, 2**33, 3, 6]),
        "erf": (mpmath.erf, erf, 2, [*spread(-1, 1), *spread(-4, 4), 0.999, 1.001, 3.9, 5.9, 6.1, *tiny, *huge]),
        "tan": (mpmath.tan, np.tan, 4, [*spread(-10, 10), *spread(-1e4, 1e4), math.pi, math.pi / 2, math.pi / 4, *tiny]),
        "asin": (mpmath.asin, np.arcsin, 2, [*spread(-1, 1, 20), 0.5, -0.5, 0.499, 0.501, 0.9999, 1.001, *tiny]),
        "acos": (mpmath.acos, np.arccos, 2, [*spread(-1, 1, 20), 0.5, -0.5, 0.499, 0.501, 0.9999, 1.001, *tiny]),
        "atan": (mpmath.atan, np.arctan, 2, [*spread(-1, 1), *spread(-9, 9), 0.9999, 1.0001, *tiny, *huge]),
        "sinh": (mpmath.sinh, np.sinh, 4, [*spread(-1, 1), *spread(-88, 88), 0.3466, 89.3, -89.3, 90, *tiny]),
        "cosh": (mpmath.cosh, np.cosh, 4, [*spread(-1, 1), *spread(-88, 88), 0.3466, 89.3, -89.3, 90, *tiny]),
        "cbrt": (cube_root, np.cbrt, 2, [*spread(-9, 9), *np.ldexp(spread(0.5, 1), random.integers(-90, 90, 12)), *tiny]),
    }
    for op, (finite, library, units, values) in rows.items():
        for dtype in FLOATS:
            x = np.array(values, np.float32).astype(dtype)  # multiples of f32, short in either type
            result = elementwise(finite, library, x).astype(dtype)
            case(op, f"{NAMES[dtype]}_random", [x], result, units * UNIT[dtype])
            x = specials(dtype)
            if op == "tan":
                x = x[~(np.abs(x) == np.finfo(dtype).max)]  # out of the range of the reduction
            result = elementwise(finite, library, x).astype(dtype)
            case(op, f"{NAMES[dtype]}_special", [x], result, units * UNIT[dtype])
    integers = np.arange(-30, 31)
    for dtype in FLOATS:
        name, x = NAMES[dtype], integers.astype(dtype)
        case("exp2", f"{name}_integers", [x], np.exp2(integers.astype(np.float64)).astype(dtype))
        case("log2", f"{name}_powers", [np.ldexp(dtype(1), integers)], x)
        # The evaluator's cbrt in f64 is the C library's, which may miss the root of a cube.
        case("cbrt", f"{name}_cubes", [x**3], x, UNIT[dtype] if dtype == np.float64 else None)


def angles(case, pairs):
    for dtype in FLOATS:
        name = NAMES[dtype]
        y, x = (np.array(spread(-5, 5, 40), np.float32).astype(dtype) for _ in range(2))
        y[:8] *= dtype(1e-6)
        x[8:16] *= dtype(1e-6)
        case("atan2", f"{name}_random", [y, x], elementwise(mpmath.atan2, np.arctan2, y, x).astype(dtype), 2 * UNIT[dtype])
        y, x = pairs(dtype)
        with np.errstate(all="ignore"):
            ratio = np.abs(y.astype(np.longdouble) / x.astype(np.longdouble))
        keep = ~((ratio > 0) & (ratio < np.finfo(dtype).tiny))  # a quotient below the normal range is off by more
        y, x = y[keep], x[keep]
        case("atan2", f"{name}_special", [y, x], elementwise(mpmath.atan2, np.arctan2, y, x).astype(dtype), 2 * UNIT[dtype])


def powers(case, wrapped):
    edges = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1.5]
    for dtype in FLOATS:
        name = NAMES[dtype]
        x = np.array(spread(0.01, 10, 40), np.float32).astype(dtype)
        y = np.array(spread(-9, 9, 40), np.float32).astype(dtype)
        result = elementwise(real_power, np.float_power, x, y).astype(dtype)
        case("power", f"{name}_random", [x, y], result, 4 * UNIT[dtype])
        x = (1 + np.array(spread(-1e-3, 1e-3, 20), np.float32)).astype(dtype)
        y = np.array(spread(-2e4, 2e4, 20), np.float32).astype(dtype)
        result = elementwise(real_power, np.float_power, x, y).astype(dtype)
        case("power", f"{name}_near_one", [x, y], result, 4 * UNIT[dtype])
        x, y = (a.ravel().astype(dtype) for a in np.meshgrid(edges, edges, indexing="ij"))
        result = elementwise(real_power, np.float_power, x, y).astype(dtype)
        case("power", f"{name}_special", [x, y], result, 4 * UNIT[dtype])
        x, y = (a.ravel().astype(dtype) for a in np.meshgrid(np.arange(-9, 10), np.arange(8), indexing="ij"))
        case("power", f"{name}_integers", [x, y], x**y)
    for dtype in (np.int32, np.int64, np.uint8):
        info = np.iinfo(dtype)
        bases = [info.min, info.max, -7, -3, -2, -1, 0, 1, 2, 3, 10]
        exponents = [info.min, -3, -2, -1, 0, 1, 2, 3, 7, 31, 62, 63, 64, info.max]
        cases = [(a, b) for a in bases for b in exponents if min(a, b) >= info.min]
        modulus = info.max - info.min + 1
        result = []
        for a, b in cases:
            if b >= 0:
                result.append(wrapped(pow(a, b, modulus), dtype))
            else:
                result.append(a if b % 2 else 1) if abs(a) == 1 else result.append(0)
        x, y = (np.array(v, dtype) for v in zip(*cases))
        case("power", f"{NAMES[dtype]}_special", [x, y], np.array(result, dtype))


def remainders(case, pairs):
    for dtype in FLOATS:
        name = NAMES[dtype]
        x, y = pairs(dtype)
        case("remainder", f"{name}_special", [x, y], np.fmod(x, y))
        x = np.array(spread(-100, 100, 30), dtype)
        y = np.array(spread(-5, 5, 30), dtype)
        y[:6] *= dtype(1e-5)
        x[6:12] *= dtype(1e15)
        case("remainder", f"{name}_random", [x, y], np.fmod(x, y))


def bit_patterns(case, specials):
    for float_type, integer_type in ((np.float32, np.int32), (np.float64, np.int64)):
        to, back = NAMES[integer_type], NAMES[float_type]
        x = specials(float_type)
        case("bitcast", f"{back}_to_{to}", [x], x.view(integer_type), dtype=to)
        case("bitcast", f"{to}_to_{back}", [x.view(integer_type)], x, dtype=back)
        x = specials(integer_type)
        x = x[~np.isnan(x.view(float_type))]
        case("bitcast", f"{to}_to_{back}_integers", [x], x.view(float_type), dtype=back)


def activations(case, specials):
    normal = lambda v: v / 2 * (1 + mpmath.erf(v / mpmath.sqrt(2)))
    cubic = lambda v: mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf("0.044715") * v**3)
    by_tanh = lambda v: v / 2 * (1 + mpmath.tanh(cubic(v)))
    swish = lambda v: v / (1 + mpmath.exp(-v))

    def results(function, x, at_minus_infinity):
        values = []
        for v in x.astype(np.float64):
            if v == 0 or math.isnan(v) or v == math.inf:
                values.append(v)
            elif v == -math.inf:
                values.append(at_minus_infinity)
            elif v < -2000:
                values.append(-0.0 if math.isnan(at_minus_infinity) else at_minus_infinity)
            else:
                values.append(float(function(mpmath.mpf(float(v)))))
        return np.array(values, np.float64).astype(x.dtype)

    for dtype in FLOATS:
        name, unit = NAMES[dtype], UNIT[dtype]
        x = np.array([*spread(-1.5, 4, 20), 1e-4, -1e-4, 9, 30], np.float32).astype(dtype)
        edge = specials(dtype)
        edge = edge[~(np.abs(edge) < 2 * np.finfo(dtype).tiny) | (edge == 0)]  # halves of these are rounded
        for label, values in (("random", x), ("special", edge)):
            for slope in (0.01, 0.25):
                result = np.where(values > 0, values, values * dtype(slope))
                case("leaky_relu", f"{name}_{label}_{str(slope)[2:]}", [values], result, negative_slope=slope)
            for alpha in (1.0, 1.5):
                result = results(lambda v: v if v > 0 else alpha * mpmath.expm1(v), values, -alpha)
                case("elu", f"{name}_{label}_{str(alpha).replace('.', '_')}", [values], result, 4 * unit, alpha=alpha)
            case("silu", f"{name}_{label}", [values], results(swish, values, math.nan), 4 * unit)
            # Below 0 the sum 1 + erf cancels: at -1.5 it is 0.134.
            shown = values[(values > -2) | (values < -100) | np.isnan(values)]
            case("gelu", f"{name}_{label}", [shown], results(normal, shown, math.nan), 24 * unit)
            result = results(by_tanh, shown, math.nan)
            case("gelu", f"{name}_{label}_approximate", [shown], result, 48 * unit, approximate=True)


def add(case, specials, pairs, wrapped):
    functions(case, specials)
    angles(case, pairs)
    powers(case, wrapped)
    remainders(case, pairs)
    bit_patterns(case, specials)
    activations(case, specials)
