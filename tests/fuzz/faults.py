"""Kernels that are wrong on purpose: what looks for faults must find theirs."""

from __future__ import annotations

from pellucid.compiler.builder import Kernel


def copy(k: Kernel, shift: int = 0, written: int = 0) -> None:
    """``y[i + written] = x[i + shift]`` for 40 numbers of each sample, whether or not they exist."""
    x, y = k.tensor("x", k.samples, 40), k.tensor("y", k.samples, 40)
    with k.range(*k.piece("images", k.samples)) as n, k.range(0, 40) as i:
        y.store(x.load(n, i + shift, lanes=1), n, i + written)
