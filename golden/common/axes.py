"""Numbers that a user gives for all axes of space at once, or one for each."""

from typing import Any

import numpy as np

from .errors import UsageError

__all__ = ["both_ends", "per_axis"]


def per_axis(name: str, value: Any, axes: int, low: int) -> tuple[int, ...]:
    """Return a number for each axis; ``name`` is the option whose they are.

    Examples
    --------
    >>> per_axis("--stride", 2, 3, 1), per_axis("--stride", (1, 2), 2, 1)
    ((2, 2, 2), (1, 2))
    >>> per_axis("--stride", (1, 0), 2, 1)
    Traceback (most recent call last):
    ...
    UsageError: --stride must be one or 2 numbers of at least 1, not 1,0
    """
    values: tuple[Any, ...] = (value,) * axes if np.isscalar(value) else tuple(value)
    values = values * axes if len(values) == 1 else values
    if len(values) != axes or any(each < low for each in values):
        given = ",".join(map(str, values))
        raise UsageError(f"{name} must be one or {axes} numbers of at least {low}, not {given}")
    return tuple(map(int, values))


def both_ends(value: Any, axes: int) -> tuple[int, ...]:
    """Return the padding of each axis, the begins first and then the ends.

    Examples
    --------
    >>> both_ends(1, 2), both_ends((1, 2), 2), both_ends((1, 2, 3, 4), 2)
    ((1, 1, 1, 1), (1, 2, 1, 2), (1, 2, 3, 4))
    """
    values: tuple[Any, ...] = (value,) if np.isscalar(value) else tuple(value)
    values = values * (2 * axes) if len(values) == 1 else values
    values = values * 2 if len(values) == axes else values
    if len(values) != 2 * axes or any(each < 0 for each in values):
        # With one axis, one number for both ends is one for each axis.
        counts = "one or 2" if axes == 1 else f"one, {axes} or {2 * axes}"
        given = ",".join(map(str, values))
        raise UsageError(f"--padding must be {counts} numbers of at least 0, not {given}")
    return tuple(map(int, values))
