"""Watching a network learn: a callback that opens the page while it trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ..data import as_dataset
from ..errors import StateError
from ..inputs import Data
from ..training import Callback, Training
from ..training.saving import Checkpoints
from .bench import Bench
from .learning.course import Course
from .learning.following import Following
from .learning.moments import Moment, Moments, affordable, planned, training_of
from .serving.server import Server, bound, needed

POINT_SECONDS = 0.1
"""Between two points of a curve, at least."""
WHERE = "the training runs, which prints it when it is done"
MOST_SAMPLES = 1000
"""Images of the data that the page has: all would take processors from the training."""


class Live(Callback):
    """Opens the page as training begins: curves, filters and maps while they become what they are.

    On the page training can be paused, done step by step, and its learning rate be changed; what is looked at there
    changes nothing, and the weights come out as without it, to the last bit. Some moments are kept to look back at, in
    the folder ``view`` of the run where there is one. After the training, also where an error has ended it, the page
    stays for as long as the program runs; `wait` keeps it up, Ctrl-C ends it.

    Parameters
    ----------
    data : Dataset or (images, labels), optional
        Images to choose from: the first thousand; by default those that are validated with, or else trained on.
    part : str
        What they are, such as "test".
    title : str
        What the page calls the network.
    port : int, default 0
        Of this machine; by default one that is free. One that is named is taken at once.
    browser : bool, default True
        Whether to open the page; else its address is printed.
    say : callable, default print
        Told the address, and how the page is ended.

    Attributes
    ----------
    server : Server or None
        As long as the page is there.
    following : Following
        What is known of the training, once it has begun.

    Raises
    ------
    MissingExtraError
        If starlette, uvicorn or websockets is not installed.
    StorageError
        If the port is taken.

    Examples
    --------
    >>> live = Live(browser=False)
    >>> # p.fit(network, train, callbacks=[live])
    >>> # live.wait()
    """

    sees_weights = False
    following: Following

    def __init__(
        self,
        data: Data | None = None,
        *,
        part: str = "",
        title: str = "training",
        port: int = 0,
        browser: bool = True,
        say: Callable[[str], object] = print,
    ):
        needed()
        self._data = None if data is None else as_dataset(data)
        self._part, self._title, self._port, self._browser, self._say = part, title, port, browser, say
        self.server: Server | None = None
        self._newest = ""  # what was said of the address that is good now
        self._bound = bound(port) if port else None  # a port that is taken is refused before anything begins

    def __repr__(self) -> str:
        return f"Live(title={self._title!r}, port={self._port})"

    def on_begin(self, training: Training) -> None:
        at, self._bound = self._bound or self._port, None  # not let go of: another program could take it
        self.close()
        network = deepcopy(training.network)
        moments = Moments(None if training.run is None else training.run.folder)
        self.following = Following(network, Course(training.total_steps, training.steps_per_epoch), moments, "training")
        self._bench = self._shown(training, network)
        self._planned: frozenset[int] = frozenset()
        self._began, self._next = False, 0.0
        self._first = None if training.resumed else {name: each.data.copy() for name, each in _held(network).items()}
        server = Server(self._bench, port=at, say=self._used, where=WHERE)
        server.start()
        self.server = server
        self.following.begin()
        self.server.invite(self._say, browser=self._browser, words="watch it learn:")

    def on_batch(self, training: Training) -> None:
        following = self.following
        if not self._began:
            self._begin(training)
        self._multiply_lr(training)
        if following.wanted or training.step in self._planned:
            self._leave(training)
        if time.monotonic() >= self._next:
            self._measure(training)
        if following.controls.paused:
            self._pause(training)

    def on_epoch(self, training: Training) -> None:
        self._measure(training)

    def on_end(self, training: Training, error: BaseException | None) -> None:
        self._measure(training)
        self.following.end()
        if error is None:
            return
        self._bench.renew(training.network)
        failed = isinstance(error, Exception)  # else somebody has ended it
        self.following.ending = f"{type(error).__name__}: {error}" if failed else ""
        self.following.state = "interrupted"
        if not failed or not training.step:
            self.close()

    def on_finish(self, training: Training) -> None:
        self._bench.renew(training.network)
        self.following.state = "finished"  # told when the page can have what it came to

    def wait(self) -> None:
        """Keep the page up until Ctrl-C, and end it."""
        if self.server is None:
            raise StateError("wait: the page is not open; training opens it")
        self._say("the page stays open until Ctrl-C")
        if self._newest:
            self._say(self._newest)
        try:
            self.server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """End the page."""
        if self.server is not None:
            self.server.close()
        if self._bound is not None:
            self._bound.close()
        self.server = self._bound = None

    def _used(self, words: str) -> None:
        """Say the address for another browser, at once: who has lost the page while it trains needs it."""
        self._newest = words
        self._say(words)

    def _shown(self, training: Training, network: Any) -> Bench:
        """Return the bench that the page shows, with some images on it."""
        data, part = self._data, self._part
        if data is None:
            validation = training.settings.validation
            data, part = (training.data, "training") if validation is None or isinstance(validation, float) else (
                validation, "validation",
            )  # fmt: skip
        held_out = part not in ("", "training")
        if (images := len(data)) > MOST_SAMPLES:
            data = data.subset(range(MOST_SAMPLES))
        bench = Bench(network, self._title, data, part, held_out=held_out, of=images)
        bench.following = self.following
        name = bench.put(bench.sample(0))
        self.following.image = name, bench.image(name)
        return bench

    def _begin(self, training: Training) -> None:
        """Note what there is at the first step that is heard of, which of a resumed training is a later one."""
        following = self.following
        self._began = True
        if training.run is not None and isinstance(training.run.checkpoints, Checkpoints):
            following.moments.training = training_of(training.run.checkpoints.begun["config"])
        following.moments.forget_after(training.step - 1 if self._first is None else -1)
        others = following.moments.of_another()
        following.kept = set(following.moments.steps()).difference(others)
        following.rates = list(training.rates)
        if self._first is None:
            following.course.go_on(training)
        else:
            first = Moment(0, self._first)
            following.newest, self._planned = first, frozenset(self._plan(training, first))
            if self._planned:
                following.to_keep.append(first)
            self._first = None
        if not self._planned:
            self._planned = frozenset(self._plan(training, self._moment(training)))

    @staticmethod
    def _plan(training: Training, moment: Moment) -> tuple[int, ...]:
        return planned(training.total_steps, affordable(moment.bytes))

    def _leave(self, training: Training) -> None:
        """Leave a copy of the weights for those who look, or to be kept."""
        following, moment = self.following, self._moment(training)
        following.newest, following.wanted = moment, False
        if training.step in self._planned:
            following.to_keep.append(moment)

    @staticmethod
    def _moment(training: Training) -> Moment:
        if training.engine is None:
            raise StateError("the training has no engine")
        return Moment(training.step, training.engine.weights())

    def _measure(self, training: Training) -> None:
        """Leave what was measured."""
        following = self.following
        if training.step == 0:
            return
        following.course.measure(training)
        following.step, following.lr, following.loss = training.step, training.lr, training.history.batches[-1]
        self._next = time.monotonic() + POINT_SECONDS

    def _pause(self, training: Training) -> None:
        """Hold the training until the page lets it go on, or it is to end."""
        self._leave(training)
        self._measure(training)
        began, let_go = time.perf_counter(), False

        def over() -> bool:
            training.hold()
            return training.ending is not None or training.stopping

        while not let_go:
            let_go = self.following.controls.hold(over)
            self._multiply_lr(training)  # also what was asked for just before it was let go
        training.held += time.perf_counter() - began

    def _multiply_lr(self, training: Training) -> None:
        """Let the learning rate be what was asked for."""
        factor = self.following.controls.factor()
        if factor is not None:
            training.multiply_lr(factor)
            self.following.rates = list(training.rates)


def _held(network: Any) -> dict[str, Any]:
    return {**network.parameters(), **network.states()}
