"""Why the network says what it says: explanations of an image, as answers to the page."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from ..explanations import counterfactual, grad_cam, grad_cam_layer, learnt_layers, occlusion, saliency
from ..network import Network
from .answers import Answer, shown
from .asked import Asked
from .bench import Bench
from .frames import frame
from .look import colour_range

METHODS = ("saliency", "grad_cam", "occlusion")


def methods(bench: Bench, asked: Asked) -> Answer:
    """Which explanations there are of this network, and which layers one after the other can forget."""
    found = ["saliency", "occlusion"] if len(bench.network.input_shape or ()) == 3 else ["saliency"]
    try:
        layer = grad_cam_layer(bench.network)
        found.insert(1, "grad_cam")
    except ShapeError:
        layer = None
    return {"methods": found, "grad_cam_layer": layer, "forgetting": learnt_layers(bench.network)[::-1]}


def why(bench: Bench, asked: Asked) -> Answer:
    """Which pixels a class depends on; also of a network whose last layers have forgotten what they learnt."""
    image = bench.image(asked.text("image"))[None]
    classes = int(np.prod(bench.network.output_shape(), dtype=int))
    of = asked.whole("class", classes, int(bench.look(asked.text("image")).output.argmax()))
    forgotten = asked.whole("forgotten", len(learnt_layers(bench.network)) + 1, 0)
    network, method = bench.forgetful(forgotten), asked.choice("method", METHODS)
    picture = _explained(network, image, of, method)
    header = {"method": method, "class": of, "forgotten": forgotten, "range": colour_range(picture)}
    return frame({**header, "revision": bench.revision}, {"picture": picture})


def would_be(bench: Bench, asked: Asked) -> Answer:
    """What the image would have to be like for another class to be seen in it: a new image, and what is made of it."""
    name = asked.text("image")
    classes = int(np.prod(bench.network.output_shape(), dtype=int))
    found = counterfactual(bench.network, bench.image(name), asked.whole("class", classes))
    told = {"from": name, "reached": found.reached, "steps": len(found.probabilities) - 2}
    return shown(bench, bench.put(found.image), asked, told, {"course": found.probabilities})


def _explained(network: Network, image: NDArray[Any], of: int, method: str) -> NDArray[Any]:
    if method == "saliency":
        return np.asarray(saliency(network, image, of)[0])
    if method == "grad_cam":
        return np.asarray(grad_cam(network, image, of)[0])
    return np.asarray(occlusion(network, image, of)[0])


READING = {"methods": methods, "why": why}
DOING = {"would-be": would_be}
