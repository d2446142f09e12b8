"""Writes results where they belong: each row of a strip of tiles at its own address."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.soc.dma.request import request_layout, write_done
from gemmule.hw.soc.product.layouts import JOBS, combine_layout, store_layout
from gemmule.hw.soc.product.ledger import Ledger
from gemmule.hw.soc.product.params import RESULT, ProductUnitParams

from .addresses import ResultAddresses
from .combine import WriteCombiner

__all__ = ["Store"]

MOST = 1 << 10
"""Writes under way; the DMA takes far fewer."""

WORDS = 4
"""Words that wait while the DMA works out where the first one of a row goes."""


class Store(wiring.Component):
    """Write rows of results, of as many tiles as make a burst.

    A row of a strip is a request; what stands beside it in memory is not touched. Rows of a job
    that is ``void`` are dropped.

    Latency: 4 cycles from a row of a strip's last tile to its request. Throughput: a word of the
    bus a cycle. Back-pressure: rows wait for the DMA, and tiles for rows. Errors: of writes, told
    with the job and the address.

    Members
    -------
    combine, store : In(stream of :func:`combine_layout`, of :func:`store_layout`)
    c : In(packet stream of [cols] x signed(32))
    void : In(JOBS)
        Jobs whose results are not wanted.
    request : Out(stream of ``request_layout``), data : Out(packet stream of bus words)
    done : In(``write_done``)
    fault : Out(1), decode : Out(1), address : Out, job : Out(range(JOBS))
        A write was answered by an error.
    over : Out(1), ended : Out(range(JOBS)), told : In(1)
        All writes of this job are answered; until it is told.
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        width = params.address_width
        super().__init__({
            "combine": In(stream.Signature(combine_layout(params))),
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
            "told": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ledger = ledger = Ledger(MOST)
        m.submodules.places = places = ResultAddresses(self.params)
        m.submodules.requests = requests = SkidBuffer(self.request.p.shape())
        m.submodules.words = words = Fifo(self.data.p.shape(), WORDS)
        m.submodules.combiner = combiner = WriteCombiner(self.params)
        wiring.connect(m, wiring.flipped(self.store), places.store)
        wiring.connect(m, wiring.flipped(self.combine), combiner.combine)
        wiring.connect(m, wiring.flipped(self.c), combiner.c)
        wiring.connect(m, requests.o, wiring.flipped(self.request))
        wiring.connect(m, words.o, wiring.flipped(self.data))
        place = places.o.p
        part = Signal(range(self.params.strip // self.params.bus))
        # What was asked for is written whole.
        void = wire(m, "unwanted", self.void.bit_select(place.job, 1) & (part == 0))
        final_part = wire(m, "final_part", part == ((place.length - 1) >> _log(self.params.bus)))
        # A word that was read waits in the memory's own register.
        full, last = Signal(), Signal(reset_less=True)
        free = wire(m, "free", ~full | words.i.ready)
        there = wire(m, "there", places.o.valid & combiner.some)
        goes = wire(m, "goes", there & free & (requests.i.ready | (part != 0)) & ~void)
        take = wire(m, "take", (there & void) | (goes & final_part))
        m.d.comb += [
            combiner.read.eq(goes),
            combiner.part.eq(part),
            combiner.next.eq(take),
            combiner.last.eq(place.strip_last),
            places.o.ready.eq(take),
            requests.i.valid.eq(goes & (part == 0)),
            requests.i.p.address.eq(place.address),
            requests.i.p.length.eq(place.length),
            words.i.valid.eq(full),
            words.i.p.data.eq(combiner.word),
            words.i.p.last.eq(last),
            ledger.asks.eq(requests.i.valid),
            ledger.answers.eq(self.done.valid),
            ledger.leaves.eq(take & place.last),
            ledger.leaving.eq(place.job),
            self.job.eq(ledger.job),
            self.over.eq(ledger.over),
            self.ended.eq(ledger.ended),
            ledger.told.eq(self.told),
            self.fault.eq(self.done.valid & self.done.error),
            self.decode.eq(self.done.decode),
            self.address.eq(self.done.address),
        ]
        with m.If(free):
            m.d.sync += full.eq(goes)
        with m.If(goes):
            m.d.sync += [part.eq(Mux(final_part, 0, part + 1)), last.eq(final_part)]
        return m


def _log(value: int) -> int:
    return value.bit_length() - 1
