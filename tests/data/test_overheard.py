"""Warnings gathered thread by thread."""

import threading
import warnings
from typing import Literal

import pytest

from pellucid.data.overheard import overheard


def test_each_thread_hears_its_own() -> None:
    heard: dict[int, list[str]] = {}
    together = threading.Barrier(8)

    def listen(number: int) -> None:
        together.wait()
        for turn in range(50):
            with overheard() as told:
                warnings.warn(f"{number}: {turn}", UserWarning, stacklevel=1)
            heard.setdefault(number, []).extend(map(str, told))

    before = warnings.showwarning, list(warnings.filters)
    threads = [threading.Thread(target=listen, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {number: [f"{number}: {turn}" for turn in range(50)] for number in range(8)}
    assert (warnings.showwarning, list(warnings.filters)) == before, "all is put back"


def test_who_does_not_listen_warns_as_ever() -> None:
    def listen() -> None:
        with overheard():
            begun.set()
            done.wait()

    begun, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=listen)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        thread.start()
        begun.wait()
        warnings.warn("mine", UserWarning, stacklevel=1)
        done.set()
        thread.join()
    assert [str(each.message) for each in told] == ["mine"]


@pytest.mark.parametrize(("action", "expected"), [("ignore", "nothing"), ("error", "error"), ("always", "shown")])
def test_filters_count_for_those_who_do_not_listen(action: Literal["ignore", "error", "always"], expected: str) -> None:
    def speak() -> None:
        try:
            warnings.warn("mine", UserWarning, stacklevel=1)
        except UserWarning:
            came.append("error")

    came: list[str] = []
    thread = threading.Thread(target=speak)
    with warnings.catch_warnings(record=True) as told:
        warnings.filterwarnings(action, "mine", UserWarning)
        with overheard() as heard:
            thread.start()
            thread.join()
    came += ["shown"] * len(told) or (["nothing"] if not came else [])
    assert (came, heard) == ([expected], [])


def test_the_inner_one_hears_alone() -> None:
    with overheard() as outer:
        with overheard() as inner:
            warnings.warn("deep", UserWarning, stacklevel=1)
        warnings.warn("shallow", UserWarning, stacklevel=1)
    assert ([str(each) for each in inner], [str(each) for each in outer]) == (["deep"], ["shallow"])
