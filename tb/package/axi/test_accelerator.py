"""The accelerator's own package: its sheet's example on the RTL, its header, lint, schema."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from gemmule.gen.package.generate import generate
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus, build_axi
from gemmule.gen.verilog.emit import Emitted
from gemmule.gen.verilog.manifest import Manifest
from gemmule.golden.common.errors import UsageError
from gemmule.tb.package.axi.sheet_text import BASE, memory_of, replay
from gemmule.tb.package.axi.stand_in import COPIER, CopierParams, tiny
from gemmule.tb.package.axi.test_fusesoc import lint

SIZE = 0x1000


@pytest.fixture(scope="module")
def program(accelerator):
    """Return the co-simulation of the Verilog that the package has."""
    manifest = Manifest.from_json(json.loads((accelerator / "accelerator.json").read_text()))
    verilog = (accelerator / "accelerator.v").read_text()
    return build_axi(Emitted(verilog, manifest, "accelerator"))


@pytest.mark.parametrize("which", ["ring", "direct"])
def test_the_example_of_the_sheet_replays_on_the_verilog(accelerator, program, which):
    sheet = (accelerator / "accelerator.md").read_text()
    with SimulatedBus(program, SIZE, AxiMemory(base=BASE)) as bus:
        assert replay(sheet, which, bus) == memory_of(sheet, "after", SIZE)


def test_constant_registers_are_those_of_header_sheet_and_hardware(accelerator, program):
    header = (accelerator / "accelerator.h").read_text()
    layout = (accelerator / "driver" / "gemmule_layout.h").read_text()
    found = dict(re.findall(r"^#define ACCELERATOR_(\w+) (0x\w+)u$", header, re.M))
    places = dict(re.findall(r"^#define GEMMULE_REG_(\w+) (0x\w+)u$", layout, re.M))
    assert set(found) == set(tiny().constants)
    sheet = (accelerator / "accelerator.md").read_text()
    with SimulatedBus(program, SIZE, AxiMemory(base=BASE)) as bus:
        for name, value in found.items():
            assert bus.read32(int(places[name], 16)) == int(value, 16), name
            assert re.search(rf"\| \*\*{name}\*\* \|.*\| {value} \|", sheet), name


def test_lint_says_nothing(accelerator):
    assert not re.search(r"(?i)warning", lint(accelerator, "gemmule::accelerator"))


def test_the_schema_takes_its_component(accelerator):
    place = Path(next(iter(find_spec("pyEDAA").submodule_search_locations)))
    schema = etree.XMLSchema(etree.parse(place / "IPXACT/Schema/ieee-1685-2009/index.xsd"))
    schema.assertValid(etree.parse(accelerator / "component.xml"))


PROGRAM = """
import sys
import numpy as np
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses import golden, pynq, uio, xdma
assert all(each.__file__.startswith(sys.argv[1]) for each in (golden, pynq, uio, xdma))
with Accelerator(golden.GoldenBus()) as acc:
    print(acc.gemm(np.array([[1, 2]]), np.array([[3], [4]]), multiplier=[1], shift=[1]))
"""
"""What a board runs; without site-packages but NumPy's."""


def test_the_python_driver_runs_from_the_package_alone(accelerator, tmp_path):
    (tmp_path / "numpy").symlink_to(Path(np.__file__).parent)
    for libs in Path(np.__file__).parents[1].glob("numpy.libs"):
        (tmp_path / "numpy.libs").symlink_to(libs)
    folder = str(accelerator / "driver" / "python")
    program = f"import sys; sys.path[1:1] = sys.argv[1:]\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program, folder, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.stdout, done.stderr) == ("[[6]]\n", "")
    example = accelerator / "accelerator_example.py"
    for argument, ends in (("golden", 0), ("", 1)):
        done = subprocess.run(
            [sys.executable, "-S", example, *filter(None, [argument])],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PYTHONPATH": f"{folder}:{tmp_path}"},
        )
        assert done.returncode == ends, done.stderr
    assert done.stderr.startswith("no board: ")
    assert len(done.stderr.splitlines()) == 1
    there = accelerator / "driver" / "python" / "gemmule"
    assert {each.name for each in there.iterdir() if each.is_dir()} == {"gen", "golden"}


def test_examples_fit_sums_that_hold_one_product(tmp_path):
    """Both multiplied with a k that such hardware refuses, and nothing was generated."""
    formats = {"x_format": "u16", "w_format": "s16", "acc_width": 32}
    params = replace(tiny(), **formats)
    assert params.max_k == 1
    generate("accelerator", params, tmp_path)
    done = subprocess.run(
        [sys.executable, tmp_path / "accelerator_example.py", "golden"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path / "driver" / "python")},
    )
    assert done.returncode == 0, done.stderr


def test_the_python_example_on_the_verilog(accelerator, program):
    text = (accelerator / "accelerator_example.py").read_text()
    scope = {"__name__": "example"}
    exec(compile(text, "accelerator_example.py", "exec"), scope)  # it ends by an assertion
    with SimulatedBus(program, 1 << 16, AxiMemory(base=BASE)) as bus:
        scope["main"](bus)


def test_two_packages_in_one_folder_are_kept_apart(tmp_path):
    """Vivado wants the file component.xml, so a folder holds one such package."""
    generate(COPIER, CopierParams(), tmp_path, name="one")
    generate(COPIER, CopierParams(), tmp_path, name="one")
    with pytest.raises(
        UsageError, match=r"holds component.xml of another package, and two has one too"
    ):
        generate(COPIER, CopierParams(), tmp_path, name="two")
    assert not (tmp_path / "two.v").exists()
