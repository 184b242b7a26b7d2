"""A node as its rule sees it: inputs that are values of the network or constants, and attributes of the right type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import PellucidError, printable
from ...steps import Shape
from .model import Node

TRAINING = "was exported in training mode; export it for inference, as after model.eval() in PyTorch"
"""Why a node that works otherwise in training is refused."""


class NodeError(PellucidError):
    """Why a node cannot become a layer, or be computed beforehand."""


class Value(NamedTuple):
    """What a node of the network gives for each sample.

    Attributes
    ----------
    source : str
        The network's node, or "input".
    shape : tuple of int
        Without the batch axis.
    names : tuple of str
        The tensors of the model that are this value: several where nodes change nothing.
    """

    source: str
    shape: Shape
    names: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """The number of axes, that of the samples included, as ONNX counts them."""
        return len(self.shape) + 1


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers that are the same for all samples.

    Attributes
    ----------
    array : array
    batch : array of bool or None
        Which of the numbers are the number of samples, whatever stands in `array` there; None where none is.
    learnt : bool
        Whether they are among the model's weights, or follow from these, rather than written in a node.
    """

    array: NDArray[Any]
    batch: NDArray[np.bool_] | None = None
    learnt: bool = False


class Part(NamedTuple):
    """What is no layer by itself, but one together with nodes that follow, as an Erf within GELU.

    Attributes
    ----------
    of : str
        What it is, for messages and to be known by.
    x : Value
        What the layer will read.
    numbers : tuple of float or array
        What was met on the way.
    """

    of: str
    x: Value
    numbers: tuple[Any, ...] = ()


Given: TypeAlias = Value | Constant | Part


class Use:
    """A node with what its inputs are, which notes what of it was asked for.

    Parameters
    ----------
    node : Node
    opset : int
        Version of its operator.
    inputs : tuple of Value, Constant, Part or None
        None where an input is left out.
    wanted : tuple of bool
        Which of its outputs somebody reads.
    """

    def __init__(self, node: Node, opset: int, inputs: tuple[Given | None, ...], wanted: tuple[bool, ...] = (True,)):
        self.node, self.opset, self.wanted = node, opset, wanted
        self._inputs, self._seen = inputs, set[int | str]()

    # ---- inputs
    def input(self, place: int) -> Given | None:
        """Return an input; None if it is left out."""
        self._seen.add(place)
        return self._inputs[place] if place < len(self._inputs) else None

    def all_inputs(self) -> tuple[Given | None, ...]:
        """Return all inputs, None for those left out, without counting as asked for."""
        return self._inputs

    def inputs(self) -> list[Value | Constant]:
        """Return all inputs of an operator that takes any number of them."""
        found = [self._whole(place) for place in range(len(self._inputs))]
        given = [each for each in found if each is not None]
        if len(given) < max(1, len(found)):
            raise NodeError("an input is left out")
        return given

    def _whole(self, place: int) -> Value | Constant | None:
        """Return an input, or refuse what is only a part of a layer."""
        found = self.input(place)
        if isinstance(found, Part):
            raise NodeError(f"its input {place + 1} is {found.of}, which is no layer without what usually follows")
        return found

    def value(self, place: int = 0) -> Value:
        """Return an input that the network computes."""
        found = self._whole(place)
        if isinstance(found, Value):
            return found
        raise NodeError(f"its input {place + 1} is {'left out' if found is None else 'a constant'}")

    def constant(self, place: int, what: str) -> Constant:
        """Return an input that must be the same for all samples."""
        found = self.optional(place, what)
        if found is None:
            raise NodeError(f"{what} is left out")
        return found

    def optional(self, place: int, what: str) -> Constant | None:
        """Return an input that must be the same for all samples, where it is given; None where it is left out."""
        found = self._whole(place)
        if isinstance(found, Value):
            raise NodeError(f"{what} is computed by the network, and must be a constant here")
        if found is not None and found.batch is not None:
            raise NodeError(f"{what} depends on the number of samples, which is free")
        return found

    def numbers(self, place: int, what: str) -> tuple[int, ...] | None:
        """Return an input that is a list of whole numbers, or one; None where it is left out."""
        found = self.optional(place, what)
        if found is None:
            return None
        if found.array.dtype.kind not in "iu" or found.array.ndim > 1:
            raise NodeError(f"{what}: expected a list of whole numbers")
        return tuple(int(number) for number in found.array.ravel())

    def single(self, place: int, what: str) -> float | None:
        """Return an input that is one number; None where it is left out."""
        found = self.optional(place, what)
        if found is None:
            return None
        if found.array.size != 1 or found.array.dtype.kind not in "biuf":
            raise NodeError(f"{what}: expected one number, found the shape {found.array.shape}")
        return float(found.array.ravel()[0])

    # ---- attributes
    def whole(self, name: str, default: int | None = None) -> int:
        """Return an attribute that is a whole number."""
        found = self._attribute(name, default)
        if isinstance(found, int):
            return found
        raise self._wrong(name, "a whole number", found)

    def switch(self, name: str, default: bool = False) -> bool:
        """Return an attribute that is 0 or 1."""
        found = self.whole(name, int(default))
        if found in (0, 1):
            return found == 1
        raise self._wrong(name, "0 or 1", found)

    def wholes(self, name: str) -> tuple[int, ...] | None:
        """Return an attribute that is a list of whole numbers; None where it is not there."""
        found = self._attribute(name, None)
        if found is None and name not in self.node.attributes:
            return None
        if isinstance(found, tuple) and all(isinstance(each, int) for each in found):
            return tuple(int(each) for each in found)
        raise self._wrong(name, "whole numbers", found)

    def real(self, name: str, default: float | None = None) -> float:
        """Return an attribute that is a number: of decimals, the shortest that is the same in float32, in which it is
        written."""
        found = self._attribute(name, default)
        if isinstance(found, float):
            short = float(f"{found:.7g}")
            return short if np.float32(short) == np.float32(found) else found
        raise self._wrong(name, "a number", found)

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is a word."""
        found = self._attribute(name, default)
        if isinstance(found, str):
            return found
        raise self._wrong(name, "a word", found)

    def array(self, name: str) -> NDArray[Any] | None:
        """Return an attribute that is an array; None where it is not there."""
        found = self._attribute(name, None)
        if isinstance(found, np.ndarray) or (found is None and name not in self.node.attributes):
            return found
        raise self._wrong(name, "an array", found)

    def given(self) -> Mapping[str, Any]:
        """Return all attributes that are there."""
        self._seen.update(self.node.attributes)
        return self.node.attributes

    def _attribute(self, name: str, default: Any) -> Any:
        self._seen.add(name)
        return self.node.attributes.get(name, default)

    def _wrong(self, name: str, wanted: str, found: Any) -> NodeError:
        if found is None and name not in self.node.attributes:
            return NodeError(f"the attribute {name} is not there")
        return NodeError(f"{name}: expected {wanted}, found {printable(repr(found), 40)}")

    # ---- together
    def listed(self, name: str, since: int, place: int) -> tuple[int, ...] | None:
        """Return whole numbers that became an input with an opset, and were an attribute before."""
        return self.wholes(name) if self.opset < since else self.numbers(place, name)

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis as a number from 0 on; below 0 it is counted from the end."""
        if not -rank <= axis < rank:
            raise NodeError(f"there is no axis {axis} among {rank}")
        return axis % rank

    def refuse_rest(self) -> None:
        """Refuse a node with inputs or attributes that nobody asked for, and which so would be passed over."""
        inputs = [place for place, each in enumerate(self._inputs) if each is not None and place not in self._seen]
        if inputs:
            raise NodeError(f"it has more inputs than the operator takes, {len(self._inputs)}")
        if rest := sorted(set(self.node.attributes) - self._seen):
            raise NodeError(f"the operator has no attribute {', '.join(printable(each, 40) for each in rest[:3])}")


Operation: TypeAlias = Callable[[Use, Sequence[NDArray[Any]]], "NDArray[Any] | tuple[NDArray[Any], ...]"]
"""What computes the outputs of a node from those of its inputs that are given, which are all constants."""
