"""The scores of one command after the other."""

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.formats import Format
from gemmule.hw.common.stream.payload import packet_stream, shape_of, vector
from gemmule.hw.common.stream.status import FaultLayout
from gemmule.hw.tokens.pack.packager import pick
from gemmule.hw.tokens.score_params import TokenScoreParams

from .divider_bank import DividerBank
from .row_reducer import RowReducer

__all__ = ["PACKETS", "ScoreStage"]

PACKETS = ("attention", "previous", "pairs")
"""What the numbers come by."""


class ScoreStage(wiring.Component):
    """The scores of one command after the other, all of which were checked.

    :class:`~.token_score.TokenScore` says what it does and how long that takes.

    Parameters
    ----------
    params : TokenScoreParams

    Members
    -------
    command : In(stream of command)
    attention : In(packet stream of [lanes] x attention_format)
    previous : In(packet stream of result)
    pairs : In(packet stream of {score, weight})
    scores : Out(packet stream of result)
    idle : Out(1)
        No command is in work: its last score is at least offered.
    done : Out(1)
        High in the last cycle before ``idle``.
    faults : Out({attention, previous, pairs})
        Those of the command that is ``done``.
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
            "idle": Out(1),
            "done": Out(1),
            "faults": Out(data.StructLayout(dict.fromkeys(PACKETS, FaultLayout))),
        })

    def elaborate(self, platform):
        m = Module()
        params = self.params
        m.submodules.reducer = self._reducer = RowReducer(params)
        bank = DividerBank(params.quotient, params.divisor, params.dividers)
        m.submodules.bank = self._bank = bank
        self._state()
        m.d.comb += self.faults.eq(self._faults)
        self._outcomes(m)
        self._tally(m)
        with m.FSM():
            self._begin(m)
            self._rows(m)
            self._pairs(m)
            self._results(m)
        return m

    def _state(self) -> None:
        params = self.params
        self._run = Signal(params.command, reset_less=True)
        self._beat = Signal(params.beat, reset_less=True)
        self._final = Signal(params.beat, reset_less=True)
        self._row = Signal(range(params.max_tokens), reset_less=True)
        self._head = Signal(params.heads, reset_less=True)  # counts down to 1
        self._ended = Signal(reset_less=True)
        self._first = Signal(reset_less=True)
        self._carrying = Signal(reset_less=True)
        self._token = Signal(range(params.max_tokens), reset_less=True)
        self._lane = Signal(range(max(2, params.lanes)), reset_less=True)
        product = params.head_format.width * 2 + params.max_heads.bit_length()
        self._product = Signal(product, reset_less=True)
        self._weights = Signal(params.divisor, reset_less=True)
        self._left = Signal(range(params.max_tokens), reset_less=True)
        self._given = Signal(reset_less=True)
        self._faults = Signal(self.faults.shape(), reset_less=True)

    def _begin(self, m: Module) -> None:
        command = self.command
        run = command.p
        with m.State("COMMAND"):
            m.d.comb += [command.ready.eq(1), self.idle.eq(1)]
            m.d.sync += [
                self._run.eq(run),
                self._final.eq(run.final_token // self.params.lanes),
                self._first.eq(1),
                self._carrying.eq(run.carried),
                self._left.eq(run.final_token),
                self._head.eq(run.heads),
                self._given.eq(0),
                self._faults.eq(0),
                self._ended.eq(0),
            ]
            m.d.sync += [each.eq(0) for each in (self._beat, self._row, self._token, self._lane)]
            m.d.sync += [self._product.eq(0), self._weights.eq(0)]
            with m.If(command.valid & run.weighted):
                m.next = "PAIRS"
            with m.Elif(command.valid):
                m.next = "ROWS"

    def _rows(self, m: Module) -> None:
        reducer, attention, faults = self._reducer, self.attention, self._faults
        maximum = self._run.maximum
        bottom = ~maximum | (self._row == self._run.final_row)
        closes = Signal()
        ends = Signal()
        m.d.comb += [
            closes.eq((self._beat == self._final) & bottom),
            ends.eq(closes & (self._head == 1)),
            reducer.row.eq(attention.p.data),
            reducer.blank.eq(self._ended),
            reducer.beat.eq(self._beat),
            reducer.top.eq((self._row == 0) | ~maximum),
            reducer.bottom.eq(bottom),
            reducer.first.eq(self._first),
            reducer.single.eq(self._final == 0),
        ]
        with m.State("ROWS"):
            there = attention.valid | self._ended
            m.d.comb += [attention.ready.eq(~self._ended), reducer.add.eq(there)]
            with m.If(there):
                m.d.sync += self._beat.eq(self._beat + 1)
                with m.If(self._beat == self._final):
                    m.d.sync += [self._beat.eq(0), self._row.eq(self._row + 1)]
                with m.If(closes):
                    m.d.sync += [self._row.eq(0), self._first.eq(0), self._head.eq(self._head - 1)]
                with m.If(attention.valid & attention.p.last & ~self._ended):
                    m.d.sync += [self._ended.eq(1), faults.attention.early.eq(~ends)]
                with m.If(ends):
                    m.next = "REST"
        with m.State("REST"):
            m.d.comb += attention.ready.eq(~self._ended)
            m.d.sync += self._beat.eq(0)
            with m.If(~self._ended):
                m.d.sync += faults.attention.late.eq(1)
            with m.If(self._ended | (attention.valid & attention.p.last)):
                m.next = "FETCH"
        with m.State("FETCH"):
            m.d.comb += reducer.fetch.eq(1)
            m.d.sync += self._beat.eq(self._beat + 1)
            m.next = "TOTALS"

    def _tally(self, m: Module) -> None:
        """Count a token's pairs: the heads', no fewer and no more."""
        pairs, cut, faults = self.pairs, self._ended, self._faults
        with m.If(pairs.valid & pairs.ready):
            with m.If(pairs.p.last):
                m.d.sync += [self._head.eq(self._run.heads), cut.eq(0)]
                with m.If(~cut & (self._head != 1)):
                    m.d.sync += faults.pairs.early.eq(1)
            with m.Else():
                m.d.sync += self._head.eq(self._head - 1)
                with m.If(~cut & (self._head == 1)):
                    m.d.sync += [cut.eq(1), faults.pairs.late.eq(1)]

    def _pairs(self, m: Module) -> None:
        pairs, bank, pair = self.pairs, self._bank, self.pairs.p.data
        with m.State("PAIRS"):
            m.d.comb += pairs.ready.eq(1)
            with m.If(pairs.valid & ~self._ended):
                m.d.sync += [
                    self._product.eq(self._product + pair.score * pair.weight),
                    self._weights.eq(self._weights + pair.weight),
                ]
            with m.If(pairs.valid & pairs.p.last):
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
                        self._product.eq(pair.score * pair.weight),
                        self._weights.eq(pair.weight),
                    ]
                self._advance(m)
                with m.If(pairs.valid & pairs.ready & pairs.p.last):
                    m.next = "DIVIDE"

    def _results(self, m: Module) -> None:
        """Send totals, a lane at a time: to the bank, or straight out with ``previous`` added."""
        run, bank, previous = self._run, self._bank, self.previous
        totals, faults = self._reducer.totals, self._faults
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
                with m.If(self._carrying & previous.p.last):
                    final = self._token == run.final_token
                    m.d.sync += [self._carrying.eq(0), faults.previous.early.eq(~final)]
                self._advance(m)
        with m.State("SKIP"):
            m.d.comb += previous.ready.eq(1)
            m.d.sync += faults.previous.late.eq(1)
            with m.If(previous.valid & previous.p.last):
                m.next = "FINISH"
        with m.State("FINISH"), m.If(self._given):
            m.d.comb += self.done.eq(1)
            m.next = "COMMAND"

    def _advance(self, m: Module) -> None:
        """Go to the next lane, beat or token, or to the end."""
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
        """Register what goes to ``scores``: quotients, or sums that come straight."""
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
    """Return the nearest integer of ``fmt``; compare nothing that ``value``'s width decides."""
    own = Format(value.shape().signed, len(value))
    result = Mux(value > fmt.high, fmt.high, value) if own.high > fmt.high else value
    return Mux(value < fmt.low, fmt.low, result) if own.low < fmt.low else result
