"""Choose tokens by threshold or by rank, without sorting."""

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.tokens.selection import ratio_bits
from gemmule.hw.common.stream.payload import packet_stream, shape_of
from gemmule.hw.tokens.params import TokenSelectParams

from .histogram import BINS, Histogram

__all__ = ["SelectStage"]

_BYTE = 8


class SelectStage(wiring.Component):
    """The selection of one stage after the other, by commands that were checked.

    :class:`~.token_select.TokenSelect` says what it does and how long that takes. The scores are
    kept in memory. While they arrive, a histogram counts the candidates' high bytes; a second pass
    counts the low bytes of those in the bin where the quota ends (scores of up to 8 bits need
    none); the last pass emits. The counter of the bin in which the search ends also tells how many
    tokens tie with the last that is kept.

    Parameters
    ----------
    params : TokenSelectParams

    Members
    -------
    command : In(stream of select_command)
    scores : In(packet stream of {score, valid})
    decisions : Out(packet stream of {keep, valid, score})
    indices : Out(packet stream of index)
    count : Out(stream of number)
    late : Out(1)
        The packet of scores that ``count`` was made of was cut; held until the next count.
    idle : Out(1)
        No stage is in work: its last decision is at least offered.
    done : Out(1)
        High in the last cycle before ``idle``.
    """

    def __init__(self, params: TokenSelectParams):
        self.params = params
        super().__init__({
            "command": In(stream.Signature(params.select_command)),
            "scores": In(packet_stream(params.score)),
            "decisions": Out(packet_stream(params.decision)),
            "indices": Out(packet_stream(params.index)),
            "count": Out(stream.Signature(params.number)),
            "late": Out(1),
            "idle": Out(1),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        self._state(m)
        row = self._rows(m)
        for port in (self.decisions, self.indices, self.count):
            with m.If(port.ready):
                m.d.sync += port.valid.eq(0)
        with m.FSM():
            self._load(m)
            self._rank(m, row)
            self._emit(m, row)
        return m

    def _state(self, m: Module) -> None:
        params = self.params
        self._two_passes = params.score_format.width > _BYTE
        m.submodules.histogram = Histogram(params.number, 1 + self._two_passes)
        self._histogram = m.submodules.histogram
        self._protect = Signal(params.number, reset_less=True)
        self._keep = Signal(params.number, reset_less=True)
        self._ratio = Signal(ratio_bits(params.max_tokens) + 1, reset_less=True)
        self._share = Signal(self._ratio.shape().width + params.number.width, reset_less=True)
        self._cutoff = Signal(2 * _BYTE, reset_less=True)
        self._ties = Signal(reset_less=True)
        self._cut = Signal(reset_less=True)
        self._left = Signal(params.number, reset_less=True)
        # Which row is written, or read next; the row that is read follows by one `_step`.
        self._index = Signal(params.index)
        self._final = Signal(params.index, reset_less=True)
        self._token = Signal(params.index, reset_less=True)
        self._reading = Signal()
        self._fetched = Signal()
        self._step = Signal()

    def _key(self, score: Value) -> Value:
        """Return two bytes that are ordered as the scores are; the low one is 0 if one will do."""
        fmt = self.params.score_format
        flipped = Cat(score.as_unsigned()[:-1], score[-1] ^ fmt.signed)
        return Cat(C(0, 2 * _BYTE - fmt.width), flipped)

    def _rows(self, m: Module) -> Value:
        params, sample = self.params, self.scores.p.data
        score = shape_of(params.score_format)
        shape = data.StructLayout({"score": score, "valid": 1, "fixed": 1})
        m.submodules.rows = rows = memory.Memory(shape=shape, depth=params.max_tokens, init=[])
        write, read = rows.write_port(), rows.read_port()
        self._write = write
        m.d.comb += [
            write.addr.eq(self._index),
            write.data.score.eq(sample.score),
            write.data.valid.eq(sample.valid),
            write.data.fixed.eq(self._index < self._protect),
            read.addr.eq(self._index),
            read.en.eq(self._step),
        ]
        with m.If(self._step):
            m.d.sync += [self._fetched.eq(self._reading), self._token.eq(self._index)]
            with m.If(self._reading):
                m.d.sync += [
                    self._index.eq(self._index + 1),
                    self._reading.eq(self._index != self._final),
                ]
        return read.data

    def _rewind(self, m: Module) -> None:
        m.d.sync += [self._index.eq(0), self._reading.eq(1), self._fetched.eq(0)]

    def _load(self, m: Module) -> None:
        histogram, scores, run = self._histogram, self.scores, self.command.p
        with m.State("SWEEP"):
            # A reset may have caught the histogram half filled.
            swept = Signal(range(BINS * (1 + self._two_passes)))
            m.d.comb += [Cat(histogram.byte, histogram.bank).eq(swept), histogram.wipe.eq(1)]
            m.d.sync += swept.eq(swept + 1)
            with m.If(swept.all()):
                m.next = "COMMAND"
        with m.State("COMMAND"):
            m.d.comb += [self.command.ready.eq(1), self.idle.eq(1)]
            m.d.sync += [
                self._cutoff.eq(self._key(run.threshold)),
                self._protect.eq(run.protect),
                self._keep.eq(run.keep),
                self._ratio.eq(run.ratio),
                self._ties.eq(run.ties),
                self._cut.eq(0),
                # Rounds up what is added to it.
                self._share.eq((1 << len(run.ratio) - 1) - 1),
                self._left.eq(0),
                self._index.eq(0),
            ]
            with m.If(self.command.valid):
                m.next = "LOAD"
        with m.State("LOAD"):
            key = self._key(scores.p.data.score)
            fixed = self._write.data.fixed
            candidate = scores.p.data.valid & ~fixed & (key >= self._cutoff)
            m.d.comb += [
                scores.ready.eq(1),
                self._write.en.eq(scores.valid),
                histogram.byte.eq(key[_BYTE:]),
                histogram.add.eq(scores.valid & candidate),
            ]
            with m.If(scores.valid):
                m.d.sync += [
                    self._index.eq(self._index + 1),
                    self._final.eq(self._index),
                    self._left.eq(self._left + fixed),
                ]
                with m.If(candidate):
                    m.d.sync += self._share.eq(self._share + self._ratio)
                with m.If(scores.p.last):
                    m.next = "PLAN"
                with m.Elif(self._index == self.params.max_tokens - 1):
                    m.d.sync += self._cut.eq(1)
                    m.next = "SKIP"
        with m.State("SKIP"):
            m.d.comb += scores.ready.eq(1)
            with m.If(scores.valid & scores.p.last):
                m.next = "PLAN"

    def _rank(self, m: Module, row: Value) -> None:
        histogram = self._histogram
        share = self._share[len(self._ratio) - 1 :]
        key = self._key(row.score)
        with m.State("PLAN"):
            quota = Signal(self.params.number)
            m.d.comb += [
                quota.eq(Mux(self._keep < share, self._keep, share)),
                histogram.need.eq(quota),
                histogram.load.eq(1),
            ]
            m.d.sync += self._left.eq(self._left + quota)
            m.next = "SEARCH_HIGH"
        with m.State("SEARCH_HIGH"):
            m.d.comb += histogram.search.eq(1)
            m.next = "HIGH"
        with m.State("HIGH"):
            m.d.sync += self._cutoff.eq(Cat(C(0, _BYTE), histogram.place))
            self._rewind(m)
            with m.If(histogram.found):
                m.next = "REFINE" if self._two_passes else "DECIDE"
                if not self._two_passes:
                    self._tie(m)
        if not self._two_passes:
            return
        with m.State("REFINE"):
            # The low bytes of the cutoff's bin are counted; all other high bytes are wiped.
            inside = key[_BYTE:] == self._cutoff[_BYTE:]
            counts = row.valid & ~row.fixed
            m.d.comb += [
                self._step.eq(1),
                histogram.bank.eq(inside),
                histogram.byte.eq(Mux(inside, key[:_BYTE], key[_BYTE:])),
                histogram.add.eq(self._fetched & inside & counts),
                histogram.wipe.eq(self._fetched & ~inside),
            ]
            with m.If(self._fetched & ~self._reading):
                m.next = "WIPE"
        with m.State("WIPE"):
            m.d.comb += [histogram.byte.eq(self._cutoff[_BYTE:]), histogram.wipe.eq(1)]
            m.next = "SEARCH_LOW"
        with m.State("SEARCH_LOW"):
            m.d.comb += [histogram.bank.eq(1), histogram.search.eq(1)]
            m.next = "LOW"
        with m.State("LOW"):
            m.d.comb += histogram.bank.eq(1)
            m.d.sync += self._cutoff[:_BYTE].eq(histogram.place)
            with m.If(histogram.found):
                self._tie(m)
                m.next = "DECIDE"

    def _tie(self, m: Module) -> None:
        """Keep the tokens as well that equal the last one that is kept, if there is one."""
        with m.If(self._ties & ~self._histogram.rank[-1]):
            m.d.sync += self._left.eq(self._left + self._histogram.behind)

    def _emit(self, m: Module, row: Value) -> None:
        decisions, indices, histogram = self.decisions, self.indices, self._histogram
        ties = Signal(histogram.rank.shape(), reset_less=True)
        with m.State("DECIDE"):
            self._rewind(m)
            m.d.sync += ties.eq(histogram.rank)
            with m.If(~self.count.valid | self.count.ready):
                m.d.sync += [self.count.p.eq(self._left), self.count.valid.eq(1)]
                m.d.sync += self.late.eq(self._cut)
                m.next = "EMIT"
        with m.State("EMIT"):
            key = self._key(row.score)
            free = (~decisions.valid | decisions.ready) & (~indices.valid | indices.ready)
            more = ties >= 0
            chosen = row.valid & ~row.fixed & (Cat(more, key) > Cat(C(0, 1), self._cutoff))
            keep = row.fixed | chosen
            m.d.comb += [
                self._step.eq(free),
                histogram.bank.eq(self._two_passes),
                histogram.byte.eq(key[:_BYTE] if self._two_passes else key[_BYTE:]),
                histogram.wipe.eq(self._fetched),
            ]
            with m.If(free & self._fetched):
                m.d.sync += [
                    decisions.valid.eq(1),
                    decisions.p.data.keep.eq(keep),
                    decisions.p.data.valid.eq(row.valid),
                    decisions.p.data.score.eq(row.score),
                    decisions.p.last.eq(~self._reading),
                    indices.valid.eq(keep),
                    indices.p.data.eq(self._token),
                    indices.p.last.eq(self._left == 1),
                    self._left.eq(self._left - keep),
                    ties.eq(ties - (chosen & (key == self._cutoff) & ~self._ties)),
                ]
                with m.If(~self._reading):
                    m.d.comb += self.done.eq(1)
                    m.next = "COMMAND"
