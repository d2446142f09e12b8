"""Random legal parameters of any block, the ends of each option first."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, get_type_hints

import numpy as np

from gemmule.gen.block import Block
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options

__all__ = ["random_params"]

SIZES = {
    "rows": 4,
    "cols": 4,
    "lanes": 4,
    "dividers": 4,
    "acc_depth": 48,
    "x_depth": 600,
    "w_depth": 600,
    "c_depth": 64,
    "max_length": 48,
    "max_tokens": 72,
    "max_heads": 4,
}
"""What makes a design large is kept small: these are the ends then."""

KEPT = 0.4
"""The probability that an option keeps its default: legal sets are rarer where all are drawn."""

ATTEMPTS = 2_000


def random_params(
    block: Block, rng: np.random.Generator, sizes: Mapping[str, int] = SIZES
) -> Options:
    """Draw legal parameters; every option is at an end, beside an end, anywhere, or its default."""
    # What stands before the last base is a part that may be left out, with all of its options.
    parts = block.params.__bases__[:-1]
    left_out = {each.name for part in parts if rng.random() < KEPT for each in fields(part)}
    for _ in range(ATTEMPTS):
        try:
            return block.params(**_draw(block.params, rng, sizes, left_out))
        except UsageError:
            continue
    raise AssertionError(f"{ATTEMPTS} random sets for {block.name}, and none is legal")


def _draw(
    kind: type[Options], rng: np.random.Generator, sizes: Mapping[str, int], left_out: set[str]
) -> dict[str, Any]:
    hints = get_type_hints(kind)
    drawn = {}
    for each in fields(kind):
        if each.name not in left_out and (each.name in sizes or rng.random() >= KEPT):
            drawn[each.name] = _value(each, str(hints[each.name]), rng, sizes.get(each.name))
    return drawn


def _value(each: Field, hint: str, rng: np.random.Generator, most: int | None) -> Any:
    checks = each.metadata
    low, high = checks.get("low"), checks.get("high")
    if checks.get("choices"):
        return str(rng.choice(checks["choices"]))
    if "Format" in hint:
        return _format(rng, each.default, *(checks.get("widths") or (1, 64)))
    if "bool" in hint:
        return bool(rng.integers(2))
    if low is None or high is None:
        return each.default
    if "float" in hint:
        return float(rng.choice([low, high, rng.uniform(low, high)]))
    high = min(high, most or high)
    if "a power of 2" in checks.get("help", ""):
        return _power(rng, low, high)
    return _near(rng, low, high)


def _power(rng: np.random.Generator, low: int, high: int) -> int:
    """Draw a power of 2, or 0 where that is allowed: others are known to be refused."""
    least = max(low - 1, 0).bit_length()
    return int(rng.choice([0] * (low == 0) + [1 << n for n in range(least, high.bit_length())]))


def _near(rng: np.random.Generator, low: int, high: int) -> int:
    """Draw any number, or in two of three cases an end or its neighbor."""
    ends = [n for n in (low, low + 1, high - 1, high) if low <= n <= high]
    return int(rng.choice(ends) if rng.random() < 2 / 3 else rng.integers(low, high, endpoint=True))


def _format(rng: np.random.Generator, default: Format | str | None, low: int, high: int) -> Format:
    """Draw a format of any sign, width and, where the default has one, fraction."""
    width, signed = _near(rng, low, high), bool(rng.integers(2))
    fraction = isinstance(default, Format | str) and Format.parse(default).frac
    frac = _near(rng, 0, width) if fraction else 0
    return Format(signed, width, frac)
