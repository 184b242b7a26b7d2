"""How the benchmarks of ranks count: what travels, what it costs, whose time it was. No test here looks at a clock."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as p

sys.path.append(str(Path(__file__).parents[1]))  # `pytest` by itself does not look for packages in the project's folder

from benchmarks import cluster, ranks, simulated
from benchmarks.scaling import cost, network
from benchmarks.scaling.cost import Computing, Link, Serial
from benchmarks.scaling.gang import Gang
from benchmarks.scaling.messages import Message, Traffic
from benchmarks.scaling.watched import SENDING, SENT, WAITING, Pretended, Watched

from oracles import mpi_jobs
from oracles.travelling import sent_in_a_step
from pellucid.compiler.plan import Scope
from pellucid.compiler.sharing import Share

LINK = Link("made up", latency=10.0, rate=8.0, overhead=1.0)
"""A byte takes a second."""


@pytest.mark.parametrize(("name", "samples"), [("lenet", 128), ("resnet20", 128)])
@pytest.mark.parametrize("size", [2, 8])
def test_messages_are_those_that_ranks_send(name: str, samples: int, size: int) -> None:
    traffic = Traffic(name)
    share = Share(samples, traffic.leaf_size, size - 1, size)
    sent = dict.fromkeys(cost.NAMES, 0)
    for message in traffic.messages(samples):
        sent[message.scope] += message.pieces(share)[-1]
    known = sent_in_a_step(p.models.by_name(name)(), samples, size)
    assert {scope.value: count for scope, count in sent.items()} == dict(known)


def test_a_rank_receives_what_it_does_not_have() -> None:
    share = Share(samples=12, leaf_size=4, ranks=2)  # three leaves: two, and one
    assert Message(Scope.BATCH, 5).pieces(share) == [40, 20]
    assert Message(Scope.BATCH, 5).received(share) == 40
    assert Message(Scope.WHOLE, 7).pieces(share) == [3, 4]


def test_the_model_by_hand() -> None:
    share = Share(samples=4, leaf_size=1, ranks=4)
    small, large = Message(Scope.NODE, 100), Message(Scope.BATCH, cost.EAGER + 1)
    assert cost.linear(small, share, LINK) == (3, 10, 300)
    assert cost.linear(large, share, LINK) == (3, 30, 3 * (cost.EAGER + 1))
    assert cost.doubling(small, share, LINK) == (2, 20, 300)
    assert cost.sliced(small, share, LINK) == (4, 40, 2 * 0.75 * 100)
    assert cost.sliced(Message(Scope.WHOLE, 100, chained=True), share, LINK) == (6, 60, 200)


def test_a_step_is_the_sum_of_its_parts() -> None:
    computing = Computing(leaf=2.0, node=0.5, serial=[Serial(1.0, 0.25, terms=1, slab=0)], rest=3.0)
    share = Share(samples=4, leaf_size=1, ranks=2)
    parts = cost.step(computing, [Message(Scope.NODE, 100)], share, LINK)
    assert parts == dict.fromkeys(cost.PARTS, 0.0) | {
        "leaves": 4.0, "combining": 1.0, "serial sums": 2.0, "update": 3.0, "latency": 11.0, "parts of sums": 100.0,
    }  # fmt: skip
    assert cost.seconds(parts) == 121.0
    alone = cost.step(computing, [Message(Scope.NODE, 100)], Share(4, 1), LINK)
    assert cost.seconds(alone) == 8.0 + 0.5 + 2.0 + 3.0


def test_large_sums_are_made_in_parts() -> None:
    assert Serial(0.0, 1.0, terms=100, slab=64).seconds(samples=8, ranks=4) == 2.0
    assert Serial(0.0, 1.0, terms=1, slab=64).seconds(samples=8, ranks=4) == 8.0


def test_who_is_waited_for_is_not_the_exchange() -> None:
    first = [
        ("step", 0.0, 10.0), ("leaves", 0.0, 2.0), (SENDING, 2.0, 3.0), (SENT, 3.0, 3.0), (WAITING, 3.0, 7.0),
        ("nodes", 7.0, 9.0),
    ]  # fmt: skip
    second = [
        ("step", 0.0, 10.0), ("leaves", 0.0, 4.0), (SENDING, 4.0, 6.0), (SENT, 6.0, 6.0), (WAITING, 6.0, 7.0),
        ("nodes", 7.0, 9.0),
    ]  # fmt: skip
    found = ranks.shares([[first], [second]])
    assert found == {
        "a step": 10.0, "computing": 2.0, "combining": 2.0, "exchanging": 2.0, "waiting": 3.0, "Python": 1.0,
        "exchanges": 1.0,
    }  # fmt: skip


def test_exchanges_may_be_waited_for_in_another_order() -> None:
    notes: list[tuple[str, float, float]] = []
    watched = Watched(Pretended(2), notes)
    first, second = (watched.gather(np.zeros(2, np.uint8), [0, 1, 2]) for _ in range(2))
    second.wait()
    first.wait()
    begun = [end for kind, _, end in notes if kind == SENDING]
    assert [end for kind, _, end in notes if kind == SENT] == begun[::-1]


def test_ways_of_exchanges_that_are_under_way_together_are_gone_at_the_same_time() -> None:
    share = Share(samples=4, leaf_size=1, ranks=2)  # each receives what two of four samples or nodes have
    together = [Message(Scope.NODE, 5, sent=1, awaited=2), Message(Scope.BATCH, 20, sent=1, awaited=4)]
    assert cost.exchanged(together, share, LINK, cost.linear) == 1 + 1 + 40 + 10 + 4
    apart = [Message(Scope.NODE, 5, sent=1, awaited=2), Message(Scope.BATCH, 20, sent=3, awaited=4)]
    assert cost.exchanged(apart, share, LINK, cost.linear) == (1 + 5 + 10) + (1 + 40 + 10)


def test_a_pretended_rank_fills_in_what_others_would_send() -> None:
    notes: list[tuple[str, float, float]] = []
    room = np.array([1, 2, 0, 0, 0], np.uint8)
    Watched(Pretended(3), notes).gather(room, [0, 2, 4, 5]).wait()
    assert room.tolist() == [1, 2, 1, 2, 1]
    assert [kind for kind, *_ in notes] == [SENDING, SENT, WAITING]


def test_packets_wait_for_those_before_them() -> None:
    wire = network.Wire(latency=3.0, rate=8.0)
    assert wire.due(0.0, sender=0, receiver=1, size=2) == 5.0
    assert wire.due(0.0, sender=0, receiver=1, size=2) == 7.0  # behind it on the way out
    assert wire.due(0.0, sender=2, receiver=1, size=2) == 9.0  # and on the way in
    assert wire.due(100.0, sender=1, receiver=0, size=1) == 104.0


def test_a_model_takes_what_one_more_rank_gains_and_costs() -> None:
    computing = Computing(leaf=1.0, node=0.0, serial=[], rest=0.0)
    fast = Link("fast", latency=0.0, rate=1e30)
    rates = [cluster.rate(computing, Traffic("lenet"), 128, ranks, True, fast, cost.linear) for ranks in (2, 8, 16)]
    assert rates == pytest.approx([2.0, 8.0, 8.0])  # there are no more than eight leaves


@pytest.mark.skipif(
    not Path("/dev/net/tun").exists() or not shutil.which("ip") or os.geteuid() != 0, reason="needs Linux, ip, and root"
)
def test_ranks_on_a_simulated_network_come_to_the_same_weights() -> None:
    mpi_jobs.needs_mpi()
    asked = {"model": "lenet", "batch": 32, "threads": 1}
    try:
        with network.simulated(2, latency=1e-3, rate=1e9) as name, Gang(2, simulated.OPTIONS, name) as together:
            found = digests(together, asked)
            took = max(together.ask("gather", bytes=8, start=time.monotonic() + 0.1))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no simulated network: {error}")
    with Gang(1) as alone:
        assert found == digests(alone, asked) * 2
    assert took >= 1e-3  # to travel takes as long; how much longer is no matter here


def test_processes_that_do_not_start_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asleep = tmp_path / "asleep"
    asleep.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/process\nexec sleep 60\n")
    asleep.chmod(0o700)
    (tmp_path / "files").mkdir()
    monkeypatch.setattr("benchmarks.scaling.gang.sys.executable", str(asleep))
    monkeypatch.setattr("benchmarks.scaling.gang.STARTING", 2.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "files"))
    with pytest.raises(TimeoutError):
        Gang(1)
    assert not [*(tmp_path / "files").iterdir()]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)


def digests(gang: Gang, asked: dict[str, Any]) -> list[str]:
    gang.ask("prepare", **asked)
    gang.ask("seconds", count=3)
    return gang.ask("digest")
