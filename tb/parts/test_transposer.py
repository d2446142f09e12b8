"""The transposer: any packets, any stalls; full squares leave a vector a cycle."""

import numpy as np
import pytest

from gemmule.hw.common.transposer import Transposer
from gemmule.tb.common.amaranth_streams import receive, send, simulate

WIDTH = 8
SIZES = (1, 2, 3, 8)


def run(size: int, lengths: list[int], stalls: tuple[float, float] = (0, 0), seed: int = 0) -> int:
    """Transpose packets of so many vectors; return the cycle in which the last vector left."""
    dut = Transposer(WIDTH, size)
    rng = np.random.default_rng([seed, 2])
    squares = [rng.integers(1 << WIDTH, size=(length, size)) for length in lengths]
    items = [
        {"data": vector.tolist(), "last": number == len(square) - 1}
        for square in squares
        for number, vector in enumerate(square)
    ]
    end = []

    async def source(ctx):
        await send(ctx, dut.i, items, np.random.default_rng([seed, 0]), stalls[0])

    async def sink(ctx):
        received, cycles = await receive(
            ctx,
            dut.o,
            size * len(squares),
            np.random.default_rng([seed, 1]),
            stalls[1],
            lambda payload: (list(payload.data), int(payload.last)),
        )
        end.append(cycles)
        assert [last for _, last in received] == [*[0] * (size - 1), 1] * len(squares)
        vectors = np.array([vector for vector, _ in received]).reshape(-1, size, size)
        for square, transposed in zip(squares, vectors, strict=True):
            whole = np.pad(square, ((0, size - len(square)), (0, 0)))
            assert transposed.tolist() == whole.T.tolist()
        await ctx.tick()
        assert ctx.get(dut.idle)
        assert not ctx.get(dut.o.valid)

    simulate(dut, source, sink)
    return end[0]


def lengths_of(size: int, count: int, seed: int) -> list[int]:
    """Draw lengths, the extremes first, next to each other in both orders."""
    rng = np.random.default_rng(seed)
    return [size, 1, size, size, 1, 1, *rng.integers(1, size + 1, count).tolist()]


@pytest.mark.parametrize("stalls", [(0, 0), (0.7, 0), (0, 0.7), (0.4, 0.4), (0.9, 0.2)])
@pytest.mark.parametrize("size", SIZES)
def test_any_packets(size, stalls):
    run(size, lengths_of(size, 16 if size < 8 else 6, size), stalls, seed=size)


@pytest.mark.parametrize("size", SIZES)
def test_full_squares_take_a_cycle_a_vector(size):
    assert run(size, [size] * 6) == size * 6 + size


@pytest.mark.parametrize("size", SIZES)
def test_a_short_packet_takes_as_long_as_a_full_one(size):
    assert run(size, [1] * 6) == size * 6 + size
