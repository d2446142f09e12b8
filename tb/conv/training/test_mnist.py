"""MNIST's files are read as they are distributed, and refused where they are something else."""

import gzip

import numpy as np
import pytest

from gemmule.golden.common.errors import UsageError
from gemmule.tb.benchmark import bench

from .mnist import IDX, load

RNG = np.random.default_rng(1)
ARRAYS = {
    name: RNG.integers(256, size=(count, 6, 6), dtype=np.uint8)
    if name[0] == "x"
    else RNG.integers(10, size=count, dtype=np.uint8)
    for name, count in {"x_train": 7, "y_train": 7, "x_test": 4, "y_test": 4}.items()
}


def idx(array: np.ndarray) -> bytes:
    """Return an IDX file of bytes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    for name, file in IDX.items():
        packed = name == "x_train"
        data = gzip.compress(idx(ARRAYS[name])) if packed else idx(ARRAYS[name])
        (tmp_path / f"{file}{'.gz' if packed else ''}").write_bytes(data)
    return tmp_path


@pytest.fixture
def npz(tmp_path):
    def write(**change: np.ndarray):
        np.savez(tmp_path / "mnist.npz", **(ARRAYS | change))
        return tmp_path / "mnist.npz"

    return write


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_either_form(kind, npz, folder):
    found = load(npz() if kind == "npz" else folder)
    assert (np.rint(found.train_x[:, 0] * 255) == ARRAYS["x_train"]).all()
    assert (np.rint(found.test_x[:, 0] * 255) == ARRAYS["x_test"]).all()
    assert found.train_y.tolist() == ARRAYS["y_train"].tolist()
    assert found.test_y.tolist() == ARRAYS["y_test"].tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x_test": np.zeros((4, 6, 5), np.uint8)}, r"x_test must be \[n, side, side\] of uint8"),
        ({"x_test": np.zeros((4, 6, 6))}, "not .* of float64"),
        ({"y_train": np.full(7, 10)}, "y_train must be a class of 0 to 9 for each of x_train"),
        ({"y_train": ARRAYS["y_test"]}, "y_train must be a class"),
        ({"y_test": np.array([{}] * 4)}, "is no .npz of x_train, y_train, x_test, y_test"),
    ],
)
def test_arrays_that_are_not_mnist(npz, change, words):
    with pytest.raises(UsageError, match=words):
        load(npz(**change))


def test_files_that_are_not_there(tmp_path, folder):
    with pytest.raises(UsageError, match="there is no file or folder"):
        load(tmp_path / "nothing")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(UsageError, match=r"is no \.npz"):
        load(tmp_path / "text.npz")
    (folder / IDX["y_test"]).write_bytes(b"\0\0\x0b\x01")
    with pytest.raises(UsageError, match="is no IDX file"):
        load(folder)
    (folder / IDX["y_test"]).unlink()
    with pytest.raises(UsageError, match=r"has no t10k-labels-idx1-ubyte, nor .*gz"):
        load(folder)


def test_only_a_bench_that_takes_data_gets_it(tmp_path):
    with pytest.raises(UsageError, match="--data: bench agu takes none"):
        bench("agu", tmp_path, quick=True, as_json=True, data=tmp_path)
