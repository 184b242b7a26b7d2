"""The data sets known by name: facts and checksums, no code that reads them.

Checksums are SHA-256 where it is known, else the MD5 that the authors publish. Two mirrors speak plain http, so the
checksum is what makes a download trustworthy.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..arguments import nearest_or_all, shown
from ..errors import ArgumentError


@dataclass(frozen=True)
class DataFile:
    """A file of a data set: its usual name and its checksum, ``"sha256:…"`` or ``"md5:…"``."""

    name: str
    checksum: str


@dataclass(frozen=True)
class Entry:
    """What is known of a data set before any file is read.

    Attributes
    ----------
    name, title : str
        The name to type, and the name to show.
    images : tuple of int
        Number of training and of test images.
    shape : tuple of int
        (channels, height, width).
    class_names : tuple of str
        In the order of the class numbers.
    licence, source : str
        Terms of use, and whom to cite.
    mirrors : tuple of str
        Folders on the network that hold the files, to be tried in order; none for an embedded set.
    files : tuple of DataFile
        Training images, training labels, test images, test labels; or one archive.
    alternatives : tuple of str
        Other files or folders that hold the same data, such as the unpacked archive.
    """

    name: str
    title: str
    images: tuple[int, int]
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    licence: str
    source: str
    mirrors: tuple[str, ...]
    files: tuple[DataFile, ...]
    alternatives: tuple[str, ...] = ()


DIGITS = tuple("0123456789")
_IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _idx_files(algorithm: str, *digests: str) -> tuple[DataFile, ...]:
    return tuple(DataFile(name, f"{algorithm}:{digest}") for name, digest in zip(_IDX_NAMES, digests, strict=True))


ENTRIES = (
    Entry(
        name="digits",
        title="Handwritten digits, 8×8 (embedded)",
        images=(1438, 359),
        shape=(1, 8, 8),
        class_names=DIGITS,
        licence="CC BY 4.0",
        source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part)",
        mirrors=(),
        files=(
            DataFile(
                "digits-images-idx3-ubyte.gz", "sha256:c41c947a1014aa9bb82e371b01f16724f9ef929893351173edcc47aa0fc03930"
            ),
            DataFile(
                "digits-labels-idx1-ubyte.gz", "sha256:147c9192405199869317e6d9c62ea444f9770c3f8c6dd65035ba3a3690cc5460"
            ),
        ),
    ),
    Entry(
        name="mnist",
        title="MNIST handwritten digits",
        images=(60_000, 10_000),
        shape=(1, 28, 28),
        class_names=DIGITS,
        licence="CC BY-SA 3.0 (as usually stated)",
        source="Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=_idx_files(
            "sha256",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    Entry(
        name="fashion-mnist",
        title="Fashion-MNIST, pictures of clothes",
        images=(60_000, 10_000),
        shape=(1, 28, 28),
        class_names=(
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        licence="MIT",
        source="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, Zalando Research, 2017",
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        files=_idx_files(
            "md5",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    Entry(
        name="kmnist",
        title="Kuzushiji-MNIST, cursive Japanese characters",
        images=(60_000, 10_000),
        shape=(1, 28, 28),
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        licence="CC BY-SA 4.0",
        source="T. Clanuwat et al., KMNIST dataset, created by ROIS-DS CODH from the Kuzushiji dataset, 2018",
        mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        files=_idx_files(
            "md5",
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    Entry(
        name="cifar10",
        title="CIFAR-10, small colour photographs",
        images=(50_000, 10_000),
        shape=(3, 32, 32),
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        licence="none stated; cite the source",
        source="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        mirrors=("https://www.cs.toronto.edu/~kriz/",),
        files=(DataFile("cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a"),),
        alternatives=("cifar-10-batches-py", "data_batch_1", "cifar10.npz"),
    ),
)

CATALOGUE = {entry.name: entry for entry in ENTRIES}
NAMES = tuple(CATALOGUE)


def find_entry(name: str) -> Entry | None:
    """Return the entry of that name; capitals, underscores and "cifar-10" are forgiven."""
    plain = name.lower().replace("_", "-").replace("cifar-10", "cifar10")
    return CATALOGUE.get(plain)


def get_entry(name: str) -> Entry:
    """Return the entry of that name, or raise ArgumentError with the nearest one."""
    entry = find_entry(name)
    if entry is None:
        raise ArgumentError(f"unknown data set {shown(name)}{nearest_or_all(name, NAMES)}")
    return entry
