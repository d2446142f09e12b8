"""Passes over a map: the cells of windows along one axis joined, all windows at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import prod

from numpy.typing import NDArray

from gemmule.gen.driver.vector.chain import Chain
from gemmule.golden.common.formats import Format
from gemmule.golden.pool.window import Side
from gemmule.golden.soc.commands import Combine

from .padded import Padded
from .passes import narrowed, passes_of, runs_of
from .stages import Stages

__all__ = ["Pass", "Reduction", "planned", "reduced"]


@dataclass(frozen=True)
class Reduction:
    """How cells are joined, by numbers less ``zero``.

    Attributes
    ----------
    format : of what is joined
    neutral : what changes nothing
    """

    stages: Stages
    combine: Combine
    format: Format
    neutral: int
    zero: int = 0

    def pair(self) -> Chain:
        """Return what joins two cells."""
        zeros = {"a_zero_point": self.zero, "b_zero_point": self.zero}
        return self.stages.chain(self.combine, self.format, **zeros)

    def copy(self) -> Chain:
        """Return what takes a cell alone."""
        return self.stages.chain(Combine.NONE, self.format, a_zero_point=self.zero)

    def more(self) -> Chain:
        """Return what joins cells with one more."""
        return self.stages.chain(self.combine, self.format, b_zero_point=self.zero)

    def fill(self) -> Chain:
        """Return what gives the neutral number, whatever it reads."""
        both = (self.neutral, self.neutral)
        return self.stages.chain(Combine.NONE, self.format, clamp=both, c_format=self.format)


@dataclass(frozen=True)
class Pass:
    """Windows along an axis of maps ``[N, *space, C]``.

    ``padded``: at a stride, they take one command a cell over lines with room between them.
    """

    axis: int
    side: Side
    padded: bool

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the result of a map."""
        return (*shape[: self.axis], self.side.out, *shape[self.axis + 1 :])

    def apply(
        self,
        reduction: Reduction,
        source: NDArray | Padded,
        target: NDArray,
        margins: list[NDArray],
    ) -> None:
        """Join the cells of ``source`` in ``target``; the first stage fills ``margins`` as well."""
        if isinstance(source, Padded):
            self._over_lines(reduction, source, target)
        else:
            self._over_map(reduction, source, target, margins)

    def _over_map(
        self, reduction: Reduction, source: NDArray, target: NDArray, margins: list[NDArray]
    ) -> None:
        for stage in count(1):
            runs = list(runs_of(self.side, stage))
            if not runs:
                return
            reduction.stages.stage()
            for each in margins if stage == 1 else ():
                reduction.stages.step(reduction.fill(), each, each)
            for windows, cells in runs:
                c = self._cut(target, windows)
                _join(reduction, c, [self._cut(source, each) for each in cells], first=stage == 1)

    def _over_lines(self, reduction: Reduction, source: Padded, target: NDArray) -> None:
        taps = [source.tap(tap) for tap in range(self.side.kernel)]
        for first, cells in [(True, taps[:2]), *((False, [each]) for each in taps[2:])]:
            reduction.stages.stage()
            _join(reduction, target, cells, first=first)

    def _cut(self, array: NDArray, places: slice) -> NDArray:
        return array[(slice(None),) * self.axis + (places,)]


def planned(x: NDArray, sides: tuple[Side, ...], *, idempotent: bool) -> tuple[NDArray, list[Pass]]:
    """Return the part of maps that windows see, and the passes that make one result of it.

    The slowest axis is the first one: its windows are whole lines.
    """
    x = x[(slice(None), *map(narrowed, sides))]
    passes, shape = [], x.shape
    for axis, side in enumerate(sides, 1):
        for each in passes_of(side, idempotent=idempotent):
            last = axis == len(sides)
            lines = prod(shape[:axis])
            even = each.begin == 0 and each.size == each.out * each.stride and each.real.all()
            padded = last and each.stride > 1 and lines > 1 and not even
            passes.append(Pass(axis, each, padded))
            shape = passes[-1].shape(shape)
    side_by_side = x.strides[-2:] == (x.itemsize * x.shape[-1], x.itemsize)
    if passes and (passes[0].padded or not (side_by_side or x.shape[-2] == 1)):
        copied = Side(size=x.shape[-2], kernel=1)
        passes.insert(0, Pass(len(sides), copied, padded=False))
    return x, passes


def reduced(
    reduction: Reduction, array: NDArray, passes: Sequence[Pass], out: NDArray | None = None
) -> NDArray:
    """Return what passes make of an array; the last one writes ``out``, where it can."""
    scratch = reduction.stages.scratch
    room: Padded | None = None
    for now, later in zip(passes, (*passes, None)[1:], strict=True):
        shape, dtype = now.shape(array.shape), reduction.format.dtype
        margins: list[NDArray] = []
        source, room = room or array, None
        goal = out if later is None and out is not None and out.flags.c_contiguous else None
        if later is not None and later.padded:
            room = Padded(reduction.stages, shape, later.side, dtype)
            made = target = room.inner
            margins = room.margins
        elif isinstance(source, Padded):  # whose lines may have windows of no meaning
            wide = (*shape[:-2], source.out, shape[-1])
            whole = goal if wide == shape else None
            made = scratch.take(wide, dtype) if whole is None else whole
            target = made.reshape(-1, shape[-1])
            made = made if wide == shape else made[..., : now.side.out, :]
        else:
            made = target = scratch.take(shape, dtype) if goal is None else goal
        now.apply(reduction, source, target, margins)
        scratch.give(array)
        array, reduction = made, replace(reduction, zero=0)
    return array


def _join(reduction: Reduction, c: NDArray, cells: list[NDArray], *, first: bool) -> None:
    if not first:
        reduction.stages.step(reduction.more(), c, c, *cells)
    elif len(cells) == 2:
        reduction.stages.step(reduction.pair(), c, *cells)
    else:
        reduction.stages.step(reduction.copy(), c, *cells)
