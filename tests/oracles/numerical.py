"""Gradients by central differences, and the comparison with the computed ones."""

import numpy as np


def gradient(function, x, grad_output, step=1e-3):
    """∂/∂x of Σ grad_output · function(x), one coordinate after another. `function` is linear over ±step round x, or
    smooth enough; x is float64."""
    result = np.zeros(x.shape)
    for coordinate in np.ndindex(x.shape):
        higher, lower = x.copy(), x.copy()
        higher[coordinate] += step
        lower[coordinate] -= step
        result[coordinate] = np.sum(grad_output * (function(higher) - function(lower))) / (2 * step)
    return result


def assert_agrees(computed, expected, tolerance=1e-6):
    """Every number within `tolerance` of the array's largest magnitude; a failure names the worst coordinate."""
    computed, expected = np.asarray(computed), np.asarray(expected)
    assert computed.shape == expected.shape, f"shape {computed.shape}, expected {expected.shape}"
    if expected.size == 0:
        return
    error = np.abs(computed - expected)
    allowed = tolerance * max(1.0, float(np.abs(expected).max()))
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.nan_to_num(error, nan=np.inf))), error.shape))
    assert error[worst] <= allowed, f"at {worst}: {computed[worst]!r}, expected {expected[worst]!r}"
