"""Whatever runs, classes and settings are called, the page has the same elements: a name is text and nothing else."""

import numpy as np
import pytest

from oracles.reports import Page, network
from pellucid.errors import printable
from pellucid.report import html_report
from pellucid.report.html import element, text

pytest.importorskip("matplotlib")

PAYLOADS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "</style><script>",
    "</title><h1>", "<!-- ", "--> <svg onload=alert(1)>", "&lt;b&gt;", "&#60;script&#62;", "$title ${style} $$",
    "%s{0}", "]]>", "javascript:alert(1)", "\x00\x1b[2J", "\u202eevil", "a" * 5000,
    "\ud800", "", " ", "\n</td></tr></table>",
)  # fmt: skip


def hostile(count: int) -> list[str]:
    rng = np.random.default_rng(1)
    letters = "<>&\"'`=/\\ $%{}()-!;:#\n\t\r\0abcé日\u2028\u200f🙂"
    names = list(PAYLOADS)
    while len(names) < count:
        noise = "".join(rng.choice(list(letters), 12))
        names.append(noise + PAYLOADS[len(names) % len(PAYLOADS)] + noise)
    return names[:count]


def test_no_name_changes_the_page():
    names = hostile(200)
    assert len(names) == 200
    for name in names:
        shown = element("p", text(name), title=name)
        found = Page(shown)
        assert found.shape == [("p", ("title",))], name
        assert "".join(found.texts) == printable(name, 200)


@pytest.mark.parametrize("count", [3, 200])
def test_no_class_changes_the_page(count, rng):
    """200 classes called as nobody would call them give the same elements as 200 with plain names."""
    x, labels = rng.integers(0, 256, (2 * count, 1, 6, 6)).astype(np.uint8), np.arange(2 * count) % count
    pages = []
    for names in (hostile(count), [f"class {number}" for number in range(count)]):
        made = network(count, class_names=names)
        pages.append(Page(html_report(made, (x, labels), title=names[0], part=names[0], engine="numpy")))
    evil, plain = pages
    assert evil.faults == plain.faults == []
    assert evil.shape == plain.shape
    words = "".join(evil.texts)
    assert all(printable(name) in words for name in hostile(count)[:19])


def test_no_setting_changes_the_page(run, tmp_path):
    shapes = []
    for number, name in enumerate(("plain", PAYLOADS[1])):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        for file in run.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        config = (folder / "config.toml").read_text()
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        (folder / "config.toml").write_text(f'{config}\n["{quoted}"]\n"{quoted}" = "{quoted}"\n')
        with (folder / "metrics.jsonl").open("a") as log:
            log.write(f'{{"{quoted}": 1.5}}\n')
        shapes.append(Page(html_report(folder, missing=name)).shape)
    assert shapes[0] == shapes[1]
