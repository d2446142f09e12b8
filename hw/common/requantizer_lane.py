"""One lane of a :class:`Requantizer`."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import STEP, Rounding, sum_width

from .fixed import add_carry
from .pipeline import delay, register, wire
from .requantizer_params import CHUNK, RequantizerParams

__all__ = ["RequantizerLane"]


class RequantizerLane(wiring.Component):
    """The datapath of one lane; its :class:`Requantizer` says what it computes.

    Every stage is one adder, one multiplier or one choice, and the form is that of DSP blocks:
    each chunk of the sum is multiplied, registered, and added to what the last chunk carries on.

    Latency: ``params.latency`` cycles from ``acc`` to ``out``; the others enter where they are
    needed, as noted.

    Members
    -------
    write, write_bank, fields : In
        Write ``fields`` (``lane_layout``) into a bank.
    acc : In(signed(acc_width))
    offset_bank, multiplier_bank, drop_bank : In
        Where to read a field: with ``acc``; a cycle before the sum and before the product.
    row, by_row : In
        With ``row_scales``: a field of ``row_layout`` to take instead, and whether to; each when
        its bank is read.
    minus_row_sum : In(signed(row_sum_width))
        A cycle after ``acc``.
    rounding, zero_point, below, above : In
        A cycle after the product.
    low, high : In
        A cycle after ``zero_point``.
    out : Out(signed(out_width))
    """

    def __init__(self, params: RequantizerParams):
        self.params = params
        bank, number = range(params.banks), signed(params.out_width + 1)
        row_sum = {}
        if params.row_sum_width:
            row_sum["minus_row_sum"] = In(signed(params.row_sum_width))
        row_scales = {}
        if params.row_scales:
            row_scales = {"row": In(params.row_layout), "by_row": In(params.by_row_layout)}
        super().__init__({
            "write": In(1),
            "write_bank": In(bank),
            "fields": In(params.lane_layout),
            "acc": In(signed(params.acc_width)),
            "offset_bank": In(bank),
            "multiplier_bank": In(bank),
            "drop_bank": In(bank),
            "rounding": In(Rounding),
            "zero_point": In(number),
            "below": In(signed(params.out_width + 2)),
            "above": In(signed(params.out_width + 2)),
            "low": In(number),
            "high": In(number),
            "out": Out(signed(params.out_width)),
            **row_sum,
            **row_scales,
        })

    def elaborate(self, platform):
        m = Module()
        self._result(m, self._product(m, self._sum(m)))
        return m

    def _field(self, m: Module, name: str, bank: Value) -> Signal:
        """A register that holds one field of ``bank``, or of the row."""
        load = self.fields[name]
        m.submodules[f"{name}s"] = memory = Memory(
            shape=load.shape(), depth=self.params.banks, init=[]
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.write_bank),
            write.data.eq(load),
            write.en.eq(self.write),
            read.addr.eq(bank),
        ]
        field = read.data
        if self.params.row_scales:
            # Only columns have zero points of b: they go with the offsets.
            by_row = self.by_row["offset" if name == "b_zero_point" else name]
            field = Mux(by_row, 0 if name == "b_zero_point" else self.row[name], field)
        return register(m, name, field)

    def _sum(self, m: Module) -> Signal:
        """``acc + offset - b_zero_point * row_sum``: terms may be wider, but not their sum."""
        width = sum_width(self.params.acc_width)
        acc = register(m, "held", self.acc)
        offset = self._field(m, "offset", self.offset_bank)
        total = register(m, "biased", (acc + offset)[:width].as_signed())
        if self.params.row_sum_width:
            zero_point = self._field(m, "b_zero_point", self.offset_bank)
            correction = register(m, "correction", zero_point * self.minus_row_sum)
            total = register(m, "corrected", (total + correction)[:width].as_signed())
        return total

    def _product(self, m: Module, total: Signal) -> Signal:
        """``total * multiplier``, a chunk a cycle; each adds what the last one carries on."""
        multiplier = self._field(m, "multiplier", self.multiplier_bank)
        last = self.params.chunks - 1
        carry, done, width = Const(0, 0), [], len(total) + len(multiplier)
        for n in range(last + 1):
            chunk = total[CHUNK * n :].as_signed() if n == last else total[CHUNK * n :][:CHUNK]
            chunk = delay(m, f"chunk_{n}", chunk, n)
            partial = register(m, f"partial_{n}", chunk * multiplier)
            added = register(m, f"added_{n}", (partial + carry)[: width - CHUNK * n])
            done.append(delay(m, f"done_{n}", added if n == last else added[:CHUNK], last - n))
            carry = added[CHUNK:]
            if n < last:
                multiplier = register(m, f"multiplier_{n}", multiplier)
        return wire(m, "product", Cat(done).as_signed())

    def _result(self, m: Module, product: Signal) -> None:
        """Choose the bytes that stay, round, add the zero point, clamp."""
        drop = self._field(m, "drop", self.drop_bank)
        width = self.params.out_width + 1
        ends = [STEP * (n + 1) for n in range(self.params.drops)]
        wide = product.as_unsigned()
        if len(product) < ends[-1] + width:
            wide = Cat(product, product[-1].replicate(ends[-1] + width - len(product)))

        def choose(name: str, parts: list[Value]) -> Signal:
            return register(m, name, wire(m, f"next_{name}", Array(parts)[drop]))

        # `half` is the first bit dropped, `rest` whether any other was set. Where the quotient is
        # `outside` its register, only its sign counts.
        floor = choose("floor", [wide[end : end + width].as_signed() for end in ends])
        half = choose("half", [wide[end - 1] for end in ends])
        rest = choose("rest", [wide[: end - 1].any() for end in ends])
        tops = [wide[end + width - 1 :] for end in ends]
        outside = choose("outside", [top.any() & ~top.all() for top in tops])
        negative = register(m, "negative", product[-1])
        tie_up = Signal()

        with m.Switch(self.rounding):
            with m.Case(Rounding.HALF_EVEN):
                m.d.comb += tie_up.eq(floor[0])
            with m.Case(Rounding.HALF_UP):
                m.d.comb += tie_up.eq(1)
            with m.Default():
                m.d.comb += tie_up.eq(~negative)
        up = wire(m, "up", half & (rest | tie_up))
        shifted = register(m, "shifted", add_carry(floor, self.zero_point, up))
        below = register(m, "below_sum", add_carry(floor, self.below, up))
        above = register(m, "above_sum", add_carry(floor, self.above, up))
        clamped = register(m, "clamped", outside)
        low = wire(m, "is_low", Mux(clamped, register(m, "was_negative", negative), below < 0))
        high = wire(m, "is_high", ~low & (clamped | (above >= 0)))
        result = Mux(low, self.low, Mux(high, self.high, shifted))
        m.d.comb += self.out.eq(register(m, "result", result[: self.params.out_width].as_signed()))
