"""From a network to a program: layers, the loss and the optimiser lower themselves into one `Builder`.

The order is always the same: the network's own steps, the loss, the gradients, the optimiser.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from .arguments import no_network
from .data.augment import Augmentation, as_augmentations
from .differentiation import Backward
from .errors import ArgumentError, ShapeError
from .geometry import whole_number
from .layers import Join, Layer, Parameter, State
from .losses import Loss
from .network import Network
from .optimizers import Optimizer
from .program import LayerPlace, Program
from .steps import Combine, Over, Role, Shape, Step, Value


def lower(
    network: Network,
    input_shape: Sequence[int] | None = None,
    *,
    training: bool | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    target_shape: Sequence[int] = (),
    weighted: bool = False,
    resident: bool = False,
    gradients: bool = True,
    input_gradient: bool = False,
    augment: Sequence[Augmentation] = (),
) -> Program:
    """Return a network as a program.

    Parameters
    ----------
    network : Network
    input_shape : tuple of int, optional
        Shape of one input; by default the one that the network was made for.
    training : bool, optional
        Whether dropout drops and batch normalisation uses the batch's statistics; by default where there is an
        optimiser.
    loss : Loss, optional
        Adds the loss and, unless `gradients` is False, those of all trainable parameters.
    optimizer : Optimizer, optional
        Adds one update of every trainable parameter. Needs a loss.
    target_shape : tuple of int, default ()
        Shape of one target: () for a class number, (classes,) for a distribution.
    weighted : bool, default False
        Whether each sample has a weight.
    resident : bool, default False
        Whether the program itself gathers images, targets and weights from the data set by index.
    gradients : bool, default True
        Whether the backward steps are wanted; without them the loss can be measured only.
    input_gradient : bool, default False
        Whether the gradient of the input is wanted too.
    augment : sequence of Augmentation, default ()
        What is done to images before the first layer, and to targets. `MixUp` needs a resident data set.

    Raises
    ------
    ShapeError
        If a layer refuses its input, or the loss the output or the targets.
    ArgumentError
        If the network has no input_shape, there is nothing to train, a Softmax stands before a loss that applies it,
        or an augmentation does not fit the input.

    Examples
    --------
    >>> import pellucid as p
    >>> network = p.Sequential([p.Flatten(), p.Linear(4, 2)], input_shape=(1, 2, 2))
    >>> [step.kind for step in lower(network).steps]
    ['scale', 'flatten', 'linear']
    """
    shape = _input_shape(network, input_shape)
    network.output_shape(shape)
    if optimizer is not None and loss is None:
        raise ArgumentError("lower: an optimizer needs a loss to make smaller; give loss=CrossEntropy()")
    if augment and input_gradient:
        raise ArgumentError("lower: there is no gradient of images that are augmented; leave out augment")
    augment = as_augmentations(augment, shape)
    if not resident and any(each.mixes for each in augment):
        raise ArgumentError(
            "lower: MixUp chooses from the whole data set; give resident=True, as fit does, or leave it out"
        )
    training = optimizer is not None if training is None else training
    build = Builder(network, training, resident, augment)
    x = build.mixed("input", shape, "input")
    output = network.lower(build, x)
    forward = len(build.steps)
    total = correct = None
    if loss is not None:
        _refuse_double_softmax(build, output, loss)
        build.path = "loss"
        loss.check(build.shape(output), tuple(target_shape))
        classes = build.shape(output)[0] if loss.classification and not target_shape else None
        target = build.mixed("target", tuple(target_shape), "target", classes)
        loss.check(build.shape(output), build.shape(target))
        weights = [build.given("sample_weight", (), "input")] if weighted else []
        total = loss.lower(build, output, target, *weights)
        if loss.classification:
            correct = build.total("correct")
            build.step("count_correct", [output, target], [correct])
        trainable = [build.bound[name] for name, q in network.parameters().items() if q.trainable]
        wanted = trainable + ([x] if input_gradient else [])
        build.gradients = Backward(build, wanted).differentiate(total) if gradients else {}
    backward = len(build.steps)
    if optimizer is not None:
        build.path = "optimizer"
        learnt = [v for v in build.gradients if build.values[v].role == "parameter"]
        if not learnt:
            raise ArgumentError("nothing to train: no parameter is trainable, or gradients=False; leave out optimizer")
        optimizer.lower(build, [(v, build.values[v].name, build.gradients[v]) for v in learnt])
    return Program(
        tuple(build.values), tuple(build.steps), forward, backward, x, output, tuple(build.layers), total, correct,
        MappingProxyType(build.gradients), MappingProxyType(build.after), str(network.dtype),
    )  # fmt: skip


def _input_shape(network: Network, input_shape: Sequence[int] | None) -> Shape:
    if not isinstance(network, Network):
        raise ArgumentError(f"expected a Sequential or Graph with an input_shape, received {no_network(network)}")
    if network.input_shape is None:
        raise ArgumentError(
            "the network has no input_shape: give one to the outermost, as in Sequential([…], input_shape=(1, 28, 28))"
        )
    if input_shape is None:
        return network.input_shape
    return tuple(whole_number(size, "input_shape") for size in input_shape)


HARMLESS = frozenset({"flatten", "reshape", "dropout", "log_softmax"})
"""Kinds that leave shares as they are, dropout being there in training only. The softmax of logarithms of shares gives
these shares again, so that a LogSoftmax by itself may stand before a loss that applies the softmax."""


def _refuse_double_softmax(build: Builder, output: int, loss: Loss) -> None:
    maker = {v: step for step in build.steps for v in step.outputs}
    step = maker.get(output)
    while step is not None and step.kind in HARMLESS:
        step = maker.get(step.inputs[0])
    if loss.classification and step is not None and step.kind == "softmax":
        raise ArgumentError(
            f"{step.layer} stands before {type(loss).__name__}, which applies the softmax itself, in a form that "
            "cannot overflow: twice would flatten the gradients. Leave the Softmax layer out, of an imported model "
            "with load_onnx(path, drop_softmax=True); predict_proba applies it"
        )


@dataclass
class Builder:
    """Collects values and steps while layers, the loss and the optimiser lower themselves.

    Attributes
    ----------
    network : Network
    training, resident, augment
        As in `lower`.
    values, steps, layers
        What the program will consist of, so far.
    gradients, after : dict of int to int
        ``Program.gradients`` and ``Program.renewed``.
    path : str
        Path of the layer that is lowering itself: steps belong to it, and values are named after it.
    bound : dict of str to int
        Path of a parameter or state -> its value.
    """

    network: Network
    training: bool
    resident: bool
    augment: Sequence[Augmentation] = ()
    values: list[Value] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    layers: list[LayerPlace] = field(default_factory=list)
    gradients: dict[int, int] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    path: str = ""

    def __post_init__(self) -> None:
        self.bound: dict[str, int] = {}
        self._names = {id(q): name for name, q in self.network.parameters().items()}
        self._names |= {id(s): name for name, s in self.network.states().items()}
        self._scalars: dict[str, int] = {}
        self._taken: dict[str, int] = {}  # name -> the number to try for the next value that would have it
        self._ordinals = 0
        for name, parameter in self.network.parameters().items():
            self.bound[name] = self._value(name, parameter.shape, "parameter", "none")
        for name, state in self.network.states().items():
            self.bound[name] = self._value(name, state.shape, "state", "none")

    def _value(self, name: str, shape: Shape, role: Role, over: Over = "sample", combine: Combine = "add") -> int:
        self.values.append(Value(len(self.values), self._unique(name), shape, role, over, combine))
        return len(self.values) - 1

    def _unique(self, name: str) -> str:
        """Return the first of name, name#2, name#3, … that no value has, and let none have it again."""
        unique, number = name, self._taken.get(name, 2)
        while unique in self._taken:
            unique, number = f"{name}#{number}", number + 1
        self._taken[name] = number
        self._taken.setdefault(unique, 2)
        return unique

    def _inside(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    # ---- what a program is given at run time
    def given(self, name: str, shape: Shape, role: Role) -> int:
        """Return a value of each sample that comes from outside; gathered by index where the data set is resident."""
        if not self.resident:
            return self._value(name, shape, role)
        data = self._value(f"{name}.data", shape, role, "none")
        batch = self._value(name, shape, "activation")
        self._add("gather", "data", [data, self.scalar_of_sample("index")], [batch], {})
        return batch

    def mixed(self, name: str, shape: Shape, role: Role, classes: int | None = None) -> int:
        """Return the same, mixed with that of another sample where an augmentation does so.

        Class numbers, which `classes` says that there are, become distributions then.
        """
        how = next((each for each in self.augment if each.mixes), None)
        if how is None:
            return self.given(name, shape, role)
        data = self._value(f"{name}.data", shape, role, "none")
        batch = self._value(f"{name}.mixed", shape if classes is None else (classes,), "activation")
        kind, told = (how.kind, {}) if classes is None else (f"{how.kind}_classes", {"classes": classes})
        self._add(
            kind, "data", [data, self.scalar("augment_key", (2,)), self.scalar_of_sample("index")], [batch],
            {**how.attributes((0.0,), (1.0,)), **told, "ordinal": 0, "dtype": self.dtype},
        )  # fmt: skip
        return batch

    def scalar_of_sample(self, name: str) -> int:
        """Return the value of a whole number that is given for every sample."""
        if name not in self._scalars:
            self._scalars[name] = self._value(name, (), "input", "sample")
        return self._scalars[name]

    def scalar(self, name: str, shape: Shape = ()) -> int:
        if name not in self._scalars:
            self._scalars[name] = self._value(name, shape, "scalar", "none")
        return self._scalars[name]

    def augmented(self, x: int, mean: tuple[float, ...], std: tuple[float, ...]) -> int:
        for ordinal, each in enumerate(self.augment):
            if each.mixes:  # done already, before the scaling
                continue
            inputs = [x, self.scalar("augment_key", (2,)), self.scalar_of_sample("index")]
            x = self.activation(self.shape(x), "augmented")
            self.step(each.kind, inputs, [x], ordinal=ordinal, **each.attributes(mean, std))
        return x

    def position(self) -> int:
        return self.scalar_of_sample("position")

    def ordinal(self) -> int:
        self._ordinals += 1
        return self._ordinals - 1

    # ---- values of layers, losses, optimisers
    @property
    def dtype(self) -> str:
        return str(self.network.dtype)

    def shape(self, value: int) -> Shape:
        return self.values[value].shape

    def parameter(self, parameter: Parameter) -> int:
        return self.bound[self._names[id(parameter)]]

    def state(self, state: State) -> int:
        return self.bound[self._names[id(state)]]

    def activation(self, shape: Shape, name: str = "output") -> int:
        return self._value(self._inside(name), shape, "activation")

    def saved(self, name: str, shape: Shape, over: Over = "sample", combine: Combine = "add") -> int:
        return self._value(self._inside(name), shape, "saved", over, combine)

    def total(self, name: str) -> int:
        return self._value(name, (), "scalar", "sum")

    def gradient(self, of: int, over: Over) -> int:
        return self._value(f"grad({self.values[of].name})", self.shape(of), "gradient", over)

    def slot(self, name: str, of: int) -> int:
        return self._value(f"{name}({self.values[of].name})", self.shape(of), "state", "none")

    def renewed(self, value: int) -> int:
        old = self.values[value]
        self.after[value] = self._value(f"{old.name}′", old.shape, old.role, "none")
        return self.after[value]

    # ---- steps
    def step(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **attributes: Hashable) -> None:
        self._add(kind, self.path, inputs, outputs, attributes)

    def _add(
        self,
        kind: str,
        layer: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        attributes: Mapping[str, Hashable],
    ) -> None:
        self.steps.append(Step(kind, layer, tuple(inputs), tuple(outputs), tuple(sorted(attributes.items()))))

    def child(self, name: str, layer: Layer, x: int) -> int:
        outside, self.path = self.path, self._inside(name)
        try:
            y = layer.lower(self, x)
        except ShapeError as error:
            raise error.at(self.path, error.source) from None
        self.layers.append(LayerPlace(self.path, type(layer).__name__, x, y))
        self.path = outside
        return y

    def join(self, name: str, join: Join, xs: Sequence[int]) -> int:
        outside, self.path = self.path, self._inside(name)
        y = join.lower(self, xs)
        self.layers.append(LayerPlace(self.path, type(join).__name__, xs[0], y))
        self.path = outside
        return y
