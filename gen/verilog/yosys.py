"""Yosys, in this process, without a word on stdout."""

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["VERSION", "run", "verilog"]

VERSION = version("pyosys")

_ATTRIBUTES = ("generator", "top", "src", "hdlname", "cells_not_processed", "full_case")
_REMOVE = " ".join(f"-remove {name}" for name in _ATTRIBUTES)

_WRITE = (
    # Muxes, not `always @*`: an event-driven simulator never runs such a block on constants.
    "proc -norom",
    "memory_collect",
    "opt_merge t:* t:$dff %d t:$mem* %d",
    "opt_clean -purge",
    f"attrmap {_REMOVE}",
    f"attrmap -modattr {_REMOVE}",
)

# Yosys numbers what it makes, on and on in one process, and sorts by names: with numbers of equal
# length the order is always the one in which things were made.
_FIRST_NUMBER = 1_000_000_000

# `hw.common.shared.Library` leaves out what a memory of zeros holds, and Yosys what is left of it.
_EMPTY = re.compile(
    r"^  cell \$meminit_v2 .*\n(?:    .*\n)*?    connect \\DATA \{ \}\n(?:    .*\n)*?  end\n",
    re.MULTILINE,
)
_MEMORY = re.compile(
    r"^  reg (?:\[(?P<high>\d+):0\] )?(?P<name>\\\S+ |\w+) \[(?P<last>\d+):0\];\n"
    r"(?!  initial begin\n)",
    re.MULTILINE,
)

LARGE = 1 << 10
"""Words of a memory from which on Yosys takes longer to read its zeros than to map a design."""


def run(passes: Iterable[str]) -> None:
    """Run ``passes`` on a fresh design.

    Yosys ends the whole process on an error, so only text that we wrote ourselves goes in here.
    """
    from pyosys import libyosys  # takes 0.2 s, and most commands need no Yosys

    design = libyosys.Design()
    for each in passes:
        libyosys.Pass.call(design, f"tee -q {each}")


def verilog(rtlil: str) -> str:
    """Return Verilog-2001 of ``rtlil``, the same bytes for the same text."""
    with TemporaryDirectory(prefix="gemmule-") as folder:
        source, target = Path(folder, "design.il"), Path(folder, "design.v")
        source.write_text(f"autoidx {_FIRST_NUMBER}\n{_EMPTY.sub('', rtlil)}")
        run([f'read_rtlil "{source}"', *_WRITE, f'write_verilog "{target}"'])
        text = target.read_text()
    _banner, _, text = text.partition("\n\n")
    return _MEMORY.sub(_cleared, text)


def _cleared(match: re.Match) -> str:
    """Clear a memory: a large one in simulation only, as block RAM begins with zeros anyway.

    Yosys makes a cell of each word that is cleared, in a time that grows with their number squared:
    8,192 words take more than two minutes.
    """
    name, words = match["name"], int(match["last"]) + 1
    width = int(match["high"] or 0) + 1
    zero = "32'd0" if width == 32 else f"{width}'h{'0' * -(-width // 4)}"
    if words == 1:
        return f"{match[0]}  initial begin\n    {name}[0] = {zero};\n  end\n"
    block = "zero_" + re.sub(r"\W", "_", name.strip().lstrip("\\"))
    loop = (
        f"  initial begin : {block}\n"
        "    integer word;\n"
        f"    for (word = 0; word < {words}; word = word + 1)\n"
        f"      {name}[word] = {zero};\n"
        "  end\n"
    )
    if words >= LARGE:
        loop = f"`ifndef SYNTHESIS\n{loop}`endif\n"
    return match[0] + loop
