"""Functions of one node in `.sluice` text, with the `// run:` line that says what they must give."""

import math

import numpy as np

NAMES = {
    np.float32: "f32",
    np.float64: "f64",
    np.int32: "i32",
    np.int64: "i64",
    np.uint8: "u8",
    np.bool_: "bool",
}

OPERANDS = "xyzuvwabcdefgh"


def shape_text(shape):
    return "[" + ",".join(map(str, shape)) + "]"


def type_text(array):
    return NAMES[array.dtype.type] + shape_text(array.shape)


def number(value):
    """The shortest text that reads back to the same bits."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0"
    kind = type(value) if isinstance(value, np.floating) else np.float64
    text = np.format_float_scientific(kind(value), unique=True, trim="-", exp_digits=1)
    digits, exponent = text.split("e")
    if -3 <= int(exponent) < 10:
        return np.format_float_positional(kind(value), unique=True, trim="-")
    return f"{digits}e{int(exponent)}"


def literal(array):
    array = np.asarray(array)
    if array.ndim == 0:
        return number(array[()])
    return "[" + ", ".join(literal(part) for part in array) + "]"


def attribute(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if value in NAMES.values() else f'"{value}"'
    if isinstance(value, (tuple, list)):
        return shape_text(value)
    return number(value)


def tolerance(error):
    """Two digits, rounded up."""
    exponent = math.floor(math.log10(error))
    digits = math.ceil(round(error / 10.0 ** (exponent - 1), 6))
    return number(float(f"{digits}e{exponent - 1}"))


def function(op, name, inputs, outputs, attributes, error=None):
    """The text of one case; `outputs` is an array, or a list of them for an op of several results."""
    inputs = [np.asarray(value) for value in inputs]
    outputs = outputs if isinstance(outputs, list) else [outputs]
    operands = ["%" + letter for letter in OPERANDS[: len(inputs)]]
    parameters = ", ".join(f"{o}: {type_text(a)}" for o, a in zip(operands, inputs))
    types = ", ".join(map(type_text, outputs))
    results = ["%r"] if len(outputs) == 1 else [f"%r{i}" for i in range(len(outputs))]
    record = ", ".join(f"{key} = {attribute(value)}" for key, value in attributes.items())
    node = " ".join(filter(None, [op, ", ".join(operands), record and "{" + record + "}"]))
    tail = f" ~ {tolerance(error)}" if error else ""
    expected = ", ".join(map(literal, outputs)) + tail
    return (
        f"func @{name}({parameters}) -> {types} {{\n"
        f"  {', '.join(results)} = {node} : {types}\n"
        f"  return {', '.join(results)}\n}}\n"
        f"// run: @{name}({', '.join(map(literal, inputs))}) == {expected}\n"
    )
