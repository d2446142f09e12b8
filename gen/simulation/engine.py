"""Compiled models: a block's Verilog, through Verilator, with a driver that is all C++.

Whole files of beats go in and come out; no Python runs while the clock does.
"""

import inspect
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from gemmule.gen import tools
from gemmule.gen.block import Block
from gemmule.gen.catalog import find
from gemmule.gen.files import cache as kept
from gemmule.gen.verilog.emit import VERSIONS, Emitted, emit
from gemmule.gen.verilog.manifest import Manifest
from gemmule.golden.common.options import Options

from .compile import CPP, Kind, compiled
from .external_memory import request_header
from .simulator import Simulator

__all__ = ["build", "build_emitted", "emitted_once"]

DRIVER = Kind(
    "Vdut",
    driver=(CPP / "driver.cpp",),
    glue=(CPP / "design.cpp",),
    headers=(("request.inc", request_header()),),
)
WITH_WAVES = replace(DRIVER, waves=True)


def build(block: Block | str, params: Options, *, waves: bool = False) -> Simulator:
    """Return the simulation of ``block``: from the cache, or made now (a few seconds).

    It is kept under what the Verilog is, so a change of ours that leaves the Verilog alone costs an
    elaboration and no compilation; and the Verilog under what it is made from.
    """
    tools.compiler()
    begun = time.monotonic()
    return build_emitted(emitted_once(block, params), waves=waves, begun=begun)


def emitted_once(block: Block | str, params: Options) -> Emitted:
    """Return what ``emit`` does, from the cache where nothing that makes it has changed."""
    block = find(block) if isinstance(block, str) else block
    name = kept.key(
        block.name, json.dumps(params.as_dict()), json.dumps(VERSIONS), *_sources(block)
    )

    def elaborate(folder: Path) -> None:
        emitted = emit(block, params)
        (folder / "design.v").write_text(emitted.verilog)
        (folder / "manifest.json").write_text(json.dumps(emitted.manifest.to_json()))

    design = kept.kept(f"design-{name}", elaborate)
    manifest = Manifest.from_json(json.loads((design / "manifest.json").read_text()))
    return Emitted((design / "design.v").read_text(), manifest, manifest.name)


def build_emitted(
    emitted: Emitted, *, waves: bool = False, begun: float | None = None
) -> Simulator:
    """Do as :func:`build` for Verilog that was emitted already (or, in a test of tests, broken)."""
    begun = time.monotonic() if begun is None else begun
    streams = {"streams.inc": "".join(_glue(emitted.manifest))}
    kind = WITH_WAVES if waves else DRIVER
    program = compiled(kind, emitted.verilog, emitted.top, streams)
    return Simulator(
        program,
        emitted.manifest,
        time.monotonic() - begun,
        with_waves=None if waves else lambda: build_emitted(emitted, waves=True),
    )


def _glue(manifest: Manifest) -> Iterator[str]:
    if any(port.name == "rst" for port in manifest.ports):
        yield "RESET\n"
    for stream in manifest.streams:
        port = stream.name.replace("__", "___05F")  # how Verilator writes it in C++
        into = "true" if stream.is_input else "false"
        yield f'STREAM("{stream.name}", {port}, {into}, {stream.width})\n'


def _sources(block: Block) -> list[bytes]:
    """Return everything that could change the Verilog: our packages, and the block's own file."""
    return [*_packages(), Path(inspect.getfile(block.params)).read_bytes()]


@cache
def _packages() -> list[bytes]:
    names = ("gemmule.golden", "gemmule.hw", "gemmule.gen")
    roots = [Path(str(import_module(name).__file__)).parent for name in names]
    return [path.read_bytes() for root in roots for path in sorted(root.rglob("*.py"))]
