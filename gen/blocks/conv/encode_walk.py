"""Walks as beats: what the host hands to an address generator."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from gemmule.gen.block import Beats
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import Number, from_words, rows_to_words
from gemmule.golden.conv.pattern import Axis, Jump, Loop, Walk
from gemmule.hw.conv.walk_params import GeneratorParams

__all__ = ["decode", "encode", "fields", "padded"]


def encode(
    walks: Sequence[Walk], params: GeneratorParams, vectors: Sequence[int] | None = None
) -> Beats:
    """Encode one beat a walk, in the order of the fields of :func:`hw.conv.generator.walk_layout`.

    ``vectors``, of each walk's map, are those of :func:`hw.conv.walker.mapped_layout`.
    """
    rows = [fields(walk, params) for walk in walks]
    if vectors is not None:
        for row, many in zip(rows, vectors, strict=True):
            row.append((many, params.address_width + 1))
    return rows_to_words(rows)


def decode(beats: Beats, params: GeneratorParams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``address``, ``real`` and ``last`` of an address generator's beats."""
    width = params.address_width
    address = from_words(beats, 0, width, 1, signed=False)[:, 0]
    flags = from_words(beats, width, 1, 2, signed=False).astype(bool)
    return address, flags[:, 0], flags[:, 1]


def fields(walk: Walk, params: GeneratorParams) -> list[Number]:
    """Return each number of a walk and its width; negative ones wrap."""
    # Walks differ by where they begin more often than in anything else.
    (first, width), *others = _fields(replace(walk, base=0), params)
    return [((first + walk.base) % (1 << width), width), *others]


@lru_cache(maxsize=1 << 12)
def _fields(walk: Walk, params: GeneratorParams) -> list[Number]:
    params.golden.refuse(walk)
    walk = padded(walk, params)
    made = _jump(walk.origin(), params)
    for loop, jump in zip(walk.loops, walk.jumps(), strict=True):
        made += [(loop.bound - 1, params.size_width), *_jump(jump, params)]
    for axis in walk.axes:
        made.append((axis.limit, params.size_width))
        if params.spread_width:
            made += [(axis.spread, params.spread_width), (axis.pitch, params.address_width)]
    return [(int(value) % (1 << width), width) for value, width in made]


def padded(walk: Walk, params: GeneratorParams) -> Walk:
    """Return the same walk with all the loops and axes that the hardware has."""
    more = params.axes - len(walk.axes)
    loops = [Loop(loop.bound, (0,) * more + loop.moves, loop.step) for loop in walk.loops]
    loops += [Loop(1, (0,) * params.axes)] * (params.loops - len(loops))
    axes = [Axis(start=0, limit=1, pitch=0)] * more + list(walk.axes)
    return Walk(axes=tuple(axes), loops=tuple(loops), base=walk.base)


def _jump(jump: Jump, params: GeneratorParams) -> list[Number]:
    made = [(jump.step, params.address_width)]
    made += [(whole, params.size_width + 1) for whole in jump.whole]
    if params.spread_width:
        return made + [(part, params.spread_width) for part in jump.part]
    if any(jump.part):
        raise UsageError("the walk has inserted zeros, which only bp_im2col walks over")
    return made
