"""The `gemm` block: a systolic array with command, operand and result streams."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.systolic.limits import SCALE_BANKS
from gemmule.hw.common.pipeline import delay, register, wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.tech.array import array_of_cells

from .array.signature import array_signature
from .command import CommandQueue, command_layout, packets, product_status
from .operands.beat import Beat
from .operands.operand import Operand
from .params import A_SLOT, ProductParams
from .results import Results
from .row_scales import RowScales
from .sequencer import Sequencer

__all__ = ["Gemm"]

BEATS = {"a": Beat.ROW, "b": Beat.WEIGHT, "scale": Beat.TILE, "row_scale": Beat.RESULT}


class Gemm(wiring.Component):
    """Multiply matrices of any size, requantized: ``c = requantize((a - za) @ (b - zb))``.

    ``c[m, n] = clamp(round((sum over k of a[m, k] * b[k, n] + offset[n] - zb[n] * sum over k of
    a[m, k]) * multiplier[n] / 2**shift[n]) + zero_point)``

    Rounded once, ties as the command says, then saturated; the accumulator never overflows, a
    longer K is refused. :mod:`golden.systolic.gemm` defines every bit, :mod:`golden.systolic.beats`
    the order of beats. ``scale`` carries per column what :func:`golden.systolic.gemm.corrections`
    and :func:`golden.common.requantize.normalize_scale` make of bias, zero points, multiplier and
    shift.

    With ``--row-scales`` a command may have ``row_multiplier[m]`` and ``row_shift[m]`` beside those
    of the columns, as for activations that are quantized token by token: the total is multiplied
    by both and rounded once. Or it has ``offset[m]``, ``multiplier[m]`` and ``shift[m]`` by row
    instead, and no ``zb``. Then ``a`` can be the weights and ``b`` the activations: where these
    are few, loading weights bounds the product, and ``a`` has the wider port of a tall array.

    Both dataflows of `SystolicArray`, chosen by each command. A weight-stationary tile
    costs ``max(rows of a, rows of weights, 3)`` cycles, an output-stationary one ``max(K, R)``;
    tiles and commands follow each other without a bubble as long as operands are offered and
    results taken. :mod:`golden.systolic.cycles` counts the cycles of whole products.

    Latency: :attr:`latency` cycles from a row of ``a`` in the last tile of K to its ``c``.
    Throughput: R x C products a cycle. Back-pressure: the array never waits; beats enter it only
    when their results have room. ``ready`` of ``a`` and ``b`` comes from a register.

    A command with a size of 0, too long a K or a dataflow that the hardware lacks is refused. A
    packet that is too short is filled up with zeros, one that is too long is cut; `status` tells,
    and the next command is clean. Packets of refused commands are thrown away; a command with a
    size of 0 has none.

    Parameters
    ----------
    params : ProductParams
    shared : bool
        The array is not here: several products take turns at one.

    Members
    -------
    command : In(stream of :func:`command_layout`)
    a : In(packet stream of [m_lanes * rows] x a_shape)
        A beat holds ``m_lanes`` rows of M, one but for ``--pack m`` and ``quad``; the command's
        ``m`` counts beats.
    b : In(packet stream of [cols] x b_shape)
    scale : In(packet stream of [cols] x ``params.requantizer.lane_layout``)
    row_scale : In(packet stream of [m_lanes] x ``params.requantizer.row_layout``)
        With ``--row-scales``. A command has a packet here, at ``scale`` or at both, as its
        ``by_row`` and ``beside`` say.
    c : Out(packet stream of [m_lanes * cols] x signed(out_width)); one packet a command
    status : Out(stream of :func:`product_status`); one a command, refused ones included
    array : In(:func:`~.array.signature.array_signature`), turn : In(1)
        Only with ``shared``: the array, and whether beats may enter it now.
    """

    ARRAY = staticmethod(array_of_cells)

    def __init__(self, params: ProductParams, *, shared: bool = False):
        self.params = params
        self.shared = shared
        scale = data.ArrayLayout(params.requantizer.lane_layout, params.cols)
        row_scale = data.ArrayLayout(params.requantizer.row_layout, params.m_lanes)
        self._results = Results(params)
        super().__init__({
            "command": In(stream.Signature(command_layout(params))),
            "a": In(packet_stream(data.ArrayLayout(params.a_shape, params.rows * params.m_lanes))),
            "b": In(packet_stream(data.ArrayLayout(params.b_shape, params.cols))),
            "scale": In(packet_stream(scale)),
            **({"row_scale": In(packet_stream(row_scale))} if params.row_scales else {}),
            "c": Out(self._results.signature.members["c"].signature),
            "status": Out(stream.Signature(product_status(params))),
            **(self._outside() if shared else {}),
        })

    def _outside(self) -> dict[str, wiring.Member]:
        array = array_signature(self.params, row_sums=self.params.b_zero_points)
        return {"array": In(array), "turn": In(1)}

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a row of ``a`` to that of its ``c``."""
        return 1 + self.params.rows - 1 + self.params.result_latency

    def elaborate(self, platform):
        m = Module()
        a, b, scale, *row_scale = self._operands(m)
        m.submodules.results = results = self._results
        m.submodules.sequencer = sequencer = Sequencer(self.params, shared=self.shared)
        connect(m, a.at, sequencer.a_at)
        connect(m, b.at, sequencer.b_at)
        connect(m, results.c, flipped(self.c))
        m.d.comb += [
            sequencer.a_valid.eq(a.valid & self.turn if self.shared else a.valid),
            sequencer.b_valid.eq(b.valid & self.turn if self.shared else b.valid),
            a.take.eq(sequencer.a_take),
            b.take.eq(sequencer.b_take),
            sequencer.returned.eq(self.c.valid & self.c.ready),
            results.token_valid.eq(sequencer.token_valid),
            results.token.eq(sequencer.token),
        ]
        if self.shared:
            m.d.comb += sequencer.turn.eq(self.turn)
        self._array(m, a, b, sequencer, results)
        self._scales(m, scale, sequencer, results)
        for operand in row_scale:
            self._row_scales(m, a, operand, sequencer, results)
        return m

    def _operands(self, m: Module) -> list[Operand]:
        m.submodules.queue = queue = CommandQueue(self.params)
        connect(m, flipped(self.command), queue.command)
        connect(m, queue.status, flipped(self.status))
        operands = []
        for name, reader in zip(packets(self.params), queue.readers, strict=True):
            port = getattr(self, name)
            # The scales' `ready` comes from registers anyway, and their beats are wide.
            buffered = name in {"a", "b"}
            operand = Operand(self.params, BEATS[name], port.p.data.shape(), buffered=buffered)
            m.submodules[name] = operand
            connect(m, flipped(port), operand.i)
            connect(m, reader, operand.queue)
            operands.append(operand)
        return operands

    def _array(
        self, m: Module, a: Operand, b: Operand, sequencer: Sequencer, results: Results
    ) -> None:
        """Bring the operands to their slots; an idle slot and lanes beyond K hold ``a = 0``."""
        row_sums = self.params.b_zero_points
        if self.shared:
            array = self.array
        else:
            m.submodules.array = array = self.ARRAY(self.params, row_sums=row_sums)
        rows = self.params.rows
        for lane in range(rows * self.params.m_lanes):
            row = lane % rows
            used = a.take & ~a.blank & (a.at.output_stationary | (a.at.depth > row))
            data = Value.cast(a.data[lane])
            if self.params.mirrors_rows and self.params.drains_down:
                data = Mux(a.at.output_stationary, Value.cast(a.data[rows - 1 - row]), data)
            value = Mux(used, data, 0)
            target = array.a[lane // rows][row]
            m.d.comb += Value.cast(target).eq(delay(m, f"a_{lane}", value, A_SLOT))
        m.d.comb += array.b.eq(register(m, "b_slot", _unless(b.blank, b.data)))
        for name in ("shift", "swap", "ws", "clear", "drain"):
            if name in array.signature.members:
                m.d.comb += getattr(array, name).eq(getattr(sequencer, name))
        m.d.comb += Value.cast(results.sums).eq(Value.cast(array.sums))
        if row_sums:
            m.d.comb += Value.cast(results.row_sum).eq(Value.cast(array.row_sum))

    def _scales(self, m: Module, scale: Operand, sequencer: Sequencer, results: Results) -> None:
        """Load a tile's scales into the next free bank; count banks held and banks ready."""
        held, ready = Signal(range(SCALE_BANKS + 1)), Signal(range(SCALE_BANKS + 1))
        bank = Signal(range(SCALE_BANKS))
        load = wire(m, "load", scale.valid & (held != SCALE_BANKS))
        m.d.sync += [
            held.eq(held + load - results.released),
            ready.eq(ready + load - sequencer.claimed),
            bank.eq(bank + load),
        ]
        # A register between: the zeros of a packet that is too short reset it.
        m.d.comb += [
            scale.take.eq(load),
            sequencer.scaled.eq(ready != 0),
            results.load.valid.eq(register(m, "loads", load, reset=True)),
            results.load.bank.eq(register(m, "load_bank", bank)),
            results.load.lanes.eq(register(m, "load_lanes", _unless(scale.blank, scale.data))),
            results.load.settings.used.eq(register(m, "load_used", scale.at.width)),
            *(
                results.load.settings[name].eq(register(m, f"load_{name}", scale.command[name]))
                for name in ("zero_point", "low", "high", "rounding")
            ),
        ]

    def _row_scales(
        self, m: Module, a: Operand, settings: Operand, sequencer: Sequencer, results: Results
    ) -> None:
        """Queue the rows' own settings; the sequencer knows how many there are."""
        m.submodules.row_scales = rows = RowScales(self.params)
        m.d.comb += [
            rows.offered.eq(settings.valid),
            rows.settings.eq(_unless(settings.blank, settings.data)),
            rows.beside.eq(settings.command.beside),
            settings.take.eq(rows.take),
            rows.completed.eq(Mux(a.at.by_row, sequencer.completed, 0)),
            sequencer.row_settings.eq(rows.held),
            results.row_scale.eq(rows.data),
            results.beside.eq(rows.data_beside),
            rows.next.eq(results.row_scale_take),
        ]


def _unless(blank: Value, data: Value) -> Value:
    """Return ``data``, or zeros: where a register follows, they are its reset."""
    return Mux(blank, 0, Value.cast(data))
