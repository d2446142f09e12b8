"""A convolution whose accesses stay in a small memory, and which sums up what it writes."""

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, Out, connect, flipped

from gemmule.gen.block import Block
from gemmule.hw.conv.convolution import Convolution
from gemmule.hw.conv.counters import counters_layout
from gemmule.hw.conv.params import ConvParams

__all__ = ["ROOM", "WATCHED", "Watched"]

ROOM = 1 << 16
"""Bytes in which reads begin; writes begin in as many behind them, and harm no operand."""

_WORDS = data.StructLayout({"counters": counters_layout(), "digest": unsigned(32)})


class Watched(Component):
    """A :class:`Convolution` for programs of any kind, also of such as read and write anywhere.

    Members are its own, but for ``counters``: beside each word is the ``digest`` of what the
    program wrote, and where.
    """

    def __init__(self, params: ConvParams):
        self._convolution = Convolution(params)
        self.params = params
        members = dict(self._convolution.signature.members)
        super().__init__(members | {"counters": Out(stream.Signature(_WORDS))})

    @property
    def command_layouts(self):
        """Return those of the convolution."""
        return self._convolution.command_layouts

    def elaborate(self, platform):
        m = Module()
        m.submodules.convolution = inner = self._convolution
        for name in ("command", "scale", "x", "w"):
            connect(m, flipped(getattr(self, name)), getattr(inner, name))
        connect(m, inner.status, flipped(self.status))
        connect(m, inner.c, flipped(self.c))
        for name in ("x_request", "w_request", "c_request"):
            port, request = getattr(self, name), getattr(inner, name)
            connect(m, request, flipped(port))
            above = ROOM if name == "c_request" else 0
            m.d.comb += port.payload.address.eq((request.payload.address & (ROOM - 1)) | above)
        told = self.counters.valid & self.counters.ready
        lanes = Value.cast(self.c.payload.data)[: self.params.cols * self.params.out_width]
        digests = [
            self._digest(m, "requests", self.c_request, Value.cast(self.c_request.payload), told),
            self._digest(m, "vectors", self.c, lanes, told),
        ]
        m.d.comb += [
            self.counters.valid.eq(inner.counters.valid),
            inner.counters.ready.eq(self.counters.ready),
            self.counters.payload.counters.eq(inner.counters.payload),
            self.counters.payload.digest.eq(digests[0] ^ digests[1].rotate_left(9)),
        ]
        return m

    def _digest(self, m: Module, name: str, port, value: Value, told: Value) -> Signal:
        """Hash all transfers of a stream since the last report."""
        digest = Signal(32, name=name)
        folded = 0
        for low in range(0, len(value), 32):
            folded ^= value[low : low + 32]
        with m.If(told):
            m.d.sync += digest.eq(0)
        with m.Elif(port.valid & port.ready):
            m.d.sync += digest.eq((digest.rotate_left(5) ^ folded) * Mux(digest[0], 3, 5))
        return digest


WATCHED = Block("watched", "A part.", ConvParams, Watched)
