"""Yosys, in this process, without a word on stdout."""

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["VERSION", "run", "verilog", "without_zeros"]

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

# Yosys writes one statement for each word of a memory, zeros included.
_ZEROED = re.compile(
    r"  initial begin\n(?:    (?P<name>\\\S+ |\w+)\[\d+\] = (?P<zero>\d+'[hbd]0+);\n)"
    r"(?:    (?P=name)\[\d+\] = (?P=zero);\n)+  end\n"
)

LARGE = 1 << 10
"""Words of a memory from which on Yosys takes longer to read its zeros than to map a design."""

_LOOP = re.compile(
    r"  initial begin : zero_\w+\n    integer word;\n"
    r"    for \(word = 0; word < (\d+); word = word \+ 1\)\n.*\n  end\n"
)


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
        source.write_text(f"autoidx {_FIRST_NUMBER}\n{rtlil}")
        run([f'read_rtlil "{source}"', *_WRITE, f'write_verilog "{target}"'])
        text = target.read_text()
    _banner, _, text = text.partition("\n\n")
    return _ZEROED.sub(_loop, text)


def _loop(match: re.Match) -> str:
    name, zero = match["name"], match["zero"]
    words = match[0].count("\n") - 2
    block = "zero_" + re.sub(r"\W", "_", name.strip().lstrip("\\"))
    return (
        f"  initial begin : {block}\n"
        "    integer word;\n"
        f"    for (word = 0; word < {words}; word = word + 1)\n"
        f"      {name}[word] = {zero};\n"
        "  end\n"
    )


def without_zeros(text: str) -> str:
    r"""Return Verilog of ours whose `LARGE` memories are not cleared: block RAM is zero anyway.

    Yosys makes a cell of each word that is cleared, in a time that grows with their number squared:
    8,192 words take more than two minutes.

    Examples
    --------
    >>> each = [f"    w[{n}] = 8'h00;\n" for n in range(2048)]
    >>> def cleared(n):
    ...     return _ZEROED.sub(_loop, "".join(["  initial begin\n", *each[:n], "  end\n"]))
    >>> without_zeros(cleared(2048))
    ''
    >>> without_zeros(cleared(512)) == cleared(512)
    True
    """
    return _LOOP.sub(lambda match: match[0] if int(match[1]) < LARGE else "", text)
