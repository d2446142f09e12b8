"""The Verilog between a block and the AXI4-Streams around it."""

from dataclasses import dataclass
from typing import Any

from .axis import AxisForm, AxisStream, axis_manifest, axis_streams
from .axis_top import AxisTop
from .emit import Emitted, emit_component

__all__ = ["Border", "emit_border"]

PLAIN = """
Each lane of a payload begins on a byte: inputs ignore the bits above it, outputs repeat its sign
there (unsigned: zeros). TLAST is the payload's `last`.
"""
DMA = """A word of several beats begins with its low bytes; an early TLAST fills it with zeros.
Where a stream has no packets, each word ends with TLAST. TKEEP is all ones, and ignored at inputs.
"""
CLEAR = """While clear is high the block is reset, once its waiting offers were taken and its open
packets ended by a beat of zeros; what comes in is taken and thrown away. It runs while clearing is
low.
"""


@dataclass(frozen=True)
class Border:
    """A top level ``top`` between AXI4-Streams, its Verilog, and what a manifest says of it."""

    top: str
    verilog: str
    streams: list[AxisStream]
    manifest: dict[str, Any]


def emit_border(emitted: Emitted, form: AxisForm) -> Border | None:
    """Emit the top level for a block's Verilog; None for a block without streams."""
    streams = axis_streams(emitted.manifest.streams, form)
    if not streams:
        return None
    top = f"{emitted.top}_axis"
    ports = {port.name for port in emitted.manifest.ports}
    summary = f"{emitted.top} between AXI4-Streams"
    component = AxisTop(emitted.top, ports, streams)
    verilog = emit_component(component, top, form.as_dict(), summary).verilog
    head, _, body = verilog.partition("\n\n")
    notes = PLAIN + (DMA if form.streams == "dma" else "") + CLEAR
    lines = "".join(f"\n// {line}".rstrip() for line in notes.splitlines())
    return Border(top, f"{head}{lines}\n\n{body}", streams, axis_manifest(top, streams, form))
