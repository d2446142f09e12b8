"""Yosys's synth_xilinx in processes of its own: it ends a process that it has no answer for."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .netlist import largest_fanouts, logic_levels

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
    """Cells of each type in each module: flattened whole, and with the first level kept."""

    whole: Mapping[str, Mapping[str, int]]
    parts: Mapping[str, Mapping[str, int]]
    delay_ns: float | None
    levels: int
    fanouts: Mapping[str, int]


def run(verilog: str, top: str, family: str, kept: Iterable[str]) -> Netlists:
    """Synthesize ``verilog`` twice, side by side: as a whole, and keeping the modules ``kept``."""
    kept = sorted(kept)
    with TemporaryDirectory(prefix="gemmule-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        whole = [
            *_map(top, family, []),
            "tee -q -o whole.json stat -json",
            "write_json netlist.json",
        ]
        if family in DELAYS:
            whole += _delay(top)
        jobs = {"whole": whole}
        if kept:
            jobs["parts"] = [*_map(top, family, kept), "tee -q -o parts.json stat -json"]
        children = {
            job: stack.enter_context(_child(folder, job, passes)) for job, passes in jobs.items()
        }
        for job, child in children.items():
            if child.wait():
                log = (folder / f"{job}.log").read_text(errors="replace").strip()
                raise RuntimeError(f"Yosys failed on {top}: {log.splitlines()[-1] if log else job}")
        stats = {job: _stat(folder / f"{job}.json") for job in jobs}
        delay = _arrival(folder / "sta.txt") if family in DELAYS else None
        netlist = json.loads((folder / "netlist.json").read_text())["modules"][top]
    return Netlists(
        stats["whole"],
        stats.get("parts", stats["whole"]),
        delay,
        logic_levels(netlist),
        largest_fanouts(netlist),
    )


def _map(top: str, family: str, kept: list[str]) -> list[str]:
    return [
        "read_verilog design.v",
        # Without these three, ABC9 stops on wires called `y[0]` beside a bus `y`.
        f"hierarchy -top {top}",
        "proc",
        "opt_clean -purge",
        *(f"setattr -mod -set keep_hierarchy 1 {module}" for module in kept),
        f"synth_xilinx -family {family} -flatten -noiopad -top {top}",
    ]


def _delay(top: str) -> list[str]:
    """Timing of the netlist, which Yosys can only tell in a fresh design with cell libraries."""
    return [
        "write_verilog -noexpr -noattr whole.v",
        "design -reset",
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
        "read_verilog whole.v",
        f"hierarchy -top {top}",
        "tee -q -o sta.txt sta",
    ]


def _child(folder: Path, job: str, passes: list[str]) -> subprocess.Popen:
    script = folder / f"{job}.ys"
    script.write_text("".join(f"{each}\n" for each in passes))
    with script.open() as source, (folder / f"{job}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD], cwd=folder, stdin=source, stdout=log, stderr=log
        )


def _stat(path: Path) -> dict[str, dict[str, int]]:
    text = path.read_text()
    modules = json.loads(text[text.index("{") :])["modules"]
    return {name.lstrip("\\"): dict(each["num_cells_by_type"]) for name, each in modules.items()}


def _arrival(path: Path) -> float | None:
    match = re.search(r"^Latest arrival time in '\S+' is (\d+)", path.read_text(), re.M)
    return int(match[1]) / 1000 if match else None
