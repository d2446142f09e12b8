"""How many cycles the token blocks take: bounds that hold whatever the values are."""

__all__ = ["SEARCH", "decision_cycles", "pair_cycles", "select_cycles", "selector_cycles"]

SEARCH = 34
"""The longest search for a rank among the counters of 256 bytes."""

BYTE = 8


def decision_cycles(count: int, *, score_width: int = 16) -> int:
    """From the first of ``count`` scores to the number of tokens kept, at most.

    Examples
    --------
    >>> decision_cycles(197), decision_cycles(197, score_width=8)
    (471, 236)
    """
    one = count + SEARCH + 5
    return one if score_width <= BYTE else one + count + SEARCH + 4


def select_cycles(count: int, *, score_width: int = 16) -> int:
    """From the first score to the last decision and index, at most."""
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
    """From the first score to the last element of a stage's divided package, at most.

    Examples
    --------
    >>> selector_cycles(197, 192)
    4801
    """
    beats = -(-length // lanes)
    packed = (count + merge) * beats + 6
    package = beats * (lanes // dividers * (token_width + 2) + 3)
    select = select_cycles(count, score_width=score_width)
    decided = decision_cycles(count, score_width=score_width)
    return max(decided + packed, select) + package + 4


def pair_cycles(count: int, heads: int, *, head_width: int = 16, dividers: int = 4) -> int:
    """From the first pair of a head's score and weight to the last token's score, at most."""
    division = head_width + 4
    return count * max(heads, -(-division // dividers)) + 2 * division
