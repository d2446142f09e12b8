"""What Verilator and Yosys say of Verilog that we emit."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from gemmule.gen.tools import verilator
from gemmule.gen.verilog.emit import Emitted
from gemmule.gen.verilog.primitives import primitives_in

__all__ = ["lint", "lint_emitted", "write_emitted", "yosys_takes"]


def lint(folder: Path, top: str) -> None:
    """Lint all Verilog in ``folder``, with all warnings but for those waived there."""
    tool = verilator()
    found = subprocess.run(
        [
            tool.command,
            "--lint-only",
            "-Wall",
            "--top-module",
            top,
            *folder.glob("*.vlt"),
            *sorted(folder.rglob("*.v")),
        ],
        env=tool.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.returncode, found.stderr


def write_emitted(emitted: Emitted, folder: Path) -> None:
    """Write a block alone, with its models and with the waivers that `gemmule generate` writes."""
    used = primitives_in(emitted.verilog)
    template = files("gemmule.gen.package.templates").joinpath("waivers.vlt.j2").read_text()
    ports = {port.name for port in emitted.manifest.ports}
    clock = "aclk" if "aclk" in ports else "clk"
    waivers = jinja2.Template(template).render(
        name=emitted.top, top=emitted.top, clock=clock, models=used
    )
    texts = {"waivers.vlt": waivers + "\n", f"{emitted.top}.v": emitted.verilog, **used}
    for name, text in texts.items():
        (folder / name).write_text(text)


def lint_emitted(emitted: Emitted, folder: Path) -> None:
    """Lint a block alone."""
    write_emitted(emitted, folder)
    lint(folder, emitted.top)


def yosys_takes(passes: Sequence[str]) -> None:
    """Run ``passes`` of Yosys, in a process of its own, which it ends where it meets an error."""
    script = (
        "from gemmule.gen.verilog import yosys\n"
        f"yosys.run({list(passes)!r})\n"
        "print('all passes ran')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "all passes ran" in done.stdout, done.stdout + done.stderr
