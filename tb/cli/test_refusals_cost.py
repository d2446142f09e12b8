"""F12: every refusal comes before the work: within 2 s and 300 MB, whatever the file declares.

Each case runs in a process of its own, which is measured; the clock starts when our modules are
imported, and counts the processor's time, since other tests share the machine.
"""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SECONDS, MEGABYTES = 2.0, 300

CHILD = """
import json, re, sys, time
from pathlib import Path
from gemmule.gen.cli.app import main
begun = time.process_time()
code = main(sys.argv[1:])
# Not getrusage: a child inherits its peak from whoever started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([code, time.process_time() - begun, peak]))
"""

HUGE = 10**12


def header(shape: tuple[int, ...], descr: str = "|i1") -> bytes:
    """Make the head of a .npy file that declares an array of ``shape``."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def declared(path: Path, **shapes: tuple[int, ...]) -> None:
    """Write a compressed .npz of zeros, as many as ``shapes`` say, none where those are large."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, shape in shapes.items():
            size = int(np.prod(shape, dtype=object))
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(header(shape))
                for _ in range(size >> 20 if size <= 1 << 31 else 0):
                    file.write(bytes(1 << 20))
                file.write(bytes(size % (1 << 20)))


def sparse_file(path: Path, **shapes: tuple[int, ...]) -> None:
    """Write an uncompressed .npz file; the last byte of each MiB of an array is 200."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, shape in shapes.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(header(shape, "|u1"))
                size = int(np.prod(shape))
                for low in range(0, size, 1 << 20):
                    file.write(bytes(min(1 << 20, size - low) - 1) + b"\xc8")


def arrays(path: Path, **values: np.ndarray) -> None:
    np.savez(path, **values)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


LAYER = {"x": ones(1, 1, 5, 5), "w": ones(1, 1, 3, 3)}
UP = {"x": ones(1, 1, 5, 5), "w": ones(1, 1, 3, 3)}
BACK = {"dy": ones(1, 1, 5, 5), "w": ones(1, 1, 3, 3)}
PRODUCT = {"a": ones(3, 4), "b": ones(4, 5)}

Case = tuple[str, Callable[..., None], dict, str]
CASES: list[Case] = [
    ("gemm", declared, {"a": (20_000_000, 1), "b": (1, 1)}, "M must be in 1..16777215"),
    ("gemm", declared, {"a": (1, 1), "b": (1, 20_000_000)}, "N must be in 1..16777215"),
    ("gemm", declared, {"a": (1, 10**12), "b": (10**12, 1)}, "declares 1000000000000 bytes"),
    ("gemm", declared, {"a": (1 << 10, 1 << 21), "b": (1 << 21, 1)}, "may take 1073741824"),
    ("gemm", declared, {"a": (1,) * 40, "b": (1, 1)}, "cannot have the shape"),
    ("gemm", declared, {"a": (16, 1 << 20), "b": (1 << 20, 1)}, "K of 1048576 could overflow"),
    (
        "gemm --swap always --b-format s4",
        declared,
        {"a": (1 << 11, 1 << 14), "b": (1 << 14, 1)},
        "--swap always needs",
    ),
    ("gemm", sparse_file, {"a": (1 << 15, 1 << 13), "b": (1 << 13, 1)}, "is 200, but s8 holds"),
    (f"gemm --clamp 0,{HUGE}", arrays, PRODUCT, "--clamp"),
    (f"gemm --seed 1 --stall {1 - 1e-7}", arrays, PRODUCT, "--stall must be in 0..0.999"),
    (f"gemm --memory-latency {HUGE}", arrays, PRODUCT, "--memory-latency must be in"),
    (
        "gemm --memory-width 8",
        declared,
        {"a": (1 << 11, 1 << 14), "b": (1 << 14, 1)},
        "gemm has no external memory",
    ),
    (
        "gemm --run-dataflow os --dataflow ws",
        declared,
        {"a": (1 << 11, 1 << 14), "b": (1 << 14, 1)},
        "--run-dataflow must be",
    ),
    ("sparse_gemm", declared, {"a": (16, 1 << 20), "b": (1 << 20, 1)}, "could overflow"),
    ("sparse_gemm", declared, {"a": (20_000_000, 4), "b": (4, 1)}, "M must be in 1..16777215"),
    ("prune24", declared, {"w": (1 << 20, 64, 1)}, "w must have shape [any, any]"),
    ("conv2d --padding 1000", arrays, LAYER, "--padding must be at most 5"),
    (f"conv2d --padding {HUGE}", arrays, LAYER, "--padding must be at most 4096"),
    (f"conv2d --stride {HUGE}", arrays, LAYER, "--stride must be at most 4096"),
    (f"conv2d --dilation {HUGE}", arrays, LAYER, "--dilation must be at most 4096"),
    (f"conv2d --groups {HUGE}", arrays, LAYER, f"--groups {HUGE}"),
    (f"conv2d --op transposed --stride {HUGE}", arrays, UP, "--stride must be at most 4096"),
    (f"conv2d --op transposed --output-padding {HUGE}", arrays, UP, "--output-padding must be at"),
    ("conv2d --op transposed --stride 4096", arrays, UP, "addresses reach 4294967296"),
    (f"conv2d --op input_grad --input-height {HUGE}", arrays, BACK, "dy must be"),
    (
        "conv2d --op input_grad --input-height 20000 --input-width 20000 --stride 4096",
        arrays,
        BACK,
        "addresses reach 4294967296",
    ),
    (
        f"conv2d --op weight_grad --kernel {HUGE}",
        arrays,
        {"x": LAYER["x"], "dy": BACK["dy"]},
        "--kernel must be at most 4096",
    ),
    (f"conv2d --stride {10**20}", arrays, LAYER, "--stride must be in 1.."),
    (
        "conv2d",
        declared,
        {"x": (1, 1 << 12, 64, 64), "w": (1, 1 << 12, 9, 9)},
        "--acc-width 32 could",
    ),
    ("conv2d", declared, {"x": (1, 1 << 14, 32, 32), "w": (1, 1 << 13, 1, 1)}, "but x has 16384"),
    (
        f"conv3d --padding {HUGE}",
        arrays,
        {"x": ones(1, 1, 5, 5, 5), "w": ones(1, 1, 3, 3, 3)},
        "--padding must be at most 4096",
    ),
    (f"im2col --size {HUGE}", arrays, {}, "--size must be at most 1024"),
    (f"im2col --batch {HUGE}", arrays, {}, "--batch must be at most 1024"),
    ("im2col --size 1000,1000 --batch 1000 --kernel 900,900", arrays, {}, "--address-width"),
    (f"zero_free --stride {HUGE}", arrays, {}, "--stride must be at most"),
    (f"bp_im2col --padding {HUGE}", arrays, {}, "--padding must be at most 1024"),
    ("gelu", sparse_file, {"x": (1 << 6, 1 << 20, 0)}, "at least one element"),
    ("gelu --in-format sq4.4", sparse_file, {"x": (1 << 6, 1 << 20)}, "is 200, but sq4.4"),
    ("softmax", declared, {"x": (1, 1 << 24)}, "--max-length"),
    ("softmax", declared, {"x": (1 << 24, 1)}, "rows, not 16777216"),
    ("layernorm", declared, {"x": (16, 1 << 20), "gamma": (1 << 20,)}, "--max-length"),
    ("token_select", declared, {"scores": (1 << 24,)}, "--max-tokens"),
    (
        "token_pack",
        declared,
        {"tokens": (4, 1 << 22), "mask": (4,), "scores": (4,)},
        "--max-length",
    ),
    ("selector", declared, {"tokens": (1 << 22, 4), "scores": (1 << 22,)}, "--max-tokens"),
    ("token_score", declared, {"attention": (1 << 5, 1 << 20)}, "--max-heads"),
    (
        "token_score --score column_max",
        declared,
        {"attention": (1, 1 << 13, 1 << 13)},
        "--max-tokens",
    ),
]


@pytest.fixture
def measured(tmp_path):
    """Return a function that runs `simulate`: its code, seconds, megabytes and sentence."""

    def run(words: str, make: Callable[..., None], content: dict) -> tuple[int, float, float, str]:
        make(tmp_path / "in.npz", **content)
        command = ["simulate", *words.split(), "--inputs", "in.npz"]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return *json.loads(done.stdout), done.stderr

    return run


@pytest.mark.parametrize(
    ("words", "make", "content", "says"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)]
)
def test_refused_at_once(measured, words, make, content, says):
    code, seconds, megabytes, sentence = measured(words, make, content)
    assert (code, sentence.count("\n")) == (2, 1), sentence
    assert says in sentence
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


def test_too_many_members(measured):
    def make(path):
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(1000):
                archive.writestr(f"{number}.npy", header((0,)))

    assert "holds more than 256 arrays" in measured("gemm", make, {})[3]


def test_a_header_that_lies(measured):
    def make(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", header((1000, 1000)) + bytes(10))

    assert "declares 1000000 bytes of [1000, 1000], but holds 10" in measured("gemm", make, {})[3]


@pytest.mark.parametrize("order", ["C", "F"])
def test_bad_values_are_found_where_they_are(measured, order):
    a = np.zeros((1500, 1000), np.int16, order=order)
    a[1234, 567] = 128
    content = {"a": a, "b": ones(1000, 1)}
    assert "a[1234, 567] is 128, but s8" in measured("gemm", arrays, content)[3]
