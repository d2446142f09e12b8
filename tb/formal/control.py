"""Claims on registers and control: each access and each command is answered, once."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnyConst
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.soc.control import buffer, completion, dispatch, ring
from gemmule.hw.soc.control.completion import UNDER_WAY
from gemmule.hw.soc.control.counters import ROUND, Counters
from gemmule.hw.soc.control.dispatch import IN_FLIGHT
from gemmule.hw.soc.control.layouts import UNITS
from gemmule.hw.soc.control.legality.windows import Windows
from gemmule.hw.soc.dma.request import read_stream, request_layout
from gemmule.hw.soc.registers import Registers

from .prove import Claims

__all__ = [
    "FetchAndBuffer",
    "Orders",
    "counters",
    "fetch_and_buffer",
    "orders",
    "registers",
    "windows",
]

SOON = 3
"""Cycles in which an access is answered by those who wait for nothing."""


def registers(claims: Claims, dut: Registers) -> None:
    """Claim that answers stand, that there is one for each access, and that it comes soon."""
    bus = dut.bus
    claims.stands(bus.bvalid, bus.bready, bus.bresp)
    claims.stands(bus.rvalid, bus.rready, bus.rdata, bus.rresp)
    counts = {name: _transfers(claims, bus, name) for name in ("aw", "w", "b", "ar", "r")}
    claims.holds((counts["aw"] - counts["w"])[:4] == ~bus.awready)
    claims.holds((counts["w"] - counts["b"])[:4] == bus.bvalid)
    claims.holds((counts["ar"] - counts["r"])[:4] == ~bus.arready + bus.rvalid)

    # Who gives its data and takes its answers, is answered: soon, and reads of a memory as many
    # cycles later as it waits, which is any number here (see `windows` and `counters`).
    ports = (dut.control.command, dut.control.counters, dut.control.windows)
    waits = Cat(port.read & port.wait for port in ports).any()
    most, waited = Signal(7, name="most"), Signal(8, name="waited")
    claims.m.d.comb += most.eq(AnyConst(7))
    claims.m.d.sync += waited.eq(Mux(waits, waited + 1, 0))
    claims.assume(waited + waits <= most)
    _soon(
        claims,
        "write",
        bus.awvalid | ~bus.awready | bus.bvalid,
        bus.bready & bus.wvalid,
        bus.bvalid,
    )
    active = bus.arvalid | ~bus.arready | bus.rvalid
    since = _soon(claims, "read", active, bus.rready, bus.rvalid, most)
    claims.holds(~waits | (since <= waited + 1))


def _transfers(claims: Claims, bus: wiring.PureInterface, name: str) -> Signal:
    count = Signal(4, name=f"{name}_count")
    takes = getattr(bus, f"{name}valid") & getattr(bus, f"{name}ready")
    claims.m.d.sync += count.eq(count + takes)
    return count


def _soon(
    claims: Claims,
    name: str,
    active: Value,
    willing: Value,
    answered: Value,
    later: Value | int = 0,
) -> Signal:
    since = Signal(9, name=f"{name}_since")
    claims.m.d.sync += since.eq(Mux(active & willing & ~answered, since + 1, 0))
    claims.holds(since <= SOON + later)
    return since


def windows(claims: Claims, dut: Windows) -> None:
    """Claim that a read of a window's bounds waits for two cycles."""
    port = dut.words
    waited = Signal(3, name="waited")
    claims.m.d.sync += waited.eq(Mux(port.read & port.wait, waited + 1, 0))
    claims.holds(waited <= 2)
    claims.holds(waited == claims.inside("read_age"))


class FetchAndBuffer(wiring.Component):
    """A ring's requests and the buffer of its commands, with memory between them.

    Members
    -------
    tail : In(32); enable, push, write : In(1); word : In(4)
    request : Out(stream of requests); vectors : In(read stream); o : Out(stream of vectors)
    """

    def __init__(self, data_width: int = 128):
        self.fetch = ring.RingFetch(32, data_width)
        self.buffer = buffer.CommandBuffer(data_width)
        super().__init__({
            "tail": In(32),
            "enable": In(1),
            "push": In(1),
            "write": In(1),
            "word": In(4),
            "request": Out(stream.Signature(request_layout(32))),
            "vectors": In(read_stream(data_width)),
            "o": Out(self.buffer.o.signature),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fetch, m.submodules.buffer = fetch, held = self.fetch, self.buffer
        wiring.connect(m, fetch.request, wiring.flipped(self.request))
        wiring.connect(m, wiring.flipped(self.vectors), held.ring)
        wiring.connect(m, held.o, wiring.flipped(self.o))
        m.d.comb += [
            fetch.tail.eq(self.tail),
            fetch.enable.eq(self.enable),
            fetch.freed.eq(held.freed),
            held.push.eq(self.push),
            held.direct.write.eq(self.write),
            held.direct.write_word.eq(self.word),
        ]
        return m


def fetch_and_buffer(claims: Claims, dut: FetchAndBuffer) -> None:
    """Claim that whatever memory answers has its place, and that offers stand."""
    m, width = claims.m, dut.buffer.data_width
    count, most = buffer.vectors(width), buffer.places(width)
    claims.stands(dut.request.valid, dut.request.ready)
    claims.stands(dut.o.valid, dut.o.ready, dut.o.payload.last, dut.o.payload.ring)
    free, level, beat, source, waits = (
        claims.inside(name)
        for name in ("fetch.free", "buffer.level", "buffer.beat", "buffer.source", "buffer.waits")
    )
    end, begin = claims.inside("buffer.end"), claims.inside("buffer.begin")
    asked = dut.request.valid & dut.request.ready
    comes = dut.vectors.valid & dut.vectors.ready
    coming = Signal(8, name="coming")
    m.d.sync += coming.eq(coming + Mux(asked, count, 0) - comes)
    claims.assume(~dut.vectors.valid | (coming != 0))
    claims.assume(~dut.vectors.payload.error)
    # What is lent: what memory owes, what is here, and what left of a command that is not whole.
    left = Mux((beat != 0) & ~source, beat, 0)
    _ages(claims, "fetch.ring.age")
    claims.holds((free <= most) & (~claims.inside("fetch.offered") | (free != 0)))
    claims.holds((most - free) * count == coming + level + left)
    claims.holds(level <= most * count)
    claims.holds((begin < most * count) & (end < most * count))
    claims.holds(
        Mux(begin + level >= most * count, begin + level - most * count, begin + level) == end
    )
    claims.holds(~waits | dut.o.valid)
    claims.holds(~(source & ((beat != 0) | waits)) | claims.inside("buffer.pushed"))
    claims.holds(begin[: (count - 1).bit_length()] == left)
    claims.holds(~claims.inside("buffer.ended"))


def _ages(claims: Claims, path: str) -> None:
    """Claim that the age of an address goes up from 0, and stays."""
    age = claims.inside(path)
    claims.holds((age & (age + 1)) == 0)


def _keeps(claims: Claims, offers: stream.Interface) -> None:
    """Assume that who offers keeps to the rules of streams."""
    waits, before = Signal(name="kept"), Signal(len(Value.cast(offers.payload)), name="payload")
    claims.m.d.sync += [
        waits.eq(offers.valid & ~offers.ready),
        before.eq(Value.cast(offers.payload)),
    ]
    claims.assume(~waits | (offers.valid & (Value.cast(offers.payload) == before)))


class Orders(wiring.Component):
    """Dispatch and completion, one behind the other, with all units.

    Members
    -------
    those of both that face others, but for values that nothing depends on
    """

    def __init__(self):
        self.dispatch = dispatch.Dispatch(32, tuple(UNITS))
        self.completion = completion.Completion(32, tuple(UNITS))
        first, second = self.dispatch.signature.members, self.completion.signature.members
        self.of = {name: self.dispatch for name in first if name not in ("ended", "alone")}
        self.of |= {name: self.completion for name in second if name != "i"}
        super().__init__({name: part.signature.members[name] for name, part in self.of.items()})

    def elaborate(self, platform):
        m = Module()
        m.submodules.dispatch, m.submodules.completion = self.dispatch, self.completion
        wiring.connect(m, self.dispatch.ended, self.completion.i)
        for name, part in self.of.items():
            inner, outer = getattr(part, name), getattr(self, name)
            member = self.signature.members[name]
            if member.is_signature:
                wiring.connect(m, inner, wiring.flipped(outer))
            else:
                m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
        left = Signal(6, name="left")
        m.d.sync += left.eq(left + self.begun - self.completed.valid)
        m.d.comb += self.dispatch.alone.eq(left == 0)
        return m


def orders(claims: Claims, dut: Orders) -> None:
    """Claim that each command completes once, that queues keep to their size, and offers stand."""
    _keeps(claims, dut.i)
    left, under_way = claims.inside("left"), claims.inside("completion.under_way.level")
    levels = [claims.inside(f"dispatch.{name}.level") for name in UNITS]
    for name, level in zip(UNITS, levels, strict=True):
        finished, unit = getattr(dut, f"{name}_finished"), getattr(dut, name)
        # A unit finishes what it took, and keeps to the rules of streams.
        claims.assume(~finished.valid | (level != 0))
        _keeps(claims, finished)
        claims.stands(unit.valid, unit.ready)
        claims.holds(level <= IN_FLIGHT)
    claims.stands(dut.request.valid, dut.request.ready)
    claims.stands(dut.data.valid, dut.data.ready)
    _ages(claims, "completion.places.age")
    offered, asked = claims.inside("completion.offered"), claims.inside("completion.asked")
    claims.holds(~offered | (claims.inside("completion.holds") & ~asked))
    # Who was offered and not taken is still there.
    held, stays = claims.inside("dispatch.held"), claims.inside("dispatch.stays")
    claims.holds((held & (held - 1)) == 0)
    claims.holds(~stays | dut.i.valid)
    claims.holds(~held[-1] | (stays & claims.inside("dispatch.ends_here")))
    for n, name in enumerate(UNITS):
        claims.holds(~held[n] | getattr(dut, f"{name}_finished").valid)
    claims.holds(under_way <= UNDER_WAY)
    claims.holds(left == sum(levels, under_way))
    claims.holds(~dut.completed.valid | (under_way != 0))


def counters(claims: Claims, dut: Counters) -> None:
    """Claim that no event of a round is lost, and that reads wait for two rounds and 2 cycles.

    That is from the last ``latch`` or ``clear`` on. A master that writes these again and again may
    wait for a read of a counter as long as it does; it is never answered with a mix of two rounds.
    """
    _waits(claims, dut)
    step = claims.inside("step")
    for name in dut.names:
        now, gathered = getattr(dut, name), claims.inside(f"{name}_gathered")
        most, exact = (1 << len(now)) - 1, Signal(32, name=f"{name}_exact")
        claims.m.d.sync += exact.eq(Mux(step == 0, 0, exact) + now)
        claims.holds(exact <= most * Mux(step == 0, ROUND, step))
        claims.holds(exact == gathered)


def _waits(claims: Claims, dut: Counters) -> None:
    """Claim that reads wait for the round that is asked for, and not for a further one."""
    quiet, step = Signal(8, name="quiet"), claims.inside("step")
    begins_in = Signal.like(step, name="begins_in")
    claims.m.d.comb += begins_in.eq(-step)
    claims.m.d.sync += quiet.eq(Mux(dut.latch | dut.clear, 0, Mux(dut.words.wait, quiet + 1, 0)))
    claims.holds(quiet <= 2 * ROUND + 2)
    for name in ("latch", "clear"):
        wanted, does, writes = (
            claims.inside(f"{name}_{what}") for what in ("wanted", "does", "writes")
        )
        claims.holds(~wanted | (quiet + begins_in <= ROUND))
        claims.holds(~does | (quiet + begins_in <= 2 * ROUND))
        claims.holds(~writes | (quiet <= 2 * ROUND + 1))
