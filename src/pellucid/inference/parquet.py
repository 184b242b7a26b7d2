"""The rows of a prediction as Parquet, through pyarrow: ``pip install '.[parquet]'``."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError, installing
from ..storage import NewFile
from .rows import Columns, Rows

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS_A_GROUP = 1 << 21
"""Probabilities in one group of rows, which readers take at a time: 8 MB of them."""

LARGEST_GROUP = 1 << 16
"""Rows in one."""


def schema(columns: Columns, dtype: str) -> Any:
    """Return the types of the columns; probabilities are of `dtype`."""
    arrow = _pyarrow()
    kinds = {"file": arrow.string(), "index": arrow.int64(), "error": arrow.string()}
    number = arrow.from_numpy_dtype(dtype)
    texts = {"class", *(f"class_{n}" for n in range(2, columns.top + 1))}
    fields = [(name, kinds.get(name) or (arrow.string() if name in texts else number)) for name in columns.names]
    return arrow.schema(fields)


def encoded(rows: Rows, dtype: str) -> bytes:
    """Return rows as a Parquet file."""
    arrow, form = _pyarrow(), schema(rows.columns, dtype)
    arrays = [arrow.array(column, kind) for column, kind in zip(rows.table().values(), form.types, strict=True)]
    content = io.BytesIO()
    _writer(content, form, [arrow.Table.from_arrays(arrays, schema=form)])
    return content.getvalue()


def join(parts: Iterable[bytes], path: Path, workshop: Path, columns: Columns, dtype: str) -> NewFile:
    """Write the rows of many such files into one, and return what is known of it."""
    arrow = _pyarrow()
    import pyarrow.parquet as parquet

    numbers = columns.top + (len(columns.classes) if columns.every else 0)
    group = max(1, min(LARGEST_GROUP, NUMBERS_A_GROUP // numbers))

    def groups() -> Iterable[Any]:
        held: list[Any] = []
        for part in parts:
            held.append(parquet.read_table(io.BytesIO(part)))
            table = arrow.concat_tables(held)
            while table.num_rows >= group:
                yield table.slice(0, group)
                table = table.slice(group)
            held = [table] if table.num_rows else []
        yield from held

    with NewFile(path, workshop) as file:
        _writer(_Sink(file), schema(columns, dtype), groups())
    return file


class _Sink(io.RawIOBase):
    """What pyarrow takes for a file that is written from its beginning to its end."""

    def __init__(self, file: NewFile):
        self._to = file

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._to.size

    def write(self, piece: Any) -> int:
        return self._to.write(bytes(piece))


def _writer(to: Any, form: Any, tables: Iterable[Any]) -> None:
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(to, form, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.combine_chunks(), row_group_size=LARGEST_GROUP)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError(
            f"writing Parquet needs pyarrow: {installing('parquet')}; or name the output ….csv"
        ) from error
    return pyarrow
