"""Which instruction set is used, how a wrong name is answered, and that every chosen tile finds room."""

import pytest

from pellucid.compiler import tiles
from pellucid.compiler.kernels.convolution import Convolution, forward_tile, weight_tile
from pellucid.compiler.kernels.linear import linear_tile
from pellucid.compiler.tiles import BY_NAME, GENERIC, instruction_set, lanes_for, supported, target
from pellucid.errors import ArgumentError
from pellucid.geometry import Window


def test_the_best_that_the_machine_has_is_the_default():
    assert instruction_set() == supported()[0]
    assert supported()[-1] is GENERIC


def test_the_environment_forces_one(monkeypatch):
    monkeypatch.setenv("PELLUCID_ISA", " Generic ")
    assert instruction_set() is GENERIC


def test_an_unknown_name_suggests_the_nearest(monkeypatch):
    monkeypatch.setenv("PELLUCID_ISA", "avx215")
    with pytest.raises(
        ArgumentError, match=r"PELLUCID_ISA: expected one of avx512, .* received 'avx215'; did you mean avx2"
    ):
        instruction_set()


def test_a_name_that_the_machine_cannot_run_says_what_it_lacks(monkeypatch):
    monkeypatch.setattr(tiles, "supported", lambda: (BY_NAME["sse"], GENERIC))
    with pytest.raises(ArgumentError, match="avx2 needs a processor with avx2, fma; this machine can run sse, generic"):
        instruction_set("avx2")


@pytest.mark.parametrize(
    ("machine", "features", "names"),
    [
        ("x86_64", {"sse2", "avx2", "fma"}, ["avx2", "sse", "generic"]),
        ("AMD64", {"sse2", "avx2"}, ["sse", "generic"]),
        ("arm64", set(), ["neon", "generic"]),
        ("riscv64", {"v"}, ["generic"]),
    ],
)
def test_features_decide_what_is_supported(machine, features, names, monkeypatch):
    monkeypatch.setattr(tiles.platform, "machine", lambda: machine)
    monkeypatch.setattr(tiles.llvm, "get_host_cpu_features", lambda: dict.fromkeys(features, True))
    assert [isa.name for isa in supported.__wrapped__()] == names


def test_a_forced_set_is_emitted_for_the_plainest_processor_that_has_it():
    assert target(GENERIC).features == ""
    if "sse" in {isa.name for isa in supported()[1:]}:
        assert target(BY_NAME["sse"]).cpu == "x86-64"
    assert target(supported()[0]).cpu not in ("", "x86-64")


@pytest.mark.parametrize(("channels", "lanes"), [(1, 1), (2, 2), (3, 4), (6, 8), (8, 8), (9, 16), (40, 16)])
def test_vectors_are_no_wider_than_the_channels_need(channels, lanes):
    assert lanes_for(channels, BY_NAME["avx512"]) == lanes


@pytest.mark.parametrize("isa", BY_NAME.values(), ids=lambda isa: isa.name)
def test_every_chosen_tile_finds_room_in_the_registers(isa):
    for channels, filters, size, kernel, padding in [
        (1, 6, 28, 5, 0),
        (6, 16, 12, 5, 0),
        (64, 64, 56, 3, 1),
        (3, 64, 40, 11, 2),
    ]:
        conv = Convolution(channels, (size, size), filters, Window.of(kernel, padding=padding))
        forward, weight, full = forward_tile(conv, isa), weight_tile(conv, isa), linear_tile(filters, isa)
        assert isa.fits(forward.vectors, forward.rows, forward.vectors * (kernel if conv.by_column else 1))
        rows = weight.filter_rows * weight.filter_columns * weight.channels
        assert isa.fits(weight.vectors, rows, weight.vectors * weight.pixels)
        assert weight.filter_rows == 1 or padding == 0
        assert isa.fits(full.vectors, full.rows, full.vectors)
