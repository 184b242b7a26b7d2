"""The 1,797 handwritten digits that come with the package, so that a first network needs no download.

They are the test part of *Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, UCI, 1998), under
CC BY 4.0; ``embedded/README.md`` says how the files were made.
"""

from __future__ import annotations

import numpy as np

from .catalogue import CATALOGUE
from .dataset import Dataset
from .download import EMBEDDED
from .idx import read_idx


def all_digits() -> Dataset:
    """All 1,797 digits, (1797, 1, 8, 8), in the order of the original.

    The original counts 0 … 16 dark pixels in each 4×4 field of a scan; v becomes ⌊(255·v + 8) / 16⌋, so that 16 is 255
    and each of the 17 values stays distinct.
    """
    entry = CATALOGUE["digits"]
    images_file, labels_file = (EMBEDDED / file.name for file in entry.files)
    counts = read_idx(images_file).astype(np.uint16)
    return Dataset(((counts * 255 + 8) // 16).astype(np.uint8), read_idx(labels_file), entry.class_names, entry.name)
