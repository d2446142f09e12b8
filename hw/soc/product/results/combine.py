"""Combines rows of neighboring tiles, so that they are written in long bursts."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.product.layouts import combine_layout
from gemmule.hw.soc.product.params import RESULT, ProductUnitParams

__all__ = ["WriteCombiner"]

BANKS = 2
"""Strips in the memory: one fills while the other is written."""

SIZES = range(3)
"""Logarithms of the bytes of an element."""


class WriteCombiner(wiring.Component):
    """Pack rows of tiles to elements of 1, 2 or 4 bytes, and hold tiles until they are a strip.

    A strip is ``strip`` bytes of each row of a block, and fewer behind its last tile. Its rows can
    be read as soon as its last tile has them.

    Latency: 2 cycles from a row of the last tile to ``some``, 1 from ``read`` to ``word``.
    Throughput: a row of a tile a cycle, or as many cycles as it has words of the bus.
    Back-pressure: tiles wait while both strips are full.

    Members
    -------
    combine : In(stream of :func:`combine_layout`)
    c : In(packet stream of [cols] x signed(32))
    some : Out(1)
        A row can be read.
    read : In(1), part : In
        Read this word of the oldest row.
    next : In(1), last : In(1)
        That row is not needed any more, and it is the strip's ``last``.
    word : Out(bus word)
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        self._words = params.strip // params.bus
        self._least = min(params.cols, params.bus)
        self._lanes = params.bus // self._least
        super().__init__({
            "combine": In(stream.Signature(combine_layout(params))),
            "c": In(packet_stream(unsigned(RESULT * params.cols))),
            "some": Out(1),
            "read": In(1),
            "part": In(range(self._words)),
            "next": In(1),
            "last": In(1),
            "word": Out(params.data_width),
        })

    def elaborate(self, platform):
        m = Module()
        params, block = self.params, self.combine.payload
        least, lanes = self._least, self._lanes
        log_rows = (params.most_rows - 1).bit_length()
        m.submodules.memory = memory = Memory(
            shape=unsigned(params.data_width), depth=BANKS * self._words << log_rows, init=[]
        )
        write, read = memory.write_port(granularity=8 * least), memory.read_port()
        # Where a row of this tile begins in its strip, counted in the least that a row can take.
        at = Signal(range(params.strip // least))
        after = Signal(len(at) + 1)
        tile, row, bank = Signal.like(block.last_tile), Signal.like(block.last_row), Signal()
        part = Signal(range(max(2, self._parts(2))))
        strips = Signal(range(BANKS + 1))
        fills = wire(m, "fills", self.combine.valid & self.c.valid & (strips != BANKS))
        final_part, final_row, final_tile = Signal(), Signal(), Signal()
        full = wire(m, "full", final_tile | after[-1])
        take = wire(m, "take", fills & final_part)
        place = wire(m, "place", (at >> _log(lanes)) | part)
        with m.Switch(block.size):
            for size in SIZES:
                with m.Case(size):
                    m.d.comb += [
                        after.eq(at + self._length(size)),
                        final_part.eq(part == self._parts(size) - 1),
                        write.data.eq(self._packed(size).word_select(part, params.data_width)),
                        write.en.eq(Mux(fills, self._enables(size, at), 0)),
                    ]
        m.d.comb += [
            final_row.eq(row == block.last_row),
            final_tile.eq(tile == block.last_tile),
            self.c.ready.eq(take),
            self.combine.ready.eq(take & final_row & final_tile),
            write.addr.eq(Cat(place[: _log(self._words)], row[:log_rows], bank)),
        ]
        with m.If(fills):
            m.d.sync += part.eq(Mux(final_part, 0, part + 1))
        with m.If(take):
            m.d.sync += row.eq(Mux(final_row, 0, row + 1))
        with m.If(take & final_row):
            m.d.sync += [
                at.eq(Mux(full, 0, after)),
                tile.eq(Mux(final_tile, 0, tile + 1)),
                bank.eq(bank ^ full),
            ]
        # Rows that are whole, and strips that are: of a strip that fills, rows may be read already.
        rows = Signal(range((BANKS << log_rows) + 1))
        comes = wire(m, "comes", take & full)
        out_bank, out_row = Signal(), Signal(log_rows)
        m.d.comb += [
            read.en.eq(self.read),
            read.addr.eq(Cat(self.part, out_row, out_bank)),
            self.word.eq(read.data),
        ]
        with m.If(comes & ~self.next):
            m.d.sync += rows.eq(rows + 1)
        with m.Elif(~comes & self.next):
            m.d.sync += rows.eq(rows - 1)
        m.d.sync += [
            self.some.eq(comes | (self.some & ~(self.next & (rows == 1)))),
            strips.eq(strips + (take & final_row & full) - (self.next & self.last)),
        ]
        with m.If(self.next):
            m.d.sync += [
                out_row.eq(Mux(self.last, 0, out_row + 1)),
                out_bank.eq(out_bank ^ self.last),
            ]
        return m

    def _length(self, size: int) -> int:
        """Return what a row of a tile takes, in the least that one can."""
        return (self.params.cols << size) // self._least

    def _parts(self, size: int) -> int:
        """Return the words that a row of a tile is written in."""
        return max(1, self._length(size) // self._lanes)

    def _packed(self, size: int) -> Value:
        """Return a row's elements of ``2**size`` bytes, again and again up to a word."""
        packed = Cat(
            self.c.p.data[n * RESULT : n * RESULT + (8 << size)] for n in range(self.params.cols)
        )
        return packed.replicate(max(1, self._lanes // self._length(size)))

    def _enables(self, size: int, at: Value) -> Value:
        """Return which parts of a word are written."""
        ones = Const((1 << min(self._length(size), self._lanes)) - 1)
        return ones << at[: _log(self._lanes)]


def _log(value: int) -> int:
    return value.bit_length() - 1
