"""Cases of the ops at computed places: `take_along_axis`, `dynamic_slice`, `dynamic_update_slice`, `scatter`
and `scatter_add`.

Elements are moved, or added one after the other with one rounding each, so results are exact.
"""

import numpy as np

from sluice_text import NAMES

FLOATS = (np.float32, np.float64)
INTEGERS = (np.int32, np.int64, np.uint8)
I32, I64, BOOL = np.int32, np.int64, np.bool_

random = np.random.default_rng(20250701)
f32 = np.float32


def random_array(shape, dtype):
    """Floats of both signs around one, integers around a hundred, or bools."""
    if dtype in FLOATS:
        return random.normal(0, 2, shape).astype(np.float32).astype(dtype)
    low, high = {np.uint8: (0, 256), np.bool_: (0, 2)}.get(dtype, (-100, 100))
    return random.integers(low, high, shape).astype(dtype)


def places(index, extent):
    """The places that indices mean, -1 for those out of range."""
    index = np.asarray(index).astype(object)
    place = np.where(index < 0, index + extent, index)
    return np.where((place >= 0) & (place < extent), place, -1).astype(np.int64)


def extremes(dtype, extent):
    info = np.iinfo(dtype)
    return np.array([0, -1, extent - 1, extent, -extent, -extent - 1, info.max, info.min, 1], dtype)


def take(x, index, axis):
    place = places(index, x.shape[axis])
    if x.shape[axis] == 0:
        return np.zeros(index.shape, x.dtype)
    found = np.take_along_axis(x, np.where(place < 0, 0, place), axis)
    return np.where(place < 0, x.dtype.type(0), found)


def takes(case):
    def check(name, x, index, axis=-1):
        attributes = {} if axis == -1 else {"axis": axis}
        case("take_along_axis", name, [x, index], take(x, index, axis), **attributes)

    for dtype in FLOATS + INTEGERS + (BOOL,):
        x = random_array((2, 3, 4), dtype)
        check(f"{NAMES[dtype]}_random", x, random.integers(-5, 5, (2, 3, 6)).astype(I32))
        check(f"{NAMES[dtype]}_random", x, random.integers(-4, 4, (2, 5, 4)).astype(I64), 1)
    x = random_array((3, 4), f32)
    for dtype in (I32, I64):
        name = NAMES[dtype]
        check(f"{name}_indices_out_of_range", x, np.stack([extremes(dtype, 4)] * 3))
        check(f"{name}_indices_out_of_range", x, np.stack([extremes(dtype, 3)] * 4, 1), 0)
    check("f32_sorted", x, np.argsort(x, -1).astype(I32))
    check("f32_vector", x[0], np.array([3, -2], I32))
    check("f32_none", x, np.zeros((3, 0), I32))
    check("f32_no_rows", x[:0], np.zeros((0, 2), I32))
    check("f32_from_nothing", x[:, :0], np.array([[0, -1], [1, 5], [0, 0]], I32))
    check("f32_one", x[:1, :1], np.array([[0, -1, 1]], I32))
    x = random_array((1, 2, 1, 3, 2, 2), f32)
    for axis in range(6):
        shape = list(x.shape)
        shape[axis] = 2
        check(f"f32_6_axes", x, random.integers(-3, 3, shape).astype(I32), axis)


def clamped(x, starts, sizes):
    first = [min(max(int(s), 0), n - k) for s, n, k in zip(starts, x.shape, sizes)]
    return tuple(slice(s, s + k) for s, k in zip(first, sizes))


def slices(case):
    def check(name, x, starts, sizes):
        case("dynamic_slice", name, [x, *starts], x[clamped(x, starts, sizes)], sizes=sizes)

    for dtype in FLOATS + INTEGERS + (BOOL,):
        x = random_array((3, 4), dtype)
        check(f"{NAMES[dtype]}_random", x, (I32(1), I32(2)), (2, 2))
    x = random_array((3, 4), f32)
    for label, starts in (
        ("low", (I32(-1), I32(-(2**31)))),
        ("high", (I32(2), I32(2**31 - 1))),
        ("wide_low", (I64(-1), I64(-(2**63)))),
        ("wide_high", (I64(2), I64(2**63 - 1))),
        ("mixed", (I32(1), I64(-3))),
    ):
        check(f"f32_{label}", x, starts, (2, 3))
    check("f32_all", x, (I32(5), I32(-5)), (3, 4))
    check("f32_rows", x, (I32(2), I32(9)), (1, 4))
    check("f32_element", x, (I32(2), I32(1)), (1, 1))
    check("f32_nothing", x, (I32(2), I32(1)), (0, 2))
    check("f32_from_nothing", x[:0], (I32(2), I32(1)), (0, 2))
    check("f32_vector", x[0], (I32(1),), (2,))
    check("f32_end", x[0], (I32(9),), (0,))
    check("f32_6_axes", random_array((2, 1, 3, 2, 2, 3), f32), [I32(1)] * 6, (1, 1, 2, 2, 1, 2))


def updates(case):
    def check(name, x, update, starts):
        result = x.copy()
        result[clamped(x, starts, update.shape)] = update
        case("dynamic_update_slice", name, [x, update, *starts], result)

    for dtype in FLOATS + INTEGERS + (BOOL,):
        x, update = random_array((3, 4), dtype), random_array((2, 2), dtype)
        check(f"{NAMES[dtype]}_random", x, update, (I32(1), I32(2)))
    x, update = random_array((3, 4), f32), random_array((2, 3), f32)
    for label, starts in (
        ("low", (I32(-1), I32(-(2**31)))),
        ("high", (I32(2), I32(2**31 - 1))),
        ("wide_low", (I64(-1), I64(-(2**63)))),
        ("wide_high", (I64(2), I64(2**63 - 1))),
        ("mixed", (I32(1), I64(-3))),
    ):
        check(f"f32_{label}", x, update, starts)
    check("f32_all", x, -x, (I32(5), I32(-5)))
    check("f32_row", x, -x[:1], (I32(2), I32(9)))
    check("f32_nothing", x, update[:0], (I32(2), I32(1)))
    check("f32_in_nothing", x[:0], update[:0], (I32(2), I32(1)))
    check("f32_vector", x[0], update[0], (I32(1),))
    y = random_array((2, 1, 3, 2, 2, 3), f32)
    check("f32_6_axes", y, random_array((1, 1, 2, 2, 1, 2), f32), [I32(1)] * 6)


def scattered(x, index, update, axis, adds):
    """One update after the other, in row-major order of the indices."""
    result = np.moveaxis(x.copy(), axis, 0)
    axis %= x.ndim
    parts = np.moveaxis(update, list(range(axis, axis + index.ndim)), list(range(index.ndim)))
    with np.errstate(all="ignore"):
        for at, place in np.ndenumerate(places(index, x.shape[axis])):
            if place >= 0:
                result[place] = result[place] + parts[at] if adds else parts[at]
    return np.moveaxis(result, 0, axis)


def scatters(case):
    def check(name, x, index, axis=0, update=None):
        shape = x.shape[: axis % x.ndim] + index.shape + x.shape[axis % x.ndim + 1 :]
        update = random_array(shape, x.dtype.type) if update is None else update
        attributes = {} if axis == 0 else {"axis": axis}
        for op in ("scatter", "scatter_add"):
            if op == "scatter" or x.dtype != BOOL:
                result = scattered(x, index, update, axis, op == "scatter_add")
                case(op, name, [x, index, update], result, **attributes)

    for dtype in FLOATS + INTEGERS + (BOOL,):
        x, index = random_array((2, 3, 2), dtype), np.array([2, 0, -1, 0, 3, -3], I32)
        check(f"{NAMES[dtype]}_random", x, index, 1)
    for dtype in INTEGERS:
        x = np.array([np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
        check(f"{NAMES[dtype]}_extremes", x, np.array([0, 1, 0, 1], I32), 0, np.tile(x, 2)[::-1].copy())
    for dtype in FLOATS:
        x = np.array([0.0, -0.0, np.nan, np.inf, 1], dtype)
        update = np.array([-0.0, -0.0, 1, -np.inf, np.nan], dtype)
        check(f"{NAMES[dtype]}_special", x, np.arange(5).astype(I32), 0, update)
    x = random_array((4, 3), f32)
    for dtype in (I32, I64):
        check(f"{NAMES[dtype]}_indices_out_of_range", x, extremes(dtype, 4))
        check(f"{NAMES[dtype]}_indices_out_of_range", x, extremes(dtype, 3), -1)
    check("f32_matrix", x, np.array([[0, 1], [0, -4], [3, 0]], I32))
    check("f32_matrix", x, np.array([[0, 1], [0, -3]], I64), 1)
    check("f32_scalar", x, np.array(2, I32))
    check("f32_scalar", x, np.array(-1, I32), 1)
    check("f32_none", x, np.zeros(0, I32))
    check("f32_in_nothing", x[:0], np.array([0, -1], I32))
    check("f32_no_columns", x[:, :0], np.array([0, -1], I32))
    check("f32_one", x[:1, :1], np.array([0, 0, 1, -1], I32))
    check("f32_vector", x[:, 0].copy(), random.integers(-4, 4, 20).astype(I32))
    y = random_array((1, 2, 1, 3, 2, 2), f32)
    for axis in range(6):
        check(f"f32_6_axes", y, random.integers(-2, 2, 2).astype(I32), axis)


def add(case):
    """Adds all cases."""
    takes(case)
    slices(case)
    updates(case)
    scatters(case)
