"""Reads what a command says of its steps, and tells whether the unit can do that."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import STEP, Rounding
from gemmule.golden.nonlinear.softmax import DELTA_FRAC
from gemmule.golden.soc.commands import NO_B, SIGNS, TRANSPOSED, VECTOR, Combine
from gemmule.golden.soc.functions import NORMS, ROW_FUNCTIONS, code_of
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.soc.control.layouts import record_layout
from gemmule.hw.soc.dma.request import read_stream, request_layout

from .layouts import combine_layout, scale_layout
from .params import COMBINED, SMALL, WHOLE, VectorUnitParams

__all__ = ["Record", "illegal", "scales"]

LARGEST = 1
"""The exponent of the bytes of an element of one of two operands, at most."""


def illegal(m: Module, params: VectorUnitParams, record, sizes: Value, columns: Value) -> Value:
    """Tell a cycle later whether settings are illegal: :func:`golden.soc.vector.vector` says which.

    ``sizes`` are the command's, ``columns`` a row's elements.
    """
    a_size, b_size = sizes[:2], sizes[2:4]
    combine, function = record.combine, record.function
    two = (combine != Combine.NONE) & (combine != Combine.MASK)
    is_one = {name: function == code_of(name).value for name in params.functions}
    of_rows = _any(is_one[name] for name in ROW_FUNCTIONS if name in is_one)
    norm = _any(is_one[name] for name in NORMS if name in is_one)
    softmax = is_one.get("softmax", Const(0))
    long = wire(m, "long", columns > params.max_length)
    wide = [params.epsilon_width(name) for name in params.norms]
    small = ("a_zero_point", "b_zero_point", "a_multiplier", "b_multiplier")
    faults = [
        combine > max(Combine),
        (function != 0) & ~_any(is_one.values()),
        (combine != Combine.NONE) ^ (b_size != NO_B),
        (sizes & TRANSPOSED).any() ^ is_one.get("transpose", Const(0)),
        (sizes & TRANSPOSED).any() & (b_size != NO_B),
        two & (a_size > LARGEST),
        (b_size != NO_B) & (b_size > LARGEST),
        (combine == Combine.MASK) & ~softmax,
        record.rounding > max(Rounding),
        record.signs[len(SIGNS) + 1 :].any() | (record.signs[len(SIGNS)] & ~softmax),
        record.reserved.any(),
        *(_beyond(record[name], SMALL) for name in small),
        *(
            record[name][params.multiplier_width :].any()
            for name in ("multiplier", "result_multiplier")
        ),
        *(record[name] > params.max_shift for name in ("shift", "result_shift")),
        record.low > record.high,
        of_rows & long,
        softmax & (record.delta > 1 << DELTA_FRAC),
        norm & record.epsilon[min(wide, default=0) :].any(),
    ]
    seen = [register(m, f"fault_{n}", fault) for n, fault in enumerate(faults)]
    return Cat(seen).any()


def scales(m: Module, params: VectorUnitParams, record) -> tuple[Value, Value, Value]:
    """Return three cycles later how operands are combined, and how both stages scale."""
    how = Signal(combine_layout(), name="how")
    m.d.comb += [how[name].eq(record[name]) for name in how.shape().members if name != "two"]
    before, after = (
        Signal(scale_layout(params.scale(width)), name=name)
        for name, width in (("before", COMBINED), ("after", WHOLE))
    )
    limits = params.formats("none")[0]
    low, high = Signal.like(before.low, init=limits.low), Signal.like(before.low, init=limits.high)
    with m.Switch(record.function):
        for name in params.blocks:
            taken = params.formats(name)[0]
            with m.Case(code_of(name).value):
                m.d.sync += [low.eq(taken.low), high.eq(taken.high)]
        with m.Default():
            m.d.sync += [low.eq(limits.low), high.eq(limits.high)]
    _scale(m, params, before, record, "", record.offset, low, high)
    _scale(m, params, after, record, "result_", record.zero_point, record.low, record.high)
    return how, before, after


def _scale(m, params, scale, record, prefix: str, zero_point, low, high) -> None:
    """Do as :func:`golden.common.requantize.normalize_scale`: whole steps, then the rest."""
    shift, multiplier = record[f"{prefix}shift"], record[f"{prefix}multiplier"]
    log = STEP.bit_length() - 1
    shifted = (multiplier[: params.multiplier_width] << STEP) >> shift[:log]
    m.d.sync += [
        scale.multiplier.eq(shifted),
        scale.drop.eq(shift[log:]),
        scale.base.eq(zero_point - low),
        scale.span.eq(high - low),
        scale.low.eq(low),
    ]
    m.d.comb += scale.rounding.eq(record.rounding)


def _any(bits) -> Value:
    return Cat(*bits).any()


def _beyond(value: Value, width: int) -> Value:
    """Tell whether a signed number has more bits."""
    top = value[width - 1 :]
    return top.any() & ~top.all()


class Record(wiring.Component):
    """Read the record of a command.

    Latency: memory's, and a cycle for each vector. Errors: told with the vector.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    start : In(1); base : In(address_width)
    request : Out(stream of ``request_layout``), data : In(``read_stream``)
    record : Out(:func:`~gemmule.hw.soc.control.layouts.record_layout`), from ``there`` on
    there : Out(1), the record is here now
    fault : Out(1), a vector has an error
    """

    def __init__(self, params: VectorUnitParams):
        self.params = params
        super().__init__({
            "start": In(1),
            "base": In(params.address_width),
            "request": Out(stream.Signature(request_layout(params.address_width))),
            "data": In(read_stream(8 * params.settings_vector)),
            "record": Out(record_layout(VECTOR, reserved=True)),
            "there": Out(1),
            "fault": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        size = VECTOR.size
        asks = Signal()
        held = self.record.as_value()
        take = wire(m, "take", self.data.valid)
        m.d.sync += asks.eq(self.start | (asks & ~self.request.ready))
        m.d.comb += [
            self.request.valid.eq(asks),
            self.request.p.address.eq(self.base),
            self.request.p.length.eq(size),
            self.data.ready.eq(1),
            self.fault.eq(take & self.data.p.error),
        ]
        m.d.sync += self.there.eq(take & self.data.p.last)
        with m.If(take):
            m.d.sync += held.eq(Cat(held, self.data.p.data[: 8 * size])[-8 * size :])
        return m
