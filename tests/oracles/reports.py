"""What tests of reports share: a small network, images that it can learn, and a reader of pages."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

import pellucid as p


def stripes(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images 6×6 of three classes, by the row of a bright stripe, with noise."""
    labels = np.arange(count) % 3
    images = np.random.default_rng(seed).integers(0, 120, (count, 1, 6, 6)).astype(np.uint8)
    images[np.arange(count), 0, 2 * labels] += 90
    return images, labels


def network(classes: int = 3, channels: int = 1, **options) -> p.Sequential:
    layers = [p.Conv2d(channels, 4, 3, padding=1), p.ReLU(), p.MaxPool2d(2), p.Flatten(), p.Linear(36, classes)]
    return p.Sequential(layers, input_shape=(channels, 6, 6), **options)


class Page(HTMLParser):
    """A page as it is read: its elements in order, with their attributes, and its text."""

    VOID = ("img", "meta", "br", "link", "input")

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.faults += [f"{tag} is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"{tag} is closed where it is not open")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements with the names of their attributes: what must not depend on what things are called."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]
