"""The 1,000 classes of ImageNet's competition (ILSVRC 2012), in the order in which pretrained networks number them.

That is the order of their WordNet ids. ``embedded/README.md`` says where ids and names come from.
"""

from __future__ import annotations

from functools import cache

from .download import EMBEDDED


def imagenet_classes() -> tuple[str, ...]:
    """Return the names of the 1,000 classes, as torchvision has them.

    Examples
    --------
    >>> names = imagenet_classes()
    >>> len(names), names[0], names[207], names[999]
    (1000, 'tench', 'golden retriever', 'toilet tissue')
    """
    return _table()[1]


def imagenet_ids() -> tuple[str, ...]:
    """Return the WordNet ids of the 1,000 classes, after which the folders of ImageNet's pictures are called.

    Examples
    --------
    >>> imagenet_ids()[207]
    'n02099601'
    """
    return _table()[0]


@cache
def _table() -> tuple[tuple[str, ...], tuple[str, ...]]:
    lines = (EMBEDDED / "imagenet-classes.txt").read_text(encoding="utf-8").splitlines()
    ids, names = zip(*(line.split(" ", 1) for line in lines), strict=True)
    return tuple(ids), tuple(names)
