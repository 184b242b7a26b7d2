"""ablations: AlexNet's four innovations, each taken away in turn from a small network like it (`miniature`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..data import Dataset
from ..errors import DataError
from ..network import Sequential
from ..optimizers import AdamW
from ..summary import summary
from ..summary.arithmetic import number
from ..training import fit
from . import activation_speed
from .crops import SIZE, centred, drawn
from .figures import Bars
from .images import CIFAR, TEST, TRAIN, Images, gather
from .miniature import CHANNELS, HIDDEN, Miniature
from .result import NOT_MEASURED, Figure, Options, Result, Section, Table
from .trials import BATCH_SIZE, SCHEDULE, Spread, Trial, accuracy, chosen, repeated, trial

RATES, EPOCHS = (0.001, 0.003), 24
WEIGHT_DECAY = 5e-4
"""That of the paper, though not with its optimiser."""

FULL = "all four"
MINIATURES: Mapping[str, Miniature] = {
    FULL: Miniature(),
    "tanh, not ReLU": Miniature(relu=False),
    "no dropout": Miniature(dropout=False),
    "no crops": Miniature(crops=False),
    "pooling of 2×2": Miniature(overlapping=False),
    "none of them": Miniature(relu=False, dropout=False, crops=False, overlapping=False),
}
QUICK = (FULL, "none of them")

ABOUT = (
    "AlexNet won the ImageNet competition of 2012 with ReLU in place of tanh, dropout, crops and mirror images for "
    "training, and pooling windows that overlap. Here is a network like it in miniature: five convolutions, the first "
    f"of 5×5 and the others of 3×3, with {', '.join(map(str, CHANNELS))} filters; pooling after the first, second and "
    f"fifth; two dense layers of {HIDDEN} units, and one of ten. It looks at {SIZE}×{SIZE} of CIFAR-10's 32×32 pixels: "
    "at a place that is drawn anew for each image and epoch, mirrored or not; for testing, and where crops are off, in "
    "the middle. Windows of 3×3 and of 2×2 leave as many places behind, as the former have padding at the end."
)


def study(options: Options) -> Result:
    """Return what the network reaches without each of the four, and how fast it learns with ReLU and tanh."""
    images = _images(options) if options.measure else None
    return Result(
        "AlexNet's innovations", (ABOUT, *_ablations(images, options), *activation_speed.sections(images, options))
    )


def _images(options: Options) -> Images:
    found, note = gather((CIFAR,), options)
    if not found:
        raise DataError(f"there is nothing to train on. {note}")
    return found[0]


# ---- each on and off


def _ablations(images: Images | None, options: Options) -> list[Section]:
    names = QUICK if options.quick else tuple(MINIATURES)
    trials = {} if images is None else {name: _trial(name, images, options) for name in names}
    learnt = {} if images is None else {name: _learnt(trial, images, options) for name, trial in trials.items()}
    rows = []
    for name in names:
        each = MINIATURES[name]
        settings = (
            "ReLU" if each.relu else "tanh", "on" if each.dropout else "off", "on" if each.crops else "off",
            "3×3" if each.overlapping else "2×2",
        )  # fmt: skip
        found = (NOT_MEASURED,) * 4
        if trials:
            its, beside = trials[name], "–"
            if name != FULL:
                beside = its.accuracy.minus(trials[FULL].accuracy).text(1, "+")
            found = (its.accuracy.text(1), beside, learnt[name].text(1), f"{its.rate:g}")
        rows.append((name, *settings, *found))
    measured = ("test images, %", "beside all four", "training images, %", "peak rate")
    columns = ("network", "activation", "dropout", "crops", "pooling", *measured)
    parameters = number(summary(Miniature().network()).totals.parameters)
    title = f"The miniature, of {parameters} parameters, without each of the four: accuracy on CIFAR-10"
    table = Table("ablations", title, columns, rows, measured=frozenset(measured))
    return [_how(options), table, *([_bars(trials, learnt)] if trials else [])]


def _how(options: Options) -> str:
    return (
        f"Trained on the first {TRAIN:,} training images, measured on the first {TEST[CIFAR]:,} test images. "
        f"{repeated(options)} AdamW with a weight decay of {WEIGHT_DECAY:g}, {EPOCHS} epochs, batches of {BATCH_SIZE}; "
        "the learning rate rises in a straight line over the first fifth of the steps, from a tenth of its peak, then "
        f"falls to 0. {chosen(RATES)} Accuracy on the training images is that on their middles, without dropout."
    )


def _trial(name: str, images: Images, options: Options) -> Trial:
    """Choose a rate for a network, then train it with every seed."""
    rates, epochs = (RATES[:1], 1) if options.quick else (RATES, EPOCHS)
    miniature = MINIATURES[name]
    train = partial(fit, batch_size=BATCH_SIZE, schedule=SCHEDULE, threads=options.threads, progress=False)

    def learn(network: Sequential, data: Dataset, rate: float, seed: int) -> None:
        optimizer = AdamW(rate, weight_decay=WEIGHT_DECAY)
        if miniature.crops:  # all epochs' crops are one epoch, in an order that was drawn with them
            train(network, drawn(data, seed, epochs), epochs=1, shuffle=False, optimizer=optimizer, seed=seed)
        else:
            train(network, centred(data), epochs=epochs, optimizer=optimizer, seed=seed)

    return trial(
        name, lambda images, seed: miniature.network(seed, images.scaling), learn, images, rates, options, centred
    )


def _learnt(trial: Trial, images: Images, options: Options) -> Spread:
    """Return the accuracy on the training images, in percent."""
    return Spread(tuple(accuracy(network, centred(images.train), options) for network in trial.networks))


def _bars(trials: Mapping[str, Trial], learnt: Mapping[str, Spread]) -> Figure:
    groups = [
        ("test images", [trial.accuracy.mean for trial in trials.values()]),
        ("training images", [learnt[name].mean for name in trials]),
    ]
    caption = (
        "Accuracy without each of the four, means over seeds. What lies between two bars of a network is what it has "
        "learnt by heart."
    )
    return Figure("ablations", caption, Bars("accuracy, %", list(trials), groups))
