"""An operand's buffer: loaded in one order, read in the order that a convolution wants."""

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import Component, In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.conv.layout import passing
from gemmule.hw.common.layout import laid_out
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream, shape_of, vector

from .generator import AddressGenerator, hand_over
from .walk_params import BpParams

__all__ = ["OperandBuffer", "pass_layout"]


def pass_layout(params: BpParams, fmt: Format) -> data.StructLayout:
    """Lay out one pass over a bank, as :func:`golden.conv.layout.passing` has it."""
    return laid_out(passing(params.golden, fmt))


class OperandBuffer(Component):
    """Two banks of vectors: one is loaded while address generators walk over the other.

    A packet on ``load`` fills a bank from its address 0. A pass reads the oldest bank that was not
    released; where this one is still being loaded, a beat waits for its vector, and a release for
    the whole. :mod:`golden.conv.pattern` says which vectors are read and which beats are masked.
    Nothing is stored twice and no zero is stored: padding and the zeros of BP-im2col (arXiv
    2209.09434) are masks.

    A load longer than a bank starts over at its address 0, and a read of a vector that its bank
    does not hold waits for good: both are told, and whoever commands must not let it stand.

    Latency: 2 cycles from a pass to its first beat, ``LATENCY``. Throughput: one vector a cycle in
    and out, from pass to pass and from bank to bank, too. Back-pressure: ``load`` waits while both
    banks are full, ``passes`` while a pass is under way, ``o`` holds its beat.

    Parameters
    ----------
    params : :class:`BpParams`
        ``address_width`` is that of a bank.
    fmt : :class:`Format`
    lanes : ``int``

    Members
    -------
    load : In(packet stream of vector(fmt, lanes))
    passes : In(stream of pass_layout)
    o : Out(packet stream of vector(fmt, lanes))
    released : Out(1)
        A bank was given back.
    real : Out(1)
        The beat at ``o`` was read, and is not the pad.
    idle : Out(1)
        No pass is under way, and no bank is full.
    overflow, beyond : Out(1)
        A vector came for which the bank has no room; a beat wants one that its bank lacks.
    """

    LATENCY = 2

    def __init__(self, params: BpParams, fmt: Format, lanes: int):
        self.params = params
        self.fmt = fmt
        self.lanes = lanes
        super().__init__({
            "load": In(packet_stream(vector(fmt, lanes))),
            "passes": In(stream.Signature(pass_layout(params, fmt))),
            "o": Out(packet_stream(vector(fmt, lanes))),
            "released": Out(1),
            "real": Out(1),
            "idle": Out(1),
            "overflow": Out(1),
            "beyond": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.generator = walker = AddressGenerator(self.params)
        m.submodules.memory = banks = memory.Memory(
            shape=unsigned(self.fmt.width * self.lanes),
            depth=2 << self.params.address_width,
            init=[],
        )
        full = Signal(range(3))
        loaded, there = self._load(m, banks, full)
        held = hand_over(m, self.passes, walker)
        m.d.sync += full.eq(full + loaded - self.released)
        beat = walker.o.payload
        known = wire(m, "known", (beat.data.address < there) | ~beat.data.real)
        m.d.comb += [
            self.load.ready.eq(full < 2),
            self.beyond.eq(walker.o.valid & (full != 0) & ~known),
            self.idle.eq(~walker.o.valid & ~self.o.valid & (full == 0)),
        ]
        self._read(m, banks, walker, held, known & ((full != 0) | ~(beat.last & held.release)))
        return m

    def _load(self, m: Module, banks: memory.Memory, full: Value) -> tuple[Value, Value]:
        """Fill bank after bank; return a pulse that completes one, and how far the oldest is."""
        port = banks.write_port()
        bank = Signal()
        address = Signal(self.params.address_width)
        take = self.load.valid & self.load.ready
        last = self.load.payload.last
        after = wire(m, "after", address + 1)
        m.d.comb += [
            self.overflow.eq(take & after[-1] & ~last),
            port.en.eq(take),
            port.addr.eq(Cat(address, bank)),
            port.data.eq(self.load.payload.data.as_value()),
        ]
        # Vectors in the older and in the newer one of the full banks.
        older, newer = (
            Signal.like(after, name=name, reset_less=True) for name in ("older", "newer")
        )
        with m.If(take):
            m.d.sync += [address.eq(Mux(last, 0, after)), bank.eq(bank ^ last)]
        with m.If(take & last & (full == self.released)):
            m.d.sync += older.eq(after)
        with m.Elif(self.released):
            m.d.sync += older.eq(newer)
        with m.If(take & last):
            m.d.sync += newer.eq(after)
        return take & last, Mux(full != 0, older, address)

    def _read(
        self,
        m: Module,
        banks: memory.Memory,
        walker: AddressGenerator,
        held: data.View,
        ready: Value,
    ) -> None:
        """Read in one stage: while memory looks a vector up, its mask and pad wait beside it."""
        port = banks.read_port()
        bank = Signal()
        beat = walker.o.payload
        pad = Signal(shape_of(self.fmt), reset_less=True)
        step, take = Signal(), Signal()
        m.d.comb += [
            step.eq(~self.o.valid | self.o.ready),
            walker.o.ready.eq(step & ready),
            take.eq(walker.o.valid & walker.o.ready),
            self.released.eq(take & beat.last & held.release),
            port.en.eq(take),
            port.addr.eq(Cat(beat.data.address, bank)),
        ]
        with m.If(step):
            m.d.sync += self.o.valid.eq(take)
        with m.If(take):
            m.d.sync += [
                self.real.eq(beat.data.real),
                pad.eq(held.pad),
                self.o.payload.last.eq(beat.last & held.final),
                bank.eq(bank ^ self.released),
            ]
        stored = data.View(vector(self.fmt, self.lanes), port.data)
        for lane in range(self.lanes):
            m.d.comb += self.o.payload.data[lane].eq(Mux(self.real, stored[lane], pad))
