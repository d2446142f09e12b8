"""How a command is cut to blocks that the scratchpads hold."""

from amaranth import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.soc.control.layouts import command_layout

from .layouts import job_layout
from .params import ProductUnitParams
from .rounding import at_most, ceil_div, whole

__all__ = ["Plan", "Quotient"]


class Quotient(wiring.Component):
    """Divide a power of two: ``quotient = 2**log // divisor``, a bit a cycle.

    Latency: ``log + 2`` cycles from ``start`` to ``done``.

    Members
    -------
    start : In(1)
    divisor : In(unsigned(width)), at least 1, held from ``start`` to ``done``
    done : Out(1), until the next start
    quotient : Out(range(2**log + 1))
    """

    def __init__(self, log: int, width: int):
        self._log = log
        super().__init__({
            "start": In(1),
            "divisor": In(width),
            "done": Out(1),
            "quotient": Out(log + 1),
        })

    def elaborate(self, platform):
        m = Module()
        rest = Signal(len(self.divisor) + 1)
        steps = Signal(range(self._log + 2))
        less = Signal(len(self.divisor) + 2)
        m.d.comb += [less.eq(rest - self.divisor), self.done.eq(steps == 0)]
        bit = ~less[-1]
        with m.If(self.start):
            m.d.sync += [rest.eq(1), self.quotient.eq(0), steps.eq(self._log + 1)]
        with m.Elif(~self.done):
            m.d.sync += [
                steps.eq(steps - 1),
                self.quotient.eq((self.quotient << 1) | bit),
                rest.eq(Mux(bit, less, rest) << 1),
            ]
        return m


class Plan(wiring.Component):
    """Cut a product so that its blocks fit, and as little as possible is read twice.

    With ``fit_a = a_depth // vectors`` rows and ``fit_b = b_depth // k`` tiles in the scratchpads
    (whole words of them): all of b is one block if it fits, or two if a fits as well; otherwise
    half of ``fit_b`` tiles are, so that the next block loads meanwhile. Likewise blocks of rows
    take at most half of a's scratchpad, and at most a pass's rows. Where b has several blocks and
    all of a fits, it is ``resident``. Where a row of either does not fit, K is cut in slices, and
    each is loaded whenever it is met.

    Latency: 5 cycles where the sizes' numbers of bits say that all fits, else ``log2(depth)``
    more. Back-pressure: one command at a time.

    Members
    -------
    command : In(stream of :func:`command_layout`)
    job : Out(stream of :func:`job_layout`)
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        super().__init__({
            "command": In(stream.Signature(command_layout(params.address_width))),
            "job": Out(stream.Signature(job_layout(params))),
        })

    def elaborate(self, platform):
        m = Module()
        params, job = self.params, self.job.payload
        m.submodules.fit_a = fit_a = Quotient(params.a_depth.bit_length() - 1, DIM_WIDTH)
        m.submodules.fit_b = fit_b = Quotient(params.b_depth.bit_length() - 1, DIM_WIDTH)
        # A row begins with a word of the scratchpad, of one vector or of several.
        row, tiles = Signal(DIM_WIDTH), Signal.like(fit_b.quotient)
        share_a, share_b = params.a_share, params.b_share
        bits = {name: Signal(5, name=f"{name}_bits") for name in ("row", "m", "tiles", "k")}
        names = ("whole", "fits", "narrow")
        self._whole, self._fits, self._narrow = (Signal(name=name) for name in names)
        self._limit = Signal.like(fit_a.quotient, name="limit")
        m.d.comb += [
            tiles.eq(fit_b.quotient & ~(share_b - 1)),
            fit_a.divisor.eq(row),
            fit_b.divisor.eq(job.command.k),
        ]
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.command.ready.eq(1)
                with m.If(self.command.valid):
                    given = self.command.payload
                    m.d.sync += [
                        job.command.eq(given),
                        job.vectors.eq(ceil_div(given.k, params.rows)),
                        job.tiles.eq(ceil_div(given.n, params.cols)),
                        row.eq(
                            ceil_div(given.k, params.rows * share_a) << (share_a.bit_length() - 1)
                        ),
                    ]
                    m.next = "START"
            with m.State("START"):
                m.d.comb += [fit_a.start.eq(1), fit_b.start.eq(1)]
                m.d.sync += [
                    bits[name].eq(_bits(each))
                    for name, each in (
                        ("row", row),
                        ("m", job.command.m),
                        ("tiles", job.tiles),
                        ("k", job.command.k),
                    )
                ]
                m.next = "GUESS"
            with m.State("GUESS"):
                self._whole_of_it(m)
                m.next = "DIVIDE"
                with m.If(self._small(bits)):
                    m.next = "CHOOSE"
            with m.State("DIVIDE"), m.If(fit_a.done & fit_b.done):
                m.next = "CUT"
            with m.State("CUT"):
                self._compare(m, fit_a.quotient, tiles)
                m.next = "CHOOSE"
            with m.State("CHOOSE"):
                self._choose(m, tiles)
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.job.valid.eq(1)
                with m.If(self.job.ready):
                    m.next = "TAKE"
        return m

    def _small(self, bits: dict[str, Signal]) -> Value:
        """Tell by the numbers of bits alone whether all of both operands surely fits."""
        params = self.params
        log_a, log_b = (each.bit_length() - 1 for each in (params.a_depth, params.b_depth))
        rows = params.most_rows.bit_length() + 1
        return (
            (bits["m"] + bits["row"] <= log_a)
            & (bits["row"] + rows <= log_a)
            & (bits["tiles"] + bits["k"] + params.b_share.bit_length() - 1 <= log_b)
            & (bits["tiles"] < params.most_tiles.bit_length())
        )

    def _whole_of_it(self, m: Module) -> None:
        m.d.sync += [
            self._whole.eq(1),
            self._fits.eq(1),
            self._limit.eq(self.params.most_rows),
            self._narrow.eq(0),
        ]

    def _compare(self, m: Module, fit_a: Value, fit_b: Value) -> None:
        params, job = self.params, self.job.payload
        rows = job.command.m
        half = fit_a[1:]
        # Fewer rows than the array has would wait for their weights.
        enough = (half >= params.rows) | (half >= rows)
        m.d.sync += [
            self._whole.eq((job.tiles <= fit_b) & (job.tiles <= params.most_tiles)),
            self._fits.eq(rows <= fit_a),
            self._limit.eq(Mux(enough, half, fit_a)),
            self._narrow.eq((fit_a < params.rows) & (fit_a < rows)),
        ]

    def _choose(self, m: Module, fit_b: Value) -> None:
        params, job = self.params, self.job.payload
        all_of_b, half = self._whole, fit_b[1:] & ~(params.b_share - 1)
        sliced = (~all_of_b & (half == 0)) | self._narrow
        # In two blocks, products begin when half of b is there.
        share = params.b_share
        parted = all_of_b & self._fits & (job.tiles > share)
        part = whole(ceil_div(job.tiles, 2), share)
        tiles = Mux(all_of_b, Mux(parted, part, job.tiles), at_most(half, params.most_tiles))
        limit = self._limit
        m.d.sync += [
            job.sliced.eq(sliced),
            job.resident.eq(~sliced & (~all_of_b | parted) & self._fits),
            job.block_tiles.eq(Mux(sliced, 1, tiles)),
            job.block_rows.eq(Mux(sliced, params.pass_rows, at_most(limit, params.pass_rows))),
            job.most_rows.eq(Mux(sliced, params.most_rows, at_most(limit, params.most_rows))),
        ]


def _bits(value: Value) -> Value:
    """Count the bits of a number without its leading zeros."""
    count: Value = Const(0, 5)
    for place in range(len(value)):
        count = Mux(value[place:].any(), place + 1, count)
    return count
