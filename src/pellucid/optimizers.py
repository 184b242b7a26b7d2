"""Optimisers: how a gradient becomes a change of the weights. Formulas and defaults are PyTorch's.

An optimiser is plain settings; its memory (velocity, moments) belongs to the training run. Clipping and weight
averaging are settings too, because they act between the gradients and the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from .errors import ArgumentError
from .steps import Build

Learnt = tuple[int, str, int]
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
    """

    lr: float = 0.01
    _: KW_ONLY
    weight_decay: float = 0.0
    lr_scales: Mapping[str, float] | tuple[tuple[str, float], ...] = ()
    clip_norm: float | None = None
    average: float | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.lr < math.inf, "lr", "at least 0", self.lr)
        scales = self.lr_scales.items() if isinstance(self.lr_scales, Mapping) else self.lr_scales
        object.__setattr__(self, "lr_scales", tuple((str(path), float(scale)) for path, scale in scales))
        _require(self.weight_decay >= 0, "weight_decay", "at least 0", self.weight_decay)
        _require(all(scale >= 0 for _, scale in self.lr_scales), "lr_scales", "factors of at least 0", self.lr_scales)
        _require(self.clip_norm is None or self.clip_norm > 0, "clip_norm", "above 0", self.clip_norm)
        _require(self.average is None or 0 < self.average < 1, "average", "between 0 and 1", self.average)

    def lower(self, build: Build, learnt: Sequence[Learnt]) -> None:
        """Add one update of every learnt parameter."""
        self._refuse_unknown_paths([path for _, path, _ in learnt])
        factor = None
        if self.clip_norm is not None:
            factor = build.saved("clip_factor", (), "none")
            build.step("clip_factor", [grad for _, _, grad in learnt], [factor], max_norm=float(self.clip_norm))
        for weight, path, grad in learnt:
            if factor is not None:
                clipped = build.saved(f"clipped({path})", build.shape(weight), "none")
                build.step("scale_gradient", [grad, factor], [clipped])
                grad = clipped
            after = build.renewed(weight)
            self.update(build, weight, grad, after, self._scale(path))
            if self.average is not None:
                mean = build.slot("average", weight)
                inputs = [mean, after, build.scalar("step")]
                build.step("average_weight", inputs, [build.renewed(mean)], decay=self.average)

    def update(self, build: Build, weight: int, grad: int, after: int, lr_scale: float) -> None:
        """Add the steps that make the value `after` of `weight` and its gradient."""
        raise NotImplementedError

    def _scale(self, path: str) -> float:
        matching = [(len(part), scale) for part, scale in self._scales() if path == part or path.startswith(f"{part}.")]
        return max(matching)[1] if matching else 1.0

    def _scales(self) -> tuple[tuple[str, float], ...]:
        return self.lr_scales if isinstance(self.lr_scales, tuple) else tuple(self.lr_scales.items())

    def _refuse_unknown_paths(self, paths: Sequence[str]) -> None:
        for part, _ in self._scales():
            if not any(path == part or path.startswith(f"{part}.") for path in paths):
                raise ArgumentError(f"lr_scales: no trainable parameter at {part!r}; there are {', '.join(paths)}")


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
        See :class:`Optimizer`; the decay is added to the gradient.

    References
    ----------
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(0 <= self.momentum < 1, "momentum", "from 0 up to but not 1", self.momentum)
        _require(not self.nesterov or self.momentum > 0, "nesterov", "False without momentum", self.nesterov)

    def update(self, build: Build, weight: int, grad: int, after: int, lr_scale: float) -> None:
        inputs, outputs = [weight, grad, build.scalar("lr")], [after]
        if not self.momentum:
            build.step("sgd", inputs, outputs, weight_decay=float(self.weight_decay), lr_scale=lr_scale)
            return
        velocity = build.slot("velocity", weight)
        build.step(
            "sgd_momentum", [*inputs, velocity], [*outputs, build.renewed(velocity)],
            momentum=float(self.momentum), nesterov=self.nesterov, weight_decay=float(self.weight_decay),
            lr_scale=lr_scale,
        )  # fmt: skip


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: steps of about lr whatever the gradient's scale, from running means of g and g².

    Parameters
    ----------
    lr : float, default 1e-3
    betas : (float, float), default (0.9, 0.999)
        Decay of the means of g and of g².
    eps : float, default 1e-8
    weight_decay, lr_scales, clip_norm, average
        See :class:`Optimizer`; the decay is added to the gradient.

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
        object.__setattr__(self, "betas", tuple(map(float, self.betas)))
        fits = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        _require(fits, "betas", "two numbers from 0 up to but not 1", self.betas)
        _require(self.eps > 0, "eps", "above 0", self.eps)

    def update(self, build: Build, weight: int, grad: int, after: int, lr_scale: float) -> None:
        moments = [build.slot("first_moment", weight), build.slot("second_moment", weight)]
        inputs = [weight, grad, build.scalar("lr"), build.scalar("step"), *moments]
        outputs = [after, *map(build.renewed, moments)]
        build.step(
            self.kind, inputs, outputs,
            beta1=self.betas[0], beta2=self.betas[1], eps=float(self.eps), weight_decay=float(self.weight_decay),
            lr_scale=lr_scale,
        )  # fmt: skip


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with the weight decay taken off the weight itself: ``w ← w − lr·weight_decay·w`` before Adam's step.

    Parameters as for :class:`Adam`, but `weight_decay` is 0.01 by default.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.
    """

    weight_decay: float = 0.01
    kind: ClassVar[str] = "adamw"


def _require(fits: bool, name: str, wanted: str, received: object) -> None:
    if not fits:
        raise ArgumentError(f"{name}: expected {wanted}, received {received!r}")
