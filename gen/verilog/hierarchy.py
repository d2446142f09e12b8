"""Modules and their instances, from Verilog that Yosys wrote."""

import re
from collections import Counter
from collections.abc import Mapping, Set

__all__ = ["borders", "edges", "modules"]

REPEATED = 4
"""How often a module must stand in a design for its copies to be mapped as one."""

Modules = Mapping[str, Mapping[str, str]]
"""Each module's instances, and the module of each."""

_MODULE = re.compile(r"^module (\w+)\((.*?)^endmodule$", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^  (\w+) (?:#\(.*?\) )?\\?(\S+) +\($", re.MULTILINE | re.DOTALL)


def modules(verilog: str) -> dict[str, dict[str, str]]:
    """Return each module of ``verilog``, with its instances of modules of ``verilog``."""
    texts = dict(_MODULE.findall(verilog))
    return {
        name: {place: module for module, place in _INSTANCE.findall(text) if module in texts}
        for name, text in texts.items()
    }


def borders(tree: Modules, top: str) -> set[str]:
    """Return the modules right under ``top``, and below them the outermost that are repeated.

    Examples
    --------
    >>> rows = {f"row_{n}": "row" for n in range(8)}
    >>> cells = {f"cell_{n}": "cell" for n in range(8)}
    >>> tree = {"top": {"array": "array"}, "array": rows, "row": cells, "cell": {}}
    >>> sorted(borders(tree, "top"))
    ['array', 'row']
    """
    count = Counter({top: 1})
    queue = [top]
    for module in queue:
        for child in tree[module].values():
            count[child] += 1
            queue.append(child)
    kept = set(tree[top].values())

    def visit(module: str) -> None:
        for child in set(tree[module].values()):
            if count[child] >= REPEATED:
                kept.add(child)
            else:
                visit(child)

    for module in list(kept):
        if count[module] < REPEATED:
            visit(module)
    return kept


def edges(tree: Modules, kept: Set[str]) -> list[tuple[str, str, str]]:
    """Return the first and the last of each row of ``kept`` instances: parent, instance, module.

    Constants at one edge and unused outputs at the other make part of them superfluous, which is
    found only where there is no border.

    Examples
    --------
    >>> tree = {"array": {f"row_{n}": "row" for n in range(12)}, "row": {}}
    >>> edges(tree, {"row"})
    [('array', 'row_0', 'row'), ('array', 'row_11', 'row')]
    """
    found = []
    for parent, instances in tree.items():
        for module in sorted(kept):
            places = sorted((p for p, each in instances.items() if each == module), key=_numbers)
            if len(places) >= REPEATED:
                found += [(parent, place, module) for place in (places[0], places[-1])]
    return found


def _numbers(place: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", place)]
