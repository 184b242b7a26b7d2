"""Definitions, gradient rules and the steps of real programs know the same kinds: nothing missing, nothing dead."""

import pytest

import pellucid as p
from pellucid.compiler.rules import RULES as KERNEL_RULES
from pellucid.data.augment import KINDS
from pellucid.definitions import DEFINITIONS, WITHOUT_KERNEL
from pellucid.differentiation import RULES
from pellucid.layers import Layer
from pellucid.optimizers import Optimizer

# Kinds of forward steps that no gradient flows through, and why.
NO_GRADIENT = {
    "gather": "chooses from the data set",
    **dict.fromkeys(("crop", "flip", "affine", "colour_jitter", "cutout"), "comes before all that learns"),
    **dict.fromkeys(("mixup", "mixup_classes"), "comes before all that learns"),
    "batch_statistics": "the gradient of batch_norm accounts for them",
    "running_statistics": "are for later",
    "total_weight": "depends on the targets and sample weights only",
    "total_class_weight": "depends on the targets and sample weights only",
    "count_correct": "is a measurement",
    **dict.fromkeys(("sgd", "sgd_momentum", "adam", "adamw"), "comes after the gradients"),
    **dict.fromkeys(("clip_factor", "scale_gradient", "average_weight"), "comes after the gradients"),
}


# Kinds of forward steps whose gradient is no step of their own, and why.
NO_STEP_OF_ITS_OWN = {
    "add": "the gradient of a sum is that of each term",
    "pad_channels": "as if zeros had been joined to its input: concat.grad_input",
    "slice_channels": "what was left out has the gradient 0: pad_channels",
    **dict.fromkeys(("reshape", "transpose"), "is undone by a step of its own kind"),
}


class Doubled(Layer):
    """A layer of a user's own, which has no kind but "custom"."""

    def output_shape(self, input_shape):
        return input_shape


def every_layer() -> p.Sequential:
    activations = [p.ReLU(), p.LeakyReLU(), p.ReLU6(), p.Sigmoid(), p.Tanh(), p.Softmax(), Doubled()]
    activations += [p.Clip(-2, 2), p.HardSigmoid(), p.HardSwish(), p.ELU(), p.SiLU(), p.Softplus(), p.GELU()]
    learned = [p.PReLU(), p.Bias((2, 1, 1)), p.Bias((8, 8)), p.Gain((2, 1, 1)), p.Gain((8, 8)), p.LogSoftmax()]
    moved = [p.Reshape((4, 32)), p.Reshape((2, 8, 8)), p.Transpose((1, 3, 2)), p.Pad((0, 1, 1)), p.Slice(2, 1, 9),
             p.Slice(3, 1, 9), p.Concat(p.Mean((1,), keepdims=True), p.Slice(1, 0, 1))]  # fmt: skip
    convolutions = [
        p.Conv2d(2, 2, 3, padding=1),
        p.ConvTranspose2d(2, 2, 1),
        p.BatchNorm2d(2),
        *activations,
        *[p.LayerNorm(8), p.GroupNorm(1, 2)],
        *learned,
        *moved,
    ]
    pools = [
        p.Upsample(scale_factor=2),
        p.Upsample(size=8, mode="bilinear"),
        p.MaxPool2d(2),
        p.AvgPool2d(2),
        p.AdaptiveAvgPool2d(2),
        p.AdaptiveMaxPool2d(2),
    ]
    gate = {"a": (p.AdaptiveAvgPool2d(1), "input"), "b": (p.joins.Multiply(), "input", "a")}
    scores = {"a": (p.Sigmoid(), "input"), "b": (p.joins.Divide(), "input", "a"), "c": (p.joins.MatMul(), "b", "a")}
    merged = [
        p.Graph(gate),
        p.Graph(scores),
        p.Residual(p.LocalResponseNorm(3)),
        p.Concat(p.Dropout(), p.Sequential([p.Tanh()])),
        p.PadChannels(1, 0),
    ]
    return p.Sequential([*convolutions, *pools, *merged, p.Flatten(), p.Linear(20, 3)], input_shape=(2, 8, 8))


def augmentations() -> list[p.augment.Augmentation]:
    """One of each kind, those first that mix."""
    return sorted((kind() for kind in KINDS.values()), key=lambda each: not each.mixes)


def programs() -> list[p.Program]:
    network, frozen = every_layer(), {"training": False, "input_gradient": True}
    colours = p.Sequential([p.Flatten(), p.Linear(192, 3)], input_shape=(3, 8, 8))
    return [
        p.lower(
            network, loss=p.CrossEntropy(), optimizer=p.SGD(clip_norm=1, average=0.9), weighted=True, resident=True
        ),
        p.lower(network, loss=p.CrossEntropy(class_weights=(1, 2, 3)), optimizer=p.SGD(momentum=0.9)),
        p.lower(network, loss=p.MeanSquaredError(), target_shape=(3,), optimizer=p.Adam()),
        p.lower(network, loss=p.CrossEntropy(), optimizer=p.AdamW()),
        p.lower(network, loss=p.CrossEntropy(), **frozen),
        p.lower(colours, training=True, loss=p.CrossEntropy(), resident=True, augment=augmentations()),
    ]


def test_every_kind_has_a_gradient_rule_or_a_reason_to_have_none() -> None:
    forward = {kind for kind in DEFINITIONS if ".grad" not in kind}
    assert forward == RULES.keys() | NO_GRADIENT.keys()
    assert not RULES.keys() & NO_GRADIENT.keys()


@pytest.mark.parametrize("kind", sorted(RULES.keys() - NO_STEP_OF_ITS_OWN.keys()))
def test_a_kind_with_a_rule_has_definitions_of_its_gradients(kind: str) -> None:
    own = [name for name in DEFINITIONS if name.startswith(f"{kind}.grad")]
    assert own, f"{kind} has a rule, but there is no {kind}.grad_input or its like in DEFINITIONS"


def test_kinds_that_no_kernel_does_are_named() -> None:
    assert DEFINITIONS.keys() - KERNEL_RULES.keys() == WITHOUT_KERNEL
    assert KERNEL_RULES.keys() <= DEFINITIONS.keys()


def test_programs_use_every_definition_and_nothing_else() -> None:
    used = {step.kind for program in programs() for step in program.steps}
    assert sorted(used - DEFINITIONS.keys()) == []
    assert sorted(DEFINITIONS.keys() - used) == []


def subclasses(kind: type) -> set[type]:
    """All classes of the package below `kind`, those excepted that are bases of others."""
    below = {inner for child in kind.__subclasses__() for inner in subclasses(child) | {child}}
    return {each for each in below if each.__module__.startswith("pellucid.")}


def test_every_layer_and_optimiser_takes_part() -> None:
    """So that the programs above really have every kind that anything can become."""
    bases = {each for each in subclasses(Layer) if subclasses(each)}
    missing = subclasses(Layer) - bases - {type(layer) for _, layer in every_layer().walk()}
    assert sorted(each.__name__ for each in missing) == []
    updates = {step.kind for program in programs() for step in program.steps[program.backward :]}
    assert updates >= {each.__name__.lower() for each in subclasses(Optimizer)}


def test_every_gradient_kind_comes_from_a_rule() -> None:
    backward = {kind for kind in DEFINITIONS if ".grad" in kind}
    made = {step.kind for program in programs() for step in program.steps[program.forward : program.backward]}
    assert sorted(backward - made) == []
    assert {kind.partition(".grad")[0] for kind in backward} == RULES.keys() - NO_STEP_OF_ITS_OWN.keys()


def test_a_function_is_named_after_its_kind() -> None:
    assert {kind: function.__name__ for kind, function in DEFINITIONS.items()} == {
        kind: kind.replace(".", "_") for kind in DEFINITIONS
    }
