"""The two ends of a stream in cocotb, with stalls; the sink checks the rules of streams.

The rules are those of ``amaranth.lib.stream``: an offer, ``valid`` with its ``payload``, holds
until a transfer, which is a rising edge with ``valid`` and ``ready`` both high.
"""

import random
from collections.abc import Callable, Sequence

import numpy as np
from cocotb.handle import HierarchyObject
from cocotb.triggers import FallingEdge, RisingEdge

from gemmule.gen.block import Beats

__all__ = ["Stall", "StreamSink", "StreamSource", "bernoulli", "to_beats", "to_ints"]

Stall = Callable[[], bool]
"""Asked once a cycle; true holds the endpoint back in that cycle."""


def bernoulli(rate: float, seed: int) -> Stall:
    """Hold back with probability ``rate``, each cycle by itself."""
    rng = random.Random(seed)
    return lambda: rng.random() < rate


def to_ints(beats: Beats) -> list[int]:
    """Convert beats to what cocotb takes: one integer each."""
    rows = np.ascontiguousarray(beats, dtype="<u4")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def to_beats(values: Sequence[int], words: int) -> Beats:
    """Convert integers to beats: the inverse of :func:`to_ints`."""
    octets = b"".join(value.to_bytes(4 * words, "little") for value in values)
    return np.frombuffer(octets, "<u4").reshape(-1, words)


class _Endpoint:
    def __init__(self, dut: HierarchyObject, name: str, stall: Stall):
        self.name = name
        self.clk = dut.clk
        self.payload, self.valid, self.ready = (
            dut[f"{name}__{part}"] for part in ("payload", "valid", "ready")
        )
        self.stall = stall
        self.moved = 0


class StreamSource(_Endpoint):
    """Drives a stream that the design takes."""

    async def send(self, values: Sequence[int]) -> None:
        """Offer each value until it is taken."""
        for value in values:
            while self.stall():
                await RisingEdge(self.clk)
            self.payload.value, self.valid.value = value, 1
            taken = False
            while not taken:
                # By the falling edge all logic has settled and no register has moved yet: true in
                # any simulator, whoever drives the clock.
                await FallingEdge(self.clk)
                taken = bool(self.ready.value)
                await RisingEdge(self.clk)
            self.valid.value = 0
            self.moved += 1

    def idle(self) -> None:
        """Offer nothing."""
        self.valid.value = 0


class StreamSink(_Endpoint):
    """Reads a stream that the design gives."""

    async def receive(self, count: int) -> list[int]:
        """Take ``count`` values; no offer may change or go before it is taken."""
        values, offer = [], None
        while len(values) < count:
            self.ready.value = not self.stall()
            await FallingEdge(self.clk)
            seen = self.payload.value.to_unsigned() if self.valid.value else None
            assert offer is None or seen == offer, (
                f"{self.name}: the offer {offer:#x} became {seen} before it was taken"
            )
            if seen is not None and self.ready.value:
                values.append(seen)
                self.moved += 1
                seen = None
            offer = seen
            await RisingEdge(self.clk)
        self.ready.value = 0
        return values

    async def stays_quiet(self, cycles: int) -> None:
        """Check that nothing more is offered for ``cycles`` cycles."""
        for _ in range(cycles):
            await FallingEdge(self.clk)
            assert not self.valid.value, f"{self.name} offers more than it was asked for"

    def idle(self) -> None:
        """Take nothing."""
        self.ready.value = 0
