"""Verilog to a program: Verilator, then a C++ compiler, with all that can be kept kept.

Verilator's own library takes longer to compile than most designs, and so may a driver: both are
compiled once for each :class:`Kind`. From the second design of a process on, Verilator's header is
read as the compiler keeps it, which is a third of the time that a small design takes.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

from gemmule.gen import tools
from gemmule.gen.files import cache
from gemmule.gen.verilog.primitives import primitives_in

__all__ = ["CPP", "Kind", "compiled"]

CPP = Path(__file__).parent / "cpp"

JOBS = 2
HEADER = "verilated.h"  # what all that Verilator writes includes
VERILATE = (
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-timing",
    "--quiet",
    "--inline-mult",
    "200",  # keeps a module of many instances apart: half the time to compile
    "-Wno-WIDTHEXPAND",  # Yosys writes `a + 1'h1`: operands of unequal width are its style
    "-Wno-CASEOVERLAP",  # and its one-hot multiplexers as `casez` with overlapping patterns
    "-Wno-WIDTHTRUNC",  # and `! bus` for `bus == 0`
)


class Keys(NamedTuple):
    """Names in the cache: of what is compiled ``once``, and of what every ``program`` shares."""

    once: str
    program: str


@dataclass(frozen=True)
class Kind:
    """A way to drive a design.

    Parameters
    ----------
    prefix
        Verilator's name of the design's class.
    verilate
        Options of Verilator, beside those that all simulations have.
    library
        Sources of Verilator's own that the program needs.
    driver, glue
        Sources compiled once, and sources compiled with each design.
    link
        Options of the linker.
    waves
        Whether the program can write FST waves.
    headers
        Names and texts of files that are made for ``driver`` to include.
    """

    prefix: str
    verilate: tuple[str, ...] = ()
    library: tuple[str, ...] = ("verilated.cpp", "verilated_threads.cpp")
    driver: tuple[Path, ...] = ()
    glue: tuple[Path, ...] = ()
    link: tuple[str, ...] = ()
    waves: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def flags(self) -> list[str]:
        """Options of the C++ compiler that all parts of one program must share."""
        root, fst = tools.verilator().root, int(self.waves)
        return [
            "-std=gnu++17",
            "-pthread",
            "-w",
            f"-I{CPP}",
            f"-isystem{root}/include",
            f"-isystem{root}/include/vltstd",
            "-DVM_SC=0",
            "-DVM_COVERAGE=0",
            "-DVM_TIMING=0",
            f"-DVM_TRACE={fst}",
            f"-DVM_TRACE_FST={fst}",
            "-DVM_TRACE_VCD=0",
            "-DVM_TRACE_SAIF=0",
        ]

    @property
    def sources(self) -> list[Path]:
        """What is compiled once."""
        library = self.library + (("verilated_fst_c.cpp",) if self.waves else ())
        return [*(tools.verilator().root / "include" / name for name in library), *self.driver]

    @property
    def keys(self) -> Keys:
        """What is compiled once changes with the first, every program with the second."""
        rooms = {CPP, *(path.parent for path in self.driver)}
        headers = [path for room in sorted(rooms) for path in room.glob("*.h")]
        own = [path.read_bytes() for path in sorted([*headers, *self.driver])]
        sources = [*map(str, self.sources), *(text for header in self.headers for text in header)]
        once = cache.key(tools.verilator().version, tools.compiler(), *self.flags, *sources, *own)
        glue = [path.read_bytes() for path in self.glue]
        return Keys(once, cache.key(once, repr((VERILATE, self)), *glue))


def compiled(
    kind: Kind, verilog: str, top: str, files: Mapping[str, str], program: str = "simulation"
) -> Path:
    """Return the program of this ``kind`` for ``verilog``; ``files`` are what its glue includes.

    Primitives that ``verilog`` instantiates get their behavioral models.
    """
    verilog = "\n".join([verilog, *primitives_in(verilog).values()])
    name = cache.key(kind.keys.program, verilog, top, program, *files, *files.values())

    def build(folder: Path) -> None:
        made = folder / "verilated"
        objects = [*_design(kind, verilog, top, files, made), *_once(kind)]
        _run([tools.compiler(), "-pthread", "-o", folder / program, *objects, *kind.link])
        shutil.rmtree(made)

    return cache.kept(f"model-{name}", build) / program


def _design(kind: Kind, verilog: str, top: str, files: Mapping[str, str], made: Path) -> list[Path]:
    verilator = tools.verilator()
    made.mkdir()
    for name, text in {"design.v": verilog, **files}.items():
        (made / name).write_text(text)
    options = [*VERILATE, *kind.verilate, *(["--trace-fst"] if kind.waves else [])]
    names: list[str | Path] = ["--prefix", kind.prefix, "--top-module", top, "--Mdir", made]
    _run([verilator.command, *options, *names, made / "design.v"], env=verilator.environment)
    sources = sorted(made.glob(f"{kind.prefix}*.cpp"))
    fast = [path for path in sources if re.search(r"__\d+$", path.stem)]
    # What runs once is one unit, not optimized: reading the headers is most of its cost. For the
    # rest -O2 gains nothing that can be measured, and takes five times as long on large designs.
    rest = [path for path in sources if path not in fast]
    slow = made / "slow.cpp"
    slow.write_text("".join(f'#include "{path}"\n' for path in [*rest, *kind.glue]))
    units = [(path, path.with_suffix(".o"), "-O1") for path in fast]
    units.append((slow, slow.with_suffix(".o"), "-O0"))
    _compile(kind, units, made, precompile=next(_designs) > 0)
    return [target for _source, target, _level in units]


def _once(kind: Kind) -> list[Path]:
    def build(folder: Path) -> None:
        # Little of Verilator's library runs in a cycle, and -O2 takes half as long again for it.
        for name, text in kind.headers:
            (folder / name).write_text(text)
        levels = [(path, "-O2" if path in kind.driver else "-O1") for path in kind.sources]
        _compile(kind, [(path, folder / f"{path.stem}.o", level) for path, level in levels], folder)

    folder = cache.kept(f"runtime-{kind.keys.once}", build)
    return [folder / f"{path.stem}.o" for path in kind.sources]


_designs = count()
"""Numbers the designs that this process compiles."""


def _compile(
    kind: Kind, units: Sequence[tuple[Path, Path, str]], include: Path, *, precompile: bool = False
) -> None:
    """Compile each source to its object at its level, two at a time, the largest first."""
    levels = {level for _source, _target, level in units} if precompile else set()
    headers = {level: ["-include", _precompiled(tuple(kind.flags), level)] for level in levels}

    def one(unit: tuple[Path, Path, str]) -> None:
        source, target, level = unit
        options = [*kind.flags, f"-I{include}", level, *headers.get(level, ())]
        _run([tools.compiler(), *options, "-c", source, "-o", target])

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(one, sorted(units, key=lambda unit: -unit[0].stat().st_size)))


@lru_cache
def _precompiled(flags: tuple[str, ...], level: str) -> Path:
    """Return a header that stands beside what the compiler keeps of Verilator's: 70 MB, 3 seconds.

    A compiler that cannot use what is kept reads the header instead.
    """
    name = cache.key(tools.verilator().version, tools.compiler(), *flags, level)

    def build(folder: Path) -> None:
        header = folder / HEADER
        header.write_text(f"#include <{HEADER}>\n")
        options = [*flags, level, "-x", "c++-header"]
        _run([tools.compiler(), *options, header, "-o", folder / f"{HEADER}.gch"])

    return cache.kept(f"header-{name}", build) / HEADER


def _run(command: Sequence[str | Path], env: Mapping[str, str] = os.environ) -> None:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env)
    if result.returncode:
        raise tools.ToolFailedError(str(command[0]), result.stdout + result.stderr)
