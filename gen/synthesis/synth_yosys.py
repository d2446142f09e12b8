"""Yosys's synth_xilinx in a process of its own: it ends a process that it has no answer for."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .netlist import largest_fanouts, logic_levels, longest_path

__all__ = ["Netlists", "run"]

CHILD = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for line in sys.stdin:
    libyosys.Pass.call(design, line.strip())
"""

DELAYS = {"xc7"}
"""The families whose cells have delays in Yosys."""


@dataclass(frozen=True)
class Netlists:
    """Cells of each type: of the whole, and in each module whose border was kept."""

    whole: Mapping[str, Mapping[str, int]]
    parts: Mapping[str, Mapping[str, int]]
    delay_ns: float | None
    levels: int
    path: list[str]
    fanouts: Mapping[str, int]


def run(
    verilog: str,
    top: str,
    family: str,
    kept: Iterable[str],
    edges: Iterable[tuple[str, str, str]],
) -> Netlists:
    """Synthesize ``verilog``; the modules ``kept`` keep their borders until they are mapped.

    But for the instances at ``edges``, of which each is (parent, instance, module).
    """
    kept = sorted(kept)
    with TemporaryDirectory(prefix="gemmule-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        _child(
            folder,
            top,
            [
                *_map(top, family, kept, list(edges)),
                "tee -q -o parts.json stat -json",
                *(f"setattr -mod -unset keep_hierarchy {module}" for module in kept),
                *(["flatten", "clean"] if kept else []),
                "tee -q -o whole.json stat -json",
                "write_json netlist.json",
                *(_delay(top) if family in DELAYS else []),
            ],
        )
        netlist = json.loads((folder / "netlist.json").read_text())["modules"][top]
        return Netlists(
            whole=_stat(folder / "whole.json"),
            parts=_stat(folder / "parts.json"),
            delay_ns=_arrival(folder / "sta.txt") if family in DELAYS else None,
            levels=logic_levels(netlist),
            path=longest_path(netlist),
            fanouts=largest_fanouts(netlist),
        )


def _map(top: str, family: str, kept: list[str], edges: list[tuple[str, str, str]]) -> list[str]:
    return [
        "read_verilog design.v",
        # Without these three, ABC9 stops on wires called `y[0]` beside a bus `y`.
        f"hierarchy -top {top}",
        "proc",
        "opt_clean -purge",
        *(f"copy {module} {module}_at_edge" for module in sorted({each for *_, each in edges})),
        *(f"chtype -set {each}_at_edge {parent}/c:{place}" for parent, place, each in edges),
        *(f"setattr -mod -set keep_hierarchy 1 {module}" for module in kept),
        f"synth_xilinx -family {family} -flatten -noiopad -top {top}",
    ]


def _delay(top: str) -> list[str]:
    """List the commands that time the netlist: Yosys needs a fresh design with cell libraries."""
    return [
        f"select -module {top}",
        "write_rtlil -selected whole.il",
        "design -reset",
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
        "read_verilog -lib +/xilinx/cells_xtra.v",
        "read_rtlil whole.il",
        f"hierarchy -top {top}",
        "tee -q -o sta.txt sta",
    ]


def _child(folder: Path, top: str, passes: list[str]) -> None:
    with (folder / "yosys.log").open("w+") as log:
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            cwd=folder,
            input="".join(f"{each}\n" for each in passes),
            text=True,
            stdout=log,
            stderr=log,
            check=False,
        )
        log.seek(0)
        if done.returncode:
            said = [line for line in log if line.strip()][-1:] or ["without a word"]
            raise RuntimeError(f"Yosys failed on {top}: {said[0].strip()}")


def _stat(path: Path) -> dict[str, dict[str, int]]:
    text = path.read_text()
    modules = json.loads(text[text.index("{") :])["modules"]
    return {name.lstrip("\\"): dict(each["num_cells_by_type"]) for name, each in modules.items()}


def _arrival(path: Path) -> float | None:
    match = re.search(r"^Latest arrival time in '\S+' is (\d+)", path.read_text(), re.M)
    return int(match[1]) / 1000 if match else None
