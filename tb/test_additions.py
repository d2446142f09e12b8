"""What an addition touches, in a copy of the sources: a function 3 files at most, a block 6."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]

FUNCTION = {
    "golden/nonlinear/functions.py": (
        "_ROWS = (\n",
        """_ROWS = (
    Function(
        name="erf",
        title="the error function",
        formula="erf(x)",
        true=_erf,
        symmetry="odd",
        out_format="sq1.15",
    ),
""",
    ),
}

BLOCK = {
    "golden/tokens/merge.py": '''"""Neighboring tokens merged."""

import numpy as np
from numpy.typing import NDArray


def merge(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add each two neighboring rows."""
    return x[0::2] + x[1::2]
''',
    "hw/tokens/token_merge.py": '''"""Neighboring tokens merged."""

from dataclasses import dataclass

from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.hw.common.stream.payload import vector


@dataclass(frozen=True, kw_only=True)
class TokenMergeParams(Options):
    """Parameters of :class:`TokenMerge`."""

    lanes: int = option(2, help="lanes of a beat", low=1, high=64)
    format: Format = option("s8", help="format of x", widths=(2, 16))


class TokenMerge(wiring.Component):
    """Sums of each two beats.

    Latency: 1 cycle.

    Members
    -------
    x : In(stream of [lanes] x format)
    y : Out(stream of [lanes] x a bit more)
    """

    LATENCY = 1

    def __init__(self, params: TokenMergeParams):
        self.params = params
        total = data.ArrayLayout(signed(params.format.width + 1), params.lanes)
        super().__init__({
            "x": In(stream.Signature(vector(params.format, params.lanes))),
            "y": Out(stream.Signature(total)),
        })

    def elaborate(self, platform):
        m = Module()
        second = Signal(name="second")
        m.d.comb += self.x.ready.eq(~self.y.valid | self.y.ready)
        with m.If(self.y.ready):
            m.d.sync += self.y.valid.eq(0)
        with m.If(self.x.valid & self.x.ready):
            m.d.sync += [second.eq(~second), self.y.valid.eq(second)]
            for n in range(self.params.lanes):
                lane, before = self.x.payload[n], Signal.like(self.x.payload[n], name=f"before_{n}")
                m.d.sync += [before.eq(lane), self.y.payload[n].eq(before + lane)]
        return m
''',
    "gen/blocks/tokens/merge.py": '''"""The block `token_merge`."""

from gemmule.gen.block import Array, Block, Job
from gemmule.golden.common.formats import check_array, check_values
from gemmule.golden.common.lanes import to_words, from_words
from gemmule.golden.common.options import Options
from gemmule.golden.tokens.merge import merge
from gemmule.hw.tokens.token_merge import TokenMerge, TokenMergeParams


class TokenMergeAdapter:
    """A beat a token."""

    Run = Options
    inputs = (Array("x", "[2 n, lanes]", "--format", "the tokens"),)
    outputs = (Array("y", "[n, lanes]", "a bit more", "their sums"),)

    def check(self, params, run, arrays):
        check_values("x", arrays["x"], params.format, shape=(None, params.lanes))

    def plan(self, params, run, arrays):
        self.check(params, run, arrays)
        x = check_array("x", arrays["x"], params.format)
        y, width = merge(x), params.format.width
        return Job(
            send={"x": to_words((x, width))},
            receive={"y": len(y)},
            decode=lambda got: {"y": from_words(got["y"], 0, width + 1, params.lanes, signed=True)},
            golden={"y": y},
        )


TOKEN_MERGE = Block(
    "token_merge", "Add neighboring tokens.", TokenMergeParams, TokenMerge, TokenMergeAdapter()
)
''',
    "gen/blocks/tokens/__init__.py": (
        "BLOCKS = (",
        "from .merge import TOKEN_MERGE\n\nBLOCKS = (TOKEN_MERGE, ",
    ),
    "tb/tokens/stimuli.py": (
        "STIMULI = {",
        """def token_merge(params, run, rng):
    return {"x": values(rng, params.format, (6, params.lanes))}


STIMULI = {
    "token_merge": token_merge,""",
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Copy the sources as a package that is found before the one that is installed."""
    folder = tmp_path_factory.mktemp("tree")
    for name, text in tracked().items():
        (folder / "gemmule" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "gemmule" / name).write_bytes(text)
    return folder


def tracked() -> dict[str, bytes]:
    folders = ["golden", "hw", "gen", "tb", "constraints", "README.md"]
    ours = ["-co", "--exclude-standard"]  # what is new to git is code as well
    command = ["git", "-C", str(ROOT), "ls-files", "-z", *ours, *folders]
    names = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}


def run(tree: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-m", *words],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def add(tree: Path, changes: dict[str, str | tuple[str, str]]) -> set[str]:
    """Make the changes, have the README's table written, and name the files that differ now."""
    ours = tree / "gemmule"
    before = {path: path.read_bytes() for path in ours.rglob("*") if path.is_file()}
    for name, change in changes.items():
        if isinstance(change, tuple):
            text = (ours / name).read_text()
            assert text.count(change[0]) == 1
            change = text.replace(*change)
        (ours / name).write_text(change)
    run(tree, "gemmule.tb.docs.regions")
    after = {path: path.read_bytes() for path in ours.rglob("*") if path.is_file()}
    shutil.rmtree(ours / "build", ignore_errors=True)
    return {str(path.relative_to(ours)) for path in after if after[path] != before.get(path)}


def test_a_function_and_a_block_are_added(tree):
    """Both are listed, tested, generated, and run; nothing else had to be touched."""
    assert add(tree, FUNCTION) == {*FUNCTION, "README.md"}
    assert add(tree, BLOCK) == {*BLOCK, "README.md"}
    assert len(FUNCTION) + 1 <= 3
    assert len(BLOCK) + 1 <= 6

    listed = {each["name"]: each for each in json.loads(run(tree, "gemmule.gen", "list", "--json"))}
    assert listed["erf"]["summary"] == "Compute the error function of each element."
    assert listed["token_merge"]["family"] == "tokens"
    for name in ("erf", "token_merge"):
        run(tree, "gemmule.gen", "generate", name, "--lanes", "1", "--out", name)
        assert (tree / name / f"{name}_axis.v").is_file()

    x = np.arange(-40, 41) * 800
    np.savez(tree / "x.npz", x=x)
    files = ["--inputs", "x.npz", "--out", "y.npz"]
    run(tree, "gemmule.gen", "simulate", "erf", "--lanes", "1", *files)
    near = np.round(np.vectorize(math.erf)(x / 2**12) * 2**15).clip(max=2**15 - 1)
    assert np.abs(np.load(tree / "y.npz")["y"] - near).max() <= 1
    assert json.loads(run(tree, "gemmule.gen", "verify", "token_merge", "--json"))["passed"]

    checks = ["gemmule/tb/test_lists.py", "gemmule/tb/test_readme.py", "-k", "table or stim or fam"]
    assert "3 passed" in run(tree, "pytest", "-q", "-p", "no:cacheprovider", *checks)
