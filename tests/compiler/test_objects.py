"""The undefined symbols of object files, of every format, from code that LLVM emits for other systems too."""

import llvmlite.binding as llvm
import pytest

from pellucid.compiler.kernels.conv_grad_input import ScatterTile, conv2d_grad_input, grad_input_tile
from pellucid.compiler.kernels.convolution import Convolution
from pellucid.compiler.objects import undefined_symbols
from pellucid.compiler.recipe import Recipe
from pellucid.compiler.runner import runner
from pellucid.compiler.tiles import BY_NAME
from pellucid.geometry import Window

CODE = """
@table = internal constant [2 x i64] [i64 3, i64 4]
declare float @fmaf(float, float, float)
declare void @a_name_of_more_than_eight_letters()
define float @calls_two(float %x) {
  call void @a_name_of_more_than_eight_letters()
  %y = call float @fmaf(float %x, float %x, float %x)
  ret float %y
}
define i64 @calls_nobody(i64 %i) {
  %at = getelementptr [2 x i64], ptr @table, i64 0, i64 %i
  %value = load i64, ptr %at
  ret i64 %value
}
"""
ALONE = CODE[: CODE.index("declare")] + CODE[CODE.index("define i64") :]


def emit(triple, code, features=""):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(features=features, reloc="pic", codemodel="small")
    module = llvm.parse_assembly(code)
    module.triple = triple
    return machine.emit_object(module)


@pytest.mark.parametrize(
    ("triple", "prefix"),
    [
        ("x86_64-unknown-linux-gnu", ""),
        ("aarch64-unknown-linux-gnu", ""),
        ("x86_64-apple-macosx11", "_"),
        ("arm64-apple-macosx11", "_"),
        ("x86_64-pc-windows-msvc", ""),
        ("aarch64-pc-windows-msvc", ""),
    ],
)
def test_foreign_symbols_are_found_in_every_format(triple, prefix):
    expected = {prefix + "fmaf", prefix + "a_name_of_more_than_eight_letters"}
    assert undefined_symbols(emit(triple, CODE)) == expected
    assert undefined_symbols(emit(triple, ALONE)) == set()


def test_something_else_is_refused():
    with pytest.raises(ValueError, match="expected an ELF, Mach-O or COFF object file"):
        undefined_symbols(b"#!/bin/sh\n")


def test_windows_is_asked_for_nothing_that_is_not_allowed():
    """The runner, and a kernel with room for much on its stack, as they are for Windows."""
    scattering = Convolution(6, (12, 12), 16, Window.of(5))
    tile = grad_input_tile(scattering, BY_NAME["avx2"])
    assert isinstance(tile, ScatterTile)
    modules = [Recipe(conv2d_grad_input, (scattering, tile), BY_NAME["avx2"]).emit()[0], runner()[0]]
    for module in modules:
        code = emit("x86_64-pc-windows-msvc", module, features="+avx2,+fma")
        assert undefined_symbols(code) == set()
        assert b"__chkstk" in code, "the control"
