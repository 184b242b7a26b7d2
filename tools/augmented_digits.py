"""Draws the picture of docs/augmentation.md: a digit of MNIST, and what training sees of it in fifteen epochs.

python tools/augmented_digits.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import pellucid as p
from pellucid.data.pictures import write_picture

PAGE = Path(__file__).resolve().parent.parent / "docs"
SAMPLE, COLUMNS, ENLARGED, GAP = 17, 8, 3, 4


def main() -> None:
    """Draw the picture."""
    train, _ = p.datasets.mnist()
    how = p.recipes.by_name("mnist-995").augment
    digits = [train.images[SAMPLE, 0]]
    digits += [p.augmented(train, [SAMPLE], how, epoch=epoch)[0, 0] for epoch in range(1, 2 * COLUMNS)]
    framed = [np.pad(digit.repeat(ENLARGED, 0).repeat(ENLARGED, 1), GAP, constant_values=255) for digit in digits]
    rows = [np.hstack(framed[:COLUMNS]), np.hstack(framed[COLUMNS:])]
    write_picture(PAGE / "assets" / "augmented-digits.png", np.vstack(rows))


if __name__ == "__main__":
    main()
