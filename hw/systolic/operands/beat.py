"""What a stream of a matrix product has a beat for."""

from amaranth.lib import enum

__all__ = ["Beat"]


class Beat(enum.Enum):
    """What the innermost loop counts in a weight-stationary tile."""

    ROW = 0
    """Rows of M: the beats of ``a``."""
    WEIGHT = 1
    """Rows of K: the beats of ``b``."""
    TILE = 2
    """Nothing: a beat a tile of N, as ``scale`` has them in both dataflows."""
    RESULT = 3
    """All rows of M, as ``row_scale`` has them in both dataflows."""
