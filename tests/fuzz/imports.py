"""ONNX models with changes: ``python -m tests.fuzz.imports COUNT``.

One or two things in a model are others: an attribute, an operator, what a node reads, a shape, weights, the opset. Such
a model is refused in one line that names its file; or it is read, and then gives what onnxruntime makes of it, unless
that refuses it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import pellucid as p
from pellucid.errors import PellucidError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import hostile
from oracles import onnx_cases, onnx_models

SECONDS = 1.0
"""Of the processor, for reading one model."""

REFUSED, BY_RUNTIME, SAME = "refused", "refused by onnxruntime alone", "the same"

WHOLE = (-1, 0, 1, 2, 3, 5, 100, 2**31 - 1, 2**62, -(2**63))
REAL = (0.0, 1.0, -1.0, np.inf, np.nan, 1e30)
SIZES = (0, 1, 2, 4, -1, 2**40)
OPERATORS = ("Relu", "Softmax", "Transpose", "Flatten", "Sub", "Div", "GlobalAveragePool", "Squeeze", "Pad", "Slice")


def changed(rng: np.random.Generator) -> Any:
    """Return one of the models of the operators' tests, or one of several operators, with one or two changes."""
    number = int(rng.integers(2 * len(onnx_cases.CASES)))
    if number < len(onnx_cases.CASES):
        model = onnx_cases.made(onnx_cases.CASES[number])
    else:
        model = onnx.load_model_from_string(hostile.onnx_model())
    for _ in range(int(rng.integers(1, 3))):
        CHANGES[int(rng.integers(len(CHANGES)))](rng, model)
    return model


def _one(rng: np.random.Generator, choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _attribute(rng: np.random.Generator, model: Any) -> None:
    for attribute in [_one(rng, each.attribute) for each in model.graph.node if each.attribute][:1]:
        if attribute.type == onnx.AttributeProto.INT:
            attribute.i = _one(rng, WHOLE)
        elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
            attribute.ints[int(rng.integers(len(attribute.ints)))] = _one(rng, WHOLE)
        elif attribute.type == onnx.AttributeProto.FLOAT:
            attribute.f = _one(rng, REAL)


def _no_attribute(rng: np.random.Generator, model: Any) -> None:
    node = _one(rng, model.graph.node)
    if node.attribute:
        del node.attribute[int(rng.integers(len(node.attribute)))]


def _input(rng: np.random.Generator, model: Any) -> None:
    node = _one(rng, model.graph.node)
    names = [name for each in model.graph.node for name in (*each.input, *each.output)]
    if node.input:
        node.input[int(rng.integers(len(node.input)))] = _one(rng, names)


def _operator(rng: np.random.Generator, model: Any) -> None:
    _one(rng, model.graph.node).op_type = _one(rng, [*(node.op_type for node in model.graph.node), *OPERATORS])


def _weights(rng: np.random.Generator, model: Any) -> None:
    """Give an array other numbers, another shape, or its axes in another order."""
    if not model.graph.initializer:
        return
    tensor, what = _one(rng, model.graph.initializer), int(rng.integers(3))
    if what == 0:
        kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        count = len(tensor.raw_data) // kind.itemsize
        other = rng.integers(-3, 4, count) if kind.kind == "i" else rng.uniform(-1, 1, count)
        tensor.raw_data = other.astype(kind).tobytes()
    elif tensor.dims:
        shape = rng.permutation(tensor.dims) if what == 1 else [*tensor.dims[:-1], _one(rng, SIZES)]
        tensor.dims[:] = [int(size) for size in shape]


def _opset(rng: np.random.Generator, model: Any) -> None:
    model.opset_import[0].version = int(rng.integers(5, 24))


def _size(rng: np.random.Generator, model: Any) -> None:
    _one(rng, model.graph.input[0].type.tensor_type.shape.dim).dim_value = _one(rng, (1, 2, 5, 6, 7, 12, 2**40))


CHANGES = (_attribute, _no_attribute, _input, _operator, _weights, _opset, _size)


def examine(seed: int, folder: Path) -> tuple[str, str]:
    """Return what became of the model of a seed, and what is wrong with that."""
    rng = np.random.default_rng(seed)
    model, path, began = changed(rng), folder / "model.onnx", time.process_time()
    path.write_bytes(model.SerializeToString())
    try:
        network = p.load_onnx(path)
    except PellucidError as error:
        said, slow = str(error), time.process_time() - began > SECONDS
        wrong = str(path) not in said or "\n" in said or len(said) > 3_000 or slow
        return REFUSED, f"{'slowly: ' if slow else ''}{said[:300]}" if wrong else ""
    except Exception as error:
        return "crash", f"{type(error).__name__}: {error!s:.200}"
    x = rng.uniform(-1, 1, (1, *(network.input_shape or ()))).astype(np.float32)
    with np.errstate(all="ignore"):  # weights that are drawn may be a negative variance
        found = p.predict(network, x, engine="numpy")
    try:
        expected = onnx_models.run(model, x.astype(onnx_models.dtype(model)))
    except Exception:  # whatever it may be in its C++
        return BY_RUNTIME, ""
    return SAME, "" if _agree(found, expected) else f"differs from onnxruntime: {found!r:.200} and {expected!r:.200}"


def _agree(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether outputs agree where they are no overflow: alpha and beta are part of the weights here, not there."""
    if found.shape != expected.shape:
        return False
    finite = np.isfinite(expected)
    return bool(np.allclose(found[finite], expected[finite], rtol=1e-4, atol=1e-4))


def main() -> int:
    """Examine so many models, and return 1 if one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.imports", description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0, help="number of the first")
    asked = parser.parse_args()
    became, wrong, started = Counter[str](), 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(asked.seed, asked.seed + asked.count):
            what, said = examine(seed, Path(folder))
            became[what] += 1
            if said:
                wrong += 1
                print(f"seed {seed}: {said}", flush=True)
    listed = ", ".join(f"{number:,} {what}" for what, number in became.most_common())
    print(f"{asked.count:,} models in {time.perf_counter() - started:.0f} s: {listed}; {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
