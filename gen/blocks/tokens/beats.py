"""Tokens, scores and commands as beats."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Arrays, Beats
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array, check_values
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.tokens.packing import PACKAGES, Packed, Packing
from gemmule.golden.tokens.selection import Selection, ratio_bits, ratio_word
from gemmule.hw.tokens.params import TokenPackParams, TokenSelectParams

__all__ = [
    "FLAG",
    "check_flags",
    "check_previous",
    "check_scores",
    "check_tokens",
    "decisions",
    "flags",
    "from_tokens",
    "pack_command",
    "packed_arrays",
    "score_beats",
    "select_command",
    "to_tokens",
]

FLAG = Format(signed=False, width=1)
Integers = NDArray[np.int64]
Field = tuple[list[int], int]


def check_scores(params: TokenSelectParams, scores: NDArray) -> int:
    """Return how many ``scores`` [N] there are; refuse none, too many, and illegal ones."""
    if np.ndim(scores) == 1 and not 1 <= len(scores) <= params.max_tokens:
        raise UsageError(
            f"scores must be of 1 to {params.max_tokens} tokens (--max-tokens), not {len(scores)}"
        )
    check_values("scores", scores, params.score_format, shape=(None,))
    return len(scores)


def check_flags(name: str, arrays: Arrays, count: int) -> None:
    """Refuse ``arrays[name]`` unless it is [count] of 0 and 1, or left out."""
    if name in arrays:
        check_values(name, arrays[name], FLAG, shape=(count,))


def flags(name: str, arrays: Arrays, count: int) -> NDArray[np.bool_]:
    """Return ``arrays[name]`` [count] as bool; all true where it is left out."""
    return np.asarray(arrays.get(name, np.ones(count, bool))).astype(bool)


def check_tokens(params: TokenPackParams, tokens: NDArray, count: int) -> None:
    """Refuse ``tokens`` [count, D] unless D is neither 0 nor too much."""
    if np.ndim(tokens) == 2 and not 1 <= np.shape(tokens)[1] <= params.max_length:
        raise UsageError(
            f"tokens must have 1 to {params.max_length} elements (--max-length),"
            f" not {np.shape(tokens)[1]}"
        )
    check_values("tokens", tokens, params.token_format, shape=(count, None))


def check_previous(
    params: TokenPackParams, run: Packing, arrays: Arrays, length: int
) -> tuple[Integers, int] | None:
    """Return an earlier package and its weight, if both are given and a package is asked for."""
    given = [name for name in ("previous_package", "previous_weight") if name in arrays]
    if len(given) == 1:
        other = {"previous_package", "previous_weight"} - set(given)
        raise UsageError(f"{given[0]} needs {other.pop()} beside it")
    if not given or run.package == "none":
        return None
    vector = check_array(
        "previous_package", arrays["previous_package"], params.token_format, shape=(length,)
    )
    fmt = Format(signed=False, width=params.weight_width)
    weight = np.atleast_1d(arrays["previous_weight"])
    return vector, int(check_array("previous_weight", weight, fmt, shape=(1,))[0])


def score_beats(params: TokenSelectParams, scores: Integers, valid: NDArray) -> Beats:
    """Lay out a beat a token: its score, whether it counts, whether it is the last."""
    return to_words((scores, params.score_format.width), (valid, 1), (last_of(len(scores)), 1))


def decisions(params: TokenSelectParams, mask: NDArray, valid: NDArray, scores: Integers) -> Beats:
    """Return what `token_select` would say of each token."""
    width = params.score_format.width
    return to_words((mask, 1), (valid, 1), (scores, width), (last_of(len(scores)), 1))


def to_tokens(params: TokenPackParams, rows: Integers) -> Beats:
    """Lay out ``rows`` [n, D] in beats of lanes, each row filled up with zeros; one packet."""
    lanes = params.lanes
    rows = np.atleast_2d(rows)
    filled = np.pad(rows, ((0, 0), (0, -rows.shape[1] % lanes))).reshape(-1, lanes)
    return to_words((filled, params.token_format.width), (last_of(len(filled)), 1))


def from_tokens(beats: Beats, fmt: Format, lanes: int, length: int) -> Integers:
    """Return the rows [n, length] that lie in ``beats``, the inverse of :func:`to_tokens`."""
    per_row = -(-length // lanes)
    values = from_words(beats, 0, fmt.width, lanes, signed=fmt.signed)
    return values.reshape(-1, per_row * lanes)[:, :length]


def select_command(params: TokenSelectParams, run: Selection) -> list[Field]:
    """Return the fields of a select command, as :class:`TokenSelect` reads every policy."""
    fmt, most = params.score_format, params.max_tokens
    by_threshold = run.policy == "threshold"
    # No score reaches a threshold above the format, so that none is kept.
    none = by_threshold and run.threshold > fmt.high
    keep = run.keep if run.policy == "topk" else 0 if none else most
    threshold = run.threshold if by_threshold and not none else fmt.low
    return [
        ([max(threshold, fmt.low)], fmt.width),
        ([min(keep, most)], params.number.width),
        ([ratio_word(run, most)], ratio_bits(most) + 1),
        ([min(run.protect, most)], params.number.width),
        ([run.policy == "cpvit"], 1),
    ]


def pack_command(
    params: TokenPackParams, run: Packing, length: int, previous: tuple[Integers, int] | None
) -> list[Field]:
    """Return the fields of a pack command."""
    beats = -(-length // params.lanes)
    widths = {name: params.pack_command[name].width for name in params.pack_command.members}
    return [
        ([beats - 1], widths["final"]),
        ([PACKAGES.index(run.package)], 2),
        ([run.mode == "compact"], 1),
        ([previous is not None], 1),
        ([previous[1] if previous else 0], params.weight_width),
    ]


def packed_arrays(params: TokenPackParams, run: Packing, packed: Packed) -> Mapping[str, NDArray]:
    """Return the outputs of packing in the types that a user gets."""
    token = params.token_format.dtype
    package = token if run.package == "mean" else np.int32
    weight = Format(signed=False, width=params.weight.width).dtype
    return {
        "kept": packed.kept.astype(token),
        "package": packed.package.astype(package),
        "package_weight": np.array(packed.weight, weight),
    }
