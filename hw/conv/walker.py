"""The address generators as blocks: walks that are illegal are refused, and none leaves its map."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.golden.conv.refusal import WalkRefusal
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.status import SideQueue, status_layout

from .generator import AddressGenerator, beat_layout, misfit, walk_layout
from .walk_params import GeneratorParams

__all__ = ["BpIm2col", "Im2col", "Walker", "ZeroFree", "mapped_layout"]


def mapped_layout(params: GeneratorParams) -> data.StructLayout:
    """Lay out a walk, and the ``vectors`` of the map it goes over: addresses are below that."""
    fields = {name: field.shape for name, field in walk_layout(params)}
    return data.StructLayout(fields | {"vectors": unsigned(params.address_width + 1)})


class Walker(Component):
    """Walk nested loops over the vectors of a map, one address and mask a cycle.

    As :class:`AddressGenerator`, which defines the fields of a walk and its beats. A walk with a
    spread of 0, or a remainder that is not below its spread, is refused and has no beats. A beat
    whose address lies beyond the map's ``vectors`` is masked. Every walk has an end: it has as many
    beats as the iterations of its loops, each one more than `turns` says, multiply to.

    Latency: 1 cycle from a walk to its first beat, ``LATENCY``. Throughput: one beat a cycle,
    at the ends of loops and from one walk to the next, too. Back-pressure: a beat holds until it is
    taken; a walk is taken when the last beat of the one before it is; ``status`` stops nothing.

    Parameters
    ----------
    params : :class:`GeneratorParams`

    Members
    -------
    walk : In(stream of mapped_layout)
    o : Out(packet stream of beat_layout)
        Beats; ``last`` on a walk's last one.
    status : Out(stream)
        Why a walk was refused, one word a walk, in order.
    """

    LATENCY = AddressGenerator.LATENCY

    def __init__(self, params: GeneratorParams):
        self.params = params
        self._status = status_layout(WalkRefusal, ())
        super().__init__({
            "walk": In(stream.Signature(mapped_layout(params))),
            "o": Out(packet_stream(beat_layout(params))),
            "status": Out(stream.Signature(self._status)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.generator = walker = AddressGenerator(self.params)
        m.submodules.statuses = statuses = SideQueue(self._status)
        connect(m, statuses.o, flipped(self.status))
        vectors = Signal.like(self.walk.payload.vectors, name="vectors", reset_less=True)
        left = Signal()
        wrong = wire(m, "wrong", misfit(self.walk.payload))
        beat = walker.o.payload
        # Statuses stand in the order of walks: a refused one waits for those before it.
        refused = wire(m, "refused", self.walk.valid & wrong & ~walker.o.valid)
        outside = wire(m, "outside", beat.data.real & (beat.data.address >= vectors))
        step = wire(m, "step", walker.o.valid & walker.o.ready)
        m.d.comb += [
            walker.walk.valid.eq(self.walk.valid & ~wrong),
            *(
                walker.walk.payload[name].eq(self.walk.payload[name])
                for name in walker.walk.payload.shape().members
            ),
            self.walk.ready.eq(Mux(wrong, ~walker.o.valid, walker.walk.ready)),
            self.o.valid.eq(walker.o.valid),
            self.o.payload.eq(beat),
            self.o.payload.data.real.eq(beat.data.real & ~outside),
            walker.o.ready.eq(self.o.ready),
            statuses.i.valid.eq(refused | (step & beat.last)),
            statuses.i.payload.refused.eq(
                Mux(
                    refused,
                    WalkRefusal.SPREAD.value,
                    Mux(left | outside, WalkRefusal.OUTSIDE.value, WalkRefusal.NONE.value),
                )
            ),
        ]
        with m.If(self.walk.valid & self.walk.ready):
            m.d.sync += vectors.eq(self.walk.payload.vectors)
        with m.If(step):
            m.d.sync += left.eq((left | outside) & ~beat.last)
        return m


class Im2col(Walker):
    """Addresses of im2col, forward: one a cycle, padding as a mask (see Walker)."""


class ZeroFree(Walker):
    """Addresses of the zero-free backward passes: phases of the result, pixels of the gradient."""


class BpIm2col(Walker):
    """Addresses of BP-im2col, loss and gradient: inserted zeros are detected, never stored."""
