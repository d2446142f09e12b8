"""One value of many, of which all but one are zero."""

from collections.abc import Sequence
from functools import reduce
from operator import or_, xor

from amaranth import Module, Value

from .pipeline import register

__all__ = ["FAN_IN", "one_of", "one_of_at_once"]

FAN_IN = 6
"""Terms that one look-up table joins."""


def one_of(m: Module, terms: Sequence[Value]) -> Value:
    """Pick the one of ``terms`` that is not zero; zero if none is.

    Latency: 1 cycle if there are more than ``FAN_IN`` terms, else 0. The register stands behind
    the first level of look-up tables, and also keeps mapping from spreading a wide or over more of
    them than it needs.
    """
    if len(terms) <= FAN_IN:
        return reduce(or_, terms)
    groups = [terms[i : i + FAN_IN] for i in range(0, len(terms), FAN_IN)]
    return reduce(or_, [register(m, f"some_{i}", reduce(or_, g)) for i, g in enumerate(groups)])


def one_of_at_once(m: Module, terms: Sequence[Value]) -> Value:
    """Do as :func:`one_of` in the same cycle, for few terms: two levels of LUTs up to 30.

    Groups are never non-zero together, so xor joins them as well as or does; unlike an or, it is
    not rebalanced with the ors below it, which would cost a look-up table more for each bit.
    """
    groups = [terms[i : i + FAN_IN] for i in range(0, len(terms), FAN_IN)]
    return reduce(xor, [reduce(or_, group) for group in groups])
