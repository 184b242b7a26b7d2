"""The loggers by name, and what a run that is resumed must know of them."""

from __future__ import annotations

from collections.abc import Mapping

from ..arguments import nearest, shown
from ..errors import ArgumentError
from ..training import listed
from ..training import resume as resume  # knowing these, it makes the loggers of a run anew
from .mlflow import STORE
from .mlflow import MLflow as MLflow
from .tensorboard import TensorBoard as TensorBoard

KINDS: Mapping[str, tuple[type[TensorBoard | MLflow], str]] = {
    "tensorboard": (TensorBoard, "logs"),
    "mlflow": (MLflow, STORE),
}
"""What a short text begins with -> the class, and where it writes unless told otherwise."""


def by_name(text: str) -> TensorBoard | MLflow:
    """Return the logger that a short text describes: ``tensorboard:FOLDER`` or ``mlflow:URI``.

    Without a folder it is ``logs``, and without a URI ``sqlite:///mlflow.db``.
    """
    name, colon, place = text.partition(":")
    if name not in KINDS or (colon and not place):
        hint = "" if name in KINDS else nearest(name, KINDS)
        raise ArgumentError(f"expected tensorboard:FOLDER or mlflow:URI, received {shown(text)}{hint}")
    kind, default = KINDS[name]
    return kind(place or default)


listed.KINDS.update({kind.__name__: kind for kind, _ in KINDS.values()})
