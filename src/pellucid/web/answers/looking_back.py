"""Looking back: what is known of the training, the network as it was after a step, and when it came to be right."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...build import lower
from ...errors import ArgumentError
from ...inference.batches import weights
from ..bench import Bench
from ..frames import frame
from ..learning.following import Following, Known
from ..learning.image_course import ImageCourse
from ..learning.miniatures import captions, painted, reach_of
from ..looking.look import Look, colour_range
from ..looking.sharing import to_run, with_weights
from ..words.training import how_sure, since_when
from .asked import Asked
from .seeing import Answer, class_name, image_frame

COURSE_SECONDS = 1.0
"""Seconds that one answer may take; the page asks for the rest."""
IMAGES = 16
"""Images whose courses are kept."""
LAST_STEP = 10**15


def training(bench: Bench, asked: Asked) -> Answer:
    """All that there is to say of the training; an unknown state where nothing is known of one."""
    if bench.following is None:
        return {"state": "unknown"}
    return bench.following.message(Known())


def moment(bench: Bench, asked: Asked) -> Answer:
    """Show an image as the network takes it after a step, or as it is "now" in training, or at the "end", or "here",
    where it is already."""
    following, versions = _following(bench), bench.versions
    step, name = asked.text("step"), asked.text("image")
    bench.image(name)  # which may not be here any more
    if step == "end":
        versions.go_to(None)
    elif step == "here":
        pass
    elif step != "now":
        versions.go_to(following.moment(asked.whole("step", LAST_STEP), versions.original), chosen=True)
    elif following.newest is None:
        raise ArgumentError("step: the training has not begun")
    else:
        versions.go_to(following.newest)
    return image_frame(bench, name, asked)


def reach(bench: Bench, asked: Asked) -> Answer:
    """How far the colours of each layer reach for an image, by path, in the network as it came out of its training, or
    as that has come to by now: all moments are shown on this scale."""
    image, network, following = bench.image(asked.text("image")), bench.versions.original, bench.following
    if following is not None and following.live and following.newest is not None:
        network = with_weights(network, following.newest.weights)
    program = lower(network)
    look = Look.at(to_run(network, program), 0, image, program)
    look.values.make(program.output, asked.go_on)
    return {path: colour_range(look.maps(value)) for path, value in bench.values.items()}


def course(bench: Bench, asked: Asked) -> Answer:
    """What an image was taken for at each moment that is kept, and since which one that is right; with ``pictures``,
    at once with the small pictures of it as the network is shown now."""
    following = _following(bench)
    image_course = _course(bench, following, asked.text("image"))
    header, pictures = _pictures(bench, following, image_course) if asked.flag("pictures") else ({}, {})
    complete = image_course.go_on(following.moments, 0 if header else COURSE_SECONDS)
    right = _label(bench, asked)
    known = right is not None
    if right is None and image_course.probabilities:  # nobody knows; then what it was taken for at last
        right = int(image_course.probabilities[max(image_course.probabilities)].argmax())
    since = image_course.right_since(right) if complete else None
    header |= {"complete": complete, "right": right, "known": known, "since": since, "live": following.live}
    header |= {"words": "", "label": "How sure it was"}
    arrays = image_course.arrays(right)
    if right is not None and image_course.probabilities:
        name = class_name(bench, right)
        if complete:
            header["words"] = since_when(header, arrays["steps"], name, following.course.steps_per_epoch)
        header["label"] = f"{how_sure(arrays['share'], name)} {header['words']}"
    return frame(header, {**arrays, **pictures})


def _pictures(bench: Bench, following: Following, image_course: ImageCourse) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the small pictures of an image, the step ``at`` which the network is, and their ``captions``. How far
    colours reach is the same at all moments."""
    with bench.busy:
        network, step = bench.network, bench.versions.step
    pictures, _ = following.miniatures.of(weights(network), image_course.image)
    ranges = reach_of(pictures) | image_course.reach(following.moments)
    if step is None:
        step = 0 if following.live else following.step
    return {"at": step, "captions": captions(pictures, ranges, network)}, painted(pictures, ranges)


def _label(bench: Bench, asked: Asked) -> int | None:
    """Return the class of a sample of the data, where it is one."""
    if bench.data is None or not asked.text("sample", "") or bench.data.labels.dtype.kind not in "iu":
        return None
    classes = int(np.prod(bench.versions.original.output_shape(), dtype=int))
    label = int(bench.data.labels[asked.whole("sample", len(bench.data))])
    return label if label < classes else None


def _course(bench: Bench, following: Following, name: str) -> ImageCourse:
    """Return what is known of an image's course; those that were asked for last are kept."""
    image, courses = bench.image(name), following.courses
    with bench.busy:
        if name not in courses:
            courses[name] = ImageCourse(bench.versions.original, following.miniatures, image)
        courses.move_to_end(name)
        while len(courses) > IMAGES:
            courses.popitem(last=False)
        return courses[name]


def _following(bench: Bench) -> Following:
    if bench.following is None:
        raise ArgumentError("nothing is known here of a training; `pellucid train … --view` keeps its moments")
    return bench.following
