"""A vision transformer's encoder as matrix products, dense and with tokens dropped on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.cycles import cycles
from gemmule.golden.tokens.cycles import pair_cycles, selector_cycles
from gemmule.hw.systolic.params import GemmParams

__all__ = ["DEIT", "SPVIT", "STAGES", "Array", "Encoder", "Product"]

PATCHES = 196
BLOCKS = 12
STAGES = (3, 6, 9)
"""The blocks before which tokens are selected, counted from 0: SPViT's for DeiT."""
SPVIT = (0.617, 0.369, 0.137)
"""SPViT's keep rates of patches, each of all (its code); which of them HeatViT takes is unknown."""


@dataclass(frozen=True)
class Product:
    """``times`` products ``[m, k] @ [k, n]``."""

    m: int
    k: int
    n: int
    times: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.k * self.n * self.times


@dataclass(frozen=True)
class Encoder:
    """Width, heads; the feed-forward layer is four times as wide."""

    width: int
    heads: int

    def block(self, count: int, images: int = 1) -> list[Product]:
        """One block on ``count`` tokens an image: QKV, attention, projection, feed-forward."""
        d, rows, times = self.width // self.heads, count * images, self.heads * images
        return [
            Product(rows, self.width, 3 * self.width),
            Product(count, d, count, times),
            Product(count, count, d, times),
            Product(rows, self.width, self.width),
            Product(rows, self.width, 4 * self.width),
            Product(rows, 4 * self.width, self.width),
        ]

    def classifier(self, count: int, images: int = 1) -> list[Product]:
        """HeatViT's classifier of one stage, as `golden.tokens.heatvit` has it."""
        d, rows = self.width // self.heads, count * images
        return [
            Product(rows, d, d, self.heads),
            Product(1, count, d // 2, self.heads * images),
            Product(rows, d, d // 2, self.heads),
            Product(rows, d // 2, d // 4, self.heads),
            Product(rows, d // 4, 2, self.heads),
            Product(rows, self.width, self.heads),
            Product(rows, self.heads, self.heads),
        ]

    def counts(self, rates: Sequence[float]) -> Iterator[int]:
        """Tokens in each block: the class token, the kept patches, and once some go, a package."""
        count = 1 + PATCHES
        for block in range(BLOCKS):
            if block in STAGES and rates:
                count = 1 + ceil(rates[STAGES.index(block)] * PATCHES) + 1
            yield count


DEIT = {"DeiT-T": Encoder(192, 3), "DeiT-S": Encoder(384, 6), "DeiT-B": Encoder(768, 12)}


@dataclass(frozen=True)
class Array:
    """The `gemm` block of ``rows`` x ``cols`` cells, and a `selector` of as many lanes as rows.

    ``images`` go through together: the layers take their tokens as one matrix, attention and
    selection each image by itself.
    """

    rows: int
    cols: int
    images: int = 1

    @property
    def dividers(self) -> int:
        """Of the selector: one in sixteen lanes."""
        return max(1, self.rows // 16)

    def products(self, products: Sequence[Product]) -> int:
        """Cycles of products one after the other, each filled and drained by itself."""
        return sum(_cycles(self.rows, self.cols, product) for product in products)

    def encoder(self, encoder: Encoder, rates: Sequence[float] = ()) -> dict[str, int]:
        """Cycles and MACs of all blocks; those of the classifiers and selectors apart.

        Nothing overlaps: the array waits while a stage is selected, and the classifier's
        nonlinearities are taken to stream beside the array as the encoder's do.
        """
        counts = list(encoder.counts(rates))
        blocks = [encoder.block(count, self.images) for count in counts]
        found = {
            "macs": sum(product.macs for block in blocks for product in block),
            "blocks": sum(self.products(block) for block in blocks),
            "classifier": 0,
            "selector": 0,
        }
        for number, block in enumerate(STAGES if rates else ()):
            before = counts[block - 1]
            found["classifier"] += self.products(encoder.classifier(before, self.images))
            found["selector"] += self.images * (
                pair_cycles(before, encoder.heads)
                + selector_cycles(
                    before, encoder.width, lanes=self.rows, dividers=self.dividers, merge=number > 0
                )
            )
        found["cycles"] = found["blocks"] + found["classifier"] + found["selector"]
        return found


@lru_cache(maxsize=4096)
def _cycles(rows: int, cols: int, product: Product) -> int:
    """In the better of the two dataflows."""
    params = GemmParams(rows=rows, cols=cols)
    cut = {"m": product.m, "n": product.n, "k": product.k, "rows": rows, "cols": cols}
    tilings = (
        Tiling(**cut, acc_depth=params.acc_depth, output_stationary=flow) for flow in (False, True)
    )
    return min(
        cycles([tiling] * product.times, result_latency=params.result_latency) for tiling in tilings
    )
