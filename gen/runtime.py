"""The part of every simulation that does not depend on the design, compiled once.

Verilator's own library takes longer to compile than most designs; so does our driver. Both are
kept as object files, apart for simulations with and without waves.
"""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import cache, tools

__all__ = ["CPP", "compile_all", "flags", "runtime"]

CPP = Path(__file__).parent / "cpp"

SOURCES = ("verilated.cpp", "verilated_threads.cpp")
WAVES = ("verilated_fst_c.cpp",)
JOBS = 2


def flags(waves: bool) -> list[str]:
    """Options of the compiler that all parts of one simulation must share."""
    root = tools.verilator().root
    return [
        "-std=gnu++17", "-pthread", "-w",
        f"-I{CPP}", f"-isystem{root}/include", f"-isystem{root}/include/vltstd",
        "-DVM_SC=0", "-DVM_COVERAGE=0", "-DVM_TIMING=0",
        f"-DVM_TRACE={int(waves)}", f"-DVM_TRACE_FST={int(waves)}", "-DVM_TRACE_VCD=0",
    ]  # fmt: skip


def runtime(waves: bool) -> list[Path]:
    """The object files that every simulation is linked with."""
    found = tools.verilator()
    library = [found.root / "include" / name for name in SOURCES + (WAVES if waves else ())]
    sources = [*library, CPP / "driver.cpp"]
    name = cache.key(found.version, tools.compiler(), *flags(waves), *_ours())

    def build(folder: Path) -> None:
        compile_all([(source, folder / f"{source.stem}.o", "-O2") for source in sources], waves)

    folder = cache.kept(f"runtime-{name}", build)
    return [folder / f"{source.stem}.o" for source in sources]


def compile_all(units: Sequence[tuple[Path, Path, str]], waves: bool, include: Path = CPP) -> None:
    """Compile each source to its object at its level, two at a time."""
    command = [tools.compiler(), *flags(waves), f"-I{include}"]

    def compile_one(unit: tuple[Path, Path, str]) -> None:
        source, target, level = unit
        run([*command, level, "-c", str(source), "-o", str(target)])

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(compile_one, units))


def run(command: Sequence[str], **options) -> None:
    """Run ``command``; what it said is in the exception if it fails."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        said = "\n".join((result.stdout + result.stderr).splitlines()[:40])
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{said}")


def _ours() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CPP.iterdir())]
