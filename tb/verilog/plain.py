"""The plain way, to compare with: Amaranth's own Verilog, and cocotb's own runner."""

import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from amaranth.back import rtlil
from cocotb_tools.runner import get_runner

from gemmule.gen.block import Block
from gemmule.gen.tools import verilator
from gemmule.gen.verilog import yosys
from gemmule.gen.verilog.manifest import Manifest, StreamInfo
from gemmule.golden.common.options import Options

__all__ = ["build_with_cocotb", "lane_names", "lane_ports", "plain_verilog"]

# What `amaranth.back.verilog` runs; here in the same Yosys as ours, so that only the text differs.
SCRIPT = ("proc -nomux -norom", "memory_collect")


def plain_verilog(block: Block, params: Options) -> str:
    """Return the Verilog of ``amaranth.back.verilog.convert``: one module for each instance."""
    text = rtlil.convert(block.component(params), name=block.name, emit_src=False)
    with TemporaryDirectory(prefix="gemmule-") as name:
        source, target = Path(name, "plain.il"), Path(name, "plain.v")
        source.write_text(text)
        yosys.run([f'read_rtlil "{source}"', *SCRIPT, f'write_verilog -norename "{target}"'])
        return target.read_text()


def lane_names(stream: StreamInfo) -> list[tuple[str, int]]:
    """List the ports of a stream with one for each lane, low bits first, and their widths."""
    return [
        (f"{stream.name}__{field.name.replace('.', '_')}_{lane}", field.width)
        for field in stream.fields
        for lane in range(field.lanes)
    ]


def lane_ports(verilog: str, manifest: Manifest, top: str) -> str:
    """Wrap ``verilog`` in a module ``top`` that has a port for each lane, as people write them."""
    ports, connected = ["input clk", "input rst"], [".clk(clk)", ".rst(rst)"]
    for stream in manifest.streams:
        name, into = stream.name, stream.is_input
        way, back = ("input", "output") if into else ("output", "input")
        lanes = lane_names(stream)
        ports += [f"{way} {name}__valid", f"{back} {name}__ready"]
        ports += [f"{way} [{width - 1}:0] {lane}" for lane, width in lanes]
        packed = "{" + ", ".join(lane for lane, _width in reversed(lanes)) + "}"
        connected.append(f".{name}__payload({packed})")
        connected += [f".{name}__{part}({name}__{part})" for part in ("valid", "ready")]
    inside = f"{manifest.name} inner ({', '.join(connected)});"
    return f"{verilog}\nmodule {top}({', '.join(ports)});\n  {inside}\nendmodule\n"


def build_with_cocotb(verilog: str, top: str, folder: Path) -> None:
    """Build a simulation as cocotb's runner does by itself."""
    source = folder / f"{top}.v"
    source.write_text(verilog)
    with (
        patch.dict(os.environ, verilator().environment),
        (folder / "build.log").open("w") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        get_runner("verilator").build(
            sources=[source],
            hdl_toplevel=top,
            build_dir=folder,
            build_args=["-Wno-fatal"],  # Yosys's way of writing would stop Verilator
            timescale=("1ns", "1ps"),
            log_file=folder / "verilator.log",
        )
