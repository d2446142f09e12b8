"""The reductions that turn attention, or per-head scores, into one score a token."""

from amaranth import Module, Mux, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.tokens.faults import ScoreRefusal
from gemmule.hw.common.stream.payload import packet_stream, shape_of, vector
from gemmule.hw.common.stream.status import SideQueue, status_layout

from .gate import CommandGate, above
from .score.stage import PACKETS, ScoreStage
from .score_params import TokenScoreParams

__all__ = ["TokenScore"]


class TokenScore(wiring.Component):
    """Reduce attention, or weighted scores of heads, to one score a token.

    ``column_max``: ``previous[n] + sum_h max_q attention[h, q, n]``; sums of one row a head for
    class-token attention (divided by the heads) and for the first column; ``heatvit``: ``sum_h
    weight[n, h] * score[n, h] / sum_h weight[n, h]``. Quotients are rounded half to even, and 0
    where the weights sum to 0; results saturate. :mod:`golden.tokens.scores` defines every bit.

    ================= ======== ======= ==== =======
    score             weighted maximum mean carried
    ================= ======== ======= ==== =======
    class_attention   0        0       1    0
    column_max        0        1       0    0, 1
    first_column      0        0       0    0
    heatvit           1        0       0    0
    ================= ======== ======= ==== =======

    Order of beats: a command. Without ``weighted``, one packet of ``attention``: head by head, of a
    head row by row (``final_row + 1`` rows with ``maximum``, else one), of a row the tokens in
    their order, ``lanes`` a beat, the first in the low bits, filled up to a whole beat; and with
    ``carried`` one packet of ``previous``, a beat a token, taken while the scores come out. With
    ``weighted``, token by token one packet of ``pairs``, a beat a head. ``scores`` has a beat a
    token in their order.

    Wrong traffic: a command that is refused takes those packets with it (``final_token + 1`` of
    ``pairs``; none at all where ``heads`` is 0), and gives nothing but its status. A packet that
    ends early goes on as zeros; of one that goes on beyond its length, the rest is dropped up to
    and with its ``last``. Each is reported, of ``pairs`` whether any packet was.

    Source: CP-ViT (arXiv 2203.04570), EdgeQAT (X. Shen et al., "Entropy and Distribution Guided
    Quantization-Aware Training"), EViT (arXiv 2202.07800); the multi-head selector of HeatViT
    (arXiv 2211.08110), whose layers run on the `gemm` array and the nonlinear units: only the
    reductions are here.
    Latency: the first score 4 cycles after the last row, or after its last pair ``head width + 6``.
    Throughput: one beat of attention a cycle, then ``lanes`` scores in ``lanes + 1`` cycles, or
    where they are divided ``dividers`` in ``quotient width + 4``; one pair a cycle until the
    dividers are all busy.
    Back-pressure: rows and pairs wait while scores are not taken; ``status`` holds up nothing.

    Parameters
    ----------
    params : TokenScoreParams

    Members
    -------
    command : In(stream of {weighted, maximum, mean, carried, heads, final_row, final_token})
        ``weighted``: 1, pairs come, and ``maximum``, ``mean`` and ``final_row`` say nothing.
        ``maximum``: 1, a head's rows are reduced by maximum. ``mean``: 1, sums are divided by
        ``heads``. ``carried``: 1, ``previous`` is added to the sums. ``heads``: 1 to
        ``max_heads``. ``final_row``, ``final_token``: rows of a head and tokens, less one, below
        ``max_tokens``.
    attention : In(packet stream of [lanes] x attention_format)
        The rows of all heads.
    previous : In(packet stream of result)
        One a token.
    pairs : In(packet stream of {score, weight})
        The heads of one token are a packet.
    scores : Out(packet stream of result)
        One a token.
    status : Out(stream of {refused, attention, previous, pairs, lost})
        One a command, in order, once its last score is offered.
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
            "status": Out(stream.Signature(status_layout(ScoreRefusal, PACKETS))),
        })

    def elaborate(self, platform):
        m = Module()
        params, run = self.params, self.command.p
        m.submodules.stage = stage = ScoreStage(params)
        streams = {name: getattr(self, name).p.shape() for name in PACKETS}
        tokens = unsigned(len(run.final_token) + 1)  # also of one that is refused
        gate = CommandGate(params.command, ScoreRefusal, streams, {"pairs": tokens})
        m.submodules.gate = gate
        connect(m, flipped(self.command), gate.command)
        connect(m, gate.go, stage.command)
        for name in PACKETS:
            connect(m, flipped(getattr(self, name)), getattr(gate.i, name))
            connect(m, getattr(gate.o, name), getattr(stage, name))
        connect(m, stage.scores, flipped(self.scores))
        some = run.heads.any()
        m.d.comb += [
            gate.verdict.eq(_refusal(params, run)),
            gate.drop.attention.eq(some & ~run.weighted),
            gate.drop.previous.eq(some & run.carried),
            gate.drop.pairs.eq(Mux(some & run.weighted, run.final_token + 1, 0)),
            gate.idle.eq(stage.idle),
        ]
        m.submodules.statuses = statuses = SideQueue(self.status.p.shape())
        connect(m, statuses.o, flipped(self.status))
        m.d.comb += [
            statuses.i.valid.eq(stage.done | gate.done),
            statuses.i.p.refused.eq(gate.refused),
        ]
        with m.If(stage.done):
            m.d.comb += [statuses.i.p[name].eq(stage.faults[name]) for name in PACKETS]
        return m


def _refusal(params: TokenScoreParams, run: data.View) -> Value:
    """Tell what is wrong with a command; the last verdict counts."""
    why, most = ScoreRefusal, params.max_tokens - 1
    many = above(run.final_token, most) | (run.maximum & ~run.weighted & above(run.final_row, most))
    of_signed = run.mean & ~run.weighted if params.attention_format.signed else 0
    verdict = why.NONE.value
    for wrong, code in (
        (of_signed, why.SIGNED),
        (run.carried & (run.mean | run.weighted), why.CARRIED),
        (many, why.TOKENS),
        (above(run.heads, params.max_heads), why.HEADS),
        (run.heads == 0, why.NO_HEADS),
    ):
        verdict = Mux(wrong, code.value, verdict)
    return verdict
