"""view: a page in the browser that shows what every layer of a network does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data import Dataset
from ..errors import ArgumentError, DataError, StorageError
from ..interop import open_weights
from ..storage import expanded
from . import options, parsing
from .opening import is_model, model_or_run
from .pretrained import with_weights
from .screen import examples, say
from .signals import until_interrupted
from .sources import held_out_of, refuse_needless_folder

EXAMPLES = examples(
    "pellucid view runs/small-digits",
    "pellucid view model.onnx --data mnist",
    "pellucid view vgg16 --weights vgg16.pth --port 8000 --no-browser",
)


def command(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", parser=parsing.named, help="The folder of a run, a model file, ONNX too, or a model's name."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            parser=parsing.named,
            help="Images to choose from, and to measure on. By default what the run was made with.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    weights: options.ModelWeights = None,
    scaling: options.ModelScaling = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="N", parser=parsing.whole, show_default=False, help="Of this machine. By default one that is free."
        ),
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Whether to open the page, or to print its address alone.")
    ] = True,
) -> None:
    """See through a network, on a page in the browser.

    Shows what every layer does with an image, to the last sum: one draws or chooses images, follows any number back to
    the pixels, asks why, changes filters, and sees at once what becomes of it. It is served on this machine, to this
    machine alone, until Ctrl-C; what is changed there is changed in a copy. Needs the extra web, as
    pip install 'pellucid[web]' brings it.
    """
    from ..web.bench import Bench
    from ..web.learning.past import followed
    from ..web.serving.server import needed, serve

    needed()
    if data is not None and data_dir is not None:
        refuse_needless_folder(data)
    network = model_or_run(run, "view") if weights is None else with_weights(run, open_weights(weights), scaling)
    part, dataset = _data(run, data, data_dir)
    title = run if is_model(run) else expanded(run).resolve().name
    bench = Bench(network, title, dataset, part, held_out=part not in ("", "training"))
    if not is_model(run) and weights is None and expanded(run).is_dir():
        bench.following = followed(network, expanded(run))
    with until_interrupted():
        serve(bench, port=port, browser=browser, say=_say)


def _data(run: str, data: str | None, data_dir: Path | None) -> tuple[str, Dataset | None]:
    """Return the data to choose images from, after the part that they are; or none, saying why there are none."""
    try:
        if data is None and data_dir is None and (is_model(run) or not expanded(run).is_dir()):
            return "", None
        part, dataset = held_out_of(run, data, data_dir)
    except (ArgumentError, DataError, StorageError) as error:
        if data is not None or data_dir is not None:
            raise
        say(f"note: there will be no images to choose from: {error}")
        return "", None
    return "" if part == "overall" else part, dataset


def _say(words: str) -> None:
    print(words, flush=True)
