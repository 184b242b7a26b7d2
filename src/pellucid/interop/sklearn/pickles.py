"""Pickles of estimators: the network is the bytes of its file, and what comes back must belong together."""

from __future__ import annotations

from typing import Any

from ...arguments import shown
from ...errors import ModelFileError
from ...layers import Layer
from ...network import Network
from ...serialization import from_bytes, to_bytes
from ...serialization.architecture import LAYERS


def packed(network: Network) -> tuple[bytes, list[type[Layer]]]:
    """Return a network as the bytes of its file, and the classes of its layers that are not the library's."""
    kinds = {type(layer) for _, layer in network.walk()}
    own = [kind for kind in kinds if LAYERS.get(kind.__name__) is not kind]
    return bytes(to_bytes(network)), sorted(own, key=lambda kind: kind.__name__)


def unpacked(saved: Any, noted: dict[str, Any], outputs: Any) -> Network:
    """Return the network of which `packed` made this.

    Parameters
    ----------
    saved : tuple
    noted : dict
        What the estimator has noted of its training, by name; None for what is missing.
    outputs : callable
        Gives the number of outputs that the estimator expects.

    Raises
    ------
    ModelFileError
        If it is none, or does not go with the rest of the pickle.
    """
    missing = [name for name, value in noted.items() if value is None]
    if missing:
        raise _damaged(f"{', '.join(missing)} is missing")
    try:
        content, own = saved
        if not isinstance(content, (bytes, bytearray)):
            raise TypeError("no bytes")
        network = from_bytes(content, layers=own)
        expected = tuple(noted["input_shape_"]), (outputs(),)
    except ModelFileError:
        raise
    except (TypeError, ValueError) as error:
        raise _damaged(f"{shown(saved)} is no network ({error})") from error
    if (network.input_shape, network.output_shape()) != expected:
        raise _damaged(
            f"its network goes from {network.input_shape} to {network.output_shape()}, but what was noted of its "
            f"training from {expected[0]} to {expected[1]}"
        )
    return network


def _damaged(reason: str) -> ModelFileError:
    return ModelFileError(f"the pickle of an estimator is damaged, or of another version: {reason}; train it again")
