"""What the `gemm` block can hold and how close its beats may come: hardware and timing agree."""

__all__ = ["COMMANDS", "SCALE_BANKS", "TILE_GAP"]

TILE_GAP = 3
"""Cycles between the first beats of two weight-stationary tiles, at least: the accumulator
memory's time from reading a sum to reading it back."""

SCALE_BANKS = 4
"""Tiles of N whose scales are held at once."""

COMMANDS = 4
"""Commands in flight. A power of two."""
