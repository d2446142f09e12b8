"""What is alike in all packages: what templates may speak of, and the files of every package."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.boards import Board
from gemmule.gen.verilog.axis import AxisForm
from gemmule.gen.verilog.emit import Emitted
from gemmule.gen.verilog.primitives import primitives_in
from gemmule.golden.common.options import Options

from .render import CONSTRAINTS, TEMPLATES, render

__all__ = ["Rows", "Texts", "Wanted", "common_files", "common_texts", "common_view", "primitives"]

Rows = list[tuple[str, str]]
Texts = dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """A package to be made: the block's Verilog, and what the user asked for around it."""

    block: Block
    params: Options
    emitted: Emitted
    form: AxisForm
    board: Board | None
    clock_mhz: float
    resources: Rows

    @property
    def name(self) -> str:
        """Begins the names of modules and files."""
        return self.emitted.top


def primitives(wanted: Wanted) -> Texts:
    """Return the models of the device's primitives that the block needs, by file."""
    return {f"sim/{file}": text for file, text in primitives_in(wanted.emitted.verilog).items()}


def common_view(wanted: Wanted, *, top: str, clock: str, rtl: list[str]) -> dict[str, Any]:
    """Return what all templates may speak of."""
    block, manifest = wanted.block, wanted.emitted.manifest
    adapter, values = block.runs, wanted.params.as_dict()
    return {
        "name": wanted.name,
        "block": block.name,
        "summary": manifest.summary,
        "notes": manifest.notes,
        "versions": manifest.versions,
        "vlnv": f"gemmule::{wanted.name}:{manifest.versions['gemmule']}",
        "parameters": [
            {
                "name": each.name,
                "value": "not given" if values[each.name] is None else values[each.name],
                "help": each.metadata.get("help", ""),
            }
            for each in fields(wanted.params)
        ],
        "top": top,
        "clock": clock,
        "rtl": rtl,
        "models": sorted(primitives(wanted)),
        "benches": [],
        "arrays": [
            (way, array)
            for way, arrays in (
                [("in", adapter.inputs), ("out", adapter.outputs)] if adapter else []
            )
            for array in arrays
        ],
        "board": wanted.board,
        "part": wanted.board.part if wanted.board else None,
        "clock_mhz": wanted.clock_mhz,
        "resources": wanted.resources,
    }


def common_files(name: str, *more: tuple[str, str]) -> Texts:
    """Return the files of every package and what they are, ``more`` Verilog among them."""
    return {
        f"{name}.v": "the block",
        **dict(more),
        f"{name}.json": "parameters, ports, streams, latency, versions",
        f"{name}.xdc": "clock and margins of the ports, out of context",
        f"{name}_ooc.tcl": "Vivado: builds out of context, reports use and timing",
        f"{name}_project.tcl": "Vivado: makes a project",
        f"{name}.core": "FuseSoC core, with targets lint and, where there is a testbench, sim",
        "fusesoc.conf": "makes this folder a FuseSoC library",
        f"{name}.vlt": "Verilator: what lint need not say, and why",
        f"{name}.md": "data sheet",
    }


def common_texts(wanted: Wanted, view: Mapping[str, Any]) -> Texts:
    """Return the texts of the files of every package, but for the data sheet and the manifest."""
    name = wanted.name
    return {
        f"{name}.v": wanted.emitted.verilog,
        f"{name}.xdc": render(CONSTRAINTS, "ooc.xdc", view),
        f"{name}_ooc.tcl": render(CONSTRAINTS, "build_ooc.tcl", view),
        f"{name}_project.tcl": render(CONSTRAINTS, "build_project.tcl", view),
        f"{name}.core": render(TEMPLATES, "ip.core", view),
        "fusesoc.conf": render(TEMPLATES, "fusesoc.conf", view),
        f"{name}.vlt": render(TEMPLATES, "waivers.vlt", view),
        **primitives(wanted),
    }
