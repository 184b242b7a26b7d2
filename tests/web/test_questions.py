"""The list of questions: the page asks these and no others, and each is answered as the list says."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import pellucid as p

pytest.importorskip("starlette", reason="the page needs the extra web")

from pellucid.web.answers.questions import QUESTIONS, Question
from pellucid.web.bench import Bench
from pellucid.web.serving import application

from .asgi import request

STATIC = files("pellucid.web").joinpath("static")
ASKED = re.compile(r'\b(ask|askUntilDone|send|sent)\("([\w-]+)"')
"""A question in a script: the function that asks, and the name. `sent` of showing.js sends an image."""


@pytest.fixture
def bench() -> Bench:
    return Bench(p.Sequential([p.Conv2d(1, 2, 3), p.Flatten(), p.Linear(18, 3)], input_shape=(1, 5, 5)), "small")


def test_each_has_a_name_of_its_own() -> None:
    names = [question.name for question in QUESTIONS]
    assert len(set(names)) == len(names)


def test_the_page_asks_all_of_them_and_no_others() -> None:
    scripts = [each.read_text(encoding="utf-8") for each in STATIC.iterdir() if each.name.endswith(".js")]
    found = [how_and_name for script in scripts for how_and_name in ASKED.findall(script)]
    asked = {(name, "POST" if how in ("send", "sent") else "GET") for how, name in found}
    assert asked == {(question.name, question.method) for question in QUESTIONS}


def test_only_what_edits_the_network_or_tells_of_one_revision_is_refused_for_another() -> None:
    assert {question.name for question in QUESTIONS if question.of_revision} == {
        "maps", "sum", "walk", "why", "samples", "accuracy", "kernel", "edit", "undo",
    }  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_revision_matters_where_the_list_says_so(bench: Bench, question: Question) -> None:
    reply = request(application.application(bench), f"/api/{question.name}?revision=7", question.method)
    outdated = reply.status == 409 or b'"outdated":true' in reply.body
    assert outdated == question.of_revision
    assert not outdated or "has been changed meanwhile" in json.loads(reply.body)["error"]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_bench_is_held_while_another_version_is_shown_and_at_no_other_time(
    bench: Bench, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def answer(bench: Bench, asked: Any) -> dict[str, Any]:
        held.append(bench.busy._is_owned())
        return {}

    monkeypatch.setattr(application, "QUESTIONS", [replace(question, answer=answer)])
    assert request(application.application(bench), f"/api/{question.name}", question.method).status == 200
    assert held == [question.name in ("compare", "moment", "edit", "undo")]


def test_only_edits_are_refused_at_a_moment_of_the_training(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    own = [replace(each, answer=lambda bench, asked: {}) for each in QUESTIONS]
    monkeypatch.setattr(application, "QUESTIONS", own)
    app, bench.versions.step = application.application(bench), 3
    refused = [each.name for each in own if request(app, f"/api/{each.name}", each.method).status == 400]
    assert refused == ["edit", "undo"]


def test_who_searches_is_answered_though_the_network_was_edited_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page names its revision with every question; of this one the answer says for which network it was made."""
    from pellucid.web.answers import why

    search = why.counterfactual

    def edited_meanwhile(*given: Any, **how: Any) -> Any:
        bench.versions.edits.silence("conv1", 0)
        bench.versions.show_edited()
        return search(*given, **how)

    monkeypatch.setattr(why, "counterfactual", edited_meanwhile)
    image = bench.put(np.zeros((1, 5, 5), np.uint8))
    reply = request(application.application(bench), f"/api/would-be?image={image}&class=1&revision=0", "POST")
    assert reply.status == 200
    assert b'"changed":true' in reply.body
