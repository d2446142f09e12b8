"""Boards as data, and the Tcl and XDC that go with them."""

import shutil
import subprocess
from importlib.resources import files

import pytest

from gemmule.gen.boards import board_names, load_board
from gemmule.gen.package import generate
from gemmule.tb.common.adder import ADDER, AdderParams

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
    assert files("gemmule.constraints").joinpath(f"{name}.xdc").is_file()


@pytest.mark.parametrize("name", board_names())
def test_vivado_is_told_what_it_can_parse(name, tmp_path):
    tclsh = shutil.which("tclsh")
    if not tclsh:
        pytest.skip("tclsh is not installed")
    generate(ADDER, AdderParams(lanes=1), tmp_path, board=name)
    part = load_board(name).part
    said = {}
    for path in [*tmp_path.glob("*.tcl"), *tmp_path.glob("*.xdc")]:
        run = subprocess.run(
            [tclsh], input=STUB % (part, path), capture_output=True, text=True, check=True
        )
        said[path.name] = run.stdout.splitlines()
    assert (
        f"synth_design -top adder_axis -part {part} -mode out_of_context" in said["build_ooc.tcl"]
    )
    assert any(line.startswith("create_project") for line in said["build_project.tcl"])
    assert any("-name aclk" in line for line in said["adder.xdc"])
    assert any("PACKAGE_PIN" in line for line in said[f"{name}.xdc"])
    assert any(line.startswith("set_false_path") for line in said[f"{name}.xdc"])
    script = tmp_path / "build_ooc.tcl"
    run = subprocess.run([tclsh], input=STUB % ("", script), capture_output=True, text=True)
    assert "usage: vivado" in run.stderr + run.stdout
