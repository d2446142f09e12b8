"""What a mapped netlist tells of its speed: levels of logic, and nets with many sinks."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["largest_fanouts", "logic_levels", "longest_path"]

LOGIC = re.compile(r"LUT[1-6]|LUT6_2|INV|CARRY4|CARRY8|MUXF[789]|RAM\d+[XM].*")
"""Cells that a signal passes within a cycle; a distributed memory is read within one."""

WRITES = re.compile(r"D|DI\w*|WE\w*")
"""Pins of a distributed memory that its next clock edge takes: no signal passes from them."""

CLOCKS = {"C", "CLK", "CLKARDCLK", "CLKBWRCLK", "WCLK", "I"}
"""Pins of the clock's own tree."""

Netlist = Mapping[str, Any]
"""A module of Yosys's `write_json`."""


def logic_levels(netlist: Netlist) -> int:
    """Count look-up tables, carries and multiplexers on the longest way between two registers.

    A carry chain counts once for each CARRY4. What lies inside a DSP block does not count. A way
    ends where it is written into a distributed memory, and another begins where it is read.
    """
    return len(_slowest(netlist))


def longest_path(netlist: Netlist) -> list[str]:
    """Return the cells of the longest way and the net that each drives, as ``LUT3 name``."""
    path = _slowest(netlist)
    drives = [next(iter(_bits(cell, "output")), None) for cell in path]
    names = _names(netlist, {bit for cell in path for bit in _bits(cell, "output")})
    return [
        f"{cell['type']} "
        + next((names[bit] for bit in _bits(cell, "output") if bit in names), f"net {drive}")
        for cell, drive in zip(path, drives, strict=True)
    ]


def _slowest(netlist: Netlist) -> list[Mapping[str, Any]]:
    """Return the cells on the longest way between two registers, in order."""
    cells = [cell for cell in netlist["cells"].values() if LOGIC.fullmatch(cell["type"])]
    driver = {bit: index for index, cell in enumerate(cells) for bit in _bits(cell, "output")}
    users: list[list[int]] = [[] for _ in cells]
    waiting = [0] * len(cells)
    for index, cell in enumerate(cells):
        for source in {driver[bit] for bit in _bits(cell, "input") if bit in driver}:
            users[source].append(index)
            waiting[index] += 1
    level, before = [1] * len(cells), [-1] * len(cells)
    ready = [index for index, count in enumerate(waiting) if not count]
    for index in ready:
        for user in users[index]:
            if level[index] + 1 > level[user]:
                level[user], before[user] = level[index] + 1, index
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    path, at = [], max(range(len(cells)), key=level.__getitem__, default=-1)
    while at >= 0:
        path.append(cells[at])
        at = before[at]
    return path[::-1]


def largest_fanouts(netlist: Netlist, count: int = 5) -> dict[str, int]:
    """Return the nets with the most sinks, clocks and constants left out: name -> sinks."""
    sinks: Counter[int] = Counter()
    clocks: set[int] = set()
    for cell in netlist["cells"].values():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"].get(pin, "input") != "input":
                continue
            wires = [bit for bit in bits if isinstance(bit, int)]
            (clocks.update if pin in CLOCKS and _clocked(cell) else sinks.update)(wires)
    top = [(bit, number) for bit, number in sinks.most_common() if bit not in clocks][:count]
    names = _names(netlist, {bit for bit, _number in top})
    return {names.get(bit, f"net {bit}"): number for bit, number in top}


def _clocked(cell: Mapping[str, Any]) -> bool:
    return not LOGIC.fullmatch(cell["type"]) or cell["type"].startswith("RAM")


def _bits(cell: Mapping[str, Any], direction: str) -> list[int]:
    ways, memory = cell["port_directions"], cell["type"].startswith("RAM")
    return [
        bit
        for pin, bits in cell["connections"].items()
        if ways.get(pin) == direction and not (memory and WRITES.fullmatch(pin))
        for bit in bits
        if isinstance(bit, int)
    ]


def _names(netlist: Netlist, wanted: set[int]) -> dict[int, str]:
    """Return the shortest name of each net that Yosys did not make up."""
    found: dict[int, str] = {}
    for name, net in netlist["netnames"].items():
        for index, bit in enumerate(net["bits"]):
            if bit not in wanted or net.get("hide_name"):
                continue
            full = f"{name}[{index}]" if len(net["bits"]) > 1 else name
            if bit not in found or len(full) < len(found[bit]):
                found[bit] = full
    return found
