"""Whole networks compiled, beside the same networks in float64 run by the interpreter; nothing is trained here."""

import numpy as np

import pellucid as p
from pellucid import interpreter
from pellucid.build import lower
from pellucid.compiler import planning
from pellucid.compiler.executable import Executable
from pellucid.compiler.rules import RULES
from pellucid.compiler.tiles import BY_NAME

KEY = np.array([123, 456], np.uint32)
"""Of the masks of dropout."""


class Factor(p.Layer):
    """One number that all is multiplied with: a layer of one's own, without a kernel; its parameter has no axes."""

    def __init__(self, factor=1.5):
        super().__init__()
        self.factor = p.Parameter("factor", ())
        self.factor.data = factor

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        self._cache = x = self.accept(x)
        return x * self.factor.data

    def backward(self, grad_output):
        x, grad = self.remembered(grad_output)
        self.factor.grad = (x * grad).sum()
        return grad * self.factor.data


def residual():
    """Return a small network with batch normalisation and a residual path."""
    path = p.Sequential([p.Conv2d(4, 4, 3, padding=1), p.BatchNorm2d(4)])
    return p.Sequential(
        [p.Conv2d(1, 4, 3), p.BatchNorm2d(4), p.ReLU(), p.Residual(path), p.ReLU(), p.Flatten(), p.Linear(64, 3)],
        input_shape=(1, 6, 6),
    )


def training_program(network, optimizer=None, **options):
    """Return a network's training step for class numbers, with the data set resident where an optimiser learns."""
    options = {"loss": p.CrossEntropy(), "optimizer": optimizer, "training": True, "resident": optimizer is not None,
               **options}  # fmt: skip
    return lower(network, **options)


def planned(program, isa="avx2", **elements):
    """Return a program's plan for an instruction set; nothing is compiled."""
    return planning.planned(program, BY_NAME[isa], RULES, {"target": "int64", **elements})


def held(network):
    """Return the values of parameters and states by path."""
    found = {**network.parameters(), **network.states()}
    return {path: each.data for path, each in found.items()}


def feeds(program, x, labels):
    """Return what a program is given beside the network's values."""
    count = len(x)
    given = {"input": x, "target": labels, "count": count, "position": np.arange(count), "dropout_key": KEY}
    return {name: value for name, value in given.items() if name in program.ids}


def executable(network, program, samples, threads=1, **elements):
    """Return a compiled program with the network's values."""
    found = Executable(program, samples, threads, {"target": "int64", **elements})
    for name, values in held(network).items():
        found.write(name, values)
    return found


def run(found, x, labels):
    """Run a compiled program whose data set is not resident on one batch."""
    for name, value in feeds(found.program, x, labels).items():
        if name != "count":
            dtype = {"dropout_key": np.uint32, "input": x.dtype}.get(name, np.int64)
            found.give(name, np.ascontiguousarray(value, dtype))
    found.run(len(x), {"count": len(x)})


def gradients(network, x, labels, threads=1):
    """Return the loss, and its gradient for each parameter by path, as compiled code computes them."""
    program = training_program(network)
    found = executable(network, program, len(x), threads)
    run(found, x, labels)
    return found.ends(len(x))[program.loss], {
        path: found.totals(program.gradients[program.ids[path]]) for path in network.parameters()
    }


def exact_gradients(network, x, labels):
    """Return the same as `gradients`, as the definitions give it in float64."""
    values = {path: np.asarray(value, np.float64) for path, value in held(network).items()}
    network.cast("float64")
    try:
        program = training_program(network)
    finally:
        network.cast("float32")
    wanted = {path: program.gradients[program.ids[path]] for path in network.parameters()}
    given = {**values, **feeds(program, x.astype(np.float64), labels)}
    results = interpreter.run(program, given, {program.loss, *wanted.values()})
    return results[program.loss], {path: results[value] for path, value in wanted.items()}


def distance(found, exact):
    """Return the largest difference of two sets of tensors, as a share of each exact tensor's largest magnitude.

    Where that is below a hundredth of the largest of all, a sum has cancelled, such as the gradient of a shift that a
    normalisation takes away again, and its rounding is of the size of what it was a sum of: the hundredth counts.
    """
    assert found.keys() == exact.keys()
    least = np.max([_largest(tensor) for tensor in exact.values()]) / 100
    return np.max([_largest(found[path] - exact[path]) / np.maximum(_largest(exact[path]), least) for path in exact])


def _largest(tensor):
    """Return the largest magnitude, without another array of its size; NaN if there is one."""
    return np.maximum(tensor.max(), -tensor.min())
