"""Checks of what users give: settings, arrays, dtypes come out in one form, or an error says what was expected."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .errors import ArgumentError, DataError, PellucidError

Wanted: TypeAlias = Literal[
    "a finite number",
    "a number of at least 0",
    "a number above 0",
    "a number from 0 to 1",
    "a number from 0 up to but not 1",
    "a number between 0 and 1",
]

Known = TypeVar("Known")

_LONGEST_SHOWN = 80
"""Letters of what was received that a message repeats."""
_LONGEST_NAME = 100
"""Letters of a name that may be another with slips in it; the work to tell grows with their square."""

_CPU = 1
"""Main memory among the kinds of devices, as DLPack numbers them."""

_FITS: Mapping[Wanted, Callable[[float], bool]] = MappingProxyType(
    {
        "a finite number": lambda _: True,
        "a number of at least 0": lambda value: value >= 0,
        "a number above 0": lambda value: value > 0,
        "a number from 0 to 1": lambda value: 0 <= value <= 1,
        "a number from 0 up to but not 1": lambda value: 0 <= value < 1,
        "a number between 0 and 1": lambda value: 0 < value < 1,
    }
)


def number(value: Any, name: str, wanted: Wanted = "a finite number") -> float:
    """Return a setting as Python's own float, or refuse it by `name`.

    Python's own, because NumPy's float64 scalars make float32 arrays float64. A bool is no number here.

    Raises
    ------
    ArgumentError
        If it is not what is `wanted`.

    Examples
    --------
    >>> number(np.float32(0.5), "momentum", "a number from 0 to 1")
    0.5
    """
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    try:
        result = float(value) if is_number else math.nan
    except OverflowError:  # a whole number that no float reaches
        result = math.nan
    if not (math.isfinite(result) and _FITS[wanted](result)):
        raise ArgumentError(f"{name}: expected {wanted}, received {shown(value)}")
    return result


def shown(value: object) -> str:
    """Return what was received as it stands in a message: as Python writes it, cut off where a line would be full.

    Examples
    --------
    >>> shown("lenet")
    "'lenet'"
    >>> len(shown("x" * 1000))
    80
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # whole numbers with more digits than Python writes; lists in lists in lists
        return f"{type(value).__name__}, too large to show"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def no_network(received: object) -> str:
    """Return what was received for a network as it stands in a message; where it holds one, with the way to that."""
    if hasattr(received, "network_"):
        return f"{shown(received)}; of an estimator pass estimator.network_"
    steps = getattr(received, "steps", None)
    if isinstance(steps, list) and steps and hasattr(steps[-1][-1], "network_"):
        within = "; of a pipeline pass pipeline[-1].network_, which takes what the steps before it make"
        return shown(received) + within
    return shown(received)


def float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64 as a NumPy dtype; refuse anything else with an ArgumentError."""
    try:
        result = np.dtype(dtype)
    except TypeError:
        result = np.dtype(object)
    if dtype is None or result.type not in (np.float32, np.float64):
        raise ArgumentError(f"dtype: expected float32 or float64, received {dtype!r}")
    return np.dtype(result.type)  # in this machine's byte order


# ---- arrays


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return what a user gives for an array as NumPy's, or refuse it by `name`. Nothing is copied that need not be.

    That is whatever NumPy makes an array of, tensors of PyTorch and JAX on the CPU among it; and what has no
    ``__array__``, but the ``__dlpack__`` that libraries of arrays hand memory to each other by.

    Raises
    ------
    DataError
        If NumPy cannot take it, such as a tensor on another device, one that requires grad, or one of bfloat16; or if
        a part of it is masked, of which NumPy would hand out what lies below the mask.

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]], "x").shape
    (2, 2)
    """
    try:
        if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
            array: NDArray[Any] = np.from_dlpack(values)
        else:
            array = np.asarray(values)
    except (PellucidError, MemoryError):
        raise
    except Exception as error:  # an array of another library may raise anything
        raise DataError(f"{name}: expected an array of numbers, received {_why_none(values, error)}") from error
    if masked := _masked(values):
        raise DataError(f"{name}: {masked:,} of the {array.size:,} numbers are masked; fill or drop them first")
    if array.dtype.kind == "V" and array.dtype.names is None:  # a dtype that another package has taught NumPy
        raise DataError(f"{name}: expected an array of numbers, received {_foreign(array)}")
    return array


def _masked(values: Any) -> int:
    """Return how many numbers of an array are hidden by a mask, if it has one."""
    masks = sys.modules.get("numpy.ma")  # not there unless somebody has made such an array
    kind = getattr(masks, "MaskedArray", None)  # nor in there as long as another thread is still importing it
    return int(masks.count_masked(values)) if masks is not None and kind and isinstance(values, kind) else 0


def _why_none(values: Any, error: Exception) -> str:
    """Return what it is that NumPy cannot make an array of, and the way out."""
    if isinstance(values, (list, tuple)) and isinstance(error, ValueError):
        return f"rows of different lengths ({error})"
    what = f"{'an' if type(values).__name__[:1] in 'AEIOaeio' else 'a'} {type(values).__name__}"
    if _device(values) != _CPU:
        return f"{what} on another device; move it to the CPU first, as with x.cpu()"
    if getattr(values, "requires_grad", False) is True:
        return f"{what} that requires grad; write x.detach()"
    if "float8" in _dtype(values) or "bfloat16" in _dtype(values):
        return _foreign(values)
    return f"{what}, which NumPy cannot take ({error})"


def _device(values: Any) -> int:
    """Return the kind of device that an array says it lies on, by DLPack's numbers; the CPU where it says none."""
    try:
        return int(values.__dlpack_device__()[0])
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return _CPU


def _dtype(values: Any) -> str:
    return str(getattr(values, "dtype", ""))


def _foreign(values: Any) -> str:
    """Return how a message goes on about numbers of a dtype that is not NumPy's own."""
    return f"{_dtype(values)}, which NumPy has no numbers of; convert it to float32 first"


def as_numbers(x: ArrayLike, name: str) -> NDArray[Any]:
    """Return x as an array of real numbers, of the dtype it has, or refuse it by `name` with a DataError."""
    array = as_array(x, name)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}: expected an array of real numbers, received dtype {array.dtype}")
    return array


# ---- what is not refused, but looks like a slip


def warn(text: str) -> None:
    """Warn at the line of the user's that called the library, however deep below it the matter came to light."""
    package, frame, level = __name__.partition(".")[0], sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, UserWarning, stacklevel=level)


# ---- names


def look_up(name: object, known: Mapping[str, Known], what: str) -> Known:
    """Return what a name stands for, whatever it has of capitals, dashes and underscores.

    Parameters
    ----------
    name : str
    known : mapping
        What there is, by name.
    what : str
        What the names are of, for the message.

    Raises
    ------
    ArgumentError
        If there is no such name, and the message suggests the nearest; or if it is no text.

    Examples
    --------
    >>> look_up("OneCycle", {"constant": 0, "one-cycle": 1}, "schedule")
    1
    """
    if not isinstance(name, str):
        first = next(iter(known))
        raise ArgumentError(f"{what}: expected a name such as {first!r}, received {shown(name)}")
    found = known_name(name, known)
    if found is None:
        raise ArgumentError(f"unknown {what} {shown(name)}{nearest_or_all(name, known)}")
    return known[found]


def known_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is the same but for capitals, dashes and underscores, or None."""
    return next((each for each in known if _plain(each) == _plain(name)), None)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'mnist'?"`` for the known name that `name` was meant to be; nothing if none is near.

    Examples
    --------
    >>> nearest("mnits", ["digits", "mnist"])
    "; did you mean 'mnist'?"
    >>> nearest("resnet", ["lenet", "notebook", "small"])
    ''
    """
    found = nearest_name(name, known)
    return "" if found is None else f"; did you mean {found!r}?"


def nearest_or_all(name: object, known: Iterable[str]) -> str:
    """Return how a message about an unknown name goes on: with the one that was meant, or else with all of them.

    Examples
    --------
    >>> nearest_or_all("mnits", ["digits", "mnist"])
    "; did you mean 'mnist'?"
    >>> nearest_or_all("faces", ["digits", "mnist"])
    '. Known: digits, mnist'
    """
    names = list(known)
    return nearest(name, names) or f". Known: {', '.join(names)}"


def nearest_name(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was meant to be, or None.

    That is one which begins with the other, as "glorot" and "glorot-normal"; or one with few slips between them, each
    a letter too many, one too few, another one, or two exchanged: one slip, or one for every four letters. Nothing is
    near to what is longer than names are, or no text.
    """
    if not isinstance(name, str):
        return None
    near: dict[str, int] = {}
    for each in known:
        short, long = sorted((text.lower().replace("_", "-") for text in (name, each)), key=len)
        fewest, most = len(long) - len(short), max(1, len(long) // 4)  # each slip mends one letter of the difference
        if len(long) > _LONGEST_NAME:
            continue
        if len(short) >= 3 and long.startswith(short):
            near[each] = fewest
        elif fewest <= most and (slips := _slips(short, long)) <= most and slips < len(long):
            near[each] = slips
    return min(near, key=lambda each: near[each]) if near else None


def _slips(one: str, other: str) -> int:
    """Return how many slips lie between two words (their optimal string alignment distance)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, above, row = row, before, [i]
        for j, wanted in enumerate(other, start=1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (one[i - 2], letter) == (wanted, other[j - 2]):
                least = min(least, above[j - 2] + 1)
            row.append(least)
    return row[-1]
