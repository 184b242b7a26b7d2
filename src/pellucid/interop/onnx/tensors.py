"""Arrays out of an ONNX model: each checked against its own statements before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import printable
from ...limits import Limits, extent
from ...serialization.tensor_file import problem
from .wire import DAMAGED


class Kind(NamedTuple):
    """A type of numbers: what it is called, how NumPy reads its bytes, and the field for numbers without raw bytes."""

    name: str
    stored: str
    field: str


KINDS: Mapping[int, Kind] = MappingProxyType(
    {
        1: Kind("float32", "<f4", "float_data"),
        2: Kind("uint8", "u1", "int32_data"),
        3: Kind("int8", "i1", "int32_data"),
        4: Kind("uint16", "<u2", "int32_data"),
        5: Kind("int16", "<i2", "int32_data"),
        6: Kind("int32", "<i4", "int32_data"),
        7: Kind("int64", "<i8", "int64_data"),
        9: Kind("bool", "?", "int32_data"),
        10: Kind("float16", "<u2", "int32_data"),
        11: Kind("float64", "<f8", "double_data"),
        12: Kind("uint32", "<u4", "uint64_data"),
        13: Kind("uint64", "<u8", "uint64_data"),
        16: Kind("bfloat16", "<u2", "int32_data"),
    }
)
"""ONNX's number of a type -> the type. Others are texts, complex numbers, and those of 8 bits and fewer that networks
are quantised to."""

OTHERS: Mapping[int, str] = MappingProxyType({8: "text", 14: "complex64", 15: "complex128"})

TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
OUTSIDE = 1
"""Where the bytes of a tensor lie in another file."""


class Outside(Protocol):
    """Where bytes that are not in the model come from."""

    def read(self, tensor: Any, length: int) -> bytes:
        """Return as many bytes as the tensor needs, or refuse."""


class Tensors:
    """Reads the tensors of one model.

    Parameters
    ----------
    path : str
        What to call the file in messages.
    limits : Limits
    outside : Outside
        Reads those whose bytes lie in other files.
    short : bool, default False
        Whether those in float16 stay what they are.
    """

    def __init__(self, path: str, limits: Limits, outside: Outside, short: bool = False):
        self.path, self.limits, self.outside, self.short = path, limits, outside, short

    def array(self, tensor: Any, called: str) -> NDArray[Any]:
        """Return a tensor's numbers; those of 16 bits become float32, unless float16 is to stay.

        Raises
        ------
        ModelFileError
            If its type is not one of numbers, or there are more or fewer of them than it says.
        """
        kind = KINDS.get(tensor.data_type)
        if kind is None:
            found = OTHERS.get(tensor.data_type, f"the type {tensor.data_type}, as quantised networks have")
            fix = "export the model with weights in float32"
            raise self._problem(called, f"expected numbers of a type such as float32, found {found}", fix)
        shape = self._shape(tensor, called)
        numbers = self._numbers(tensor, kind, math.prod(shape), called).reshape(shape)
        if kind.name == "bfloat16":  # the upper half of a float32
            return (numbers.astype(np.uint32) << 16).view(np.float32)
        if kind.name == "float16":
            return numbers.view(np.float16).astype(np.float16 if self.short else np.float32)
        return numbers.astype(numbers.dtype.newbyteorder("="), copy=False)

    def _shape(self, tensor: Any, called: str) -> tuple[int, ...]:
        shape, limits = tuple(tensor.dims), self.limits
        if len(shape) > limits.dimensions or any(not 0 <= size <= limits.elements for size in shape):
            wanted, found = f"at most {limits.dimensions} sizes from 0 to {limits.elements:,}", f"{shape[:10]}"
            raise self._problem(called, f"expected a shape of {wanted}, found {found:.80}")
        if extent(shape) > limits.elements:
            raise self._problem(
                called, f"expected at most {limits.elements:,} numbers, found {'·'.join(map(str, shape))}"
            )
        return shape

    def _numbers(self, tensor: Any, kind: Kind, count: int, called: str) -> NDArray[Any]:
        """Return as many numbers as the shape says, in the type in which they are stored."""
        stored = np.dtype(kind.stored)
        held = [field for field in TYPED if len(getattr(tensor, field))]
        if tensor.HasField("segment") or (held and (tensor.HasField("raw_data") or held != [kind.field])):
            raise self._problem(
                called, f"expected {kind.name} in one field, found {', '.join(held) or 'a segment'} too"
            )
        if tensor.data_location == OUTSIDE:
            raw = self.outside.read(tensor, count * stored.itemsize)
        elif not held:
            raw = tensor.raw_data
        else:
            return self._typed(getattr(tensor, kind.field), stored, count, called)
        if len(raw) != count * stored.itemsize:
            needed = f"{count:,} numbers of {stored.itemsize} bytes = {count * stored.itemsize:,} bytes"
            raise self._problem(called, f"expected {needed}, found {len(raw):,}")
        if kind.name == "bool":
            return np.asarray(np.frombuffer(raw, np.uint8) != 0)
        numbers: NDArray[Any] = np.frombuffer(raw, stored)
        return numbers

    def _typed(self, field: Any, stored: np.dtype[Any], count: int, called: str) -> NDArray[Any]:
        if len(field) != count:
            raise self._problem(called, f"expected {count:,} numbers, found {len(field):,}")
        if stored.kind == "f":
            return np.fromiter(field, stored, count)
        wide = np.fromiter(field, np.uint64 if field and max(field) > np.iinfo(np.int64).max else np.int64, count)
        numbers = wide.astype(stored)
        if not np.array_equal(numbers.astype(wide.dtype), wide):
            raise self._problem(called, f"expected numbers of {stored}, found some outside its range")
        return numbers

    def _problem(self, called: str, what: str, fix: str = DAMAGED) -> Exception:
        return problem(self.path, f"{printable(called)}: {what}", fix)
