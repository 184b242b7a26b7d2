"""TOML from anywhere: what is read, and what is refused before it takes time."""

import re

import pytest

from pellucid.limits import LIMITS
from pellucid.toml_file import MOST_PARTS, parse_toml


def test_what_is_toml_is_read():
    text = 'about = "1.2.3.4"  # see a.b.c\n[training.optimizer]\nlr = 1e-3\nbetas = [0.9, 0.999]\n'
    expected = {"about": "1.2.3.4", "training": {"optimizer": {"lr": 1e-3, "betas": [0.9, 0.999]}}}
    assert parse_toml(text.encode()) == parse_toml(b"\xef\xbb\xbf" + text.encode()) == expected
    assert parse_toml(b"a" + b".a" * (MOST_PARTS - 1) + b" = 1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a." * MOST_PARTS + b"a = 1", "a key has more than 32 parts"),
        (b'["a" . ' + b"'b' ." * 40_000 + b"c]", "a key has more than 32 parts"),
        (b"x = 1\n[" + b"a." * 100_000, "a key has more than 32 parts"),
        (b"a = " + b"[" * 100_000, "it is nested too deep"),
        (b"a = 0x" + b"f" * 5000, "a whole number has more than the 64 bits that TOML's have"),
        (b"a = [{ b = 9223372036854775808 }]", "a whole number has more than the 64 bits"),
        (b"a = " + b"9" * 5000, "Exceeds the limit"),
        (b"#" * (LIMITS.toml_bytes + 1), "it has 262.1 kB, the limit is 262.1 kB"),
        ("ä = 1".encode("utf-16"), r"it is not in UTF-8 \(invalid start byte at byte 0\); save it as UTF-8"),
        (b"a = ", re.escape("Invalid value (at end of document)")),
    ],
)
def test_what_would_take_long_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        parse_toml(content)


def test_the_search_for_long_keys_takes_one_pass():
    """A word of a quarter of a million letters: searched anew from each of them it would take an hour."""
    assert parse_toml(b'a = "' + b"w" * 200_000 + b'"')
