"""The overlays compile, join a base tree, and say what the block design and the registers say."""

import shutil
import subprocess

import pytest

from gemmule.hw.soc.register_map import PAGE

pytestmark = pytest.mark.skipif(
    not shutil.which("dtc"), reason="no dtc: apt install device-tree-compiler"
)

BASE = """/dts-v1/;
/ {
    #address-cells = <2>;
    #size-cells = <2>;
    reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; };
    gic: interrupt-controller@f9010000 {
        #interrupt-cells = <3>;
        #address-cells = <0>;
        interrupt-controller;
        reg = <0x0 0xf9010000 0x0 0x10000>;
    };
};
"""


def compiled(text, place, name):
    (place / f"{name}.dts").write_text(text)
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", f"{name}.dtb", f"{name}.dts"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert not done.stderr
    return f"{name}.dtb"


def values(tree, node, name, *how):
    found = subprocess.check_output(["fdtget", *how, tree, node, name], text=True)
    return found.split()


@pytest.mark.parametrize("coherent", [False, True], ids=["hp", "hpc"])
def test_the_overlay_joins_a_tree(copier, tmp_path, coherent):
    file = copier / "linux" / f"copier{'_coherent' if coherent else ''}.dtso"
    overlay = compiled(file.read_text(), tmp_path, "overlay")
    base = compiled(BASE, tmp_path, "base")
    subprocess.run(["fdtoverlay", "-i", base, "-o", "all.dtb", overlay], cwd=tmp_path, check=True)
    tree, node = str(tmp_path / "all.dtb"), "/copier@a0000000"
    assert values(tree, node, "compatible") == ["gemmule,accel-1", "generic-uio"]
    assert values(tree, node, "reg", "-t", "x") == ["0", "a0000000", "0", f"{1 << PAGE:x}"]
    assert values(tree, node, "interrupts") == ["0", "89", "4"]
    gic = values(tree, "/interrupt-controller@f9010000", "phandle")
    assert values(tree, node, "interrupt-parent") == gic
    memory = "/reserved-memory/copier-memory@60000000"
    buffer = "/udmabuf-copier"
    assert values(tree, buffer, "memory-region") == values(tree, memory, "phandle")
    assert values(tree, buffer, "size") == values(tree, memory, "reg")[2:]
    for each in (node, buffer):
        properties = subprocess.check_output(["fdtget", "-p", tree, each], text=True)
        assert ("dma-coherent" in properties.split()) == coherent


def test_the_script_and_the_overlay_agree(copier):
    script = (copier / "copier_zcu102.tcl").read_text()
    assert "assign_bd_address -offset 0xA0000000" in script
    assert "<0 89 4>" in script
