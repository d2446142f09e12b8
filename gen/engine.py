"""Compiled models: a block's Verilog, through Verilator, with a driver that is all C++.

Whole files of beats go in and come out; no Python runs while the clock does.
"""

import inspect
import json
import shutil
import time
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from gemmule.golden.common.options import Options

from . import cache as kept
from . import tools
from .block import Block
from .catalog import find
from .emit import VERSIONS, Emitted, emit
from .model import Model
from .runtime import CPP, compile_all, flags, run, runtime

__all__ = ["build", "build_emitted"]

VERILATE = (
    "--cc", "--prefix", "Vdut", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing",
    "--quiet",
    "-Wno-WIDTHEXPAND",  # Yosys writes `a + 1'h1`: operands of unequal width are its style
    "-Wno-WIDTHTRUNC",  # and `! bus` for `bus == 0`
)  # fmt: skip


def build(block: Block | str, params: Options, *, waves: bool = False) -> Model:
    """The simulation of ``block``: from the cache, or made now (a few seconds).

    It is kept under what the Verilog is, so a change of ours that leaves the Verilog alone costs an
    elaboration and no compilation; and the Verilog under what it is made from.
    """
    tools.compiler()
    block = find(block) if isinstance(block, str) else block
    begun = time.monotonic()
    name = kept.key(
        block.name, json.dumps(params.as_dict()), json.dumps(VERSIONS), *_sources(block)
    )

    def elaborate(folder: Path) -> None:
        emitted = emit(block, params)
        (folder / "design.v").write_text(emitted.verilog)
        (folder / "manifest.json").write_text(json.dumps(emitted.manifest))

    design = kept.kept(f"design-{name}", elaborate)
    manifest = json.loads((design / "manifest.json").read_text())
    emitted = Emitted((design / "design.v").read_text(), manifest, manifest["name"])
    return build_emitted(emitted, waves=waves, begun=begun)


def build_emitted(emitted: Emitted, *, waves: bool = False, begun: float | None = None) -> Model:
    """:func:`build` for Verilog that was emitted already (or, in a test of tests, broken)."""
    begun = time.monotonic() if begun is None else begun
    compiler, verilator = tools.compiler(), tools.verilator()
    name = kept.key(emitted.verilog, compiler, verilator.version, *flags(waves), *_driver())
    folder = kept.kept(f"model-{name}", lambda folder: _compile(emitted, folder, waves))
    seconds = time.monotonic() - begun
    return Model(
        folder / "simulation", emitted.manifest, seconds,
        with_waves=None if waves else lambda: build_emitted(emitted, waves=True),
    )  # fmt: skip


def _compile(emitted: Emitted, folder: Path, waves: bool) -> None:
    source, made = folder / "design.v", folder / "verilated"
    source.write_text(emitted.verilog)
    verilator = tools.verilator()
    options = [*VERILATE, *(["--trace-fst"] if waves else []), "--top-module", emitted.top]
    run(
        [verilator.command, *options, "--Mdir", str(made), str(source)],
        env=verilator.environment,
    )
    (made / "streams.inc").write_text("".join(_glue(emitted.manifest)))
    slow, fast = made / "slow.cpp", sorted(made.glob("Vdut_*__[0-9]*.cpp"))
    fast = [path for path in fast if not path.stem.endswith("__Slow")]
    others = [path for path in sorted(made.glob("Vdut*.cpp")) if path not in fast]
    # What runs once is one unit, hardly optimized: reading the headers is most of its cost.
    slow.write_text("".join(f'#include "{path.name}"\n' for path in [*others, CPP / "design.cpp"]))
    units = [(path, path.with_suffix(".o"), "-O2") for path in fast]
    units.append((slow, slow.with_suffix(".o"), "-O0"))
    compile_all(units, waves, include=made)
    objects = [*(target for _, target, _ in units), *runtime(waves)]
    run([tools.compiler(), "-pthread", "-o", str(folder / "simulation"), *map(str, objects)])
    shutil.rmtree(made)


def _glue(manifest: dict[str, Any]) -> Iterator[str]:
    if any(port["name"] == "rst" for port in manifest["ports"]):
        yield "RESET\n"
    for stream in manifest["streams"]:
        port = stream["name"].replace("__", "___05F")  # how Verilator writes it in C++
        into = "true" if stream["direction"] == "input" else "false"
        yield f'STREAM("{stream["name"]}", {port}, {into}, {-(-stream["width"] // 32)})\n'


def _driver() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CPP.iterdir())] + [repr(VERILATE).encode()]


def _sources(block: Block) -> list[bytes]:
    """Everything that could change the Verilog: our packages, and the block's own file."""
    own = {Path(inspect.getsourcefile(part)) for part in (block.component, block.params)}
    return [*_packages(), *(path.read_bytes() for path in sorted(own))]


@cache
def _packages() -> list[bytes]:
    names = ("gemmule.golden", "gemmule.hw", "gemmule.gen")
    roots = [Path(import_module(name).__file__).parent for name in names]
    return [path.read_bytes() for root in roots for path in sorted(root.rglob("*.py"))]
