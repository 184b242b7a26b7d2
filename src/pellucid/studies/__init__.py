"""Studies: claims about convolutional networks, computed and measured here, as tables and figures.

A study is a function ``study(options: Options) -> Result`` in a module of its own, entered in `STUDIES` below with what
loads it. ``pellucid study NAME`` runs it, prints its tables and writes ``studies/NAME/NAME.md``, pictures beside it.

- A `Result` has a title and sections: paragraphs of Markdown, `Table` and `Figure`, in the order of reading.
- Tables and figures have names, by which the pages in ``docs/`` take them over (between ``<!-- table STUDY.NAME -->``
  or ``<!-- figure STUDY.NAME -->`` and ``<!-- end -->``; ``python tools/studies.py`` refreshes them, a test compares).
- The cells of a `Table` are texts. Headings of columns that hold what was measured here, times or accuracies of
  trainings, are named in `Table.measured`, and left aside in that comparison.
- With ``options.measure`` off, nothing is timed and nothing trained: measured cells hold `NOT_MEASURED`, figures made
  from them are left out, and words and all other cells are as always. It takes seconds; tests run every study so.
- With ``options.quick`` a study takes seconds too, and shows only that it works, which its result says first
  (`quick_note`). Tests run every study so. What is complete in seconds, output-size, has no quick form.
- A study that trains makes its trainings, and the words on them, of one `Protocol`.
- A `Figure` holds a plot as plain data (`figures`: `Points`, `Bars`, `Maps`, `Sights`). `drawing` alone knows
  matplotlib. Without it, tables are made and pictures left out, with a note.
- ``options.progress("resnet50: forward")`` says what takes time. ``options.threads`` goes to whatever computes. A study
  that trains (`Study.trains`) reads ``options.seeds`` and ``options.data_dir`` as well.
- `Study.pictures` names all figures that a study may have, for those of an earlier run are removed by name.
- `timing.measure` times a function; `timing.forward` and `timing.forward_and_backward` make one of a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .result import NOT_MEASURED as NOT_MEASURED
from .result import Figure as Figure
from .result import Options as Options
from .result import Result as Result
from .result import Study as Study
from .result import Table as Table

# What a study needs is loaded when it is done: the command line lists them all each time.


def _output_size(options: Options) -> Result:
    from .output_size import study

    return study(options)


def _filter_size(options: Options) -> Result:
    from .filter_size import study

    return study(options)


def _one_by_one(options: Options) -> Result:
    from .one_by_one import study

    return study(options)


def _survey(options: Options) -> Result:
    from .survey import study

    return study(options)


def _depth(options: Options) -> Result:
    from .depth import study

    return study(options)


def _ablations(options: Options) -> Result:
    from .ablations import study

    return study(options)


_ALL = (
    Study(
        "output-size",
        "how many places a window takes, and which pixels they see",
        "seconds",
        _output_size,
        ("windows",),
    ),
    Study(
        "filter-size",
        "one large filter or several small ones: what they see, cost and learn",
        "15 min",
        _filter_size,
        ("fields", "depth", "accuracy-mnist", "accuracy-cifar-10"),
        trains=True,
    ),
    Study(
        "one-by-one",
        "what 1×1 convolutions do: mix channels, and save",
        "1 min",
        _one_by_one,
        ("mixing", "separable"),
    ),
    Study(
        "models",
        "the known networks: age, depth, size, published accuracy, and time here",
        "1 min",
        _survey,
        ("accuracy",),
    ),
    Study(
        "depth",
        "whether deeper is better, and what activations between convolutions do",
        "15 min",
        _depth,
        ("depth-mnist", "depth-cifar-10", "activations", "equivalents"),
        trains=True,
    ),
    Study(
        "ablations",
        "AlexNet's four innovations, each on and off",
        "15 min",
        _ablations,
        ("ablations", "speed"),
        trains=True,
    ),
)

STUDIES: Mapping[str, Study] = MappingProxyType({study.name: study for study in _ALL})
"""Name -> study, in the order in which they are listed."""
