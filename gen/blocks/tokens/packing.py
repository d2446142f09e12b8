"""How arrays become the beats of `token_pack` and of `selector`, which packs what it selects."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import clean_status, expect_clean
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.common.options import option
from gemmule.golden.tokens.packing import PACKAGE_WIDTH, Packed, Packing
from gemmule.golden.tokens.packing import pack as pack_tokens
from gemmule.golden.tokens.selection import Selection, select
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.hw.tokens.selector import Selector
from gemmule.hw.tokens.token_pack import TokenPack

from .beats import (
    check_flags,
    check_previous,
    check_scores,
    check_tokens,
    decisions,
    flags,
    from_tokens,
    pack_command,
    packed_arrays,
    score_beats,
    select_command,
    to_tokens,
)
from .pack_sheet import token_pack_sheet
from .score import SCORES as SCORES_FROM
from .score import ScoreRun, TokenScoreAdapter
from .select import SELECTED, from_selected, selected_arrays, selected_beats
from .selector_sheet import selector_sheet

__all__ = ["SELECTOR", "TOKEN_PACK", "SelectorRun"]

TOKENS = Array("tokens", "[N, D]", "--token-format", "the tokens")
SCORES = Array("scores", "[N]", "--score-format", "how important each token is")
VALID = Array("valid", "[N]", "bool", "1 where there is a token", optional=True)
PREVIOUS = (
    Array(
        "previous_package", "[D]", "--token-format", "package of an earlier stage", optional=True
    ),
    Array("previous_weight", "[1]", "u(--weight-width)", "its weight", optional=True),
)
PACKED = (
    Array("kept", "[n, D] or [N, D]", "--token-format", "kept tokens, or all with zeros"),
    Array(
        "package",
        "[D]",
        "--token-format (mean), s32 (sum)",
        "the dropped tokens, merged; zeros with --package none",
    ),
    Array("package_weight", "[]", "u", "sum of the dropped tokens' scores"),
)

SCORED_FROM = TokenScoreAdapter.inputs


def _tokens(params: TokenPackParams, tokens: NDArray, previous: tuple | None) -> Beats:
    """Lay out the beats of the tokens, an earlier package in front."""
    rows = [previous[0][None], tokens] if previous else [tokens]
    return to_tokens(params, np.concatenate(rows))


def _receive(params: TokenPackParams, run: Packing, packed: Packed) -> dict[str, int]:
    beats = -(-packed.kept.shape[1] // params.lanes)
    some = run.package != "none"
    return {
        "kept": len(packed.kept) * beats,
        "package": some * beats,
        "weight": int(some),
        "status": 1,
    }


def _decoded(
    params: TokenPackParams, run: Packing, length: int, received: dict[str, Beats]
) -> dict[str, NDArray]:
    expect_clean(received)
    lanes, fmt = params.lanes, params.token_format
    kept = from_tokens(received["kept"], fmt, lanes, length)
    package, weight = np.zeros(length, np.int64), 0
    if run.package != "none":
        wide = Format(signed=True, width=PACKAGE_WIDTH)
        package = from_tokens(received["package"], wide, lanes, length)[0]
        weight = from_words(received["weight"], 0, params.weight.width, 1, signed=False)[0, 0]
    return dict(packed_arrays(params, run, Packed(kept, package, weight)))


def _packed_beats(params: TokenPackParams, run: Packing, packed: Packed) -> dict[str, Beats]:
    """Return what comes back of packing, the inverse of :func:`_decoded`."""
    lanes = params.lanes

    def lanes_of(rows: NDArray) -> NDArray:
        rows = np.atleast_2d(rows)
        return np.pad(rows, ((0, 0), (0, -rows.shape[1] % lanes))).reshape(-1, lanes)

    kept = lanes_of(packed.kept)
    beats = {"kept": to_words((kept, params.token_format.width), (last_of(len(kept)), 1))}
    if run.package != "none":
        package = lanes_of(packed.package)
        beats["package"] = to_words((package, PACKAGE_WIDTH), (last_of(len(package)), 1))
        beats["weight"] = to_words(([packed.weight], params.weight.width))
    return beats


class TokenPackAdapter:
    """One stage: a command, the count, the decisions, and the tokens after an earlier package."""

    Run = Packing
    inputs = (
        TOKENS,
        Array("mask", "[N]", "bool", "1 where a token is kept"),
        SCORES,
        VALID,
        *PREVIOUS,
    )
    outputs = PACKED

    def check(self, params: TokenPackParams, run: Packing, arrays: Arrays) -> None:
        """Refuse wrong tokens, scores and flags, and those that are not as many as the others."""
        count = check_scores(params, arrays["scores"])
        check_tokens(params, arrays["tokens"], count)
        check_flags("mask", arrays, count)
        check_flags("valid", arrays, count)
        check_previous(params, run, arrays, np.shape(arrays["tokens"])[1])

    def plan(self, params: TokenPackParams, run: Packing, arrays: Arrays) -> Job:
        """Plan the kept tokens, and the package of the dropped valid ones."""
        self.check(params, run, arrays)
        scores, tokens = (np.asarray(arrays[n]).astype(np.int64) for n in ("scores", "tokens"))
        count = len(scores)
        mask, valid = (flags(name, arrays, count) for name in ("mask", "valid"))
        length = tokens.shape[1]
        previous = check_previous(params, run, arrays, length)
        packed = pack_tokens(tokens, mask, scores, valid, run=run, previous=previous)
        return Job(
            send={
                "command": to_words(*pack_command(params, run, length, previous)),
                "kept_count": to_words(([int(mask.sum())], params.number.width)),
                "decisions": decisions(params, mask, valid, scores),
                "tokens": _tokens(params, tokens, previous),
            },
            receive=_receive(params, run, packed),
            decode=lambda received: _decoded(params, run, length, received),
            golden=dict(packed_arrays(params, run, packed)),
            results=lambda: _packed_beats(params, run, packed) | clean_status(TokenPack, params),
            counters={"tokens": count, "kept": int(mask.sum())},
        )


@dataclass(frozen=True, kw_only=True)
class SelectorRun(Packing, Selection):
    """How one stage selects and packs; ``score`` only where no ``scores`` are given."""

    score: str = option(
        "class_attention",
        choices=SCORES_FROM,
        help="how to compute the scores where none are given",
    )


class SelectorAdapter:
    """One stage: a command, a beat of scores a token, and the tokens after an earlier package.

    In place of ``scores`` it takes what `token_score` takes: the hardware is then sent what that
    block's golden model gives, saturated to the scores' format.
    """

    Run = SelectorRun
    inputs = (
        TOKENS,
        replace(SCORES, optional=True),
        VALID,
        *PREVIOUS,
        *(each for each in SCORED_FROM if each.name not in {"tokens", "valid"}),
    )
    outputs = (PACKED[0], *SELECTED, *PACKED[1:])

    def check(self, params: SelectorParams, run: SelectorRun, arrays: Arrays) -> None:
        """Refuse wrong tokens and flags, and wrong scores or what they are made of."""
        if "scores" in arrays:
            count = check_scores(params, arrays["scores"])
        else:
            scoring = self._scoring(params)
            TokenScoreAdapter().check(scoring, ScoreRun(score=run.score), arrays)
            count = TokenScoreAdapter().tokens_of(run.score, arrays)
        check_tokens(params, arrays["tokens"], count)
        check_flags("valid", arrays, count)
        check_previous(params, run, arrays, np.shape(arrays["tokens"])[1])

    def plan(self, params: SelectorParams, run: SelectorRun, arrays: Arrays) -> Job:
        """Plan which tokens stay, by the policy of ``run``, and the package of the others."""
        self.check(params, run, arrays)
        scores = np.asarray(self._scores(params, run, arrays)).astype(np.int64)
        count = len(scores)
        tokens = np.asarray(arrays["tokens"]).astype(np.int64)
        valid = flags("valid", arrays, count)
        length = tokens.shape[1]
        previous = check_previous(params, run, arrays, length)
        selected = select(scores, valid, run=run)
        packed = pack_tokens(tokens, selected.mask, scores, valid, run=run, previous=previous)

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            return _decoded(params, run, length, received) | from_selected(params, received)

        return Job(
            send={
                "command": to_words(
                    *select_command(params, run), *pack_command(params, run, length, previous)
                ),
                "scores": score_beats(params, scores, valid),
                "tokens": _tokens(params, tokens, previous),
            },
            receive={"indices": selected.count, "count": 1, **_receive(params, run, packed)},
            decode=decode,
            golden={**packed_arrays(params, run, packed), **selected_arrays(params, selected)},
            results=lambda: {
                **selected_beats(params, selected),
                **_packed_beats(params, run, packed),
                **clean_status(Selector, params),
            },
            counters={"tokens": count, "kept": selected.count},
        )

    def _scores(self, params: SelectorParams, run: SelectorRun, arrays: Arrays) -> NDArray:
        if "scores" in arrays:
            return arrays["scores"]
        scored = ScoreRun(score=run.score)
        job = TokenScoreAdapter().plan(self._scoring(params), scored, arrays)
        return job.golden["scores"]

    def _scoring(self, params: SelectorParams) -> TokenScoreParams:
        fmt = params.score_format
        return TokenScoreParams(
            attention_format=fmt, head_format=fmt, score_format=fmt, max_tokens=params.max_tokens
        )


PRESETS = {"zcu102": {"lanes": 16}, "deit": {"max_tokens": 256, "max_length": 768}}
TOKEN_PACK = Block(
    "token_pack",
    "Pass kept tokens on in order, and merge the dropped ones into a package token.",
    TokenPackParams,
    TokenPack,
    TokenPackAdapter(),
    presets=PRESETS,
    sheet=token_pack_sheet,
)
SELECTOR = Block(
    "selector",
    "Choose tokens by score, pass on the kept ones, and merge the others into a package token.",
    SelectorParams,
    Selector,
    SelectorAdapter(),
    presets=PRESETS,
    sheet=selector_sheet,
)
