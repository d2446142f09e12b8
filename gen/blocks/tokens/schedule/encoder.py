"""A vision transformer's encoder on the `gemm` array, dense and with tokens dropped on the way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil
from typing import NamedTuple

from gemmule.golden.tokens.cycles import pair_cycles, selector_cycles

from .chains import MatMul, Need, Placed, Plan, Schedule
from .classifier_products import Merged, Shape, add, ways

__all__ = ["DEIT", "LATENCY", "SPVIT", "STAGES", "Array", "Encoder"]

PATCHES = 196
BLOCKS = 12
STAGES = (3, 6, 9)
"""The blocks before which tokens are selected, counted from 0: SPViT's for DeiT."""
LATENCY = 38
"""Cycles of `softmax` on a row of one beat, the slowest of the units between two products."""
SPVIT = (0.617, 0.369, 0.137)
"""SPViT's keep rates of patches, each of all (its code); which of them HeatViT takes is unknown."""


@dataclass(frozen=True)
class Encoder:
    """Width, heads; the feed-forward layer is four times as wide."""

    width: int
    heads: int

    def block(self, count: int, images: int = 1) -> Plan:
        """Plan a block on ``count`` tokens an image: QKV, attention, projection, feed-forward.

        Cut where it costs nothing, by columns: QKV by head, the feed-forward's first layer in two,
        its second by head, which is what the last steps give. A layer norm before QKV and before
        the feed-forward reads whole rows.
        """
        plan = Plan()
        width, d, rows = self.width, self.width // self.heads, count * images
        heads, attention = range(self.heads), list(product(range(images), range(self.heads)))
        qkv = [plan.add(MatMul(rows, width, 3 * d)) for _ in heads]
        scores = {
            (image, h): plan.add(MatMul(count, d, count), Need(qkv[h]), Need(qkv[h], right=True))
            for image, h in attention
        }
        mixed = {
            (image, h): plan.add(
                MatMul(count, count, d), Need(scores[image, h]), Need(qkv[h], right=True)
            )
            for image, h in attention
        }
        needs = [Need(mixed[image, h], h * d) for image, h in attention]
        projected = plan.add(MatMul(rows, width, width), *needs)
        inner = [plan.add(MatMul(rows, width, 2 * width), Need(projected)) for _ in range(2)]
        for _ in heads:
            plan.add(MatMul(rows, 4 * width, d), Need(inner[0]), Need(inner[1], 2 * width))
        return plan

    def classifier(self, count: int, images: int = 1) -> Shape:
        """Return the shape of HeatViT's classifier of one stage."""
        return Shape(self.heads, self.width // self.heads, count, images)

    def counts(self, rates: Sequence[float]) -> Iterator[int]:
        """Yield tokens by block: class token, kept patches and, once some go, a package."""
        count = 1 + PATCHES
        for block in range(BLOCKS):
            if block in STAGES and rates:
                count = 1 + ceil(rates[STAGES.index(block)] * PATCHES) + 1
            yield count


DEIT = {"DeiT-T": Encoder(192, 3), "DeiT-S": Encoder(384, 6), "DeiT-B": Encoder(768, 12)}


class Block(NamedTuple):
    """A block's products, and how they are put."""

    plan: Plan
    schedule: Schedule


class Stage(NamedTuple):
    """What a stage of selection takes: cycles of the array, cycles behind those, and MACs."""

    classifier: int
    selector: int
    macs: int


@dataclass(frozen=True)
class Array:
    """The `gemm` block of ``rows`` x ``cols`` cells; a `selector` as wide as its wider operand.

    ``images`` go through together: the layers take their tokens as one matrix, attention and
    selection each image by itself. Units between the products keep the array's pace, a beat of
    results a cycle, ``latency`` cycles behind it.
    """

    rows: int
    cols: int
    images: int = 1
    latency: int = LATENCY

    @property
    def lanes(self) -> int:
        """The lanes of the selector: the longer side of the array."""
        return max(self.rows, self.cols)

    @property
    def dividers(self) -> int:
        """The selector's dividers, our choice: one for eight lanes, one up to 16 lanes."""
        return self.lanes // 8 if self.lanes > 16 else 1

    @property
    def pair_dividers(self) -> int:
        """`token_score`'s dividers, our choice: 8 divide while three heads come."""
        return max(1, min(8, self.lanes // 4))

    def encoder(self, encoder: Encoder, rates: Sequence[float] = ()) -> dict[str, int]:
        """Return cycles and MACs of all blocks; those of the classifiers and selectors apart.

        A classifier's products may join the last chain of the block before. The array waits while
        a stage is selected.
        """
        counts = list(encoder.counts(rates))
        blocks = [_block(self, encoder, count) for count in counts]
        stages = [
            _stage(self, encoder, counts[block - 1], number > 0)
            for number, block in enumerate(STAGES if rates else ())
        ]
        found = {
            "macs": sum(block.plan.macs for block in blocks),
            "classifier macs": sum(stage.macs for stage in stages),
            "blocks": sum(block.schedule.cycles + self.latency for block in blocks),
            "classifier": sum(stage.classifier for stage in stages),
            "selector": sum(stage.selector for stage in stages),
        }
        found["cycles"] = found["blocks"] + found["classifier"] + found["selector"]
        return found


@lru_cache(maxsize=1024)
def _block(array: Array, encoder: Encoder, count: int) -> Block:
    plan = encoder.block(count, array.images)
    return Block(plan, Schedule(array.rows, array.cols, array.latency).run(plan))


@lru_cache(maxsize=1024)
def _stage(array: Array, encoder: Encoder, count: int, later: bool) -> Stage:
    """Place a selection after a block, with the order of classifier products that ends first."""
    shape = encoder.classifier(count, array.images)
    block, before = _block(array, encoder, count)
    tokens = range(len(block) - encoder.heads, len(block))
    selection = selector_cycles(
        count, encoder.width, lanes=array.lanes, dividers=array.dividers, merge=later
    )
    tried = []
    for merged in ways(shape, array.rows, array.cols):
        plan = Plan(block)
        numbers = add(plan, merged, shape, tokens)
        schedule = before.fork().run(plan)
        placed = [schedule.placed[number] for number in numbers]
        end = _selected(array, shape, _logits(merged, placed), selection)
        macs = sum(each.macs(shape) for each in merged)
        tried.append(Stage(schedule.cycles - before.cycles, end - schedule.cycles, macs))
    return min(tried, key=lambda stage: stage.classifier + stage.selector)


def _logits(merged: Sequence[Merged], placed: Sequence[Placed]) -> dict[int, int]:
    """Return the first token of each part, and the cycle after that part's last logit's transfer.

    Tokens follow each other a cycle apart where they are rows of the result.
    """
    found: dict[int, int] = {}
    for each, (tiling, _, last) in zip(merged, placed, strict=True):
        if each.parts[-1].layer in ("mlp3", "head2"):
            first = last + 1 if tiling.by_row else last + 2 - (each.high - each.low)
            found[each.low] = max(found.get(each.low, 0), first)
    return found


def _selected(array: Array, shape: Shape, logits: Mapping[int, int], selection: int) -> int:
    """Return the cycle after a stage's end, image after image.

    `token_score` takes pairs of scores and weights as logits come, `token_select` the scores as
    they come: its first pass is over with the last of them.
    """
    end = 0
    for low in range(0, shape.rows, shape.count):
        high, scored = low + shape.count, 0
        for part, first in logits.items():
            token = max(part, low)
            if token < high:
                begin = max(end, first + array.latency + token - part)
                pairs = pair_cycles(high - token, shape.heads, dividers=array.pair_dividers)
                scored = max(scored, begin + pairs)
        end = scored + selection - shape.count
    return end
