"""The sheet of a block whose author has not written one: what its docstrings say."""

from gemmule.gen.block import Block
from gemmule.gen.verilog.axis import axis_streams
from gemmule.gen.verilog.docstrings import description, facts, plain
from gemmule.gen.verilog.manifest import Manifest
from gemmule.golden.common.options import Options

from .form import Field, Sheet, Stream
from .words import rows

__all__ = ["sheet_of"]


def sheet_of(block: Block, params: Options, manifest: Manifest) -> Sheet:
    """Return the sheet of ``block``, the author's or what can be told without one."""
    if block.sheet:
        return block.sheet(params)
    doc = block.component.__doc__ or ""
    told = facts(doc)
    streams = axis_streams(manifest.streams)
    return Sheet(
        equation=description(doc),
        streams={
            each.name: Stream("", {row.name: Field("") for row in rows(each)}) for each in streams
        },
        order=plain(block.adapter.__doc__ or "") if block.adapter else "",
        faults="",
        limits=(),
        latency=told["latency"] or f"{manifest.latency} cycles",
        throughput=told["throughput"] or "one beat a cycle on each stream",
        back_pressure=told["back-pressure"] or "any stream may stall at any time",
        ahead={each.name: 0 for each in streams if each.is_input},
        source=told["source"] or "",
        ports={
            each.name: ""
            for each in manifest.ports
            if "__" not in each.name and each.name not in ("clk", "rst")
        },
    )
