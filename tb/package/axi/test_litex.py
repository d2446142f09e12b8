"""The LiteX module, simulated in a LiteX design whose master drives it."""

import random
import struct
import subprocess

import pytest

from gemmule.gen.tools import verilator
from gemmule.tb.package.axi.litex_soc import (
    READ,
    REGISTERS,
    UNTIL,
    WAIT,
    WORK,
    WRITE,
    litex_verilog,
)
from gemmule.tb.package.axi.sheet_text import memory_of, steps_of

SIZE = 0x400
"""Bytes of memory."""

BENCH = """
module bench;
  reg clk = 0, rst = 1;
  wire done, failed;
  wire [15:0] step;
  integer cycle = 0;
  soc dut (.sys_clk(clk), .sys_rst(rst), .done(done), .failed(failed), .step(step));
  always #5 clk = ~clk;
  always @(posedge clk) begin
    cycle <= cycle + 1;
    rst <= cycle < 8;
    if (failed | cycle == LIMIT) begin $display("FAILED: step %0d", step); $finish; end
    if (done) begin $display("PASSED: %0d cycles", cycle); $finish; end
  end
endmodule
"""


def simulate(folder, files, limit=20000):
    """Compile the design and run it; return what it prints."""
    (folder / "bench.v").write_text(BENCH.replace("LIMIT", str(limit)))
    tool = verilator()
    command = [tool.command, "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-SYMRSVDWORD",
               "-CFLAGS", "-std=gnu++20 -O0", "--top-module", "bench", "bench.v"]  # fmt: skip
    built = subprocess.run(
        [*command, *files], cwd=folder, env=tool.environment, capture_output=True, text=True
    )
    assert not built.returncode, built.stderr[-3000:]
    return subprocess.check_output([folder / "obj_dir" / "Vbench"], cwd=folder, text=True)


FULL = pytest.mark.full


@FULL
@pytest.mark.parametrize("standard", ["wishbone", "axi"])
def test_words_are_copied_in_a_litex_design(copier, tmp_path, standard):
    """The stand-in moves words through LiteX's bus, in both byte orders that a bug could make."""
    rng = random.Random(4)
    memory = rng.randbytes(1024)
    source, target, words = 0x80, 0x200, 12
    steps = [
        (WRITE, REGISTERS + 0, WORK + source),
        (WRITE, REGISTERS + 4, WORK + target),
        (WRITE, REGISTERS + 8, words),
        (READ, REGISTERS + 4, WORK + target),
        (WRITE, REGISTERS + 12, 1),
        (WAIT, 0, 0),
        (READ, REGISTERS + 12, 1),
    ]
    after = bytearray(memory)
    after[target : target + 8 * words] = memory[source : source + 8 * words]
    steps += [
        (READ, WORK + place, struct.unpack_from("<I", after, place)[0])
        for place in range(target - 8, target + 8 * words + 8, 4)
    ]
    files = litex_verilog(copier / "copier_litex.py", tmp_path, standard, 64, memory, steps)
    assert "PASSED" in simulate(tmp_path, files)


def test_a_bus_of_another_width_is_refused(copier, tmp_path):
    with pytest.raises(ValueError, match="has 32 bits and copier has 64"):
        litex_verilog(copier / "copier_litex.py", tmp_path, "wishbone", 32, bytes(64), [])


@pytest.mark.parametrize("standard", ["wishbone", pytest.param("axi", marks=FULL)])
def test_a_product_runs_in_a_litex_design(accelerator, tmp_path, standard):
    """The worked example of the data sheet: the ring, a command, an interrupt, c in memory."""
    text = (accelerator / "accelerator.md").read_text()
    kinds = {"write": WRITE, "read": READ, "until": UNTIL, "wait": WAIT}
    steps = []
    for what, *access in steps_of(text, "ring"):
        address, value = access or (0, 0)
        steps.append((kinds[what], REGISTERS + address, value))
    before, after = (memory_of(text, when, SIZE) for when in ("before", "after"))
    assert before != after
    steps += [
        (READ, WORK + place, struct.unpack_from("<I", after, place)[0])
        for place in range(0, SIZE, 4)
    ]
    file = accelerator / "accelerator_litex.py"
    files = litex_verilog(file, tmp_path, standard, 32, before, steps)
    assert "PASSED" in simulate(tmp_path, files)
