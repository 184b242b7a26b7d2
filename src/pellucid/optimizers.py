"""Optimisers: how a gradient becomes a change of the weights. Formulas and defaults are PyTorch's.

An optimiser is plain settings; its memory (velocity, moments) belongs to the training run. Clipping and weight
averaging are settings too, because they act between the gradients and the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np

from .arguments import Wanted, look_up, nearest_or_all, number, shown
from .errors import ArgumentError
from .steps import Build

Learnt: TypeAlias = tuple[int, str, int]
"""A parameter's value, its path, and the value of its gradient."""


@dataclass(frozen=True)
class Optimizer:
    """What all optimisers share.

    Parameters
    ----------
    lr : float
        Learning rate; a schedule multiplies it.
    weight_decay : float, default 0
    lr_scales : mapping of str to float, optional
        Factors on the learning rate for layers by path: ``{"conv1": 0.1}`` holds for conv1 and all inside it. The
        longest matching path counts.
    clip_norm : float, optional
        Where the norm of all gradients together exceeds this, they are scaled down to it.
    average : float, optional
        Keep an exponential average of the weights with this decay, such as 0.999: validation and the trained network
        use the averages.

    Raises
    ------
    ArgumentError
        If a setting makes no sense; on lowering, if a path in `lr_scales` leads to no trainable parameter.
    """

    lr: float = 0.01
    _: KW_ONLY
    weight_decay: float = 0.0
    lr_scales: Mapping[str, float] = field(default_factory=dict, hash=False)
    clip_norm: float | None = None
    average: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.lr_scales, Mapping):
            raise ArgumentError(f"lr_scales: expected a mapping such as {{'conv1': 0.1}}, received {self.lr_scales!r}")
        scales = {
            str(path): number(scale, f"lr_scales[{path!r}]", "a number of at least 0")
            for path, scale in self.lr_scales.items()
        }
        object.__setattr__(self, "lr_scales", scales)
        self._check("lr", "a number of at least 0")
        self._check("weight_decay", "a number of at least 0")
        if self.clip_norm is not None:
            self._check("clip_norm", "a number above 0")
        if self.average is not None:
            self._check("average", "a number between 0 and 1")

    def _check(self, name: str, wanted: Wanted) -> None:
        """Refuse a setting that is no such number, or keep it as Python's own float."""
        object.__setattr__(self, name, number(getattr(self, name), name, wanted))

    def lower(self, build: Build, learnt: Sequence[Learnt]) -> None:
        """Add one update of every learnt parameter: clipping, the optimiser's own step, and averaging."""
        lr_scales = self.factors([path for _, path, _ in learnt])
        factor = self._clip_factor(build, [grad for _, _, grad in learnt])
        for weight, path, grad in learnt:
            if factor is not None:
                clipped = build.saved(f"clipped({path})", build.shape(weight), "none")
                build.step("scale_gradient", [grad, factor], [clipped])
                grad = clipped
            after = build.renewed(weight)
            self.update(build, weight, grad, after, lr_scales[path])
            if self.average is not None:
                mean = build.slot("average", weight)
                inputs = [mean, after, build.scalar("step")]
                build.step("average_weight", inputs, [build.renewed(mean)], decay=self.average)

    def factors(self, paths: Sequence[str]) -> dict[str, float]:
        """Return each parameter's factor on the learning rate, by the longest of the `lr_scales` paths that hold it.

        Raises
        ------
        ArgumentError
            If one of those holds no parameter of `paths`.
        """
        factors = dict.fromkeys(paths, 1.0)
        for outer in sorted(self.lr_scales, key=len):
            inside = [path for path in paths if path == outer or path.startswith(f"{outer}.")]
            if not inside:
                layers = ", ".join(sorted({path.partition(".")[0] for path in paths}))
                raise ArgumentError(f"lr_scales: no trainable parameter at {shown(outer)}; there are {layers}")
            factors.update(dict.fromkeys(inside, self.lr_scales[outer]))
        return factors

    def update(self, build: Build, weight: int, grad: int, after: int, lr_scale: float) -> None:
        """Add the steps that make `after`, the new weight, from `weight` and its gradient `grad`."""
        raise NotImplementedError(f"{type(self).__name__} does not define update")

    def _clip_factor(self, build: Build, grads: Sequence[int]) -> int | None:
        """Return the value that all gradients are multiplied with, if there is any clipping."""
        if self.clip_norm is None:
            return None
        factor = build.saved("clip_factor", (), "none")
        build.step("clip_factor", grads, [factor], max_norm=self.clip_norm)
        return factor


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: ``v ← momentum·v + g;  w ← w − lr·v``.

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate.
    momentum : float, default 0
    nesterov : bool, default False
        Look ahead: ``w ← w − lr·(g + momentum·v)``.
    weight_decay, lr_scales, clip_norm, average
        See `Optimizer`; the decay is added to the gradient.

    References
    ----------
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9, lr_scales={"conv1": 0.1}).momentum
    0.9
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("momentum", "a number from 0 up to but not 1")
        if not isinstance(self.nesterov, (bool, np.bool_)):
            raise ArgumentError(f"nesterov: expected True or False, received {shown(self.nesterov)}")
        object.__setattr__(self, "nesterov", bool(self.nesterov))
        if self.nesterov and not self.momentum:
            raise ArgumentError("nesterov: looks ahead along the momentum, and there is none; give momentum=0.9")

    def update(self, build: Build, weight: int, grad: int, after: int, lr_scale: float) -> None:
        inputs = [weight, grad, build.scalar("lr")]
        if not self.momentum:
            build.step("sgd", inputs, [after], weight_decay=self.weight_decay, lr_scale=lr_scale)
            return
        velocity = build.slot("velocity", weight)
        build.step(
            "sgd_momentum", [*inputs, velocity], [after, build.renewed(velocity)],
            momentum=self.momentum, nesterov=self.nesterov, weight_decay=self.weight_decay, lr_scale=lr_scale,
        )  # fmt: skip


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: steps of about lr whatever the gradient's scale, from running means of g and g².

    ``m ← β₁·m + (1−β₁)·g;  v ← β₂·v + (1−β₂)·g²;  w ← w − lr·m̂/(√v̂ + eps)``, where m̂ and v̂ make up for the beginning
    at 0.

    Parameters
    ----------
    lr : float, default 1e-3
    betas : (float, float), default (0.9, 0.999)
        Decay of the means of g and of g².
    eps : float, default 1e-8
    weight_decay, lr_scales, clip_norm, average
        See `Optimizer`; the decay is added to the gradient.

    References
    ----------
    D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    kind: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.betas, str) or not isinstance(self.betas, Sequence) or len(self.betas) != 2:
            raise ArgumentError(f"betas: expected two numbers, received {self.betas!r}")
        betas = tuple(number(beta, "betas", "a number from 0 up to but not 1") for beta in self.betas)
        object.__setattr__(self, "betas", betas)
        self._check("eps", "a number above 0")

    def update(self, build: Build, weight: int, grad: int, after: int, lr_scale: float) -> None:
        moments = [build.slot("first_moment", weight), build.slot("second_moment", weight)]
        inputs = [weight, grad, build.scalar("lr"), build.scalar("step"), *moments]
        beta1, beta2 = self.betas
        build.step(
            self.kind, inputs, [after, *map(build.renewed, moments)],
            beta1=beta1, beta2=beta2, eps=self.eps, weight_decay=self.weight_decay, lr_scale=lr_scale,
        )  # fmt: skip


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the weight decay taken off the weight itself: ``w ← w − lr·weight_decay·w`` before Adam's step.

    Parameters as for `Adam`, but `weight_decay` is 0.01 by default.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.
    """

    _: KW_ONLY
    weight_decay: float = 0.01
    kind: ClassVar[str] = "adamw"


KINDS: Mapping[str, type[Optimizer]] = MappingProxyType({kind.__name__: kind for kind in (SGD, Adam, AdamW)})
"""The classes, by their names, as a run's config has them."""

NAMES: Mapping[str, tuple[type[Optimizer], Mapping[str, Any]]] = MappingProxyType(
    {
        "adam": (Adam, {}),
        "adamw": (AdamW, {}),
        "sgd": (SGD, {}),
        "momentum": (SGD, {"momentum": 0.9}),
        "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    }
)
"""Name -> class, and the settings that the name says beside it."""


def by_name(name: str, **settings: Any) -> Optimizer:
    """Return the optimiser of this name.

    Parameters
    ----------
    name : str
        One of `NAMES`; capitals, dashes and underscores do not matter.
    **settings
        Arguments of its class; they go before what the name says.

    Raises
    ------
    ArgumentError
        If there is no such name or setting, and the message suggests the nearest; or if a setting makes no sense.

    Examples
    --------
    >>> by_name("nesterov", lr=0.1) == SGD(0.1, momentum=0.9, nesterov=True)
    True
    """
    kind, said = look_up(name, NAMES, "optimiser")
    known = [each.name for each in fields(kind)]
    for setting in settings:
        if setting not in known:
            raise ArgumentError(f"{setting:.80}: {kind.__name__} has no such setting{nearest_or_all(setting, known)}")
    return kind(**{**said, **settings})
