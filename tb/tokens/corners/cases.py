"""The corners of the token blocks' options and runs: both ends, and what is next to them."""

from itertools import product

from gemmule.golden.common.options import Options
from gemmule.golden.tokens.packing import MODES, PACKAGES
from gemmule.golden.tokens.selection import POLICIES
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams, TokenSelectParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.sampling import covering

__all__ = ["FACTORS", "RATIOS", "RUNS", "WORST", "small", "units_of"]

SIGNED = ("s2", "s3", "s15", "s16")
UNSIGNED = ("u2", "u3", "u15", "u16")
BYTES = ("u7", "u8", "u9")
"""Scores of up to a byte are ranked in one pass, wider ones in two."""
MOST = (2, 3, 4095, 4096)
SIDES = ((1, 1), (2, 1), (2, 2), (3, 3), (63, 1), (63, 63), (64, 2), (64, 32), (64, 64))
"""Lanes and dividers; these must divide those."""
FACTORS = {
    TokenSelectParams: {
        "score_format": (*SIGNED, "s8", "s9", *BYTES, *UNSIGNED),
        "max_tokens": MOST,
    },
    TokenPackParams: {
        "token_format": (*SIGNED, *UNSIGNED),
        "score_format": (*BYTES, *UNSIGNED),
        "max_tokens": MOST,
        "max_length": (1, 2, 4095, 4096),
        "weight_width": (2, 3, 31, 32),
        "sides": SIDES,
    },
    TokenScoreParams: {
        "attention_format": (*SIGNED, *UNSIGNED),
        "head_format": UNSIGNED,
        "score_format": (None, "s2", "u2", "s3", "u3", "s31", "u31", "s32", "u32"),
        "lanes": (1, 2, 3, 63, 64),
        "max_tokens": MOST,
        "max_heads": (1, 2, 63, 64),
        "dividers": (1, 2, 63, 64),
    },
}
FACTORS[SelectorParams] = FACTORS[TokenPackParams]

ENDS = ("one", "two", "less", "most")
WHAT = ("low", "high", "any")
SELECTIONS = {
    "count": ENDS,
    "policy": POLICIES,
    "scores": WHAT,
    "valid": WHAT,
    "ratio": (0, 1, 2, 3, 4, 5),
    "threshold": range(8),
    "keep": range(6),
    "protect": (0, 0, 1, 2, 3, 4, 5),
}
RATIOS = (0.0, 5e-324, 1 / 3, 0.617, 1 - 2**-53, 1.0)
PACKINGS = {
    "count": ENDS,
    "length": ENDS,
    "package": PACKAGES,
    "mode": MODES,
    "previous": (None, *WHAT),
    "tokens": WHAT,
    "scores": WHAT,
    "mask": WHAT,
    "valid": WHAT,
}
SCORES = {
    "count": ENDS,
    "heads": ENDS,
    "attention": WHAT,
    "previous": (None, *WHAT),
    "score": ("class_attention", "column_max", "first_column", "pairs", "pairs"),
}
RUNS = {
    TokenSelectParams: SELECTIONS,
    TokenPackParams: PACKINGS,
    SelectorParams: SELECTIONS | PACKINGS,
    TokenScoreParams: SCORES,
}
ALL = {"count": "most", "scores": "high", "valid": "high"}
NONE_KEPT = {"policy": "topk", "keep": 0, "protect": 0, "ratio": 5, "threshold": 2}
DROPPED = [
    ALL
    | {
        "length": "two",
        "package": package,
        "mode": "zero",
        "previous": "high",
        "tokens": tokens,
        "mask": "low",
    }
    for package, tokens in product(("sum", "mean"), ("low", "high"))
]
WORST = {
    TokenSelectParams: [ALL | NONE_KEPT, ALL | NONE_KEPT | {"policy": "cpvit", "ratio": 0}],
    TokenPackParams: DROPPED,
    SelectorParams: [case | NONE_KEPT for case in DROPPED],
    TokenScoreParams: [
        {"count": "most", "heads": "most", "attention": what, "previous": what, "score": score}
        for score, what in (
            ("pairs", "high"),
            ("column_max", "high"),
            ("column_max", "low"),
            ("class_attention", "high"),
        )
    ],
}
"""What fills counters and sums to the last bit; each unit is given these as well."""


def units_of(kind: type[Options]) -> list[Options]:
    """List units in which every two corners meet, so far as they are legal together."""
    units = []
    for options in covering(FACTORS[kind], seed=5):
        given = dict(options)
        if "sides" in given:
            given["lanes"], given["dividers"] = given.pop("sides")
        units.append(kind(**given))
    return units


def small(params: Options) -> bool:
    """Tell whether a unit compiles in a second or two."""
    return getattr(params, "lanes", 1) <= 3 and getattr(params, "dividers", 1) <= 3
