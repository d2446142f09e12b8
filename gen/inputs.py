"""The user's own arrays, read with suspicion."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError

from .block import Array

__all__ = ["read_arrays"]

UNREADABLE = (
    OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise on files that are not what they claim to be."""


def read_arrays(path: Path, wanted: tuple[Array, ...]) -> dict[str, NDArray]:
    """The arrays of the .npz file ``path``, which may hold those ``wanted`` and no others.

    Nothing is unpickled. What the values must be is for the block's adapter to say.
    """
    try:
        there = path.is_file()
    except OSError as error:
        raise UsageError(f"--inputs: cannot read {str(path)!r}: {error.strerror}") from None
    if not there:
        raise UsageError(f"--inputs: there is no file {str(path)!r}")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"--inputs: {path} is not an .npz file (a zip of arrays)")
    names = [array.name for array in wanted]
    try:
        with np.load(path, allow_pickle=False) as found:
            if unknown := sorted(set(found.files) - set(names)):
                raise UsageError(
                    f"--inputs: {path} holds {unknown[0]!r}; the arrays are {', '.join(names)}"
                )
            if twice := [each for each in found.files if found.files.count(each) > 1]:
                raise UsageError(f"--inputs: {path} holds {twice[0]!r} twice, perhaps as .npy too")
            for array in wanted:
                if not array.optional and array.name not in found.files:
                    raise UsageError(f"--inputs: {path} lacks {array.name} {array.shape}")
            return {name: _member(path, found, name) for name in found.files}
    except UsageError:
        raise
    except UNREADABLE as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"--inputs: {path} cannot be read: {reason}") from None


def _member(path: Path, found: np.lib.npyio.NpzFile, name: str) -> NDArray:
    array = found[name]
    if not isinstance(array, np.ndarray):
        raise UsageError(f"--inputs: {name!r} in {path} is not an array")
    return array
