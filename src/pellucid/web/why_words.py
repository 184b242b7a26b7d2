"""What the picture of an explanation shows, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW = 0.005
"""Of a probability: what falls by less, hardly falls."""


def shows(told: Mapping[str, Any], picture: NDArray[Any], layer: str | None) -> str:
    """Return what a picture shows.

    Parameters
    ----------
    told : mapping
        What goes with the picture in the answer to the page.
    picture : array
    layer : str or None
        The layer that Grad-CAM looks at.
    """
    if told["method"] == "occlusion":
        return _occlusion(told, picture)
    if told["method"] == "grad_cam":
        field = told["field"]
        where = "stretched over the image"
        if field:
            where = f"each in the middle of the {_sizes(field['size'])} pixels that it reads"
        return (
            f"Where the maps of {layer} speak for the class, each counted by its mean gradient: "
            f"{_sizes(picture.shape)} numbers, {where}."
        )
    return "How much the class’s score changes with each pixel: the size of its gradient."


def _occlusion(told: Mapping[str, Any], picture: NDArray[Any]) -> str:
    words = [
        f"How much the class’s {told['measure']} falls where a patch of {_sizes(told['patch'])} pixels, all of the "
        "image’s mean, covers a pixel: blue needs it, orange speaks against it."
    ]
    most = float(np.abs(picture).max())
    if told["measure"] == "probability" and most < FEW:
        words.append(
            f"No patch matters: the probability changes by {100 * most:.2g} points at most. The network is too sure of "
            "it, or too far from it; the score tells more."
        )
    if told["places"]["fewer"]:
        words.append(
            f"The patch has {_sizes(told['places']['count'])} places, fewer than usual: each takes long in a network "
            "of this size."
        )
    return " ".join(words)


def _sizes(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))
