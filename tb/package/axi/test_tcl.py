"""The Tcl scripts run to their end where stubs of Vivado's commands check what they are given."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gemmule.hw.soc.register_map import register_map

pytestmark = pytest.mark.skipif(not shutil.which("tclsh"), reason="no tclsh: apt install tcl")

STUBS = Path(__file__).parent / "vivado_stubs.tcl"


def run(folder, script, place, *arguments):
    """Source a script of the package with stubs; return what they have noted, a word list each."""
    name = script.rpartition("_")[0]
    manifest = json.loads((folder / f"{name}.json").read_text())
    pins = [each["name"] for each in manifest["ports"] if "axi_" not in each["name"]]
    (place / "run.tcl").write_text(
        f"set component_pins {{{' '.join(pins)}}}\n"
        "set component_interfaces {s_axi m_axi}\n"
        f"source {STUBS}\n"
        f"set argv {{{' '.join(arguments)}}}\n"
        f"source {folder / script}\n"
        "foreach each $::stub::log { puts [list LOG {*}$each] }\n"
        'puts "REGISTERS [llength $::stub::registers] FIELDS [llength $::stub::fields]"\n'
        'foreach each $::stub::assigned { puts "ASSIGNED $each" }\n'
        'foreach each $::stub::excluded { puts "EXCLUDED $each" }\n'
        'dict for {key value} $::stub::properties { puts "PROPERTY $key $value" }\n'
    )
    done = subprocess.run(["tclsh", "run.tcl"], cwd=place, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout


def test_vivado_packages_the_ip(copier, tmp_path):
    said = run(copier, "copier_package.tcl", tmp_path)
    registers = register_map().values()
    fields = sum(len(each.fields) for each in registers)
    assert f"REGISTERS {len(registers)} FIELDS {fields}" in said
    assert "LOG associate -busif s_axi -clock aclk -reset aresetn core" in said
    assert "LOG associate -busif m_axi -clock aclk core" in said
    assert "PROPERTY interface/interrupt/SENSITIVITY value LEVEL_HIGH" in said
    assert "PROPERTY register/CTRL address_offset 0x010 size 32" in said
    assert "packaged gemmule:ip:copier:0.1" in said
    order = [line.split()[1] for line in said.splitlines() if line.startswith("LOG")]
    assert order[-5:] == ["create_xgui_files", "update_checksums", "check_integrity", "save_core",
                          "close_project"]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "port", "segment"),
    [
        ((), "S_AXI_HP0_FPD", "ps/SAXIGP2/HP0_DDR_LOW"),
        (("out", "250", "hpc"), "S_AXI_HPC0_FPD", "ps/SAXIGP0/HPC0_DDR_LOW"),
    ],
    ids=["hp", "hpc"],
)
def test_a_design_for_the_zcu102_is_built(copier, tmp_path, arguments, port, segment):
    """All pins are driven once, memory alone is reached, the bitstream is asked for."""
    said = run(copier, "copier_zcu102.tcl", tmp_path, *arguments)
    assert "LOG validated" in said
    assert f"LOG bus data/M00_AXI ps/{port}" in said
    assert "LOG bus control/M00_AXI copier/s_axi" in said
    assert "LOG net copier/interrupt ps/pl_ps_irq0" in said
    assert "LOG launch_runs impl_1 -to_step write_bitstream" in said
    assert "board_part xilinx.com:zcu102:part0:3.10" in said
    registers, memory = [line for line in said.splitlines() if line.startswith("ASSIGNED")]
    assert "-offset 0xA0000000 -range 4K" in registers
    assert memory.endswith(segment)  # 32 bits of address do not reach the upper bank
    assert f"{segment[:15]}" in said.partition("EXCLUDED")[2]
    folder, mhz = (arguments or ("copier_zcu102", "300"))[:2]
    assert f"CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {mhz}" in said
    assert f"{folder}/copier.xsa" in said


def test_forty_bits_of_address_reach_all_memory(accelerator, tmp_path):
    said = run(accelerator, "accelerator_zcu102.tcl", tmp_path)
    memory = [line for line in said.splitlines() if line.startswith("ASSIGNED")][1:]
    assert [line.rpartition("/")[2] for line in memory] == ["HP0_DDR_LOW", "HP0_DDR_HIGH"]
    assert "LOG validated" in said


def test_a_port_that_there_is_not_is_refused(copier, tmp_path):
    with pytest.raises(AssertionError, match="PORT must be hp or hpc, not acp"):
        run(copier, "copier_zcu102.tcl", tmp_path, "out", "100", "acp")
