"""MNIST from files of the user's: nothing is downloaded, and nothing unpickled."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError

from .network import Digits

__all__ = ["IDX", "load"]

IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""The distributed files, as they are or with ``.gz``."""

BYTES = 8
"""The code of unsigned bytes in an IDX file, ``0, 0, code, axes`` and then the sides."""


def load(path: Path) -> Digits:
    """Read a .npz of ``x_train``, ``y_train``, ``x_test``, ``y_test``, or IDX files of a folder."""
    arrays = (
        {name: _idx(path / file) for name, file in IDX.items()} if path.is_dir() else _npz(path)
    )
    for part in ("train", "test"):
        images, classes = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.ndim != 3 or images.shape[1] != images.shape[2] or images.dtype != np.uint8:
            raise UsageError(
                f"--data: x_{part} must be [n, side, side] of uint8, not {list(images.shape)} of"
                f" {images.dtype}"
            )
        if classes.shape != images.shape[:1] or not len(classes) or classes.max() > 9:
            raise UsageError(f"--data: y_{part} must be a class of 0 to 9 for each of x_{part}")
    train, test = (arrays[f"x_{part}"][:, None] / 255.0 for part in ("train", "test"))
    return Digits(
        train, arrays["y_train"].astype(np.int64), test, arrays["y_test"].astype(np.int64)
    )


def _npz(path: Path) -> dict[str, NDArray]:
    if not path.is_file():
        raise UsageError(f"--data: there is no file or folder {str(path)!r}")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in IDX}
    except (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise UsageError(f"--data: {path} is no .npz of {', '.join(IDX)}") from error


def _idx(path: Path) -> NDArray[np.uint8]:
    packed = path.with_name(f"{path.name}.gz")
    if not path.is_file() and not packed.is_file():
        raise UsageError(f"--data: {path.parent} has no {path.name}, nor {packed.name}")
    try:
        data = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
        if data[:3] != bytes([0, 0, BYTES]):
            raise ValueError("not of bytes")
        sides = np.frombuffer(data, ">u4", count=data[3], offset=4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sides)).reshape(sides)
    except (ValueError, IndexError, OSError, EOFError) as error:
        raise UsageError(f"--data: {path} is no IDX file of bytes") from error
