"""Philox4x32-10, the random words of `pellucid.random`, drawn by running kernels: bit for bit the same.

A word of 32 bits lies in a lane of 64, where a product of two words has room. What is above the low 32 bits of a lane
means nothing, and is cut off where it would matter: before a multiplication, which costs no instruction.
"""

from __future__ import annotations

from typing import TypeAlias

from .builder import Kernel
from .tensors import Tensor
from .values import Index, Words

ROUNDS = 10
LOW = 0xFFFF_FFFF
MULTIPLIERS = 0xD251_1F53, 0xCD9E_8D57
KEY_STEPS = 0x9E37_79B9, 0xBB67_AE85

Four: TypeAlias = tuple[Words, Words, Words, Words]


def key_words(key: Tensor) -> tuple[Index, Index]:
    """Return the two words of a key."""
    return key.integer(0), key.integer(1)


def philox(k: Kernel, counter: Four, key: tuple[Index, Index]) -> Four:
    """Return four random words for the counter of every lane; all have lanes of 64 bits.

    The rounds are a loop: written out they run 8 % faster, and take twice as long to compile.
    """
    carried = [k.variable() for _ in counter]
    for slot, words in zip(carried, counter, strict=True):
        slot[0] = words.value
    with k.range(0, ROUNDS) as turn:
        c0, c1, c2, c3 = (Words(k, slot[0]) for slot in carried)
        k0, k1 = (k.spread(key[i] + turn * KEY_STEPS[i], c0.lanes, 64) for i in range(2))
        product0, product1 = (c0 & LOW) * MULTIPLIERS[0], (c2 & LOW) * MULTIPLIERS[1]
        drawn = (product1 >> 32) ^ c1 ^ k0, product1, (product0 >> 32) ^ c3 ^ k1, product0
        for slot, words in zip(carried, drawn, strict=True):
            slot[0] = words.value
    c0, c1, c2, c3 = (Words(k, slot[0]) for slot in carried)
    return c0, c1, c2, c3
