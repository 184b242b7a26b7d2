"""The table of limits and the writing of sizes."""

import dataclasses

import pytest

from pellucid.limits import LIMITS, Limits, format_bytes


def test_every_limit_is_positive_and_fixed() -> None:
    for field in dataclasses.fields(Limits):
        assert getattr(LIMITS, field.name) > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIMITS.pixels = 1  # type: ignore[misc]


def test_the_sets_that_the_library_knows_fit_well_within() -> None:
    assert LIMITS.elements > 60_000 * 28 * 28 * 20
    assert LIMITS.archive_bytes > 186_000_000  # CIFAR-10's archive, unpacked
    assert LIMITS.elements > 138_357_544 * 20  # VGG16's weights


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (47_040_000, "47.0 MB"),
        (999_960, "1.0 MB"),
        (8 << 30, "8.6 GB"),
        (2**64, "18,446.7 PB"),
    ],
)
def test_format_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text
