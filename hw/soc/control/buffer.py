"""Commands on their way in: those read from the ring, and the one that registers hand over."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.hw.soc.dma.request import read_stream
from gemmule.hw.soc.registers import place_signature

from .layouts import COMMAND_BITS

__all__ = ["CommandBuffer", "places", "vectors"]


def vectors(data_width: int) -> int:
    """Return the vectors of the bus that a command fills."""
    return COMMAND_BITS // data_width


def places(data_width: int) -> int:
    """Return the commands of the ring that the buffer holds, beside the direct one.

    They fill a memory of 32 words, what distributed memory has at least, or 4 places of it.
    """
    return min(8, max(4, 32 // vectors(data_width))) - 1


class CommandBuffer(wiring.Component):
    """Hold commands of the ring, in order, and one written through registers.

    Both stand in one memory of whole vectors, which is written by bytes. A direct command goes
    before those of the ring that are not under way yet. Bytes written while a direct command waits
    are ignored, as is a ``push``; ``overflow`` tells.

    A vector that was read with an error ends the ring, and direct commands: neither it nor what
    follows is handed on.

    Latency: 1 cycle from a vector to ``o``. Throughput: a vector a cycle. Back-pressure: vectors of
    the ring are taken at once, but for cycles in which a direct byte is written; whoever asks for
    them counts :func:`places` with ``freed``.

    Parameters
    ----------
    data_width : int
        Of the bus, 32 to 512.

    Members
    -------
    ring : In(read stream of a vector)
    direct : In(place for 16 words)
    push, room, overflow : the direct command is whole; it may be written; it was written in vain
    freed : Out(1), a command of the ring left as a whole
    broken : Out(1), a vector of the ring had an error, now
    empty : Out(1)
    o : Out(stream of ``data``, a vector of the command; ``last``; ``ring``, it is of the ring)
    """

    def __init__(self, data_width: int):
        self.data_width = data_width
        super().__init__({
            "ring": In(read_stream(data_width)),
            "direct": In(place_signature(COMMAND_BITS // 32)),
            "push": In(1),
            "room": Out(1),
            "overflow": Out(1),
            "freed": Out(1),
            "broken": Out(1),
            "empty": Out(1),
            "o": Out(
                stream.Signature(data.StructLayout({"data": data_width, "last": 1, "ring": 1}))
            ),
        })

    def elaborate(self, platform):
        m = Module()
        count = vectors(self.data_width)
        size = places(self.data_width) * count
        m.submodules.memory = memory = Memory(shape=self.data_width, depth=size + count, init=[])
        self._count, self._size = count, size
        write = memory.write_port(granularity=8)
        read = memory.read_port(domain="comb")
        pushed = Signal(name="pushed")
        self._fill(m, write, pushed)
        self._hand_on(m, read, pushed)
        m.d.comb += [self.room.eq(~pushed), self.empty.eq(~pushed & (self._level == 0))]
        return m

    def _fill(self, m: Module, write, pushed: Signal) -> None:
        """Write what comes; a byte from registers goes first."""
        end, self._level = (
            Signal(range(self._size), name="end"),
            Signal(range(self._size + 1), name="level"),
        )
        self._stored, self._taken = Signal(name="stored"), Signal(name="taken")
        ended = self._ended = Signal(name="ended")
        late, word, octets, strobes = self._delayed(m)
        arrives = self.ring.valid & self.ring.ready
        lanes = self.data_width // 32
        low = (lanes - 1).bit_length()
        place = word[low:]
        m.d.comb += [
            self.ring.ready.eq(~late),
            self.broken.eq(arrives & self.ring.payload.error & ~ended),
            self._stored.eq(arrives & ~self.ring.payload.error & ~ended),
            self.overflow.eq((late | self.push) & pushed),
            write.addr.eq(Mux(late, self._size + place, end)),
            write.data.eq(Mux(late, octets.replicate(lanes), self.ring.payload.data)),
        ]
        for lane in range(lanes):
            chosen = word[:low] == lane
            strobe = strobes & (late & ~pushed & chosen).replicate(4)
            m.d.comb += write.en[4 * lane : 4 * lane + 4].eq(strobe | self._stored.replicate(4))
        with m.If(self.broken):
            m.d.sync += ended.eq(1)
        with m.If(self._stored):
            m.d.sync += end.eq(Mux(end == self._size - 1, 0, end + 1))
        m.d.sync += self._level.eq(self._level + self._stored - self._taken)

    def _delayed(self, m: Module):
        """Keep what registers write for a cycle: their bus is not joined to that of the memory."""
        port = self.direct
        late = Signal(name="late")
        word, octets, strobes = (
            Signal.like(value, name=f"late_{name}", reset_less=True)
            for name, value in (
                ("word", port.write_word),
                ("data", port.data),
                ("strobes", port.strobes),
            )
        )
        m.d.sync += [
            late.eq(port.write),
            word.eq(port.write_word),
            octets.eq(port.data),
            strobes.eq(port.strobes),
        ]
        m.d.comb += [port.read_data.eq(0), port.wait.eq(0)]
        return late, word, octets, strobes

    def _hand_on(self, m: Module, read, pushed: Signal) -> None:
        """Offer the vectors of one command after the other."""
        begin, beat = (
            Signal(range(self._size), name="begin"),
            Signal(range(self._count), name="beat"),
        )
        source, direct, waits = (Signal(name=name) for name in ("source", "is_direct", "waits"))
        last, moves = beat == self._count - 1, self.o.valid & self.o.ready
        m.d.comb += [
            direct.eq(Mux((beat == 0) & ~waits, pushed & ~self._ended, source)),
            self.o.valid.eq(direct | (self._level != 0)),
            self.o.payload.data.eq(read.data),
            self.o.payload.last.eq(last),
            self.o.payload.ring.eq(~direct),
            read.addr.eq(Mux(direct, self._size + beat, begin)),
            self._taken.eq(moves & ~direct),
            self.freed.eq(self._taken & last),
        ]
        m.d.sync += [source.eq(direct), waits.eq(self.o.valid & ~self.o.ready)]
        with m.If(moves):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
        with m.If(self._taken):
            m.d.sync += begin.eq(Mux(begin == self._size - 1, 0, begin + 1))
        with m.If(moves & direct & last):
            m.d.sync += pushed.eq(0)
        with m.Elif(self.push):
            m.d.sync += pushed.eq(1)
