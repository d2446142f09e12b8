"""Commands of rows: which are carried out, how long their packets are, what became of them."""

from collections.abc import Callable, Mapping

from amaranth import Const, Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.codes import Code
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.payload import packet, packet_stream
from gemmule.hw.common.stream.status import SideQueue, status_layout

from .fit import Fit

__all__ = ["ROWS_WIDTH", "Rows"]

ROWS_WIDTH = 24
"""Bits of the number of rows of a command."""


class Rows(wiring.Component):
    """Let the rows of one command after the other in, each as long as it may be.

    A command with ``length`` states how many entries each row has, and how many its packet of
    ``affine`` has, which comes before the rows; without, rows end by ``last``. See `Fit`. The
    packets of a refused command are thrown away, but where it is refused as :attr:`EMPTY` it has
    none. A command is held until the last of its rows has left; then its word is in ``status``.

    Latency: 1 cycle from a packet in to the packet out; 1 from a command to its first packet.
    Throughput: a beat a cycle, rows back to back. Back-pressure: ``command`` waits for the one
    before it; ``status`` stops nothing (see `SideQueue`).

    Parameters
    ----------
    layout : StructLayout
        Of a command; it has ``rows``.
    refusal : type[Code]
    refuse : Callable[[View], Value]
        Of a command, why it is refused: a value of ``refusal``.
    packets : Mapping[str, ShapeLike]
        The beats of ``affine``, if there is such a packet, and of ``x``.
    lanes, longest : int
        Entries of a beat and of the longest row.
    capacity : int
        Rows that can be inside at once.

    Members
    -------
    command : In(stream of ``layout``)
    affine, x : In(packet stream of ``packets``)
    weights : Out(packet stream of the beats of affine, always taken)
    rows : Out(packet stream of the beats of x, always taken)
    room : In(1)
        One more beat of a row may be on its way to ``rows``.
    enter : Out(1)
        One is.
    held : Out(``layout``)
    leave : In(1)
        The last beat of a row has left.
    status : Out(stream of ``status_layout``), one a command, in order
    """

    EMPTY = 1
    """The refusal of a command without packets."""

    def __init__(
        self,
        layout: data.StructLayout,
        refusal: type[Code],
        *,
        refuse: Callable[[data.View], Value],
        packets: Mapping[str, ShapeLike],
        lanes: int,
        longest: int,
        capacity: int,
    ):
        self._refuse = refuse
        self._stated = "length" in layout.members
        self._fits = {
            name: Fit(shape, lanes=lanes, longest=longest, stated=self._stated)
            for name, shape in packets.items()
        }
        self._inside = Signal(range(capacity + 1), name="inside")
        self._words = status_layout(refusal, packets)
        outputs = {
            {"x": "rows", "affine": "weights"}[name]: Out(
                stream.Signature(packet(shape), always_ready=True)
            )
            for name, shape in packets.items()
        }
        super().__init__({
            "command": In(stream.Signature(layout)),
            **{name: In(packet_stream(shape)) for name, shape in packets.items()},
            **outputs,
            "room": In(1),
            "enter": Out(1),
            "held": Out(layout),
            "leave": In(1),
            "status": Out(stream.Signature(self._words)),
        })

    def elaborate(self, platform):
        m = Module()
        accept = wire(m, "accept", self.command.valid & self.command.ready)
        refusal = wire(m, "refusal", self._refuse(self.command.payload))
        refused = register(m, "refused", refusal, accept)
        discard = register(m, "discard", refusal.any(), accept)
        with m.If(accept):
            m.d.sync += self.held.eq(self.command.payload)
        inside = self._packets(m, accept, refusal, discard)
        busy = Signal()
        done = wire(m, "done", busy & ~inside)
        m.d.sync += busy.eq(accept | (busy & ~done))
        m.submodules.statuses = statuses = SideQueue(self._words)
        connect(m, statuses.o, flipped(self.status))
        m.d.comb += [
            self.command.ready.eq(~busy | done),
            statuses.i.valid.eq(done),
            statuses.i.p.refused.eq(refused),
            *(statuses.i.p[name].eq(fit.faults) for name, fit in self._fits.items()),
        ]
        return m

    def _packets(self, m: Module, accept: Value, refusal: Value, discard: Value) -> Value:
        """Count packets in and rows out; returns whether any of the command is still to come."""
        loading, rows = Signal(), Signal()
        left, inside = Signal(ROWS_WIDTH, reset_less=True), self._inside
        for name, active in (("affine", loading), ("x", rows)):
            if name in self._fits:
                self._fit(m, name, active, accept, discard)
        x = self._fits["x"]
        m.d.comb += [x.room.eq(self.room), self.enter.eq(x.enter)]
        m.d.sync += inside.eq(inside + (x.ends & ~discard) - self.leave)
        begin = refusal != self.EMPTY
        if affine := self._fits.get("affine"):
            m.d.comb += affine.room.eq(1)
            with m.If(accept):
                m.d.sync += loading.eq(begin)
            with m.Elif(affine.ends):
                m.d.sync += loading.eq(0)
            begin = Const(0)
            with m.If(affine.ends):
                m.d.sync += rows.eq(1)
        with m.If(accept):
            m.d.sync += [left.eq(self.command.payload.rows), rows.eq(begin)]
        with m.Elif(x.ends):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 1):
                m.d.sync += rows.eq(0)
        return loading | rows | inside.any()

    def _fit(self, m: Module, name: str, active: Value, accept: Value, discard: Value) -> None:
        m.submodules[f"fit_{name}"] = fit = self._fits[name]
        connect(m, flipped(getattr(self, name)), fit.i)
        connect(m, fit.o, flipped(self.weights if name == "affine" else self.rows))
        m.d.comb += [fit.start.eq(accept), fit.active.eq(active), fit.discard.eq(discard)]
        if self._stated:
            m.d.comb += fit.length.eq(self.command.payload.length)
