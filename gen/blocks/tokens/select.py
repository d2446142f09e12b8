"""How arrays become the beats of `token_select`."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import clean_status, expect_clean
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.tokens.selection import Selected, Selection, select
from gemmule.hw.tokens.params import TokenSelectParams
from gemmule.hw.tokens.token_select import TokenSelect

from .beats import check_flags, check_scores, decisions, flags, score_beats, select_command
from .select_sheet import token_select_sheet

__all__ = ["SELECTED", "TOKEN_SELECT", "from_selected", "selected_arrays", "selected_beats"]

SELECTED = (
    Array("indices", "[n]", "u", "indices of the kept tokens, ascending"),
    Array("count", "[]", "u", "number of kept tokens"),
)


def selected_arrays(params: TokenSelectParams, selected: Selected) -> dict[str, NDArray]:
    """Return what both `token_select` and `selector` give of a selection."""
    return {
        "indices": selected.indices.astype(Format(False, params.index.width).dtype),
        "count": np.array(selected.count, Format(False, params.number.width).dtype),
    }


def from_selected(params: TokenSelectParams, received: dict[str, Beats]) -> dict[str, NDArray]:
    """Return the same as :func:`selected_arrays`, from beats."""
    indices = from_words(received["indices"], 0, params.index.width, 1, signed=False)[:, 0]
    count = from_words(received["count"], 0, params.number.width, 1, signed=False)[0, 0]
    return {
        "indices": indices.astype(Format(False, params.index.width).dtype),
        "count": np.array(count, Format(False, params.number.width).dtype),
    }


def selected_beats(params: TokenSelectParams, selected: Selected) -> dict[str, Beats]:
    """Return a selection as both blocks give it, the inverse of :func:`from_selected`."""
    last = last_of(selected.count)
    return {
        "indices": to_words((selected.indices, params.index.width), (last, 1)),
        "count": to_words(([selected.count], params.number.width)),
    }


class TokenSelectAdapter:
    """One stage: a command, then a beat a token."""

    Run = Selection
    inputs = (
        Array("scores", "[N]", "--score-format", "how important each token is"),
        Array("valid", "[N]", "bool", "1 where there is a token", optional=True),
    )
    outputs = (Array("mask", "[N]", "bool", "1 where a token is kept"), *SELECTED)

    def check(self, params: TokenSelectParams, run: Selection, arrays: Arrays) -> None:
        """Refuse wrong scores, and flags that are not one for each."""
        check_flags("valid", arrays, check_scores(params, arrays["scores"]))

    def plan(self, params: TokenSelectParams, run: Selection, arrays: Arrays) -> Job:
        """Plan which tokens stay, by the policy of ``run``."""
        self.check(params, run, arrays)
        scores = np.asarray(arrays["scores"]).astype(np.int64)
        valid = flags("valid", arrays, len(scores))
        selected = select(scores, valid, run=run)

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            expect_clean(received)
            mask = from_words(received["decisions"], 0, 1, 1, signed=False)[:, 0]
            return {"mask": mask.astype(bool), **from_selected(params, received)}

        return Job(
            send={
                "command": to_words(*select_command(params, run)),
                "scores": score_beats(params, scores, valid),
            },
            receive={"decisions": len(scores), "indices": selected.count, "count": 1, "status": 1},
            decode=decode,
            golden={"mask": selected.mask, **selected_arrays(params, selected)},
            results=lambda: {
                "decisions": decisions(params, selected.mask, valid, scores),
                **selected_beats(params, selected),
                **clean_status(TokenSelect, params),
            },
            counters={"tokens": len(scores), "kept": selected.count},
        )


TOKEN_SELECT = Block(
    "token_select",
    "Keep the tokens whose scores reach a threshold, or the highest-ranked ones.",
    TokenSelectParams,
    TokenSelect,
    TokenSelectAdapter(),
    presets={"8-bit": {"score_format": "u8"}},
    sheet=token_select_sheet,
)
