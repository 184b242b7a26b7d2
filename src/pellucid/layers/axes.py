"""What layers over a sample's axes have in common: a setting for each of several axes."""

from __future__ import annotations

from ..arguments import shown
from ..errors import ArgumentError
from ..geometry import LARGEST, whole_number


def whole_numbers(value: object, name: str, minimum: int = 1, most: int = 2**62, fix: str = "") -> tuple[int, ...]:
    """Return a setting that is a whole number for each of several axes, one at least; or refuse it by `name`, with
    what to write instead, the `fix`.

    Raises
    ------
    ArgumentError
        If it is no tuple or list of whole numbers, or one of them is less than `minimum` or more than `most`.
    """
    try:
        if not isinstance(value, (tuple, list)) or not value:
            raise ArgumentError(f"{name}: expected a tuple of whole numbers, received {shown(value)}")
        numbers = tuple(whole_number(each, name, minimum) for each in value)
        if max(numbers) > most:
            raise ArgumentError(f"{name}: expected at most {most:,}, received {max(numbers):,}")
    except ArgumentError as error:
        raise ArgumentError(f"{error}; {fix}" if fix else str(error)) from None
    return numbers


def amounts(value: object, name: str, fix: str = "") -> tuple[int, ...]:
    """Return how much is added along each of several axes: no weight comes with it, and a file could ask for any."""
    return whole_numbers(value, name, minimum=0, most=LARGEST, fix=fix)
