"""The harness of the benchmarks, with competitors that are made up. No test here looks at a clock."""

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1]))  # `pytest` by itself does not look for packages in the project's folder

from benchmarks import __main__ as command
from benchmarks import disturbance
from benchmarks.disturbance import Moment, Span
from benchmarks.harness import DEFINITIONS, LIMITS, Competitor, Entry, Race, Result, Rules, difference, hold
from benchmarks.peers import ENVIRONMENTS, Base
from benchmarks.report import as_json, duration, markdown, section
from benchmarks.run import Run
from benchmarks.worker import serve
from benchmarks.workers import PEERS_VARIABLE, Environments, Worker

OURS = Competitor("Pellucid", "pellucid", ours=True)
FAST, SLOW = Competitor("fast", "torch"), Competitor("slow", "jax")
RULES = Rules(repeats=3, attempts=9)
READY = {"numbers": {"losses": [2.0, 1.0]}, "versions": {"thing": "1.2"}, "note": ""}


def turn(seconds: float, others: float | None = 0.0, **more: float) -> dict[str, Any]:
    """What a worker answers after a turn of one second."""
    return {"seconds": seconds, "wall": 1.0, "own": 1.0, "others": others, **more}


class FakeWorker:
    """Answers from a list; the last answer is repeated for ever."""

    def __init__(self, name: str, answers: list[dict[str, Any]], events: list[tuple[str, Any]]):
        self.name, self.answers, self.events = name, list(answers), events

    def answer(self, timeout: float) -> dict[str, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        self.events.append((self.name, request["repeat"]))
        return self.answer(timeout)

    def rest(self) -> None:
        self.events.append((self.name, "rest"))

    def close(self) -> None:
        self.events.append((self.name, "close"))


class Stage:
    """Starts fake workers; who is not in the script is ready, and takes a millisecond a call."""

    def __init__(self, **script: list[dict[str, Any]]):
        self.script = script
        self.events: list[tuple[str, Any]] = []
        self.started: list[tuple[str, str, Mapping[str, Any], int]] = []

    def __call__(self, competitor: Competitor, work: str, task: Mapping[str, Any], threads: int) -> FakeWorker:
        self.started.append((competitor.name, work, task, threads))
        if competitor.name == "nowhere":
            raise FileNotFoundError(2, "no such file", "/no/such/python")
        usual = [READY, turn(1e-3)]
        if competitor is LIMITS:
            usual = [READY, turn(0.5, flops=2e11, bandwidth=2e10)]
        return FakeWorker(competitor.name, self.script.get(competitor.name, usual), self.events)


def race(*competitors: Competitor, **how: Any) -> Race:
    return Race("A race", "training", {"seconds": 1}, competitors, 2, **how)


# ---- races


def test_a_disturbed_turn_is_discarded_and_taken_again() -> None:
    stage = Stage(fast=[READY, turn(1.0), turn(9.0, others=0.5), turn(2.0), turn(3.0)])
    (entry,) = hold(race(FAST), RULES, stage).entries
    assert [each["disturbed"] for each in entry.turns] == [False, True, False, False]
    assert entry.values() == [1.0, 2.0, 3.0]
    assert entry.seconds == 2.0
    assert entry.reliable


def test_a_turn_that_is_taken_again_keeps_its_number_and_so_its_seed() -> None:
    stage = Stage(fast=[READY, turn(1.0), turn(9.0, others=0.5), turn(2.0), turn(3.0)])
    hold(race(FAST), RULES, stage)
    assert [what for who, what in stage.events if who == "fast" and isinstance(what, int)] == [0, 1, 1, 2]


def test_when_all_turns_are_disturbed_the_attempts_end_and_the_report_says_so() -> None:
    stage = Stage(fast=[READY, turn(1.0, others=0.5)])
    result = hold(race(FAST), RULES, stage)
    (entry,) = result.entries
    assert len(entry.turns) == RULES.attempts
    assert not entry.reliable
    assert "9, all disturbed" in section(result)
    assert "no measurement" in section(result)


def test_nothing_is_disturbed_where_nobody_tells_or_where_the_load_is_ours() -> None:
    stage = Stage(fast=[READY, turn(1.0, others=None)])
    assert hold(race(FAST), RULES, stage).entries[0].reliable
    stage = Stage(fast=[READY, turn(1.0, others=0.5)])
    assert hold(race(FAST), replace(RULES, load=1), stage).entries[0].reliable


def test_competitors_take_turns_and_rest_in_between() -> None:
    stage = Stage()
    hold(race(FAST, SLOW), replace(RULES, repeats=2), stage)
    turns = [event for event in stage.events if event[0] in ("fast", "slow")]
    ready = [("fast", "rest"), ("slow", "rest")]
    first = [("fast", 0), ("fast", "rest"), ("slow", 0), ("slow", "rest")]
    # The second round begins with another: the machine goes last.
    second = [("fast", 1), ("fast", "rest"), ("slow", 1), ("slow", "rest")]
    assert turns == [*ready, *first, *second, ("fast", "close"), ("slow", "close")]
    assert [who for who, what in stage.events if isinstance(what, int)] == [
        LIMITS.name, "fast", "slow", "fast", "slow", LIMITS.name
    ]  # fmt: skip


def test_every_worker_is_closed_when_a_race_is_broken_off() -> None:
    stage = Stage(fast=[READY, {"seconds": 1.0}])  # no "wall": not an answer that a worker gives
    with pytest.raises(KeyError):
        hold(race(FAST, SLOW), RULES, stage)
    closed = [who for who, what in stage.events if what == "close"]
    assert sorted(closed) == sorted([DEFINITIONS.name, LIMITS.name, "fast", "slow"])


@pytest.mark.parametrize(
    ("competitor", "answers", "problem"),
    [
        (Competitor("absent", "torch"), [{"missing": "torch"}], "not installed (torch)"),
        (Competitor("nowhere", "torch"), [], "not installed (/no/such/python)"),
        (Competitor("broken", "torch"), [{"error": "ValueError: no"}], "failed: ValueError: no"),
        (Competitor("dying", "torch"), [READY, {"error": "ended by itself"}], "failed: ended by itself"),
    ],
)
def test_who_cannot_be_measured_is_named_and_hinders_nobody(
    competitor: Competitor, answers: list[dict[str, Any]], problem: str
) -> None:
    result = hold(race(competitor, SLOW), RULES, Stage(**{competitor.name: answers}))
    assert result.entries[0].problem == problem
    assert len(result.entries[1].turns) == 3
    assert f"| {competitor.name} | {problem} |" in section(result)


def test_numbers_are_compared_with_the_definitions_which_are_not_measured() -> None:
    stage = Stage(slow=[{**READY, "numbers": {"losses": [2.0, 1.5]}}, turn(1.0)])
    result = hold(race(FAST, SLOW), RULES, stage)
    assert [entry.difference for entry in result.entries] == [0.0, 0.25]
    name, _, task, _ = stage.started[0]
    assert (name, task["seconds"]) == (DEFINITIONS.name, 0)
    assert "another result" in section(result)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"a": [1.0, -4.0]}, 0.0),
        ({"a": [1.0, -4.4]}, 0.1),
        ({"a": [1.0]}, np.inf),
        ({"b": [1.0, -4.0]}, np.inf),
        ({"a": [1.0, np.nan]}, np.inf),
    ],
)
def test_difference_is_relative_to_the_largest_number(found: dict[str, list[float]], expected: float) -> None:
    assert difference({"a": [1.0, -4.0]}, found) == pytest.approx(expected)


# ---- reports


def finished(competitor: Competitor, *seconds: float, **facts: Any) -> Entry:
    turns = [{**turn(each), "disturbed": False} for each in seconds]
    return Entry(competitor, facts={**READY, **facts}, difference=0.0, turns=turns)


@pytest.fixture
def result() -> Result:
    entries = [
        finished(SLOW, 0.012, 0.010, 0.014), finished(OURS, 0.002, 0.001, 0.003),
        finished(FAST, 0.008, 0.007, 0.009), Entry(Competitor("absent", "keras"), "not installed (keras)"),
    ]  # fmt: skip
    one = race(SLOW, OURS, FAST, operations=200_000_000, goal=5.0, share=0.8)
    return Result(one, entries, {"flops": 2e11, "bandwidth": 2e10})


def test_the_table_has_medians_ranges_ratios_and_shares_of_the_limit(result: Result) -> None:
    rows = [line for line in section(result).splitlines() if line.startswith("|")]
    assert rows == [
        "|  | median | range | turns | Pellucid is | of the limit | differs by |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| **Pellucid** | 2.00 ms | 1.00 ms – 3.00 ms | 3 |  | 50% | 0e+00 |",
        "| fast | 8.00 ms | 7.00 ms – 9.00 ms | 3 | 4.00× as fast | 12% | 0e+00 |",
        "| slow | 12.0 ms | 10.0 ms – 14.0 ms | 3 | 6.00× as fast | 8% | 0e+00 |",
        "| absent | not installed (keras) |  |  |  |  |  |",
    ]


def test_the_conclusion_names_the_best_of_the_others_and_the_goals(result: Result) -> None:
    text = section(result)
    assert "200 GFLOP/s, 20.0 GB/s, so at least 1.00 ms" in text
    assert "Best of the others: fast, 8.00 ms. Pellucid, 2.00 ms, is **4.00×** as fast (goal: 5×)." in text
    assert "It reaches **50%** of the limit (goal: 80%)." in text
    assert "Disturbed" not in text


def test_who_computes_something_else_is_not_compared(result: Result) -> None:
    result.entries[2].difference = 0.5
    assert "Best of the others: slow" in section(result)


def test_memory_counts_where_it_is_the_limit(result: Result) -> None:
    wide = replace(result, race=replace(result.race, bytes=40_000_000))
    assert "at least 2.00 ms" in section(wide)


def test_accuracies_are_averaged_and_counted(result: Result) -> None:
    for entry, accuracies in zip(result.entries, ([0.99, 0.98], [0.992, 0.990], [0.5], []), strict=True):
        for each, accuracy in zip(entry.turns, accuracies, strict=False):
            each["accuracy"] = accuracy
    text = section(result)
    assert "99.10% ± 0.14%, 2 of 2 ≥ 99.0%" in text
    assert "50.00%, 0 of 1 ≥ 99.0%" in text


def test_json_keeps_every_turn(result: Result) -> None:
    result.entries[0].turns[1]["disturbed"] = True
    found = json.loads(as_json("lenet", [result], RULES))
    (kept,) = found["races"]
    assert found["benchmark"] == "lenet"
    assert kept["limits"] == result.limits
    assert kept["entries"][0]["seconds"] == pytest.approx(0.013)
    assert [each["disturbed"] for each in kept["entries"][0]["turns"]] == [False, True, False]
    assert kept["entries"][3] | {"seconds": None, "problem": "not installed (keras)"} == kept["entries"][3]


def test_the_report_says_the_rules_and_the_versions(result: Result) -> None:
    text = markdown([result], RULES)
    assert "Medians of 3 turns" in text
    assert "Versions: thing 1.2." in text
    assert "2 other processes computing" in markdown([result], replace(RULES, load=2))


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.345, "12.3 s"), (0.00606, "6.06 ms"), (11.04e-6, "11.0 µs"), (4e-9, "0.00 µs")]
)
def test_durations_have_the_unit_that_suits_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# ---- the clocks


def statistics(folder: Path, user: int, stolen: int) -> Path:
    path = folder / "stat"
    path.write_text(f"cpu  {user} 0 0 5000 7 0 0 {stolen} 0 0\ncpu0 1 2 3\n")
    return path


def test_what_others_used_is_what_this_process_did_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbance, "STATISTICS", statistics(tmp_path, 100, 0))
    monkeypatch.setattr(disturbance, "_tick", lambda: 0.01)
    before = replace(Moment.now(own=1.0), wall=0.0)
    statistics(tmp_path, 260, 20)
    span = Span.between(before, replace(Moment.now(own=2.5), wall=2.0))
    assert (span.wall, span.own) == (2.0, 1.5)
    assert span.others == pytest.approx(0.1 + 0.2)
    assert span.disturbed(0.05)
    assert not span.disturbed(0.15)


def test_where_nobody_tells_nothing_is_disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbance, "STATISTICS", tmp_path / "nothing")
    span = Span.between(Moment.now(), Moment.now())
    assert span.others is None
    assert not span.disturbed(0.0)


# ---- workers

ECHO = """
import json, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    if json.loads(line)["repeat"] == 2:
        sys.exit(3)
    print(json.dumps({"seconds": json.loads(line)["repeat"]}), flush=True)
"""


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    workers: list[Worker] = []

    def start(code: str) -> Worker:
        workers.append(Worker([sys.executable, "-c", code], {}, tmp_path / f"{len(workers)}.log"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def test_a_worker_answers_after_a_rest_and_its_end_is_an_error(spawn: Callable[[str], Worker]) -> None:
    worker = spawn(ECHO)
    assert worker.answer(60) == {"ready": True}
    worker.rest()
    assert worker.ask({"repeat": 1}, 60) == {"seconds": 1}
    worker.rest()
    assert worker.ask({"repeat": 2}, 60) == {"error": "ended without an answer (exit status 3)"}


def test_a_worker_that_does_not_answer_is_an_error(spawn: Callable[[str], Worker]) -> None:
    assert spawn("import time; time.sleep(60)").answer(0.01) == {"error": "no answer within 0 s"}


class FakeWork:
    facts: dict[str, Any] = {"numbers": {"a": [1.0]}}  # noqa: RUF012

    def repeat(self, number: int) -> dict[str, Any]:
        if number > 1:
            raise ValueError("too many\nof them")
        return turn(number)


@pytest.mark.parametrize(
    ("raised", "answer"),
    [
        (ModuleNotFoundError("no", name="torch"), {"missing": "torch"}),
        (ModuleNotFoundError("no", name="pellucid.nothing"), {"error": "ModuleNotFoundError: no"}),
        (RuntimeError("cannot\nbecause"), {"error": "RuntimeError: cannot"}),
    ],
)
def test_a_worker_says_why_it_cannot(raised: Exception, answer: dict[str, Any], capsys: Any) -> None:
    def prepare() -> Any:
        raise raised

    out = io.StringIO()
    serve(prepare, [], out)
    assert json.loads(out.getvalue()) == answer


def test_a_worker_answers_requests_until_one_fails(capsys: Any) -> None:
    out = io.StringIO()
    serve(lambda: (Base({"threads": 1}), FakeWork()), ['{"repeat": 0}', '{"repeat": 1}', '{"repeat": 2}'], out)
    ready, *turns, last = map(json.loads, out.getvalue().splitlines())
    assert ready == {**FakeWork.facts, "versions": {}, "note": ""}
    assert turns == [turn(0), turn(1)]
    assert last == {"error": "ValueError: too many"}


def test_environments_are_named_or_lie_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "torch" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setenv(PEERS_VARIABLE, str(tmp_path))
    found = Environments({"jax": "/there/python"})
    assert found.python("torch") == str(python)
    assert found.python("jax") == "/there/python"
    assert found.python("openvino") == found.python("") == sys.executable


# ---- the command


def test_the_command_prints_and_keeps_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage()
    monkeypatch.setattr(command, "starter", lambda environments, folder: stage)
    monkeypatch.setitem(command.BENCHMARKS, "lenet", lambda run: [race(OURS, FAST, SLOW)])
    command.main(["lenet", "--only", "pellucid, FAST", "--repeats", "2", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert (tmp_path / "out" / "lenet.md").read_text(encoding="utf-8") == printed
    kept = json.loads((tmp_path / "out" / "lenet.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in kept["races"][0]["entries"]] == ["Pellucid", "fast"]


@pytest.mark.parametrize("name", ["lenet", "layers"])
def test_every_competitor_is_a_module_that_can_be_imported_without_its_library(name: str, tmp_path: Path) -> None:
    run = Run(tmp_path, Environments({}), (1, 2), 1.0)
    for each in command.BENCHMARKS[name](run):
        assert {competitor.peer for competitor in each.competitors} <= ENVIRONMENTS.keys()
        assert any(competitor.ours for competitor in each.competitors)
        assert each.operations > 0


@pytest.mark.parametrize("words", [["lenet", "--python", "torch"], ["nothing"], ["lenet", "--threads", "two"]])
def test_wrong_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.parser().parse_args(words)
