"""An .npz file by what it declares: its arrays are looked at before they are read."""

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError

__all__ = ["LARGEST", "Stored", "stored_arrays"]

LARGEST = 1 << 30
"""Bytes that the arrays of a run may hold together, unpacked."""

MEMBERS = 256
"""Arrays of a file."""

AXES = 32
"""Axes of an array."""

PIECE = 1 << 22
"""Bytes that are looked at at once."""

UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    RecursionError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on files that are not what they claim to be."""

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class Stored:
    """An array as its header tells it; ``np.asarray`` reads it.

    ``pieces`` reads it, too, but holds no more than a few megabytes at a time.
    """

    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        flat = np.empty(self.size, self.dtype)
        for first, piece in self.pieces():
            flat[first : first + len(piece)] = piece
        array = flat.reshape(self.shape, order="F" if self.fortran else "C")
        return array.astype(dtype or self.dtype, copy=False)

    def pieces(self) -> Iterator[tuple[int, NDArray]]:
        """Yield pieces in the file's order, each behind the flat index of its first element."""
        opened = zipfile.ZipFile(self.path)
        with _readable(self.path), opened as archive, archive.open(self.member) as file:
            _header(file)
            step = max(1, PIECE // max(1, self.dtype.itemsize))
            for first in range(0, self.size, step):
                wanted = min(step, self.size - first) * self.dtype.itemsize
                octets = file.read(wanted)
                if len(octets) < wanted:
                    raise EOFError(f"{self.member} ends before its last element")
                yield first, np.frombuffer(octets, self.dtype)


def stored_arrays(path: Path) -> dict[str, Stored]:
    """Return the arrays of the .npz file ``path``, by name; none is read.

    Raise :class:`UsageError` where the file is none, or declares more than it holds or than
    :data:`LARGEST`.
    """
    _check_directory(path)
    with _readable(path), zipfile.ZipFile(path) as archive:
        found: dict[str, Stored] = {}
        for each in archive.infolist():
            name = each.filename.removesuffix(".npy")
            if name in found:
                raise UsageError(f"--inputs: {path} holds {name!r} twice, perhaps as .npy too")
            found[name] = _stored(path, archive, each)
    total = sum(array.nbytes for array in found.values())
    if total > LARGEST:
        name, most = max(found.items(), key=lambda each: each[1].nbytes)
        raise UsageError(
            f"--inputs: the arrays in {path} take {total} bytes, {name} of {list(most.shape)} alone"
            f" {most.nbytes}; those of a run may take {LARGEST} together"
        )
    return found


def _stored(path: Path, archive: zipfile.ZipFile, each: zipfile.ZipInfo) -> Stored:
    name = each.filename
    if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UsageError(f"--inputs: {name!r} in {path} is packed as np.savez never does it")
    with archive.open(each) as file:
        try:
            shape, fortran, dtype = _header(file)
        except UNREADABLE:
            raise UsageError(
                f"--inputs: {name!r} in {path} cannot be read: it is not an array"
            ) from None
        at = file.tell()
    if dtype.hasobject:
        raise UsageError(
            f"--inputs: {name!r} in {path} cannot be read: it holds objects, not numbers"
        )
    if len(shape) > AXES or any(n < 0 for n in shape):
        raise UsageError(f"--inputs: {name!r} in {path} cannot have the shape {list(shape)[:4]}...")
    made = Stored(path, name, shape, dtype, fortran)
    if made.nbytes != each.file_size - at:
        raise UsageError(
            f"--inputs: {name!r} in {path} declares {made.nbytes} bytes of {list(shape)}, but holds"
            f" {each.file_size - at}"
        )
    return made


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    return HEADERS[np.lib.format.read_magic(file)](file)


def _check_directory(path: Path) -> None:
    """Refuse a file whose list of members is itself too long to be read."""
    with _readable(path), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 16) - 22))
        end = file.read()
        place = end.rfind(b"PK\5\6")
        if place < 0:
            raise UsageError(f"--inputs: {path} is not an .npz file (a zip of arrays)")
        count, extent = struct.unpack_from("<HI", end, place + 10)
    if count > MEMBERS or extent > MEMBERS << 10:
        raise UsageError(f"--inputs: {path} holds more than {MEMBERS} arrays")


class _readable:
    """Turns what a broken file raises into one sentence."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UNREADABLE) and not isinstance(error, UsageError):
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"--inputs: {self.path} cannot be read: {reason}") from None
