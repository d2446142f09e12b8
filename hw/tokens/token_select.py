"""Choose tokens by threshold or by rank, without sorting."""

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.tokens.selection import ratio_bits
from gemmule.hw.common.streams import packet_stream, shape_of

from .histogram import BINS, Histogram
from .params import Policy, TokenSelectParams

__all__ = ["TokenSelect"]

_BYTE = 8


class TokenSelect(wiring.Component):
    """Keep the tokens whose scores reach a threshold, or the highest-ranked ones.

    ``keep[i] = i < protect or (valid[i] and score[i] ranks among the first quota)``; equal scores
    go by index, the lower first. The quota is ``keep``, ``ceil(fraction * number)`` or ``number -
    floor(rho * number)`` of the ``number`` valid tokens past the protected ones.
    :func:`golden.tokens.selection.select` defines every bit.

    The scores are kept in memory. While they arrive, a histogram counts their high bytes; a second
    pass counts the low bytes of those in the bin where the quota ends (one pass is enough for
    scores of up to 8 bits); a third emits. Policies: HeatViT (arXiv 2211.08110), SPViT, EViT,
    CP-ViT (arXiv 2203.04570); the selection is ours.

    Latency: ``count`` is offered at most 2 N + 128 cycles after the first of N scores is taken
    (1 pass: N + 64), the last decision at most 3 N + 128, whatever the scores.
    Throughput: one score a cycle in, one decision a cycle out, stages in turn.
    Back-pressure: ``decisions`` and ``indices`` advance together; ``count`` holds up the next
    stage's decision only. A packet longer than ``max_tokens`` is cut there and read to its end.

    Parameters
    ----------
    params : TokenSelectParams

    Members
    -------
    command : In(stream of select_command)
        One a stage, before its scores.
    scores : In(packet stream of {score, valid})
    decisions : Out(packet stream of {keep, valid, score})
        One a token.
    indices : Out(packet stream of index)
        Of the kept tokens, ascending; none where ``count`` is 0.
    count : Out(stream of number)
        How many tokens are kept, known before ``indices`` begins.
    """

    def __init__(self, params: TokenSelectParams):
        self.params = params
        super().__init__({
            "command": In(stream.Signature(params.select_command)),
            "scores": In(packet_stream(params.score)),
            "decisions": Out(packet_stream(params.decision)),
            "indices": Out(packet_stream(params.index)),
            "count": Out(stream.Signature(params.number)),
        })
        self._two_passes = params.score_format.width > _BYTE

    def elaborate(self, platform):
        m = Module()
        self._state()
        self._parts(m)
        row = self._rows(m)
        for port in (self.decisions, self.indices, self.count):
            with m.If(port.ready):
                m.d.sync += port.valid.eq(0)
        with m.FSM():
            self._sweep(m)
            self._load(m)
            self._rank(m, row)
            self._emit(m, row)
        return m

    def _state(self) -> None:
        params = self.params
        self._run = Signal(params.select_command, reset_less=True)
        self._index = Signal(params.index)
        self._final = Signal(params.index, reset_less=True)
        self._number = Signal(params.number, reset_less=True)
        self._fixed = Signal(params.number, reset_less=True)
        self._reached = Signal(params.number, reset_less=True)
        self._quota = Signal(params.number, reset_less=True)
        self._ties = Signal(params.number, reset_less=True)
        width = ratio_bits(params.max_tokens) + params.number.width
        self._product = Signal(width, reset_less=True)
        self._cutoff = Signal(2 * _BYTE, reset_less=True)
        self._reading = Signal()
        self._fetched = Signal()
        self._step = Signal()

    def _parts(self, m: Module) -> None:
        params = self.params
        m.submodules.high = self._high = Histogram(params.number)
        self._low = self._high
        if self._two_passes:
            m.submodules.low = self._low = Histogram(params.number)

    def _key(self, score: Value) -> Value:
        """Two bytes that are ordered as the scores are; the low one is 0 if one will do."""
        fmt = self.params.score_format
        flipped = Cat(score.as_unsigned()[:-1], score[-1] ^ fmt.signed)
        return Cat(C(0, 2 * _BYTE - fmt.width), flipped)

    def _rows(self, m: Module) -> Value:
        """The memory of scores; ``_fetched`` and the row follow the index by one ``_step``."""
        params = self.params
        score = shape_of(params.score_format)
        shape = data.StructLayout({"score": score, "valid": 1, "fixed": 1})
        m.submodules.rows = rows = memory.Memory(shape=shape, depth=params.max_tokens, init=[])
        write, read = rows.write_port(), rows.read_port()
        sample = self.scores.p.data
        m.d.comb += [
            write.addr.eq(self._index),
            write.data.score.eq(sample.score),
            write.data.valid.eq(sample.valid),
            write.data.fixed.eq(self._index < self._run.protect),
            read.addr.eq(self._index),
            read.en.eq(self._step),
        ]
        self._write = write
        with m.If(self._step):
            m.d.sync += self._fetched.eq(self._reading)
            with m.If(self._reading):
                m.d.sync += [
                    self._index.eq(self._index + 1),
                    self._reading.eq(self._index != self._final),
                ]
        return read.data

    def _sweep(self, m: Module) -> None:
        """After reset, wipe the histograms; a reset may have caught them half filled."""
        wiped = Signal(range(BINS))
        with m.State("SWEEP"):
            for part in {id(each): each for each in (self._high, self._low)}.values():
                m.d.comb += [part.byte.eq(wiped), part.wipe.eq(1)]
            m.d.sync += wiped.eq(wiped + 1)
            with m.If(wiped == BINS - 1):
                m.next = "COMMAND"

    def _load(self, m: Module) -> None:
        sample, write = self.scores.p.data, self._write
        key = self._key(sample.score)
        candidate = sample.valid & ~write.data.fixed
        with m.State("COMMAND"):
            m.d.comb += self.command.ready.eq(1)
            m.d.sync += [self._run.eq(self.command.p), self._index.eq(0)]
            m.d.sync += [each.eq(0) for each in (self._number, self._fixed)]
            m.d.sync += [each.eq(0) for each in (self._reached, self._product)]
            with m.If(self.command.valid):
                m.next = "LOAD"
        with m.State("LOAD"):
            m.d.comb += [self.scores.ready.eq(1), write.en.eq(self.scores.valid)]
            m.d.comb += self._high.byte.eq(key[_BYTE:])
            with m.If(self.scores.valid):
                m.d.comb += self._high.add.eq(candidate & self._ranked)
                reached = candidate & (key >= self._key(self._run.threshold))
                m.d.sync += [
                    self._index.eq(self._index + 1),
                    self._final.eq(self._index),
                    self._fixed.eq(self._fixed + write.data.fixed),
                    self._number.eq(self._number + candidate),
                    self._reached.eq(self._reached + reached),
                ]
                with m.If(candidate):
                    m.d.sync += self._product.eq(self._product + self._run.ratio)
                with m.If(self.scores.p.last):
                    m.next = "PLAN"
                with m.Elif(self._index == self.params.max_tokens - 1):
                    m.next = "SKIP"
        with m.State("SKIP"):
            m.d.comb += self.scores.ready.eq(1)
            with m.If(self.scores.valid & self.scores.p.last):
                m.next = "PLAN"

    @property
    def _ranked(self) -> Value:
        return self._run.policy != Policy.THRESHOLD

    def _plan(self, m: Module) -> None:
        """The quota, from what was counted while the scores arrived."""
        bits = ratio_bits(self.params.max_tokens)
        whole = self._product[bits:]
        with m.Switch(self._run.policy):
            with m.Case(Policy.THRESHOLD):
                m.d.sync += self._quota.eq(self._reached)
            with m.Case(Policy.TOPK):
                enough = self._run.keep > self._number
                m.d.sync += self._quota.eq(Mux(enough, self._number, self._run.keep))
            with m.Case(Policy.FRACTION):
                m.d.sync += self._quota.eq(whole + self._product[:bits].any())
            with m.Case(Policy.CPVIT):
                m.d.sync += self._quota.eq(self._number - whole)

    def _rank(self, m: Module, row: Value) -> None:
        high, low = self._high, self._low
        key = self._key(row.score)
        with m.State("PLAN"):
            self._plan(m)
            # Where all reached the threshold there is no end to the ties.
            m.d.sync += [self._cutoff.eq(self._key(self._run.threshold)), self._ties.eq(~0)]
            m.next = "START"
        with m.State("START"):
            m.d.comb += [high.start.eq(self._ranked), high.need.eq(self._quota)]
            with m.If(self._ranked):
                m.next = "HIGH"
            with m.Else():
                m.next = "DECIDE"
        with m.State("HIGH"):
            m.d.sync += [self._cutoff.eq(Cat(C(0, _BYTE), high.bin)), self._ties.eq(high.rest)]
            self._rewind(m)
            with m.If(high.done):
                m.next = "REFINE" if self._two_passes else "DECIDE"
        if not self._two_passes:
            return
        with m.State("REFINE"):
            m.d.comb += [self._step.eq(1), high.byte.eq(key[_BYTE:]), low.byte.eq(key[:_BYTE])]
            with m.If(self._fetched):
                inside = key[_BYTE:] == self._cutoff[_BYTE:]
                m.d.comb += high.wipe.eq(1)
                m.d.comb += low.add.eq(inside & row.valid & ~row.fixed)
                with m.If(~self._reading):
                    m.next = "SETTLE"
        with m.State("SETTLE"):
            m.next = "SEARCH"
        with m.State("SEARCH"):
            m.d.comb += [low.start.eq(1), low.need.eq(high.rest)]
            m.next = "LOW"
        with m.State("LOW"):
            m.d.sync += [self._cutoff[:_BYTE].eq(low.bin), self._ties.eq(low.rest)]
            with m.If(low.done):
                m.next = "DECIDE"

    def _rewind(self, m: Module) -> None:
        m.d.sync += [self._index.eq(0), self._reading.eq(1), self._fetched.eq(0)]

    def _emit(self, m: Module, row: Value) -> None:
        decisions, indices, count = self.decisions, self.indices, self.count
        token = Signal(self.params.index, reset_less=True)
        left = Signal(self.params.number, reset_less=True)
        with m.State("DECIDE"):
            kept = self._quota + self._fixed
            self._rewind(m)
            with m.If(~count.valid | count.ready):
                m.d.sync += [count.p.eq(kept), count.valid.eq(1), left.eq(kept), token.eq(0)]
                m.next = "EMIT"
        with m.State("EMIT"):
            key = self._key(row.score)
            tie = key == self._cutoff
            ranks = (key > self._cutoff) | (tie & self._ties.any())
            keep = row.fixed | (row.valid & ranks)
            free = (~decisions.valid | decisions.ready) & (~indices.valid | indices.ready)
            m.d.comb += self._step.eq(free)
            m.d.comb += self._low.byte.eq(key[:_BYTE] if self._two_passes else key[_BYTE:])
            with m.If(free & self._fetched):
                m.d.comb += self._low.wipe.eq(1)
                m.d.sync += [
                    decisions.valid.eq(1),
                    decisions.p.data.keep.eq(keep),
                    decisions.p.data.valid.eq(row.valid),
                    decisions.p.data.score.eq(row.score),
                    decisions.p.last.eq(~self._reading),
                    indices.valid.eq(keep),
                    indices.p.data.eq(token),
                    indices.p.last.eq(left == 1),
                    token.eq(token + 1),
                    left.eq(left - keep),
                ]
                with m.If(tie & row.valid & ~row.fixed & ranks):
                    m.d.sync += self._ties.eq(self._ties - 1)
                with m.If(~self._reading):
                    m.next = "COMMAND"
