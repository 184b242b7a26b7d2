"""Makes of a digit drawn by hand what was made of MNIST's own digits, so that a network trained on them knows it.

Whoever draws on a canvas draws large or small, and anywhere. MNIST's digits were written so too; then each was scaled
until the longer side of the ink was 20 pixels, and laid in 28×28 so that its centre of mass, rounded, is at pixel
(14, 14): that holds for each of the 10,000 test images, whose mean is at 14.0 and not at the middle, 13.5. The ink is
scaled by averaging over areas, so that an edge which passes through a pixel makes it grey.

All sums are of whole numbers below 2⁵³, which float64 holds exactly: they come out the same in whatever order they are
added, so the same drawing gives the same image on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import shown
from ..errors import ArgumentError, DataError
from ..geometry import Pair, pair, whole_number

FAINTEST = 26
"""The least of 255 that counts as ink, above a tenth: compression of pictures leaves fainter traces around it."""


def drawn_digit(
    ink: ArrayLike, size: int | Pair = 28, box: int | None = None, centred: bool = True
) -> NDArray[np.uint8]:
    """Make of a drawing the image that a network trained on MNIST expects.

    Parameters
    ----------
    ink : array (H, W) or (1, H, W)
        How much of each pixel is covered with ink: uint8 from 0 to 255, floats from 0 to 1, or bool. Of any height and
        width. Of dark ink on white paper give ``255 - pixels``.
    size : int or (int, int), default 28
        (height, width) that the network takes.
    box : int, optional
        What the longer side of the ink becomes. By default MNIST's share of the image's shorter side, 20 of 28,
        rounded; but for images of 8×8 all 8, as in the embedded digits.
    centred : bool, default True
        False scales the whole canvas instead, wherever the ink is on it: what a network then makes of it shows what the
        preparation is for.

    Returns
    -------
    uint8 array (1, height, width)
        As in MNIST's files: 255 is full ink, and the network itself scales it. Without ink, all are 0.

    Raises
    ------
    DataError
        If `ink` is of another shape or type, or beyond 0 and 1.
    ArgumentError
        If `size` or `box` is no whole number of at least 1, or the box is larger than the image.

    Notes
    -----
    1. The bounding box of the ink: of all pixels that are covered by more than a tenth.
    2. `area_average` to `box` pixels along its longer side, and in proportion, rounded, along the other.
    3. The centre of mass, rounded, is laid on pixel (height // 2, width // 2); what falls beyond the border is cut off.
       A box as large as the image leaves no room for that, so there the middle is laid on the middle.

    References
    ----------
    Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998. How a centre of mass was
    rounded there is not said; it is measured here.

    Examples
    --------
    >>> canvas = np.zeros((280, 280), np.uint8)
    >>> canvas[40:240, 20:40] = 255  # a stroke at the left
    >>> image = drawn_digit(canvas)
    >>> image.shape, np.argwhere(image[0]).min(axis=0), np.argwhere(image[0]).max(axis=0)
    ((1, 28, 28), array([ 4, 13]), array([23, 14]))
    """
    levels, size = _levels(ink), pair(size, "size")
    box = _usual_box(size) if box is None else whole_number(box, "box")
    if box > min(size):
        raise ArgumentError(f"box: expected at most the shorter side of the image, {min(size)}, received {shown(box)}")
    if not centred:
        return area_average(levels, size)[None]
    drawing = _cut_out(levels)
    if drawing.size == 0:
        return np.zeros((1, *size), np.uint8)
    scaled = area_average(drawing, _scaled(drawing.shape, box))
    return (laid_in_the_middle if box == min(size) else laid_by_mass)(scaled, size)[None]


def overlaps(inputs: int, outputs: int) -> NDArray[np.float64]:
    """How much of each input pixel lies in each output pixel, where both rows of pixels are equally long.

    Divide the whole length into ``inputs·outputs`` equal units. An input pixel is `outputs` of them long, an output
    pixel `inputs`: output o reaches from ``o·inputs`` to ``(o + 1)·inputs``, input i from ``i·outputs`` to
    ``(i + 1)·outputs``, and what they share is a whole number of units.

    Parameters
    ----------
    inputs, outputs : int
        Numbers of pixels.

    Returns
    -------
    float64 array (outputs, inputs)
        Whole numbers. Every row sums to `inputs` and every column to `outputs`.

    Examples
    --------
    Three pixels become two, and each of these is one and a half of those; two become three:

    >>> overlaps(3, 2)
    array([[2., 1., 0.],
           [0., 1., 2.]])
    >>> overlaps(2, 3)
    array([[2., 0.],
           [1., 1.],
           [0., 2.]])
    """
    ends_of_inputs, ends_of_outputs = np.arange(inputs + 1) * outputs, np.arange(outputs + 1)[:, None] * inputs
    first = np.maximum(ends_of_outputs[:-1], ends_of_inputs[:-1])  # (outputs, 1), (inputs,) -> (outputs, inputs)
    last = np.minimum(ends_of_outputs[1:], ends_of_inputs[1:])
    shared: NDArray[np.float64] = np.maximum(last - first, 0).astype(np.float64)
    return shared


def area_average(image: NDArray[np.uint8], size: Pair) -> NDArray[np.uint8]:
    """Scale an image so that each output pixel is the mean of the input over its area: ``rows @ image @ columns.T``.

    The matrices are `overlaps` along the two axes; as their rows sum to H and to W, the product is divided by H·W. It
    makes images smaller or larger.

    Parameters
    ----------
    image : uint8 array (H, W)
    size : (int, int)
        (height, width) of the result.

    Returns
    -------
    uint8 array (height, width)

    Examples
    --------
    >>> area_average(np.array([[0, 90, 240]], np.uint8), (1, 2))  # (2·0 + 90) / 3 and (90 + 2·240) / 3
    array([[ 30, 190]], dtype=uint8)
    """
    rows, columns = (overlaps(*lengths) for lengths in zip(image.shape, size, strict=True))
    # By einsum's own loops: @ hands even matrices of this size to threads, which wait for each other on a busy machine.
    shorter = np.einsum("rh,hw->rw", rows, image.astype(np.float64))
    sums = np.einsum("rw,cw->rc", shorter, columns)  # (height, W), (width, W) -> (height, width)
    means: NDArray[np.uint8] = np.rint(sums / image.size).astype(np.uint8)
    return means


def laid_by_mass(drawing: NDArray[np.uint8], size: Pair) -> NDArray[np.uint8]:
    """Lay a drawing (h, w) on empty ground of `size`, its centre of mass, rounded, on pixel (height // 2, width // 2).

    What falls beyond the border is cut off.
    """
    mass = int(drawing.sum(dtype=np.int64))
    if mass == 0:
        return np.zeros(size, np.uint8)
    start = []
    for axis, length in enumerate(size):
        masses = drawing.sum(axis=1 - axis, dtype=np.int64)
        moment = int((masses * np.arange(len(masses))).sum())
        start.append(length // 2 - (2 * moment + mass) // (2 * mass))  # moment / mass, halves rounded up
    return _laid(drawing, size, start)


def laid_in_the_middle(drawing: NDArray[np.uint8], size: Pair) -> NDArray[np.uint8]:
    """Lay a drawing on empty ground of `size`, middle on middle; of what cannot be halved, more at the end."""
    return _laid(drawing, size, [(whole - part + 1) // 2 for whole, part in zip(size, drawing.shape, strict=True)])


def _laid(drawing: NDArray[np.uint8], size: Pair, start: list[int]) -> NDArray[np.uint8]:
    """Lay the first pixel of a drawing at `start`, which is at most its own size before the ground begins."""
    (height, width), (top, left) = drawing.shape, start
    framed = np.zeros((size[0] + 2 * height, size[1] + 2 * width), np.uint8)  # a border of the drawing's own size
    framed[height + top : 2 * height + top, width + left : 2 * width + left] = drawing
    return framed[height:-height, width:-width].copy()


def _levels(ink: ArrayLike) -> NDArray[np.uint8]:
    """Return ink as (H, W) of 0 … 255, or refuse it."""
    array = np.asarray(ink)
    plane = array[0] if array.ndim == 3 and len(array) == 1 else array
    if plane.ndim != 2 or plane.size == 0:
        raise DataError(f"ink: expected shape (H, W) or (1, H, W), received {array.shape}; make grey of colours first")
    if plane.dtype == np.uint8:
        return plane
    if plane.dtype.kind not in "fb":
        raise DataError(f"ink: expected uint8, floats or bool, received {plane.dtype}; write ink.astype('uint8')")
    if not (plane.min() >= 0 and plane.max() <= 1):  # NaN is neither
        found = f"{plane.min():g} to {plane.max():g}"
        raise DataError(f"ink: expected floats from 0 to 1, received {found}; divide by the largest, or pass uint8")
    levels = plane * np.float64(255)
    return np.rint(levels, out=levels).astype(np.uint8)


def _cut_out(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the bounding box of the ink; of no ink, an array of size 0."""
    covered = levels >= FAINTEST
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    return levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else levels[:0, :0]


def _scaled(size: Pair, box: int) -> Pair:
    """Return a size with the longer side made `box` and the other in proportion, rounded, at least 1."""
    longer = max(size)
    height, width = (max(1, (2 * box * side + longer) // (2 * longer)) for side in size)
    return height, width


def _usual_box(size: Pair) -> int:
    """Return what the longer side of the ink is in images of this size."""
    shorter = min(size)
    return shorter if size == (8, 8) else max(1, (2 * 20 * shorter + 28) // (2 * 28))
