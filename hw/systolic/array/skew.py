"""The controls of a slot as they reach each row of an array."""

from collections.abc import Callable

from amaranth import Const, Module, Value
from amaranth.lib import wiring

from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.systolic.params import ArrayParams

__all__ = ["Tapped", "row_controls"]


class Tapped:
    """A signal at any age: one register a cycle, however many want it."""

    def __init__(self, m: Module, name: str, value: Value, *, reset: bool = False):
        self._m, self._name, self._reset = m, name, reset
        self._ages = [value]

    def __call__(self, cycles: int) -> Value:
        """Return the signal as it was ``cycles`` ago."""
        while len(self._ages) <= cycles:
            name = f"{self._name}_late_{len(self._ages)}"
            self._ages.append(register(self._m, name, self._ages[-1], reset=self._reset))
        return self._ages[cycles]


def row_controls(
    m: Module,
    params: ArrayParams,
    slot: wiring.Component,
    *,
    late: Callable[[int], int],
    behind: int,
) -> list[dict[str, Value]]:
    """Give each row ``slot``'s ``swap``, ``ws`` and ``clear``, ``late(row)`` cycles after it.

    ``ws`` and ``clear`` come ``behind`` cycles after the others. ``ws`` is also high while a row
    hands down what comes from above in a drain over the cascade: for the last ``r`` slots of it in
    row ``r``, so that row ``r`` holds its own sum until those below it are out.
    """
    names = {"swap", "ws", "clear", "drain"} & set(slot.signature.members)
    # What a reset left of a drain would hand sums down for longer than the next ones take to come.
    tapped = {
        name: Tapped(m, name, getattr(slot, name), reset=name == "drain") for name in sorted(names)
    }
    handing = _handing(m, params.rows, tapped["drain"], behind) if "drain" in names else []
    rows = []
    for row in range(params.rows):
        age = late(row)
        controls = {}
        if "swap" in names:
            controls["swap"] = tapped["swap"](age)
        if "clear" in names:
            controls["clear"] = tapped["clear"](age + behind)
        chained = [tapped["ws"](age + behind)] if "ws" in names else []
        if "drain" in names:
            chained.append(handing[age])
        if chained:
            controls["ws"] = chained[0] if len(chained) == 1 else chained[0] | chained[1]
        rows.append(controls)
    return rows


def _handing(m: Module, rows: int, drain: Tapped, behind: int) -> list[Value]:
    """Tell by age whether a row hands down.

    It does for as many slots from when row 0 has its drain behind it. What counts is the drain
    that began then: the next tile's may have begun in the upper rows.
    """
    wait = rows - 1 + behind
    begins = wire(m, "handing_begins", drain(wait) & ~drain(wait + 1))
    handing: list[Value] = [Const(0, 1)]
    for age in range(1, rows):
        before = register(m, f"handing_{age}", handing[-1], reset=True)
        handing.append(wire(m, f"hands_{age}", begins | before))
    return handing
