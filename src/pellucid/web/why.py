"""Why the network says what it says: explanations of an image, as answers to the page.

They may take long, so they are made with a copy of the network, and whoever asks for maps does not wait for them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from ..explanations import (
    counterfactual,
    grad_cam,
    grad_cam_layer,
    learnt_layers,
    occlusion,
    rank_correlation,
    saliency,
)
from ..network import Network
from .answers import Answer, shown
from .asked import Asked
from .bench import Bench
from .frames import frame
from .look import colour_range

METHODS = ("saliency", "grad_cam", "occlusion")
SEARCH_WORK = 4e11
"""Multiply-adds that a search for another class's image may take: about a minute."""
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
    with bench.busy:
        name, revision, most = asked.text("image"), bench.revision, len(learnt_layers(bench.network))
        image, network = bench.image(name)[None], bench.snapshot()
        method, forgotten = asked.choice("method", METHODS), asked.whole("forgotten", most + 1, 0)
        of = asked.whole("class", math.prod(network.output_shape()), int(bench.look(name).output.argmax()))
        forgetful = bench.snapshot(forgotten)
    with bench.explaining:
        picture, agreement = _explained(network, image, of, method), 1.0
        if forgotten:
            learnt, picture = picture, _explained(forgetful, image, of, method)
            agreement = rank_correlation(learnt, picture)
    header = {
        "method": method, "class": of, "forgotten": forgotten, "range": colour_range(picture), "revision": revision,
        "agreement": None if math.isnan(agreement) else agreement,
    }  # fmt: skip
    return frame(header, {"picture": picture})


def would_be(bench: Bench, asked: Asked) -> Answer:
    """What the image would have to be like for another class to be seen in it: a new image, and what is made of it."""
    with bench.busy:
        name = asked.text("image")
        image, network = bench.image(name), bench.snapshot()
        wanted = asked.whole("class", math.prod(network.output_shape()))
    passes = 4 * max(1, bench.description["multiply_adds"])  # forward twice, backward once, by inputs alone and weights
    steps = int(np.clip(SEARCH_WORK / passes, *SEARCH_STEPS))
    with bench.explaining:
        found = counterfactual(network, image, wanted, steps=steps)
    told = {"from": name, "wanted": wanted, "reached": found.reached, "steps": len(found.probabilities) - 1}
    with bench.busy:
        more = {"course": found.probabilities, "was": image}
        return shown(bench, bench.put(found.image), asked, told, more)


def _explained(network: Network, image: NDArray[Any], of: int, method: str) -> NDArray[Any]:
    if method == "saliency":
        return np.asarray(saliency(network, image, of)[0])
    if method == "grad_cam":
        return np.asarray(grad_cam(network, image, of)[0])
    return np.asarray(occlusion(network, image, of)[0])


READING = {"methods": methods, "why": why}
DOING = {"would-be": would_be}
UNHURRIED = (why, would_be)
"""They hold the bench only as long as they need it."""
