"""What an object file asks of others: the names of the symbols that it uses and does not have itself.

A kernel calls nobody. Where one does after all, LLVM has met an instruction that the processor lacks and called a
library instead (fmaf, for one), which is slow at best; so such code is refused before it is linked. LLVM's Python
binding does not list symbols, hence these three readers, of what 64-bit little-endian systems use.

References
----------
System V ABI, "Symbol Table"; Apple, "OS X ABI Mach-O File Format Reference"; Microsoft, "PE Format", COFF symbol table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

ALLOWED = frozenset({"_GLOBAL_OFFSET_TABLE_", "_fltused", "__chkstk"})
"""A table that the linker makes itself, the mark that Windows' tools put on code with floating point, and what Windows
wants to be asked before a function takes more than a page of the stack."""

ELF, MACHO, COFF = b"\x7fELF", b"\xcf\xfa\xed\xfe", (b"\x64\x86", b"\x64\xaa")
ELF_SYMBOLS, MACHO_SYMBOLS = 2, 2
MACHO_EXTERNAL, MACHO_TYPE, COFF_EXTERNAL = 0x01, 0x0E, 2


def undefined_symbols(code: bytes) -> set[str]:
    """Return the names of the symbols that an object file uses without having them, those of `ALLOWED` excepted.

    Raises
    ------
    ValueError
        If it is none of ELF, Mach-O and COFF for 64-bit little-endian processors.
    """
    if code.startswith(ELF):
        names = _elf(code)
    elif code.startswith(MACHO):
        names = _macho(code)
    elif code.startswith(COFF):
        names = _coff(code)
    else:
        raise ValueError(f"expected an ELF, Mach-O or COFF object file, received one that begins with {code[:4]!r}")
    return {name for name in names if name} - ALLOWED


def _elf(code: bytes) -> Iterator[str]:
    (table,) = struct.unpack_from("<Q", code, 0x28)
    size, count = struct.unpack_from("<HH", code, 0x3A)
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, table + i * size) for i in range(count)]
    for section in sections:
        if section[1] == ELF_SYMBOLS:
            names = sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                name, _, _, home = struct.unpack_from("<IBBH", code, at)
                if home == 0:
                    yield _text(code, names + name)


def _macho(code: bytes) -> Iterator[str]:
    (commands,) = struct.unpack_from("<I", code, 16)
    at = 32
    for _ in range(commands):
        command, size = struct.unpack_from("<II", code, at)
        if command == MACHO_SYMBOLS:
            symbols, count, names, _ = struct.unpack_from("<IIII", code, at + 8)
            for i in range(count):
                name, kind = struct.unpack_from("<IB", code, symbols + 16 * i)
                if kind & MACHO_EXTERNAL and not kind & MACHO_TYPE:
                    yield _text(code, names + name)
        at += size


def _coff(code: bytes) -> Iterator[str]:
    symbols, count = struct.unpack_from("<II", code, 8)
    names, i = symbols + 18 * count, 0
    while i < count:
        short, _, home, _, kind, more = struct.unpack_from("<8sIhHBB", code, symbols + 18 * i)
        if home == 0 and kind == COFF_EXTERNAL:
            long = int.from_bytes(short[4:], "little")
            yield short.rstrip(b"\0").decode() if short[:4] != b"\0\0\0\0" else _text(code, names + long)
        i += 1 + more


def _text(code: bytes, at: int) -> str:
    return code[at : code.index(b"\0", at)].decode()
