"""evaluate: how good a trained network is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from ..data import Dataset
from ..data.dataset import class_numbers
from ..data.datasets import Preparation
from ..data.folders import find_pictures
from ..definitions.loss import count_correct, cross_entropy
from ..errors import ArgumentError, DataError, NonFiniteError
from ..inference import Measured, Tally, predict
from ..inputs import as_targets, check_images
from ..interop.weights import open_weights
from ..losses import CrossEntropy
from ..metrics import confusion_matrix, top_k_accuracy
from ..network import Network
from ..recipes.preparing import Source
from ..scaling import Scaling
from ..transfer import refuse_channels, usual_preparation
from . import options, parsing
from .onnx_words import OnnxWords, refuse_of_others, with_onnx_words
from .opening import open_run
from .pretrained import name_classes, preparation_of, scaling_alone, with_weights
from .screen import class_name, examples, passed_on, print_table, say, some
from .sources import held_out_of, load_parts, picture_folder, refuse_needless_folder

EXAMPLES = examples(
    "pellucid evaluate runs/small-digits",
    "pellucid evaluate runs/small-digits --confusion",
    "pellucid evaluate run/model.safetensors --data mnist",
    "pellucid evaluate resnet18 --weights resnet18.pth --data val/",
)

_TOP = 5
"""Guesses of which one must be right, as ImageNet's competition had it."""
_MANY_CLASSES = 100
"""Classes from which on that is told."""
_MOST_COLUMNS = 20
_MOST_MISTAKES = 20
_MOST_UNREADABLE = 3


@with_onnx_words
def command(
    run: options.Run,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            parser=parsing.named,
            help="What to measure on, as in `pellucid train`. By default what the run was made with.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    weights: options.ModelWeights = None,
    scaling: options.ModelScaling = None,
    classes: options.Classes = None,
    confusion: Annotated[bool, typer.Option("--confusion", help="Show which classes are taken for which.")] = False,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
    *,
    onnx: OnnxWords,
) -> None:
    """Measure a trained network: loss and accuracy.

    Of 100 classes and more the top-5 accuracy, too. It is measured on the test part of the data; where there is none,
    on the images that the run held out for validation. For networks with ImageNet's classes, and models made for them,
    a folder of pictures is prepared as their authors did, and may be larger than the memory; its folders bear names of
    classes, or WordNet ids. Pictures that cannot be read are left out and named.
    """
    if data is not None and data_dir is not None:
        refuse_needless_folder(data)
    if weights is None:
        task = _of_run(run, scaling_alone(scaling, run), data, data_dir, classes, onnx)
    else:
        refuse_of_others(onnx, run)
        task = _of_model(run, weights, scaling, data, data_dir, classes)
    tally, in_top, pairs = Tally(), 0.0, []
    for dataset in task.datasets:
        part = _measure(task.network, dataset, engine, threads)
        tally.add(part.measured, len(dataset))
        in_top += part.top * len(dataset)
        pairs.append(part.classes)
    if not pairs:
        raise DataError(f"no picture can be read: {task.unreadable[0]}")
    print(f"{task.name or 'data'}: {tally.samples:,} images")
    if confusion:
        labels, predicted = map(np.concatenate, zip(*pairs, strict=True))
        _print_confusion(task.network, labels, predicted)
    scores = tally.scores()
    print(f"{task.part} loss {scores['loss']:.4f}")
    print(f"{task.part} accuracy {100 * scores['accuracy']:.2f} %")
    if task.network.output_shape()[0] >= _MANY_CLASSES:
        print(f"{task.part} top-{_TOP} accuracy {100 * in_top / tally.samples:.2f} %")
    if task.unreadable:
        _report_unreadable(task.unreadable)
        raise typer.Exit(1)


def _report_unreadable(errors: Sequence[DataError]) -> None:
    """Say which pictures are not in what was measured: the first few, and how many there are."""
    for error in errors[:_MOST_UNREADABLE]:
        say(f"error: {error}")
    count = "1 picture is" if len(errors) == 1 else f"{len(errors):,} pictures are"
    named = ", of which the first are named" if len(errors) > _MOST_UNREADABLE else ""
    say(f"error: {count} left out for being unreadable{named}")


class _Part(NamedTuple):
    """What a part of the data came to."""

    measured: Measured
    top: float  # the share of images whose class is among the `_TOP` that are likeliest
    classes: tuple[NDArray[np.int64], NDArray[np.int64]]  # of each image: the right one, and what it is taken for


def _measure(network: Network, dataset: Dataset, engine: str, threads: int | None) -> _Part:
    _refuse_other_classes(network, dataset)
    check_images(network, dataset.images)
    targets = as_targets(network, dataset.labels, CrossEntropy())
    outputs = predict(network, dataset.images, engine=engine, threads=threads)
    labels = _classes(dataset)
    loss, _ = cross_entropy(outputs, targets, len(dataset))
    if not np.isfinite(loss):
        raise NonFiniteError(f"the loss is {loss}: weights of the network are NaN, or so large that outputs overflow")
    top = top_k_accuracy(outputs, labels, min(_TOP, outputs.shape[1]))
    measured = Measured(float(loss), len(dataset), int(count_correct(outputs, targets)))
    return _Part(measured, top, (labels, np.asarray(outputs.argmax(axis=1))))


class _Task(NamedTuple):
    """What is to be measured: a network, on data in one or more parts."""

    network: Network
    name: str  # of the data
    part: str  # "test", "validation", …
    datasets: Iterable[Dataset]
    unreadable: Sequence[DataError] = ()  # pictures that were left out, once all are measured


def _of_run(
    run: str, scaling: Scaling | None, data: str | None, data_dir: Path | None, classes: tuple[str, ...] | None,
    onnx: OnnxWords,
) -> _Task:  # fmt: skip
    network = open_run(run, "evaluate", scaling, onnx)
    preparation, folder = preparation_of(run, network), None if data is None else picture_folder(data)
    name_classes(network, classes)
    if preparation is not None and folder is not None:
        return _of_pictures(network, folder, preparation)
    name, dataset = held_out_of(run, data, data_dir)
    return _of_dataset(network, dataset, name)


def _of_model(
    model: str, weights: Path, scaling: str | None, data: str | None, data_dir: Path | None,
    classes: tuple[str, ...] | None,
) -> _Task:  # fmt: skip
    if data is None:
        raise ArgumentError("weights do not say what to measure them on; add --data")
    preparation, folder = usual_preparation(model), picture_folder(data)
    file = open_weights(weights)
    if preparation is not None and folder is not None:
        network = with_weights(model, file, scaling)
        name_classes(network, classes)
        return _of_pictures(network, folder, preparation)
    name, dataset = load_parts(Source(data, None if data_dir is None else str(data_dir), validation=0.0)).held_out()
    refuse_channels(model, file, dataset.shape, dataset.name or "the data")
    network = with_weights(model, file, scaling, input_shape=dataset.shape, class_names=dataset.class_names)
    name_classes(network, classes)
    _refuse_other_number(network, dataset.class_names)
    return _of_dataset(network, dataset, "overall" if name == "training" else name)


def _of_dataset(network: Network, dataset: Dataset, part: str) -> _Task:
    return _Task(network, dataset.name, part, [dataset])


def _of_pictures(network: Network, folder: tuple[str, Path], preparation: Preparation) -> _Task:
    """Return the task to measure a network on pictures that are prepared for it, a part at a time."""
    part, path = folder
    pictures = find_pictures(path, network.class_names or None)
    _refuse_other_number(network, pictures.class_names)
    network.class_names = pictures.class_names
    say(f"pictures: {preparation}")
    unreadable: list[DataError] = []
    datasets = passed_on(pictures.prepared(preparation, unreadable=unreadable), len(pictures.files))
    return _Task(network, pictures.name, part, datasets, unreadable)


def _refuse_other_number(network: Network, names: tuple[str, ...]) -> None:
    """Refuse data of another number of classes than the weights are for, as only the order tells which is which."""
    (classes,) = network.output_shape()
    if names and len(names) != classes:
        raise ArgumentError(f"the weights are for {classes:,} classes, and the data have {len(names):,}: {some(names)}")


def _refuse_other_classes(network: Network, dataset: Dataset) -> None:
    """Refuse data whose classes bear other names: class 3 of one would silently be measured as class 3 of the other."""
    known, names = network.class_names, dataset.class_names
    if known and names and known != names:
        raise ArgumentError(
            f"the classes of the data, {some(names)}, are not those that the network has learnt, {some(known)}"
        )


def _classes(dataset: Dataset) -> NDArray[np.int64]:
    labels = class_numbers(dataset.labels)
    if labels is None:
        raise ArgumentError("expected labels that are classes")
    return labels


def _print_confusion(network: Network, labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
    classes = network.output_shape()[0]
    counts = confusion_matrix(labels, predicted, classes)
    names = [class_name(network, number) for number in range(classes)]
    print()
    if classes <= _MOST_COLUMNS:
        _print_matrix(counts, names)
    else:
        _print_mistakes(counts, names)
    print()


def _print_matrix(counts: NDArray[np.int64], names: list[str]) -> None:
    print("rows: what it is; columns: what it is taken for")
    heads = [name if len(name) <= 4 else str(number) for number, name in enumerate(names)]
    titles = [name if head == name else f"{head} {name}" for head, name in zip(heads, names, strict=True)]
    rows = [
        [title, *(f"{count:,}" if count else "·" for count in row)]
        for title, row in zip(titles, counts.tolist(), strict=True)
    ]
    print_table(["", *heads], rows, right=heads)


def _print_mistakes(counts: NDArray[np.int64], names: list[str]) -> None:
    print(f"the {_MOST_MISTAKES} most frequent mistakes")
    wrong = [
        (count, names[row], names[column])
        for row, line in enumerate(counts.tolist())
        for column, count in enumerate(line)
        if count and row != column
    ]
    rows = [[f"{count:,}", is_, taken] for count, is_, taken in sorted(wrong, reverse=True)[:_MOST_MISTAKES]]
    print_table(["times", "what it is", "what it is taken for"], rows, right=["times"])
