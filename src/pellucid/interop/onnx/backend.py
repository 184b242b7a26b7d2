"""Pellucid behind ONNX's own interface for backends, `onnx.backend.base.Backend`, and so before ONNX's own tests.

A model takes one of two ways. Where it is a network (one input of images or features in float32, one output, all else
constant once the other inputs are known) the importer makes that network, and its prediction by the compiled engine is
the answer. Any other model is computed node by node (`evaluation`). Which way was taken is said, and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, PellucidError
from ...inference import predict
from ...limits import LIMITS
from ...network import Network
from .evaluation import OPERATIONS, evaluate
from .external import Refused
from .model import DOMAINS, NEWEST_OPSET, OLDEST_OPSET, Input, Model, decode
from .nodes import NodeError
from .package import onnx_package
from .reading import Wanted, to_network

NETWORK, EVALUATOR = "network", "evaluator"
"""The two ways."""

UNSTATED, FLOAT32 = 0, 1
"""ONNX's numbers of types."""

Numbers: TypeAlias = NDArray[Any]


class Prepared:
    """A model that is ready to run, as often as wanted.

    Parameters
    ----------
    model : onnx.ModelProto

    Attributes
    ----------
    way : str
        Which way the last run took: "network" or "evaluator"; empty before the first.
    reason : str
        Why it was not the network; empty where it was.
    """

    def __init__(self, model: Any):
        content = model.SerializeToString()
        self.model, self.size = _decoded(content), len(content)
        self.kinds = [value.type.tensor_type.elem_type for value in model.graph.output]
        self.way = self.reason = ""
        self._network: Network | None = None
        self._shape: tuple[int, ...] = ()

    def run(self, inputs: Sequence[Any] | Mapping[str, Any], **settings: Any) -> tuple[Numbers, ...]:
        """Return the outputs of the model.

        Parameters
        ----------
        inputs : sequence of array, or mapping of str to array
            In the order of the graph's inputs, or by name.

        Raises
        ------
        ArgumentError
            If they are not the inputs that the model has.
        NodeError
            If a node cannot be computed; it is named.
        """
        given = self._by_name(inputs)
        try:
            outputs = [self._predicted(given)]
            self.way, self.reason = NETWORK, ""
        except PellucidError as error:
            outputs = evaluate(self.model, given)
            self.way, self.reason = EVALUATOR, str(error)
        return tuple(outputs)

    def _by_name(self, inputs: Sequence[Any] | Mapping[str, Any]) -> dict[str, Numbers]:
        names = [each.name for each in self.model.inputs]
        if not isinstance(inputs, Mapping):
            if len(inputs) != len(names):
                raise ArgumentError(f"inputs: expected {len(names)}, received {len(inputs)}")
            inputs = dict(zip(names, inputs, strict=True))
        if set(inputs) != set(names):
            raise ArgumentError(f"inputs: expected {', '.join(names)}, received {', '.join(inputs) or 'none'}")
        return {name: np.asarray(array) for name, array in inputs.items()}

    def _predicted(self, given: Mapping[str, Numbers]) -> Numbers:
        """Return what the network that the model is makes of its first input; a PellucidError says why it is none."""
        images, bound = _parted(self.model, given)
        if len(self.kinds) != 1 or self.kinds[0] not in (UNSTATED, FLOAT32):
            raise NodeError("expected one output in float32, found others")
        if self._network is None or bound or images.shape != self._shape:
            model = _bind(self.model, images.shape, bound)
            self._network = to_network(model, self.size, Wanted(input_shape=images.shape[1:]))
            self._shape = images.shape
        return predict(self._network, images)


def _decoded(content: bytes) -> Model:
    return decode(content, "the model", LIMITS, Refused("the model"), short=True)


def _parted(model: Model, given: Mapping[str, Numbers]) -> tuple[Numbers, dict[str, Numbers]]:
    """Return the first input, and all others; refuse what is none of a network."""
    if not model.inputs:
        raise NodeError("expected images or features, found no input")
    bound = dict(given)
    images = bound.pop(model.inputs[0].name)
    if images.dtype != np.float32 or images.ndim not in (2, 4) or not images.size:
        found = f"{images.dtype} {images.shape}"
        raise NodeError(f"expected images (N, C, H, W) or features (N, F) in float32, found {found}")
    known = {**model.constants, **bound}
    for node in model.nodes:
        if node.operator == "Dropout" and any(known.get(name, True) for name in filter(None, node.inputs[2:])):
            raise NodeError("has a Dropout that may be in training, and a network that predicts is not")
    return images, bound


def _bind(model: Model, shape: tuple[int, ...], bound: Mapping[str, Numbers]) -> Model:
    """Return a model for so many samples, whose other inputs are constants."""
    first = Input(model.inputs[0].name, "float32", shape)
    return replace(model, inputs=[first], constants={**model.constants, **bound})


@cache
def backend() -> Any:
    """Return the backend, a class that derives from `onnx.backend.base.Backend`.

    Its class methods are `prepare`, which returns a `Prepared`, `run_model`, `run_node`, `supports_device` and
    `is_compatible`.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    """
    onnx_package()
    import onnx.backend.base

    class PellucidBackend(onnx.backend.base.Backend):  # type: ignore[misc, unused-ignore]
        """Models as networks of Pellucid, or computed node by node; on the CPU."""

        @classmethod
        def is_compatible(cls, model: Any, device: str = "CPU", **settings: Any) -> bool:
            """Return whether all operators of a model are known, in an opset that is."""
            versions = [each.version for each in model.opset_import if each.domain in DOMAINS]
            known = all(node.domain in DOMAINS and node.op_type in OPERATIONS for node in model.graph.node)
            return known and len(versions) == 1 and OLDEST_OPSET <= versions[0] <= NEWEST_OPSET

        @classmethod
        def prepare(cls, model: Any, device: str = "CPU", **settings: Any) -> Any:
            """Return a model ready to run."""
            if not cls.supports_device(device):
                raise ArgumentError(f'device: expected "CPU", received {device!r:.40}')
            super().prepare(model, device, **settings)
            return Prepared(model)

        @classmethod
        def run_node(
            cls, node: Any, inputs: Any, device: str = "CPU", outputs_info: Any = None, **settings: Any
        ) -> tuple[Numbers, ...]:
            """Return what one node makes of its inputs, in the order in which it names them."""
            super().run_node(node, inputs, device, outputs_info, **settings)
            named = {name: np.asarray(each) for name, each in zip(filter(None, node.input), inputs, strict=False)}
            return Prepared(_alone(node, named, settings.get("opset_version"))).run(named)

        @classmethod
        def supports_device(cls, device: str) -> bool:
            """Return whether it is the CPU."""
            return device.partition(":")[0] == "CPU"

    return PellucidBackend


def _alone(node: Any, inputs: Mapping[str, Numbers], opset: int | None) -> Any:
    """Return a model of one node."""
    onnx = onnx_package()
    helper = onnx.helper
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    results = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    version = opset or min(onnx.defs.onnx_opset_version(), NEWEST_OPSET)
    graph = helper.make_graph([node], "node", given, results)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
