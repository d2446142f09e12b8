"""Two packages in an SoC: a Verilog top around them, checked by Verilator's lint.

`gemm` takes words from DMA engines of 64 bits, with queues in front of it; `gelu` stands beside it.
Both share clock, reset and a soft clear; `irq` tells that a command is done. The ports of the top
are made of what the packages' manifests say, as a script of yours can do.

    python -m gemmule.gen.docs.examples.soc build/soc
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gemmule.gen import generate
from gemmule.gen.catalog import find
from gemmule.gen.tools import verilator
from gemmule.gen.verilog.axis import AxisForm

__all__ = ["main"]

IPS = {
    "mm": (
        "gemm",
        {"rows": 4, "cols": 4},
        AxisForm(streams="dma", tdata_width=64, fifo_depth="64"),
    ),
    "act": ("gelu", {"lanes": 4}, AxisForm()),
}
"""Name in this design -> block, options, and what its AXI4-Streams are like."""


def main(folder: Path) -> None:
    """Write the packages and the top, and lint the design."""
    axis = {}
    for name, (block, options, form) in IPS.items():
        found = find(block)
        generate(found, found.params(**options), folder / name, name=name, form=form)
        axis[name] = json.loads((folder / name / f"{name}.json").read_text())["axis"]
    top = folder / "soc.v"
    top.write_text(_top(axis))
    tool = verilator()
    waivers = [folder / name / f"{name}.vlt" for name in IPS]
    sources = [folder / name / f"{name}{kind}.v" for name in IPS for kind in ("", "_axis")]
    lint: list[str | Path] = [tool.command, "--lint-only", "-Wall", "--top-module", "soc"]
    subprocess.run([*lint, *waivers, top, *sources], env=tool.environment, check=True)
    print(f"{top}: {len(list(_ports(axis)))} ports of streams; Verilator's lint has no complaint")


def _ports(axis: dict[str, dict]) -> Iterator[tuple[str, str, str, int]]:
    """Yield IP, port, direction and width of each signal of each stream."""
    for name, about in axis.items():
        for stream in about["streams"]:
            into = stream["direction"] == "input"
            ways = ("input", "output") if into else ("output", "input")
            prefix = stream["prefix"]
            yield name, f"{prefix}_tdata", ways[0], stream["tdata_width"]
            yield name, f"{prefix}_tvalid", ways[0], 1
            yield name, f"{prefix}_tready", ways[1], 1
            if stream["tlast"]:
                yield name, f"{prefix}_tlast", ways[0], 1
            if stream["tkeep"]:
                yield name, f"{prefix}_tkeep", ways[0], stream["tdata_width"] // 8


def _top(axis: dict[str, dict]) -> str:
    ports = ["input aclk", "input aresetn", "input clear", "output irq", "output busy_clearing"]
    ports += [
        f"{way} [{width - 1}:0] {name}_{port}" if width > 1 else f"{way} {name}_{port}"
        for name, port, way, width in _ports(axis)
    ]
    body = [f"  wire {name}_clearing;" for name in axis]
    for name, about in axis.items():
        pins = [f".{port}({port})" for port in ("aclk", "aresetn", "clear")]
        pins.append(f".clearing({name}_clearing)")
        pins += [f".{port}({ip}_{port})" for ip, port, _way, _width in _ports(axis) if ip == name]
        body.append(f"  {about['top']} {name} ({', '.join(pins)});")
    body.append("  assign irq = mm_m_axis_status_tvalid;")
    body.append(f"  assign busy_clearing = {' | '.join(f'{name}_clearing' for name in axis)};")
    lines = ",\n  ".join(ports)
    return f"module soc (\n  {lines}\n);\n" + "\n".join(body) + "\nendmodule\n"


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/soc"))
