"""What softmax and layer normalization share: commands, rows in, rows out."""

from collections.abc import Mapping

from amaranth import Cat, Module, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.codes import Code
from gemmule.golden.common.options import Options
from gemmule.hw.common.stream.credit_fifo import CreditFifo, depth_for
from gemmule.hw.common.stream.payload import packet_stream, vector
from gemmule.hw.common.stream.status import status_layout

from .commands import Rows

__all__ = ["RowUnit"]


class RowUnit(wiring.Component):
    """A unit that carries out commands of rows, each row in several passes over a buffer.

    Parameters
    ----------
    params : Options
        With ``lanes``, ``max_length``, ``out_format`` and ``command_layout``.
    packets : Mapping[str, ShapeLike]
        The packet streams that a command has, and their beats; ``x`` is that of the rows.

    Members
    -------
    command : In(stream of ``params.command_layout``)
    affine, x : In(packet stream of ``packets``)
    y : Out(packet stream of [lanes] x out_format)
    status : Out(stream of ``status_layout(REFUSAL, packets)``)
    """

    REFUSAL: type[Code]

    def __init__(self, params: Options, packets: Mapping[str, ShapeLike]):
        self.params = params
        self._packets = packets
        super().__init__({
            "command": In(stream.Signature(params.command_layout)),
            **{name: In(packet_stream(shape)) for name, shape in packets.items()},
            "y": Out(packet_stream(vector(params.out_format, params.lanes))),
            "status": Out(stream.Signature(status_layout(self.REFUSAL, packets))),
        })

    def _refuse(self, command: data.View) -> Value:
        """Return the code of :attr:`REFUSAL` that ``command`` gets."""
        raise NotImplementedError

    def _rows(self, m: Module, capacity: int) -> Rows:
        """Add what takes commands and cuts rows; ``capacity`` rows can be inside at once."""
        m.submodules.rows = rows = Rows(
            self.params.command_layout,
            self.REFUSAL,
            refuse=self._refuse,
            packets=self._packets,
            lanes=self.params.lanes,
            longest=self.params.max_length,
            capacity=capacity,
        )
        for name in ("command", *self._packets):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(rows, name))
        wiring.connect(m, rows.status, wiring.flipped(self.status))
        m.d.comb += rows.leave.eq(self.y.valid & self.y.ready & self.y.payload.last)
        return rows

    def _buffer(self, m: Module, rows: Rows, depth: int) -> CreditFifo:
        """Add the buffer in which a row waits for what the first stage makes of all of it."""
        payload = rows.rows.payload
        m.submodules.beats = beats = CreditFifo(self.x.payload.shape(), depth, registered=True)
        m.d.comb += [
            rows.room.eq(beats.room),
            beats.enter.eq(rows.enter),
            beats.valid.eq(rows.rows.valid),
            Value.cast(beats.payload).eq(payload),
        ]
        return beats

    def _results(self, m: Module, latency: int) -> CreditFifo:
        """Add the queue behind the last stage, a pipeline of ``latency`` cycles."""
        m.submodules.results = results = CreditFifo(self.y.payload.shape(), depth_for(latency + 1))
        wiring.connect(m, results.o, wiring.flipped(self.y))
        return results

    def _finish(
        self, m: Module, results: CreditFifo, lanes: list[Value], frame: tuple[Value, Value]
    ) -> None:
        """Hand over what the last stage's lanes give; ``frame`` is its ``valid`` and ``last``."""
        valid, last = frame
        m.d.comb += [results.valid.eq(valid), Value.cast(results.payload).eq(Cat(*lanes, last))]
