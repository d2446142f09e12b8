# amaranth: UnusedElaboratable=no
"""The Verilog is read by tools that are not ours, and none finds a mistake in it."""

import shutil
import subprocess
import sys
from importlib.resources import files

import jinja2
import pytest
from pyslang import driver

from gemmule.gen.catalog import catalog
from gemmule.gen.tools import verilator
from gemmule.gen.verilog import yosys
from gemmule.gen.verilog.emit import emit
from gemmule.gen.verilog.primitives import models
from gemmule.tb.common.adder import ADDER, AdderParams

SMALL = {"rows": 3, "cols": 2, "lanes": 3, "acc_depth": 8, "x_depth": 64, "w_depth": 64}
"""Sizes that blocks share; enough for each of their parts to be there."""

QUICK = ("adder", "gemm")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in QUICK else pytest.mark.full)
        for name in ("adder", *catalog())
    ],
)
def design(request, tmp_path_factory):
    """A folder with the Verilog of one block, and its name."""
    block = ADDER if request.param == "adder" else catalog()[request.param]
    known = block.params.__dataclass_fields__
    params = block.params(**{name: size for name, size in SMALL.items() if name in known})
    emitted = emit(block, params)
    folder = tmp_path_factory.mktemp(request.param)
    (folder / f"{emitted.top}.v").write_text(emitted.verilog)
    for name, text in models(emitted.verilog).items():
        (folder / name).write_text(text)
    return folder, emitted.top


def sources(folder):
    return sorted(str(path) for path in folder.glob("*.v"))


def test_verilator_lints_it(design):
    folder, top = design
    # The waivers, each with its reason, are those that `gemmule generate` writes beside it.
    template = files("gemmule.gen.package.templates").joinpath("waivers.vlt.j2").read_text()
    (folder / "waivers.vlt").write_text(jinja2.Template(template).render(name=top) + "\n")
    tool = verilator()
    command = [tool.command, "--lint-only", "-Wall", "--top-module", top, "waivers.vlt"]
    result = subprocess.run(
        [*command, *sources(folder)],
        cwd=folder,
        env=tool.environment,
        capture_output=True,
        text=True,
    )
    assert not result.returncode, result.stderr


def test_yosys_reads_it_back(design):
    folder, top = design
    # In a process of its own: Yosys ends the process it runs in when it meets an error.
    reads = [f'read_verilog "{path}"' for path in sources(folder)]
    passes = [*reads, f"hierarchy -check -top {top}", "proc", "check -assert"]
    script = f"from gemmule.gen import yosys\nyosys.run({passes!r})\nprint('all passes ran')"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True)
    assert "all passes ran" in result.stdout, result.stdout + result.stderr


def test_slang_finds_no_error(design):
    folder, top = design
    slang = driver.Driver()
    slang.addStandardArgs()
    assert slang.parseCommandLine(f"slang --std 1364-2005 --top {top} {' '.join(sources(folder))}")
    assert slang.processOptions()
    assert slang.parseAllSources()
    assert slang.runFullCompilation(quiet=True)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not here: apt install iverilog")
def test_icarus_takes_it_as_verilog_2001(design):
    folder, top = design
    command = ["iverilog", "-g2001", "-Wall", "-Wno-timescale", "-t", "null", "-s", top]
    result = subprocess.run([*command, *sources(folder)], capture_output=True, text=True)
    assert not result.returncode, result.stderr
    assert "error" not in result.stderr


def test_yosys_writes_nothing_on_stdout(capfd):
    yosys.run(["design -reset"])
    emit(ADDER, AdderParams())
    assert capfd.readouterr().out == ""
