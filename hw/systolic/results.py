"""From the array's sums to results: accumulate over tiles of K, requantize, wait to be taken."""

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format

from ..common.fifo import Fifo
from ..common.memory import DualPortMemory
from ..common.pipeline import delay, register
from ..common.requantizer import Requantizer
from ..common.streams import packet, packet_stream, vector
from .params import BANKS, ProductParams
from .sequencer import token_layout

__all__ = ["Results"]


class Results(wiring.Component):
    """Add a tile's sums to those of the tiles of K before it; requantize the complete ones.

    ``total = (first ? 0 : kept[address]) + sums``; final totals leave as ``c``, in order.

    Latency: ``params.output_latency`` cycles from ``sums`` to ``c``. Throughput: one row a cycle.
    Back-pressure: ``c`` waits in a FIFO of ``params.capacity`` rows; whoever issues the rows
    counts them (`Sequencer`), and ``c``'s transfers give room back.

    Members
    -------
    token_valid : In(1); token : In(:func:`token_layout`)
        A row, ``params.array_latency`` cycles ahead of its sums.
    sums : In([m_lanes * cols] x signed(psum_width))
    row_sum : In([m_lanes] x signed(row_sum_width)), with ``b_zero_points``
    row_scale : In([m_lanes] x ``params.requantizer.row_layout``); row_scale_take : Out(1)
        With ``--row-scales``: the settings of the next row that is scaled by its own.
    load : In, as `Requantizer` has it
    width : In(range(cols + 1))
        With ``load``: lanes from here on are 0 in the results of that bank.
    released : Out(1)
        The bank whose turn it is has served its last row.
    c : Out(stream of packets of [m_lanes * cols] x signed(out_width))
    """

    def __init__(self, params: ProductParams):
        self.params = params
        self._requantizers = [
            Requantizer(params.requantizer, token_layout(params)) for _ in range(params.m_lanes)
        ]
        sums = data.ArrayLayout(signed(params.psum_width), params.cols * params.m_lanes)
        row_sum = data.ArrayLayout(signed(params.row_sum_width), params.m_lanes)
        row_scale = data.ArrayLayout(params.requantizer.row_layout, params.m_lanes)
        row_scales = {"row_scale": In(row_scale), "row_scale_take": Out(1)}
        super().__init__({
            "token_valid": In(1),
            "token": In(token_layout(params)),
            "sums": In(sums),
            **({"row_sum": In(row_sum)} if params.b_zero_points else {}),
            **(row_scales if params.row_scales else {}),
            "load": self._requantizers[0].signature.members["load"],
            "width": In(range(params.cols + 1)),
            "released": Out(1),
            "c": Out(packet_stream(self._vector(params))),
        })

    @staticmethod
    def _vector(params: ProductParams) -> data.ArrayLayout:
        return vector(Format(signed=True, width=params.out_width), params.cols * params.m_lanes)

    def elaborate(self, platform):
        m = Module()
        ahead = self.params.array_latency - 1
        valid = delay(m, "valid", self.token_valid, ahead, reset=True)
        token = delay(m, "token", self.token, ahead)
        totals, row_sums, valid, token = self._accumulate(m, valid, token)
        rows = self._row_scales(m) if self.params.row_scales else []

        for index, requantizer in enumerate(self._requantizers):
            name = "requantizer" if not index else f"requantizer_{index}"
            m.submodules[name] = requantizer
            connect(m, flipped(self.load), requantizer.load)
            mine = totals[index * self.params.cols :][: self.params.cols]
            m.d.comb += [
                requantizer.i.valid.eq(valid & token.final),
                requantizer.i.bank.eq(token.bank),
                requantizer.i.meta.eq(token),
                *(requantizer.i.acc[lane].eq(total) for lane, total in enumerate(mine)),
            ]
            if self.params.b_zero_points:
                m.d.comb += requantizer.i.row_sum.eq(row_sums[index])
            if self.params.row_scales:
                m.d.comb += [
                    requantizer.i.by_row.eq(token.by_row),
                    requantizer.i.row.eq(rows[index]),
                ]
        self._emit(m)
        return m

    def _accumulate(
        self, m: Module, ahead_valid: Value, ahead: data.View
    ) -> tuple[list[Signal], list[Signal], Signal, data.View]:
        """The totals, in the cycle after the sums; the memory is read one before them."""
        valid = delay(m, "sums_valid", ahead_valid, 1, reset=True)
        token = delay(m, "sums_token", ahead, 1)
        if self.params.row_scales:
            m.d.comb += self.row_scale_take.eq(valid & token.final & token.by_row)
        width, count = self.params.acc_width, len(self.sums)
        lanes = [(f"total_{c}", self.sums[c], width) for c in range(count)]
        if self.params.b_zero_points:
            width = self.params.row_sum_width
            lanes += [(f"total_row_sum_{i}", each, width) for i, each in enumerate(self.row_sum)]
        layout = data.StructLayout({name: signed(width) for name, _, width in lanes})
        if "ws" in self.params.dataflows:
            kept = self._kept(m, layout, ahead)
            values = [Mux(token.first, 0, kept.read_data[name]) + value for name, value, _ in lanes]
        else:
            values = [value for _, value, _ in lanes]
        totals = []
        for (name, _, width), value in zip(lanes, values, strict=True):
            total = Signal(signed(width), name=name, reset_less=True)
            m.d.sync += total.eq(value)
            totals.append(total)
        valid = delay(m, "total_valid", valid, 1, reset=True)
        token = delay(m, "total_token", token, 1)
        if "ws" in self.params.dataflows:
            m.d.comb += [
                kept.write_address.eq(token.address),
                kept.write_enable.eq(valid & ~token.final),
                *(
                    kept.write_data[name].eq(t)
                    for (name, _, _), t in zip(lanes, totals, strict=True)
                ),
            ]
        return totals[:count], totals[count:], valid, token

    def _row_scales(self, m: Module) -> list[Value]:
        """The row's own settings, beside its totals."""
        return [register(m, f"row_scale_{i}", each) for i, each in enumerate(self.row_scale)]

    def _kept(self, m: Module, layout: data.StructLayout, ahead: data.View) -> DualPortMemory:
        m.submodules.kept = kept = DualPortMemory(layout, self.params.acc_depth)
        m.d.comb += [kept.read_enable.eq(1), kept.read_address.eq(ahead.address)]
        return kept

    def _emit(self, m: Module) -> None:
        """Blank the lanes beyond N and queue the row."""
        params, o = self.params, self._requantizers[0].o
        lanes = [lane for requantizer in self._requantizers for lane in requantizer.o.data]
        m.submodules.fifo = fifo = Fifo(packet(self._vector(params)), params.capacity)
        widths = [Signal(range(params.cols + 1), name=f"width_{bank}") for bank in range(BANKS)]
        for bank, width in enumerate(widths):
            with m.If(self.load.valid & (self.load.bank == bank)):
                m.d.sync += width.eq(self.width)
        width = Signal(range(params.cols + 1))
        with m.Switch(o.meta.bank):
            for bank, held in enumerate(widths):
                with m.Case(bank):
                    m.d.comb += width.eq(held)
        row = fifo.i.p
        for lane, value in enumerate(lanes):
            kept = Mux(width > lane % params.cols, value, 0)
            m.d.comb += row.data[lane].eq(register(m, f"lane_{lane}", kept))
        m.d.comb += [
            self.released.eq(o.valid & o.meta.releases),
            row.last.eq(register(m, "last", o.meta.last)),
            fifo.i.valid.eq(delay(m, "row_valid", o.valid, 1, reset=True)),
        ]
        connect(m, fifo.o, flipped(self.c))
