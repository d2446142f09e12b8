"""The user's own files: arrays read with suspicion, targets tried before the work begins."""

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError

from .block import Array
from .files import write_folder

__all__ = ["check_folder", "check_writable", "read_arrays", "write_arrays"]

UNREADABLE = (
    OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise on files that are not what they claim to be."""


def read_arrays(path: Path, wanted: tuple[Array, ...]) -> dict[str, NDArray]:
    """The arrays of the .npz file ``path``, which may hold those ``wanted`` and no others.

    Nothing is unpickled. What the values must be is for the block's adapter to say.
    """
    if not path.is_file():
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
            for array in wanted:
                if not array.optional and array.name not in found.files:
                    raise UsageError(f"--inputs: {path} lacks {array.name} {array.shape}")
            return {name: _member(path, found, name) for name in found.files}
    except UsageError:
        raise
    except UNREADABLE as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"--inputs: {path} cannot be read: {reason}") from None


def write_arrays(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """``arrays`` as the .npz file ``path``, whatever its name ends in; all of it or nothing."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_folder(path.parent, {path.name: content.getvalue()})


def check_writable(option: str, path: Path | None) -> None:
    """Refuse, before the work begins, a file ``path`` that could not be written at its end."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{option}: {str(path)!r} is a folder, not a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{option}: {str(path)!r} cannot be overwritten")
    _try_folder(option, path, path.parent)


def check_folder(option: str, path: Path) -> None:
    """Refuse a folder ``path`` that cannot be made or written into; none is made yet."""
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    _try_folder(option, path, there)


def _try_folder(option: str, path: Path, folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"{option}: cannot write {str(path)!r}: {error.strerror}") from None


def _member(path: Path, found: np.lib.npyio.NpzFile, name: str) -> NDArray:
    array = found[name]
    if not isinstance(array, np.ndarray):
        raise UsageError(f"--inputs: {name!r} in {path} is not an array")
    return array
