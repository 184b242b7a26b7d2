"""Why the network says what it says: explanations of an image, as answers to the page.

They may take long; whoever asks for maps does not wait for them, and they end when nobody waits for them any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NonFiniteError, ShapeError
from ..explanations import (
    counterfactual,
    grad_cam,
    grad_cam_layer,
    learnt_layers,
    occlusion,
    occlusion_stride,
    rank_correlation,
    saliency,
)
from ..network import Network
from .answers import Answer, shown
from .asked import Asked
from .bench import Bench
from .frames import frame
from .look import colour_range
from .sharing import to_run

METHODS = ("saliency", "grad_cam", "occlusion")
SEARCH_WORK = 4e11
"""Multiply-adds that a search for another class's image may take: about a minute."""
OCCLUSION_WORK = 8e11
"""Multiply-adds that the places of a patch may take: about ten seconds."""
SEARCH_STEPS = (10, 200)
"""Steps of such a search, at least and at most."""


def methods(bench: Bench, asked: Asked) -> Answer:
    """Which explanations there are of this network, which layers one after the other can forget, from the output on,
    and whether another class can be sought."""
    output = bench.network.output_shape()
    found, layer = [], None
    if len(output) == 1:
        found = ["saliency", "occlusion"] if len(bench.network.input_shape or ()) == 3 else ["saliency"]
        try:
            layer = grad_cam_layer(bench.network)
            found.insert(1, "grad_cam")
        except ShapeError:
            pass
    forgetting = learnt_layers(bench.network)[::-1]
    return {"methods": found, "grad_cam_layer": layer, "forgetting": forgetting, "seeks": len(output) == 1 < output[0]}


def why(bench: Bench, asked: Asked) -> Answer:
    """Which pixels a class depends on; also of a network whose last layers have forgotten what they learnt, and then
    how much the picture agrees with the one before: None where one of the two is the same everywhere."""
    look = bench.look(asked.text("image"))
    look.values.make(look.program.output, asked.go_on)
    method, most = asked.choice("method", METHODS), len(learnt_layers(look.network))
    forgotten = asked.whole("forgotten", most + 1, 0)
    of = asked.whole("class", look.output.size, int(look.output.argmax()))
    _refuse_non_finite(look.output)
    with _explaining(bench, asked) as note:
        network = to_run(look.network, look.program)
        picture = look.once(("picture", method, of), lambda: _explained(bench, network, look.image, of, method, note))
        agreement = 1.0
        if forgotten:
            forgetful = bench.forgetful(look.network, forgotten)
            learnt, picture = picture, _explained(bench, forgetful, look.image, of, method, note)
            agreement = _agreement(learnt, picture)
    header = {
        "method": method, "class": of, "forgotten": forgotten, "range": colour_range(picture),
        "revision": look.revision, "agreement": None if math.isnan(agreement) else agreement,
        "places": _places(bench) if method == "occlusion" else None,
    }  # fmt: skip
    return frame(header, {"picture": picture})


def would_be(bench: Bench, asked: Asked) -> Answer:
    """What the image would have to be like for another class to be seen in it: a new image, and what is made of it."""
    look = bench.look(name := asked.text("image"))
    wanted = asked.whole("class", math.prod(look.network.output_shape()))
    passes = 4 * max(1, bench.work)  # forward twice, backward once, by inputs alone and weights
    steps = int(np.clip(SEARCH_WORK / passes, *SEARCH_STEPS))
    with _explaining(bench, asked) as note:
        network = to_run(look.network, look.program)
        found = counterfactual(network, look.image, wanted, steps=steps, progress=note)
    told = {
        "from": name, "wanted": wanted, "reached": found.reached, "steps": len(found.probabilities) - 1, "most": steps,
        "fewer": steps < SEARCH_STEPS[1],
    }  # fmt: skip
    return shown(bench, bench.put(found.image), asked, told, {"course": found.probabilities, "was": look.image})


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
    bench: Bench, network: Network, image: NDArray[Any], of: int, method: str, note: Callable[[float], None]
) -> NDArray[Any]:
    if method == "saliency":
        return np.asarray(saliency(network, image[None], of)[0])
    if method == "grad_cam":
        return np.asarray(grad_cam(network, image[None], of)[0])
    stride, _ = occlusion_stride(network, _most_places(bench))
    return np.asarray(occlusion(network, image[None], of, stride=stride, progress=note)[0])


def _most_places(bench: Bench) -> int:
    return int(OCCLUSION_WORK / max(1, bench.work))


def _places(bench: Bench) -> dict[str, Any]:
    """Return how many places the patch has, down and across, and whether it would have more in a smaller network."""
    (_, places), (_, usual) = (occlusion_stride(bench.network, most) for most in (_most_places(bench), 1 << 62))
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


READING = {"methods": methods, "why": why, "progress": progress}
DOING = {"would-be": would_be}
