"""A network between ranks on one machine that has a latency and a rate: namespaces, and packets that wait.

    python -m benchmarks.scaling.network NAME RANKS SECONDS BITS_A_SECOND

Each rank has a network namespace of Linux with one interface, a tun device. What the system sends there this process
reads, as packets, and passes on when they would have come on a full-duplex network with one switch: a packet leaves
when those before it have left at the rate, travels for the latency, and comes in at the rate again, behind those that
come in from others. TCP is the system's own. It needs Linux, its command `ip`, and root.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
INTERFACE = "ranks0"
PACKET = 9000
"""Bytes of the largest packet: that of networks between machines of a cluster."""
TUN, TUN_WITHOUT_HEADER, SET_INTERFACE = 0x0001, 0x1000, 0x400454CA
"""Of Linux's <linux/if_tun.h>."""
TIMER_SLACK = 29
"""Of <sys/prctl.h>: how much later than asked for a sleep may end."""
AT_A_TIME = 16
"""Packets that are read from one rank before others have their turn."""


@dataclass
class Wire:
    """When packets come that are sent between machines; it knows nothing of the clock.

    Attributes
    ----------
    latency : float
        Seconds.
    rate : float
        Bits a second, for each machine out, and as much in.
    """

    latency: float
    rate: float
    _out: dict[int, float] = field(default_factory=dict)
    _in: dict[int, float] = field(default_factory=dict)

    def due(self, now: float, sender: int, receiver: int, size: int) -> float:
        """Return when a packet of so many bytes has come in altogether that is ready to be sent now.

        Examples
        --------
        >>> wire = Wire(latency=1.0, rate=8.0)
        >>> wire.due(0.0, sender=0, receiver=1, size=2), wire.due(0.0, sender=0, receiver=2, size=2)
        (3.0, 5.0)
        >>> wire.due(0.0, sender=3, receiver=1, size=2)
        5.0
        """
        takes = size * 8 / self.rate
        self._out[sender] = max(now, self._out.get(sender, now)) + takes
        self._in[receiver] = max(self._out[sender] + self.latency, self._in.get(receiver, 0.0) + takes)
        return self._in[receiver]


def forward(devices: Sequence[int], wire: Wire) -> None:
    """Pass packets on between the devices, for ever."""
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    while True:
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, receiver, packet = heapq.heappop(waiting)
            with suppress(OSError):  # as a network may, it loses what cannot be taken
                os.write(devices[receiver], packet)
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for device in select.select(devices, [], [], pause)[0]:
            for packet in packets(device):
                receiver = packet[19] - 1  # the last byte of the address, see `address`
                if packet[0] >> 4 == 4 and 0 <= receiver < len(devices):
                    due = wire.due(time.monotonic(), devices.index(device), receiver, len(packet))
                    number += 1
                    heapq.heappush(waiting, (due, number, receiver, packet))


def packets(device: int) -> Iterator[bytes]:
    """Yield what is there to be read."""
    for _ in range(AT_A_TIME):
        try:
            yield os.read(device, PACKET + 100)
        except BlockingIOError:
            return


def address(rank: int) -> str:
    """Return a rank's address."""
    return f"10.77.0.{rank + 1}"


def namespace(name: str, rank: int) -> str:
    """Return what a rank's namespace is called."""
    return f"{name}{rank}"


def enter(path: str) -> None:
    """Let this thread go into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    held = os.open(path, os.O_RDONLY)
    failed = libc.setns(held, 0)
    os.close(held)
    if failed:
        raise OSError(ctypes.get_errno(), f"{path}: cannot be entered")


def device(name: str, rank: int) -> int:
    """Make a rank's namespace, with its interface, and return the interface's other end."""
    subprocess.run(["ip", "netns", "add", namespace(name, rank)], check=True)
    own = f"/proc/{os.getpid()}/ns/net"
    home = os.open(own, os.O_RDONLY)
    enter(f"/run/netns/{namespace(name, rank)}")
    try:
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, SET_INTERFACE, struct.pack("16sH", INTERFACE.encode(), TUN | TUN_WITHOUT_HEADER))
        for command in (
            "ip link set lo up", f"ip address add {address(rank)}/24 dev {INTERFACE}",
            f"ip link set {INTERFACE} mtu {PACKET} up",
        ):  # fmt: skip
            subprocess.run(command.split(), check=True)
        # A connection that has been silent is not to feel its way again.
        Path("/proc/sys/net/ipv4/tcp_slow_start_after_idle").write_text("0")
    finally:
        ctypes.CDLL(None).setns(home, 0)
        os.close(home)
    return end


@contextmanager
def simulated(ranks: int, latency: float, rate: float) -> Iterator[str]:
    """Have a network between so many ranks, and give its name."""
    name = f"ranks{os.getpid()}x"
    command = [sys.executable, "-m", "benchmarks.scaling.network", name, str(ranks), str(latency), str(rate)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise OSError("there is no simulated network: it needs Linux, its command ip, tun devices, and root")
            yield name
        finally:
            process.terminate()
            for rank in range(ranks):
                command = ["ip", "netns", "del", namespace(name, rank)]
                subprocess.run(command, check=False, capture_output=True)


def join(name: str, rank: int) -> None:
    """Go into a rank's namespace, and keep the way to the launcher, which is outside, on this machine's own address.

    Open MPI's ranks ask their launcher through a TCP connection; what is said there is passed on by another process.
    """
    ports = {int(port) for key, each in os.environ.items() if key.startswith("PMIX_SERVER_URI")
             for port in re.findall(r"127\.0\.0\.1:(\d+)", each)}  # fmt: skip
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(f"/run/netns/{namespace(name, rank)}")
    for port in ports:
        with socket.create_server(("127.0.0.1", port)) as listening:
            if os.fork() == 0:
                ctypes.CDLL(None).setns(outside, 0)
                relay(listening.accept()[0], socket.create_connection(("127.0.0.1", port)))
                os._exit(0)
    os.close(outside)


def relay(first: socket.socket, second: socket.socket) -> None:
    """Pass on what each says to the other, until one has ended."""
    while True:
        for each in select.select([first, second], [], [])[0]:
            said = each.recv(1 << 16)
            if not said:
                return
            (second if each is first else first).sendall(said)


def main(words: Sequence[str]) -> None:
    """Be the network, until ended."""
    name, ranks, latency, rate = words
    devices = [device(name, rank) for rank in range(int(ranks))]
    ctypes.CDLL(None).prctl(TIMER_SLACK, 1)
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # it works little, and is not to wait for a processor
    print("ready", flush=True)
    forward(devices, Wire(float(latency), float(rate)))


if __name__ == "__main__":
    main(sys.argv[1:])
