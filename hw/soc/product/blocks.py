"""The blocks of a product, one after the other, and what each part has to do for one."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import Flags
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import wire

from .layouts import (
    JOBS,
    combine_layout,
    issue_layout,
    job_layout,
    load_layout,
    settings_layout,
    store_layout,
    walk_layout,
)
from .params import ProductUnitParams
from .rounding import whole

__all__ = ["Blocks"]


class Blocks(wiring.Component):
    """Walk through the blocks of products, and tell each part its share of each.

    The loops, outermost first: blocks of tiles along N, blocks of rows along M, slices of K. A
    block is told to all of the parts that have to do with it at once.

    Latency: 3 cycles from a job to its first block. Throughput: a block in 3 cycles.
    Back-pressure: a block waits until all of its parts take it, and a job until fewer than `JOBS`
    are under way.

    Members
    -------
    job : In(stream of :func:`job_layout`)
    ended : In(1)
        A job is through.
    load_a, load_b : Out(stream of :func:`load_layout`)
    walk_a, walk_b : Out(stream of :func:`walk_layout`)
    settings : Out(stream of :func:`settings_layout`), one a block along N
    issue : Out(stream of :func:`issue_layout`), one a block along N and M
    combine, store : Out(stream of :func:`combine_layout`, of :func:`store_layout`), likewise
    busy : Out(1)
        A job is under way.
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        self._parts = {
            "load_a": load_layout(params),
            "load_b": load_layout(params),
            "walk_a": walk_layout(params.a_depth, params.most_tiles),
            "walk_b": walk_layout(params.b_depth, params.most_tiles),
            "settings": settings_layout(params),
            "issue": issue_layout(params),
            "combine": combine_layout(params),
            "store": store_layout(params),
        }
        super().__init__({
            "job": In(stream.Signature(job_layout(params))),
            "ended": In(1),
            **{name: Out(stream.Signature(shape)) for name, shape in self._parts.items()},
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        params, job = self.params, self.job.payload
        number, free = Signal(range(JOBS)), Signal(range(JOBS + 1), init=JOBS)
        loads, step = Signal(6), Signal()
        # What is left of each axis, in vectors and in elements, and what is done.
        axes = ("tiles", "n", "m", "k", "vectors")
        left = {name: Signal(DIM_WIDTH, name=f"{name}_left") for name in axes}
        done_columns, done_depth = Signal(DIM_WIDTH), Signal(DIM_WIDTH)
        first_n, first_m, first_k = (Signal(name=f"first_{name}") for name in "nmk")
        last_n, last_m, last_k = (Signal(name=f"last_{name}") for name in "nmk")
        # What this block takes of each.
        block_tiles = Signal(range(params.most_tiles + 1))
        block_rows = Signal(range(params.most_rows + 1))
        block_vectors, depth, columns = Signal(DIM_WIDTH), Signal(DIM_WIDTH), Signal(DIM_WIDTH)
        # Vectors that a row takes in the scratchpads: it begins with a word.
        row_a = wire(m, "row_a", whole(block_vectors, params.a_share))
        row_b = wire(m, "row_b", whole(block_tiles, params.b_share))
        log_rows, log_cols = (each.bit_length() - 1 for each in (params.rows, params.cols))
        with m.FSM() as fsm:
            with m.State("BEGIN"):
                m.d.sync += [
                    *(left[name].eq(job.command[name]) for name in "nmk"),
                    *(left[name].eq(job[name]) for name in ("tiles", "vectors")),
                    *(each.eq(1) for each in (first_n, first_m, first_k)),
                    done_columns.eq(0),
                    done_depth.eq(0),
                ]
                with m.If(self.job.valid & (free != 0)):
                    m.next = "LAST"
            with m.State("LAST"):
                m.d.sync += [
                    last_n.eq(left["tiles"] <= job.block_tiles),
                    last_m.eq(left["m"] <= job.most_rows),
                    last_k.eq(~job.sliced | (left["vectors"] <= params.slice_vectors)),
                ]
                m.next = "SIZE"
            with m.State("SIZE"):
                slice_depth = params.slice_vectors << log_rows
                m.d.sync += [
                    block_tiles.eq(Mux(last_n, left["tiles"], job.block_tiles)),
                    columns.eq(Mux(last_n, left["n"], job.block_tiles << log_cols)),
                    block_rows.eq(Mux(last_m, left["m"], job.block_rows)),
                    block_vectors.eq(Mux(last_k, left["vectors"], params.slice_vectors)),
                    depth.eq(Mux(last_k, left["k"], slice_depth)),
                ]
                m.next = "TELL"
            with m.State("TELL"), m.If(step):
                m.d.sync += [
                    left["vectors"].eq(Mux(last_k, job.vectors, left["vectors"] - block_vectors)),
                    left["k"].eq(Mux(last_k, job.command.k, left["k"] - depth)),
                    done_depth.eq(Mux(last_k, 0, done_depth + depth)),
                    first_k.eq(last_k),
                ]
                m.next = "LAST"
                with m.If(last_k):
                    m.d.sync += [
                        left["m"].eq(Mux(last_m, job.command.m, left["m"] - block_rows)),
                        first_m.eq(last_m),
                    ]
                with m.If(last_k & last_m):
                    m.d.sync += [
                        left["tiles"].eq(left["tiles"] - block_tiles),
                        left["n"].eq(left["n"] - columns),
                        done_columns.eq(done_columns + columns),
                        first_n.eq(0),
                    ]
                    with m.If(last_n):
                        m.next = "BEGIN"
        free_a = ~job.resident | last_n
        free_b = job.sliced | last_m
        raw = (job.command.flags & Flags.RAW.value).any()
        contents = {
            "load_a": {
                "base": job.command.a,
                "stride": job.command.a_stride,
                "offset": done_depth * params.a_octets,
                "length": depth * params.a_octets,
                "rows": block_rows,
                "vectors": row_a,
                "restart": first_m & first_k,
                "again": ~first_k,
                "ahead": loads,
                "counts": 0,
            },
            "load_b": {
                "base": job.command.b,
                "stride": job.command.b_stride,
                "offset": done_columns * params.b_octets,
                "length": columns * params.b_octets,
                "rows": depth,
                "vectors": row_b,
                "restart": first_k,
                "again": 0,
                "ahead": 0,
                "counts": ~job.sliced,
            },
            "walk_a": {
                "inner": block_rows,
                "step": row_a,
                "middle": block_vectors,
                "outer": block_tiles,
                "skip": 0,
                "free": free_a,
                "rewind": ~free_a & last_m,
                "last": last_k,
            },
            "walk_b": {
                "inner": depth,
                "step": row_b,
                "middle": 1,
                "outer": block_tiles,
                "skip": 1,
                "free": free_b,
                "rewind": ~free_b,
                "last": last_k,
            },
            "settings": {
                "raw": raw,
                "base": job.command.settings,
                "start": done_columns,
                "columns": columns,
                "first": first_n,
            },
            "issue": {
                "rows": block_rows,
                "columns": columns,
                "k": job.command.k,
                "tiles": block_tiles,
                "free": last_m,
            },
            "combine": {
                "size": job.command.c_size,
                "last_row": block_rows - 1,
                "last_tile": block_tiles - 1,
            },
            "store": {
                "base": job.command.c,
                "stride": job.command.c_stride,
                "offset": (done_columns << job.command.c_size)[: DIM_WIDTH + 2],
                "size": job.command.c_size,
                "rows": block_rows,
                "columns": columns,
                "restart": first_m,
                "last": last_n & last_m,
            },
        }
        wanted = {
            "load_a": ~job.resident | first_n,
            "load_b": job.sliced | first_m,
            "walk_a": 1,
            "walk_b": 1,
            "settings": first_m & first_k,
            "issue": first_k,
            "combine": first_k,
            "store": first_k,
        }
        ready = Cat(getattr(self, name).ready | ~wanted[name] for name in contents).all()
        m.d.comb += step.eq(fsm.ongoing("TELL") & ready)
        for name, fields in contents.items():
            port = getattr(self, name)
            m.d.comb += port.valid.eq(step & wanted[name])
            for field, value in fields.items():
                m.d.comb += port.payload[field].eq(value)
            if "job" in self._parts[name].members:
                m.d.comb += port.payload.job.eq(number)
        over = wire(m, "over", step & last_n & last_m & last_k)
        m.d.comb += [self.job.ready.eq(over), self.busy.eq(free != JOBS)]
        m.d.sync += [
            free.eq(free - over + self.ended),
            number.eq(number + over),
            loads.eq(loads + (step & wanted["load_b"] & ~job.sliced)),
        ]
        return m
