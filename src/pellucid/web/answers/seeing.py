"""Answers about the network, images, and what it makes of them: one function a question, from a bench and what is asked
to plain data, or to a frame where there are arrays. Nothing here knows of HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...data import drawn_digit
from ...errors import ArgumentError, DataError, ShapeError, printable
from ...report.judging import Judged
from ..bench import Bench
from ..frames import frame
from ..looking.look import Look, colour_range, colour_ranges
from ..looking.picture import read_image
from ..words.judged import mistaken, taken_otherwise, what_it_is
from ..words.network import GLOSSARY, LINKS, ORDERS, SAID, dead_words, outputs, purpose
from ..words.tour import tour
from .asked import Asked
from .described_sum import as_steps, as_sum

Answer: TypeAlias = dict[str, Any] | bytes

MOST_MAPS = 64
"""Feature maps in one answer."""
THUMBNAIL = 64
"""Rows and columns of a small image, at most."""
MOST_SAMPLES = 200
"""Samples in one list."""
MOST_PAIRS = 40
"""Pairs of classes that are offered, of which one is taken for the other."""
LARGEST_CANVAS = 1024
"""Rows and columns of a canvas that is drawn on, at most."""
DRAWN_FLOATS = 1 << 20
"""Numbers that maps have which come with every stroke: more take too long."""
RANGES = "layer", "channel", "network", "locked"
"""Whose largest magnitudes colours reach to; where it was locked, the page remembers it."""
AT_ONCE = 5e8
"""Multiply-adds for one image that an answer waits for: about a twentieth of a second. Of larger networks the first
layers are shown while the last are still being made."""


def class_name(bench: Bench, number: int) -> str:
    """Return what the page calls a class."""
    names = bench.description["classes"]
    return str(names[number] if number < len(names) else number)


def network(bench: Bench, asked: Asked) -> Answer:
    """The network: its layers, shapes, and what reads what; how often it was changed, and at what moment it is; and
    what the page says of it."""
    data: dict[str, Any] | None = None
    if bench.data is not None:
        data = {"name": printable(bench.data.name), "part": bench.part, "count": len(bench.data)}
    description, title = bench.description, printable(bench.title)
    last = description["layers"][-1]["shape"]
    made = int(np.prod(last, dtype=int))
    words = {
        "purpose": purpose("" if data is None else data["name"], description["classes"], made),
        "glossary": dict(GLOSSARY),
        "orders": dict(ORDERS),
        "outputs": outputs(last),
        "said": dict(SAID),
        "links": {what: said.format(title=title) for what, said in LINKS.items()},
        "tour": tour(description, 0 if bench.data is None else len(bench.data), bench.following is not None),
    }
    return {"title": title, **description, **words, **edition(bench, asked), "data": data}


def edition(bench: Bench, asked: Asked) -> dict[str, Any]:
    """What tells a page that another one has changed the network: how often that was done since a ``start`` of the
    server, the step of the training that it is shown at, which somebody has ``chosen``, or only follows, the name of
    all edits, and whether it is shown as it was before them."""
    versions = bench.versions
    return {
        "start": versions.start, "revision": versions.revision, "step": versions.step, "chosen": versions.chosen,
        "edited": versions.edits.digest(), "comparing": versions.comparing,
    }  # fmt: skip


def catch_up(bench: Bench, asked: Asked) -> Answer:
    """Let a page that opens find the network with its edits, or as its training has come to; then as `edition`."""
    bench.catch_up()
    return edition(bench, asked)


# ---- images


def drawing(bench: Bench, asked: Asked) -> bytes:
    """What the network makes of ink on a canvas: the body, a byte a pixel."""
    rows, columns = asked.whole("rows", LARGEST_CANVAS + 1), asked.whole("columns", LARGEST_CANVAS + 1)
    if len(asked.body) != rows * columns or not asked.body:
        raise DataError(f"expected {rows}×{columns} = {rows * columns:,} bytes, received {len(asked.body):,}")
    channels, height, width = image_shape(bench)
    if channels != 1 or height != width:
        raise ShapeError(f"what is drawn is one channel of a square, but the network takes {channels}×{height}×{width}")
    ink = np.frombuffer(asked.body, np.uint8).reshape(rows, columns)
    image = drawn_digit(ink, size=height, centred=not asked.flag("raw"))
    return image_frame(bench, bench.put(image, passing=True), asked)


def pixels(bench: Bench, asked: Asked) -> Answer:
    """What the network makes of an image, every pixel of which is given: the body, a byte or a float32 each."""
    shape = bench.network.input_shape or ()
    kind = np.dtype(np.uint8) if asked.choice("type", ("u1", "f4"), "u1") == "u1" else np.dtype("<f4")
    if len(asked.body) != np.prod(shape, dtype=int) * kind.itemsize:
        count = int(np.prod(shape, dtype=int))
        expected = f"{'×'.join(map(str, shape))} = {count:,} numbers of {kind.name}, {count * kind.itemsize:,} bytes"
        raise DataError(f"expected {expected}, received {len(asked.body):,}")
    return image_frame(bench, bench.put(np.frombuffer(asked.body, kind).reshape(shape).copy()), asked)


def picture(bench: Bench, asked: Asked) -> Answer:
    """What the network makes of a picture: the body, a PNG, JPEG or other file."""
    how = {name: asked.flag(name) for name in ("drawn", "raw")}
    image = read_image(asked.body, image_shape(bench), **how)
    return image_frame(bench, bench.put(image), asked)


def sample(bench: Bench, asked: Asked) -> Answer:
    """What the network makes of a sample of the data."""
    number = asked.whole("number", 0 if bench.data is None else len(bench.data))
    return image_frame(bench, bench.put(bench.sample(number)), asked)


def seen(bench: Bench, asked: Asked) -> Answer:
    """What the network, as it is now, makes of an image that it was shown before."""
    return image_frame(bench, asked.text("image"), asked)


def samples(bench: Bench, asked: Asked) -> Answer:
    """Samples of the data with what they are taken for: all, the mistakes, the most confident first, those that it
    is most ``unsure`` of, mistakes if there are any, or those that were taken otherwise (``was``) before it was edited;
    all of them, or those of a ``pair``, one class that is taken for another. The pairs among the mistakes come along,
    each with its words.

    They are measured meanwhile, so ``pending`` says whether to ask again; ``problem`` why nothing can be said of them.
    """
    which, pair = asked.choice("which", ("all", "mistakes", "unsure", "flipped"), "all"), asked.text("pair", "")
    before, now = bench.measured_before(), bench.measured()
    if not isinstance(before, Judged) or not isinstance(now, Judged):
        problem = next((each for each in (before, now) if isinstance(each, str)), None)
        pending = problem is None
        nothing: dict[str, Any] = {"accuracy": None, "total": 0, "samples": []}
        return {"revision": bench.revision, "pending": pending, "problem": problem, **nothing}
    if which == "flipped":
        chosen = np.flatnonzero(before.predicted != now.predicted)
    else:
        chosen = np.arange(len(now.data)) if which == "all" else now.mistakes
    if which == "unsure":
        chosen = chosen[::-1] if len(chosen) else np.argsort(now.confidence, kind="stable")
    if pair:
        label, predicted = asked.index("pair", now.confusion.shape)
        chosen = chosen[(now.labels[chosen] == label) & (now.predicted[chosen] == predicted)]
    first = asked.whole("first", max(1, len(chosen) + 1), 0)
    part = chosen[first : first + asked.whole("count", MOST_SAMPLES + 1, 24)]
    listed = []
    for number in map(int, part):
        each = {
            "label": int(now.labels[number]),
            "predicted": int(now.predicted[number]),
            "was": int(before.predicted[number]),
        }
        sure = round(float(now.confidence[number]), 6)
        names = {what: class_name(bench, k) for what, k in each.items()}
        flipped = which == "flipped"
        words = taken_otherwise(number, names, compared_with(bench)) if flipped else what_it_is(names["label"])
        listed.append({"number": number, **each, "confidence": sure, **words})
    known: dict[str, Any] = {
        "revision": bench.revision, "pending": False, "accuracy": now.accuracy, "problem": None,
        "pairs": mistaken(now.taken_for[:MOST_PAIRS], len(now.mistakes), lambda k: class_name(bench, k)),
    }  # fmt: skip
    return {**known, "total": len(chosen), "samples": listed}


def thumbnails(bench: Bench, asked: Asked) -> Answer:
    """The images of some samples, as they are, or with pixels left out where they have many."""
    count = 0 if bench.data is None else len(bench.data)
    numbers = asked.wholes("numbers", count, MOST_MAPS)
    images = np.stack([bench.sample(number) for number in numbers])
    if images.ndim == 4:
        step = max(1, -(-max(images.shape[2:]) // THUMBNAIL))
        images = images[:, :, ::step, ::step]
    return frame({"numbers": numbers}, {"images": images})


# ---- maps and sums


def maps(bench: Bench, asked: Asked) -> Answer:
    """Feature maps of a layer, in an order, with the range of their colours."""
    look, path = _looked(bench, asked)
    every = look.maps(bench.values[path])
    order, counts = _ordered(bench, look, path, asked)
    first = asked.whole("first", len(every), 0)
    chosen = order[first : first + asked.whole("count", MOST_MAPS + 1, 24)]
    header = {
        "layer": path, "total": len(every), "dead": _dead(every),
        "range": colour_range(every), "whole": look.range if asked.flag("whole") else None,
        "revision": look.revision,
    }  # fmt: skip
    arrays = {
        "channels": chosen, "maps": every[chosen], "ranges": colour_ranges(every[chosen]), "scores": counts[chosen],
    }  # fmt: skip
    return frame(header, arrays)


def total(bench: Bench, asked: Asked) -> Answer:
    """The whole sum behind one number; and if it is ``against`` another one of its layer, what makes the difference."""
    look, path = _looked(bench, asked)
    value = bench.values[path]
    shape = look.program.values[value].shape
    other = asked.index("against", shape) if asked.text("against", "") else None
    return as_sum(look.trace, bench.values, value, asked.index("index", shape), other)


def walk(bench: Bench, asked: Asked) -> Answer:
    """The way back from a number to the largest of what it is made of, and so on, down to the input."""
    look, path = _looked(bench, asked)
    value = bench.values[path]
    return as_steps(look.trace, bench.values, value, asked.index("index", look.program.values[value].shape))


def _looked(bench: Bench, asked: Asked) -> tuple[Look, str]:
    """Return a look at an image and the path of a layer, which has been made there."""
    look, path = bench.look(asked.text("image")), asked.known("layer", bench.values)
    look.values.make(bench.values[path], asked.go_on)
    return look, path


def _ordered(bench: Bench, look: Look, path: str, asked: Asked) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the channels of a layer in the order that is asked for, and what each one is ordered by."""
    every = look.maps(bench.values[path])
    by = asked.choice("order", tuple(ORDERS), "index")
    if by == "index":
        return np.arange(len(every)), np.arange(len(every), dtype=float)
    if by == "contribution":
        look.values.make(look.program.output, asked.go_on)
        of = asked.whole("class", look.output.size, int(look.output.argmax()))
        counts = look.contributions(path, bench.values[path], of)
    else:
        counts = np.abs(every).mean(axis=(1, 2), dtype=np.float64)
        if by == "dead":
            counts = -counts
    return np.argsort(-counts, kind="stable"), counts


# ---- what is shared


def compared_with(bench: Bench) -> str:
    """Return what the network is compared with at a moment of its training: how it is "at the end", or, as long as that
    is not known, "as training began". Else "": it is compared with itself before its edits."""
    if bench.versions.step is None:
        return ""
    return "as training began" if bench.following is not None and bench.following.live else "at the end"


def image_shape(bench: Bench) -> tuple[int, int, int]:
    shape = bench.network.input_shape or ()
    if len(shape) != 3:
        raise ArgumentError(f"the network takes inputs of shape {shape}, not pictures")
    return shape


def image_frame(
    bench: Bench, image: str, asked: Asked, more: Mapping[str, Any] = MappingProxyType({}),
    arrays: Mapping[str, NDArray[Any]] = MappingProxyType({}),
) -> bytes:  # fmt: skip
    """Return what a page shows first of an image: it, what is made of it, and the maps of some layers, with the range
    that is asked for: of each layer, of each of its maps ("channel"), or of all ("network").

    Of a large network only what is there already, as ``pending`` says, unless the question is to ``wait``. The header
    holds `more`, and there are more `arrays` beside these.
    """
    with bench.busy:
        look, known = bench.look(image), edition(bench, asked)
    if bench.work <= AT_ONCE or asked.flag("wait"):
        look.values.make(look.program.output, asked.go_on)
    pending = not look.values.is_made(look.program.output)
    made: dict[str, NDArray[Any]] = {"image": look.image, **arrays}
    if not pending:
        made["output"] = look.output
        if bench.of_classes and (probabilities := look.probabilities()) is not None:
            made["probabilities"] = probabilities
    ranged = asked.choice("range", RANGES, RANGES[0])
    if pending and ranged == "network":  # which is not known yet
        ranged = "layer"
    ranges, dead, room = {}, {}, DRAWN_FLOATS
    for path in filter(None, asked.text("layers", "").split(",")):
        if path not in bench.values:
            raise ArgumentError(f"layers: there is no {path[:80]!r}")
        if pending and not look.values.is_made(bench.values[path]):
            continue
        every = look.maps(bench.values[path])
        room -= every.size
        if room < 0:
            break
        made[f"maps {path}"], ranges[path], dead[path] = every, colour_range(every), _dead(every)
        if ranged == "channel":
            made[f"ranges {path}"] = colour_ranges(every)
    header = {
        **known, "image": image, "pending": pending, "ranged": ranged, "ranges": ranges, "dead": dead,
        "whole": look.range if ranged == "network" else None,
    }  # fmt: skip
    return frame({**header, **more}, made)


def _dead(maps: NDArray[Any]) -> str:
    """Return in words how many maps are 0 everywhere; "" if none is."""
    return dead_words(int(np.sum(~maps.any(axis=(1, 2)))), len(maps))
