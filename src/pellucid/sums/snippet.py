"""A number's sum as a program: a few lines of NumPy with the numbers written in, that anybody can run and change."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH = 110
_LISTED = 64
"""Numbers of an array that are written as lists; more are written as text, which takes fewer letters."""


def snippet(title: Sequence[str], numbers: Mapping[str, Any], code: Sequence[str], stored: float, near: float) -> str:
    """Return the text of a program that computes ``y``, prints it, and holds it against the stored number.

    Parameters
    ----------
    title : sequence of str
        Comments that it begins with.
    numbers : mapping
        Name -> array, number or None, which the program is to have by that name, to the last bit.
    code : sequence of str
        Lines that make ``y`` of them.
    stored : float
    near : float
        How far y may be from it.
    """
    finite = math.isfinite(stored) and math.isfinite(near)
    if not finite:
        code = ['with np.errstate(all="ignore"):  # some are not finite', *(f"    {line}" for line in code)]
    given = [line for name, number in numbers.items() for line in _assigned(name, number)]
    lines = [f"# {line}" for line in title] + ["import numpy as np", "", *given, "", *code, "", "print(y)"]
    if finite:
        lines += [f"stored = {stored!r}  # what the network computed", f"assert abs(y - stored) <= {near:.3g}"]
    else:
        lines += [f"# the network computed {stored}"]
    return "\n".join(lines) + "\n"


def _assigned(name: str, number: Any) -> list[str]:
    """Return the lines that give a name its number or array."""
    if isinstance(number, np.ndarray) and number.ndim:
        return _array(name, number)
    return [f"{name} = {_scalar(number)}"]


def _scalar(number: Any) -> str:
    if isinstance(number, (float, np.floating)):
        return repr(float(number)) if math.isfinite(number) else f'float("{float(number)}")'
    return repr(number.item() if isinstance(number, np.generic) else number)


def _array(name: str, array: NDArray[Any]) -> list[str]:
    """Return the lines that make an array anew, its numbers in as few digits as tell them from all others of its
    dtype."""
    dtype = f"np.{array.dtype.name}"
    wide = "" if array.dtype == np.float64 else ".astype(float)"
    if array.size <= _LISTED and (array.dtype.kind != "f" or np.isfinite(array).all()):
        start = f"{name} = np.array("
        text = np.array2string(
            array, separator=", ", threshold=_LISTED, max_line_width=_WIDTH, prefix=start,
            formatter={"all": _digits},
        )  # fmt: skip
        return f"{start}{text}, {dtype}){wide}".splitlines()
    text = " ".join(map(_digits, array.ravel()))
    shape = "" if array.ndim == 1 else f".reshape{array.shape}"
    wrapped = textwrap.wrap(text, _WIDTH, break_on_hyphens=False)
    return [f'{name} = np.array("""', *wrapped, f'""".split(), {dtype}){wide}{shape}']


def _digits(number: Any) -> str:
    return str(number).removesuffix(".0")
