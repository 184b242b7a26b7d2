"""Looking back: what is known of the training, the network as it was after a step, and when it came to be right."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..inference.batches import weights
from .answers import Answer, class_name, shown
from .asked import Asked
from .bench import Bench
from .following import Following, Known
from .frames import frame
from .image_course import ImageCourse
from .miniatures import Miniatures
from .training_words import how_sure, since_when

COURSE_SECONDS = 1.0
"""That one answer may take; the page asks for the rest."""
IMAGES = 16
"""Whose courses are kept."""
LAST_STEP = 10**15


def training(bench: Bench, asked: Asked) -> Answer:
    """All that there is to say of the training; an unknown state where nothing is known of one."""
    if bench.following is None:
        return {"state": "unknown"}
    return bench.following.message(Known())


def moment(bench: Bench, asked: Asked) -> Answer:
    """Show an image as the network takes it after a step, or as it is "now" in training, or at the "end", or "here",
    where it is already; with ``pictures``, also as the small ones of the tab."""
    following, step, name = _following(bench), asked.text("step"), asked.text("image")
    bench.image(name)  # which may not be here any more
    if step == "end":
        bench.go_to(None)
    elif step == "here":
        pass
    elif step != "now":
        bench.go_to(following.moment(asked.whole("step", LAST_STEP), bench.original), chosen=True)
    elif following.newest is None:
        raise ArgumentError("step: the training has not begun")
    else:
        bench.go_to(following.newest)
    told: dict[str, Any] = {"moment": bench.step, "chosen": bench.chosen}
    if not asked.flag("pictures"):
        return shown(bench, name, asked, told)
    pictures = Miniatures(bench.original, dict(_course(bench, following, name).reach))
    arrays, _ = pictures.of(weights(bench.network), bench.image(name))
    return shown(bench, name, asked, {**told, "reach": pictures.reach}, arrays)


def course(bench: Bench, asked: Asked) -> Answer:
    """What an image was taken for at each moment that is kept, and since which one that is right."""
    following = _following(bench)
    found = _course(bench, following, asked.text("image"))
    complete = found.go_on(following.moments, COURSE_SECONDS)
    right = _label(bench, asked)
    known = right is not None
    if right is None and found.probabilities:  # nobody knows; then what it was taken for at last
        right = int(found.probabilities[max(found.probabilities)].argmax())
    header: dict[str, Any] = {"complete": complete, "right": right, "known": known, "since": found.right_since(right)}
    header |= {"words": "", "sure": "How sure it was"}
    arrays = found.arrays(right)
    if right is not None and found.probabilities:
        name = class_name(bench, right)
        header["words"] = since_when(header, arrays["steps"], name, following.course.steps_per_epoch)
        header["sure"] = how_sure(arrays["share"], name)
    return frame({**header, "reach": found.reach}, arrays)


def _label(bench: Bench, asked: Asked) -> int | None:
    """Return the class of a sample of the data, where it is one."""
    if bench.data is None or not asked.text("sample", "") or bench.data.labels.dtype.kind not in "iu":
        return None
    classes = int(np.prod(bench.original.output_shape(), dtype=int))
    label = int(bench.data.labels[asked.whole("sample", len(bench.data))])
    return label if label < classes else None


def _course(bench: Bench, following: Following, name: str) -> ImageCourse:
    """Return what is known of an image's course; those that were asked for last are kept."""
    image, courses = bench.image(name), following.courses
    with bench.busy:
        if name not in courses:
            courses[name] = ImageCourse(bench.original, image)
        courses.move_to_end(name)
        while len(courses) > IMAGES:
            courses.popitem(last=False)
        return courses[name]


def _following(bench: Bench) -> Following:
    if bench.following is None:
        raise ArgumentError("nothing is known here of a training; `pellucid train … --view` keeps its moments")
    return bench.following


READING = {"training": training, "course": course}
DOING = {"moment": moment}
