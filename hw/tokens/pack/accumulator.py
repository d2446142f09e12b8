"""The score-weighted sum of tokens, a beat a cycle."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import delay, wire
from gemmule.hw.common.stream.payload import shape_of
from gemmule.hw.tokens.params import TokenPackParams

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """``sums[beat][lane] += weight * token[lane]``, the sums in block memory.

    Exact: a sum is as wide as the largest weights that a stage can add up to allow. One multiplier
    a lane; a sum is read, added to and written within two cycles, and where a token is a single
    beat the sum is passed on past the memory.

    Latency: :attr:`LATENCY` cycles from ``add`` to the memory, one from ``fetch`` to ``sums``.
    Throughput: one beat a cycle. Back-pressure: none.

    Parameters
    ----------
    params : TokenPackParams

    Members
    -------
    add : In(1)
    token : In([lanes] x token_format)
    blank : In(1)
        ``token`` counts as zeros.
    weight : In(unsigned)
    beat : In(beat)
    first : In(1)
        The sum starts anew.
    single : In(1)
        Tokens are of one beat; held through a stage.
    fetch : In(1)
        Reads the sums of ``beat``; not until ``LATENCY`` cycles after the last ``add``.
    sums : Out([lanes] x total)
        Held until the next ``fetch`` or ``add``.
    """

    LATENCY = 3

    def __init__(self, params: TokenPackParams):
        self.params = params
        lanes = params.lanes
        width = max(params.weight_width, params.score_format.width)
        super().__init__({
            "add": In(1),
            "token": In(data.ArrayLayout(shape_of(params.token_format), lanes)),
            "blank": In(1),
            "weight": In(width),
            "beat": In(params.beat),
            "first": In(1),
            "single": In(1),
            "fetch": In(1),
            "sums": Out(data.ArrayLayout(params.total, lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        # The number is how many cycles the signal is late.
        add_1 = delay(m, "add", self.add, 1, reset=True)
        add_2 = delay(m, "add_late", add_1, 1, reset=True)
        wrote = delay(m, "wrote", add_2, 1, reset=True)
        beat_1 = delay(m, "beat", self.beat, 1)
        beat_2 = delay(m, "beat_late", beat_1, 1)
        first = delay(m, "first", self.first, 2)
        weight = delay(m, "weight", self.weight, 1)

        store = memory.Memory(
            shape=self.sums.shape(),
            depth=max(2, self.params.max_beats),
            init=[],
            attrs={"ram_style": "block"},
        )
        m.submodules.store = store
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            read.addr.eq(Mux(self.fetch, self.beat, beat_1)),
            read.en.eq(self.fetch | add_1),
            self.sums.eq(read.data),
            write.addr.eq(beat_2),
            write.en.eq(add_2),
        ]
        again = wire(m, "again", wrote & self.single)
        for lane in range(self.params.lanes):
            token = Signal(self.token[lane].shape(), name=f"token_{lane}", reset_less=True)
            m.d.sync += token.eq(self.token[lane])
            # As the last word: the registers' own reset does it, without a LUT.
            with m.If(self.blank):
                m.d.sync += token.eq(0)
            product = delay(m, f"product_{lane}", token * weight, 1)
            total = Signal(self.params.total, name=f"total_{lane}")
            before = Signal(self.params.total, name=f"before_{lane}")
            passed = delay(m, f"total_{lane}", total, 1)
            m.d.comb += [
                before.eq(Mux(first, 0, Mux(again, passed, read.data[lane]))),
                # The product comes first: the carry chain then takes it as it is, and the choice
                # of `before` costs no LUT.
                total.eq(product + before),
                write.data[lane].eq(total),
            ]
        return m
