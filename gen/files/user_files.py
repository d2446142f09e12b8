"""The user's own arrays, read with suspicion."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array
from gemmule.golden.common.errors import UsageError

from .stored import Stored, stored_arrays

__all__ = ["read_arrays"]

SMALL = 1 << 20
"""Bytes of an array that is read at once."""


def read_arrays(path: Path, wanted: tuple[Array, ...]) -> dict[str, NDArray | Stored]:
    """Return the arrays of the .npz file ``path``, which may hold those ``wanted`` and no others.

    Nothing is unpickled, and large ones are not read yet. What the values must be is for the
    block's adapter to say.
    """
    try:
        there = path.is_file()
    except OSError as error:
        raise UsageError(f"--inputs: cannot read {str(path)!r}: {error.strerror}") from None
    if not there:
        raise UsageError(f"--inputs: there is no file {str(path)!r}")
    names = [array.name for array in wanted]
    found = stored_arrays(path)
    if unknown := sorted(set(found) - set(names)):
        raise UsageError(
            f"--inputs: {path} holds {unknown[0]!r}; the arrays are {', '.join(names)}"
        )
    for array in wanted:
        if not array.optional and array.name not in found:
            raise UsageError(f"--inputs: {path} lacks {array.name} {array.shape}")
    return {
        name: np.asarray(array) if array.nbytes <= SMALL else array for name, array in found.items()
    }
