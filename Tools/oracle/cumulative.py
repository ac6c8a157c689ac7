"""Cases of `cumsum`, `cumprod`, `cummax` and `cummin`: step by step in the type, so results are exact."""

import numpy as np

from places import FLOATS, INTEGERS, f32, random_array
from sluice_text import NAMES

random = np.random.default_rng(20250702)
OPS = {"cumsum": np.add, "cumprod": np.multiply, "cummax": np.maximum, "cummin": np.minimum}


def step(op, a, b):
    if a.dtype.type not in FLOATS or op in ("cumsum", "cumprod"):
        return OPS[op](a, b)
    # NaN wins, and +0 is above -0, which NumPy leaves open.
    both = (a == 0) & (b == 0)
    negative = np.signbit(a) | np.signbit(b) if op == "cummin" else np.signbit(a) & np.signbit(b)
    zero = np.where(negative, a.dtype.type(-0.0), a.dtype.type(0.0))
    return np.where(both, zero, OPS[op](a, b))


def along(op, x, axis, reverse, exclusive):
    rows = np.moveaxis(x, axis, 0)
    rows = rows[::-1] if reverse else rows
    results, total = [], None
    for row in rows:
        if exclusive:
            total = np.full_like(row, op == "cumprod") if total is None else total
            results.append(total)
        total = row if total is None else step(op, total, row)
        if not exclusive:
            results.append(total)
    result = np.stack(results) if results else rows.copy()
    return np.moveaxis(result[::-1] if reverse else result, 0, axis)


def add(case):
    """Adds all cases."""

    def check(name, x, axis=None, reverse=False, exclusive=False, ops=OPS):
        attributes = {} if axis is None else {"axis": axis}
        if reverse:
            name, attributes = name + "_reverse", attributes | {"reverse": True}
        if exclusive:
            name, attributes = name + "_exclusive", attributes | {"exclusive": True}
        for op in ops:
            if not exclusive or op in ("cumsum", "cumprod"):
                result = along(op, x, -1 if axis is None else axis, reverse, exclusive)
                case(op, name, [x], np.ascontiguousarray(result).astype(x.dtype), **attributes)

    for dtype in FLOATS + INTEGERS:
        x = random_array((3, 4), dtype)
        for reverse in (False, True):
            for exclusive in (False, True):
                check(f"{NAMES[dtype]}_random", x, None, reverse, exclusive)
        check(f"{NAMES[dtype]}_columns", x, 0)
    for dtype in INTEGERS:
        info = np.iinfo(dtype)
        check(f"{NAMES[dtype]}_extremes", np.array([info.max, 1, info.min, info.max, 3, info.max], dtype))
    for dtype in FLOATS:
        info, name = np.finfo(dtype), NAMES[dtype]
        x = np.array([[1, np.nan, 2], [np.inf, 1, -np.inf], [-np.inf, 0, np.inf], [np.nan] * 3], dtype)
        check(f"{name}_special", x)
        check(f"{name}_special", x, 0, True)
        x = np.array([[-0.0, -0.0], [-0.0, 0.0], [0.0, -0.0]], dtype)
        for exclusive in (False, True):
            check(f"{name}_zeros", x, None, False, exclusive)
        check(f"{name}_large", np.array([info.max, info.max, -info.max, info.tiny, info.tiny], dtype))
        check(f"{name}_rounded", np.array([1, info.eps / 2, info.eps / 2, info.eps, -1], dtype))
    check("f32_long", np.ldexp(random.integers(1, 100, 60), -3).astype(f32), ops=("cumsum", "cummax"))
    check("f32_one", random_array((2, 1), f32))
    for exclusive in (False, True):
        check("f32_empty", np.zeros((2, 0), f32), None, True, exclusive)
        check("f32_single", random_array((1,), f32), None, False, exclusive)
    check("f32_no_rows", np.zeros((0, 3), f32))
    x = random_array((1, 2, 1, 3, 2, 2), f32)
    for axis in range(6):
        check("f32_6_axes", x, axis)
