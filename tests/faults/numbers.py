"""Numbers that go astray: at a random step the learning rate becomes absurd, and the weights with it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import pellucid as p
from oracles import interrupted
from pellucid.training import Callback, checkpoint

from . import work


class _Until(Callback):
    """Ends a training after a step, and keeps its weights."""

    def __init__(self, step: int):
        self._step, self.weights = step, b""

    def on_batch(self, training: p.training.Training) -> None:
        if training.step == self._step:
            self.weights = held(training.network)
            training.stop()


def held(network: p.Sequential) -> bytes:
    """Return weights and states as bytes."""
    return b"".join(each.data.tobytes() for each in {**network.parameters(), **network.states()}.values())


def astray(seed: int) -> str:
    """The error names the step; the network, its file and the checkpoint have the weights of the step before."""
    rng = np.random.default_rng(seed)
    size, step = work.Size(engine="numpy" if seed % 5 == 0 else "compiled"), int(rng.integers(0, 40))
    how = {**work.settings(size), "optimizer": p.Adam(0.003)}

    def absurd(now: int, *_: int) -> float:
        return 1e45 if now == step else 1.0

    before = _Until(step)
    first = interrupted.network()
    if step:
        p.fit(first, work.images(size), callbacks=[before], progress=False, **{**how, "schedule": absurd})
    expected = before.weights if step else held(first)
    with tempfile.TemporaryDirectory() as folder:
        run, network = Path(folder, "run"), interrupted.network()
        try:
            p.fit(network, work.images(size), out=run, progress=False, **{**how, "schedule": absurd})
        except p.NonFiniteError as error:
            if f"step {step + 1} " not in str(error):
                return f"step {step + 1} went wrong, and the error says: {error}"
        else:
            return "nothing was said"
        found = checkpoint.newest(run)
        if found is None or found.state["step"] != step:
            return f"the checkpoint is not that of step {step}"
        kept = b"".join(found.file.array(f"network/{path}").tobytes() for path in
                        {**network.parameters(), **network.states()})  # fmt: skip
        if not held(network) == held(p.load(run)) == kept == expected:
            return f"the weights are not those after step {step}"
    return ""
