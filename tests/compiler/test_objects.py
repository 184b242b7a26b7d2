"""The undefined symbols of object files, of every format, from code that LLVM emits for other systems too."""

import llvmlite.binding as llvm
import pytest

from pellucid.compiler.objects import undefined_symbols

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


def emit(triple, code):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(reloc="pic", codemodel="small")
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
