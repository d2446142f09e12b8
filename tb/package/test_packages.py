"""Packages in somebody else's design: their names, all of them together, a FuseSoC parent."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyslang import driver

from gemmule.gen.catalog import catalog, find
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.package.axi.files import DRIVER
from gemmule.gen.package.axi.python_driver import python_driver
from gemmule.gen.package.generate import generate
from gemmule.gen.tools import verilator
from gemmule.gen.verilog.axis import AxisForm
from gemmule.golden.common.errors import UsageError
from gemmule.tb.common.lint import yosys_takes

LEAST = {
    "rows": 1,
    "cols": 2,
    "lanes": 4,
    "acc_depth": 4,
    "x_depth": 64,
    "w_depth": 64,
    "c_depth": 4,
    "max_length": 2,
    "max_tokens": 2,
    "max_heads": 1,
    "dividers": 1,
}
"""So little that some fields have no bits."""

OTHERS = {"accelerator": {"rows": 2, "cols": 2, "bank_bytes": 1024, "data_width": 32}}
"""Least parameters of a block that has bounds of its own."""

TWO_BY_ONE = {"rows": 2, "cols": 1, "acc_depth": 8, "dataflow": "ws"}
DMA = AxisForm(streams="dma", tdata_width=64, fifo_depth="a=8")


def least(block):
    known = block.params.__dataclass_fields__
    least = {name: size for name, size in LEAST.items() if name in known}
    return block.params(**OTHERS.get(block.name, least))


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Generate a package of each block, and three more of `gemm`, in one folder; list the tops."""
    folder = tmp_path_factory.mktemp("together")
    gemm = find("gemm")
    packages = {f"my_{name}": (block, least(block), None) for name, block in catalog().items()}
    packages |= {
        "gemm": (gemm, gemm.params(**TWO_BY_ONE), None),
        "gemm_dsp": (gemm, gemm.params(cell="dsp48e2", **TWO_BY_ONE), None),
        "wide": (gemm, gemm.params(cell="dsp48e2", **TWO_BY_ONE | {"rows": 3}), DMA),
    }
    tops = []
    for name, (block, params, form) in packages.items():
        written = generate(block, params, folder, name=name, form=form)
        tops.append(f"{name}_axis" if f"{name}_axis.v" in written else name)
    return folder, tops


def sources(folder):
    return [str(path) for path in sorted(folder.rglob("*.v"))]


def test_b_verilator_takes_all_blocks_in_one_design(together):
    folder, _tops = together
    tool = verilator()
    command = [tool.command, "--lint-only", "-Wall", "-Wno-MULTITOP", *folder.glob("*.vlt")]
    done = subprocess.run(
        [*command, *sources(folder)], env=tool.environment, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    assert "%Warning" not in done.stderr


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not here: apt install iverilog")
def test_b_icarus_takes_all_blocks_in_one_design(together):
    folder, tops = together
    command = ["iverilog", "-g2001", "-t", "null", *(f"-s{top}" for top in tops)]
    done = subprocess.run([*command, *sources(folder)], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert "error" not in done.stderr


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not here: apt install iverilog")
def test_each_package_passes_its_own_testbench(together, tmp_path):
    folder, _tops = together
    benches = sorted(folder.glob("sim/*_tb.sv"))
    assert {"gemm_tb", "gemm_dsp_tb", "wide_tb", "my_softmax_tb"} <= {each.stem for each in benches}
    for bench in benches:
        assert "PASSED" in replay(folder, bench, tmp_path)
    text = (folder / "sim" / "wide_tb.sv").read_text()
    wrong = re.sub(r"(c_beats\[0\] = \{1'b0, 64'h.*)(.)\}", r"\1f}", text)
    assert wrong != text
    (tmp_path / "wide_tb.sv").write_text(wrong)
    assert "FAILED: beat 0 of c" in replay(folder, tmp_path / "wide_tb.sv", tmp_path)


def replay(folder, bench, place):
    """Run a package's testbench in Icarus; return what it prints."""
    name, program = bench.stem.removesuffix("_tb"), place / "program"
    parts = [*folder.glob(f"{name}.v"), *folder.glob(f"{name}_axis.v"), *folder.glob("sim/*.v")]
    command = ["iverilog", "-g2009", "-o", program, "-s", bench.stem, *parts, bench]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run(["vvp", "-n", program], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_b_yosys_takes_all_blocks_in_one_design(together):
    folder, _tops = together
    passes = ["read_verilog -lib +/xilinx/cells_xtra.v"]
    passes += [f'read_verilog "{path}"' for path in sources(folder)]
    passes += ["hierarchy -check", "proc", "check -assert"]
    yosys_takes(passes)


def test_b_slang_takes_all_blocks_in_one_design(together):
    folder, tops = together
    slang = driver.Driver()
    slang.addStandardArgs()
    named = " ".join(f"--top {top}" for top in tops)
    assert slang.parseCommandLine(
        f"slang --single-unit --std 1364-2005 {named} {' '.join(sources(folder))}"
    )
    assert slang.processOptions()
    assert slang.parseAllSources()
    assert slang.runFullCompilation(quiet=True)


def test_every_module_and_file_begins_with_the_name(together):
    folder, _tops = together
    for path in folder.glob("*.json"):
        name, manifest = path.stem, json.loads(path.read_text())
        assert manifest["name"] == name
        assert manifest["block"] == (name[3:] if name.startswith("my_") else "gemm")
        assert manifest["vlnv"] == f"gemmule::{name}:{manifest['versions']['gemmule']}"
        common = {"fusesoc.conf", "sim/dsp48e2.v", "component.xml"}
        common |= {f"driver/{each}" for each in ("gemmule_layout.h", *DRIVER)} | {*python_driver()}
        assert all(Path(each).name.startswith(name) for each in set(manifest["files"]) - common)
        for file in {f"{name}.v", f"{name}_axis.v"} & set(manifest["files"]):
            found = re.findall(r"^module (\S+?)\(", (folder / file).read_text(), re.MULTILINE)
            assert found
            assert all(module == name or module.startswith(f"{name}_") for module in found)
        core = (folder / f"{name}.core").read_text()
        assert f'name: "{manifest["vlnv"]}"' in core


def test_what_scripts_name_is_there(together):
    """3c: no script or constraint names a file or a port that is not delivered."""
    folder, tops = together
    for path in folder.glob("*.tcl"):
        text = path.read_text()
        for file in re.findall(r"\[file join \$here (\S+\.(?:v|xdc))\]", text):
            assert (folder / file).is_file()
        assert re.search(r"(?:-top|set_property top) (\S+)", text)[1] in tops
    for path in folder.glob("*.xdc"):
        port = re.search(r"get_ports (\w+)\]", path.read_text())[1]
        manifest = json.loads(path.with_suffix(".json").read_text())
        ports = [each["name"] for each in manifest["ports"]]
        assert port in manifest.get("axis", {"ports": ports})["ports"]


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "reg", "logic", "_a", "a" * 65, "ä"])
def test_a_name_that_tools_do_not_take_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="--name must be a letter"):
        generate(ADDER, AdderParams(), tmp_path / "ip", name=name)
    assert not (tmp_path / "ip").exists()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"streams": "wide"}, "--streams must be one of plain, dma"),
        ({"tdata_width": 64}, "--tdata-width needs --streams dma"),
        ({"streams": "dma", "tdata_width": 48}, "power of two, not 48"),
        ({"streams": "dma", "tdata_width": 2048}, "in 8..1024"),
        ({"fifo_depth": "1"}, "--fifo-depth must be 0 or in 2..65536"),
        ({"fifo_depth": "x=70000"}, "--fifo-depth must be 0 or in"),
        ({"fifo_depth": "x=4,x=5"}, "--fifo-depth must be 0 or in"),
        ({"fifo_depth": "x=4,5"}, "--fifo-depth must be 0 or in"),
        ({"fifo_depth": "total=4"}, "no input 'total'; they are command, x, y"),
    ],
)
def test_a_form_that_there_is_not_is_refused(tmp_path, options, match):
    with pytest.raises(UsageError, match=match):
        generate(ADDER, AdderParams(), tmp_path / "ip", form=AxisForm(**options))


PARENT = """CAPI=2:
name: "::parent:1"
filesets:
  rtl:
    files: [parent.v]
    file_type: verilogSource
    depend: [{depend}]
targets:
  default: {{filesets: [rtl]}}
  lint:
    filesets: [rtl]
    toplevel: parent
    flow: lint
    flow_options: {{tool: verilator, verilator_options: [-Wall]}}
  sim:
    filesets: [rtl]
    toplevel: parent
    flow: sim
    flow_options: {{tool: icarus}}
"""


@pytest.mark.parametrize("target", ["lint", "sim"])
def test_l_a_fusesoc_parent_gets_no_warning_of_ours(together, target):
    """L, B: generic and DSP cells, two sizes at once, from packages in folders of their own."""
    folder, _tops = together
    if target == "sim" and not shutil.which("iverilog"):
        pytest.skip("Icarus is not here: apt install iverilog")
    home = folder.parent / f"parent-{target}"
    names = ["gemm", "gemm_dsp", "wide", "my_array"]
    for name in names:
        manifest = json.loads((folder / f"{name}.json").read_text())
        for file in [*manifest["files"], f"{name}.json"]:
            (home / name / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / file, home / name / file)
    (home / "parent.v").write_text(parent([folder / f"{name}.json" for name in names]))
    depend = ", ".join(f'"gemmule::{name}"' for name in names)
    (home / "parent.core").write_text(PARENT.format(depend=depend))
    command = ["-m", "fusesoc.main", "--cores-root", ".", "run", "--build", f"--target={target}"]
    done = subprocess.run(
        [sys.executable, *command, "parent"],
        cwd=home,
        env=verilator().environment,
        capture_output=True,
        text=True,
    )
    log = done.stdout + done.stderr
    assert not done.returncode, log
    assert not re.search(r"(?i)warning", log), log


def parent(manifests):
    """Make a module with an instance of each top; every port is a port of its own."""
    ports, instances = [], []
    for path in manifests:
        manifest = json.loads(path.read_text())
        name = manifest["axis"]["top"] if "axis" in manifest else manifest["name"]
        text = path.with_name(f"{name}.v").read_text()
        head = text[text.index(f"module {name}(") :].partition("endmodule")[0]
        found = re.findall(r"^  (input|output) (\[\d+:0\] )?(\w+);", head, re.MULTILINE)
        ports += [f"{way} wire {width}{name}_{port}" for way, width, port in found]
        pins = ", ".join(f".{port}({name}_{port})" for _way, _width, port in found)
        instances.append(f"  {name} u_{name} ({pins});\n")
    listed = ",\n".join(ports)
    return f"module parent (\n{listed}\n);\n{''.join(instances)}endmodule\n"
