"""Linear and Flatten beside torch's, in float64."""

import numpy as np
import pytest

from oracles.numerical import assert_agrees
from pellucid.layers import Flatten, Linear

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias, rng):
    ours, theirs = Linear(5, 3, bias=bias), torch.nn.Linear(5, 3, bias=bias, dtype=torch.float64)
    ours.cast("float64")
    for name, parameter in ours.parameters().items():
        parameter.data[...] = rng.standard_normal(parameter.shape)
        getattr(theirs, name).data = torch.tensor(parameter.data)
    x, grad_output = rng.standard_normal((4, 5)), rng.standard_normal((4, 3))
    x_theirs = torch.tensor(x, requires_grad=True)
    y_theirs = theirs(x_theirs)
    y_theirs.backward(torch.tensor(grad_output))
    assert_agrees(ours.forward(x), y_theirs.detach().numpy(), tolerance=1e-13)
    assert_agrees(ours.backward(grad_output), x_theirs.grad.numpy(), tolerance=1e-13)
    for name, parameter in ours.parameters().items():
        assert_agrees(parameter.grad, getattr(theirs, name).grad.numpy(), tolerance=1e-13)


def test_flatten(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    np.testing.assert_array_equal(
        Flatten().forward(x), torch.nn.Flatten()(torch.tensor(x, dtype=torch.float32)).numpy()
    )
