"""Requantize vectors of wide accumulators to narrow results, one vector a cycle."""

from amaranth import Module, Mux, Value, signed
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.requantize import STEP
from gemmule.hw.common.pipeline import delay, register
from gemmule.hw.common.shared import shared

from .lane import RequantizerLane
from .params import RequantizerParams

__all__ = ["Requantizer", "RequantizerParams"]


class Requantizer(wiring.Component):
    """Scale, round, offset and clamp the accumulators of a vector, each lane by its own scale.

    ``y = clamp(round(t * multiplier / 2**shift) + zero_point)`` with
    ``t = acc + offset - b_zero_point * row_sum``

    Rounded once, ties as :class:`golden.common.requantize.Rounding` says;
    :class:`golden.common.requantize.Requantization` defines every bit.
    :func:`golden.systolic.gemm.corrections` makes the offsets,
    :func:`golden.common.requantize.normalize_scale` the multipliers.

    After B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, section 2.2, with one rounding instead of
    gemmlowp's two, and with the fine shift moved into the multiplier, so that the multiplexers
    that follow only choose among bytes.

    What a vector is scaled by lies in the *bank* that it names; consecutive vectors may name
    different ones. A load serves the vectors that come in later cycles; a bank may be loaded again
    from the cycle in which the last vector that names it is at ``o``. ``zero_point``, ``low`` and
    ``high`` are numbers of one format of at most ``out_width`` bits.

    With ``row_scales``, ``y = clamp(round(t * multiplier * row_multiplier / 2**(shift + row_shift))
    + zero_point)``, still rounded once: a vector that is scaled ``by_row`` brings the row's factor
    (others have 1) and, unless the factors of the lanes count ``beside`` it, the offset too.
    The shifts' sum is at most ``max_shift``.

    With ``keeps``, ``acc`` of a vector is ``sums + kept``, or ``sums`` alone of a ``first`` one,
    and a result comes only of a ``final`` one: others leave ``kept_sum``. Where a memory keeps the
    sums, three cycles pass from reading one to reading it back.

    Latency: ``params.latency`` cycles. Throughput: one vector a cycle. Back-pressure: none, it
    runs free; whoever feeds it keeps room for what is in flight.

    Parameters
    ----------
    params : RequantizerParams
    meta : ShapeLike
        Shape of what travels along with each vector.

    Members
    -------
    load : In
        ``valid``; ``bank``; ``lanes`` ([lanes] x ``lane_layout``) and ``settings``
        (``settings_layout``).
    i : In
        ``valid``; ``bank``; ``sums`` ([lanes] x signed(input_width)); ``final``; ``meta``;
        ``first`` with ``keeps``; with ``row_scales`` also ``by_row``, ``beside`` (which counts
        only with ``by_row``) and ``row`` (``row_layout``). All lanes are scaled by ``row``:
        ``beside`` what their bank holds, with no offset of the row, or instead of it, with no
        zero point of b. The settings are the bank's all the same.
    kept : In([lanes] x signed(acc_width)); kept_sum : Out([lanes] x signed(acc_width))
        With ``keeps``, so many cycles after ``i`` as ``params.times`` says.
    row_sum : In(signed(row_sum_width))
        But not its least value; a cycle after ``i``, where there is a sum lane.
    o : Out
        ``valid``; ``data`` ([lanes] x signed(out_width)); ``meta``.
    """

    def __init__(self, params: RequantizerParams, meta: ShapeLike = 0):
        self.params = params
        kept = data.ArrayLayout(signed(params.acc_width), params.lanes)
        load = wiring.Signature({
            "valid": Out(1),
            "bank": Out(range(params.banks)),
            "lanes": Out(data.ArrayLayout(params.lane_layout, params.lanes)),
            "settings": Out(params.settings_layout),
        })
        by_row = {"by_row": Out(1), "beside": Out(1), "row": Out(params.row_layout)}
        vector = wiring.Signature({
            "valid": Out(1),
            "bank": Out(range(params.banks)),
            "sums": Out(data.ArrayLayout(signed(params.input_width), params.lanes)),
            "final": Out(1),
            "meta": Out(meta),
            **({"first": Out(1)} if params.keeps else {}),
            **(by_row if params.row_scales else {}),
        })
        result = wiring.Signature({
            "valid": Out(1),
            "data": Out(data.ArrayLayout(signed(params.out_width), params.lanes)),
            "meta": Out(meta),
        })
        super().__init__({
            "load": In(load),
            "i": In(vector),
            **({"kept": In(kept), "kept_sum": Out(kept)} if params.keeps else {}),
            **({"row_sum": In(signed(params.row_sum_width))} if params.row_sum_width else {}),
            "o": Out(result),
        })

    def elaborate(self, platform):
        m = Module()
        latency = self.params.latency
        valid = delay(m, "valid", self.i.valid & self.i.final, latency, reset=True)
        meta = delay(m, "meta", Value.cast(self.i.meta), latency)
        m.d.comb += [self.o.valid.eq(valid), Value.cast(self.o.meta).eq(meta)]
        self._lanes(m, self._settings(m) | self._controls(m))
        return m

    def _controls(self, m: Module) -> dict[str, Value]:
        """Return what every lane takes of the vector, each when it is taken."""
        names = ("first", "final") if self.params.keeps else ("final",)
        late = {
            name: delay(m, name, getattr(self.i, name), self.params.times[name]) for name in names
        }
        if self.params.row_scales:
            age = self.params.times["row_multiplier"]
            row = delay(m, "row_factor", self.i.row["multiplier"], age)
            by_row = delay(m, "row_factor_by_row", self.i.by_row, age)
            late["row_multiplier"] = Mux(by_row, row, 1 << STEP)
        return late | ({"row_sum": self.row_sum} if self.params.row_sum_width else {})

    def _settings(self, m: Module) -> dict[str, Value]:
        """Hold the settings of the vectors that are rounded and clamped, each when it is taken."""
        m.submodules.settings = memory = Memory(
            shape=self.params.settings_layout, depth=self.params.banks, init=[]
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.load.bank),
            write.data.eq(self.load.settings),
            write.en.eq(self.load.valid),
            read.addr.eq(delay(m, "settings_bank", self.i.bank, self.params.times["product"] - 1)),
        ]
        held = {f: register(m, f, read.data[f]) for f in self.params.settings_layout.members}
        low, out_width = held["low"], self.params.out_width
        span = register(m, "span", (held["high"] - low)[: out_width + 1])
        span = register(m, "span_taken", span)
        used = delay(m, "lanes_used", held["used"], 2)
        return {
            "rounding": held["rounding"],
            "base": register(m, "base", (held["zero_point"] - low)[: out_width + 1].as_signed()),
            "span": span,
            "span_held": register(m, "span_held", span),
            "low": delay(m, "clamp_low", low, 3),
            "used": [register(m, f"used_{n}", used > n) for n in range(self.params.lanes)],
        }

    def _fields(self, m: Module) -> dict[str, list[Value]]:
        """Return each lane's fields, from the vector's bank or its row, each when it is taken."""
        fields = {}
        for name, load in self.params.lane_layout.members.items():
            age = self.params.times[name.removeprefix("b_")]
            layout = data.ArrayLayout(load, self.params.lanes)
            m.submodules[f"{name}s"] = memory = Memory(
                shape=layout, depth=self.params.banks, init=[]
            )
            write, read = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(self.load.bank),
                *(write.data[n].eq(self.load.lanes[n][name]) for n in range(self.params.lanes)),
                write.en.eq(self.load.valid),
                read.addr.eq(delay(m, f"{name}_bank", self.i.bank, age)),
            ]
            fields[name] = [read.data[n] for n in range(self.params.lanes)]
            if self.params.row_scales:
                fields[name] = self._with_row(m, name, fields[name], age)
        fields["drop"] = [register(m, f"drop_{n}", each) for n, each in enumerate(fields["drop"])]
        return fields

    def _with_row(self, m: Module, name: str, columns: list[Value], age: int) -> list[Value]:
        """Return each lane's field where the row may scale the vector, beside or instead."""
        by_row = delay(m, f"{name}_by_row", self.i.by_row, age)
        instead = delay(m, f"{name}_instead", self.i.by_row & ~self.i.beside, age)
        if name == "multiplier":
            # A factor of one, normalized: the row's own is multiplied by in a product of its own.
            return [Mux(instead, 1 << STEP, each) for each in columns]
        if name == "b_zero_point":
            # They go with the offsets, of which rows that are alone have their own.
            return [Mux(instead, 0, each) for each in columns]
        row = delay(m, f"row_{name}", self.i.row[name], age)
        if name == "offset":
            return [Mux(instead, row, each) for each in columns]
        more = Mux(by_row, row, 0)
        return [(Mux(instead, 0, each) + more)[: len(each)] for each in columns]

    def _lanes(self, m: Module, common: dict[str, Value]) -> None:
        fields = self._fields(m)
        for n in range(self.params.lanes):
            lane = RequantizerLane(self.params)
            m.submodules[f"lane_{n}"] = shared(lane, self.params)
            mine = common | {name: values[n] for name, values in fields.items()}
            mine["used"] = common["used"][n]
            if self.params.keeps:
                mine["kept"] = self.kept[n]
                m.d.comb += self.kept_sum[n].eq(lane.kept_sum)
            m.d.comb += [
                lane.sums.eq(self.i.sums[n]),
                *(getattr(lane, name).eq(value) for name, value in mine.items()),
                self.o.data[n].eq(lane.out),
            ]
