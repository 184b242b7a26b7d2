"""Files that were cut off, or whose bits have changed: an error or a fallback, and never other weights."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

import pellucid as p
from oracles import interrupted
from pellucid.errors import PellucidError
from pellucid.training import checkpoint

from . import kills, work


@cache
def originals() -> dict[str, bytes]:
    """Return the files of a run that was interrupted: two checkpoints and the network."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        with suppress(ZeroDivisionError):
            p.fit(
                interrupted.network(), work.images(work.SMALL), out=run, checkpoint_every=work.EVERY, progress=False,
                callbacks=[*work.callbacks(), _Fail()], **work.settings(work.SMALL),
            )  # fmt: skip
        return {path.name: path.read_bytes() for path in run.iterdir()}


class _Fail(p.Callback):
    sees_weights = False

    def on_batch(self, training: p.training.Training) -> None:
        if training.step == 13:
            training.end(ZeroDivisionError())


def damaged(seed: int) -> str:
    """One file of a run is damaged: the network's is refused; of the checkpoints a whole one serves."""
    rng = np.random.default_rng(seed)
    names = sorted(name for name in originals() if name.endswith(".safetensors"))
    name = names[int(rng.integers(len(names)))]
    content = bytearray(originals()[name])
    if rng.random() < 0.3:
        content = content[: int(rng.integers(len(content)))]
    else:
        for place in rng.integers(0, len(content), int(rng.integers(1, 4))):
            content[place] ^= 1 << int(rng.integers(8))
    if bytes(content) == originals()[name]:
        return ""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for each, original in originals().items():
            Path(folder, each).write_bytes(content if each == name else original)
        if name == "model.safetensors":
            try:
                p.load(folder)
            except PellucidError:
                return ""
            return "a damaged network was loaded"
        found = checkpoint.newest(Path(folder))
        if found is None or found.path.endswith(name):
            return f"the damaged {name} was taken"
        if name == names[1] and not any(name in str(each.message) for each in told):
            return "nobody was told"
        if seed % 50:
            return ""
        return kills.finished(Path(folder), work.SMALL, 1)
