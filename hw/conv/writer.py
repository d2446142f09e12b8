"""Writes results to where they belong in external memory."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.golden.common.memory import element_size
from gemmule.golden.conv.layout import placing
from gemmule.hw.common.layout import laid_out
from gemmule.hw.common.request import request_layout
from gemmule.hw.common.stream.payload import packet, packet_stream
from gemmule.hw.common.stream.skid import SkidBuffer

from .generator import AddressGenerator, hand_over
from .params import LayerParams

__all__ = ["Writer", "place_layout"]


def place_layout(params: LayerParams) -> data.StructLayout:
    """Lay out where a packet's vectors go, as :func:`golden.conv.layout.placing` has it."""
    return laid_out(placing(params.golden.places))


class Writer(Component):
    """Gives each vector its address: a request to write, and the vector beside it.

    Vectors whose place is masked are dropped. With a command that says ``copied`` the streamed
    operand goes to memory instead of the array: so the baseline inserts its zeros.

    Latency: 2 cycles from a vector to its request. Throughput: one vector a cycle. Back-pressure:
    ``request`` and ``o`` each wait alone, for two vectors; then the vectors wait.

    Parameters
    ----------
    params : :class:`LayerParams`

    Members
    -------
    places : In(stream of place_layout)
    c : In(packet stream of params.result)
        Results.
    a : In(packet stream of params.streamed)
        Vectors to copy.
    request : Out(stream of request_layout)
    o : Out(packet stream of params.written)
    copying : Out(1)
        The vectors of ``a`` are wanted here.
    idle : Out(1)
        Everything was handed to memory.
    stop : In(1)
        Take no vector any more; what was taken still goes to memory.
    flushed : Out(1)
        Nothing is on its way to memory.
    moves : Out(1)
        A vector is taken.
    misplaced : Out(1)
        With this vector either the packet or its places end, and not both.
    """

    def __init__(self, params: LayerParams):
        self.params = params
        super().__init__({
            "places": In(stream.Signature(place_layout(params))),
            "c": In(packet_stream(params.result)),
            "a": In(packet_stream(params.streamed)),
            "request": Out(stream.Signature(request_layout())),
            "o": Out(packet_stream(params.written)),
            "copying": Out(1),
            "idle": Out(1),
            "stop": In(1),
            **dict.fromkeys(("flushed", "moves", "misplaced"), Out(1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.generator = walker = AddressGenerator(self.params.places)
        m.submodules.requests = requests = SkidBuffer(request_layout())
        m.submodules.vectors = vectors = SkidBuffer(packet(self.params.written))
        held = hand_over(m, self.places, walker)
        beat = walker.o.payload
        arrived = Mux(held.copied, self.a.valid, self.c.valid)
        ended = Mux(held.copied, self.a.payload.last, self.c.payload.last)
        room = requests.i.ready & vectors.i.ready & ~self.stop
        take, keep = Signal(), Signal()
        m.d.comb += [
            take.eq(walker.o.valid & arrived & room),
            keep.eq(take & beat.data.real),
            walker.o.ready.eq(arrived & room),
            self.copying.eq(walker.o.valid & held.copied),
            self.a.ready.eq(self.copying & room),
            self.c.ready.eq(walker.o.valid & ~held.copied & room),
            requests.i.valid.eq(keep),
            requests.i.payload.address.eq(beat.data.address),
            requests.i.payload.length.eq(held.length),
            requests.i.payload.size.eq(held.size),
            vectors.i.valid.eq(keep),
            vectors.i.payload.last.eq(beat.last),
            self.idle.eq(~walker.o.valid & self.flushed),
            self.flushed.eq(~self.request.valid & ~self.o.valid),
            self.moves.eq(take),
            self.misplaced.eq(take & (ended != beat.last)),
        ]
        for lane, written in enumerate(vectors.i.payload.data):
            # Lanes beyond a request's length are of no meaning.
            if lane >= self.params.rows:
                bits = self.c.payload.data[lane]
            elif lane >= self.params.cols:
                bits = self._extended(self.a.payload.data[lane])
            else:
                copied = self._extended(self.a.payload.data[lane])
                bits = Mux(held.copied, copied, self.c.payload.data[lane])
            m.d.comb += Value.cast(written).eq(bits)
        connect(m, requests.o, flipped(self.request))
        connect(m, vectors.o, flipped(self.o))
        return m

    def _extended(self, copied: Value) -> Value:
        """Extend a lane with its sign up to its element's end: bits above that go nowhere."""
        core = self.params.core
        element = 8 << max(element_size(each.width) for each in (core.a_format, core.b_format))
        sign = copied[-1] & core.a_format.signed
        return Cat(copied, sign.replicate(element - len(copied)))
