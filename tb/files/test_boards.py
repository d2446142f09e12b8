"""Boards as data, and the Tcl and XDC that go with them."""

import shutil
import subprocess

import pytest

from gemmule.gen.boards import board_names, load_board
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.package.generate import generate

OUT_OF = "mine_ooc.tcl"

# Runs a script with every command of Vivado's noted and answered with a name.
STUB = """
proc unknown {args} { puts $args; return answer }
set argv [list %s]
source %s
"""


@pytest.mark.parametrize(
    ("name", "lut", "ff", "dsp", "bram36"),
    [("zcu102", 274_080, 548_160, 2_520, 912), ("vc709", 433_200, 866_400, 3_600, 1_470)],
)
def test_boards_are_what_their_makers_say(name, lut, ff, dsp, bram36):
    there = load_board(name).resources
    assert (there["lut"], there["ff"], there["dsp"], there["bram36"]) == (lut, ff, dsp, bram36)
    assert there["bram18"] == 2 * bram36
    assert there["uram"] == 0


@pytest.mark.parametrize("name", board_names())
def test_vivado_is_told_what_it_can_parse(name, tmp_path):
    tclsh = shutil.which("tclsh")
    if not tclsh:
        pytest.skip("tclsh is not installed")
    part = load_board(name).part
    for folder, board, argument in ((tmp_path / "a", name, ""), (tmp_path / "b", None, part)):
        generate(ADDER, AdderParams(lanes=1), folder, board=board, name="mine")
        said = {path.name: run(tclsh, argument, path) for path in folder.glob("mine*.[tx]*c*")}
        assert f"synth_design -top mine_axis -part {part} -mode out_of_context" in said[OUT_OF]
        assert any(line.startswith("create_project") for line in said["mine_project.tcl"])
        assert any("-name aclk" in line for line in said["mine.xdc"])
    # A part that is given wins; none at all is refused.
    assert "-part other" in " ".join(run(tclsh, "other", tmp_path / "a" / OUT_OF))
    assert "usage: vivado" in " ".join(run(tclsh, "", tmp_path / "b" / OUT_OF))


def run(tclsh, arguments, script):
    """Run ``script``; return what its Vivado commands are given, line by line."""
    text = STUB % (arguments, script)
    done = subprocess.run([tclsh], input=text, capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).splitlines()
