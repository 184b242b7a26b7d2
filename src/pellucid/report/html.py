"""Small pieces of HTML: escaped text, tables, pictures, sections.

`Html` is text that is HTML already; everything else is escaped on its way in. A name in a run may be anything.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, NewType

from ..errors import printable

Html = NewType("Html", str)

LONGEST = 200
"""Letters of any text that is shown."""


def text(value: object, most: int = LONGEST) -> Html:
    """Return anything as text in a page: what is no printable character is written out, and what is long cut."""
    return Html(html.escape(printable(str(value), most)))


def join(parts: Iterable[Html], between: str = "\n") -> Html:
    return Html(between.join(parts))


def element(name: str, *inner: Html, **attributes: str) -> Html:
    """Return an element; attributes are escaped, ``class_`` is class, and ``aria_label`` is aria-label."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value, 10 * LONGEST)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{named}>{''.join(inner)}</{name}>")


def paragraph(*sentences: str, quiet: bool = False) -> Html:
    """Return a paragraph of plain text."""
    words = text(" ".join(filter(None, sentences)), 20 * LONGEST)
    return element("p", words, class_="quiet") if quiet else element("p", words)


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Collection[str] = (),
    kind: str = "",
) -> Html:  # fmt: skip
    """Return a table whose first column names the rows; columns in `numbers` are set to the right.

    Cells that are `Cell` say how they look. It scrolls in its own box, which the keyboard reaches.
    """
    right = [name in numbers for name in columns]
    heads = [_cell("th", name, number, ' scope="col"') for name, number in zip(columns, right, strict=True)]
    body = []
    for row in rows:
        first, *others = zip(row, right, strict=True)
        cells = [_cell("th", *first, ' scope="row"'), *(_cell("td", *each) for each in others)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    lines, opening = "\n".join(body), f' class="{kind}"' if kind else ""
    inner = (
        f"<caption>{text(caption, 5 * LONGEST)}</caption><thead><tr>{''.join(heads)}</tr></thead>\n"
        f"<tbody>{lines}</tbody>"
    )
    return scrolling(Html(f"<table{opening}>{inner}</table>"), caption)


class Cell(NamedTuple):
    """A cell of a table that belongs to a class of the style sheet."""

    content: object
    look: str


def _cell(name: str, content: object, number: bool, scope: str = "") -> str:
    looks = ["number"] if number else []
    if isinstance(content, Cell):
        content, look = content
        looks += [look] if look else []
    kind = f' class="{" ".join(looks)}"' if looks else ""
    return f"<{name}{scope}{kind}>{text(content)}</{name}>"


def scrolling(content: Html, label: str) -> Html:
    """Return what may be wider than a page, in a box of its own that the keyboard can scroll."""
    return element("div", content, class_="scroll", role="region", tabindex="0", aria_label=label)


def image(png: bytes, alt: str, width: float, height: float, *, smooth: bool = False) -> Html:
    """Return a picture, of so many pixels of the page unless there is less room."""
    data = base64.b64encode(png).decode()
    look = "smooth" if smooth else "pixels"
    return Html(
        f'<img class="{look}" width="{width:.0f}" height="{height:.0f}" alt="{text(alt, 5 * LONGEST)}" '
        f'src="data:image/png;base64,{data}">'
    )


def figure(content: Html, caption: Html, kind: str = "") -> Html:
    """Return a picture with what is said below it."""
    inner = (content, element("figcaption", caption))
    return element("figure", *inner, class_=kind) if kind else element("figure", *inner)


def gallery(figures: Iterable[Html], kind: str = "gallery") -> Html:
    """Return figures side by side, as many as there is room for."""
    return element("div", *figures, class_=kind)


def section(identifier: str, title: str, *parts: Html) -> Html:
    """Return a part of the page under a heading of its own, a landmark for screen readers."""
    heading = Html(f'<h2 id="{identifier}">{text(title)}</h2>')
    return Html(f'<section aria-labelledby="{identifier}">\n{join((heading, *parts))}\n</section>')


def details(summary: str, *parts: Html) -> Html:
    """Return what is shown on request."""
    return element("details", element("summary", text(summary)), *parts)
