"""All questions of the page, each with what has to be known of it beside its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..bench import Bench
from . import changes, looking_back, seeing, why
from .asked import Asked
from .seeing import Answer


@dataclass(frozen=True)
class Question:
    """A question of the page.

    Attributes
    ----------
    name : str
        The last part of its address, ``/api/name``.
    answer : callable
        Returns the answer, from the bench and what is asked.
    method : "GET" or "POST"
        GET leaves everything as it is; POST needs an Origin, as `Guard` sees to.
    of_revision : bool
        Whether the answer fits one revision of the network alone: that which the page shows, and names with whatever it
        asks. All others are answered at any time, and tell of which revision they are where that matters.
    changes_version : bool
        Whether another version of the network may be shown from then on. The bench is held meanwhile; all others take
        from it what they need, and wait for nobody.
    edits : bool
        Whether the network is edited, so that another version is shown; not as long as it is shown as it was in
        training.
    slow : (str, str) or None
        A word of the query, and the text there with which the answer takes long: who asks that waits for those who ask
        the same, and keeps nobody else.
    """

    name: str
    answer: Callable[[Bench, Asked], Answer]
    method: Literal["GET", "POST"] = "GET"
    of_revision: bool = False
    changes_version: bool = False
    edits: bool = False
    slow: tuple[str, str] | None = None

    @property
    def holds_bench(self) -> bool:
        """Whether the bench is held while it is answered."""
        return self.changes_version or self.edits


QUESTIONS = (
    # what there is
    Question("network", seeing.network),
    Question("edition", seeing.edition),
    Question("edits", changes.all_edits),
    Question("methods", why.methods),
    Question("training", looking_back.training),
    Question("progress", why.progress),
    Question("thumbnails", seeing.thumbnails),
    # images, as the network sees them that is shown
    Question("drawing", seeing.drawing, "POST"),
    Question("pixels", seeing.pixels, "POST"),
    Question("picture", seeing.picture, "POST"),
    Question("sample", seeing.sample, "POST"),
    Question("seen", seeing.seen),
    Question("would-be", why.would_be, "POST"),  # a search that an edit does not end: it says for which network it was
    Question("course", looking_back.course),
    Question("reach", looking_back.reach),
    # the network that is shown, as one revision has it
    Question("maps", seeing.maps, of_revision=True, slow=("order", "contribution")),
    Question("sum", seeing.total, of_revision=True),
    Question("walk", seeing.walk, of_revision=True),
    Question("why", why.why, of_revision=True),
    Question("samples", seeing.samples, of_revision=True),
    Question("accuracy", changes.accuracy, of_revision=True),
    Question("kernel", changes.kernel, of_revision=True),
    # which version of it is shown
    Question("open", seeing.catch_up, "POST"),  # reads a checkpoint, which takes long, and takes the bench only then
    Question("compare", changes.compare, "POST", changes_version=True),
    Question("moment", looking_back.moment, "POST", changes_version=True),
    Question("edit", changes.edit, "POST", of_revision=True, edits=True),
    Question("undo", changes.undo, "POST", of_revision=True, edits=True),
)
"""Every one, by what it is about."""
