"""Walks as beats: what the host hands to an address generator."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import Number, from_words, rows_to_words
from gemmule.golden.conv.limits import WalkLimits
from gemmule.golden.conv.pattern import Axis, Jump, Loop, Walk

__all__ = ["decode", "encode", "fields", "padded"]


def encode(
    walks: Sequence[Walk], limits: WalkLimits, vectors: Sequence[int] | None = None
) -> NDArray[np.uint32]:
    """Encode one beat a walk, in the order of :func:`golden.conv.layout.walking`.

    ``vectors``, of each walk's map, stand behind it.
    """
    rows = [fields(walk, limits) for walk in walks]
    if vectors is not None:
        for row, many in zip(rows, vectors, strict=True):
            row.append((many, limits.address_width + 1))
    return rows_to_words(rows)


def decode(
    beats: NDArray[np.uint32], limits: WalkLimits
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``address``, ``real`` and ``last`` of an address generator's beats."""
    width = limits.address_width
    address = from_words(beats, 0, width, 1, signed=False)[:, 0]
    flags = from_words(beats, width, 1, 2, signed=False).astype(bool)
    return address, flags[:, 0], flags[:, 1]


def fields(walk: Walk, limits: WalkLimits) -> list[Number]:
    """Return each number of a walk and its width; negative ones wrap."""
    # Walks differ by where they begin more often than in anything else.
    (first, width), *others = _fields(replace(walk, base=0), limits)
    return [((first + walk.base) % (1 << width), width), *others]


@lru_cache(maxsize=1 << 12)
def _fields(walk: Walk, limits: WalkLimits) -> list[Number]:
    limits.refuse(walk)
    walk = padded(walk, limits)
    made = _jump(walk.origin(), limits)
    for loop, jump in zip(walk.loops, walk.jumps(), strict=True):
        made += [(loop.bound - 1, limits.size_width), *_jump(jump, limits)]
    for axis in walk.axes:
        made.append((axis.limit, limits.size_width))
        if limits.spread_width:
            made += [(axis.spread, limits.spread_width), (axis.pitch, limits.address_width)]
    return [(int(value) % (1 << width), width) for value, width in made]


def padded(walk: Walk, limits: WalkLimits) -> Walk:
    """Return the same walk with all the loops and axes that the hardware has."""
    more = limits.axes - len(walk.axes)
    loops = [Loop(loop.bound, (0,) * more + loop.moves, loop.step) for loop in walk.loops]
    loops += [Loop(1, (0,) * limits.axes)] * (limits.loops - len(loops))
    axes = [Axis(start=0, limit=1, pitch=0)] * more + list(walk.axes)
    return Walk(axes=tuple(axes), loops=tuple(loops), base=walk.base)


def _jump(jump: Jump, limits: WalkLimits) -> list[Number]:
    made = [(jump.step, limits.address_width)]
    made += [(whole, limits.size_width + 1) for whole in jump.whole]
    if limits.spread_width:
        return made + [(part, limits.spread_width) for part in jump.part]
    if any(jump.part):
        raise UsageError("the walk has inserted zeros, which only bp_im2col walks over")
    return made
