"""What callbacks are told, and what they see then: the network with the engine's weights, or with their averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ..errors import LostRankError
from ..network import Network
from ..serialization.fitting import held, take
from .agreement import for_all
from .callbacks import Callback
from .engine import Engine
from .state import Training


@contextmanager
def listening(listeners: Sequence[Callback], training: Training) -> Iterator[None]:
    """Tell callbacks that training begins, and later that it has ended, the last one first."""
    with ExitStack() as begun:
        for listener in listeners:
            begun.enter_context(_listening(listener, training))
        yield


@contextmanager
def _listening(listener: Callback, training: Training) -> Iterator[None]:
    listener.on_begin(training)
    try:
        yield
    except BaseException as error:
        listener.on_end(training, error)
        raise
    listener.on_end(training, None)


class Telling:
    """Tells callbacks of a step or an epoch, one after the other; where a rank is lost meanwhile, it goes on later.

    Parameters
    ----------
    moment : str
        "on_batch" or "on_epoch".
    listeners : sequence of Callback

    Attributes
    ----------
    left : list of Callback
        Who has not heard of it yet.
    """

    def __init__(self, moment: str, listeners: Sequence[Callback] = ()):
        deaf = getattr(Callback, moment)
        self._moment = moment
        self.left = [each for each in listeners if getattr(getattr(each, moment), "__func__", None) is not deaf]

    def go_on(self, training: Training, engine: Engine, lasting: bool = True) -> None:
        """Tell those that are left. They may look at the weights; at the end of an epoch they see the averaged ones,
        where there are any. What they change after a step lasts, unless it was done already.

        Raises
        ------
        LostRankError
            If a rank is lost in what one of them shares with the others, also where it keeps that to itself. All ranks
            call it again then, with the weights as they were.
        """
        of_epoch = self._moment == "on_epoch"
        with ExitStack() as seen:
            if any(of_epoch or each.sees_weights for each in self.left):
                seen.enter_context(looking(engine, lasting))
            if of_epoch and self.left:
                seen.enter_context(averaged(training.network, engine))
            while self.left:
                with _all_or_nothing(training, for_all(self.left[0])):
                    getattr(self.left[0], self._moment)(training)
                del self.left[0]


@contextmanager
def _all_or_nothing(training: Training, shared: bool) -> Iterator[None]:
    """Do what may be shared with all ranks, or not at all: where one is lost in it, the weights are as they were."""
    ranks, network = training.ranks, training.network
    if ranks is None or not (ranks.elastic and shared):
        yield
        return
    losses, before = ranks.losses, {path: each.data.copy() for path, each in held(network).items()}
    try:
        yield
        if ranks.losses > losses:
            raise LostRankError("a rank is lost")
    except LostRankError:
        take(network, before)
        raise


@contextmanager
def looking(engine: Engine, lasting: bool = True) -> Iterator[None]:
    """Let the network have the weights for a while, and take over what somebody has changed there, if that lasts."""
    engine.pull()
    try:
        yield
    finally:
        if lasting:
            engine.push()
        else:
            engine.pull()


@contextmanager
def averaged(network: Network, engine: Engine) -> Iterator[None]:
    """Let the network have the averaged weights for a while, where the optimiser keeps any."""
    parameters = network.parameters()
    trained = {path: parameters[path].data.copy() for path in engine.averages()}
    take_averages(network, engine)
    try:
        yield
    finally:
        for path, data in trained.items():
            parameters[path].data = data


def take_averages(network: Network, engine: Engine) -> None:
    """Give the network the averaged weights, where the optimiser keeps any."""
    parameters = network.parameters()
    for path, average in engine.averages().items():
        parameters[path].data = average
