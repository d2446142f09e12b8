"""Which commands the token blocks refuse, and what becomes of packets of a wrong length."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.codes import Code

__all__ = [
    "PackRefusal",
    "ScoreRefusal",
    "SelectRefusal",
    "SelectorRefusal",
    "filled",
    "pack_refusal",
    "score_refusal",
    "select_refusal",
    "selector_refusal",
]


class SelectRefusal(Code):
    """Why a selection is refused. ``keep`` and ``protect`` may be larger than any stage."""

    NONE = 0, "carried out"
    RATIO = 1, "ratio is above 1.0"


class PackRefusal(Code):
    """Why a stage is not packed."""

    NONE = 0, "carried out"
    PACKAGE = 1, "package is not 0, 1 or 2"
    LENGTH = 2, "final is not below the beats of the longest token"


class SelectorRefusal(Code):
    """Why a stage is refused: what the selection or the packing says, the selection first."""

    NONE = 0, "carried out"
    RATIO = 1, SelectRefusal.RATIO.text
    PACKAGE = 2, PackRefusal.PACKAGE.text
    LENGTH = 3, PackRefusal.LENGTH.text


class ScoreRefusal(Code):
    """Why no scores are made."""

    NONE = 0, "carried out"
    NO_HEADS = 1, "heads is 0"
    HEADS = 2, "heads is above the most heads"
    TOKENS = 3, "final_token or, with maximum, final_row is not below the most tokens"
    CARRIED = 4, "carried goes with neither mean nor weighted"
    SIGNED = 5, "a mean is of unsigned attention"


def select_refusal(ratio: int, *, bits: int) -> SelectRefusal:
    """Return the verdict on a ratio with ``bits`` behind its point.

    Examples
    --------
    >>> select_refusal(4, bits=2).name, select_refusal(5, bits=2).text
    ('NONE', 'ratio is above 1.0')
    """
    return SelectRefusal.RATIO if ratio > 1 << bits else SelectRefusal.NONE


def pack_refusal(package: int, final: int, *, max_beats: int) -> PackRefusal:
    """Return the verdict on a pack command.

    Examples
    --------
    >>> pack_refusal(3, 0, max_beats=1).name, pack_refusal(0, 1, max_beats=1).name
    ('PACKAGE', 'LENGTH')
    """
    if package > 2:
        return PackRefusal.PACKAGE
    return PackRefusal.LENGTH if final >= max_beats else PackRefusal.NONE


def selector_refusal(select: SelectRefusal, pack: PackRefusal) -> SelectorRefusal:
    """Return the verdict on both parts of a stage.

    Examples
    --------
    >>> selector_refusal(SelectRefusal.NONE, PackRefusal.LENGTH).name
    'LENGTH'
    """
    return SelectorRefusal[select.name if select else pack.name]


def score_refusal(
    *,
    weighted: bool,
    maximum: bool,
    mean: bool,
    carried: bool,
    heads: int,
    final_row: int,
    final_token: int,
    max_heads: int,
    max_tokens: int,
    signed: bool,
) -> ScoreRefusal:
    """Return the verdict on a score command; ``weighted`` comes before ``mean`` and ``maximum``.

    Examples
    --------
    >>> run = dict(weighted=0, maximum=0, mean=1, carried=1, heads=1, final_row=0, final_token=0)
    >>> score_refusal(**run, max_heads=2, max_tokens=4, signed=False).name
    'CARRIED'
    """
    if heads == 0:
        return ScoreRefusal.NO_HEADS
    if heads > max_heads:
        return ScoreRefusal.HEADS
    if final_token >= max_tokens or (maximum and not weighted and final_row >= max_tokens):
        return ScoreRefusal.TOKENS
    if carried and (mean or weighted):
        return ScoreRefusal.CARRIED
    return ScoreRefusal.SIGNED if mean and not weighted and signed else ScoreRefusal.NONE


def filled(beats: ArrayLike, count: int) -> NDArray[np.int64]:
    """Cut ``beats`` [any, ...] as the blocks do a packet of ``count``, or fill it with zeros.

    Examples
    --------
    >>> filled([[1, 2]], 2), filled([3, 4, 5], 2)
    (array([[1, 2],
           [0, 0]]), array([3, 4]))
    """
    beats = np.asarray(beats, dtype=np.int64)[:count]
    return np.pad(beats, ((0, count - len(beats)), *((0, 0),) * (beats.ndim - 1)))
