"""The blocks of a product, one after the other, and what each part has to do for one."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import Flags
from gemmule.hw.common.pipeline import wire

from .layouts import (
    DIM,
    JOBS,
    issue_layout,
    job_layout,
    load_layout,
    settings_layout,
    store_layout,
    walk_layout,
)
from .params import ProductUnitParams

__all__ = ["Blocks"]


class Blocks(wiring.Component):
    """Walk through the blocks of products, and tell each part its share of each.

    The loops, outermost first: blocks of tiles along N, blocks of rows along M, slices of K. A
    block is told to all of the parts that have to do with it at once.

    Latency: 1 cycle from a job to its first block. Throughput: a block a cycle. Back-pressure: a
    block waits until all of its parts take it, and a job until fewer than `JOBS` are under way.

    Members
    -------
    job : In(stream of :func:`job_layout`)
    ended : In(1)
        A job is through.
    load_a, load_b : Out(stream of :func:`load_layout`)
    walk_a, walk_b : Out(stream of :func:`walk_layout`)
    settings : Out(stream of :func:`settings_layout`), one a block along N
    issue : Out(stream of :func:`issue_layout`), one a block along N and M
    store : Out(stream of :func:`store_layout`), one a block along N and M
    busy : Out(1)
        A job is under way.
    """

    def __init__(self, params: ProductUnitParams):
        self.params = params
        self._parts = {
            "load_a": load_layout(params),
            "load_b": load_layout(params),
            "walk_a": walk_layout(params.a_depth),
            "walk_b": walk_layout(params.b_depth),
            "settings": settings_layout(params),
            "issue": issue_layout(params),
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
        tiles, rows, vectors = (Signal(DIM, name=f"{name}_done") for name in ("n", "m", "k"))
        loads = Signal(6)
        # What is left of each axis, how much of it this block takes, and whether that is all.
        tiles_left = wire(m, "tiles_left", (job.tiles - tiles)[:DIM])
        rows_left = wire(m, "rows_left", (job.command.m - rows)[:DIM])
        left = wire(m, "left", (job.vectors - vectors)[:DIM])
        last_n = wire(m, "last_n", tiles_left <= job.block_tiles)
        last_m = wire(m, "last_m", rows_left <= job.most_rows)
        last_k = wire(m, "last_k", ~job.sliced | (left <= params.slice_vectors))
        block_tiles = wire(m, "block_tiles", Mux(last_n, tiles_left, job.block_tiles))
        block_rows = wire(m, "block_rows", Mux(last_m, rows_left, job.block_rows))
        block_vectors = wire(m, "block_vectors", Mux(last_k, left, params.slice_vectors))
        first_n, first_m, first_k = (
            wire(m, f"first_{name}", each == 0)
            for name, each in (("n", tiles), ("m", rows), ("k", vectors))
        )
        done_columns = tiles << (params.cols.bit_length() - 1)
        done_depth = vectors << (params.rows.bit_length() - 1)
        columns = wire(
            m,
            "columns",
            Mux(
                last_n,
                (job.command.n - done_columns)[:DIM],
                job.block_tiles << (params.cols.bit_length() - 1),
            ),
        )
        depth = wire(
            m,
            "depth",
            Mux(last_k, (job.command.k - done_depth)[:DIM], params.slice_vectors * params.rows),
        )
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
                "vectors": block_vectors,
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
                "vectors": block_tiles,
                "restart": first_k,
                "again": 0,
                "ahead": 0,
                "counts": ~job.sliced,
            },
            "walk_a": {
                "inner": block_rows,
                "step": block_vectors,
                "middle": block_vectors,
                "outer": block_tiles,
                "skip": 0,
                "free": free_a,
                "rewind": ~free_a & last_m,
                "last": last_k,
            },
            "walk_b": {
                "inner": depth,
                "step": block_tiles,
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
            "store": {
                "base": job.command.c,
                "stride": job.command.c_stride,
                "offset": (done_columns << job.command.c_size)[: DIM + 2],
                "size": job.command.c_size,
                "rows": block_rows,
                "tiles": block_tiles,
                "tail": Mux(last_n, _rest(job.command.n, params.cols), params.cols),
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
            "store": first_k,
        }
        going = wire(m, "going", self.job.valid & (free != 0))
        ready = Cat(getattr(self, name).ready | ~wanted[name] for name in contents).all()
        step = wire(m, "step", going & ready)
        for name, fields in contents.items():
            port = getattr(self, name)
            m.d.comb += port.valid.eq(step & wanted[name])
            for field, value in fields.items():
                m.d.comb += port.payload[field].eq(value)
            if "job" in self._parts[name].members:
                m.d.comb += port.payload.job.eq(number)
        over = wire(m, "over", step & last_n & last_m & last_k)
        m.d.comb += [self.job.ready.eq(over), self.busy.eq(free != JOBS)]
        self._advance(m, step, (vectors, block_vectors, last_k), (rows, block_rows, last_m))
        with m.If(step):
            m.d.sync += loads.eq(loads + (wanted["load_b"] & ~job.sliced))
            with m.If(last_k & last_m):
                m.d.sync += tiles.eq(Mux(last_n, 0, tiles + block_tiles))
        m.d.sync += [free.eq(free - over + self.ended), number.eq(number + over)]
        return m

    def _advance(self, m: Module, step: Value, *axes: tuple[Signal, Value, Value]) -> None:
        """Go on along the inner axes, each when those inside of it are through."""
        for done, block, last in axes:
            with m.If(step):
                m.d.sync += done.eq(Mux(last, 0, done + block))
            step = step & last


def _rest(value: Value, size: int) -> Value:
    """Count what the last of the parts of ``size`` has, which is a power of two."""
    low = value[: size.bit_length() - 1]
    return Mux(low == 0, size, low)
