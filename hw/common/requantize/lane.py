"""One lane of a :class:`Requantizer`."""

from amaranth import Array, Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import STEP, Rounding
from gemmule.hw.common.fixed import add_carry
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.tech.product import product_of
from gemmule.hw.tech.total import total_of

from .params import RequantizerParams

__all__ = ["RequantizerLane"]


class RequantizerLane(wiring.Component):
    """The datapath of one lane; its :class:`Requantizer` says what it computes.

    Sum and product are parts of their own, in logic or in DSP blocks. What is behind them is the
    same: every stage is one choice or one adder. The quotient is clamped as its distance from
    ``low``: ``low + min(max(quotient + zero_point - low, 0), high - low)``.

    Latency: ``params.latency`` cycles from ``sums`` to ``out``; the others enter as
    ``params.times`` says or, where it does not name them, so many cycles after the product as
    noted.

    Members
    -------
    sums : In(signed(input_width))
    kept : In(signed(acc_width)); first : In(1), with ``keeps``
    final : In(1)
    offset, b_zero_point, multiplier : In, as of ``lane_layout``
    row_multiplier : In, as ``multiplier``, with ``row_scales``
    row_sum : In(signed(row_sum_width))
    drop : In
        0 cycles after the product, as ``rounding``.
    rounding : In(Rounding)
    base : In(signed(out_width + 1))
        1 cycle: ``zero_point - low``.
    span : In(unsigned(out_width + 1))
        2 cycles: ``high - low``.
    low : In(signed(out_width + 1)); span_held : In(unsigned(out_width + 1)); used : In(1)
        3 cycles: ``span`` once more; ``out`` is 0 without ``used``.
    kept_sum : Out(signed(acc_width))
    out : Out(signed(out_width))
    """

    def __init__(self, params: RequantizerParams):
        self.params = params
        number, lane = signed(params.out_width + 1), params.lane_layout
        row_sum = {}
        if params.row_sum_width:
            row_sum = {
                "row_sum": In(signed(params.row_sum_width)),
                "b_zero_point": In(lane["b_zero_point"].shape),
            }
        by_row = {"row_multiplier": In(lane["multiplier"].shape)} if params.row_scales else {}
        super().__init__({
            "sums": In(signed(params.input_width)),
            **({"kept": In(signed(params.acc_width)), "first": In(1)} if params.keeps else {}),
            "final": In(1),
            **{name: In(lane[name].shape) for name in ("offset", "multiplier", "drop")},
            **row_sum,
            **by_row,
            "rounding": In(Shape.cast(Rounding)),
            "base": In(number),
            "span": In(params.out_width + 1),
            "span_held": In(params.out_width + 1),
            "low": In(number),
            "used": In(1),
            "kept_sum": Out(signed(params.acc_width)),
            "out": Out(signed(params.out_width)),
        })

    def elaborate(self, platform):
        m = Module()
        product = self._product(m, self._total(m))
        quotient, up, outside, negative = self._quotient(m, product)
        self._clamped(m, quotient, up, outside, negative)
        return m

    def _total(self, m: Module) -> Value:
        m.submodules.total = total = total_of(self.params)
        m.d.comb += [
            total.sums.eq(self.sums),
            total.final.eq(self.final),
            total.offset.eq(self.offset),
            self.kept_sum.eq(total.kept_sum),
        ]
        if self.params.keeps:
            m.d.comb += [total.kept.eq(self.kept), total.first.eq(self.first)]
        if self.params.row_sum_width:
            m.d.comb += [total.zero_point.eq(self.b_zero_point), total.row_sum.eq(self.row_sum)]
        return total.total

    def _product(self, m: Module, total: Value) -> Signal:
        m.submodules.product = product = product_of(self.params.product)
        m.d.comb += [product.number.eq(total), product.factor.eq(self.multiplier)]
        if not self.params.row_product:
            return product.product
        m.submodules.row_product = row_product = product_of(self.params.row_product)
        m.d.comb += [
            row_product.number.eq(product.product),
            row_product.factor.eq(self.row_multiplier),
        ]
        return row_product.product

    def _quotient(self, m: Module, product: Signal) -> tuple[Value, Value, Value, Value]:
        """Return the bits that stay, as far as a result can need them, and whether they round up.

        Where the quotient is ``outside`` its bits, only its sign counts. Of the coarse shift, the
        lowest bit is left to the adder behind it.
        """
        width, drops, drop = self.params.out_width + 1, self.params.drops, self.drop
        ends = [self.params.least_shift + STEP * n for n in range(drops)]
        sign, missing = product[-1], ends[-1] + width + STEP - len(product)
        wide = Cat(product, sign.replicate(missing)) if missing > 0 else product.as_unsigned()
        below, above = [Const(0, 1)], [Const(0, 1)]
        for n, end in enumerate(ends):
            # What is below the half, and what lies between this quotient's bits and the next's.
            lower = below[-1] | wide[end - STEP - 1] if n else Const(0, 1)
            since = end - STEP if n else 0
            below.append(wire(m, f"below_{n}", lower | wide[since : end - 1].any()))
        for n, end in reversed(list(enumerate(ends))):
            top = wide[end + width - 1 :] if n == drops - 1 else wide[end + width - 1 :][:STEP]
            differs = (top ^ sign.replicate(len(top))).any()
            above.append(wire(m, f"above_{n}", above[-1] | differs))
        above = above[:0:-1]

        def choose(name: str, parts: list[Value], by: Value) -> Signal:
            chosen = Array(parts)[by] if len(parts) > 1 else parts[0]
            return register(m, name, wire(m, f"next_{name}", chosen))

        coarse = [wide[end : end + width + STEP] for end in ends[::2]]
        kept = choose("kept_bits", coarse, drop[1:])
        fine = register(m, "fine", drop[0])
        half = wire(m, "half", Array([wide[end - 1] for end in ends])[drop])
        rest = wire(m, "rest", Array(below[1:])[drop])
        even, upward = self.rounding == Rounding.HALF_EVEN, self.rounding == Rounding.HALF_UP
        sure = register(m, "sure", half & (rest | upward | ~(even | sign)))
        perhaps = register(m, "perhaps", half & even)
        outside, negative = choose("outside", above, drop), register(m, "negative", sign)
        quotient = wire(m, "quotient", Mux(fine, kept[STEP:], kept[:width]).as_signed())
        up = wire(m, "up", sure | (perhaps & quotient[0]))
        return quotient, up, outside, negative

    def _clamped(
        self, m: Module, quotient: Value, up: Value, outside: Value, negative: Value
    ) -> None:
        """Add the zero point, clamp."""
        distance = register(m, "distance", add_carry(self.base, quotient, up))
        over = register(m, "over", outside & ~negative)
        under = register(m, "under", outside & negative)

        # A distance below 0 has its own flag, so that its sign need not be compared.
        beyond = register(m, "beyond", self.span < distance[: self.params.out_width + 1])
        held = register(m, "distance_held", distance[: self.params.out_width])
        above = register(m, "above", over)
        least = register(m, "is_low", under | (distance[-1] & ~over))

        high = wire(m, "is_high", above | (beyond & ~least))
        span = self.span_held
        above_low = Mux(high, span, Mux(least, 0, held))
        result = (self.low + above_low)[: self.params.out_width]
        m.d.comb += self.out.eq(register(m, "result", Mux(self.used, result, 0)))
