"""RTLIL with identical modules merged, and modules called after their roles.

Amaranth writes one module for each instance, called after its place (``top.array.pe_3_4``). Two
modules are identical when their texts are, once their children were merged: so from the leaves up.
The order of ports means nothing, and neither do the numbers in the names of ports that have no name
of their own: both depend on the place, so both are made the same first.
"""

import re
from collections.abc import Iterator

__all__ = ["merge"]

_MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  cell \\(\S+) \\?(\S+)\n(.*?)^  end$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(
    r"((?:^  attribute .*\n)*)^  wire width (\d+) (input|output) \d+ +(signed )?\\(\S+)\n",
    re.MULTILINE,
)
_UNNAMED = re.compile(r"\\port\$\d+\$\d+(?=\s)")
_CONNECTED = re.compile(r"^(    connect )(\\port\$\d+\$\d+)(?=\s)", re.MULTILINE)


def merge(rtlil: str, top: str) -> str:
    """Return the modules under ``top``, each of them once, as ``top_<role>``.

    A module's role is the name of its first instance, without trailing indices: all of
    ``pe_0_0``, ``pe_0_1``, ... of the block ``gemm`` are ``gemm_pe``. Where two different modules
    have one role, the later is ``gemm_pe_2``.
    """
    merger = _Merger(dict(_MODULE.findall(rtlil)))
    merger.visit(top)
    names = dict(merger.names(top))

    def cell(match: re.Match) -> str:
        kind, instance, body = match.groups()
        return f"  cell \\{names.get(kind, kind)} \\{instance}\n{body}  end"

    return "".join(
        f"module \\{name}\n{_CELL.sub(cell, merger.bodies[module])}end\n"
        for module, name in names.items()
    )


class _Merger:
    def __init__(self, bodies: dict[str, str]):
        self.bodies = bodies
        self.chosen: dict[str, str] = {}
        self._first: dict[str, str] = {}
        self._renamed: dict[str, dict[str, str]] = {}

    def visit(self, module: str) -> None:
        """Find the one that stands for all that are identical to ``module``, after its children."""
        for kind, _instance, _body in _CELL.findall(self.bodies[module]):
            if kind in self.bodies and kind not in self.chosen:
                self.visit(kind)
        text, self._renamed[module] = _normal(_CELL.sub(self._cell, self.bodies[module]))
        self.bodies[module] = text
        self.chosen[module] = self._first.setdefault(text, module)

    def names(self, top: str) -> Iterator[tuple[str, str]]:
        """Yield each module that stands for others, and its name; parents before children."""
        seen, taken, queue = {top}, {top}, [top]
        yield top, top
        for module in queue:
            for kind, instance, _body in _CELL.findall(self.bodies[module]):
                if kind not in self.bodies or kind in seen:
                    continue
                role = re.sub(r"(_\d+)+$", "", re.sub(r"\W+", "_", instance)).strip("_")
                name, count = f"{top}_{role}", 1
                while name in taken:
                    count += 1
                    name = f"{top}_{role}_{count}"
                seen.add(kind)
                taken.add(name)
                queue.append(kind)
                yield kind, name

    def _cell(self, match: re.Match) -> str:
        kind, instance, body = match.groups()
        renamed = self._renamed.get(kind, {})
        # The port alone: what it is connected to may be a port of the parent, of the same name.
        body = _CONNECTED.sub(lambda m: m[1] + renamed.get(m[2], m[2]), body)
        lines = "".join(sorted(body.splitlines(keepends=True)))
        return f"  cell \\{self.chosen.get(kind, kind)} \\{instance}\n{lines}  end"


def _normal(body: str) -> tuple[str, dict[str, str]]:
    """Return ``body`` with its ports first, in the order of their names, and what was renamed."""
    ports = [match.groups(default="") for match in _PORT.finditer(body)]
    unnamed = [f"\\{port[-1]}" for port in ports if _UNNAMED.match(f"\\{port[-1]}\n")]
    renamed = {name: f"\\port_{number}" for number, name in enumerate(unnamed)}
    rest = _PORT.sub("", body)
    lines = [
        f"{attributes}  wire width {width} {way} {number} {sign}\\{name}\n"
        for number, (attributes, width, way, sign, name) in enumerate(sorted(ports, key=_order), 1)
    ]
    text = "".join(lines) + rest
    return _UNNAMED.sub(lambda m: renamed.get(m[0], m[0]), text) if renamed else text, renamed


def _order(port: tuple[str, ...]) -> tuple[bool, bool, str]:
    name = port[-1]
    return name != "clk", name != "rst", name
