"""What may listen to a training: the progress display, the run directory, and a user's own code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..arguments import shown
from ..errors import ArgumentError
from .state import Training


class Callback:
    """Base of the callbacks: override what is of interest. A plain function becomes one by `on_epoch` or `on_batch`.

    What a callback raises ends the training at once, and comes out of `fit`. Others may not have been told then, so
    there is no checkpoint of that moment: a run can be resumed from the one before. `Training.stop` and `Training.end`
    end it in order. Another method whose name begins with ``on_`` is refused by `fit`, as it would never be called.

    Examples
    --------
    >>> class StopWhenGood(Callback):
    ...     def on_epoch(self, training):
    ...         if training.history.epochs[-1]["accuracy"] > 0.99:
    ...             training.stop()
    """

    sees_weights: ClassVar[bool] = True
    """Whether `on_batch` looks at the network's weights, or changes them. Where it says False, they need not be brought
    to it after every step; and where it remembers nothing either, a run can be resumed without it."""

    for_all_ranks: ClassVar[bool] = False
    """Where several processes share a training, a callback whose `sees_weights` says False is called in the first one
    alone, unless this says True. All others are called in each, and do the same there."""

    def state(self) -> Mapping[str, Any]:
        """Return what must be remembered for a training that is resumed: by name, arrays of numbers or
        booleans, and what JSON gives back as it was: numbers, texts, booleans, None, lists, and mappings with texts as
        names."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` has returned, after `on_begin` and before the first step of a resumed training."""

    def on_begin(self, training: Training) -> None:
        """Called before the first step, in the order of the callbacks."""

    def on_batch(self, training: Training) -> None:
        """Called after every step."""

    def on_epoch(self, training: Training) -> None:
        """Called after every epoch, validation included; the history's last entry is the epoch's."""

    def on_end(self, training: Training, error: BaseException | None) -> None:
        """Called once when training ends, whether it is finished or `error` ended it.

        Not called where `on_begin` did not return. The last callback comes first, as if they stood inside each other,
        and what one of them raises does not keep the others from being called.
        """

    def on_finish(self, training: Training) -> None:
        """Called when a training has come to its end and all callbacks have had their `on_end`: the network is as it
        stays, and the run, where there is one, is saved."""


def on_epoch(function: Callable[[Training], object], *, sees_weights: bool = True) -> Callback:
    """Return a callback that calls a function after every epoch; it may stand above the function as a decorator.

    Parameters
    ----------
    function : callable
        Takes the `Training`, and sees what `Callback.on_epoch` sees. What it returns is no matter.
    sees_weights : bool, default True
        Whether it may change the network's weights. As a function has nothing to remember, a run can be resumed without
        one that does not; one that may is handed over again.

    Raises
    ------
    ArgumentError
        If it is no function.

    Examples
    --------
    >>> losses = []
    >>> on_epoch(lambda training: losses.append(training.history.epochs[-1]["loss"]), sees_weights=False)
    on_epoch(<lambda>)
    """
    return Hook("on_epoch", function, sees_weights)


def on_batch(function: Callable[[Training], object], *, sees_weights: bool = True) -> Callback:
    """Return a callback that calls a function after every step, like `on_epoch`.

    Parameters
    ----------
    function : callable
        Takes the `Training`, and sees what `Callback.on_batch` sees.
    sees_weights : bool, default True
        Whether it looks at the network's weights, or changes them. Where not, they are not brought to the network after
        every step, and a run can be resumed without it.

    Raises
    ------
    ArgumentError
        If it is no function.

    Examples
    --------
    >>> rates = []
    >>> on_batch(lambda training: rates.append(training.lr), sees_weights=False)
    on_batch(<lambda>)
    """
    return Hook("on_batch", function, sees_weights)


class Hook(Callback):
    """Calls a function at one moment of a training; `on_epoch` and `on_batch` make them."""

    def __init__(self, moment: str, function: Callable[[Training], object], sees_weights: bool = True):
        if isinstance(function, (type, Callback)) or not callable(function):
            raise ArgumentError(f"{moment}: expected a function that takes the training, received {shown(function)}")
        self._text = f"{moment}({getattr(function, '__name__', type(function).__name__)})"
        self.sees_weights = sees_weights  # type: ignore[misc]  # its own, and not that of all
        setattr(self, moment, function)

    def __repr__(self) -> str:
        return self._text
