"""Why the network says what it says: explanations of an image, as answers to the page.

They may take long; whoever asks for maps does not wait for them, and they end when nobody waits for them any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NonFiniteError, ShapeError
from ...explanations import (
    counterfactual,
    field_of_layer,
    grad_cam,
    grad_cam_layer,
    learnt_layers,
    occlusion,
    occlusion_patch,
    occlusion_stride,
    over_image,
    rank_correlation,
    saliency,
)
from ...geometry import Pair
from ...network import Network
from ..bench import Bench
from ..frames import frame
from ..looking.look import Look, colour_range
from ..looking.sharing import to_run
from ..words.why import HONEST, NONE, by_step, came_of_forgetting, came_of_it, forgotten, how_large, shows, what_changed
from .asked import Asked
from .seeing import Answer, class_name, image_frame

METHODS = ("saliency", "grad_cam", "occlusion")
MEASURES = ("probability", "score")
"""What occlusion measures."""
SEARCH_WORK = 4e11
"""Multiply-adds that a search for another class's image may take: about a minute."""
NAMES = {"saliency": "Saliency", "grad_cam": "Grad-CAM", "occlusion": "Occlusion"}
PATCHES = (8, 4, 3, 2)
"""Which parts of an image's smaller side patches are offered of."""
USUAL_PATCH = 4
OCCLUSION_WORK = 8e11
"""Multiply-adds that the places of a patch may take: about ten seconds."""
SEARCH_STEPS = (10, 200)
"""Steps of such a search, at least and at most."""


@dataclass(frozen=True)
class Wanted:
    """Which explanation is asked for."""

    method: str
    of: int
    measure: str
    """Of occlusion: "score" or "probability"."""
    patch: Pair
    against: int | None = None
    """Another class, whose score is taken from that of the class."""


def _wanted(look: Look, asked: Asked) -> Wanted:
    method, measure = asked.choice("method", METHODS), asked.choice("measure", MEASURES, "probability")
    patch = (0, 0)
    if method == "occlusion" and look.image.ndim == 3:
        sides = look.image.shape[1], look.image.shape[2]
        size = asked.whole("patch", max(sides) + 1, 0)
        patch = occlusion_patch(sides, (min(size, sides[0]), min(size, sides[1])) if size else None)
    classes = look.output.size
    against = asked.whole("against", classes) if asked.text("against", "") else None
    of = asked.whole("class", classes, int(look.output.argmax()))
    return Wanted(method, of, measure, patch, None if against == of else against)


def methods(bench: Bench, asked: Asked) -> Answer:
    """Which explanations there are of this network, which layers one after the other can forget, from the output on,
    and whether another class can be sought."""
    output, sides = bench.network.output_shape(), (bench.network.input_shape or ())[1:]
    found = []
    if len(output) == 1:
        found = ["saliency", "occlusion"] if len(sides) == 2 else ["saliency"]
        try:
            grad_cam_layer(bench.network)
            found.insert(1, "grad_cam")
        except ShapeError:
            pass
    forgetting = learnt_layers(bench.network)[::-1]
    patches = sorted({_patch(sides, part) for part in PATCHES}) if len(sides) == 2 else []
    return {
        "methods": [[each, NAMES[each]] for each in found], "patches": [[each, f"{each}×{each}"] for each in patches],
        "patch": _patch(sides, USUAL_PATCH) if patches else None,
        "forgetting": forgetting, "forgotten": forgotten(forgetting), "words": HONEST if found else NONE,
        "seeks": len(output) == 1 < output[0],
    }  # fmt: skip


def _patch(sides: Sequence[int], part: int) -> int:
    return max(1, min(sides) // part)


def why(bench: Bench, asked: Asked) -> Answer:
    """Which pixels a class depends on; also of a network whose last layers have forgotten what they learnt, and then
    how much the picture agrees with the one before: None where one of the two is the same everywhere."""
    look = bench.look(asked.text("image"))
    look.values.make(look.program.output, asked.go_on)
    wanted, most = _wanted(look, asked), len(learnt_layers(look.network))
    layers = asked.whole("forgotten", most + 1, 0)
    _refuse_non_finite(look.output)
    with _explaining(bench, asked) as note:
        network = to_run(look.network, look.program)
        picture = learnt = look.once(("picture", wanted), lambda: _explained(bench, network, look.image, wanted, note))
        if layers:
            picture = _explained(bench, bench.forgetful(look.network, layers), look.image, wanted, note)
    header: dict[str, Any] = {
        "method": wanted.method, "class": wanted.of, "forgotten": layers, "range": colour_range(picture),
        "revision": look.revision, "agreement": _number(_agreement(learnt, picture)) if layers else 1.0,
        "contrast": _contrast(look.network, look.image, learnt, wanted.method),
    }  # fmt: skip
    header |= came_of_forgetting(header["agreement"], header["contrast"])
    layer = None
    if wanted.method == "grad_cam":
        layer = grad_cam_layer(look.network)
        field = field_of_layer(look.network, layer)
        header["field"] = None if field is None else vars(field)
    if wanted.method == "occlusion":
        header |= {"places": _places(bench, wanted.patch), "patch": wanted.patch, "measure": wanted.measure}
    names = [class_name(bench, each) for each in (wanted.of, wanted.against) if each is not None]
    return frame(header | {"words": shows(header, picture, layer, names)}, {"picture": picture})


def would_be(bench: Bench, asked: Asked) -> Answer:
    """What the image would have to be like for another class to be seen in it: a new image, and what is made of it.
    Where the network was changed during the search, it was made for the network as it was, and says so."""
    look = bench.look(before := asked.text("image"))
    wanted = asked.whole("class", math.prod(look.network.output_shape()))
    passes = 4 * max(1, bench.work)  # forward twice, backward once, by inputs alone and weights
    steps = int(np.clip(SEARCH_WORK / passes, *SEARCH_STEPS))
    with _explaining(bench, asked) as note:
        network = to_run(look.network, look.program)
        search = counterfactual(network, look.image, wanted, steps=steps, progress=note)
    header = {
        "from": before, "wanted": wanted, "reached": search.reached, "steps": len(search.probabilities) - 1,
        "most": steps, "fewer": steps < SEARCH_STEPS[1], "changed": bench.revision != look.revision,
    }  # fmt: skip
    apart = search.image.astype(np.float32) - look.image
    changed = _strongest(apart)
    name = class_name(bench, wanted)
    header["largest"] = float(np.abs(changed).max())
    header["words"] = came_of_it(header, name, search.probabilities, changed)
    header["label"] = by_step(name, search.probabilities)
    header["apart"] = what_changed(look.image)
    header["size"] = how_large(search.reached, apart, look.image)
    arrays = {"course": search.probabilities, "was": look.image, "difference": changed}
    return image_frame(bench, bench.put(search.image), asked, header, arrays)


def progress(bench: Bench, asked: Asked) -> Answer:
    """Which share is done of the explanation that is being made."""
    return {"done": bench.explained}


@contextmanager
def _explaining(bench: Bench, asked: Asked) -> Iterator[Callable[[float], None]]:
    """Let one explanation after the other be made, and yield what notes its progress, and ends it if nobody waits."""

    def note(done: float) -> None:
        asked.go_on()
        bench.explained = done

    with bench.explaining, np.errstate(all="ignore"):
        note(0.0)
        yield note


def _explained(
    bench: Bench, network: Network, image: NDArray[Any], wanted: Wanted, note: Callable[[float], None]
) -> NDArray[Any]:
    if wanted.method == "saliency":
        return np.asarray(saliency(network, image[None], wanted.of, against=wanted.against)[0])
    if wanted.method == "grad_cam":
        return np.asarray(grad_cam(network, image[None], wanted.of, against=wanted.against)[0])
    stride, _ = occlusion_stride(network, _most_places(bench), wanted.patch)
    found = occlusion(
        network, image[None], wanted.of, size=wanted.patch, stride=stride, measure=wanted.measure, progress=note,
        against=wanted.against,
    )  # fmt: skip
    return np.asarray(found[0])


def _strongest(apart: NDArray[Any]) -> NDArray[Any]:
    """Return of the channels of each pixel what changed most: (height, width)."""
    planes = apart.reshape(-1, *(1, *apart.shape)[-2:])
    return np.asarray(np.take_along_axis(planes, np.abs(planes).argmax(axis=0)[None], axis=0)[0])


def _contrast(network: Network, image: NDArray[Any], picture: NDArray[Any], method: str) -> float | None:
    """Return how much a picture agrees with the contrast of the image itself: how far each pixel is from its channel's
    median, which no network has a part in."""
    planes = image.reshape(len(image), -1).astype(np.float64) if image.ndim == 3 else image[None].astype(np.float64)
    apart = np.abs(planes - np.median(planes, axis=1, keepdims=True)).max(axis=0)
    if method == "grad_cam":
        picture = over_image(network, grad_cam_layer(network), picture[None])[0]
    return _number(rank_correlation(apart, np.abs(picture).ravel())) if np.isfinite(picture).all() else None


def _number(value: float) -> float | None:
    """Return a number as JSON has it."""
    return value if math.isfinite(value) else None


def _most_places(bench: Bench) -> int:
    return int(OCCLUSION_WORK / max(1, bench.work))


def _places(bench: Bench, patch: Pair) -> dict[str, Any]:
    """Return how many places the patch has, down and across, and whether it would have more in a smaller network."""
    (_, places), (_, usual) = (occlusion_stride(bench.network, most, patch) for most in (_most_places(bench), 1 << 62))
    return {"count": places, "fewer": places != usual}


def _agreement(learnt: NDArray[Any], forgetful: NDArray[Any]) -> float:
    """Return how much two pictures agree, where both are numbers."""
    if not (np.isfinite(learnt).all() and np.isfinite(forgetful).all()):
        raise NonFiniteError("some numbers of the pictures are NaN or infinite, so there is nothing to compare")
    return rank_correlation(learnt, forgetful)


def _refuse_non_finite(output: NDArray[Any]) -> None:
    if not np.isfinite(output).all():
        what = "NaN" if np.isnan(output).any() else "infinite"
        raise NonFiniteError(
            f"the network's outputs for this image are {what}, so there is nothing to explain; the first layer that "
            "shows such numbers tells where they come from"
        )
