"""The baseline's reorganization: a map with its inserted zeros, copied back to memory."""

from collections.abc import Iterator

import numpy as np

from .memory_layout import Vectors, walk_over
from .program import Bank, Copy, Load, Pass
from .target import Target
from .tiling import tiles
from .views import View

__all__ = ["copies"]


def copies(target: Target, view: View, stored: Vectors) -> Iterator[Copy]:
    """Yield copies of ``view``, ``dy`` with its inserted zeros, as the map ``stored`` of pixels."""
    for box in tiles(view.outs, target.hardware.a_bank // view.blocks):
        vectors, walk = view.window(box, view.all_taps, (0, view.blocks))
        index = stored.index[tuple(slice(*part) for part in box)]
        yield Copy(
            places=walk_over(np.moveaxis(index, -1, 0)),
            a_loads=[Bank((Load(vectors),))],
            a_passes=[Pass(walk, target.dy_zero, True, True)],
        )
