"""Windows that tests of pooling ask for, and at random ones of all kinds."""

from typing import Any

import numpy as np

from gemmule.golden.common.errors import UsageError
from gemmule.golden.pool.window import sides_of

__all__ = ["CASES", "random_window"]

CASES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "2x2/2": ((4, 6), {"kernel": (2,), "stride": (2,)}),
    "resnet": ((12, 12), {"kernel": (3,), "stride": (2,), "padding": (1,)}),
    "sppf": ((7, 5), {"kernel": (5,), "padding": (2,)}),
    "spp": ((9, 13), {"kernel": (13,), "padding": (6,)}),
    "same upper": ((5, 5), {"kernel": (2, 4), "padding": (0, 1, 1, 2)}),
    "ceil": ((6, 7), {"kernel": (3, 2), "stride": (2, 3), "ceil_mode": True}),
    "ceil beyond": ((6, 7), {"kernel": (3,), "stride": (2,), "padding": (1,), "ceil_mode": True}),
    "dilated": ((9, 8), {"kernel": (3, 2), "dilation": (2, 3), "padding": (1, 2)}),
    "skipped": ((7, 9), {"kernel": (1, 2), "stride": (3, 4)}),
    "one": ((1, 1), {"kernel": (1,)}),
    "one in padding": ((1, 1), {"kernel": (3,), "padding": (1,)}),
    "global": ((7, 7), {"kernel": (7,)}),
    "line": ((11,), {"kernel": (4,), "stride": (2,), "padding": (1, 2)}),
    "volume": ((3, 4, 6), {"kernel": (2, 3, 3), "stride": (1, 2, 2), "padding": (0, 1, 1)}),
}
"""The space of a map, and the windows."""


def random_window(rng: np.random.Generator) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return any space and windows that fit it."""
    while True:
        axes = int(rng.integers(1, 4))
        space = tuple(int(each) for each in rng.integers(1, 9 if axes < 3 else 5, axes))
        kernel = tuple(int(each) for each in rng.integers(1, 6, axes))
        window = {
            "kernel": kernel,
            "stride": tuple(int(each) for each in rng.integers(1, 4, axes)),
            "padding": tuple(int(rng.integers(0, each)) for each in kernel * 2),
            "dilation": tuple(int(each) for each in rng.choice((1, 1, 2), axes)),
            "ceil_mode": bool(rng.integers(2)),
        }
        try:
            sides_of(space, **window)
        except UsageError:
            continue
        return space, window
