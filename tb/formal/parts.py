"""Claims on the parts of every stream: nothing is lost, doubled, reordered or withdrawn."""

from amaranth import Mux, Signal, Value

from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.guard import PacketGuard
from gemmule.hw.common.stream.skid import SkidBuffer

from .prove import Claims

__all__ = ["fifo", "guard", "skid"]


def _followed(claims: Claims, component, places: int) -> tuple[list[Signal], Signal]:
    """Follow what is inside between ``i`` and ``o``: the payloads, the oldest first, and how many.

    What comes out is the oldest one, and stands until it is taken.
    """
    m, i, o = claims.m, component.i, component.o
    width = len(Value.cast(i.payload))
    inside = [Signal(width, name=f"inside_{n}") for n in range(places)]
    level = Signal(range(places + 1), name="followed")
    comes, goes = i.valid & i.ready, o.valid & o.ready
    m.d.sync += level.eq(level + comes - goes)
    for n, each in enumerate(inside):
        here = Mux(goes, inside[n + 1] if n + 1 < places else 0, each)
        m.d.sync += each.eq(Mux(comes & (level - goes == n), Value.cast(i.payload), here))
    claims.stands(o.valid, o.ready, o.payload)
    claims.holds((level <= places) & (~o.valid | (level != 0)))
    claims.holds(~o.valid | (Value.cast(o.payload) == inside[0]))
    claims.holds((level != places) | ~i.ready)
    return inside, level


def skid(claims: Claims, dut: SkidBuffer) -> None:
    """Claim order, for two places."""
    inside, level = _followed(claims, dut, 2)
    full, waiting = dut.o.valid, ~dut.i.ready
    claims.holds(level == full + waiting)
    claims.holds(~waiting | (full & (claims.inside("spare") == inside[1])))


def fifo(claims: Claims, dut: Fifo) -> None:
    """Claim order, and that no place is written before it was read."""
    inside, level = _followed(claims, dut, dut.depth)
    read, write = claims.inside("read"), claims.inside("write")
    rows = claims.rows("memory.words")
    waiting = Signal(range(dut.depth + 1), name="waiting")
    claims.m.d.comb += waiting.eq(level - dut.o.valid)
    claims.holds((dut.level == level) & (read < dut.depth) & (write < dut.depth))
    claims.holds(write == _around(read + waiting, dut.depth))
    for n in range(dut.depth):
        at = _around(read + n, dut.depth)
        row = rows[0]
        for number, each in enumerate(rows[1:], 1):
            row = Mux(at == number, each, row)
        for offered in range(2):
            if n + offered < dut.depth:
                here = (dut.o.valid == offered) & (n < waiting)
                claims.holds(~here | (row == inside[n + offered]))


def _around(place: Value, depth: int) -> Value:
    return Mux(place >= depth, place - depth, place)


def guard(claims: Claims, dut: PacketGuard) -> None:
    """Claim that each packet of the consumer begins with the first beat of one that came.

    And that it ends, if need be with zeros, whatever the packets' lengths are.
    """
    m = claims.m
    take, last = dut.take & dut.valid, dut.i.payload.last
    claims.assume(~dut.take | dut.valid)
    claims.assume(~dut.final | dut.take)
    comes_first, goes_first = Signal(init=1, name="comes_first"), Signal(init=1, name="goes_first")
    with m.If(dut.i.valid & dut.i.ready):
        m.d.sync += comes_first.eq(last)
    with m.If(take):
        m.d.sync += goes_first.eq(dut.final)
    state = claims.inside("fsm_state")
    passes, fills, drops = (state == n for n in range(3))
    claims.holds(passes | fills | drops)
    claims.holds(~passes | (comes_first == goes_first))
    claims.holds(~fills | (comes_first & ~goes_first))
    claims.holds(~drops | (~comes_first & goes_first))
    # A first beat is one that came, at the same time; what did not come is zero.
    claims.holds(~(take & goes_first) | (comes_first & dut.i.valid & dut.i.ready))
    data = Value.cast(dut.data)
    came = dut.i.valid & dut.i.ready
    claims.holds(~take | Mux(came, data == Value.cast(dut.i.payload.data), data == 0))
    claims.holds(dut.early == (take & came & last & ~dut.final))
    claims.holds(dut.late == (take & came & ~last & dut.final))
    # Its offer falls only when it was taken, if that of what comes does.
    waits = Signal(name="i_waits")
    m.d.sync += waits.eq(dut.i.valid & ~dut.i.ready)
    claims.assume(~waits | dut.i.valid)
    offered = Signal(name="offered")
    m.d.sync += offered.eq(dut.valid & ~dut.take)
    claims.holds(~offered | dut.valid)
