"""Reference data for f16 and bf16: casts from and to every dtype, as checksums of 65536 results each.

Writes Tests/ConformanceTests/NarrowReference.swift. Operands are all 65536 words of f16 and bf16, and for wider
dtypes numbers around everything that rounding can get wrong, made by `words`, which the test makes in the same way.
The results are rounded once from exact integers; for f16 from f32 and f64 they are also those of NumPy's float16.
"""

import numpy as np

import portable

COUNT = 65536
MASK = (1 << 64) - 1
DTYPES = ["f32", "f64", "i32", "i64", "u8", "bool", "f16", "bf16"]
BITS = {"f32": 32, "f64": 64, "i32": 32, "i64": 64, "u8": 8, "bool": 8, "f16": 16, "bf16": 16}
# Bits of exponent and of fraction.
FORMATS = {"f16": (5, 10), "bf16": (8, 7), "f32": (8, 23), "f64": (11, 52)}


def splitmix(state):
    """The sequence of Steele, Lea and Flood 2014."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def words(dtype):
    """The bits of the operands of a dtype."""
    random = splitmix(DTYPES.index(dtype))
    if dtype in ("f16", "bf16"):
        return list(range(COUNT))
    if dtype in ("u8", "bool"):
        return [i & (255 if dtype == "u8" else 1) for i in range(COUNT)]
    result = []
    for i in range(COUNT):
        a, b = next(random), next(random)
        if dtype in ("i32", "i64"):
            width = BITS[dtype]
            number = a % (1 << width)
            if i % 4 == 1:
                number >>= b % width
            if i % 4 > 1:
                # A power of two, some bits below it, and beside a tie.
                top = b % (width - 1)
                number = (1 << top) | ((a & 0xFFF) << top >> 12)
                cut = (b >> 8) % 12 + 1
                if top >= cut:
                    number = (number >> cut << cut | 1 << cut - 1) + (b >> 16) % 3 - 1
                if b >> 32 & 1:
                    number = -number
            result.append(number & ((1 << width) - 1))
            continue
        exponent_bits, fraction = FORMATS[dtype]
        bits = a >> (64 - BITS[dtype])
        if i % 4 > 0:
            # An exponent near those of f16 or bf16, and beside a tie of some number of bits.
            bias = (1 << exponent_bits - 1) - 1
            low, high = (-27, 18) if i % 4 == 1 else (-26, 17) if i % 4 == 2 else (-136, 130)
            exponent = bias + low + (b & 0xFFFF) % (high - low)
            exponent = min(max(exponent, 0), 2 * bias)
            bits = bits & (1 << BITS[dtype] - 1 | (1 << fraction) - 1) | exponent << fraction
        if i % 4 > 1:
            keep = (b >> 16) % 12
            cut = fraction - keep
            bits = (bits >> cut << cut | 1 << cut - 1) + (b >> 32) % 3 - 1
        result.append(bits & ((1 << BITS[dtype]) - 1))
    return result


def value(bits, dtype):
    """The number of some bits as (negative, integer, exponent of two), or "nan" or "inf"."""
    width = BITS[dtype]
    if dtype not in FORMATS:
        if dtype in ("i32", "i64") and bits >> width - 1:
            return True, (1 << width) - bits, 0
        return False, bits, 0
    exponent_bits, fraction = FORMATS[dtype]
    negative = bool(bits >> width - 1)
    exponent = bits >> fraction & ((1 << exponent_bits) - 1)
    digits = bits & ((1 << fraction) - 1)
    bias = (1 << exponent_bits - 1) - 1
    if exponent == 2 * bias + 1:
        return negative, ("nan" if digits else "inf"), 0
    if exponent == 0:
        return negative, digits, 1 - bias - fraction
    return negative, digits | 1 << fraction, exponent - bias - fraction


def to_float(number, dtype):
    """The bits of the nearest float, ties to even."""
    exponent_bits, fraction = FORMATS[dtype]
    bias = (1 << exponent_bits - 1) - 1
    infinity = 2 * bias + 1 << fraction
    negative, digits, exponent = number
    if digits == "nan":
        return infinity | 1 << fraction - 1
    sign = int(negative) << BITS[dtype] - 1
    if digits == "inf":
        return sign | infinity
    if digits == 0:
        return sign
    # The exponent of the last place.
    place = max(digits.bit_length() + exponent - 1 - fraction, 1 - bias - fraction)
    if place > exponent:
        cut = place - exponent
        rest = digits & ((1 << cut) - 1)
        digits >>= cut
        digits += rest > 1 << cut - 1 or rest == 1 << cut - 1 and digits & 1
    else:
        digits <<= exponent - place
    # The leading digit, and a carry into it, add to the exponent as they should.
    return sign | min((place + bias + fraction - 1 << fraction) + digits, infinity)


def to_integer(number, dtype):
    """The integer part, saturated; 0 for NaN. Between integers the low bits."""
    width = BITS[dtype]
    low, high = (0, 255) if dtype == "u8" else (-(1 << width - 1), (1 << width - 1) - 1)
    negative, digits, exponent = number
    if digits == "nan":
        return 0
    if digits == "inf":
        whole = high
        return (low if negative else high) & ((1 << width) - 1)
    whole = digits << exponent if exponent >= 0 else digits >> -exponent
    whole = min(max(-whole if negative else whole, low), high)
    return whole & ((1 << width) - 1)


def cast(bits, source, target):
    number = value(bits, source)
    if target == "bool":
        return int(number[1] != 0)
    return to_float(number, target) if target in FORMATS else to_integer(number, target)


def checksum(bits):
    """FNV-1a of 64-bit words."""
    total = 0xCBF29CE484222325
    for word in bits:
        total = ((total ^ word) * 0x100000001B3) & MASK
    return total


def main():
    rows = []
    for source in DTYPES:
        operands = words(source)
        for target in DTYPES:
            if source == target or not {source, target} & {"f16", "bf16"}:
                continue
            results = [cast(bits, source, target) for bits in operands]
            if {source, target} <= {"f16", "f32", "f64"}:
                unsigned = {16: np.uint16, 32: np.uint32, 64: np.uint64}
                floats = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
                numbers = np.array(operands, unsigned[BITS[source]]).view(floats[source])
                with np.errstate(all="ignore"):
                    theirs = numbers.astype(floats[target])
                ours = np.array(results, unsigned[BITS[target]]).view(floats[target])
                same = (theirs.view(unsigned[BITS[target]]) == ours.view(unsigned[BITS[target]])) | (
                    np.isnan(theirs) & np.isnan(ours)
                )
                assert same.all(), (source, target, (~same).sum())
            rows.append(f'    "{source}_{target}": 0x{checksum(results):016x},')
    text = "\n".join(
        [
            "// Checksums of 65536 casts each; made by Tools/oracle/narrow_reference.py.",
            "",
            "extension NarrowTests {",
            "  /// FNV-1a over the bits of the results of every cast from or to f16 and bf16.",
            "  static let checksums: [String: UInt64] = [",
            *rows,
            "  ]",
            "}",
            "",
        ]
    )
    (portable.ROOT / "Tests" / "ConformanceTests" / "NarrowReference.swift").write_text(text)


if __name__ == "__main__":
    main()
