"""A model of how long a step takes on many machines: measured computing, and exchanges by the alpha-beta model.

A message of m bytes takes alpha + m beta: the latency of the network, and the time of a byte (Hockney 1994). Ranks that
each have a piece of n bytes altogether, and bring it to all p of them, take

    linear:       alpha + (p - 1) o + (p - 1)/p n beta      all messages at once, o of a processor's time for each
    ring:         (p - 1) alpha + (p - 1)/p n beta
    doubling:     log2(p) alpha + (p - 1)/p n beta          p a power of two

where alpha counts three times if a piece is of more than 64 KiB: then MPI asks first whether it is waited for.
(Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", 2005; o is the overhead
of the LogP model, Culler et al., 1993.) Open MPI's exchange that does not block is the linear one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.scaling.messages import Message
from pellucid.compiler.plan import Scope
from pellucid.compiler.sharing import WORTH_SENDING, Share


@dataclass(frozen=True)
class Link:
    """A network between any two machines.

    Attributes
    ----------
    name : str
    latency : float
        Seconds from a program to a program.
    rate : float
        Bits a second.
    overhead : float
        Seconds that a processor works for one message.
    """

    name: str
    latency: float
    rate: float
    overhead: float = 0.0

    @property
    def byte(self) -> float:
        """Seconds of a byte."""
        return 8 / self.rate


LINKS = (
    Link("1 Gb/s", 50e-6, 1e9, 3e-6),
    Link("10 Gb/s", 20e-6, 10e9, 3e-6),
    Link("25 Gb/s", 10e-6, 25e9, 3e-6),
    Link("100 Gb/s", 2e-6, 100e9, 0.5e-6),
)
"""Usual networks: Ethernet through the system's TCP, and for the last one InfiniBand or the like, which the system has
no part in. Orders of magnitude, not measurements."""


@dataclass(frozen=True)
class Serial:
    """A sum over all samples, one after the other.

    Attributes
    ----------
    start, each : float
        Seconds that it takes whatever the samples, and for each of them.
    terms, slab : int
        See `Call`.
    """

    start: float
    each: float
    terms: int
    slab: int

    def seconds(self, samples: int, ranks: int) -> float:
        """Return how long it takes a rank, which makes a part of it or all."""
        owned = self.slab > 0 and samples * self.terms > WORTH_SENDING
        return (self.start + self.each * samples) / (ranks if owned else 1)


@dataclass(frozen=True)
class Computing:
    """What was measured of a network, in seconds.

    Attributes
    ----------
    leaf : float
        A leaf, through all phases, and its part of the way up to a node.
    node : float
        A node's part in completing all sums.
    serial : sequence of Serial
    rest : float
        The update, and what else does not depend on samples.
    """

    leaf: float
    node: float
    serial: Sequence[Serial]
    rest: float


EAGER = 1 << 16
"""Bytes of a message, with some of Open MPI's own, that it sends over TCP without asking first."""
PARTS = ("leaves", "combining", "serial sums", "update", "latency", "parts of sums", "samples", "large sums")
"""What the time of a step goes to."""
NAMES = {Scope.NODE: "parts of sums", Scope.BATCH: "samples", Scope.WHOLE: "large sums"}

Price = tuple[float, float, float]
"""Seconds: of the processor, of the way, and of the bytes one after the other."""
Way = Callable[[Message, Share, Link], Price]
"""How something is brought to all."""


def linear(message: Message, share: Share, link: Link) -> Price:
    """Return what it takes to bring every piece to all at once."""
    way = trips(max(message.pieces(share))) * link.latency
    return (share.ranks - 1) * link.overhead, way, message.received(share) * link.byte


def trips(size: int) -> int:
    """Return how often a message's way is gone."""
    return 1 if size < EAGER else 3


def doubling(message: Message, share: Share, link: Link) -> Price:
    """Return what it takes if those that have exchanged what they have pass it on: each round brings twice as much."""
    rounds = range((share.ranks - 1).bit_length())
    ways = sum(trips(max(message.pieces(share)) << number) for number in rounds)
    return len(rounds) * link.overhead, ways * link.latency, message.received(share) * link.byte


def sliced(message: Message, share: Share, link: Link) -> Price:
    """Return what it takes if each rank completes a slice of a sum, and slices travel: the same additions in the same
    order, as the tree of sums is the same for every number of the sum (Rabenseifner's reduction). What goes from rank
    to rank goes in parts that follow each other, so that all ranks are at work on some."""
    if message.chained:
        ways = 2 * (share.ranks - 1)
        return ways * link.overhead, ways * link.latency, 2 * message.size * link.byte
    if message.scope is not Scope.NODE:
        return doubling(message, share, link)
    rounds = range((share.ranks - 1).bit_length())
    ways = 2 * sum(trips(message.size * share.nodes // share.ranks >> number) for number in rounds)
    moving = (1 + share.nodes / share.ranks) * (1 - 1 / share.ranks) * message.size * link.byte
    return 2 * len(rounds) * link.overhead, ways * link.latency, moving


def exchanged(messages: Sequence[Message], share: Share, link: Link, way: Way) -> float:
    """Return how long exchanges take in the order of the plan, which begins some before it waits for others: their
    bytes go one after the other, their ways are gone at the same time."""
    now = free = 0.0
    due: dict[int, float] = {}
    begun = [(message.sent, 0, number) for number, message in enumerate(messages)]
    awaited = [(message.awaited, 1, number) for number, message in enumerate(messages)]
    for _, waits, number in sorted(begun + awaited):
        if waits:
            now = max(now, due[number])
        else:
            working, going, moving = way(messages[number], share, link)
            now += working
            free = max(free, now) + moving
            due[number] = free + going
    return now


def step(
    computing: Computing, messages: Sequence[Message], share: Share, link: Link, way: Way = linear
) -> dict[str, float]:
    """Return how long the parts of a step take, one after the other.

    Nothing is taken to travel while something is computed. The rank with the most leaves has the others wait.
    """
    bounds = [min(share.leaves, node << share.level) for node in share.node_bounds]
    leaves = max(stop - start for start, stop in pairwise(bounds))
    nodes = share.nodes if way is not sliced else -(-share.nodes // share.ranks)
    found = dict.fromkeys(PARTS, 0.0) | {
        "leaves": leaves * computing.leaf,
        "combining": nodes * computing.node,
        "serial sums": sum(each.seconds(share.samples, share.ranks) for each in computing.serial),
        "update": computing.rest,
    }
    if share.ranks > 1:
        for message in messages:
            found[NAMES[message.scope]] += way(message, share, link)[2]
        found["latency"] = exchanged(messages, share, link, way) - sum(found[name] for name in NAMES.values())
    return found


def seconds(parts: Mapping[str, float]) -> float:
    """Return how long a step takes."""
    return sum(parts.values())
