"""Starting a command as the ranks of an MPI job on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..errors import MissingExtraError, installing
from . import room
from .onlooker import Onlooker
from .waiting import PATIENCE

RULE = "-" * 60
"""How the lines begin that Open MPI draws around what it has to say."""
OF_THE_LOST = ("PMIX ERROR", "NBC_Progress")
"""What stands in lines by which Open MPI says that processes have gone."""
ITS_OWN = ("prterun", "MPI_ABORT", "mpiexec", "Primary job")
"""What stands in the first line of its words about a rank that ended with an error: the rank has said that itself."""
FT_OPTIONS = ("--with-ft", "ulfm")
"""What tells it that the others are to go on where ranks are lost."""


class Launched:
    """A command that runs as several ranks.

    Parameters
    ----------
    ranks : int
    words : sequence of str
        What each rank does: the words behind the program's name.
    elastic : bool, default False
        Whether those that are left go on where some are lost.
    patience : float, default 300
        Seconds for which a rank that does not start is waited for.

    Attributes
    ----------
    unstarted : str
        Why the ranks have been ended as they started; nothing where they were not.
    done : bool
        Whether the ranks have done their work.
    failed : int
        The exit code of a rank that has failed, and has said why; 0 where none has.
    run : str
        The folder of the run that they trained; nothing before it has begun.
    started : bool
        Whether the ranks have met.

    Raises
    ------
    MissingExtraError
        If there is no ``mpiexec``.
    """

    def __init__(self, ranks: int, words: Sequence[str], elastic: bool = False, patience: float = PATIENCE):
        command = started(ranks, [*program(), *words], FT_OPTIONS if elastic else ())
        self.unstarted, self.done, self.failed, self.run, self.started = "", False, 0, "", False
        self._ranks, self._patience = ranks, patience
        self._room = ExitStack()
        self._folder = self._room.enter_context(
            tempfile.TemporaryDirectory(prefix="pellucid-", ignore_cleanup_errors=True)
        )
        self._room.enter_context(room.looked_after(self._folder))
        self._process = subprocess.Popen(
            command, env={**environment(self._folder), room.FOLDER: self._folder}, stderr=subprocess.PIPE, text=True,
            errors="replace", start_new_session=True, stdin=subprocess.DEVNULL,  # what stands there is for others
        )  # fmt: skip

    def wait(self, say: Callable[[str], object]) -> int:
        """Return the launcher's exit code, or minus the signal that ended it, when it has ended; until then `say` gets
        what the ranks write to standard error."""
        folder = self._folder
        with self._room:
            onlooker = Onlooker(self._process.pid, self._ranks, folder, self._patience)
            try:
                for line in without_reports(self._process.stderr or ()):
                    say(line)
                code = self._process.wait()
            finally:
                onlooker.stop()
            self.unstarted = onlooker.found
            self.started, self.done = (room.told(folder, what) is not None for what in (room.STARTED, room.DONE))
            self.failed, self.run = int(room.told(folder, room.FAILED) or 0), room.told(folder, room.RUN) or ""
        return code

    def send(self, number: int) -> None:
        """Send a signal to the launcher, which passes most of them on to all ranks."""
        if self._process.poll() is None:
            self._process.send_signal(number)


def started(ranks: int, words: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """Return the command that starts words as so many ranks; these bind themselves to processors, of which there may
    be fewer. `options` are those of the launcher."""
    found = mpiexec()
    version = subprocess.run([found, "--version"], capture_output=True, text=True, env=environment())
    how = ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"] if "Open MPI" in version.stdout else []
    return [found, "-n", str(ranks), *how, *options, *words]


def environment(room: str | None = None) -> dict[str, str]:
    """Return the variables that Open MPI's launcher needs.

    It keeps its files in `room`, a folder that nobody else uses: in that which all share, it takes what a killed
    launcher of the same process number has left behind for its own, and does not start.
    """
    found = dict(os.environ)
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in most containers, where it would refuse
        found |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return found if room is None else {**found, "PRTE_MCA_prte_tmpdir_base": room}


def mpiexec() -> str:
    """Return the program that starts MPI jobs: the one that lies beside this Python, or else the first on the path."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise MissingExtraError(f"there is no mpiexec to start ranks with: {installing('mpi')}")
    return found


def program() -> list[str]:
    """Return the words that start this program again."""
    script = Path(sys.argv[0])
    own = script.stem == "pellucid" and script.is_file()
    return [sys.executable, *([str(script)] if own else ["-m", "pellucid"])]


def without_reports(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines without what the launcher reports, between two rules, about ranks that ended with an error. Only the
    line behind a rule says whether it is such a report, so that a rule is held back until that has come."""
    report, hidden = list[str](), False
    for line in lines:
        shown = line.replace("\0", "")  # with which words of the launcher end
        if any(name in line for name in OF_THE_LOST) or (shown != line and not shown.strip()):
            hidden = True
            continue
        line = shown
        if not line.strip() and hidden:  # with which such a line ends
            hidden = False
            continue
        hidden = False
        ruled = line.startswith(RULE)
        if len(report) > 1:
            report = [] if ruled else [*report, line]
        elif report and not ruled and any(name in line for name in ITS_OWN):
            report.append(line)
        else:
            yield from report
            report = [line] if ruled else []
            if not ruled:
                yield line
    yield from report
