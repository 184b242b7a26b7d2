"""How many fields a protocol buffer has, counted before it is parsed.

Two bytes of a file can become an object of a hundred in memory, and a field may hold others of its kind to any depth.
So the bytes are walked first, which takes no memory but for the levels.
"""

from __future__ import annotations

from typing import Any

from ...limits import Limits
from ...serialization.tensor_file import problem

VARINT, EIGHT_BYTES, PIECE, FOUR_BYTES = 0, 1, 2, 5
"""How a field's value lies there: a whole number of 7 bits a byte, 8 bytes, a length and as many bytes, 4 bytes."""

DAMAGED = "copy or export the model again"


def check_fields(content: bytes, kind: Any, path: str, limits: Limits) -> None:
    """Refuse bytes that are no protocol buffer of a kind, or one of very many fields or levels.

    Parameters
    ----------
    content : bytes
    kind : descriptor
        Of the outermost message, as protobuf has it.
    path : str
        What to call the file in messages.
    limits : Limits

    Raises
    ------
    ModelFileError
        The message says where.
    """
    walk, place, fields = _Walk(content, path), 0, 0
    inside = [(kind, len(content))]  # the messages that hold the place, and where each ends
    while inside:
        message, end = inside[-1]
        if place == end:
            inside.pop()
            continue
        fields += 1
        if fields > limits.onnx_fields:
            raise problem(path, f"expected at most {limits.onnx_fields:,} fields, found more", DAMAGED, place)
        number, begin, place = walk.field(place, end)
        inner = message.fields_by_number.get(number)
        if begin is not None and inner is not None and inner.message_type is not None:
            if len(inside) >= limits.onnx_depth:
                what = f"expected at most {limits.onnx_depth} levels of messages, found more"
                raise problem(path, what, DAMAGED, begin)
            inside.append((inner.message_type, place))
            place = begin


class _Walk:
    """Reads one field after the other."""

    def __init__(self, content: bytes, path: str):
        self.content, self.path = content, path

    def field(self, place: int, end: int) -> tuple[int, int | None, int]:
        """Return a field's number, where its piece begins if it is one, and where the field ends."""
        start = place
        tag, place = self._varint(place, end)
        number, form = tag >> 3, tag & 7
        begin = None
        if form == VARINT:
            _, place = self._varint(place, end)
        elif form == PIECE:
            length, begin = self._varint(place, end)
            place = begin + length
        elif form in (EIGHT_BYTES, FOUR_BYTES):
            place += 8 if form == EIGHT_BYTES else 4
        else:
            raise problem(self.path, f"expected an ONNX model, found a field of the form {form}", DAMAGED, start)
        if place > end or number == 0:
            what = "expected an ONNX model, found a field that does not end with its message"
            raise problem(self.path, what, DAMAGED, start)
        return number, begin, place

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        """Return a whole number, 7 bits a byte, the lowest first, and the place behind it."""
        number = 0
        for shift in range(0, 70, 7):
            if place >= end:
                break
            byte = self.content[place]
            place += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number, place
        raise problem(self.path, "expected an ONNX model, found a number that does not end", DAMAGED, place)
