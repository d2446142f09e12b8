"""From sums to the package token: divided, or saturated."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.packing import PACKAGE_WIDTH
from gemmule.hw.common.stream.payload import packet_stream, shape_of, vector
from gemmule.hw.tokens.divider import Divider
from gemmule.hw.tokens.params import TokenPackParams

__all__ = ["Packager", "pick"]


class Packager(wiring.Component):
    """Turn the accumulated sums into a package token, a few lanes at a time.

    ``mean``: ``round_half_even(sum / weight)``; otherwise the sum, saturated to 32 bits. Both are
    zeros where the weights sum to 0. One divider serves ``lanes / dividers`` lanes in turn: the
    package is needed once a stage, so its divisions stay off the critical stream.

    Latency: a beat takes ``lanes / dividers * (token width + 2) + 3`` cycles where it is divided,
    ``lanes / dividers + 3`` where not. Back-pressure: waits at each beat of ``package``.

    Parameters
    ----------
    params : TokenPackParams

    Members
    -------
    start : In(1)
    mean : In(1)
    weight : In(weight)
    final : In(beat)
        The last beat's number. All are held from ``start`` to ``done``.
    fetch : Out(1)
    beat : Out(beat)
        To an accumulator, whose ``sums`` follow in the next cycle and hold.
    sums : In([lanes] x total)
    package : Out(packet stream of [lanes] x signed(32))
    done : Out(1)
    """

    def __init__(self, params: TokenPackParams):
        self.params = params
        package = Format(True, PACKAGE_WIDTH)
        super().__init__({
            "start": In(1),
            "mean": In(1),
            "weight": In(params.weight),
            "final": In(params.beat),
            "fetch": Out(1),
            "beat": Out(params.beat),
            "sums": In(data.ArrayLayout(params.total, params.lanes)),
            "package": Out(packet_stream(vector(package, params.lanes))),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        divisor = self.params.dividers
        turn = Signal(range(self.params.lanes // divisor + 1))
        start, shift = Signal(), Signal()

        # The lanes whose turn it is: a mean's are taken at `start`, a sum's at `shift`.
        groups = [
            Cat(Value.cast(self.sums[lane + each]) for each in range(divisor))
            for lane in range(0, self.params.lanes, divisor)
        ]
        chosen = data.View(data.ArrayLayout(self.params.total, divisor), pick(groups, turn))
        results, done = [], None
        for lane in range(divisor):
            mean, done = self._mean(m, lane, chosen[lane], start)
            results.append(Mux(self.mean, mean, self._sum(m, lane, chosen[lane])))
        self._collect(m, shift, results)
        self._control(m, turn, start, shift, done)
        return m

    def _mean(self, m: Module, lane: int, total: Value, start: Value) -> tuple[Value, Value]:
        divider = Divider(shape_of(self.params.token_format), self.params.weight)
        m.submodules[f"divider_{lane}"] = divider
        m.d.comb += [
            divider.start.eq(start),
            divider.numerator.eq(total),
            divider.denominator.eq(self.weight),
        ]
        return divider.quotient, divider.done

    def _sum(self, m: Module, lane: int, total: Value) -> Value:
        """Return the nearest integer of the package's width."""
        spare = total.shape().width - PACKAGE_WIDTH
        if spare < (not total.shape().signed):
            return total
        sign = total[-1] & total.shape().signed
        top = total[PACKAGE_WIDTH - 1 :]
        over = Signal(name=f"over_{lane}")
        m.d.comb += over.eq(top.any() & ~(top.all() & total.shape().signed))
        limit = Cat((~sign).replicate(PACKAGE_WIDTH - 1), sign)
        return Mux(over, limit, total[:PACKAGE_WIDTH])

    def _collect(self, m: Module, shift: Value, results: list[Value]) -> None:
        """Shift results into the package, a register; the first lanes end in the low bits."""
        package = self.package.p.data
        # One signal a lane: as slices of one they would read each other's bits where a narrow
        # result is extended, which Verilator takes for a loop.
        new = [Signal(signed(PACKAGE_WIDTH), name=f"new_{lane}") for lane in range(len(results))]
        for lane, result in zip(new, results, strict=True):
            # Where nothing was dropped, the memory holds another stage's sums.
            m.d.comb += lane.eq(Mux(self.weight.any(), result, 0))
        kept = package.as_value()[PACKAGE_WIDTH * len(new) :]
        with m.If(shift):
            m.d.sync += package.as_value().eq(Cat(kept, *new))

    def _control(
        self, m: Module, turn: Signal, start: Signal, shift: Signal, divided: Value
    ) -> None:
        steps = self.params.lanes // self.params.dividers
        beat = Signal.like(self.beat)
        m.d.comb += self.beat.eq(beat)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += beat.eq(0)
                with m.If(self.start):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += self.fetch.eq(1)
                m.d.sync += [turn.eq(0), self.package.p.last.eq(beat == self.final)]
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += start.eq(self.mean)
                with m.If(self.mean):
                    m.d.sync += turn.eq(1)
                m.next = "WORK"
            with m.State("WORK"):
                m.d.comb += shift.eq(divided | ~self.mean)
                with m.If(shift):
                    m.d.comb += start.eq(self.mean & (turn != steps))
                    m.d.sync += turn.eq(turn + 1)
                    with m.If(turn == Mux(self.mean, steps, steps - 1)):
                        m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.package.valid.eq(1)
                with m.If(self.package.ready):
                    m.d.sync += beat.eq(beat + 1)
                    m.next = "FETCH"
                    with m.If(self.package.p.last):
                        m.d.comb += self.done.eq(1)
                        m.next = "IDLE"


def pick(choices: list[Value], index: Value) -> Value:
    """Return ``choices[index]`` as a tree of two-way choices: what LUTs do best."""
    if len(choices) == 1:
        return choices[0]
    pairs = [
        Mux(index[0], *reversed(choices[place : place + 2])) if place + 1 < len(choices)
        else choices[place]
        for place in range(0, len(choices), 2)
    ]  # fmt: skip
    return pick(pairs, index[1:])
