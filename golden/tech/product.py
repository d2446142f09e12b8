"""How a product of wide numbers falls into tiles that a multiplier takes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .packing import WIDE_PORT

__all__ = ["CHUNK", "PIECE", "ProductPlan", "Tile"]

CHUNK = 17
"""Bits that a block's cascade shifts by: those of the narrow operand, less its sign."""

PIECE = {"generic": 24} | {cell: width - 1 for cell, width in WIDE_PORT.items()}
"""Bits of an unsigned number that the wide operand holds."""


@dataclass(frozen=True)
class Tile:
    """Chunk ``chunk`` times piece ``piece``: what counts ``2**(CHUNK * place)``."""

    chunk: int
    piece: int

    @property
    def place(self) -> int:
        """The digit of ``CHUNK`` bits at which the product begins."""
        return self.chunk + self.piece


@dataclass(frozen=True, kw_only=True)
class ProductPlan:
    """The tiles of a signed ``number`` times an unsigned ``factor``, the lowest places first.

    A factor that fits the wide operand is one piece; a wider one is cut into pieces of ``CHUNK``
    bits, as the number always is. Sums of tiles stay below 2**47.

    Examples
    --------
    >>> plan = ProductPlan(cell="dsp48e2", number_width=35, factor_width=24)
    >>> [(tile.chunk, tile.piece) for tile in plan.tiles], plan.latency
    ([(0, 0), (1, 0)], 4)
    >>> wide = ProductPlan(cell="dsp48e1", number_width=35, factor_width=39)
    >>> [(tile.chunk, tile.piece) for tile in wide.tiles]
    [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (1, 2)]
    """

    cell: str
    number_width: int
    factor_width: int

    @property
    def width(self) -> int:
        """Bits of the product, signed."""
        return self.number_width + self.factor_width

    @property
    def chunks(self) -> int:
        """Chunks of the number; the uppermost has its sign."""
        return max(-(-(self.number_width - 1) // CHUNK), 1)

    @property
    def pieces(self) -> int:
        """Pieces of the factor."""
        return 1 if self.factor_width <= PIECE[self.cell] else -(-self.factor_width // CHUNK)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles in the order of their places."""
        every = [Tile(c, p) for c in range(self.chunks) for p in range(self.pieces)]
        return tuple(sorted(every, key=lambda tile: (tile.place, tile.chunk)))

    @property
    def latency(self) -> int:
        """Cycles from the number to the product."""
        return len(self.tiles) + (1 if self.cell == "generic" else 2)

    @property
    def lead(self) -> int:
        """Cycles that the factor comes ahead of the number."""
        return int(self.cell == "generic")

    def chunk(self, number: Any, tile: Tile) -> Any:
        """Return the tile's part of an Amaranth ``number``."""
        start = CHUNK * tile.chunk
        if tile.chunk == self.chunks - 1:
            return number[start:].as_signed()
        return number[start : start + CHUNK]

    def piece(self, factor: Any, tile: Tile) -> Any:
        """Return the tile's part of an Amaranth ``factor``."""
        if self.pieces == 1:
            return factor
        return factor[CHUNK * tile.piece :][:CHUNK]
