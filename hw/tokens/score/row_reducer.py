"""Rows of attention reduced column by column: a maximum within a head, a sum over heads."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.stream.payload import shape_of
from gemmule.hw.tokens.score_params import TokenScoreParams

__all__ = ["RowReducer"]


class RowReducer(wiring.Component):
    """``totals[n] = sum_h max_q x[h, q, n]``, or ``sum_h x[h, n]`` of one row a head.

    Exact; the running maxima and the totals lie in block memory.

    Latency: :attr:`LATENCY` cycles from ``add`` to the memory, one from ``fetch`` to ``totals``.
    Throughput: one beat of a row a cycle. Back-pressure: none.

    Parameters
    ----------
    params : TokenScoreParams

    Members
    -------
    add : In(1)
    row : In([lanes] x attention_format)
    blank : In(1)
        ``row`` counts as zeros.
    beat : In(beat)
        Which columns these are.
    top, bottom : In(1)
        The row is its head's first, its last; of one row both.
    first : In(1)
        The head is the first.
    single : In(1)
        Rows are of one beat; held.
    fetch : In(1)
        Reads the totals of ``beat``; not until ``LATENCY`` cycles after the last ``add``.
    totals : Out([lanes] x total)
        Held until the next ``fetch`` or ``add``.
    """

    LATENCY = 2

    def __init__(self, params: TokenScoreParams):
        self.params = params
        row = data.ArrayLayout(shape_of(params.attention_format), params.lanes)
        super().__init__({
            "add": In(1),
            "row": In(row),
            "blank": In(1),
            "beat": In(params.beat),
            "top": In(1),
            "bottom": In(1),
            "first": In(1),
            "single": In(1),
            "fetch": In(1),
            "totals": Out(data.ArrayLayout(params.total, params.lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        held = Signal(
            data.StructLayout({
                "row": self.row.shape(),
                "beat": self.params.beat,
                "top": 1,
                "bottom": 1,
                "first": 1,
            }),
            reset_less=True,
        )
        adding, wrote = Signal(), Signal()
        m.d.sync += [adding.eq(self.add), wrote.eq(adding)]
        m.d.sync += [held[name].eq(getattr(self, name)) for name in held.shape().members]
        # As the last word: the registers' own reset does it, without a LUT.
        with m.If(self.blank):
            m.d.sync += held.row.eq(0)
        again = wrote & self.single

        peaks, peak = self._store(m, "maxima", self.row.shape(), held.beat, adding)
        sums, total = self._store(m, "sums", self.totals.shape(), held.beat, adding)
        m.d.comb += self.totals.eq(total)
        for lane in range(self.params.lanes):
            # Signals of their own, since slices of a memory's word read as a loop in Verilator.
            higher = Signal(peak[lane].shape(), name=f"higher_{lane}")
            added = Signal(total[lane].shape(), name=f"added_{lane}")
            before = self._before(m, f"peak_{lane}", peak[lane], higher, again)
            x = held.row[lane]
            m.d.comb += higher.eq(Mux(held.top | (x > before), x, before))
            before = self._before(m, f"total_{lane}", total[lane], added, again)
            # The rows above a head's last add nothing, so the first head may start anew in each.
            head = Mux(held.bottom, higher, 0)
            m.d.comb += added.eq(Mux(held.first, 0, before) + head)
            m.d.comb += [peaks.data[lane].eq(higher), sums.data[lane].eq(added)]
        return m

    def _store(
        self, m: Module, name: str, shape: data.ArrayLayout, beat: Value, adding: Value
    ) -> tuple:
        """Make a memory of beats.

        Return its write port, and what lay at ``beat`` a cycle after it came.
        """
        depth = max(2, self.params.max_beats)
        store = memory.Memory(shape=shape, depth=depth, init=[], attrs={"ram_style": "block"})
        m.submodules[name] = store
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            read.addr.eq(self.beat),
            read.en.eq(self.add | self.fetch),
            write.addr.eq(beat),
            write.en.eq(adding),
        ]
        return write, read.data

    def _before(self, m: Module, name: str, stored: Value, new: Value, again: Value) -> Value:
        """Return what the lane was, passed on past memory where the beat before was the same."""
        passed = Signal(stored.shape(), name=name, reset_less=True)
        m.d.sync += passed.eq(new)
        return Mux(again, passed, stored)
