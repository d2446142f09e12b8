"""Rows of an operand, from memory to vectors of elements."""

from amaranth import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.soc.dma.request import LENGTH_WIDTH, read_stream, request_layout
from gemmule.hw.soc.vector.layouts import elements_layout
from gemmule.hw.soc.vector.params import VectorUnitParams

from .gather import Gather
from .requests import RowRequests

__all__ = ["RowReader"]

DEPTH = 128
"""Vectors of bytes on their way or in the queue: they cover the latency of memory."""


class RowReader(wiring.Component):
    """Read the rows of a matrix, element by element.

    The parts: `RowRequests`, a queue, `Gather`.

    Latency: memory's, 4 to 5 cycles before it and 3 behind. Throughput: a vector of bytes a cycle.
    Errors: a vector with an error is handed on as it is, and told.

    Parameters
    ----------
    params : VectorUnitParams
    most : int
        The exponent of the bytes of the largest element.

    Members
    -------
    start : In(1)
    base, stride, rows, columns, size, signed : In
        The matrix, held from ``start`` until its last element left.
    request : Out(stream of ``request_layout``), data : In(``read_stream``), always taken
    o : Out(stream of :func:`~.layouts.elements_layout`)
    fault : Out(1)
        The vector that comes in this cycle has an error.
    """

    def __init__(self, params: VectorUnitParams, most: int):
        self.params = params
        self._most = most
        self._gather = Gather(params.lanes, most)
        super().__init__({
            "start": In(1),
            "base": In(params.address_width),
            "stride": In(signed(32)),
            "rows": In(DIM_WIDTH),
            "columns": In(DIM_WIDTH),
            "size": In(2),
            "signed": In(1),
            "request": Out(stream.Signature(request_layout(params.address_width))),
            "data": In(read_stream(8 * params.lanes)),
            "o": Out(stream.Signature(elements_layout(self._gather.width, params.lanes))),
            "fault": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self.params.lanes
        m.submodules.requests = requests = RowRequests(self.params.address_width, lanes, DEPTH)
        m.submodules.queue = queue = Fifo(8 * lanes, DEPTH)
        m.submodules.gather = gather = self._gather
        connect(m, requests.request, flipped(self.request))
        connect(m, queue.o, gather.i)
        connect(m, gather.o, flipped(self.o))
        m.d.comb += [
            *(
                getattr(requests, name).eq(getattr(self, name))
                for name in ("start", "base", "stride", "rows")
            ),
            *(
                getattr(gather, name).eq(getattr(self, name))
                for name in ("start", "columns", "size", "signed")
            ),
            requests.length.eq(
                (self.columns << self.size[: self._most.bit_length()])[:LENGTH_WIDTH]
            ),
            requests.freed.eq(queue.o.valid & queue.o.ready),
            self.data.ready.eq(1),
            queue.i.valid.eq(self.data.valid),
            queue.i.p.eq(self.data.p.data),
            self.fault.eq(self.data.valid & self.data.p.error),
        ]
        return m
