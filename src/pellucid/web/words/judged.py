"""What the page says of samples of the data, and of how right a network is on all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .network import with_article


def what_it_is(label: str) -> dict[str, str]:
    """Return in ``words`` what a sample is; the page shows above the prediction whether that is seen."""
    return {"words": f"It is {with_article(label)}"}


def taken_otherwise(number: int, names: Mapping[str, str], than: str = "") -> dict[str, str]:
    """Return of a sample that is taken for something else since the network was edited what it is ``now``, in other
    ``words`` what became of it, and both as its ``name``; or, at a moment of its training, `than` "at the end"."""
    label, predicted, was = names["label"], names["predicted"], names["was"]
    if than:
        name = f"sample {number}, {with_article(label)}: taken for {predicted}, {than} for {was}"
        return {"now": f"{with_article(label)}, taken for {predicted}", "words": f"{than}: {was}", "name": name}
    words = "broken" if was == label else f"was wrong: {was}"
    if predicted == label:
        words = f"mended: was {was}"
    name = f"sample {number}, {with_article(label)}: was taken for {was}, now for {predicted}: {words}"
    return {"now": f"{with_article(label)}, now {predicted}", "words": words, "name": name}


def mistaken(
    pairs: Sequence[tuple[int, int, int]], all_of_them: int, name: Callable[[int], str]
) -> list[list[str]]:  # fmt: skip
    """Return by what mistakes can be chosen, all or pairs (times, class, what it is taken for), each as it is asked for
    and in words."""
    every = [["", f"all {all_of_them:,} mistakes"]]
    return every + [
        [f"{label},{taken}", f"{name(label)} taken for {name(taken)}: {times:,}"] for times, label, taken in pairs
    ]


def how_right(told: Mapping[str, Any]) -> str:
    """Return how right a network is on the data, and what its edits have changed of that.

    Parameters
    ----------
    told : mapping
        What the page is told of it; at a moment of its training, after a ``step``, it is compared with what it is
        otherwise ``than``, and nobody has broken or mended anything.
    """
    before, now, flipped = told["before"], told["now"], told["flipped"]
    if before is None or now is None:
        return f"Nothing can be said: {told['problem']}"
    than = told["than"]
    if than:
        said = f"{_right(now)} right after step {told['step']:,}; {_right(before)} {than}."
        return f"{said} {_images(flipped)} taken otherwise than {than}." if flipped else said
    if not flipped:
        return f"{_right(now)} right{', as before' if told['edited'] and before == now else ''}"
    rest = flipped - told["broken"] - told["mended"]
    most = (
        f", most often for {told['most'][1]} instead of {told['most'][0]} ({told['most'][2]:,})" if flipped > 1 else ""
    )
    return (
        f"{_right(before)} right before, {_right(now)} now. {_images(flipped)} "
        f"taken otherwise{most}: {told['broken']:,} broken, {told['mended']:,} mended"
        f"{f', {rest:,} wrong in another way' if rest else ''}."
    )


def at_first(
    before: float | None, images: int, of: int = 0, *, held_out: bool, edited: bool = False, now: float | None = None
) -> str:
    """Return how right a network is, as it was given: on so many images, the first ``of`` more, and whether it was
    trained without them (``held_out``); where it is ``edited``, also how right it is ``now``, once that is measured;
    "" if nobody knows."""
    if before is None:
        return ""
    which = f"the first {images:,} of {of:,}" if of > images else f"{images:,}"
    said = f"t is right on {_right(before)} of {which} images{' that it has not seen' if held_out else ''}"
    if not edited:
        return f" I{said}."
    return f" As trained, i{said}; {'measuring it as edited …' if now is None else f'as edited, on {_right(now)}.'}"


def _images(count: int) -> str:
    return f"{count:,} {'image is' if count == 1 else 'images are'}"


def _right(share: float) -> str:
    return f"{100 * share:.2f} %"
