"""evaluate: how good a trained network is."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from ..data import Dataset
from ..data.dataset import class_numbers
from ..errors import ArgumentError
from ..inference import evaluate, predict_classes
from ..metrics import confusion_matrix
from ..network import Sequential
from . import options
from .screen import class_name, examples, print_table
from .sources import Source, load_parts, open_network, refuse_changed, source_of

EXAMPLES = examples(
    "pellucid evaluate runs/small-digits",
    "pellucid evaluate runs/small-digits --confusion",
    "pellucid evaluate run/model.safetensors --data mnist",
)

_MOST_COLUMNS = 20
_MOST_MISTAKES = 20


def command(
    run: options.Run,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            parser=options.named,
            help="What to measure on, as in `pellucid train`. By default what the run was made with.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    confusion: Annotated[bool, typer.Option("--confusion", help="Show which classes are taken for which.")] = False,
    engine: options.Engine = "compiled",
    threads: options.Threads = None,
) -> None:
    """Measure a trained network: loss and accuracy.

    It is measured on the test part of the data; where there is none, on the images that the run held out for
    validation.
    """
    network = open_network(run)
    source = source_of(run) if data is None else Source(data, validation=0.0)
    if data_dir is not None:
        source = Source(source.data, str(data_dir), source.validation, source.seed)
    parts = load_parts(source)
    name, dataset = parts.held_out()
    if data is None and name != "test":
        refuse_changed(run, parts)
    if data is not None and name == "training":
        name = "overall"  # no training part of this network's, just all there is
    _refuse_other_classes(network, dataset)
    scores = evaluate(network, dataset, engine=engine, threads=threads)
    print(f"{dataset.name or 'data'}: {len(dataset):,} images")
    if confusion:
        _print_confusion(network, dataset, engine, threads)
    print(f"{name} loss {scores['loss']:.4f}")
    print(f"{name} accuracy {100 * scores['accuracy']:.2f} %")


def _refuse_other_classes(network: Sequential, dataset: Dataset) -> None:
    """Refuse data whose classes bear other names: class 3 of one would silently be measured as class 3 of the other."""
    known, names = network.class_names, dataset.class_names
    if known and names and known != names:
        raise ArgumentError(
            f"the classes of the data, {_some(names)}, are not those that the network has learnt, {_some(known)}"
        )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def _print_confusion(network: Sequential, dataset: Dataset, engine: str, threads: int | None) -> None:
    labels = class_numbers(dataset.labels)
    if labels is None:
        raise ArgumentError("--confusion: expected labels that are classes")
    classes = network.output_shape()[0]
    predicted = predict_classes(network, dataset.images, engine=engine, threads=threads)
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
