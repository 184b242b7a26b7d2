"""Rules for what makes images anew at every epoch, and mixes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...definitions.augment import COSINE, GREY, SINE
from ...definitions.mixup import shares
from ..fusion import Operation
from ..kernels import augment, mixup
from ..lowering import Lowering, Rule


def _images(emitter: Callable[..., None], *attributes: str) -> Rule:
    """Return the rule of a kernel that is told the images' size and channels, and the step's attributes."""

    def rule(low: Lowering, op: Operation) -> None:
        channels, *size = low.shape(op.outputs[0])
        told = (op.step.keywords[name] for name in attributes)
        low.call(op, emitter, (tuple(size), channels, *told), *map(low.operand, (*op.step.inputs, op.outputs[0])))

    return rule


def _affine(low: Lowering, op: Operation) -> None:
    channels, *size = low.shape(op.outputs[0])
    told = (op.step.keywords[name] for name in ("shift", "rotate", "scale", "shear", "fill", "ordinal"))
    parameters = (tuple(size), channels, *told, (SINE, COSINE))
    low.call(op, augment.affine, parameters, *map(low.operand, (*op.step.inputs, op.outputs[0])))


def _colour_jitter(low: Lowering, op: Operation) -> None:
    how, size = op.step.keywords, low.shape(op.outputs[0])[1:]
    strengths = how["brightness"], how["contrast"], how["saturation"]
    parameters = size, strengths, how["mean"], how["std"], GREY, how["ordinal"]
    low.call(op, augment.colour_jitter, parameters, *map(low.operand, (*op.step.inputs, op.outputs[0])))


def _mixing(emitter: Callable[..., None], size: Callable[[Lowering, Operation], int]) -> Rule:
    """Return the rule of a kernel that reads the whole data set, and is told a size."""

    def rule(low: Lowering, op: Operation) -> None:
        data, how = op.step.inputs[0], op.step.keywords
        parameters = size(low, op), low.element(data), how["ordinal"], tuple(shares(how["alpha"]).tolist())
        count = low.given(f"{low.values[data].name}.count")
        low.call(op, emitter, parameters, *map(low.operand, op.step.inputs), count, low.operand(op.outputs[0]))

    return rule


RULES: Mapping[str, Rule] = {
    "crop": _images(augment.crop, "padding", "fill", "ordinal"),
    "flip": _images(augment.flip, "p", "ordinal"),
    "affine": _affine,
    "colour_jitter": _colour_jitter,
    "cutout": _images(augment.cutout, "size", "fill", "ordinal"),
    "mixup": _mixing(mixup.mixup, lambda low, op: low.size(op.step.inputs[0])),
    "mixup_classes": _mixing(mixup.mixup_classes, lambda low, op: int(op.step.keywords["classes"])),
}
