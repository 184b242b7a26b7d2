"""Inputs for networks whose answers do not matter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .. import random


def noise(shape: Sequence[int], name: str, seed: int = 0) -> NDArray[np.float32]:
    """Return normally distributed numbers, the same ones for a shape, a name and a seed on every machine.

    Numbers of different names are independent of each other, and of first weights.
    """
    words = random.element_words(random.key(seed, random.Purpose.NOISE), name, math.prod(shape))
    return np.asarray(random.normal(words), np.float32).reshape(tuple(shape))
