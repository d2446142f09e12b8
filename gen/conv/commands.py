"""A convolution's program as the commands of the hardware."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gemmule.gen.block import Beats
from gemmule.golden.common.lanes import Field, pack
from gemmule.golden.conv.maps import Run
from gemmule.golden.conv.operations import SPREAD
from gemmule.golden.conv.program import Copy, Load, Pass, Product
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.memory_port import ADDRESS_WIDTH, LENGTH_WIDTH
from gemmule.hw.conv.convolution import Kind, command_layout
from gemmule.hw.conv.loader import BANKS
from gemmule.hw.conv.params import BpParams, ConvParams

from .image import RESULT, Image
from .layer import Layer
from .walks import fields

__all__ = ["commands", "ordered", "pass_beats"]


@dataclass(frozen=True)
class _Entry:
    """A command and when it can begin: the step's number, and the slot of K within it."""

    step: int
    slot: int
    kind: Kind
    content: object


def commands(
    params: ConvParams, layer: Layer, image: Image, steps: Sequence[Product | Copy]
) -> Beats:
    """The whole layer, and a report of the counters when all results are written."""
    width = command_layout(params).size
    rows = [(kind, list(_fields(params, layer, image, kind, content)))
            for kind, content in ordered(params, steps)]  # fmt: skip
    beats = np.zeros((len(rows), -(-width // 32)), np.uint32)
    kinds = np.array([kind.value for kind, _ in rows])
    for kind in Kind:
        chosen = [row for each, row in rows if each is kind]
        if not chosen:
            continue
        columns = [([row[n][0] for row in chosen], bits) for n, (_, bits) in enumerate(chosen[0])]
        used = 3 + sum(bits for _, bits in columns)
        filling = [([0] * len(chosen), width - used)] if width > used else []
        beats[kinds == kind.value] = pack(([kind.value] * len(chosen), 3), *columns, *filling)
    return beats


def ordered(params: ConvParams, steps: Sequence[Product | Copy]) -> Iterator[tuple[Kind, object]]:
    """Each command as early as it can begin; none waits for one behind it.

    A bank is loaded when the one two before it is released: its loads stand behind all passes that
    begin before that.
    """
    entries: list[_Entry] = []
    copied = False
    for number, step in enumerate(steps):
        if copied and isinstance(step, Product):
            entries.append(_Entry(number, -2, Kind.FENCE, False))
            copied = False
        copied = copied or isinstance(step, Copy)
        if isinstance(step, Product):
            entries.append(_Entry(number, -1, Kind.PRODUCT, step))
        entries.append(_Entry(number, -1, Kind.PLACES, step))
    fences = [entry.step for entry in entries if entry.kind is Kind.FENCE]
    for side in ("x", "w"):
        entries += _side(params, steps, side, fences[0] if fences else 0)
    order = {kind: at for at, kind in enumerate((
        Kind.FENCE, Kind.PRODUCT, Kind.PLACES, Kind.W_LOAD, Kind.X_LOAD, Kind.W_PASS, Kind.X_PASS,
    ))}  # fmt: skip
    entries.sort(key=lambda entry: (entry.step, entry.slot, order[entry.kind]))
    for entry in entries:
        yield entry.kind, entry.content
    yield Kind.FENCE, True


def _side(
    params: ConvParams, steps: Sequence[Product | Copy], side: str, fence: int
) -> Iterator[_Entry]:
    """The passes of an operand and the loads of its banks; none of these before the ``fence``."""
    name = "a" if side == "x" else "b"
    pass_kind, load_kind = (Kind.X_PASS, Kind.X_LOAD) if side == "x" else (Kind.W_PASS, Kind.W_LOAD)
    freed = [(0, -1)] * BANKS
    banks = []
    for number, step in enumerate(steps):
        slot = 0
        for each in getattr(step, f"{name}_passes", ()):
            yield _Entry(number, slot, pass_kind, each)
            slot += each.walk.length * _slots(params, step, side)
            if each.release:
                freed.append((number, slot))
        banks += [(number, bank) for bank in getattr(step, f"{name}_loads", ())]
    for (number, bank), begin in zip(banks, freed, strict=False):
        if isinstance(steps[number], Product):
            begin = max(begin, (fence, -1))
        parts = [
            (load, run) for load in bank.loads
            for run in load.runs(params.AXES + 1, 1 << params.size_width)
        ]  # fmt: skip
        for part in parts:
            yield _Entry(*begin, load_kind, (*part, part is parts[-1]))


def _slots(params: ConvParams, step: Product | Copy, side: str) -> int:
    """Slots of K that pass while one beat of an operand does, in units that both share."""
    if isinstance(step, Copy) or step.stationary_sums:
        return 1
    return params.rows if side == "x" else step.m


def pass_beats(passes: Sequence[Pass], params: BpParams, width: int) -> Beats:
    """Passes as the beats of ``hw.conv.operand.pass_layout``, of a format of ``width`` bits."""
    rows = [_pass(each, params, width) for each in passes]
    return pack(*[([row[n][0] for row in rows], bits) for n, (_, bits) in enumerate(rows[0])])


def _fields(
    params: ConvParams, layer: Layer, image: Image, kind: Kind, content: object
) -> Iterator[Field]:
    """The numbers of one command, in the order of its layout."""
    core = params.core
    if kind is Kind.PRODUCT:
        yield from _product(params, layer, content)
    elif kind is Kind.X_PASS:
        yield from _pass(content, params.x_walks, core.a_format.width)
    elif kind is Kind.W_PASS:
        yield from _pass(content, params.w_walks, core.b_format.width)
    elif kind is Kind.PLACES:
        yield from _places(params, image, content)
    elif kind is Kind.FENCE:
        yield int(content), 1
    else:
        yield from _load(params, image, *content)


def _product(params: ConvParams, layer: Layer, product: Product) -> Iterator[Field]:
    scale, bound = layer.requantization, params.out_width + 1
    yield from ((size, DIM_WIDTH) for size in (product.m, product.n, product.k))
    yield int(product.stationary_sums), 1
    yield int(scale.rounding == "half_up"), 1
    yield from ((value, bound) for value in (scale.zero_point, scale.low, scale.high))


def _pass(each: Pass, params: BpParams, width: int) -> list[Field]:
    return [
        *fields(each.walk, params), (each.pad, width), (int(each.release), 1), (int(each.final), 1),
    ]  # fmt: skip


def _places(params: ConvParams, image: Image, step: Product | Copy) -> Iterator[Field]:
    copied = isinstance(step, Copy)
    region = SPREAD if copied else RESULT
    yield from fields(image.places(region, step.places), params.places)
    yield params.rows if copied else step.n, LENGTH_WIDTH
    yield image.sizes[region], 2
    yield int(copied), 1


def _load(params: ConvParams, image: Image, load: Load, run: Run, closes: bool) -> Iterator[Field]:
    size, lanes = image.sizes[load.vectors.region], load.vectors.lanes
    yield image.address(load.vectors.region, run.first), ADDRESS_WIDTH
    yield run.length, LENGTH_WIDTH
    for level in range(params.AXES + 1):
        count, step = run.loops[level] if level < len(run.loops) else (1, 0)
        yield count, params.size_width + 1
        yield (step << size) % (1 << ADDRESS_WIDTH), ADDRESS_WIDTH
    yield run.requests * (lanes if load.turned else run.length // lanes), LENGTH_WIDTH
    yield int(closes), 1
    yield int(load.turned), 1
