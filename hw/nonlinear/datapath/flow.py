"""Datapaths without a stall: values that know their time, aligned by registers where they meet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from amaranth import Array, Const, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Member
from numpy.typing import NDArray

__all__ = ["Flow", "FlowComponent", "Timed", "lookup"]


@dataclass(frozen=True, eq=False)
class Timed:
    """A value, and the cycle in which it is there, counted from that of the input."""

    value: Value
    time: int = 0


class Flow:
    """A pipeline in the making: each step is a register, and operands that come early wait.

    It only collects assignments, for ``m.d.sync += flow.registers``.
    """

    def __init__(self):
        self.registers: list[Any] = []
        # The early value is kept too, so that its id is not given to another.
        self._late: dict[tuple[int, int], tuple[Value, Signal]] = {}

    def step(
        self, name: str, function: Callable[..., Value], *operands: Timed, since: int = 0
    ) -> Timed:
        """Make a register, ``name``, of a function of values at the time of the latest.

        ``since`` is the earliest time at which the operands are used: a table is read when its
        entry is needed, so that the narrower address waits.
        """
        time = max(since, *(each.time for each in operands))
        value = Value.cast(function(*(self.at(each, time) for each in operands)))
        return Timed(self._register(name, value), time + 1)

    def at(self, timed: Timed, time: int) -> Value:
        """Return the value, late, so that it is there at ``time``."""
        if time == timed.time:
            return timed.value
        key = (id(timed.value), time)
        if key not in self._late:
            early = self.at(timed, time - 1)
            name = getattr(timed.value, "name", "early")
            late = self._register(f"{name}_late_{time - timed.time}", early)
            self._late[key] = timed.value, late
        return self._late[key][1]

    def _register(self, name: str, value: Value) -> Signal:
        register = Signal(value.shape(), name=name, reset_less=True)
        self.registers.append(register.eq(value))
        return register


class FlowComponent(wiring.Component):
    """A component that is one flow: its latency is known as soon as it is made.

    A class of it says in ``_flow`` what its outputs are, after what it needs for that was set.

    Latency: :attr:`latency` cycles. Throughput: one value a cycle. Back-pressure: none.

    Parameters
    ----------
    ports : Mapping[str, Member]

    Attributes
    ----------
    latency : int
        Cycles from the inputs to the latest output.
    """

    def __init__(self, ports: Mapping[str, Member]):
        super().__init__(ports)
        flow = Flow()
        self._outputs = self._flow(flow)
        self._registers = flow.registers
        self.latency = max(timed.time for timed in self._outputs.values())

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        """Return the outputs by name, made in ``flow``."""
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self._registers
        m.d.comb += [getattr(self, name).eq(each.value) for name, each in self._outputs.items()]
        return m


def lookup(values: NDArray, address: Value) -> Value:
    """Return ``values[address]``: a table of constants, as wide as the widest."""
    low, high = int(values.min()), int(values.max())
    shape = Shape.cast(range(min(low, 0), high + 1))
    if low == high or not len(address):
        return Const(int(values[0]), shape)
    return Array([Const(int(value), shape) for value in values])[address]
