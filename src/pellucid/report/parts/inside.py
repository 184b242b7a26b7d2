"""What is inside of a network: its layers, its filters, and what they answer to images."""

from __future__ import annotations

from ...geometry import ReceptiveField
from ...summary import Row
from ...summary.arithmetic import by_axis
from ...summary.table import reads_text, size_text
from ..amounts import Amounts, of, spread
from ..html import Html, element, figure, gallery, image, paragraph, section, table, text
from ..judging import Judged
from ..material import Material
from ..pixels import PALETTE, as_png
from ..tiles import Mosaic, convolutions, filter_mosaic, map_mosaic
from .samples import is_large, small_image

NUMBERS = ("parameters", "multiply-adds")
SEEN = ("field", "stride")
"""What there is of images only, not of features."""
WIDEST, HIGHEST, LARGEST = 400, 280, 14
"""Pixels of the page that a mosaic takes at most, across and down, and that one of its pixels takes."""


def network(material: Material, amounts: Amounts) -> Html:
    """Return the network's layers as a table."""
    found = material.summary
    shown = [found.rows[number] for number in spread(len(found.rows), amounts.rows)]
    totals = found.totals
    trainable = "all trainable" if totals.trainable == totals.parameters else f"{totals.trainable:,} trainable"
    said = (
        f"Input {size_text(found.input_shape)}, {found.dtype}. {totals.parameters:,} parameters, {trainable}; "
        f"{totals.multiply_adds:,} multiply-adds a sample."
    )
    reading = any(row.reads for row in found.rows)
    numbers = (*NUMBERS, *(SEEN if len(found.input_shape) > 1 else ()))
    columns = ["layer", "class", *(["reads"] if reading else []), "output", *numbers]
    caption = of(len(shown), len(found.rows), "layer")
    if len(found.input_shape) > 1:
        caption += ". Field: input pixels along a side that one number sees; stride: from one number's to the next's"
    return section(
        "network", "Network", paragraph(said),
        table(caption, columns, (_row(row, reading)[: len(columns)] for row in shown), numbers=numbers),
    )  # fmt: skip


def _row(row: Row, reading: bool) -> list[str]:
    seen = (by_axis(row.field.size), by_axis(row.field.stride)) if isinstance(row.field, ReceptiveField) else None
    field = seen or ({"all": "all", "unknown": "?"}.get(str(row.field), ""), "")
    reads = [reads_text(row.reads)] if reading else []
    counts = f"{row.parameters:,}", f"{row.multiply_adds:,}"
    return [row.path, row.kind, *reads, size_text(row.output_shape), *counts, *field]


def filters(material: Material, amounts: Amounts) -> Html | None:
    """Return the filters of the convolutions."""
    found = convolutions(material.network)
    if not found:
        return None
    names = [list(found)[number] for number in spread(len(found), amounts.layers)]
    said = (
        f"Those of {of(len(names), len(found), 'convolution')}. Orange is above 0, blue below, the fainter the nearer."
    )
    drawn = (_drawn(name, filter_mosaic(found[name], amounts.filters, amounts.channels), "Filters") for name in names)
    return section("filters", "Filters", paragraph(said), gallery(drawn))


def feature_maps(material: Material, amounts: Amounts) -> Html | None:
    """Return what layers make of chosen images."""
    if not material.maps or material.found is None:
        return None
    parts = [paragraph("What layers make of an image. Orange is above 0, blue below, the fainter the nearer.")]
    for sample, inside in material.maps.items():
        names = [list(inside)[number] for number in spread(len(inside), amounts.layers)]
        parts.append(element("h3", text(_called(material, sample))))
        if len(names) < len(inside):
            parts.append(paragraph(f"Shown are {of(len(names), len(inside), 'layer')}.", quiet=True))
        own = material.found.data.images[sample]
        png, high = small_image(own, amounts.side), 112 * own.shape[1] / own.shape[2]
        picture = image(png, _called(material, sample), 112, high, smooth=is_large(own, amounts.side))
        maps = (_drawn(name, map_mosaic(inside[name], amounts.maps, amounts.side), "Feature maps") for name in names)
        parts.append(gallery((figure(picture, text("the image")), *maps)))
    return section("maps", "Feature maps", *parts)


def _called(material: Material, sample: int) -> str:
    judged = material.found
    if not isinstance(judged, Judged):
        return f"Sample {sample:,} of the data"
    true, named = judged.names[judged.labels[sample]], judged.names[judged.predicted[sample]]
    return f"Sample {sample:,}: {true}, {'recognised' if true == named else f'taken for {named}'}"


def _drawn(name: str, mosaic: Mosaic, what: str) -> Html:
    """Return a mosaic as a picture, each of its pixels as large as there is room for."""
    height, width = mosaic.pixels.shape[:2]
    scale = max(1, min(LARGEST, WIDEST // width, HIGHEST // height))
    png = as_png(mosaic.pixels) if mosaic.coloured else as_png(mosaic.pixels, PALETTE)
    alt = f"{what} of {name}: {mosaic.about}"
    caption = Html(f"{element('strong', text(name))}: {text(mosaic.about)}")
    return figure(image(png, alt, scale * width, scale * height), caption, "tiles")
