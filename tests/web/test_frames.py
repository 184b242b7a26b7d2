"""Frames: what is put in comes out, and lies where a browser can look at it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pellucid.web.frames import frame

from .parsed import parse

KINDS = st.sampled_from([np.float32, np.float64, np.uint8, np.int64])


@given(st.dictionaries(st.text(max_size=9), KINDS.flatmap(lambda kind: arrays(kind, array_shapes(min_dims=0)))))
def test_what_is_put_in_comes_out(given_arrays: dict[str, np.ndarray]) -> None:
    header, found = parse(frame({"words": "é", "number": 0.5}, given_arrays))
    assert header == {"words": "é", "number": 0.5}
    assert list(found) == list(given_arrays)
    for name, array in given_arrays.items():
        kind = {"f": np.float32, "u": np.uint8, "i": np.int32}[array.dtype.kind]
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(found[name], array.astype(kind))


def test_arrays_begin_at_multiples_of_eight() -> None:
    data = frame({"name": "x" * 5}, {"a": np.zeros(3, np.uint8), "b": np.ones((2, 2), np.float32)[:, ::-1]})
    size = int.from_bytes(data[:4], "little")
    assert (4 + size) % 8 == 0
    assert [each["at"] % 8 for each in json.loads(data[4 : 4 + size])["arrays"]] == [0, 0]


def test_a_header_without_numbers_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON"):
        frame({"loss": float("nan")}, {})
