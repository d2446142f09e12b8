"""The loops alone, command behind command without a bubble, against `Tiling`'s lists of tiles."""

import itertools

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from gemmule.golden.systolic.beats import Tiling
from gemmule.hw.systolic.command import command_layout
from gemmule.hw.systolic.operands.beat import Beat
from gemmule.hw.systolic.operands.loops import TileLoops, start_values
from gemmule.hw.systolic.params import GemmParams

# Sizes around every border: of a tile, of two, of a stretch and of its short one.
SIZES = {
    "m": (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 15, 16, 17, 19, 20, 24, 40),
    "n": (1, 2, 3, 4, 6, 7),
    "k": (1, 3, 4, 5, 8, 9),
}


def positions(tiling, beat):
    """List for each beat what `TileLoops.at` says: positions, flags, sizes."""
    stationary = tiling.output_stationary
    within = beat in {Beat.ROW, Beat.WEIGHT}
    widths = [min(tiling.cols, tiling.n - n) for n in range(0, tiling.n, tiling.cols)]
    found = []
    for n, width in enumerate(widths):
        stretches = tiling.stretches if within else [tiling.m]
        for i, rows in enumerate(stretches):
            tiles = tiling.k_tiles if within else [0]
            for j, depth in enumerate(tiles):
                count = {Beat.TILE: 1, Beat.RESULT: tiling.m, Beat.WEIGHT: depth}.get(beat, rows)
                if stationary and within:
                    count = tiling.k
                ends = j == len(tiles) - 1, i == len(stretches) - 1, n == len(widths) - 1
                for left in reversed(range(count)):
                    size = (rows if stationary else depth) if within else None
                    final = all(ends) and left == 0
                    found.append((
                        left,
                        left == count - 1,
                        left == 0,
                        j == 0,
                        *ends,
                        final,
                        size,
                        width,
                    ))
    return found


@pytest.mark.parametrize(
    ("rows", "cols", "acc_depth", "beat"),
    [
        (4, 3, 8, Beat.ROW),
        (4, 2, 16, Beat.WEIGHT),
        (3, 2, 7, Beat.ROW),
        (4, 4, 4, Beat.ROW),
        (4, 3, 8, Beat.TILE),
        (4, 3, 8, Beat.RESULT),
    ],
)
def test_positions(rows, cols, acc_depth, beat):
    params = GemmParams(rows=rows, cols=cols, acc_depth=acc_depth, dataflow="both", row_scales=True)
    m = Module()
    m.submodules.loops = loops = TileLoops(params, beat)
    command = Signal(command_layout(params))
    for name, value in start_values(params, command).items():
        m.d.comb += loops.start[name].eq(value)
    at = loops.at
    sizes = list(itertools.product(*SIZES.values()))
    cases = [(m, n, k, (m + n + k + i) % 2) for i, (m, n, k) in enumerate(sizes[::5])]

    async def bench(ctx):
        for number, (m, n, k, stationary) in enumerate(cases):
            ctx.set(command, {"m": m, "n": n, "k": k, "output_stationary": stationary})
            ctx.set(loops.load, 1)
            await ctx.tick()
            ctx.set(loops.load, 0)
            ctx.set(loops.step, 0)
            tiling = Tiling(
                m=m,
                n=n,
                k=k,
                rows=rows,
                cols=cols,
                acc_depth=acc_depth,
                output_stationary=bool(stationary),
            )
            expected = positions(tiling, beat)
            for index, wanted in enumerate(expected):
                names = ("left", "first", "end", "k_first", "k_end", "m_end", "n_end", "final")
                size = at.height if stationary else at.depth
                size = None if wanted[-2] is None else ctx.get(size)
                got = (*(ctx.get(getattr(at, name)) for name in names), size, ctx.get(at.width))
                assert ctx.get(at.active)
                assert got == wanted, (number, cases[number], index)
                ctx.set(loops.step, 1)
                if index == len(expected) - 1 and number % 3:
                    break  # the next command is loaded with this very step
                await ctx.tick()
                ctx.set(loops.step, 0)
            if number % 3 == 0:
                assert not ctx.get(at.active)

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
