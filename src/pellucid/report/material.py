"""What a report is made of: a network, what is known of its training, and what it makes of data. All that takes time
is done here, once; `page` shows of it as much as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..errors import ArgumentError, NonFiniteError, PellucidError, ShapeError
from ..explanations import grad_cam_layer, occlusion, over_image, saliency
from ..explanations.grad_cam import saliency_and_grad_cam
from ..inference import activations
from ..network import Network
from ..summary import Summary, summary
from ..training.record import Record
from .course import Course
from .judging import Compared, Judged, judge

EXPLAINED = 12
"""Mistakes that are explained at most."""
GRADIENT_WORK, OCCLUSION_WORK = 2e10, 3e11
"""Multiply-adds of the forward passes that explanations may take: some ten seconds each."""
PATCHES = 144
"""About as many places a patch takes over an image."""


@dataclass(frozen=True, eq=False)
class Explained:
    """Why samples were taken for what they are not, as far as there was time.

    Attributes
    ----------
    samples : int64 array (M,)
    saliency : array (M, H, W)
    cam : array (M, h, w) or None
        Grad-CAM; None where the network makes no maps.
    layer : str
        Whose maps Grad-CAM looks at.
    occlusion : array (M', H, W)
        Of the first M' samples.
    """

    samples: NDArray[np.int64]
    saliency: NDArray[Any]
    cam: NDArray[Any] | None
    layer: str
    occlusion: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Material:
    """What a report is made of.

    Attributes
    ----------
    title : str
        Name of the run or the model file.
    network : Network
    summary : Summary
    record : Record or None
        What the run's folder says; None for a model file alone.
    course : Course or None
    part : str
        Of the data, such as "test".
    found : Judged, Compared or None
        What the network makes of the data; None where there are none.
    missing : str
        Why there is nothing of it.
    explained : Explained or None
    maps : dict of int to dict of str to array (K, h, w)
        What layers make of chosen samples, by the sample.
    influence : float64 array (F,) or None
        Of flat features: how strongly scores depend on each.
    """

    title: str
    network: Network
    summary: Summary
    record: Record | None = None
    course: Course | None = None
    part: str = ""
    found: Judged | Compared | None = None
    missing: str = ""
    explained: Explained | None = None
    maps: dict[int, dict[str, NDArray[Any]]] | None = None
    influence: NDArray[np.float64] | None = None


def gather(
    title: str,
    network: Network,
    record: Record | None = None,
    data: Dataset | None = None,
    *,
    part: str = "",
    missing: str = "",
    images: Sequence[int] | None = None,
    engine: str = "compiled",
    threads: int | None = None,
) -> Material:
    """Return what a report of a network is made of.

    Parameters
    ----------
    title : str
    network : Network
    record : Record, optional
        Of the run that it came from.
    data : Dataset, optional
        What to measure it on.
    part : str
        What the data are of those that it was trained on, such as "test".
    missing : str
        Why there are no data.
    images : sequence of int, optional
        Samples whose feature maps are shown; by default one that is classified wrongly, and one that is not.
    engine, threads
        As for `predict`.

    Raises
    ------
    ShapeError, DataError, ArgumentError
        If the data are not what the network takes, or there is no such sample.
    """
    course = None if record is None else Course.of(record)
    known = Material(title, network, summary(network), record, course, missing=missing)
    if data is None:
        return known
    numbers = record is not None and _loss(record) == "MeanSquaredError"
    try:
        found = judge(network, data, engine=engine, threads=threads, numbers=numbers)
    except NonFiniteError as error:  # then the course of the training is what to look at
        return replace(known, missing=str(error))
    pictures = data.images.ndim == 4
    explained = _explained(known, found, engine, threads) if pictures and isinstance(found, Judged) else None
    maps = _maps(network, data, _chosen(found, images)) if pictures else None
    influence = None if pictures or not isinstance(found, Judged) else _influence(network, data)
    return Material(title, network, known.summary, record, course, part, found, missing, explained, maps, influence)


def _loss(record: Record) -> str:
    loss = record.setting("training", "loss", {})
    return str(loss.get("name", "")) if isinstance(loss, dict) else ""


def _explained(known: Material, found: Judged, engine: str, threads: int | None) -> Explained | None:
    """Explain the most confident mistakes, as many as there is time for."""
    work = max(1, known.summary.totals.multiply_adds)
    samples = found.mistakes[: min(EXPLAINED, max(1, int(GRADIENT_WORK // work)))]
    if not len(samples):
        return None
    network, x, classes = known.network, found.data.images[samples], found.predicted[samples]
    try:
        layer = grad_cam_layer(network)
    except ShapeError:  # there are no maps
        layer = ""
    cam: NDArray[Any] | None = None
    try:
        if layer:
            strong, cam = saliency_and_grad_cam(network, x, classes, layer)
            cam = over_image(network, layer, cam)
        else:
            strong = saliency(network, x, classes)
    except (PellucidError, NotImplementedError):  # a layer of one's own knows no gradient
        return None
    covered = min(len(samples), int(OCCLUSION_WORK // (work * PATCHES)))
    hidden = occlusion(network, x[:covered], classes[:covered], engine=engine, threads=threads) if covered else x[:0, 0]
    return Explained(samples, strong, cam, layer, hidden)


def _chosen(found: Judged | Compared, images: Sequence[int] | None) -> list[int]:
    """Return which samples' feature maps are shown."""
    count = len(found.data)
    if images is not None:
        for number in images:
            if not 0 <= number < count:
                raise ArgumentError(f"images: expected numbers from 0 to {count - 1:,}, received {number}")
        return list(dict.fromkeys(images))
    if isinstance(found, Judged):
        return [*map(int, found.mistakes[:1]), *map(int, found.right[:1])]
    return [int(found.worst[0])]


def _maps(network: Network, data: Dataset, samples: Sequence[int]) -> dict[int, dict[str, NDArray[Any]]]:
    """Return the maps, of more than one place, that layers make of samples; by layer."""
    found = {}
    for sample in samples:
        inside = activations(network, data.images[sample : sample + 1])
        found[sample] = {
            path: array[0]
            for path, array in inside.items()
            if path != "input" and array.ndim == 4 and max(array.shape[2:]) > 1
        }
    return found


def _influence(network: Network, data: Dataset, most: int = 1000) -> NDArray[np.float64]:
    """Return the mean |∂score/∂x[f]| of each feature f times its deviation, over the first samples."""
    x = data.images[:most]
    return np.asarray(saliency(network, x).astype(np.float64).mean(axis=0) * data.images.std(axis=0))
