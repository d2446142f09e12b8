"""Asks for the rows of an operand, in pieces that a queue has room for."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.wide import Stepper
from gemmule.hw.soc.dma.request import LENGTH_WIDTH, request_layout

__all__ = ["PIECE", "RowRequests"]

PIECE = 16
"""Vectors of a request, at most."""


class RowRequests(wiring.Component):
    """Request rows of ``length`` bytes, in pieces of up to 16 vectors of ``octets`` bytes.

    A piece is asked for when there is room for 16 vectors: memory never waits for whoever takes
    them.

    Latency: 4 cycles from ``start`` to the first request, 5 where a row is longer than a piece.
    Throughput: a piece a cycle, and 2 idle cycles before each such row.

    Parameters
    ----------
    address_width : int
    octets : int
        A power of two.
    depth : int
        Vectors that there is room for.

    Members
    -------
    start : In(1)
    base : In(address_width); stride : In(signed(32)); rows : In(24); length : In(26)
        Held from ``start`` on.
    request : Out(stream of ``request_layout``)
    freed : In(1)
        A vector was taken from the queue.
    """

    def __init__(self, address_width: int, octets: int, depth: int):
        self._octets, self._depth = octets, depth
        super().__init__({
            "start": In(1),
            "base": In(address_width),
            "stride": In(signed(32)),
            "rows": In(DIM_WIDTH),
            "length": In(LENGTH_WIDTH),
            "request": Out(stream.Signature(request_layout(address_width))),
            "freed": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, piece = len(self.base), PIECE * self._octets
        log, log_octets = piece.bit_length() - 1, self._octets.bit_length() - 1
        m.submodules.row = row = Stepper(width)
        m.submodules.inside = inside = Stepper(width)
        m.submodules.requests = requests = SkidBuffer(self.request.p.shape())
        wiring.connect(m, requests.o, wiring.flipped(self.request))
        # Bytes less one: of a row, and of what is left of this one.
        whole = register(m, "whole", (self.length - 1)[:LENGTH_WIDTH])
        rest = Signal(LENGTH_WIDTH, reset_less=True)
        left, long, final = Signal(DIM_WIDTH, reset_less=True), Signal(), Signal()
        asks, room = Signal(), Signal()
        now = wire(m, "now", Mux(long, rest, whole))
        vectors = wire(m, "vectors", Mux(final, now[log_octets:log] + 1, PIECE))
        m.d.comb += [
            row.base.eq(self.base),
            row.stride.eq(self.stride),
            inside.base.eq(row.address),
            inside.stride.eq(piece),
            requests.i.valid.eq(asks),
            requests.i.p.address.eq(Mux(long, inside.address, row.address)),
            requests.i.p.length.eq(Mux(final, now[:log] + 1, piece)),
            row.step.eq(asks & final),
            inside.step.eq(asks & long),
        ]
        free = Signal(range(self._depth + 1), init=self._depth)
        after = wire(m, "after", free + self.freed - Mux(asks, vectors, 0))
        m.d.sync += [free.eq(after), room.eq(after >= PIECE)]
        ready = wire(m, "ready", requests.i.ready & room)
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.comb += row.load.eq(1)
                m.d.sync += left.eq(self.rows)
                m.next = "BEGIN"
            with m.State("BEGIN"), m.If(row.valid):
                m.d.sync += [long.eq(whole[log:].any()), final.eq(~whole[log:].any())]
                m.next = "SHORT"
                with m.If(whole[log:].any()):
                    m.next = "LONG"
            with m.State("SHORT"):
                m.d.comb += asks.eq(ready)
                with m.If(asks):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "IDLE"
            with m.State("LONG"):
                m.d.comb += inside.load.eq(1)
                m.d.sync += [rest.eq(whole), final.eq(0)]
                m.next = "PIECES"
            with m.State("PIECES"):
                m.d.comb += asks.eq(ready & inside.valid)
                with m.If(asks):
                    m.d.sync += [rest.eq(rest - piece), final.eq(rest[log:] == 1)]
                    with m.If(final):
                        m.d.sync += left.eq(left - 1)
                        m.next = "LONG"
                        with m.If(left == 1):
                            m.next = "IDLE"
        return m
