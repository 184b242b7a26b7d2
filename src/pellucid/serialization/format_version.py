"""The version of a file's format: a whole number, by which a reader knows whether it understands the file."""

from __future__ import annotations

from ..errors import ModelFileError, path_text, printable


def check_version(found: object, path: str, what: str, newest: int, oldest: int = 1) -> int:
    """Return the version that a file states, as a text or a whole number.

    Parameters
    ----------
    found : str or int
    path : str
        Of the file.
    what : str
        What the file is, as in "a checkpoint".
    newest, oldest : int
        The versions that can be read.

    Raises
    ------
    ModelFileError
        If it is none of these; the message says whether it is a newer one, or an older one, or none.
    """
    version = int(found) if isinstance(found, str) and found.isdecimal() and len(found) < 10 else found
    known = f"of format version {newest}" if oldest == newest else f"of format version {oldest} to {newest}"
    text = f"{path_text(path)}: expected {what} {known}, found {printable(repr(found), 20)}"
    if not isinstance(version, int) or isinstance(version, bool):
        raise ModelFileError(f"{text}; the file is damaged")
    if version > newest:
        raise OtherVersionError(f"{text}; it is of a newer Pellucid: update Pellucid to read it")
    if version < oldest:
        raise OtherVersionError(f"{text}; it is of an older Pellucid, which this one reads no more: use that version")
    return version


class OtherVersionError(ModelFileError):
    """A file is of a version that cannot be read here, and so not damaged."""
