"""How attention, or the outputs of the heads' classifiers, become the beats of `token_score`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import clean_status, expect_clean
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_values
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.common.options import Options, option
from gemmule.golden.tokens import heatvit
from gemmule.golden.tokens.scores import (
    class_attention,
    column_max,
    first_column,
    saturate,
    weighted,
)
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.hw.tokens.token_score import TokenScore

from .beats import check_flags, flags
from .score_sheet import token_score_sheet

__all__ = ["SCORES", "TOKEN_SCORE", "ScoreRun"]

SCORES = ("class_attention", "column_max", "first_column", "heatvit")
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ScoreRun(Options):
    """What the score is, in one run."""

    score: str = option("class_attention", choices=SCORES, help="how to score a token")


class TokenScoreAdapter:
    """One command; rows of attention, or the pairs of score and weight of each token's heads.

    Of `first_column` the hardware is sent that column alone, as a row a head. Of `heatvit` it is
    sent what the heads' classifiers give: those layers are the golden model's here, and belong to
    the `gemm`, `gelu`, `sigmoid` and `softmax` blocks.
    """

    Run = ScoreRun
    inputs = (
        Array(
            "attention",
            "[heads, N] or [heads, N, N]",
            "--attention-format",
            "attention of one layer",
            True,
        ),
        Array("previous", "[N]", "--score-format", "column_max: scores of the layer before", True),
        Array("tokens", "[N, D]", "s8", "heatvit: the tokens", True),
        Array("valid", "[N]", "bool", "heatvit: 1 where there is a token", True),
        *(
            Array(name, shape, fmt, f"heatvit: {text}", True)
            for name, shape, fmt, text in heatvit.ARRAYS
        ),
    )
    outputs = (Array("scores", "[N]", "--score-format", "score of each token"),)

    def check(self, params: TokenScoreParams, run: ScoreRun, arrays: Arrays) -> None:
        """Refuse wrong arrays among those that the score is made of."""
        if run.score == "heatvit":
            self._check_heatvit(params, arrays)
            return
        if "attention" not in arrays:
            raise UsageError(f"--score {run.score} needs the array attention")
        self._check_attention(params, run, arrays["attention"])
        if run.score == "column_max" and "previous" in arrays:
            count = self.tokens_of(run.score, arrays)
            check_values("previous", arrays["previous"], params.result, shape=(count,))

    def tokens_of(self, score: str, arrays: Arrays) -> int:
        """Return how many scores there will be."""
        return (
            np.shape(arrays["tokens"])[0]
            if score == "heatvit"
            else np.shape(arrays["attention"])[-1]
        )

    def plan(self, params: TokenScoreParams, run: ScoreRun, arrays: Arrays) -> Job:
        """Plan the reduction that ``run`` asks for."""
        self.check(params, run, arrays)
        if run.score == "heatvit":
            return self._heatvit(params, arrays)
        attention = np.asarray(arrays["attention"]).astype(np.int64)
        if run.score == "class_attention":
            return self._rows(params, attention[:, None], class_attention(attention), mean=True)
        if run.score == "first_column":
            rows = attention[:, None, :, 0]
            return self._rows(params, rows, first_column(attention))
        previous = None
        if "previous" in arrays:
            previous = np.asarray(arrays["previous"]).astype(np.int64)
        scores = column_max(attention, previous)
        return self._rows(params, attention, scores, maximum=True, previous=previous)

    def _check_attention(self, params: TokenScoreParams, run: ScoreRun, attention: NDArray) -> None:
        fmt = params.attention_format
        axes = 2 if run.score == "class_attention" else 3
        if len(attention.shape) != axes:
            wanted = "[" + ", ".join(["any"] * axes) + "]"
            raise UsageError(f"attention must have shape {wanted}, not {list(attention.shape)}")
        heads, count = attention.shape[0], attention.shape[-1]
        if not 1 <= heads <= params.max_heads:
            raise UsageError(
                f"attention must have 1 to {params.max_heads} heads (--max-heads), not {heads}"
            )
        if not 1 <= count <= params.max_tokens:
            raise UsageError(
                f"attention must be of 1 to {params.max_tokens} tokens (--max-tokens), not {count}"
            )
        if attention.ndim == 3 and attention.shape[1] != count:
            raise UsageError(
                f"attention must have shape [heads, N, N], not {list(attention.shape)}"
            )
        if run.score == "class_attention" and fmt.signed:
            raise UsageError(f"--attention-format must be unsigned for class_attention, not {fmt}")
        check_values("attention", attention, fmt)

    def _rows(
        self,
        params: TokenScoreParams,
        rows: Integers,
        scores: Integers,
        *,
        maximum: bool = False,
        mean: bool = False,
        previous: Integers | None = None,
    ) -> Job:
        """Return a job of ``rows`` [heads, rows, N]."""
        heads, height, count = rows.shape
        lanes, fmt = params.lanes, params.attention_format
        filled = np.pad(rows, ((0, 0), (0, 0), (0, -count % lanes))).reshape(-1, lanes)
        carried = np.zeros(0, np.int64) if previous is None else previous
        command = self._command(
            params, heads, count, height, maximum=maximum, mean=mean, carried=len(carried) > 0
        )
        send = {
            "command": command,
            "attention": to_words((filled, fmt.width), (last_of(len(filled)), 1)),
            "previous": to_words((carried, params.result.width), (last_of(len(carried)), 1)),
            "pairs": self._pairs(params, np.zeros((0, 1), int), np.zeros((0, 1), int)),
        }
        return self._job(params, send, scores)

    def _check_heatvit(self, params: TokenScoreParams, arrays: Arrays) -> None:
        heads = heatvit.Selector.shapes(arrays)["feature"][0]
        count = len(arrays["tokens"]) if "tokens" in arrays and np.shape(arrays["tokens"]) else 0
        if count > params.max_tokens or heads > params.max_heads:
            raise UsageError(
                f"tokens and heads must be at most {params.max_tokens} (--max-tokens) and"
                f" {params.max_heads} (--max-heads), not {count} and {heads}"
            )
        heatvit.Selector.refuse(arrays)
        check_flags("valid", arrays, count)

    def _heatvit(self, params: TokenScoreParams, arrays: Arrays) -> Job:
        fmt = params.head_format
        selector = heatvit.Selector.check(arrays)
        tokens = selector.check_tokens(arrays)
        valid = flags("valid", arrays, len(tokens))
        parts, weights = selector.heads_of(tokens, valid, fmt)
        lanes = params.lanes
        send = {
            "command": self._command(params, selector.heads, len(tokens), 1, weighted=True),
            "attention": to_words(
                (np.zeros((0, lanes), int), params.attention_format.width), (last_of(0), 1)
            ),
            "previous": to_words((np.zeros(0, int), params.result.width), (last_of(0), 1)),
            "pairs": self._pairs(params, parts, weights),
        }
        return self._job(params, send, weighted(parts, weights))

    def _pairs(self, params: TokenScoreParams, parts: Integers, weights: Integers) -> Beats:
        tokens, heads = parts.shape
        width = params.head_format.width
        last = np.tile(last_of(heads), tokens)
        return to_words((parts.ravel(), width), (weights.ravel(), width), (last, 1))

    def _command(
        self, params: TokenScoreParams, heads: int, count: int, height: int, **flags: bool
    ) -> Beats:
        layout = params.command
        values = {"heads": heads, "final_row": height - 1, "final_token": count - 1, **flags}
        return to_words(*(([values.get(name, 0)], layout[name].width) for name in layout.members))

    def _job(self, params: TokenScoreParams, send: dict[str, Beats], scores: Integers) -> Job:
        fmt = params.result

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            expect_clean(received)
            values = from_words(received["scores"], 0, fmt.width, 1, signed=fmt.signed)
            return {"scores": values[:, 0].astype(fmt.dtype)}

        return Job(
            send=send,
            receive={"scores": len(scores), "status": 1},
            decode=decode,
            golden={"scores": saturate(scores, fmt).astype(fmt.dtype)},
            results=lambda: {
                "scores": to_words((saturate(scores, fmt), fmt.width), (last_of(len(scores)), 1)),
                **clean_status(TokenScore, params),
            },
            counters={"tokens": len(scores)},
        )


TOKEN_SCORE = Block(
    "token_score",
    "Reduce attention, or weighted scores of heads, to one score a token.",
    TokenScoreParams,
    TokenScore,
    TokenScoreAdapter(),
    sheet=token_score_sheet,
)
