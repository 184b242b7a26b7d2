"""The mistakes that a network is most sure of: with their images, and why it made them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..amounts import Amounts, of
from ..html import Html, element, figure, gallery, image, join, paragraph, section, table, text
from ..judging import Judged
from ..material import Explained, Material
from ..pixels import Pixels, as_png, heat_over, picture, shrunk
from .classes import percent

SHOWN = 96
"""Pixels of the page along an image's longer side."""


def mistakes(material: Material, amounts: Amounts) -> Html | None:
    """Return the most confident mistakes; explained, as far as they were."""
    judged = material.found
    if not isinstance(judged, Judged):
        return None
    if not len(judged.mistakes):
        return section("mistakes", "Mistakes", paragraph(f"None: all {len(judged.labels):,} samples are right."))
    shown = judged.mistakes[: amounts.mistakes]
    said = f"{len(judged.mistakes):,} of {len(judged.labels):,} samples are classified wrongly"
    cut = (
        f"; here are the {len(shown):,} that the network was most sure of" if len(shown) < len(judged.mistakes) else ""
    )
    if judged.data.images.ndim != 4:
        return section("mistakes", "Mistakes", paragraph(f"{said}{cut}."), _table(judged, shown), *_influence(material))
    explained = material.explained
    count = 0 if explained is None else min(len(explained.samples), len(shown))
    parts = [paragraph(f"{said}{cut}, the surest first.")]
    if explained is not None:
        parts.append(_how(explained, count))
        cards = (_card(judged, explained, place, amounts.side) for place in range(count))
        parts.append(gallery(cards, "cards"))
    if len(shown) > count:
        parts.append(gallery((_small(judged, int(sample), amounts.side) for sample in shown[count:]), "small"))
    return section("mistakes", "Mistakes", *parts)


def _how(explained: Explained, count: int) -> Html:
    """Return what is seen in the pictures of explanations, and how they come about."""
    lines = [
        f"Why the first {count:,} were taken for what they are not. Saliency: pixels on which the score of that class "
        "depends, by its gradient (Simonyan et al. 2014)."
    ]
    if explained.cam is not None:
        lines.append(f"Grad-CAM: where the maps of {explained.layer} speak for it (Selvaraju et al. 2017).")
    if len(explained.occlusion):
        lines.append(
            "Occlusion: orange where it becomes less likely when that part is covered, blue where it becomes likelier "
            "(Zeiler and Fergus 2014)."
        )
    if len(explained.occlusion) < count:
        lines.append(
            f"Only {len(explained.occlusion):,} of them were covered part by part, as that takes this network long."
        )
    return paragraph(*lines, quiet=True)


def _card(judged: Judged, explained: Explained, place: int, side: int) -> Html:
    """Return an explained mistake: the image, and beside it why it was taken for another class."""
    sample = int(explained.samples[place])
    own = judged.data.images[sample]
    named = judged.names[judged.predicted[sample]]
    strong = explained.saliency[place]
    called = f"Sample {sample:,}, which is {judged.names[judged.labels[sample]]}"
    heat = as_png(heat_over(own, strong, side))
    views = [(small_image(own, side), "image", called), (heat, "saliency", f"Saliency of {named}, {_where(strong)}")]
    if explained.cam is not None:
        cam = explained.cam[place]
        views.append((as_png(heat_over(own, cam, side)), "Grad-CAM", f"Grad-CAM of {named}, {_where(cam)}"))
    if place < len(explained.occlusion):
        drop = explained.occlusion[place]
        alt = f"Occlusion: {named} needs what lies {_where(drop)}"
        views.append((as_png(heat_over(own, drop, side)), "occlusion", alt))
    large = is_large(own, side)
    drawn = (figure(image(png, alt, SHOWN, SHOWN, smooth=large), text(name)) for png, name, alt in views)
    return figure(gallery(drawn, "views"), _told(judged, sample), "card")


def is_large(own: NDArray[Any], side: int) -> bool:
    """Return whether an image (C, H, W) is shown smaller than it is, so that its pixels mean nothing."""
    return bool(max(own.shape[1:]) > side)


def _small(judged: Judged, sample: int, side: int) -> Html:
    own = judged.data.images[sample]
    height, width = own.shape[1:]
    scale = SHOWN / max(height, width)
    alt = f"Sample {sample:,}, which is {judged.names[judged.labels[sample]]}"
    told = _told(judged, sample, brief=True)
    png, large = small_image(own, side), is_large(own, side)
    return figure(image(png, alt, width * scale, height * scale, smooth=large), told)


def small_image(own: NDArray[Any], side: int) -> bytes:
    """Return an image (C, H, W) as PNG, no side longer than so many pixels."""
    pixels: Pixels = shrunk(picture(own), side)
    return as_png(pixels)


def _told(judged: Judged, sample: int, brief: bool = False) -> Html:
    """Return what a sample is, what it was taken for, and how sure the network was; in brief, of that class alone."""
    true, named = judged.labels[sample], judged.predicted[sample]
    shares = 100 * judged.probabilities[sample]
    head = element("strong", text(f"{judged.names[true]} taken for {judged.names[named]}"))
    right = "" if brief else f", {shares[true]:.1f} % for {judged.names[true]}"
    rest = text(f"{shares[named]:.1f} % sure{right}. Sample {sample:,}.")
    return join((head, rest), "<br>")


def _where(heat: NDArray[Any]) -> str:
    """Return in which ninth of an image most of the heat lies, for those who do not see it.

    Examples
    --------
    >>> _where(np.eye(3)[::-1] * [[0, 0, 5], [0, 1, 0], [1, 0, 0]])
    'most of it at the top right'
    """
    positive = np.maximum(heat, 0)
    if not positive.any():
        return "nothing of it"
    rows, columns = (np.minimum(3 * np.arange(size) // size, 2) for size in positive.shape)
    sums = np.zeros((3, 3))
    np.add.at(sums, (rows[:, None], columns[None, :]), positive)
    row, column = divmod(int(sums.argmax()), 3)
    words = f"{('top', '', 'bottom')[row]} {('left', '', 'right')[column]}".strip()
    return f"most of it {f'at the {words}' if words else 'in the middle'}"


def _table(judged: Judged, shown: NDArray[np.int64]) -> Html:
    """Return mistakes that are no images as a table."""
    rows = [
        [f"{n:,}", judged.names[judged.labels[n]], judged.names[judged.predicted[n]], percent(judged.confidence[n])]
        for n in map(int, shown)
    ]
    return table("The most confident mistakes", ["sample", "it is", "taken for", "confidence"], rows,
                 numbers=["confidence"])  # fmt: skip


def _influence(material: Material, most: int = 20) -> list[Html]:
    """Return which features the scores depend on most."""
    if material.influence is None:
        return []
    order = np.argsort(-material.influence, kind="stable")[:most]
    rows = [[f"{feature}", f"{material.influence[feature]:.4g}"] for feature in order]
    caption = (
        "Features that scores depend on: the mean size of the score's gradient times the feature's deviation, "
        f"{of(len(rows), len(material.influence), 'feature')}, counted from 0"
    )
    return [table(caption, ["feature", "influence"], rows, numbers=["influence"])]
