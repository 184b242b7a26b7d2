"""PadChannels beside torch's ``F.pad``, alone and on the shortcut of a residual block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p

torch = pytest.importorskip("torch", reason="torch is not installed")
torch.set_num_threads(1)  # small as these are, threads only wait for each other
counts = st.integers(0, 4)
images = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))


def compare(ours, theirs, x, tolerance=0.0):
    """Compare outputs and the gradients of a random grad_output."""
    ours.cast(str(x.dtype))
    x_theirs = torch.tensor(x, requires_grad=True)
    y, y_theirs = ours.forward(x), theirs(x_theirs)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y, y_theirs.detach().numpy(), rtol=0, atol=tolerance)
    grad_output = np.random.default_rng(1).normal(0, 1, y.shape).astype(x.dtype)
    y_theirs.backward(torch.tensor(grad_output))
    np.testing.assert_allclose(ours.backward(grad_output), x_theirs.grad.numpy(), rtol=0, atol=tolerance)


@settings(max_examples=30, deadline=None)
@given(
    images | st.tuples(st.integers(1, 3), st.integers(1, 5)), counts, counts, st.sampled_from(["float32", "float64"])
)
def test_pad_channels(shape, before, after, dtype):
    x = np.random.default_rng(0).normal(0, 1, shape).astype(dtype)
    last = (0, 0) * (len(shape) - 2)  # torch names the last axis first
    compare(p.PadChannels(before, after), lambda x: torch.nn.functional.pad(x, (*last, before, after)), x)


@settings(max_examples=20, deadline=None)
@given(images, counts, counts, st.integers(1, 3))
def test_a_shortcut_without_weights(shape, before, after, stride):
    """Every `stride`-th pixel and zeros for the new channels, as the usual PyTorch code writes it."""
    channels = before + shape[1] + after
    conv = torch.nn.Conv2d(shape[1], channels, 3, stride, padding=1).double()

    def theirs(x):
        return conv(x) + torch.nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, before, after))

    body = p.Conv2d(shape[1], channels, 3, stride=stride, padding=1)
    ours = p.Residual(body, p.Sequential([p.MaxPool2d(1, stride=stride), p.PadChannels(before, after)]))
    ours.cast("float64")
    body.weight.data, body.bias.data = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    compare(ours, theirs, np.random.default_rng(0).normal(0, 1, shape), 1e-12)
    np.testing.assert_allclose(body.weight.grad, conv.weight.grad.numpy(), rtol=0, atol=1e-11)
