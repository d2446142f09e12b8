"""Requantize vectors of wide accumulators to narrow results, one vector a cycle."""

from amaranth import Module, Signal, Value, signed
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .pipeline import delay, register
from .requantizer_lane import RequantizerLane
from .requantizer_params import RequantizerParams
from .shared import shared

__all__ = ["Requantizer", "RequantizerParams"]


class Requantizer(wiring.Component):
    """Scale, round, offset and clamp the accumulators of a vector, each lane by its own scale.

    ``y = clamp(round(t * multiplier / 2**shift) + zero_point)`` with
    ``t = acc + offset - b_zero_point * row_sum``

    Rounded once, ties as `golden.common.requantize.Rounding` says;
    :class:`golden.common.requantize.Requantization` defines every bit.
    ``golden.systolic.gemm.corrections`` makes the offsets, ``golden.common.requantize.fold`` the
    multipliers.

    After B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, section 2.2, with one rounding instead of
    gemmlowp's two, and with the fine shift folded into the multiplier, so that the multiplexers
    that follow only choose among bytes.

    What a vector is scaled by lies in the *bank* that it names; consecutive vectors may name
    different ones. A load serves the vectors that come in later cycles; a bank may be loaded again
    from the cycle in which the last vector that names it is at ``o``. ``zero_point``, ``low`` and
    ``high`` are numbers of one format of at most ``out_width`` bits.

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
        ``valid``; ``bank``; ``select``, a bit for each lane that is to be written;
        ``lanes`` ([lanes] x ``lane_layout``) and ``settings`` (``settings_layout``).
    i : In
        ``valid``; ``bank``; ``acc`` ([lanes] x signed(acc_width)); ``row_sum``
        (signed(row_sum_width), but not its least value), where there is a sum lane; ``meta``; with
        ``row_scales`` also ``by_row`` and ``row`` (``row_layout``), which all lanes are scaled by
        instead, without a zero point of b. The settings are the bank's all the same.
    o : Out
        ``valid``; ``data`` ([lanes] x signed(out_width)); ``meta``.
    """

    def __init__(self, params: RequantizerParams, meta: ShapeLike = 0):
        self.params = params
        row_sum = {"row_sum": Out(signed(params.row_sum_width))} if params.row_sum_width else {}
        load = wiring.Signature({
            "valid": Out(1),
            "bank": Out(range(params.banks)),
            "select": Out(params.lanes),
            "lanes": Out(data.ArrayLayout(params.lane_layout, params.lanes)),
            "settings": Out(params.settings_layout),
        })
        vector = wiring.Signature({
            "valid": Out(1),
            "bank": Out(range(params.banks)),
            "acc": Out(data.ArrayLayout(signed(params.acc_width), params.lanes)),
            "meta": Out(meta),
            **row_sum,
            **({"by_row": Out(1), "row": Out(params.row_layout)} if params.row_scales else {}),
        })
        result = wiring.Signature({
            "valid": Out(1),
            "data": Out(data.ArrayLayout(signed(params.out_width), params.lanes)),
            "meta": Out(meta),
        })
        super().__init__({"load": In(load), "i": In(vector), "o": Out(result)})

    def elaborate(self, platform):
        m = Module()
        latency = self.params.latency
        valid = delay(m, "valid", self.i.valid, latency, reset=True)
        meta = delay(m, "meta", Value.cast(self.i.meta), latency)
        m.d.comb += [self.o.valid.eq(valid), Value.cast(self.o.meta).eq(meta)]
        self._lanes(m, self._settings(m))
        return m

    @property
    def _ages(self) -> dict[str, int]:
        """When each field of a lane is read, counted from ``i``."""
        times = {"multiplier": self.params.sum_time, "drop": self.params.product_time}
        return {"offset": 0} | {field: time - 1 for field, time in times.items()}

    def _row(self, m: Module) -> tuple[data.View, data.View]:
        """The fields of the vector's own row, and whether it has any, each when it is read."""
        row, by_row = Signal(self.params.row_layout), Signal(self.params.by_row_layout)
        for field, age in self._ages.items():
            m.d.comb += [
                row[field].eq(delay(m, f"row_{field}", self.i.row[field], age)),
                by_row[field].eq(delay(m, f"{field}_by_row", self.i.by_row, age)),
            ]
        return row, by_row

    def _settings(self, m: Module) -> dict[str, Value]:
        """The settings of the vector whose product is being rounded, and the clamp's of the next.

        A sum with ``below`` is negative where the result is below ``low``; one with ``above`` is
        not negative where it is above ``high``.
        """
        m.submodules.settings = memory = Memory(
            shape=self.params.settings_layout, depth=self.params.banks, init=[]
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        time = self.params.product_time
        m.d.comb += [
            write.addr.eq(self.load.bank),
            write.data.eq(self.load.settings),
            write.en.eq(self.load.valid),
            read.addr.eq(delay(m, "settings_bank", self.i.bank, time - 1)),
        ]
        fields = ("zero_point", "low", "high", "rounding")
        zero_point, low, high, rounding = (register(m, f, read.data[f]) for f in fields)
        return {
            "rounding": register(m, "ties", rounding),
            "zero_point": register(m, "shift_by", zero_point),
            "below": register(m, "below", zero_point - low),
            "above": register(m, "above", zero_point + ~high),
            "low": delay(m, "clamp_low", low, 2),
            "high": delay(m, "clamp_high", high, 2),
        }

    def _lanes(self, m: Module, settings: dict[str, Value]) -> None:
        common = dict(settings)
        for field, age in self._ages.items():
            common[f"{field}_bank"] = delay(m, f"{field}_bank", self.i.bank, age)
        if self.params.row_sum_width:
            common["minus_row_sum"] = register(m, "minus_row_sum", -self.i.row_sum)
        if self.params.row_scales:
            common["row"], common["by_row"] = self._row(m)
        for n in range(self.params.lanes):
            lane = RequantizerLane(self.params)
            m.submodules[f"lane_{n}"] = shared(lane, self.params)
            m.d.comb += [
                lane.write.eq(self.load.valid & self.load.select[n]),
                lane.write_bank.eq(self.load.bank),
                lane.fields.eq(self.load.lanes[n]),
                lane.acc.eq(self.i.acc[n]),
                *(getattr(lane, name).eq(value) for name, value in common.items()),
                self.o.data[n].eq(lane.out),
            ]
