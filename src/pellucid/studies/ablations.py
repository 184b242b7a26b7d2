"""ablations: AlexNet's four innovations, each taken away in turn from a small network like it (`miniature`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..data import Dataset
from ..network import Sequential
from ..optimizers import AdamW
from ..training import fit
from . import activation_speed
from .amounts import grouped
from .crops import SIZE, centred, drawn
from .figures import Bars
from .images import CHANCE, SHAPES, Images, gather
from .miniature import CHANNELS, HIDDEN, Miniature
from .protocol import CIFAR, Protocol
from .result import NOT_MEASURED, Figure, Options, Result, Section, Table, quick_note
from .small_networks import sizes
from .trials import Outcome, Spread, accuracy, bars, choose_and_train

RATES, EPOCHS = (0.001, 0.003), 40
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
    "the middle. Windows of 3×3 and of 2×2 give equally many outputs, as the former have padding at the end."
)


def study(options: Options) -> Result:
    """Return what the network reaches without each of the four, and how fast it learns with ReLU and tanh."""
    protocol = Protocol.of(RATES, EPOCHS, options)
    images = gather((CIFAR,), protocol, options)[0][0] if options.measure else None
    note = quick_note(options, f"some of the networks, {protocol.brief}")
    sections = *note, ABOUT, *_ablations(images, protocol, options), *activation_speed.sections(images, options)
    return Result("AlexNet's innovations", sections)


# ---- each on and off


def _ablations(images: Images | None, protocol: Protocol, options: Options) -> list[Section]:
    names = QUICK if options.quick else tuple(MINIATURES)
    outcomes = {} if images is None else {name: _train(name, images, protocol, options) for name in names}
    learnt = {} if images is None else {name: _learnt(each, images, options) for name, each in outcomes.items()}
    rows = []
    for name in names:
        each = MINIATURES[name]
        settings = (
            "ReLU" if each.relu else "tanh", "on" if each.dropout else "off", "on" if each.crops else "off",
            "3×3" if each.overlapping else "2×2",
        )  # fmt: skip
        found = (NOT_MEASURED,) * 4
        if outcomes:
            its, change = outcomes[name], "–"
            if name != FULL:
                change = its.accuracy.minus(outcomes[FULL].accuracy).text(1, "+")
            found = (its.accuracy.text(1), change, learnt[name].text(1), str(its.chosen))
        rows.append((name, *settings, *found))
    measured = ("test images, %", "change from all four", "training images, %", "peak rate")
    columns = ("network", "activation", "dropout", "crops", "pooling", *measured)
    parameters = grouped(sizes(Miniature().network(SHAPES[CIFAR])).parameters)
    title = f"The miniature, of {parameters} parameters, without each of the four: accuracy on CIFAR-10"
    table = Table("ablations", title, columns, rows, measured=frozenset(measured))
    return [_how(protocol), table, *([_bars(outcomes, learnt)] if outcomes else [])]


def _how(protocol: Protocol) -> str:
    return (
        f"{protocol.data((CIFAR,))} {protocol.repeated} AdamW with a weight decay of {WEIGHT_DECAY:g}, "
        f"{protocol.length}, batches of {protocol.batch_size}; {protocol.cycle} Accuracy on the training images is "
        "that on their middles, without dropout."
    )


def _train(name: str, images: Images, protocol: Protocol, options: Options) -> Outcome:
    """Choose a rate for a network, then train it with every seed."""
    miniature, epochs = MINIATURES[name], protocol.epochs
    train = partial(
        fit, batch_size=protocol.batch_size, schedule=protocol.schedule, threads=options.threads, progress=False
    )

    def learn(network: Sequential, data: Dataset, rate: float, seed: int) -> None:
        optimizer = AdamW(rate, weight_decay=WEIGHT_DECAY)
        if miniature.crops:  # all epochs' crops are one epoch, in an order that was drawn with them
            train(network, drawn(data, seed, epochs), epochs=1, shuffle=False, optimizer=optimizer, seed=seed)
        else:
            train(network, centred(data), epochs=epochs, optimizer=optimizer, seed=seed)

    return choose_and_train(name, miniature, learn, images, protocol, options, centred)


def _learnt(outcome: Outcome, images: Images, options: Options) -> Spread:
    """Return the accuracy on the training images, in percent."""
    return Spread(tuple(accuracy(network, centred(images.train), options) for network in outcome.networks))


def _bars(outcomes: Mapping[str, Outcome], learnt: Mapping[str, Spread]) -> Figure:
    groups = [
        bars("test images", [outcome.accuracy for outcome in outcomes.values()]),
        bars("training images", [learnt[name] for name in outcomes]),
    ]
    caption = (
        "Accuracy without each of the four: means over seeds, with the standard deviation. What lies between two bars "
        "of a network is what it has learnt by heart. The line is at chance."
    )
    return Figure("ablations", caption, Bars("accuracy, %", list(outcomes), groups, line=CHANCE))
