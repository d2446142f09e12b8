"""Results cut to the hardware's sizes."""

from collections.abc import Sequence

from .target import Hardware
from .views import Span, View

__all__ = ["fitting", "tiles"]

LEAST_TILE = 3
"""Tiles are not made shorter than this many times the array's height for fewer loads' sake."""


def tiles(outs: Sequence[int], most: int) -> list[list[Span]]:
    """Return boxes of at most ``most`` results that cover ``outs`` in order, as equal as can be.

    Examples
    --------
    >>> [box[1:] for box in tiles((1, 5, 4), 8)]
    [[(0, 2), (0, 4)], [(2, 4), (0, 4)], [(4, 5), (0, 4)]]
    """
    room, sizes = most, []
    for length in reversed(outs):
        count = -(-length // max(room, 1))
        sizes.append(-(-length // count))
        room = room // sizes[-1] if sizes[-1] == length else 1
    boxes: list[list[Span]] = [[]]
    for length, size in zip(outs, reversed(sizes), strict=True):
        cuts = [(low, min(low + size, length)) for low in range(0, length, size)]
        boxes = [[*box, cut] for box in boxes for cut in cuts]
    return boxes


def fitting(view: View, hardware: Hardware, most: int) -> list[list[Span]]:
    """Return tiles of at most ``most`` results whose pixels, of one block at least, have room.

    A little shorter ones are taken where all blocks then stay in the bank.
    """
    fallback: list[list[Span]] = []
    while True:
        boxes = tiles(view.outs, most)
        volume = max(view.volume(box, view.all_taps) for box in boxes)
        if volume * view.blocks <= hardware.a_bank:
            return boxes
        if not fallback and (volume <= hardware.a_bank or most == 1):
            fallback = boxes
        most = most * 3 // 4
        if fallback and most < LEAST_TILE * hardware.rows:
            return fallback
        most = max(most, 1)
