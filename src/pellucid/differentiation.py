"""From a program's forward steps to its backward steps: the chain rule, one small rule a kind.

Walking the forward steps in reverse, a rule says what each input's gradient is, given those of the outputs. A second
contribution to the same value is added by an explicit "add" step, so a value read twice needs no rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from .errors import ArgumentError
from .steps import Build, Over, Shape, Step, Value


class BackwardBuild(Build, Protocol):
    """What differentiation needs to ask beyond `Build`."""

    values: list[Value]
    steps: list[Step]
    path: str
    """Path of the layer that the next steps belong to."""

    def gradient(self, of: int, over: Over) -> int:
        """Return a new value for a gradient of the value `of`, of its shape."""


class Backward:
    """Gradients found so far, while the forward steps are walked in reverse.

    Only what leads to a wanted value is differentiated: frozen parameters cost nothing, and neither do the layers
    below the lowest one that learns.

    Parameters
    ----------
    build : BackwardBuild
        Has the forward steps, and takes the backward steps.
    wanted : iterable of int
        Values whose gradients are asked for.
    """

    def __init__(self, build: BackwardBuild, wanted: Iterable[int]):
        self._build = build
        self._forward = list(build.steps)
        self._needed = _dependents(self._forward, wanted)
        self.gradients: dict[int, int] = {}

    def differentiate(self, end: int, gradient: int | None = None) -> dict[int, int]:
        """Add all backward steps of the value `end` and return the gradient's value for every value that has one.

        Parameters
        ----------
        end : int
            The loss L; or with a `gradient` any value.
        gradient : int, optional
            The value that holds ∂L/∂end. A loss has none: its ∂L/∂L = 1 is in no step.

        Raises
        ------
        ArgumentError
            If a step that a wanted value leads through has no rule.
        """
        if gradient is not None:
            self.gradients[end] = gradient
        for step in reversed(self._forward):
            reached = any(value == end or value in self.gradients for value in step.outputs)
            if reached and self._needed.intersection(step.inputs):
                if step.kind not in RULES:
                    raise ArgumentError(f"{step.layer}: nothing is known of the gradient of a {step.kind!r} step")
                self._build.path = step.layer
                RULES[step.kind](self, step)
        return self.gradients

    # ---- what rules use
    def shape(self, value: int) -> Shape:
        """Return a value's shape."""
        return self._build.shape(value)

    def grad(self, value: int) -> int:
        """Return the gradient of a value."""
        return self.gradients[value]

    def needs(self, value: int) -> bool:
        """Return whether anybody needs the gradient of a value."""
        return value in self._needed

    def compute(self, kind: str, inputs: Sequence[int], of: int, **attributes: Hashable) -> int:
        """Add a step that makes a gradient of the value `of`, and return it, not yet counted as a contribution."""
        gradient = self._new(of, inputs)
        self._build.step(kind, inputs, [gradient], **attributes)
        return gradient

    def contribute(self, of: int, kind: str, inputs: Sequence[int], **attributes: Hashable) -> None:
        """Let the step `kind` make a contribution to the gradient of the value `of`, if anybody needs it."""
        if self.needs(of):
            self.give(of, self.compute(kind, inputs, of, **attributes))

    def give(self, of: int, gradient: int) -> None:
        """Count an existing value as a contribution to the gradient of the value `of`, if anybody needs it."""
        if not self.needs(of):
            return
        if of in self.gradients:
            gradient = self.compute("add", [self.gradients[of], gradient], of)
        self.gradients[of] = gradient

    def several(self, of: Sequence[int], kind: str, inputs: Sequence[int], **attributes: Hashable) -> None:
        """Let one step make the gradients of several values."""
        gradients = [self._new(value, inputs) for value in of]
        self._build.step(kind, inputs, gradients, **attributes)
        for value, gradient in zip(of, gradients, strict=True):
            self.give(value, gradient)

    def _new(self, of: int, inputs: Sequence[int]) -> int:
        """Return a new value for a gradient of the value `of`, made from `inputs`.

        What samples share has a gradient that is a sum over them; but made of complete sums alone (a shared weight's
        contributions, added up), it is itself complete.
        """
        overs = {self._build.values[value].over for value in (of, *inputs)}
        over: Over = "sample" if self._build.values[of].over == "sample" else "sum" if "sample" in overs else "none"
        return self._build.gradient(of, over)


def _dependents(steps: Iterable[Step], wanted: Iterable[int]) -> set[int]:
    """Return the values whose gradient is needed: the wanted ones, and all that depends on one of them."""
    needed = set(wanted)
    for step in steps:
        if needed.intersection(step.inputs):
            needed.update(step.outputs)
    return needed


# ---- the rules
Rule = Callable[[Backward, Step], None]


def _scale(back: Backward, step: Step) -> None:
    x = step.inputs[0]
    back.contribute(x, "scale.grad_input", [x, back.grad(step.outputs[0])], std=step.keywords["std"])


def _conv2d(back: Backward, step: Step) -> None:
    x, weight, *bias = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(weight, "conv2d.grad_weight", [x, grad], **step.keywords)
    for b in bias:
        back.contribute(b, "conv2d.grad_bias", [grad])
    back.contribute(x, "conv2d.grad_input", [grad, weight], size=back.shape(x)[1:], **step.keywords)


def _conv_transpose2d(back: Backward, step: Step) -> None:
    x, weight, *bias = step.inputs
    grad = back.grad(step.outputs[0])
    how = {"window": step.keywords["window"], "groups": step.keywords["groups"]}
    back.contribute(weight, "conv_transpose2d.grad_weight", [x, grad], **how)
    for b in bias:
        back.contribute(b, "conv_transpose2d.grad_bias", [grad])
    back.contribute(x, "conv_transpose2d.grad_input", [grad, weight], **how)


def _linear(back: Backward, step: Step) -> None:
    x, weight, *bias = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(weight, "linear.grad_weight", [x, grad])
    for b in bias:
        back.contribute(b, "linear.grad_bias", [grad])
    back.contribute(x, "linear.grad_input", [grad, weight])


def _from_shape(back: Backward, step: Step) -> None:
    """For kinds whose gradient depends on the input's shape, and on which numbers went where."""
    x = step.inputs[0]
    keywords = {name: value for name, value in step.attributes if name not in ("value", "keepdims", "size")}
    grad = back.grad(step.outputs[0])
    back.contribute(x, f"{step.kind}.grad_input", [grad], **{**keywords, "shape": back.shape(x)})


def _reshape(back: Backward, step: Step) -> None:
    x = step.inputs[0]
    back.contribute(x, "reshape", [back.grad(step.outputs[0])], shape=back.shape(x))


def _transpose(back: Backward, step: Step) -> None:
    """Axis i became axis axes.index(i): there its gradient is."""
    axes: tuple[int, ...] = step.keywords["axes"]
    back_again = tuple(axes.index(axis) + 1 for axis in sorted(axes))
    back.contribute(step.inputs[0], "transpose", [back.grad(step.outputs[0])], axes=back_again)


def _slice_channels(back: Backward, step: Step) -> None:
    """What was left out has the gradient 0."""
    x, start, stop = step.inputs[0], step.keywords["start"], step.keywords["stop"]
    grad = back.grad(step.outputs[0])
    back.contribute(x, "pad_channels", [grad], before=start, after=back.shape(x)[0] - stop)


def _repeat_pixels(back: Backward, step: Step) -> None:
    x = step.inputs[0]
    back.contribute(x, "repeat_pixels.grad_input", [back.grad(step.outputs[0])], times=step.keywords["times"])


def _from_input(back: Backward, step: Step) -> None:
    """For kinds whose gradient is written with the step's input."""
    x = step.inputs[0]
    back.contribute(x, f"{step.kind}.grad_input", [x, back.grad(step.outputs[0])], **step.keywords)


def _from_output(back: Backward, step: Step) -> None:
    """For kinds whose gradient is written with the step's output."""
    y = step.outputs[0]
    back.contribute(step.inputs[0], f"{step.kind}.grad_input", [y, back.grad(y)], **step.keywords)


def _average(back: Backward, step: Step) -> None:
    """For means, whose gradient depends on the input's size alone."""
    x = step.inputs[0]
    grad = back.grad(step.outputs[0])
    keywords = {name: value for name, value in step.attributes if name != "output_size"}
    back.contribute(x, f"{step.kind}.grad_input", [grad], size=back.shape(x)[1:], **keywords)


def _prelu(back: Backward, step: Step) -> None:
    x, weight = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(weight, "prelu.grad_weight", [x, grad], shape=back.shape(weight))
    back.contribute(x, "prelu.grad_input", [x, weight, grad])


def _bias(back: Backward, step: Step) -> None:
    """``∂L/∂x`` is that of ``x + bias``."""
    x, bias = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(bias, f"{step.kind}.grad_bias", [grad], shape=back.shape(bias))
    back.give(x, grad)


def _gain(back: Backward, step: Step) -> None:
    x, weight = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(weight, f"{step.kind}.grad_weight", [x, grad], shape=back.shape(weight))
    back.contribute(x, f"{step.kind}.grad_input", [grad, weight])


def _scale_and_shift(back: Backward, step: Step) -> None:
    x, weight, bias = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(weight, "scale_and_shift.grad_weight", [x, grad])
    back.contribute(bias, "scale_and_shift.grad_bias", [grad])
    back.contribute(x, "scale_and_shift.grad_input", [grad, weight])


def _dropout(back: Backward, step: Step) -> None:
    """The mask is drawn again, from the same key and positions."""
    x, key, position = step.inputs
    back.contribute(x, "dropout.grad_input", [back.grad(step.outputs[0]), key, position], **step.keywords)


def _batch_norm(back: Backward, step: Step) -> None:
    x, statistics, weight, bias = step.inputs
    grad = back.grad(step.outputs[0])
    if not back.needs(x):
        back.contribute(weight, "batch_norm.grad_weight", [x, statistics, grad], **step.keywords)
        back.contribute(bias, "batch_norm.grad_bias", [grad])
        return
    # the input's gradient is made from both sums, also where weight and bias are frozen
    grad_weight = back.compute("batch_norm.grad_weight", [x, statistics, grad], weight, **step.keywords)
    grad_bias = back.compute("batch_norm.grad_bias", [grad], bias)
    back.give(weight, grad_weight)
    back.give(bias, grad_bias)
    inputs = [x, statistics, weight, grad, grad_weight, grad_bias]
    back.contribute(x, "batch_norm.grad_input", inputs, **step.keywords)


def _batch_norm_running(back: Backward, step: Step) -> None:
    x, mean, var, weight, bias = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(weight, "batch_norm_running.grad_weight", [x, mean, var, grad], **step.keywords)
    back.contribute(bias, "batch_norm.grad_bias", [grad])
    back.contribute(x, "batch_norm_running.grad_input", [var, weight, grad], **step.keywords)


def _add(back: Backward, step: Step) -> None:
    """``∂L/∂a = ∂L/∂b = ∂L/∂(a + b)``: nothing is left to compute."""
    for x in step.inputs:
        back.give(x, back.grad(step.outputs[0]))


def _multiply(back: Backward, step: Step) -> None:
    """Each factor gets what the other multiplies."""
    a, b = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(a, "multiply.grad_input", [grad, b])
    back.contribute(b, "multiply.grad_input", [grad, a])


def _divide(back: Backward, step: Step) -> None:
    a, b = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(a, "divide.grad_first", [grad, b])
    back.contribute(b, "divide.grad_second", [a, b, grad])


def _matmul(back: Backward, step: Step) -> None:
    a, b = step.inputs
    grad = back.grad(step.outputs[0])
    back.contribute(a, "matmul.grad_first", [grad, b])
    back.contribute(b, "matmul.grad_second", [a, grad])


def _broadcast(back: Backward, step: Step) -> None:
    x = step.inputs[0]
    back.contribute(x, "broadcast.grad_input", [back.grad(step.outputs[0])], shape=back.shape(x))


def _concat(back: Backward, step: Step) -> None:
    """Each part gets the channels that came from it."""
    start = 0
    for part in step.inputs:
        stop = start + back.shape(part)[0]
        back.contribute(part, "concat.grad_input", [back.grad(step.outputs[0])], start=start, stop=stop)
        start = stop


def _pad_channels(back: Backward, step: Step) -> None:
    """As if zeros had been joined to x: nobody asks for theirs."""
    x, start = step.inputs[0], step.keywords["before"]
    stop = start + back.shape(x)[0]
    back.contribute(x, "concat.grad_input", [back.grad(step.outputs[0])], start=start, stop=stop)


def _custom(back: Backward, step: Step) -> None:
    """One call of the layer's ``backward`` makes the gradients of its input and of all its parameters."""
    grad = back.grad(step.outputs[0])
    shape = back.shape(step.inputs[0])
    back.several(step.inputs, "custom.grad", [grad], layer=step.keywords["layer"], shape=shape)


def _loss(back: Backward, step: Step) -> None:
    """The end from which everything flows back: ``∂L/∂L = 1`` is in no step."""
    outputs, *rest = step.inputs
    # the second result of cross entropy is kept so that its gradient need not begin at the outputs again
    saved = step.outputs[1] if len(step.outputs) > 1 else outputs
    back.contribute(outputs, f"{step.kind}.grad_input", [saved, *rest], **step.keywords)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "scale": _scale,
        "conv2d": _conv2d,
        "conv_transpose2d": _conv_transpose2d,
        "linear": _linear,
        "flatten": _from_shape,
        "reshape": _reshape,
        "transpose": _transpose,
        "pad": _from_shape,
        "slice_channels": _slice_channels,
        "strided_slice": _from_shape,
        "mean": _from_shape,
        "resize": _from_shape,
        "repeat_pixels": _repeat_pixels,
        "relu": _from_output,
        "leaky_relu": _from_input,
        "relu6": _from_output,
        "sigmoid": _from_output,
        "tanh": _from_output,
        "softmax": _from_output,
        "log_softmax": _from_output,
        "clip": _from_output,
        "hard_sigmoid": _from_output,
        "hard_swish": _from_input,
        "elu": _from_input,
        "silu": _from_input,
        "softplus": _from_input,
        "gelu": _from_input,
        "prelu": _prelu,
        "bias": _bias,
        "gain": _gain,
        "add_parameter": _bias,
        "multiply_parameter": _gain,
        "max_pool2d": _from_input,
        "avg_pool2d": _average,
        "adaptive_avg_pool2d": _average,
        "local_response_norm": _from_input,
        "standardize": _from_input,
        "scale_and_shift": _scale_and_shift,
        "dropout": _dropout,
        "batch_norm": _batch_norm,
        "batch_norm_running": _batch_norm_running,
        "add": _add,
        "multiply": _multiply,
        "divide": _divide,
        "matmul": _matmul,
        "broadcast": _broadcast,
        "concat": _concat,
        "pad_channels": _pad_channels,
        "custom": _custom,
        "cross_entropy": _loss,
        "squared_error": _loss,
    }
)
"""Kind of forward step -> the rule for its gradients."""
