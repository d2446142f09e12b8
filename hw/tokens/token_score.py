"""The reductions that turn attention, or per-head scores, into one score a token."""

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.formats import Format
from gemmule.hw.common.streams import packet_stream, shape_of, vector

from .divider_bank import DividerBank
from .packager import pick
from .row_reducer import RowReducer
from .score_params import TokenScoreParams

__all__ = ["TokenScore"]


class TokenScore(wiring.Component):
    """Reduce attention, or weighted scores of heads, to one score a token.

    ``column_max``: ``previous[n] + sum_h max_q attention[h, q, n]``; sums of one row a head for
    class-token attention (divided by the heads) and for the first column; ``heatvit``: ``sum_h
    weight[n, h] * score[n, h] / sum_h weight[n, h]``. Quotients are rounded half to even, results
    saturate; :mod:`golden.tokens.scores` defines every bit.

    Source: CP-ViT (arXiv 2203.04570), EdgeQAT, EViT; the multi-head selector of HeatViT (arXiv
    2211.08110), whose layers run on the `gemm` array and the nonlinear units: only the reductions
    are here.
    Latency: the first score 4 cycles after the last row, or after its last pair ``head width + 6``.
    Throughput: one beat of attention a cycle, then ``lanes`` scores in ``lanes + 1`` cycles, or
    where they are divided ``dividers`` in ``quotient width + 4``; one pair a cycle until the
    dividers are all busy.
    Back-pressure: rows and pairs wait while scores are not taken.

    Parameters
    ----------
    params : TokenScoreParams

    Members
    -------
    command : In(stream of command)
        ``maximum``: rows of a head, ``final_row + 1``, are reduced by maximum; ``mean``: totals are
        divided by ``heads``; ``carried``: ``previous`` is added; ``weighted``: pairs come.
    attention : In(packet stream of [lanes] x attention_format)
        The rows of all heads, each filled up to whole beats.
    previous : In(packet stream of result)
        One a token.
    pairs : In(packet stream of {score, weight})
        The heads of one token are a packet.
    scores : Out(packet stream of result)
        One a token.
    """

    def __init__(self, params: TokenScoreParams):
        self.params = params
        result = shape_of(params.result)
        super().__init__({
            "command": In(stream.Signature(params.command)),
            "attention": In(packet_stream(vector(params.attention_format, params.lanes))),
            "previous": In(packet_stream(result)),
            "pairs": In(packet_stream(params.pair)),
            "scores": Out(packet_stream(result)),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.reducer = self._reducer = RowReducer(params)
        bank = DividerBank(params.quotient, params.divisor, params.dividers)
        m.submodules.bank = self._bank = bank
        self._run = Signal(params.command, reset_less=True)
        self._beat = Signal(range(params.max_beats), reset_less=True)
        self._final = Signal(range(params.max_beats), reset_less=True)
        self._row = Signal(range(params.max_tokens), reset_less=True)
        self._first = Signal(reset_less=True)
        self._carrying = Signal(reset_less=True)
        self._token = Signal(range(params.max_tokens), reset_less=True)
        self._lane = Signal(range(params.lanes), reset_less=True)
        product = params.head_format.width * 2 + params.max_heads.bit_length()
        self._product = Signal(product, reset_less=True)
        self._weights = Signal(params.divisor, reset_less=True)

        self._left = Signal(range(params.max_tokens), reset_less=True)
        self._given = Signal(reset_less=True)
        self._outcomes(m)
        with m.FSM():
            self._begin(m)
            self._rows(m)
            self._pairs(m)
            self._results(m)
        return m

    def _begin(self, m: Module) -> None:
        run = self.command.p
        with m.State("COMMAND"):
            m.d.comb += self.command.ready.eq(1)
            m.d.sync += [
                self._run.eq(run),
                self._final.eq(run.final_token // self.params.lanes),
                self._first.eq(1),
                self._carrying.eq(run.carried),
                self._left.eq(run.final_token),
                self._given.eq(0),
            ]
            m.d.sync += [each.eq(0) for each in (self._beat, self._row, self._token, self._lane)]
            m.d.sync += [self._product.eq(0), self._weights.eq(0)]
            with m.If(self.command.valid & run.weighted):
                m.next = "PAIRS"
            with m.Elif(self.command.valid):
                m.next = "ROWS"

    def _rows(self, m: Module) -> None:
        reducer, attention = self._reducer, self.attention
        top, bottom = self._row == 0, self._row == self._run.final_row
        m.d.comb += [
            reducer.row.eq(attention.p.data),
            reducer.beat.eq(self._beat),
            reducer.top.eq(top | ~self._run.maximum),
            reducer.bottom.eq(bottom | ~self._run.maximum),
            reducer.first.eq(self._first),
            reducer.single.eq(self._final == 0),
        ]
        with m.State("ROWS"):
            m.d.comb += [attention.ready.eq(1), reducer.add.eq(attention.valid)]
            with m.If(attention.valid):
                m.d.sync += self._beat.eq(self._beat + 1)
                with m.If(self._beat == self._final):
                    m.d.sync += [self._beat.eq(0), self._row.eq(self._row + 1)]
                    with m.If(bottom):
                        m.d.sync += [self._row.eq(0), self._first.eq(0)]
                with m.If(attention.p.last):
                    m.next = "SETTLE"
        with m.State("SETTLE"):
            m.d.sync += self._beat.eq(0)
            m.next = "FETCH"
        with m.State("FETCH"):
            m.d.comb += reducer.fetch.eq(1)
            m.d.sync += self._beat.eq(self._beat + 1)
            m.next = "TOTALS"

    def _pairs(self, m: Module) -> None:
        pairs, bank = self.pairs, self._bank
        with m.State("PAIRS"):
            pair = pairs.p.data
            m.d.comb += pairs.ready.eq(1)
            with m.If(pairs.valid):
                m.d.sync += [
                    self._product.eq(self._product + pair.score * pair.weight),
                    self._weights.eq(self._weights + pair.weight),
                ]
                with m.If(pairs.p.last):
                    m.next = "DIVIDE"
        with m.State("DIVIDE"):
            m.d.comb += [
                bank.i.valid.eq(1),
                bank.i.p.numerator.eq(self._product),
                bank.i.p.denominator.eq(self._weights),
            ]
            with m.If(bank.i.ready):
                # The next token's first pair may come at once.
                m.d.comb += pairs.ready.eq(self._token != self._run.final_token)
                m.d.sync += [self._product.eq(0), self._weights.eq(0)]
                with m.If(pairs.valid & pairs.ready):
                    m.d.sync += [
                        self._product.eq(pairs.p.data.score * pairs.p.data.weight),
                        self._weights.eq(pairs.p.data.weight),
                    ]
                self._advance(m)
                with m.If(pairs.valid & pairs.ready & pairs.p.last):
                    m.next = "DIVIDE"

    def _results(self, m: Module) -> None:
        """Totals, a lane at a time: to the bank, or straight out with ``previous`` added."""
        run, bank, previous = self._run, self._bank, self.previous
        totals = self._reducer.totals
        total = pick([totals[lane] for lane in range(self.params.lanes)], self._lane)
        with m.State("TOTALS"):
            carried = Mux(self._carrying, previous.p.data, 0)
            m.d.comb += self._straight.eq(total + carried)
            with m.If(run.mean):
                m.d.comb += [
                    bank.i.valid.eq(1),
                    bank.i.p.numerator.eq(total),
                    bank.i.p.denominator.eq(run.heads),
                ]
                with m.If(bank.i.ready):
                    self._advance(m)
            with m.Elif(self._free & (previous.valid | ~self._carrying)):
                m.d.comb += [previous.ready.eq(self._carrying), self._offer.eq(1)]
                with m.If(previous.p.last):
                    m.d.sync += self._carrying.eq(0)
                self._advance(m)
        with m.State("SKIP"):
            m.d.comb += previous.ready.eq(1)
            with m.If(previous.valid & previous.p.last):
                m.next = "FINISH"
        with m.State("FINISH"), m.If(self._given):
            m.next = "COMMAND"

    def _advance(self, m: Module) -> None:
        """To the next lane, beat or token, or to the end."""
        run = self._run
        m.d.sync += [self._token.eq(self._token + 1), self._lane.eq(self._lane + 1)]
        m.next = "TOTALS"
        with m.If(self._lane == self.params.lanes - 1):
            m.d.sync += self._lane.eq(0)
            m.next = "FETCH"
        with m.If(run.weighted):
            m.next = "PAIRS"
        with m.If(self._token == run.final_token):
            m.next = "FINISH"
            with m.If(self._carrying & ~self.previous.p.last):
                m.next = "SKIP"

    def _outcomes(self, m: Module) -> None:
        """The register in front of ``scores``: of quotients, or of sums that come straight."""
        scores, bank, fmt = self.scores, self._bank, self.params.result
        divided = self._run.mean | self._run.weighted
        total, own = self.params.total, shape_of(fmt)
        signed = total.signed or own.signed
        width = max(total.width, own.width) + 2
        self._straight = Signal(Shape(width, signed))
        self._offer, self._free = Signal(), Signal()
        value = Signal(Shape(max(width, self.params.quotient.width + signed), signed))
        m.d.comb += [
            self._free.eq(~scores.valid | scores.ready),
            bank.o.ready.eq(self._free),
            value.eq(Mux(divided, bank.o.p, self._straight)),
        ]
        with m.If(scores.ready):
            m.d.sync += scores.valid.eq(0)
        with m.If(self._free & Mux(divided, bank.o.valid, self._offer)):
            m.d.sync += [
                scores.valid.eq(1),
                scores.p.data.eq(_saturated(value, fmt)),
                scores.p.last.eq(self._left == 0),
                self._left.eq(self._left - 1),
                self._given.eq(self._left == 0),
            ]


def _saturated(value: Signal, fmt: Format) -> Value:
    """The nearest integer of ``fmt``; no comparison that ``value``'s own width decides."""
    own = Format(value.shape().signed, len(value))
    result = Mux(value > fmt.high, fmt.high, value) if own.high > fmt.high else value
    return Mux(value < fmt.low, fmt.low, result) if own.low < fmt.low else result
