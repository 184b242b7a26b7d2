"""What is worth drawing of a number, kind by kind: the keys of `Sum.details`, on which the page and the docs stand.

Arrays are those of the function that fills them in; `Sum.details` has lists in their place (see `plain`).
"""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict

from numpy.typing import NDArray

from ..steps import Shape

Numbers: TypeAlias = NDArray[Any]


class Source(TypedDict):
    """Where a number comes from: a value of the program, the layer that makes it, its index there, and the number."""

    value: int
    layer: str
    index: Shape
    number: float


class Window(TypedDict):
    """Where a patch lies: the row and column that each tap reads, and which taps read padding."""

    rows: Numbers
    columns: Numbers
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Numbers


class Convolution(Window):
    """Patch and kernel (C/G, KH, KW), what each channel's products come to, and which channels of which value."""

    patch: Numbers
    kernel: Numbers
    subtotals: Numbers
    bias: float
    input: int
    channels: list[int]
    groups: int


class TransposedConvolution(TypedDict):
    """The pixels (F/G, R, S) whose kernel reaches the place, their weights, and where they stand."""

    pixels: Numbers
    kernel: Numbers
    bias: float
    input: int
    channels: Numbers
    rows: Numbers
    columns: Numbers
    groups: int


class Product(TypedDict):
    """One term of a dense layer; ``before`` is its index in the map that was flattened."""

    index: int
    x: float
    weight: float
    amount: float
    before: Any


class Rest(TypedDict):
    """The terms that are not listed."""

    count: int
    total: float


class Flattened(TypedDict):
    """The map whose numbers a dense layer reads."""

    value: int
    shape: Shape


class Dense(TypedDict):
    """The largest terms, and what the others come to."""

    bias: float
    terms: list[Product]
    rest: Rest
    map: Flattened


class MatrixProduct(TypedDict):
    """A row of one matrix and a column of the other."""

    row: Numbers
    column: Numbers


class Maximum(Window):
    """A window, (row, column) of its winner, and of those that are as large."""

    window: Numbers
    winner: list[int]
    ties: list[list[int]]
    channel: int


class Mean(TypedDict):
    """Numbers, their sum, and what it is divided by."""

    values: Numbers
    sum: float
    divisor: int


class MeanOfWindow(Mean, Window):
    """A mean of a window, in which padding may count."""

    window: Numbers
    channel: int


class MeanOfRegion(Mean):
    """A mean of a part of a map."""

    window: Numbers
    channel: int
    rows: list[int]
    columns: list[int]


class MeanOfAxes(Mean):
    """A mean over whole axes."""

    axes: Shape


BatchNorm = TypedDict(
    "BatchNorm",
    {
        "x": float, "mean": float, "variance": float, "eps": float, "weight": float, "bias": float, "a": float,
        "b": float, "from": Source,
    },
)  # fmt: skip
"""The channel's numbers, and the line ``a·x + b`` that they make."""


class LocalResponse(TypedDict):
    """A number, its neighbours among the channels, and what it is divided by a power of."""

    x: float
    channels: Numbers
    neighbours: Numbers
    squares: Numbers
    sum: float
    s: float
    size: int
    alpha: float
    beta: float
    k: float


Standardised = TypedDict(
    "Standardised",
    {
        "x": float, "mean": float, "variance": float, "eps": float, "run": int, "count": int, "from": Source,
    },
)  # fmt: skip
"""Mean and variance of the run of numbers that x is in."""


class Curve(TypedDict):
    """Points of a function."""

    x: Numbers
    y: Numbers


Activation = TypedDict(
    "Activation", {"x": float, "y": float, "curve": Curve, "settings": dict[str, Any], "from": Source}
)
"""A point on a curve, and what the function is set to, by the names of its formula."""


Shares = TypedDict(
    "Shares",
    {
        "class": int, "z": Numbers, "largest": float, "shifted": Numbers, "exponentials": Numbers, "sum": float,
        "shares": Numbers,
    },
)  # fmt: skip
"""Of all classes the score, how far it is below the largest, its exponential, and its share of them."""


Joined = TypedDict("Joined", {"a": float, "b": float, "from": list[Source]})
"""Two numbers of the network, added, multiplied or divided."""

Biased = TypedDict("Biased", {"x": float, "bias": float, "from": Source})
"""A number to which a learnt one is added."""

Weighted = TypedDict("Weighted", {"x": float, "weight": float, "from": Source})
"""A number that is multiplied by a learnt one."""

Shifted = TypedDict("Shifted", {"x": float, "weight": float, "bias": float, "from": Source})
"""Both."""

Copied = TypedDict(
    "Copied",
    {"from": NotRequired[Source], "padding": NotRequired[bool], "number": NotRequired[float], "note": NotRequired[str]},
)
"""A number that stands elsewhere; or one that was put round the others, which may be a copy too."""


class Resized(TypedDict):
    """The pixels round a place, (R, S), and the share that each has in it."""

    pixels: Numbers
    weights: Numbers
    rows: Numbers
    columns: Numbers
    mode: str
    coordinates: str


class Scaled(TypedDict):
    """A pixel, and what becomes of it."""

    pixel: Any
    divisor: int
    mean: Any
    std: Any


class Custom(TypedDict):
    """A layer of the user's own."""

    layer: str
    note: str


class Given(TypedDict):
    """A number of the image: there is nothing to draw."""


Details: TypeAlias = (
    Convolution | TransposedConvolution | Dense | MatrixProduct | Maximum | MeanOfWindow | MeanOfRegion | MeanOfAxes
    | BatchNorm | LocalResponse | Standardised | Activation | Shares | Joined | Biased | Weighted | Shifted | Copied
    | Resized | Scaled | Custom | Given
)  # fmt: skip
