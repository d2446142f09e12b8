# amaranth: UnusedElaboratable=no
"""Both DMAs at all legal widths: no combinational loop, and nothing that looks like one.

At 512 bits a burst's length was a sum one bit too narrow for its field: its top bits were copies of
another bit of the same bundle, which Verilator took for a loop (UNOPTFLAT).
"""

import subprocess

import pytest

from gemmule.gen.simulation.compile import VERILATE
from gemmule.gen.tools import verilator
from gemmule.gen.verilog.emit import emit_component
from gemmule.tb.common.lint import yosys_takes
from gemmule.tb.common.module_mutants import infect

from .dma import Both

DATA = (32, 64, 128, 256, 512)


def warnings(address_width: int, data_width: int, folder) -> str:
    """Return what Verilator says of both DMAs, made for a simulation."""
    word = data_width // 8
    reads, writes = (word, 16, word // 2, 2 * word, 64), (word, 16, 1, 4 * word)
    emitted = emit_component(Both(address_width, data_width, reads, writes), "dma", {}, "Both.")
    source, tool = folder / "dma.v", verilator()
    source.write_text(emitted.verilog)
    names = ["--prefix", "Vdut", "--top-module", emitted.top, "--Mdir", str(folder / "made")]
    command = [tool.command, *VERILATE, *names, str(source)]
    said = subprocess.run(command, env=tool.environment, capture_output=True, text=True)
    return said.stderr if said.returncode or said.stderr else ""


def loops(folder) -> None:
    """Let Yosys look for loops of bits, through all modules."""
    passes = [f'read_verilog "{folder / "dma.v"}"', "hierarchy -check -top dma", "proc", "flatten"]
    yosys_takes([*passes, "opt_clean", "check -assert"])


@pytest.mark.parametrize(("address_width", "data_width"), [(64, 512)])
def test_no_loop(address_width, data_width, tmp_path):
    assert not warnings(address_width, data_width, tmp_path)
    loops(tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("data_width", DATA)
def test_no_loop_at_any_width(data_width, tmp_path):
    for address_width in range(32, 65):
        assert not warnings(address_width, data_width, tmp_path)
        if address_width % 8 == 0:
            loops(tmp_path)


@pytest.mark.full
def test_a_length_that_is_too_narrow_is_seen(monkeypatch, tmp_path):
    narrow = "(Mux(final, whole[: len(at)], last_word) - at)[: len(at)]"
    infect(monkeypatch, "gemmule.hw.soc.dma.burst", narrow, narrow[: -len("[: len(at)]")])
    assert "UNOPTFLAT" in warnings(64, 512, tmp_path)
