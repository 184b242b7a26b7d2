"""ONNX's own tests of backends, `onnx.backend.test`: ``python -m tests.onnx_backend [--write]``.

All tests of single operators ("node"), the simple ones, and those of models that PyTorch once wrote are run, as far as
the backend knows every operator in their model. Left out are the "real" tests, whose models are downloaded or have the
same number in all weights, and those of other operators. It prints how many tests each operator has and which way they
went, and with --write puts that table into docs/onnx.md. It ends with 1 if a test fails that is not listed here as one
that cannot pass, or if one passes that is.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import unittest
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from pellucid.interop.onnx.backend import EVALUATOR, NETWORK, backend
from pellucid.interop.onnx.rules import RULES
from pellucid.storage import write_file

PAGE = Path(__file__).resolve().parents[1] / "docs" / "onnx.md"
BLOCK = re.compile(r"^<!-- tests of onnx -->\n(.*?)^<!-- end of the tests -->$", re.DOTALL | re.MULTILINE)

KINDS = ("Node", "Simple", "PyTorchConverted", "PyTorchOperator")

COUNTED = MappingProxyType({"1.23.2": 747})
"""Version of onnx -> how many tests it has for the operators that are known here."""

EIGHT = ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ")
LOW = (*EIGHT, "UINT4", "INT4", "FLOAT4E2M1", "UINT2", "INT2")
"""Types of 8 bits and fewer that NumPy does not have."""


def _casts(pattern: str) -> list[str]:
    """Return the tests of casts to and from these types, with the name of a pair of types in a pattern."""
    pairs = [f"{wide}_to_{low}" for low in LOW for wide in ("FLOAT", "FLOAT16")]
    pairs += [f"{low}_to_{wide}" for low in LOW for wide in ("FLOAT", "FLOAT16")]
    pairs += [f"{low}_to_{low.rstrip('24')}8" for low in ("UINT4", "INT4", "UINT2", "INT2")]
    return [pattern.format(pair) for pair in pairs]


def _unsaturated(pattern: str) -> list[str]:
    return [pattern.format(f"{wide}_to_{low}") for low in EIGHT for wide in ("FLOAT", "FLOAT16")]


IMPOSSIBLE: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "NumPy has no such type": [
            *_casts("test_cast_{}"),
            *_casts("test_castlike_{}_expanded"),
            *_unsaturated("test_cast_no_saturate_{}"),
            *_unsaturated("test_castlike_no_saturate_{}_expanded"),
            *(f"test_cast_e8m0_{pair}" for pair in ("FLOAT_to_FLOAT8E8M0", "FLOAT16_to_FLOAT8E8M0")),
            *(f"test_cast_e8m0_{pair}" for pair in ("FLOAT8E8M0_to_FLOAT", "FLOAT8E8M0_to_FLOAT16")),
            "test_cast_FLOAT_to_BFLOAT16",
            "test_castlike_FLOAT_to_BFLOAT16_expanded",
        ],
        "takes texts": ["test_equal_string", "test_equal_string_broadcast"],
        "takes a sequence or an optional tensor": ["test_identity_sequence", "test_identity_opt"],
        "drops at random in training, in an order that ONNX does not prescribe": [
            "test_training_dropout",
            "test_training_dropout_default",
            "test_training_dropout_default_mask",
            "test_training_dropout_mask",
        ],
    }
)
"""Why tests of operators that are known cannot pass -> their names. All others must, and these must not."""


class Outcome(NamedTuple):
    """What became of one test: the operators in its model, the way it took, and the error where it did not pass."""

    name: str
    operators: tuple[str, ...]
    way: str
    error: str


def outcomes() -> Iterator[Outcome]:
    """Run all tests whose operators are known."""
    from onnx.backend.test import BackendTest

    seen: list[Any] = []  # the model at hand, and what it is prepared

    class Watched(backend()):
        @classmethod
        def prepare(cls, model: Any, device: str = "CPU", **settings: Any) -> Any:
            if not cls.is_compatible(model):
                raise unittest.SkipTest
            seen[:] = [model]
            seen.append(super().prepare(model, device, **settings))
            return seen[1]

    state = np.random.get_state()  # which onnx sets when it makes its tests
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        cases = BackendTest(Watched, __name__).test_cases
        np.random.set_state(state)
    for case in (cases[f"OnnxBackend{kind}ModelTest"] for kind in KINDS):
        for name in (each for each in dir(case) if each.startswith("test_") and each.endswith("_cpu")):
            seen.clear()
            error = _error(case(name))
            if seen:
                operators = sorted({node.op_type for node in seen[0].graph.node})
                way = seen[1].way if len(seen) == 2 else ""
                yield Outcome(name.removesuffix("_cpu"), tuple(operators), way, error)


def _error(case: unittest.TestCase) -> str:
    """Run a test; return what went wrong, or nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.debug()
    except unittest.SkipTest:
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def surprises(found: Sequence[Outcome], version: str) -> list[str]:
    """Return the tests that fail and are not listed, and those that are listed and pass.

    In versions of onnx whose tests were counted the latter includes tests that are not there.
    """
    listed = {name for names in IMPOSSIBLE.values() for name in names}
    failed = {each.name: each.error for each in found if each.error}
    there = listed if version in COUNTED else listed & {each.name for each in found}
    return [
        *(f"{name}: {error:.300}" for name, error in failed.items() if name not in listed),
        *(f"{name}: passes, or is not there, though it is listed" for name in sorted(there - failed.keys())),
    ]


# ---- the table
SEVERAL = "several in one model"


def table(found: Sequence[Outcome]) -> str:
    """Return how many tests each operator has, and which way they went, in Markdown."""
    rows: dict[str, Counter[str]] = {}
    for each in found:
        row = each.operators[0] if len(each.operators) == 1 else SEVERAL
        rows.setdefault(row, Counter())["fail" if each.error else each.way] += 1
    order = [name for name in RULES if name in rows]  # as in the table of what operators become; then all others
    order += [*sorted(rows.keys() - {*order, SEVERAL}), SEVERAL]
    every = {name: rows.get(name, Counter()) for name in order}
    every["all"] = sum(every.values(), Counter())
    lines = ["| operator | tests | through a network | through the evaluator | cannot pass |", "| --- " * 5 + "|"]
    for name, counts in every.items():
        ways = [counts[NETWORK], counts[EVALUATOR], counts["fail"]]
        lines.append(f"| {name} | {sum(ways)} | {' | '.join(str(way or '') for way in ways)} |")
    return "\n".join([*lines, "", *(f"- {len(names)}: {why}." for why, names in IMPOSSIBLE.items())])


def written(page: str, text: str | None = None) -> str:
    """Return the table in the page; with a text, the page with that as its table."""
    found = BLOCK.search(page)
    if found is None:
        raise SystemExit(f"{PAGE.name}: there is no mark <!-- tests of onnx -->")
    return found[1].strip() if text is None else f"{page[: found.start(1)]}\n{text}\n\n{page[found.end(1) :]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--write", action="store_true", help="put the table into docs/onnx.md")
    words = parser.parse_args()
    import onnx

    found = list(outcomes())
    print(table(found))
    wrong = surprises(found, onnx.__version__)
    print("\n".join(wrong), file=sys.stderr)
    if words.write and not wrong:
        page = PAGE.read_text(encoding="utf-8")
        write_file(PAGE, written(page, table(found)).encode())
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
