"""Where the results of blocks go: an address for each row of each strip."""

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.wide import Stepper, WideSum
from gemmule.hw.soc.product.layouts import JOBS, store_layout
from gemmule.hw.soc.product.params import ProductUnitParams

__all__ = ["ResultAddresses", "place_layout"]


def place_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out where a row of a strip goes: ``length`` bytes; the strip's last, or the job's."""
    return data.StructLayout({
        "job": range(JOBS),
        "address": unsigned(params.address_width),
        "length": range(params.strip + 1),
        "strip_last": 1,
        "last": 1,
    })


class ResultAddresses(wiring.Component):
    """Go down the rows of each strip of each block.

    Latency: 5 cycles from a block to its first address. Throughput: an address a cycle, and 4 idle
    cycles between strips: they are worked out ahead of the results.

    Members
    -------
    store : In(stream of :func:`store_layout`)
    o : Out(stream of :func:`place_layout`)
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        super().__init__({
            "store": In(stream.Signature(store_layout(params))),
            "o": Out(stream.Signature(place_layout(params))),
        })

    def elaborate(self, platform):
        m = Module()
        params, width = self.params, self.params.address_width
        m.submodules.sum = total = WideSum(width)
        m.submodules.stepper = stepper = Stepper(width)
        m.submodules.skid = skid = SkidBuffer(self.o.p.shape())
        block = Signal(self.store.p.shape(), reset_less=True)
        below = Signal(width, reset_less=True)
        addend = Signal(signed(width), reset_less=True)
        rows, first = Signal.like(block.rows), Signal()
        # Bytes of a row that no strip had yet, and those of this strip.
        rest, length = (
            Signal(range(4 * params.most_tiles * params.cols + 1)),
            Signal.like(skid.i.p.length),
        )
        final_strip = Signal()
        step = wire(m, "step", stepper.valid & skid.i.ready)
        m.d.comb += [total.b.eq(addend), stepper.stride.eq(block.stride.as_signed())]
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.store.ready.eq(1)
                m.d.sync += [rest.eq(self.store.p.columns << self.store.p.size), first.eq(1)]
                with m.If(self.store.valid):
                    m.d.sync += block.eq(self.store.p)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += [
                    total.a.eq(Mux(block.restart, block.base, below)),
                    addend.eq(Mux(block.restart, block.offset, 0)),
                ]
                m.next = "SUM"
            with m.State("SUM"):
                m.d.comb += total.start.eq(1)
                m.d.sync += final_strip.eq(rest <= params.strip)
                m.next = "SUM_HIGH"
            with m.State("SUM_HIGH"):
                m.d.sync += length.eq(Mux(final_strip, rest, params.strip))
                m.next = "PLACE"
            with m.State("PLACE"):
                m.d.comb += [stepper.load.eq(1), stepper.base.eq(total.total)]
                m.d.sync += [
                    rows.eq(block.rows),
                    total.a.eq(total.total),
                    addend.eq(params.strip),
                ]
                m.next = "ROWS"
            with m.State("ROWS"):
                final = rows == 1
                m.d.comb += [
                    skid.i.valid.eq(stepper.valid),
                    stepper.step.eq(step),
                ]
                with m.If(step):
                    m.d.sync += rows.eq(rows - 1)
                    with m.If(final):
                        m.d.sync += [rest.eq(rest - params.strip), first.eq(0)]
                        with m.If(first):
                            m.d.sync += below.eq(stepper.after)
                        m.next = "SUM"
                        with m.If(final_strip):
                            m.next = "TAKE"
        m.d.comb += [
            skid.i.p.job.eq(block.job),
            skid.i.p.address.eq(stepper.address),
            skid.i.p.length.eq(length),
            skid.i.p.strip_last.eq(rows == 1),
            skid.i.p.last.eq(block.last & final_strip & (rows == 1)),
        ]
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        return m
