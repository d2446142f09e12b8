"""Walks by their numbers in a command: whatever these are, the beats of registers that wrap."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from gemmule.golden.conv.layout import decoded, flat, walking
from gemmule.golden.conv.limits import WalkLimits

LIMITS = {
    "spreads": WalkLimits(axes=2, loops=6, address_width=5, size_width=3, spread_width=2),
    "volumes": WalkLimits(axes=3, loops=8, address_width=9, size_width=4, spread_width=3),
    "places": WalkLimits(axes=2, loops=4, address_width=32, size_width=12, spread_width=0),
}


def registers(walk: dict, limits: WalkLimits) -> Iterator[tuple[int, bool]]:
    """Yield address and mask of each beat, from registers that are added to step by step."""
    origin, axes, loops = walk["origin"], walk["axes"], walk["loops"]
    address, pixels = origin["step"], list(origin["whole"])
    parts = list(origin.get("part", [0] * limits.axes))
    left = [loop["turns"] for loop in loops]
    while True:
        wrapped = [pixel % (2 << limits.size_width) for pixel in pixels]
        inside = all(pixel < axis["limit"] for pixel, axis in zip(wrapped, axes, strict=True))
        yield address % (1 << limits.address_width), inside and not any(parts)
        level = next((n for n, turns in enumerate(left) if turns), None)
        if level is None:
            return
        left[: level + 1] = [*(loop["turns"] for loop in loops[:level]), left[level] - 1]
        jump = loops[level]["jump"]
        address += jump["step"]
        for n, axis in enumerate(axes):
            pixels[n] += jump["whole"][n]
            if limits.spread_width:
                parts[n] += jump["part"][n]
                if parts[n] >= axis["spread"]:
                    parts[n] -= axis["spread"]
                    pixels[n] += 1
                    address += axis["pitch"]


def random_walk(rng: np.random.Generator, limits: WalkLimits) -> dict:
    """Return a walk of any numbers but remainders, which are below their spreads."""
    layout = walking(limits)
    bits = "".join(
        "".join(map(str, rng.integers(2, size=number.width))) for _, number in flat(layout)
    )
    walk = decoded(layout, int(bits, 2))
    for n, axis in enumerate(walk["axes"] if limits.spread_width else ()):
        axis["spread"] = int(rng.integers(1, 1 << limits.spread_width))
        for jump in (walk["origin"], *(loop["jump"] for loop in walk["loops"])):
            jump["part"][n] %= axis["spread"]
    for loop in walk["loops"]:
        loop["turns"] *= int(rng.integers(2))
    return walk


@pytest.mark.parametrize("name", LIMITS)
def test_beats_are_those_of_registers(name):
    limits, rng = LIMITS[name], np.random.default_rng(1)
    for _ in range(60):
        walk = random_walk(rng, limits)
        count = min(limits.length(walk), 700)
        wanted = list(islice(registers(walk, limits), count))
        address, real = limits.beats(walk, count)
        assert list(zip(address.tolist(), real.tolist(), strict=True)) == wanted


def test_a_walk_is_as_long_as_its_loops_say():
    limits, rng = LIMITS["spreads"], np.random.default_rng(2)
    lengths = []
    for _ in range(20):
        walk = random_walk(rng, limits)
        lengths.append(limits.length(walk))
        if lengths[-1] < 5000:
            assert len(list(registers(walk, limits))) == lengths[-1]
    assert min(lengths) < 100
    assert max(lengths) > 100
