"""One number of a normalisation: by the running statistics of its channel, by what stands beside it in the sample, or
by the squares of its neighbours."""

from __future__ import annotations

import numpy as np

from .cell import Cell
from .made import Made, digits


def batch_norm_running(cell: Cell) -> Made:
    """``y = weight · (x − mean) / √(variance + eps) + bias``, all but x being the channel's own

    That is a straight line in x, ``y = a·x + b`` with ``a = weight / √(variance + eps)`` and ``b = bias − a·mean``: the
    term and the constant.
    """
    x, eps = cell.number(0, cell.index), cell.keywords["eps"]
    mean, variance, weight, bias = (float(each[cell.index[0]]) for each in cell.inputs[1:])
    deviation = float(np.sqrt(variance + eps))
    y = weight * ((x - mean) / deviation) + bias
    a = weight / deviation
    b = bias - a * mean
    written = (
        f"{digits(weight)}·({digits(x)} − {digits(mean)}) / √({digits(variance)} + {digits(eps)}) + {digits(bias)} "
        f"= {digits(a)}·{digits(x)} + {digits(b)} = {digits(y)}"
    )
    numbers = {"x": x, "mean": mean, "variance": variance, "eps": eps, "weight": weight, "bias": bias}
    return Made(
        "y = weight · (x − mean) / √(variance + eps) + bias",
        y,
        cell.alone(cell.index, a * x),
        numbers,
        ["y = weight * (x - mean) / np.sqrt(variance + eps) + bias"],
        {**numbers, "normalised": (x - mean) / deviation, "a": a, "b": b, "written": written,
         "from": cell.source(0, cell.index)},
        b,
        passed=abs(a) * (abs(x) + abs(mean)) + abs(bias),
    )  # fmt: skip


def local_response_norm(cell: Cell) -> Made:
    """``y[c] = x[c] · s^−beta``, ``s = k + alpha/size · Σ x[j]²`` over j from c − ⌊size/2⌋, `size` channels in all

    The number itself is the only term; its neighbours stand in s, by which it is divided.
    """
    size, alpha, beta, k = (cell.keywords[name] for name in ("size", "alpha", "beta", "k"))
    maps, (channel, *place) = cell.inputs[0], cell.index
    first = channel - size // 2
    seen = np.arange(max(first, 0), min(first + size, len(maps)))
    neighbours = maps[(seen, *place)].astype(np.float64)
    x, total = cell.number(0, cell.index), float((neighbours**2).sum())
    s = k + alpha / size * total
    y = float(x * np.float64(s) ** -beta)
    written = (
        f"{digits(x)} · ({digits(k)} + {digits(alpha)}/{size} · {digits(total)})^−{digits(beta)} "
        f"= {digits(x)} · {digits(s)}^−{digits(beta)} = {digits(y)}"
    )
    settings = {"size": size, "alpha": alpha, "beta": beta, "k": k}
    fits = total <= float(np.finfo(maps.dtype).max)  # else the network, which adds up in its own dtype, divides by inf
    return Made(
        "y[c] = x[c] · (k + alpha/size · Σ j x[j]²)^−beta, j from c − ⌊size/2⌋, size channels",
        y,
        cell.alone(cell.index, y),
        {"x": x, "neighbours": neighbours, **settings},
        ["s = k + alpha / size * (neighbours**2).sum()", "y = x * s**-beta"],
        {"x": x, "channels": seen, "neighbours": neighbours, "squares": neighbours**2, "sum": total, "s": s,
         "outside": size - len(seen), "written": written, **settings},
        passed=0.0 if fits else np.inf,
    )  # fmt: skip


def standardize(cell: Cell) -> Made:
    """``y = (x − mean) / √(variance + eps)``, with mean and variance of the run of the sample's numbers that x is in

    As if both were given it is ``y = x/s − mean/s``: the term and the constant. All numbers of the run stand in them.
    """
    (maps,), runs, eps = cell.inputs, cell.keywords["runs"], cell.keywords["eps"]
    count = maps.size // runs
    number = int(np.ravel_multi_index(cell.index, maps.shape)) // count
    run = maps.reshape(runs, count)[number].astype(np.float64)
    mean, variance = float(run.mean()), float(run.var())
    deviation, x = float(np.sqrt(variance + eps)), cell.number(0, cell.index)
    y = (x - mean) / deviation
    written = f"({digits(x)} − {digits(mean)}) / √({digits(variance)} + {digits(eps)}) = {digits(y)}"
    return Made(
        "y = (x − mean) / √(variance + eps), over the numbers of a run",
        y,
        cell.alone(cell.index, x / deviation),
        {"x": x, "run": run, "eps": eps},
        ["y = (x - run.mean()) / np.sqrt(run.var() + eps)"],
        {"x": x, "mean": mean, "variance": variance, "eps": eps, "run": number, "count": count, "written": written,
         "from": cell.source(0, cell.index)},
        -mean / deviation,
    )  # fmt: skip
