"""The examples of the documentation run, and say what they promise."""

import subprocess
import sys

import pytest

from gemmule.gen.docs.regions import ROOT

SAID = {
    "own_block": "(3, 8) sums",
    "own_board": "'cell': 'dsp48e1'",
    "quantized_layer": "steps of s8",
    "soc": "lint has no complaint",
}


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(tmp_path, name):
    module = f"gemmule.gen.docs.examples.{name}"
    done = subprocess.run(
        [sys.executable, "-m", module, "out"], cwd=tmp_path, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    assert SAID[name] in done.stdout
    if name == "quantized_layer":
        # Rounded once each: the input, the weights, the result.
        words = done.stdout.split()
        assert float(words[words.index("steps") - 1]) < 4


def test_every_example_is_run():
    folder = ROOT / "gen" / "docs" / "examples"
    assert {path.stem for path in folder.glob("*.py")} == {"__init__", *SAID}
