"""What the picture of an explanation shows, and what a search for another class has found, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .written import accuracy, percent, significant

FEW = 0.005
"""Of a probability: what falls by less, hardly falls."""
LITTLE, MUCH = 0.02, 0.1
"""Of black to white, on average over the image: what is a little change of it, and from where on it is much."""

LISTED = 3
"""Of the layers that are forgotten, the first."""
ZONES = (
    (0.5, "largely the image itself: be suspicious"),
    (0.2, "partly the image itself"),
    (-1.0, "it comes of what was learnt"),
)
"""Agreement of two pictures, at least -> what the first of them shows then."""
NONE = "Explanations are of classes; this network does not give one number a class."
HONEST = (
    "With weights drawn anew, the picture should change. If it hardly changes, distrust it: then it tells of the "
    "image, not of what the network has learnt."
)


def shows(told: Mapping[str, Any], picture: NDArray[Any], layer: str | None, names: Sequence[str] = ()) -> str:
    """Return what a picture shows.

    Parameters
    ----------
    told : mapping
        What goes with the picture in the answer to the page.
    picture : array
    layer : str or None
        The layer that Grad-CAM looks at.
    names : sequence of str
        Of the class, and of the other one if it is against another.
    """
    if told["method"] == "occlusion":
        return _occlusion(told, picture, names)
    if told["method"] == "grad_cam":
        field = told["field"]
        where = "stretched over the image"
        if field:
            where = f"each in the middle of the {_sizes(field['size'])} pixels that it reads"
        return (
            f"Where the maps of {layer} speak for {_one_rather(names)}, each counted by its mean gradient: "
            f"{_sizes(picture.shape)} numbers, {where}."
        )
    return f"How much {_of(names, 'score')} changes with each pixel: the size of its gradient."


def _one_rather(names: Sequence[str]) -> str:
    return " rather than ".join(names) if len(names) > 1 else "the class"


def _of(names: Sequence[str], measure: str) -> str:
    return f"the {measure} of {names[0]} less that of {names[1]}" if len(names) > 1 else f"the class’s {measure}"


def _occlusion(told: Mapping[str, Any], picture: NDArray[Any], names: Sequence[str]) -> str:
    speaks = (
        f"blue speaks for {names[0]}, orange for {names[1]}"
        if len(names) > 1
        else "blue needs it, orange speaks against it"
    )
    words = [
        f"How much {_of(names, told['measure'])} falls where a patch of {_sizes(told['patch'])} pixels, all of the "
        f"image’s mean, covers a pixel: {speaks}."
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


def forgotten(paths: Sequence[str]) -> list[str]:
    """Return for each number of layers that can be forgotten, from 0 on, which these are.

    Parameters
    ----------
    paths : sequence of str
        In the order in which they are forgotten.
    """
    count = len(paths)
    said = [f"nothing is forgotten; {count} {'layer has' if count == 1 else 'layers have'} learnt something"]
    for many in range(1, count + 1):
        few = [*paths[:LISTED], f"… up to {paths[many - 1]}"] if many > LISTED + 1 else paths[:many]
        said.append(f"forgotten, from the output on: {', '.join(few)} ({many} of {count})")
    return said


def came_of_it(told: Mapping[str, Any], name: str, course: NDArray[Any], changed: NDArray[Any]) -> str:
    """Return what came of a search for an image of another class.

    Parameters
    ----------
    told : mapping
        What goes with the image in the answer to the page.
    name : str
        Of the class.
    course : array
        Its probability after each step.
    changed : array
        By how much each pixel has changed.
    """
    meanwhile = "The network was changed meanwhile; this was found for it as it was. " if told["changed"] else ""
    ended = "Reached" if told["reached"] else "Not reached"
    short = told["fewer"] and told["steps"] == told["most"] and not told["reached"]
    limit = ", as many as there is time for in a network of this size" if short else ""
    return (
        f"{meanwhile}{ended} in {told['steps']:,} steps{limit}: {name} goes from {percent(course[0])} to "
        f"{percent(course[-1])}; {np.count_nonzero(changed):,} of {changed.size:,} pixels changed."
    )


def by_step(name: str, course: NDArray[Any]) -> str:
    """Return what a chart of a class's probability after each step shows."""
    first, last = percent(course[0]), percent(course[-1])
    return f"probability of {name} by step: {first} at first, {last} after {len(course) - 1:,}"


def what_changed(was: NDArray[Any]) -> str:
    """Return what a picture of the change of an image shows, and in which unit."""
    return f"what changed{', in levels of 255' if was.dtype == np.uint8 else ''}"


def how_large(reached: bool, apart: NDArray[Any], was: NDArray[Any]) -> str:
    """Return how large a change of an image is: on average and at most, as shares of black to white.

    Parameters
    ----------
    reached : bool
        Whether it was enough.
    apart, was : array
        The change, and the image before: of bytes, 255 is from black to white; of others, all that it has.
    """
    span = 255.0 if was.dtype == np.uint8 else float(np.ptp(was)) or 1.0
    sizes = np.abs(apart) / span
    mean = float(sizes.mean())
    measured = (
        f"a pixel changes by {percent(mean)} of black to white on average, by {accuracy(float(sizes.max()))} at most"
    )
    said = f"It takes {'some' if mean <= MUCH else 'much'}"
    if not reached:
        said = "Not even this was enough"
    elif mean <= LITTLE:
        said = "Little suffices, which is worth knowing"
    return f"{said}: {measured}. It is what a search found, not what such an image looks like."


def came_of_forgetting(agreement: float | None, contrast: float | None) -> dict[str, str]:
    """Return what the agreement of two pictures is worth, and what it is to be compared with: that of one of them with
    the contrast of the image."""
    if agreement is None:
        return {"worth": "Nothing to compare: one of the pictures is the same everywhere."}
    worth = next(words for least, words in ZONES if agreement >= least)
    told = "▼ Rank correlation: 1 is the same order of pixels, 0 none in common."
    if contrast is not None:
        told += (
            " ▽ For comparison: the picture agrees with the contrast of the image alone, which no network has a part "
            f"in, by {significant(contrast, 2)}."
        )
    return {"worth": worth, "compared": told}


def _sizes(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes))
