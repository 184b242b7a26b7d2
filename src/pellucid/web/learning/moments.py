"""The moments of a training that are kept: the network's weights after some of its steps.

Where a run is written, each is a small file, ``view/step-000123.safetensors``, sealed like a model file; else they stay
in memory. There are at most `MOST_MOMENTS`, and they take at most `MOST_BYTES`: more moments near the beginning, where
a network changes most, and then one every so many steps.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...definitions.arrays import Array
from ...errors import ArgumentError, ModelFileError, StorageError
from ...limits import LIMITS
from ...network import Network
from ...serialization.fitting import compare
from ...serialization.format_version import check_version
from ...serialization.tensor_file import WRITTEN, decode, metadata_of, pieces, problem
from ...storage import make_folder, read_beginning, read_file, remove_file, write_file

FOLDER = "view"
FORMAT, VERSION = "pellucid moment", "1"
MOST_MOMENTS = 40
MOST_BYTES = 64 << 20
FEWEST = 3
"""Moments without which none are kept: fewer say nothing of a course."""
OTHER = f"remove the folder {FOLDER} of the run"
"""What to do about moments of another training, or of another network."""

_NAME = re.compile(r"step-(\d{6,15})\.safetensors")


@dataclass(frozen=True, eq=False)
class Moment:
    """The weights and states of a network after so many steps, by path."""

    step: int
    weights: Mapping[str, Array]

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.weights.values())


def planned(total: int, most: int = MOST_MOMENTS) -> tuple[int, ...]:
    """Return after how many steps of a training the weights are kept: 0, powers of two as long as they are less apart
    than what follows, then every so many steps, and the last.

    Examples
    --------
    >>> planned(100, 12)
    (0, 1, 2, 4, 8, 15, 30, 45, 60, 75, 90, 100)
    """
    if most < FEWEST:
        return ()
    apart = max(1, total // most)
    while apart <= total:
        powers = (2**k for k in range(apart.bit_length()) if 2**k < apart)
        steps = {0, *powers, *range(apart, total, apart), total}
        if len(steps) <= most:
            return tuple(sorted(steps))
        apart += 1 + apart // 50
    return tuple(sorted({round(each) for each in np.linspace(0, total, most)}))


def training_of(config: str) -> str:
    """Return the name of a training, which is the same for the same ``config.toml``: its weights are the same too."""
    return hashlib.sha256(config.encode()).hexdigest()


def affordable(size: int) -> int:
    """Return how many moments of so many bytes are kept."""
    return min(MOST_MOMENTS, MOST_BYTES // max(1, size))


class Moments:
    """The moments that are kept of a training.

    Parameters
    ----------
    folder : Path, optional
        That of the run.
    training : str, default ""
        Which training they are of, as `training_of` says; "" where nobody knows.

    Attributes
    ----------
    training : str
    """

    def __init__(self, folder: Path | None = None, training: str = ""):
        self._folder, self.training = None if folder is None else folder / FOLDER, training
        self._held: dict[int, Moment] = {}

    def steps(self) -> list[int]:
        """Return after how many steps there is one, in order."""
        if self._folder is None:
            return sorted(self._held)
        return sorted(self._files())[: 2 * MOST_MOMENTS]

    def keep(self, moment: Moment) -> None:
        """Keep a moment.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        if self._folder is None:
            self._held[moment.step] = moment
            return
        metadata = {"format": FORMAT, "format_version": VERSION, "step": str(moment.step)}
        metadata["training"] = self.training
        path = make_folder(self._folder) / f"step-{moment.step:06}.safetensors"
        write_file(path, pieces(moment.weights, metadata), durable=False)  # nothing is lost with one but a look back

    def read(self, step: int, network: Network) -> Moment:
        """Return a moment of a network.

        Raises
        ------
        ArgumentError
            If none is kept of that step.
        ModelFileError, StorageError
            If the file is damaged, of another network, or cannot be read.
        """
        if step in self._held:
            return self._held[step]
        path = self._files().get(step)
        if path is None:
            raise ArgumentError(f"step: nothing is kept of step {step:,}")
        file = decode(read_file(path, min(LIMITS.file_bytes, 2 * MOST_BYTES)), str(path), LIMITS)
        if not file.sealed or file.metadata.get("format") != FORMAT:
            raise problem(
                str(path), "expected a moment of a training with its SHA-256, found another file", "remove it"
            )
        check_version(file.metadata.get("format_version", ""), str(path), "a moment of a training", int(VERSION))
        if self._is_of_another(file.metadata):
            raise problem(str(path), "this moment is of another training", OTHER)
        if differences := compare(network, file.entries, [WRITTEN[str(network.dtype)]]):
            raise problem(str(path), f"this moment is of another network: {differences}", OTHER)
        return Moment(step, {name: file.array(name).copy() for name in file.entries})

    def of_another(self) -> list[int]:
        """Return after which steps there is a moment of another training: the folder lay in another run once."""
        steps = []
        for step, path in self._files().items():
            with suppress(ModelFileError, StorageError):  # whoever reads it will be told
                length = int.from_bytes(read_beginning(path, 8), "little")
                header = read_beginning(path, 8 + min(length, LIMITS.header_bytes))
                if self._is_of_another(metadata_of(header, str(path))):
                    steps.append(step)
        return steps

    def _is_of_another(self, metadata: Mapping[str, Any]) -> bool:
        training = metadata.get("training", "")
        return bool(training and self.training) and training != self.training

    def forget_after(self, step: int) -> None:
        """Let go of what comes after a step, where a training goes on, or begins anew."""
        self._held = {each: moment for each, moment in self._held.items() if each <= step}
        for each, path in self._files().items():
            if each > step:
                remove_file(path)

    def _files(self) -> dict[int, Path]:
        files: dict[int, Path] = {}
        if self._folder is not None:
            with suppress(OSError):  # there is no such folder yet
                files = {int(name[1]): path for path in self._folder.iterdir() if (name := _NAME.fullmatch(path.name))}
        return files
