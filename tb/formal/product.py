"""Claims on what counts in a product: commands and results never outgrow their places."""

from amaranth import Signal

from gemmule.golden.systolic.limits import COMMANDS
from gemmule.hw.systolic.command import CommandQueue, packets
from gemmule.hw.systolic.sequencer import Sequencer

from .prove import Claims

__all__ = ["command_queue", "result_room"]


def command_queue(claims: Claims, dut: CommandQueue) -> None:
    """Claim that a place is free before a command has it, and each command ends once.

    The readers take what is there, and end what they took.
    """
    tail = claims.inside("tail")

    def behind(name: str) -> Signal:
        distance = Signal(len(tail), name=f"{name}_behind")
        claims.m.d.comb += distance.eq(claims.inside(name) - tail)
        return distance

    taken, head = behind("taken"), behind("head")
    claims.holds((taken <= COMMANDS) & (head <= taken))
    claims.holds(taken == head + claims.inside("put_1") + claims.inside("put_2"))
    for number, (name, reader) in enumerate(zip(packets(dut.params), dut.readers, strict=True)):
        place, ended = behind(f"place_{number}"), behind(f"ended_{name}")
        claims.assume(~reader.take | reader.valid)
        claims.assume(~reader.done | (ended != place))
        claims.holds((place <= head) & (ended <= place))


def result_room(claims: Claims, dut: Sequencer) -> None:
    """Claim that results under way have room, if no more come back than went."""
    capacity, m = dut.params.capacity, claims.m
    going = Signal(range(capacity + dut.params.rows + 1), name="going")
    m.d.sync += going.eq(going + dut.completed - dut.returned)
    claims.assume(~dut.returned | (going != 0))
    claims.assume(dut.a_at.height <= dut.params.rows)
    claims.holds(going + claims.inside("room") == capacity)
