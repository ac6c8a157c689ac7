"""Philox4x32-10, the counter-based random number generator of Salmon, Moraes, Dror and Shaw (2011).

Asserts the known answers that the authors publish with Random123, then writes to Tests/Data/philox, for
several seeds and places in the stream, `seed_<seed>__first_<i>.bits.npy` (i32: 64 words of the stream from
element i on, the bits unchanged) and `....uniform.npy` (f32: (bits >> 8) * 2^-24, in [0, 1)).

Element i of the stream of a 64-bit seed is word (i mod 4) of the block with counter
(lo32(i div 4), hi32(i div 4), 0, 0) under the key (lo32(seed), hi32(seed)).
"""

import numpy as np

import portable
from portable import TEST_DATA

LOW = np.uint64(0xFFFFFFFF)
COUNT = 64

KNOWN_ANSWERS = [  # counter, key, result
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def philox(counters, key):
    """The blocks [n, 4] of counters [n, 4] under one key [2]; all u64 arrays that hold 32-bit words."""
    c0, c1, c2, c3 = counters.T
    k0, k1 = (int(k) for k in key)
    for _ in range(10):
        left = np.uint64(0xD2511F53) * c0
        right = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (right >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            right & LOW,
            (left >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            left & LOW,
        )
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def stream(seed, first, count):
    """Elements first ..< first + count of the stream of `seed`, as u32."""
    index = [first + i for i in range(count)]
    counters = np.array([[i // 4 & 0xFFFFFFFF, i // 4 >> 32, 0, 0] for i in index], np.uint64)
    blocks = philox(counters, (seed & 0xFFFFFFFF, seed >> 32))
    return np.array([block[i % 4] for i, block in zip(index, blocks)], np.uint64).astype(np.uint32)


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint64)


def main():
    for counter, key, answer in KNOWN_ANSWERS:
        assert (philox(words(counter)[None], words(key))[0] == words(answer)).all(), counter
    print("the known answers hold")

    folder = portable.fresh_folder(TEST_DATA / "philox")
    for seed, first in (
        (0, 0),
        (1, 0),
        (42, 0),
        (0x0123456789ABCDEF, 0),
        (2**64 - 1, 0),
        (42, 1001),  # begins inside a block
        (42, 2**34 - 32),  # the block number leaves 32 bits half way
    ):
        bits = stream(seed, first, COUNT)
        uniform = (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
        name = f"seed_{seed}__first_{first}"
        portable.save(folder / f"{name}.bits.npy", bits.view(np.int32))
        portable.save(folder / f"{name}.uniform.npy", uniform)
    print(portable.total_size(folder))


if __name__ == "__main__":
    main()
