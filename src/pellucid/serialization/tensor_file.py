"""One file of named arrays: the safetensors format, written the same way every time and read without trust.

::

    8 bytes     length n of the header, little-endian
    n bytes     the header, JSON: {"__metadata__": {text: text, …}, name: {"dtype", "shape", "data_offsets"}, …}
    the rest    the arrays' bytes, row-major and little-endian, one after the other without a gap

The safetensors library reads these files. It does not write them: it orders the metadata differently in every process,
so that one network would become many files, and it writes an array's memory as it lies, which is wrong for a
transposed one.

A file of ours begins with its seal, the SHA-256 of all its bytes, taken with the seal's own 64 digits as zeros. What
the arrays are for is no concern of this module.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, ModelFileError, path_text, printable
from ..limits import LIMITS, Limits, extent
from ..steps import Shape

WRITTEN = {"float16": "F16", "float32": "F32", "float64": "F64", "bool": "BOOL"}
WRITTEN |= {f"{kind}int{bits}": f"{kind.upper() or 'I'}{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)}
"""The dtypes that are written, by NumPy's names."""

READ = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""The dtypes that can become weights. NumPy has no bfloat16: it is the upper half of a float32."""

BYTES = {"F8_E4M3": 1, "F8_E5M2": 1, "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2}
BYTES |= {"U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}
"""All dtypes that may stand in a file, as counters of steps do in those of PyTorch, and the bytes of one number."""

_STORED = {**READ, "BOOL": "?", **{f"{kind}{8 * n}": f"<{kind.lower()}{n}" for kind in "IU" for n in (1, 2, 4, 8)}}

UNSEALED = b"0" * 64
SEAL_FIELD = b'{"__metadata__":{"sha256":"'
SEAL = slice(8 + len(SEAL_FIELD), 8 + len(SEAL_FIELD) + 64)

DAMAGED = "the file is damaged or was cut short; copy or save it again"
FOREIGN = "this is no safetensors file, or a damaged one; check the name, or copy it again"

ONNX = "this is an ONNX model: load_onnx(path) makes a network of it, and `pellucid train --weights PATH` trains it on"

_LONGEST_MESSAGE = 2000

# A quotation mark without its partner takes all that follows: the search stays linear in the text's length.
_STRING_OR_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)

_BRIEF = reprlib.Repr()
_BRIEF.maxlist = _BRIEF.maxdict = _BRIEF.maxlevel = 8
"""Shows values that may be large without writing them out first."""


def problem(path: str, what: str, fix: str, at: int | None = None) -> ModelFileError:
    """Return the error that names the file, the byte if there is one, what was expected, and what to do.

    What was found may hold texts of the file's, and is shown as `printable` does.
    """
    where = path_text(path) if at is None else f"{path_text(path)}, byte {at:,}"
    return ModelFileError(f"{where}: {printable(what, _LONGEST_MESSAGE)}; {fix}")


@dataclass(frozen=True)
class Entry:
    """Where an array lies in the file."""

    dtype: str
    shape: Shape
    begin: int
    end: int

    def __str__(self) -> str:
        return f"{'×'.join(map(str, self.shape)) or 'a single number'} ({self.dtype})"


@dataclass(frozen=True)
class TensorFile:
    """A file that was read and found in order.

    Attributes
    ----------
    path : str
    metadata : mapping of str to str
    entries : mapping of str to Entry
    sealed : bool
        Whether it carries our seal, and so holds exactly what was written.
    content : bytes or bytearray
    """

    path: str
    metadata: Mapping[str, str]
    entries: Mapping[str, Entry]
    sealed: bool
    content: bytes | bytearray

    def array(self, name: str) -> NDArray[Any]:
        """Return a read-only array; its dtype must be one of `READ`, a whole number's, or BOOL."""
        entry = self.entries[name]
        numbers = np.frombuffer(self.content, _STORED[entry.dtype], math.prod(entry.shape), entry.begin)
        if entry.dtype == "BF16":
            numbers = (numbers.astype("<u4") << 16).view("<f4")
        return numbers.reshape(entry.shape)


def encode(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytearray:
    """Return the sealed file that holds arrays of any memory layout; see `pieces`."""
    content = bytearray()
    for piece in pieces(arrays, metadata):
        content += piece
    return content


def pieces(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> list[memoryview]:
    """Return the sealed file that holds arrays of any memory layout, in pieces: those of the arrays are their own
    memory wherever they lie row by row, so that nothing of their size is allocated.

    Raises
    ------
    ArgumentError
        If the header would be larger than readers take.
    """
    header: dict[str, Any] = {"__metadata__": {"sha256": UNSEALED.decode(), **metadata}}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": WRITTEN[array.dtype.name], "shape": array.shape, "data_offsets": (begin, end)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the arrays begin at a multiple of 8 bytes
    if len(text) > LIMITS.header_bytes:
        most = f"expected names and texts of at most {LIMITS.header_bytes:,} bytes beside the arrays"
        raise ArgumentError(f"{most}, received {len(text):,}")
    beginning = bytearray(len(text).to_bytes(8, "little") + text)
    rows = [np.ascontiguousarray(each, each.dtype.newbyteorder("<")) for each in arrays.values()]
    content = [memoryview(beginning), *(each.reshape(-1).view(np.uint8).data for each in rows)]
    beginning[SEAL] = _digest(content)
    return content


def _digest(content: Iterable[bytes | bytearray | memoryview]) -> bytes:
    """Return the seal of a file, given in pieces; the first one holds the place of the seal."""
    digest = hashlib.sha256()
    for number, piece in enumerate(content):
        view = memoryview(piece)
        for part in (view[: SEAL.start], UNSEALED, view[SEAL.stop :]) if number == 0 else (view,):
            digest.update(part)
    return digest.hexdigest().encode()


def decode(content: bytes | bytearray, path: str, limits: Limits = LIMITS) -> TensorFile:
    """Check a file of named arrays against its own statements, and `limits`; nothing is allocated for the arrays.

    Raises
    ------
    ModelFileError
        If it is no such file, or is damaged.
    """
    start, header = _header(content, path, limits)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise problem(path, "expected __metadata__ to map text to text", DAMAGED, 8)
    if len(header) > limits.tensors:
        raise problem(path, f"expected at most {limits.tensors:,} arrays, found {len(header):,}", DAMAGED, 8)
    entries = {name: _entry(name, stated, start, path, limits) for name, stated in header.items()}
    _check_gapless(entries, start, len(content), path)
    sealed = content[8 : SEAL.start] == SEAL_FIELD
    if sealed and content[SEAL] != (digest := _digest([content])):
        what = f"expected the SHA-256 {digest.decode()}, found {content[SEAL].decode('ascii', 'replace')}"
        raise problem(path, what, "the file is not what was saved; copy or save it again", SEAL.start)
    return TensorFile(path, metadata, entries, sealed, content)


def metadata_of(beginning: bytes | bytearray, path: str, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return the metadata in the beginning of a file, at least its header; whether it is whole nobody looks.

    Raises
    ------
    ModelFileError
        If there is no such header.
    """
    found = _header(beginning, path, limits)[1].get("__metadata__", {})
    return found if isinstance(found, dict) else {}


def _header(content: bytes | bytearray, path: str, limits: Limits) -> tuple[int, dict[str, Any]]:
    """Return the byte where the arrays begin, and the header."""
    if len(content) < 10:
        raise problem(path, f"expected at least 10 bytes, found {len(content)}", _foreign(content, path))
    length = int.from_bytes(content[:8], "little")
    if length > min(limits.header_bytes, len(content) - 8):
        room = f"expected a header of at most {min(limits.header_bytes, len(content) - 8):,} bytes"
        raise problem(path, f"{room}, found {length:,} as its length", _foreign(content, path), 0)
    if content[8:9] != b"{":
        raise problem(path, f"expected the header to begin with {{, found {content[8:9]!r}", _foreign(content, path), 8)
    try:
        text = content[8 : 8 + length].decode("utf-8")
    except UnicodeDecodeError as error:
        raise problem(path, f"expected UTF-8 in the header, found {error.reason}", DAMAGED, 8 + error.start) from None
    header: dict[str, Any] = parse_json(text, path, "the header", limits)
    return 8 + length, header  # an object, for it begins with a brace


def _foreign(content: bytes | bytearray, path: str) -> str:
    """Return what to do about a file that is none of these: an ONNX model begins with its version, and what follows."""
    model = content[:1] == b"\x08" and content[2:3] in (b"\x12", b"\x3a", b"\x42")
    return ONNX if model or path.lower().endswith(".onnx") else FOREIGN


def parse_json(text: str, path: str, what: str, limits: Limits) -> Any:
    """Return the value of a JSON text, or refuse one that is nested too deeply, too rich, ambiguous or no JSON."""
    depth, parts = structure(text, limits.json_parts)
    if parts > limits.json_parts:
        raise problem(path, f"expected {what} of at most {limits.json_parts:,} parts, found more", DAMAGED)
    if depth > limits.json_depth:
        raise problem(path, f"expected {what} nested at most {limits.json_depth} deep, found {depth:,}", DAMAGED)
    try:
        return json.loads(text, object_pairs_hook=_unambiguous, parse_constant=_no_number, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise problem(path, f"expected JSON as {what}, found an error ({error})", DAMAGED) from None


def structure(text: str, most: int) -> tuple[int, int]:
    """Return how deep the brackets of a JSON text are nested, and how many texts, brackets and commas there are.

    Where there are more than `most`, it is looked at no further.
    """
    depth = deepest = parts = 0
    for found in islice(_STRING_OR_MARK.finditer(text), most + 1):
        parts += 1
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest, parts


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r:.80} stands there twice")
        found[name] = value
    return found


def _integer(text: str) -> int:
    """Return a whole number of at most 64 bits, or refuse it: a message could not even print the square of others."""
    if len(text) > 20:
        raise ValueError(f"{text:.20}… is too large a number")
    return int(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _entry(name: str, stated: Any, start: int, path: str, limits: Limits) -> Entry:
    """Return an entry of the header with offsets in the file, or refuse it."""
    match stated:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if len(stated) == 3:
            pass
        case _:
            found = _BRIEF.repr(stated)
            raise problem(
                path, f"{printable(name)}: expected dtype, shape and data_offsets, found {found:.80}", DAMAGED, 8
            )
    if dtype not in BYTES:
        raise problem(
            path, f"{printable(name)}: expected a dtype of {', '.join(BYTES)}, found {dtype!r:.20}", DAMAGED, 8
        )
    if len(shape) > limits.dimensions or not all(type(size) is int and 0 <= size <= limits.elements for size in shape):
        wanted, found = f"at most {limits.dimensions} sizes from 0 to {limits.elements:,}", _BRIEF.repr(shape)
        raise problem(path, f"{printable(name)}: expected a shape of {wanted}, found {found:.80}", DAMAGED, 8)
    numbers = math.prod(shape)
    if numbers > limits.elements or end - begin != numbers * BYTES[dtype]:
        needed = f"{'·'.join(map(str, shape)) or '1'} numbers of {BYTES[dtype]} bytes"
        what = f"{printable(name)}: expected {needed} = {numbers * BYTES[dtype]:,} bytes, found {end - begin:,}"
        raise problem(path, what, DAMAGED, start + begin)
    if extent(shape) > limits.elements:
        found = "·".join(map(str, shape))
        raise problem(
            path, f"{printable(name)}: expected at most {limits.elements:,} numbers, found {found}", DAMAGED, 8
        )
    return Entry(dtype, tuple(shape), start + begin, start + end)


def _check_gapless(entries: Mapping[str, Entry], start: int, size: int, path: str) -> None:
    """Refuse arrays that overlap, leave a gap, or do not end where the file ends."""
    end = start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            raise problem(path, f"{printable(name)}: expected to begin at byte {end:,}", DAMAGED, entry.begin)
        end = entry.end
    if end != size:
        raise problem(path, f"expected the file to end at byte {end:,}, it ends at {size:,}", DAMAGED, min(end, size))
