"""What the page says of samples of the data, and of how right a network is on all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .words import with_article
from .written import percent


def taken_for(names: Mapping[str, str], confidence: float) -> dict[str, str]:
    """Return in ``words`` what a sample is, and what it is taken for.

    Parameters
    ----------
    names : mapping of str to str
        Of its ``label``, of what it is ``predicted`` as, and of what it ``was`` before the network was edited.
    confidence : float
        The probability of what it is predicted as.
    """
    label, predicted = with_article(names["label"]), with_article(names["predicted"])
    if label == predicted:
        return {"words": f"It is {label}, which the network sees ({percent(confidence)})."}
    return {"words": f"It is {label}; the network takes it for {predicted} ({percent(confidence)})."}


def taken_otherwise(number: int, names: Mapping[str, str]) -> dict[str, str]:
    """Return of a sample that is taken for something else since the network was edited what it is ``now``, in other
    ``words`` what became of it, and both as its ``name``."""
    label, predicted, was = names["label"], names["predicted"], names["was"]
    words = "broken" if was == label else f"was wrong: {was}"
    if predicted == label:
        words = f"mended: was {was}"
    name = f"sample {number}, {with_article(label)}: was taken for {was}, now for {predicted}: {words}"
    return {"now": f"{with_article(label)}, now {predicted}", "words": words, "name": name}


def how_right(told: Mapping[str, Any]) -> str:
    """Return how right a network is on the data, and what its edits have changed of that.

    Parameters
    ----------
    told : mapping
        What the page is told of it.
    """
    before, now, flipped = told["before"], told["now"], told["flipped"]
    if before is None or now is None:
        return f"Nothing can be said: {told['problem']}"
    if not flipped:
        return f"{_right(now)} right{', as before' if told['edited'] and before == now else ''}"
    rest = flipped - told["broken"] - told["mended"]
    return (
        f"{_right(before)} right before, {_right(now)} now. {flipped:,} {'image is' if flipped == 1 else 'images are'} "
        f"taken otherwise: {told['broken']:,} broken, {told['mended']:,} mended"
        f"{f', {rest:,} wrong in another way' if rest else ''}."
    )


def at_first(before: float | None, images: int, of: int = 0, *, held_out: bool) -> str:
    """Return how right a network is, as it was given: on so many images, the first ``of`` more, and whether it was
    trained without them (``held_out``); "" if nobody knows."""
    if before is None:
        return ""
    which = f"the first {images:,} of {of:,}" if of > images else f"{images:,}"
    return f" It is right on {_right(before)} of {which} images{' that it has not seen' if held_out else ''}."


def _right(share: float) -> str:
    return f"{100 * share:.2f} %"
