"""The dense product unit: any shape, stride and setting, from memory to memory."""

from functools import partial

import numpy as np
import pytest
from amaranth.sim import Simulator

from gemmule.golden.soc.commands import COLUMN, SETTINGS, Columns, Flags
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.soc.product.params import ProductUnitParams
from gemmule.hw.soc.product.unit import ProductUnit

from .unit_memory import UnitMemory

SIZE = 1 << 20


class Case:
    """Products in a memory: commands, and what must be there afterwards."""

    def __init__(self, params, seed):
        self.params = params
        self.rng = np.random.default_rng(seed)
        self.image = self.rng.integers(0, 256, SIZE, dtype=np.uint8)
        self.expected = self.image.copy()
        self.at = 64
        self.commands = []
        self.operands = 0

    def place(self, rows, octets, negative=False):
        """Return base and stride of a matrix of ``rows`` of so many bytes, at any byte."""
        gap = int(self.rng.integers(0, 20))
        start = self.at + int(self.rng.integers(0, 33))
        stride = octets + gap
        self.at = start + rows * stride + 40
        assert self.at < SIZE
        return (start + (rows - 1) * stride, -stride) if negative else (start, stride)

    def put(self, matrix, octets, base, stride):
        for row, values in enumerate(matrix):
            raw = np.asarray(values).astype(f"<i{octets}").tobytes()
            at = base + row * stride
            for image in (self.image, self.expected):
                image[at : at + len(raw)] = np.frombuffer(raw, np.uint8)

    def product(self, m, n, k, *, kind="all", size=0, rounding=0, negative=False):
        params = self.params
        a = self.values(params.x_format, (m, k))
        b = self.values(params.w_format, (k, n))
        a_base, a_stride = self.place(m, k * params.a_octets, negative)
        b_base, b_stride = self.place(k, n * params.b_octets, negative)
        c_base, c_stride = self.place(m, n << size, negative)
        self.put(a, params.a_octets, a_base, a_stride)
        self.put(b, params.b_octets, b_base, b_stride)
        command = {
            "a": a_base, "b": b_base, "c": c_base, "a_stride": a_stride, "b_stride": b_stride,
            "c_stride": c_stride, "m": m, "n": n, "k": k, "c_size": size,
        }  # fmt: skip
        if kind == "raw":
            c = a.astype(np.int64) @ b
            command["flags"] = Flags.RAW.value
        else:
            command["settings"], c = self.settings(a, b, kind, size, rounding)
        for row, values in enumerate(c):
            raw = (values & ((1 << (8 << size)) - 1)).astype(f"<u{1 << size}").tobytes()
            at = c_base + row * c_stride
            self.expected[at : at + len(raw)] = np.frombuffer(raw, np.uint8)
        self.operands += a.size * params.a_octets + b.size * params.b_octets
        self.commands.append(command)

    def values(self, fmt, shape):
        return self.rng.integers(fmt.low, fmt.high + 1, shape)

    def settings(self, a, b, kind, size, rounding):
        rng, n = self.rng, b.shape[1]
        kind = Columns[kind.upper()]
        many = n if kind == Columns.ALL else 1
        offset = rng.integers(-(1 << 20), 1 << 20, n if kind != Columns.NONE else 1)
        multiplier = rng.integers(0, 1 << 15, many)
        shift = rng.integers(0, 32, many)
        zero = self.values(self.params.w_format, many)
        bits = 8 << size
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        if size == 0:
            low, high = -100, 90
        zero_point = int(rng.integers(max(low, -128), min(high, 127) + 1))
        own = {
            "multiplier": int(multiplier[0]),
            "shift": int(shift[0]),
            "b_zero_point": int(zero[0]),
        }
        raw = SETTINGS.encode(
            own | {
                "columns": kind.value, "rounding": rounding, "offset": int(offset[0]),
                "zero_point": zero_point, "low": low, "high": high,
            }
        )  # fmt: skip
        if kind == Columns.OFFSETS:
            raw += offset.astype("<i4").tobytes()
        if kind == Columns.ALL:
            for values in zip(offset, multiplier, shift, zero, strict=True):
                names = ("offset", "multiplier", "shift", "b_zero_point")
                raw += COLUMN.encode(dict(zip(names, map(int, values), strict=True)))
        base, _ = self.place(1, len(raw))
        self.put([np.frombuffer(raw, np.uint8)], 1, base, 0)
        # bias is what golden adds; its zero point of b is corrected by the row's sum.
        c = gemm(
            a, b - np.broadcast_to(zero, (n,)), a_format=self.params.x_format, b_format="s17",
            acc_width=48, bias=np.broadcast_to(offset, (n,)), multiplier=multiplier, shift=shift,
            zero_point=[zero_point], rounding=("half_even", "half_up", "half_away")[rounding],
            c_format=f"s{bits}", clamp=(low, high),
        )  # fmt: skip
        return base, c


def run(case, *, pause=0.0, latency=10, bad=lambda address: False, cycles=60_000):
    """Return the memory after all commands, what became of each, and the cycles it took."""
    params = case.params
    dut = ProductUnit(params)
    memory = UnitMemory(
        case.image,
        {"settings": 16, "a": params.a_word, "b": params.b_word},
        params.bus,
        latency=latency,
        pause=pause,
        bad=bad,
    )
    finished, times = [], []

    async def commands(ctx):
        for each in case.commands:
            ctx.set(dut.command.payload, each)
            ctx.set(dut.command.valid, 1)
            await ctx.tick().until(dut.command.ready)
            ctx.set(dut.command.valid, 0)

    async def ends(ctx):
        ctx.set(dut.finished.ready, 1)
        for count in range(cycles):
            _clk, _rst, valid, payload = await ctx.tick().sample(
                dut.finished.valid, dut.finished.payload
            )
            if valid:
                finished.append((payload.cause, payload.address))
                times.append(count)
            if len(finished) == len(case.commands):
                break
        await ctx.tick().repeat(3)
        assert ctx.get(dut.idle)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(commands, background=True)
    simulator.add_testbench(ends)
    for name in memory.reads:
        simulator.add_process(partial(memory.read, dut=dut, name=name))
    simulator.add_process(partial(memory.write, dut=dut))
    simulator.run()
    return memory, finished, times


def params(**more):
    return ProductUnitParams(**{"rows": 4, "cols": 4, "bank_bytes": 1024, "data_width": 64} | more)


SHAPES = [(1, 1, 1), (4, 4, 4), (3, 5, 7), (40, 9, 5), (2, 30, 70), (37, 17, 33), (70, 3, 2)]


@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_shapes_one_after_the_other(pause):
    case = Case(params(), 1)
    for index, shape in enumerate(SHAPES):
        case.product(
            *shape,
            kind=("all", "none", "offsets", "raw")[index % 4],
            size=(0, 2, 1)[index % 3],
            rounding=index % 3,
            negative=index % 2 == 1,
        )
    memory, finished, _ = run(case, pause=pause)
    assert finished == [(0, 0)] * len(SHAPES)
    assert np.array_equal(memory.image, case.expected)
