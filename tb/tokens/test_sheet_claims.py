"""D: cycles that data sheets of selection and packing tell, counted in Amaranth's simulator."""

import random
import re

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.golden.tokens.cycles import package_cycles
from gemmule.tb.benches.streams import to_ints
from gemmule.tb.common.amaranth_streams import receive, send, simulate

from .amaranth_stages import raw

SMALL = {"max_tokens": 16, "max_length": 24}


def moves(name: str, params, arrays: dict, **run) -> dict[str, list[int]]:
    """Run a job that nobody holds up; return the cycles after reset in which each stream moved."""
    block = find(name)
    dut, job = block.component(params), block.adapter.plan(params, block.adapter.Run(**run), arrays)
    streams = {port: raw(getattr(dut, port)) for port in (*job.send, *job.receive)}
    moved: dict[str, list[int]] = {port: [] for port in streams}
    left = set(job.receive)

    def source(stream):
        async def bench(ctx):
            beats = to_ints(job.send[stream])
            await send(ctx, streams[stream], beats, random.Random(0), 0.0)

        return bench

    def sink(stream):
        async def bench(ctx):
            await receive(ctx, streams[stream], job.receive[stream], random.Random(0), 0.0)
            left.discard(stream)

        return bench

    async def watch(ctx):
        cycle = 0
        while left:
            wires = [wire for port in streams.values() for wire in (port.valid, port.ready)]
            _clk, _rst, *seen = await ctx.tick().sample(*wires)
            for port, valid, ready in zip(streams, seen[::2], seen[1::2], strict=True):
                moved[port] += [cycle] if valid and ready else []
            cycle += 1

    simulate(dut, *map(source, job.send), *map(sink, job.receive), watch)
    return moved


def some(count: int, length: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    return {
        "tokens": rng.integers(-5, 9, (count, length)),
        "scores": rng.integers(1, 9, count),
        "mask": np.arange(count) % 2 == 0,
    }


@pytest.mark.parametrize(("lanes", "dividers"), [(4, 1), (4, 2), (2, 2)])
@pytest.mark.parametrize("package", ["mean", "sum"])
def test_a_package_comes_when_the_sheet_says(lanes, dividers, package):
    """Count to each beat from the last one of tokens; `kept` comes a cycle after its token."""
    params = find("token_pack").params(**SMALL, lanes=lanes, dividers=dividers)
    moved = moves("token_pack", params, some(5, 12), package=package)
    since = [cycle - moved["tokens"][-1] for cycle in moved["package"]]
    told = re.findall(r"(\d+) \+ (\d+) \* \(e \+ 1\)", find("token_pack").sheet(params).latency)[
        package == "sum"
    ]
    first, more = map(int, told)
    assert since == [first + more * (e + 1) for e in range(12 // lanes)]
    width = params.token_format.width
    assert since[-1] == package_cycles(
        12 // lanes, lanes, dividers, width, divided=package == "mean"
    )
    assert moved["kept"][0] - moved["tokens"][0] == 1


@pytest.mark.parametrize("score_format", ["u8", "u16"])
def test_the_sweep_and_the_bounds_of_a_selection(score_format):
    """After a reset as many cycles as the sheet says, then `count` and the tokens in time."""
    count = 5
    arrays = some(count, 12)
    arrays.pop("mask")
    for name in ("token_select", "selector"):
        sizes = SMALL | {"lanes": 4, "dividers": 1} if name == "selector" else {"max_tokens": 16}
        params = find(name).params(**sizes, score_format=score_format)
        given = arrays if name == "selector" else {"scores": arrays["scores"]}
        moved = moves(name, params, given)
        latency = find(name).sheet(params).latency
        swept = int(re.search(r"nothing is taken for (\d+) cycles", latency)[1])
        first = min(moved["scores"][0], moved["command"][0])
        assert swept <= first <= swept + 1
        # A command of the selector leaves with its decision, and not before its scores.
        since = moved["count"][0] - moved["scores"][0]
        assert 0 < since <= count + 64 + (count + 64) * (score_format == "u16")
        if name == "selector":
            assert moved["command"][0] > moved["scores"][-1]
            assert moved["tokens"][0] - moved["scores"][0] <= 2 * count + 128
        else:
            assert moved["decisions"][-1] - moved["scores"][0] <= 3 * count + 128
