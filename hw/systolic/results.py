"""From the array's sums to results: accumulate over tiles of K, requantize, wait to be taken."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format
from gemmule.hw.common.pipeline import delay
from gemmule.hw.common.ram import DualPortMemory
from gemmule.hw.common.requantize.requantizer import Requantizer
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.payload import packet, packet_stream, vector

from .params import ProductParams
from .sequencer import token_layout

__all__ = ["Results"]

AHEAD = 1
"""Cycles that a row is known ahead of its sums: a memory is read in them."""


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
    row_scale : In([m_lanes] x ``params.requantizer.row_layout``); beside : In(1);
    row_scale_take : Out(1)
        With ``--row-scales``: the settings of the next row that is scaled by its own, and whether
        those of the columns count ``beside`` them.
    load : In, as `Requantizer` has it
        Lanes from ``settings.used`` on are 0 in the results of that bank.
    released : Out(1)
        The bank whose turn it is has served its last row.
    c : Out(packet stream of [m_lanes * cols] x signed(out_width))
    """

    def __init__(self, params: ProductParams):
        self.params = params
        self._requantizers = [
            Requantizer(params.requantizer, token_layout(params)) for _ in range(params.m_lanes)
        ]
        sums = data.ArrayLayout(signed(params.psum_width), params.cols * params.m_lanes)
        row_sum = data.ArrayLayout(signed(params.row_sum_width), params.m_lanes)
        row_scale = data.ArrayLayout(params.requantizer.row_layout, params.m_lanes)
        row_scales = {"row_scale": In(row_scale), "beside": In(1), "row_scale_take": Out(1)}
        super().__init__({
            "token_valid": In(1),
            "token": In(token_layout(params)),
            "sums": In(sums),
            **({"row_sum": In(row_sum)} if params.b_zero_points else {}),
            **(row_scales if params.row_scales else {}),
            "load": self._requantizers[0].signature.members["load"],
            "released": Out(1),
            "c": Out(packet_stream(self._vector(params))),
        })

    @staticmethod
    def _vector(params: ProductParams) -> data.ArrayLayout:
        return vector(Format(signed=True, width=params.out_width), params.cols * params.m_lanes)

    def elaborate(self, platform):
        m = Module()
        ahead = self.params.array_latency - AHEAD
        token_ahead = delay(m, "token", self.token, ahead)
        valid = delay(m, "valid", self.token_valid, ahead + AHEAD, reset=True)
        token = delay(m, "sums_token", token_ahead, AHEAD)
        for index, requantizer in enumerate(self._requantizers):
            name = "requantizer" if not index else f"requantizer_{index}"
            m.submodules[name] = requantizer
            connect(m, flipped(self.load), requantizer.load)
            mine = self.sums[index * self.params.cols :][: self.params.cols]
            m.d.comb += [
                requantizer.i.valid.eq(valid),
                requantizer.i.bank.eq(token.bank),
                requantizer.i.final.eq(token.final),
                requantizer.i.meta.eq(token),
                *(requantizer.i.sums[lane].eq(each) for lane, each in enumerate(mine)),
            ]
            if self.params.row_scales:
                m.d.comb += [
                    requantizer.i.by_row.eq(token.by_row),
                    requantizer.i.beside.eq(self.beside),
                    requantizer.i.row.eq(self.row_scale[index]),
                    self.row_scale_take.eq(valid & token.final & token.by_row),
                ]
        if self.params.b_zero_points:
            self._row_sums(m, token_ahead, valid, token)
        if self.params.keeps:
            self._keep(m, token_ahead, valid, token)
        self._emit(m)
        return m

    def _row_sums(self, m: Module, ahead: Value, valid: Value, token: data.View) -> None:
        """Add up the rows' own sums over tiles of K, a cycle after those of this tile."""
        shape = data.ArrayLayout(signed(self.params.row_sum_width), self.params.m_lanes)
        totals = Signal(shape, name="row_totals", reset_less=True)
        kept = [0] * self.params.m_lanes
        if self.params.keeps:
            memory = self._memory(m, "kept_rows", shape, ahead, valid, token, late=0, wait=1)
            m.d.comb += memory.write_data.eq(totals)
            kept = [Mux(token.first, 0, each) for each in memory.read_data]
        for total, before, each in zip(totals, kept, self.row_sum, strict=True):
            m.d.sync += total.eq(before + each)
        for requantizer, total in zip(self._requantizers, totals, strict=True):
            m.d.comb += requantizer.row_sum.eq(total)

    def _keep(self, m: Module, ahead: Value, valid: Value, token: data.View) -> None:
        """Keep the sums of tiles of K that are not the last."""
        times = self.params.requantizer.times
        lane = self._requantizers[0].kept.shape()
        memory = self._memory(
            m, "kept", data.ArrayLayout(lane, self.params.m_lanes), ahead, valid, token,
            late=times["kept"], wait=times["kept_sum"] - times["kept"],
        )  # fmt: skip
        sums = [Value.cast(each.kept_sum) for each in self._requantizers]
        m.d.comb += Value.cast(memory.write_data).eq(Cat(*sums))
        for index, requantizer in enumerate(self._requantizers):
            m.d.comb += [
                requantizer.i.first.eq(token.first),
                requantizer.kept.eq(memory.read_data[index]),
            ]

    def _memory(
        self,
        m: Module,
        name: str,
        shape: data.Layout,
        ahead: Value,
        valid: Value,
        token: data.View,
        *,
        late: int,
        wait: int,
    ) -> DualPortMemory:
        """Keep sums by row, read ``late`` cycles after a tile's come, written ``wait`` later."""
        m.submodules[name] = memory = DualPortMemory(shape, self.params.acc_depth)
        written = valid & ~token.final
        m.d.comb += [
            memory.read_enable.eq(1),
            memory.read_address.eq(delay(m, f"{name}_read", ahead.address, late)),
            memory.write_address.eq(delay(m, f"{name}_address", token.address, late + wait)),
            memory.write_enable.eq(delay(m, f"{name}_write", written, late + wait, reset=True)),
        ]
        return memory

    def _emit(self, m: Module) -> None:
        """Queue the row."""
        params, o = self.params, self._requantizers[0].o
        lanes = [lane for requantizer in self._requantizers for lane in requantizer.o.data]
        m.submodules.fifo = fifo = Fifo(packet(self._vector(params)), params.capacity)
        m.d.comb += [
            *(fifo.i.p.data[lane].eq(value) for lane, value in enumerate(lanes)),
            self.released.eq(o.valid & o.meta.releases),
            fifo.i.p.last.eq(o.meta.last),
            fifo.i.valid.eq(o.valid),
        ]
        connect(m, fifo.o, flipped(self.c))
