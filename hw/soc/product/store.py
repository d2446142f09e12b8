"""Writes results where they belong: each row of a tile at its own address."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.soc.dma.request import request_layout, write_done

from .layouts import JOBS, store_layout
from .ledger import Ledger
from .params import RESULT, ProductUnitParams
from .result_addresses import ResultAddresses

__all__ = ["Store"]

MOST = 1 << 10
"""Writes under way; the DMA takes far fewer."""


class Store(wiring.Component):
    """Pack each row of results to elements of 1, 2 or 4 bytes, and write it.

    A row of a tile is a request; what stands beside it in memory is not touched. Rows of a job that
    is ``void`` are dropped.

    Latency: 2 cycles from a row to its request. Throughput: a row a cycle, or as many cycles as a
    row has words of the bus. Back-pressure: rows wait for the DMA. Errors: of writes, told with the
    job and the address.

    Members
    -------
    store : In(stream of :func:`store_layout`)
    c : In(packet stream of [cols] x signed(32))
    void : In(JOBS)
        Jobs whose results are not wanted.
    request : Out(stream of ``request_layout``), data : Out(packet stream of bus words)
    done : In(``write_done``)
    fault : Out(1), decode : Out(1), address : Out, job : Out(range(JOBS))
        A write was answered by an error.
    over : Out(1), ended : Out(range(JOBS))
        All writes of this job are answered.
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        width = params.address_width
        super().__init__({
            "store": In(stream.Signature(store_layout(params))),
            "c": In(packet_stream(unsigned(RESULT * params.cols))),
            "void": In(JOBS),
            "request": Out(stream.Signature(request_layout(width))),
            "data": Out(packet_stream(unsigned(params.data_width))),
            "done": In(write_done(width)),
            "fault": Out(1),
            "decode": Out(1),
            "address": Out(width),
            "job": Out(range(JOBS)),
            "over": Out(1),
            "ended": Out(range(JOBS)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ledger = ledger = Ledger(MOST)
        m.submodules.places = places = ResultAddresses(self.params)
        m.submodules.requests = requests = SkidBuffer(self.request.p.shape())
        m.submodules.words = words = SkidBuffer(self.data.p.shape())
        wiring.connect(m, wiring.flipped(self.store), places.store)
        wiring.connect(m, requests.o, wiring.flipped(self.request))
        wiring.connect(m, words.o, wiring.flipped(self.data))
        place = places.o.p
        packed = self._packed(m, place.size)
        part = Signal(range(max(len(packed) // self.params.data_width, 2)))
        # What was asked for is written whole.
        void = wire(m, "unwanted", self.void.bit_select(place.job, 1) & (part == 0))
        final_part = wire(m, "final_part", part == ((place.length - 1) >> _log(self.params.bus)))
        there = wire(m, "there", places.o.valid & self.c.valid)
        room = wire(m, "room", words.i.ready & (requests.i.ready | (part != 0)))
        goes = wire(m, "goes", there & room & ~void)
        take = wire(m, "take", there & (void | (room & final_part)))
        m.d.comb += [
            self.c.ready.eq(take),
            places.o.ready.eq(take),
            requests.i.valid.eq(goes & (part == 0)),
            requests.i.p.address.eq(place.address),
            requests.i.p.length.eq(place.length),
            words.i.valid.eq(goes),
            words.i.p.data.eq(packed.word_select(part, self.params.data_width)),
            words.i.p.last.eq(final_part),
            ledger.asks.eq(requests.i.valid),
            ledger.answers.eq(self.done.valid),
            ledger.leaves.eq(take & place.last),
            ledger.leaving.eq(place.job),
            self.job.eq(ledger.job),
            self.over.eq(ledger.over),
            self.ended.eq(ledger.ended),
            self.fault.eq(self.done.valid & self.done.error),
            self.decode.eq(self.done.decode),
            self.address.eq(self.done.address),
        ]
        with m.If(goes):
            m.d.sync += part.eq(Mux(final_part, 0, part + 1))
        return m

    def _packed(self, m: Module, size: Value) -> Signal:
        """Return the row's bytes, packed to elements of ``2**size`` bytes, in whole words."""
        lanes = [self.c.p.data[n * RESULT : (n + 1) * RESULT] for n in range(self.params.cols)]
        forms = [Cat(lane[: 8 << log] for lane in lanes) for log in range(3)]
        width = self.params.data_width
        count = max(1, -(-len(forms[2]) // width))
        padded = [Cat(form, Const(0, count * width - len(form))) for form in forms]
        packed = Signal(count * width, name="packed")
        with m.Switch(size):
            for log, form in enumerate(padded):
                with m.Case(log):
                    m.d.comb += packed.eq(form)
        return packed


def _log(value: int) -> int:
    return value.bit_length() - 1
