# amaranth: UnusedElaboratable=no
"""The Verilog is read by tools that are not ours, and none finds a mistake in it."""

import shutil
import subprocess

import pytest
from pyslang import driver

from gemmule.gen.catalog import catalog
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.verilog import yosys
from gemmule.gen.verilog.emit import emit
from gemmule.tb.common.lint import lint, write_emitted, yosys_takes

SMALL = {"rows": 3, "cols": 2, "lanes": 3, "acc_depth": 8, "x_depth": 64, "w_depth": 64}
"""Sizes that blocks share; enough for each of their parts to be there."""

OTHERS = {"accelerator": {"rows": 4}}
"""Where one of those is not legal."""

QUICK = ("adder", "gemm")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in QUICK else pytest.mark.full)
        for name in ("adder", *catalog())
    ],
)
def design(request, tmp_path_factory):
    """Write the Verilog of one block into a folder; return it and what was emitted."""
    block = ADDER if request.param == "adder" else catalog()[request.param]
    known = block.params.__dataclass_fields__
    sizes = SMALL | OTHERS.get(block.name, {})
    params = block.params(**{name: size for name, size in sizes.items() if name in known})
    emitted = emit(block, params)
    folder = tmp_path_factory.mktemp(request.param)
    write_emitted(emitted, folder)
    return folder, emitted


def sources(folder):
    return sorted(str(path) for path in folder.glob("*.v"))


def test_verilator_lints_it(design):
    folder, emitted = design
    lint(folder, emitted.top)


def test_yosys_reads_it_back(design):
    folder, emitted = design
    reads = [f'read_verilog "{path}"' for path in sources(folder)]
    passes = [*reads, f"hierarchy -check -top {emitted.top}", "proc", "check -assert"]
    yosys_takes(passes)


def test_slang_finds_no_error(design):
    folder, emitted = design
    slang = driver.Driver()
    slang.addStandardArgs()
    assert slang.parseCommandLine(
        f"slang --std 1364-2005 --top {emitted.top} {' '.join(sources(folder))}"
    )
    assert slang.processOptions()
    assert slang.parseAllSources()
    assert slang.runFullCompilation(quiet=True)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not here: apt install iverilog")
def test_icarus_takes_it_as_verilog_2001(design):
    folder, emitted = design
    command = ["iverilog", "-g2001", "-Wall", "-Wno-timescale", "-t", "null", "-s", emitted.top]
    result = subprocess.run([*command, *sources(folder)], capture_output=True, text=True)
    assert not result.returncode, result.stderr
    assert "error" not in result.stderr


def test_yosys_writes_nothing_on_stdout(capfd):
    yosys.run(["design -reset"])
    emit(ADDER, AdderParams())
    assert capfd.readouterr().out == ""
