"""RTLIL with identical modules merged, and modules called after their roles.

Amaranth writes one module for each instance, called after its place (``top.array.pe_3_4``). Two
modules are identical when their texts are, once their children were merged: so from the leaves up.
"""

import re

__all__ = ["merge"]

_MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  cell \\(\S+) (?:\\|(?=\$))(\S+)$", re.MULTILINE)


def merge(rtlil: str, top: str) -> str:
    """The modules under ``top``, each of them once, as ``top_<role>``.

    A module's role is the name of its first instance, without trailing indices: all of
    ``pe_0_0``, ``pe_0_1``, ... of the block ``gemm`` are ``gemm_pe``. Where two different modules
    have one role, the later is ``gemm_pe_2``.
    """
    bodies = dict(_MODULE.findall(rtlil))
    chosen = _representatives(bodies, top)
    names = _names(bodies, chosen, top)

    def cell(match: re.Match) -> str:
        kind = match[1]
        return match[0].replace(kind, names[chosen[kind]], 1) if kind in chosen else match[0]

    return "".join(
        f"module \\{name}\n{_CELL.sub(cell, bodies[module])}end\n" for module, name in names.items()
    )


def _children(body: str) -> list[tuple[str, str]]:
    return [(kind, instance) for kind, instance in _CELL.findall(body)]


def _representatives(bodies: dict[str, str], top: str) -> dict[str, str]:
    """Each module under ``top`` -> the one that stands for all that are identical to it."""
    chosen: dict[str, str] = {}
    first: dict[str, str] = {}

    def visit(module: str) -> None:
        for kind, _instance in _children(bodies[module]):
            if kind in bodies and kind not in chosen:
                visit(kind)
        text = _CELL.sub(lambda m: f"  cell \\{chosen.get(m[1], m[1])} {m[2]}", bodies[module])
        chosen[module] = first.setdefault(text, module)

    visit(top)
    return chosen


def _names(bodies: dict[str, str], chosen: dict[str, str], top: str) -> dict[str, str]:
    """Each representative -> its name, parents before children."""
    names = {top: top}
    taken = {top}
    queue = [top]
    for module in queue:
        for kind, instance in _children(bodies[module]):
            module = chosen.get(kind)
            if module is None or module in names:
                continue
            role = re.sub(r"(_\d+)+$", "", re.sub(r"\W+", "_", instance)).strip("_")
            name, count = f"{top}_{role}", 1
            while name in taken:
                count += 1
                name = f"{top}_{role}_{count}"
            names[module] = name
            taken.add(name)
            queue.append(module)
    return names
