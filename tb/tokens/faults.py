"""Wrong traffic for the token blocks, and what their `status` says of it."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.golden.tokens.faults import PackRefusal, ScoreRefusal, SelectorRefusal, SelectRefusal
from gemmule.golden.tokens.packing import Packing
from gemmule.golden.tokens.selection import Selection, ratio_bits
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams, TokenSelectParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.fault_table import KINDS, Fault, Rows
from gemmule.tb.common.sampling import values

__all__ = ["PACK", "SCORE", "SELECT", "SELECTOR", "TABLE", "stage_arrays"]

MOST = 12
"""Tokens of the faulty job: as many as there may be, since any fewer are legal."""

SELECT = TokenSelectParams(max_tokens=MOST)
SIZES = {"lanes": 2, "max_tokens": MOST, "max_length": 10, "weight_width": 9}
PACK = TokenPackParams(**SIZES, score_format="u8", token_format="s8")
SELECTOR = SelectorParams(**SIZES, score_format="u8", token_format="s8")
SCORE = TokenScoreParams(lanes=2, max_tokens=MOST, max_heads=5, dividers=2)

RATIO = (1 << ratio_bits(MOST)) + 1


def stage_arrays(params: TokenPackParams, number: int) -> dict[str, NDArray]:
    """Make tokens of five beats or of two, and an earlier package; the last three are kept."""
    rng = np.random.default_rng(number)
    count, length = ((MOST, 9), (7, 4))[number]
    mask = rng.random(count) < 0.5
    mask[-3:] = True
    return {
        "tokens": values(rng, params.token_format, (count, length)),
        "scores": np.where(mask, params.score_format.high, rng.integers(99, size=count)),
        "mask": mask,
        "previous_package": values(rng, params.token_format, (length,)),
        "previous_weight": np.array([300]),
    }


def _without(arrays: dict[str, NDArray], *names: str) -> dict[str, NDArray]:
    return {name: array for name, array in arrays.items() if name not in names}


def _attention(number: int) -> dict[str, NDArray]:
    rng = np.random.default_rng(number)
    heads, count = ((3, 9), (2, 5))[number]
    attention = rng.integers(1 << 16, size=(heads, count, count))
    return {"attention": attention, "previous": rng.integers(1 << 20, size=count)}


def _classes(number: int) -> dict[str, NDArray]:
    return {"attention": _attention(number)["attention"][:, 0]}


def _classifier(number: int) -> dict[str, NDArray]:
    from .heatvit.classifier import FloatSelector, quantized

    rng = np.random.default_rng(number)
    heads, count = ((3, 6), (2, 4))[number]
    selector = FloatSelector.random(heads, 4, heads, rng)
    return quantized(selector, rng.normal(0, 1, (count, heads * 4)))


def _faults(stream: str, **early: int) -> list[Fault]:
    """List a stream's faults; if ``early`` says what follows of one, an early ``last`` is legal."""
    late = {f"{stream}.late": 1}
    first = {name.replace("__", "."): value for name, value in early.items()}
    first = first or {f"{stream}.early": 1}
    return [Fault(stream, kind, first if kind == "early" else late) for kind in KINDS]


def _illegal(why: int, **fields: int) -> Fault:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return Fault("command", "illegal", {"refused": why}, named)


def _nothing(why: int, absent: tuple[str, ...], **fields: int) -> Fault:
    return Fault("command", "illegal", {"refused": why}, fields, absent=absent)


ROWS_ = ("attention", "previous")
SUMS = (
    *_faults("attention"),
    *_faults("previous"),
    _nothing(ScoreRefusal.NO_HEADS, ROWS_, heads=0),
    _illegal(ScoreRefusal.HEADS, heads=6),
    _illegal(ScoreRefusal.HEADS, heads=7),
    _illegal(ScoreRefusal.TOKENS, final_token=MOST),
    _illegal(ScoreRefusal.TOKENS, final_row=15),
    _illegal(ScoreRefusal.CARRIED, mean=1),
)
PAIRS = (
    *_faults("pairs"),
    _nothing(ScoreRefusal.NO_HEADS, ("pairs",), heads=0),
    _illegal(ScoreRefusal.HEADS, heads=7),
)

TABLE = {
    "token_select": Rows(
        "token_select",
        SELECT,
        Selection(keep=4),
        lambda n: _without(
            stage_arrays(PACK, n), "tokens", "mask", "previous_package", "previous_weight"
        ),
        (
            # A packet of scores may have any length up to the most tokens.
            Fault("scores", "early", {}),
            *_faults("scores")[1:],
            _illegal(SelectRefusal.RATIO, ratio=RATIO),
            _illegal(SelectRefusal.RATIO, ratio=2 * RATIO - 3),
            # What is greater than any stage keeps and protects all.
            Fault("command", "illegal", {}, {"keep": 15}),
            Fault("command", "illegal", {}, {"protect": 15}),
        ),
    ),
    "token_pack": Rows(
        "token_pack",
        PACK,
        Packing(),
        lambda n: stage_arrays(PACK, n),
        (
            # Nor has a packet of decisions a length of its own: tokens are left over.
            *_faults("decisions", tokens__late=1, kept_count__late=1),
            *_faults("tokens"),
            _illegal(PackRefusal.PACKAGE, package=3),
            _illegal(PackRefusal.LENGTH, final=5),
            _illegal(PackRefusal.LENGTH, final=7),
            Fault("kept_count", "illegal", {"kept_count.late": 1}, {"payload": 15}),
            Fault("kept_count", "illegal", {"kept_count.early": 1}, {"payload": 1}),
            Fault("kept_count", "illegal", {"kept_count.early": 1}, {"payload": 0}),
        ),
    ),
    "selector": Rows(
        "selector",
        SELECTOR,
        SelectorRun(keep=4),
        lambda n: _without(stage_arrays(SELECTOR, n), "mask"),
        (
            *_faults("scores", tokens__late=1),
            *_faults("tokens"),
            _illegal(SelectorRefusal.RATIO, select__ratio=RATIO),
            _illegal(SelectorRefusal.RATIO, select__ratio=RATIO, pack__package=3),
            _illegal(SelectorRefusal.PACKAGE, pack__package=3),
            _illegal(SelectorRefusal.LENGTH, pack__final=7),
        ),
    ),
    "token_score-sums": Rows("token_score", SCORE, ScoreRun(score="column_max"), _attention, SUMS),
    "token_score-means": Rows(
        "token_score",
        SCORE,
        ScoreRun(score="class_attention"),
        _classes,
        (*_faults("attention"), _nothing(ScoreRefusal.NO_HEADS, ("attention",), heads=0)),
    ),
    "token_score-pairs": Rows("token_score", SCORE, ScoreRun(score="heatvit"), _classifier, PAIRS),
}
