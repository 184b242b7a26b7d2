"""What an image would have to be like for the network to see another class in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import number
from ..errors import ArgumentError, NonFiniteError
from ..geometry import whole_number
from ..inference import predict_proba
from ..inference.batches import accepted
from ..network import Network
from .saliency import as_classes
from .vector_jacobian import score_shape, vector_jacobian

_STEP = 0.04
"""How far the strongest pixel moves in a step, of the images' whole range."""


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """An image changed until the network sees another class.

    Attributes
    ----------
    image : array
        Of the shape and type of the image that was given.
    probabilities : float64 array (steps + 1,)
        Of the class that was wanted: as it was, and after every step that was taken.
    reached : bool
        Whether the network takes the changed image for that class.
    """

    image: NDArray[Any]
    probabilities: NDArray[np.float64]
    reached: bool


def counterfactual(
    network: Network, image: ArrayLike, wanted: int, *, probability: float = 0.9, sparsity: float = 0.15,
    steps: int = 200, engine: str = "compiled", threads: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> Counterfactual:  # fmt: skip
    """Change an image, few pixels of it and little, until the network takes it for another class.

    Sought is a small value of ``−log q(x + δ) + sparsity·Σ |δ|``, for q the probability of the class and pixels that
    stay in their range. Each step goes along the gradient of the first part, the strongest pixel by a twenty-fifth of
    the range, and then draws all changes towards 0, which leaves most of them there (proximal gradient descent).

    Parameters
    ----------
    network : Network
        With one output a class.
    image : array (C, H, W) or (features,)
        uint8, or floats as the network takes them.
    wanted : int
        The class.
    probability : float, default 0.9
        Of that class, which suffices.
    sparsity : float, default 0.15
        What a change of one pixel by the whole range costs. With more of it, fewer pixels change.
    steps : int, default 200
        At most.
    engine, threads
        As for `predict`; the gradients are NumPy's in any case.
    progress : callable, optional
        Told before each step which share of them is done. What it raises ends the search.

    Returns
    -------
    Counterfactual

    Raises
    ------
    ShapeError, DataError, ArgumentError
        If the network gives no scores of classes, the image is not what it takes, or there is no such class.
    NonFiniteError
        If its outputs are not finite.

    References
    ----------
    S. Wachter, B. Mittelstadt and C. Russell, "Counterfactual Explanations without Opening the Black Box", 2017, from
    which the distance Σ |δ| is.
    """
    given = accepted(network, np.asarray(image)[None])
    sought, steps = int(as_classes(network, given, wanted)[0]), whole_number(steps, "steps")
    goal = number(probability, "probability", "a number between 0 and 1")
    pull = number(sparsity, "sparsity", "a number of at least 0")
    shape = score_shape(network)
    x, low, high = _as_floats(given, network)
    seen = partial(_probabilities, network, engine=engine, threads=threads)
    span, start, q = high - low, x.copy(), seen(x)
    course = [float(q[sought])]
    while course[-1] < goal and len(course) <= steps:
        if progress is not None:
            progress((len(course) - 1) / steps)
        ahead = q - (np.arange(q.size) == sought)  # the gradient of −log q[sought] by the scores
        slope = vector_jacobian(network, x, ahead.reshape(1, *shape))["input"]
        strongest = float(np.abs(slope).max())
        if strongest == 0:
            break
        change = x - start - _STEP * span * slope / strongest
        drawn = np.sign(change) * np.maximum(np.abs(change) - _STEP * span * pull, 0)
        x = np.clip(start + drawn, low, high)
        q = seen(x)
        course.append(float(q[sought]))
    changed = _as_given(x, given)
    q = seen(changed)  # bytes were rounded
    course[-1] = float(q[sought])
    return Counterfactual(changed[0], np.array(course), int(q.argmax()) == sought)


def _as_floats(given: NDArray[Any], network: Network) -> tuple[NDArray[Any], float, float]:
    """Return images as floats, and the range that their pixels may have: that of bytes, or the image's own."""
    if given.dtype == np.uint8:
        return given.astype(network.dtype) / network.dtype.type(255), 0.0, 1.0
    x = given.astype(network.dtype)
    low, high = float(x.min()), float(x.max())
    if low == high:
        raise ArgumentError("image: all its numbers are equal, so nothing says how far they may go; give uint8")
    return x, low, high


def _as_given(x: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    return np.rint(x * 255).astype(np.uint8) if given.dtype == np.uint8 else x.astype(given.dtype)


def _probabilities(network: Network, x: NDArray[Any], engine: str, threads: int | None) -> NDArray[Any]:
    with np.errstate(invalid="ignore"):  # which is refused below
        found = predict_proba(network, x, engine=engine, threads=threads)[0].astype(np.float64)
    if not np.isfinite(found).all():
        raise NonFiniteError("the network's outputs for this image are not finite")
    return np.asarray(found)
