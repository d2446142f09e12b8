"""Choose tokens by threshold or by rank, without sorting."""

from amaranth import Module, Mux, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.tokens.faults import SelectRefusal
from gemmule.golden.tokens.selection import ratio_bits
from gemmule.hw.common.stream.payload import packet, packet_stream
from gemmule.hw.common.stream.status import SideQueue, status_layout

from .gate import CommandGate, above
from .params import TokenSelectParams
from .select.stage import SelectStage

__all__ = ["TokenSelect", "select_refusal"]


class TokenSelect(wiring.Component):
    """Keep the tokens whose scores reach a threshold, or the highest-ranked ones.

    ``keep[i] = i < protect or (candidate[i] and score[i] ranks among the first quota)``, where a
    candidate is valid, not protected and reaches ``threshold``, equal scores go by index, the lower
    first, and ``quota = min(keep, ceil(ratio * candidates))``. With ``ties``, candidates that equal
    the last of these are kept as well. Every policy is a case of that:

    ========= =========== ========== ============ ====
    policy    threshold   keep       ratio        ties
    ========= =========== ========== ============ ====
    threshold T           max_tokens 1.0          0
    topk      least score n          1.0          0
    fraction  least score max_tokens f, see below 0
    cpvit     least score max_tokens 1 - rho      1
    ========= =========== ========== ============ ====

    A ratio has ``b = 2 * ceil(log2(max_tokens)) + 2`` bits behind its point. So that
    ``ceil(ratio * n)`` is exact for every n, take ``floor(f * 2**b)`` and, if that is too small for
    an n up to ``max_tokens``, one more.

    Order of beats: a command, then its packet of scores, whose length is the number of tokens, 1 to
    ``max_tokens``. Out come ``count``, then a decision a token in the order of the scores, and
    beside these the numbers of those that are kept. All streams but these two move on their own.

    Wrong traffic: a command that is refused takes one packet of scores with it, and gives nothing
    but its status. A packet of more than ``max_tokens`` scores is cut there, dropped up to and with
    its ``last``, and reported as ``scores.late``; any shorter one is legal. ``keep`` and
    ``protect`` may be larger than the number of tokens: all are kept.

    Source: the policies of HeatViT (arXiv 2211.08110), SPViT (ECCV 2022), EViT (arXiv
    2202.07800) and CP-ViT (arXiv 2203.04570); the way to select is ours.
    Latency: ``count`` is offered at most 2 N + 128 cycles after the first of N scores is taken
    (N + 64 for up to 8 bits), the last decision at most 3 N + 128, whatever the scores. After a
    reset, counters are swept for 512 cycles (256 for up to 8 bits) before the first command.
    Throughput: one score a cycle in, one decision a cycle out, stages in turn.
    Back-pressure: ``decisions`` and ``indices`` advance together; ``count`` holds up the next
    stage's decision only; ``status`` holds up nothing.

    Parameters
    ----------
    params : TokenSelectParams

    Members
    -------
    command : In(stream of {threshold, keep, ratio, protect, ties})
        One a stage. ``threshold``: the least score of a candidate. ``keep``: tokens, 0 to
        ``max_tokens``, greater ones count as that. ``ratio``: of the candidates that may stay, 0 to
        1.0. ``protect``: that many first tokens are always kept and not counted. ``ties``: 0 or 1.
    scores : In(packet stream of {score, valid})
        One a token; ``valid`` 0 is a token that does not count.
    decisions : Out(packet stream of {keep, valid, score})
        One a token.
    indices : Out(packet stream of index)
        Of the kept tokens, ascending, the first token is 0; none where ``count`` is 0.
    count : Out(stream of number)
        How many tokens are kept, known before ``indices`` begins.
    status : Out(stream of {refused, scores, lost})
        One a command, in order, once its last decision is offered.
    """

    def __init__(self, params: TokenSelectParams):
        self.params = params
        super().__init__({
            "command": In(stream.Signature(params.select_command)),
            "scores": In(packet_stream(params.score)),
            "decisions": Out(packet_stream(params.decision)),
            "indices": Out(packet_stream(params.index)),
            "count": Out(stream.Signature(params.number)),
            "status": Out(stream.Signature(status_layout(SelectRefusal, ("scores",)))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.stage = stage = SelectStage(self.params)
        streams = {"scores": packet(self.params.score)}
        m.submodules.gate = gate = CommandGate(self.command.p.shape(), SelectRefusal, streams)
        m.submodules.statuses = statuses = SideQueue(self.status.p.shape())
        connect(m, flipped(self.command), gate.command)
        connect(m, flipped(self.scores), gate.i.scores)
        connect(m, gate.go, stage.command)
        connect(m, gate.o.scores, stage.scores)
        for name in ("decisions", "indices", "count"):
            connect(m, getattr(stage, name), flipped(getattr(self, name)))
        connect(m, statuses.o, flipped(self.status))
        m.d.comb += [
            gate.verdict.eq(select_refusal(self.params, self.command.p)),
            gate.drop.scores.eq(1),
            gate.idle.eq(stage.idle),
            statuses.i.valid.eq(stage.done | gate.done),
            statuses.i.p.refused.eq(gate.refused),
            statuses.i.p.scores.late.eq(stage.done & stage.late),
        ]
        return m


def select_refusal(params: TokenSelectParams, command: data.View) -> Value:
    """Tell what is wrong with a select command."""
    large = above(command.ratio, 1 << ratio_bits(params.max_tokens))
    return Mux(large, SelectRefusal.RATIO.value, SelectRefusal.NONE.value)
