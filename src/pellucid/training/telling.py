"""What callbacks are told, and what they see then: the network with the engine's weights, or with their averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

from ..network import Network
from .callbacks import Callback, Training
from .engine import Engine


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


def tell_of_batch(training: Training, engine: Engine, listeners: Sequence[Callback]) -> None:
    """Tell callbacks that a step is done; those that may look at the weights, or change them, can."""
    told = [each for each in listeners if getattr(each.on_batch, "__func__", None) is not Callback.on_batch]
    with looking(engine) if any(listener.sees_weights for listener in told) else nullcontext():
        for listener in told:
            listener.on_batch(training)


def tell_of_epoch(training: Training, engine: Engine, listeners: Sequence[Callback]) -> None:
    """Tell callbacks that an epoch is done; they see the averaged weights, where there are any."""
    with looking(engine), averaged(training.network, engine):
        for listener in listeners:
            listener.on_epoch(training)


@contextmanager
def looking(engine: Engine) -> Iterator[None]:
    """Let the network have the weights for a while, and take over what somebody has changed there."""
    engine.pull()
    try:
        yield
    finally:
        engine.push()


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
