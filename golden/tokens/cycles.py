"""How many cycles the token blocks take: bounds that hold whatever the values are."""

__all__ = [
    "SEARCH",
    "SUMS",
    "decision_cycles",
    "package_cycles",
    "pair_cycles",
    "select_cycles",
    "selector_cycles",
]

SEARCH = 34
"""The longest search for a rank among the counters of 256 bytes."""

SUMS = 4
"""From the last beat of tokens to where the package's first beat begins to be made."""

BYTE = 8


def decision_cycles(count: int, *, score_width: int = 16) -> int:
    """Count the cycles from the first of ``count`` scores to the number of tokens kept, at most.

    Examples
    --------
    >>> decision_cycles(197), decision_cycles(197, score_width=8)
    (471, 236)
    """
    one = count + SEARCH + 5
    return one if score_width <= BYTE else one + count + SEARCH + 4


def select_cycles(count: int, *, score_width: int = 16) -> int:
    """Count the cycles from the first score to the last decision and index, at most."""
    return decision_cycles(count, score_width=score_width) + count + 2


def selector_cycles(
    count: int,
    length: int,
    *,
    lanes: int = 16,
    token_width: int = 8,
    dividers: int = 1,
    score_width: int = 16,
    merge: bool = False,
) -> int:
    """Count the cycles from the first score to the last of a stage's divided package, at most.

    Examples
    --------
    >>> selector_cycles(197, 192)
    4801
    """
    beats = -(-length // lanes)
    packed = (count + merge) * beats + 6
    package = package_cycles(beats, lanes, dividers, token_width)
    select = select_cycles(count, score_width=score_width)
    decided = decision_cycles(count, score_width=score_width)
    return max(decided + packed, select) + package


def package_cycles(
    beats: int, lanes: int, dividers: int, token_width: int, *, divided: bool = True
) -> int:
    """Count the cycles from the last beat of tokens to the package's last of ``beats``, exactly.

    Examples
    --------
    >>> package_cycles(1, 16, 4, 8), package_cycles(2, 16, 4, 8), package_cycles(1, 4, 4, 8)
    (47, 90, 17)
    """
    steps = lanes // dividers
    return SUMS + beats * (steps * (token_width + 2 if divided else 1) + 3)


def pair_cycles(count: int, heads: int, *, head_width: int = 16, dividers: int = 4) -> int:
    """Count the cycles from the first pair to the last token's score, at most.

    A pair is a head's score and its weight.
    """
    division = head_width + 4
    return count * max(heads, -(-division // dividers)) + 2 * division
