"""Upsample as in a notebook: shapes, gradients, which step it becomes, and the words of every refusal."""

import re

import numpy as np
import pytest

import pellucid as p

LAYERS = [
    (p.Upsample(scale_factor=2), "repeat_pixels"),
    (p.Upsample((8, 15)), "repeat_pixels"),
    (p.Upsample(scale_factor=(3, 1), mode="nearest-exact"), "repeat_pixels"),
    (p.Upsample((7, 3)), "resize"),
    (p.Upsample(scale_factor=(1.5, 2.5), mode="nearest-exact"), "resize"),
    (p.Upsample(scale_factor=2, mode="bilinear"), "resize"),
    (p.Upsample((3, 9), mode="bilinear", align_corners=True), "resize"),
    (p.Upsample(scale_factor=1.3, mode="bilinear", asymmetric=True), "resize"),
]


@pytest.mark.parametrize(("layer", "kind"), LAYERS, ids=lambda each: repr(each))
def test_gradients_and_steps(layer, kind, rng):
    x = rng.standard_normal((2, 3, 4, 5))
    report = p.check_gradients(layer, x)
    assert report.ok, report
    network = p.Sequential([p.Upsample(**layer.config())], input_shape=(3, 4, 5), dtype="float64")
    report = p.check_gradients(network, x)
    assert report.ok, report
    assert p.lower(network).steps[-1].kind == kind
    assert p.summary(network).rows[-1].native == (kind == "repeat_pixels")
    layer.cast("float64")
    np.testing.assert_allclose(p.predict(network, x, engine="numpy"), layer.forward(x), rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (p.Upsample, "Upsample: expected either size or scale_factor, received None and None"),
        (
            lambda: p.Upsample(2, mode="bicubic"),
            "mode: expected one of 'nearest', 'nearest-exact', 'bilinear', received 'bicubic'",
        ),
        (
            lambda: p.Upsample(2, align_corners=True),
            "align_corners, asymmetric: expected one of them at most, and with mode=\"bilinear\", received 'nearest'",
        ),
        (lambda: p.Upsample(scale_factor=0), "scale_factor: expected a number above 0, received 0"),
        (
            lambda: p.Upsample(scale_factor=(1, 2, 3)),
            "scale_factor: expected one number or two (vertical, horizontal), received (1, 2, 3)",
        ),
        (
            lambda: p.Upsample(scale_factor=0.1).output_shape((1, 5, 5)),
            "leaves no pixel with scale_factor=(0.1, 0.1), but the input has 5×5 pixels",
        ),
    ],
)
def test_what_it_refuses(make, message):
    with pytest.raises(p.PellucidError, match=f"^{re.escape(message)}$"):
        make()
