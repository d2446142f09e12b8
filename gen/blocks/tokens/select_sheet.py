"""The data sheet of `token_select`, and what all sheets say of a selection."""

from collections.abc import Mapping

import numpy as np

from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.tokens.selection import ratio_bits
from gemmule.hw.tokens.params import TokenSelectParams
from gemmule.hw.tokens.select.histogram import BINS

BYTE = 8

__all__ = [
    "count_stream",
    "indices_stream",
    "scores_stream",
    "select_constants",
    "select_fields",
    "selection",
    "some_scores",
    "swept",
    "token_select_sheet",
]


def token_select_sheet(params: TokenSelectParams) -> Sheet:
    """Say what `token_select` computes, and how it is driven."""
    most = params.max_tokens
    return Sheet(
        equation=selection(params),
        streams={
            "command": Stream("One word a stage.", select_fields(params)),
            "scores": scores_stream(params),
            "decisions": Stream(
                "One beat a token, in the order of the scores; one packet a stage.",
                {
                    "data.keep": Field("1: the token is kept", "0, 1"),
                    "data.valid": Field("as it came", "0, 1"),
                    "data.score": Field("as it came", numbers(params.score_format)),
                },
            ),
            "indices": indices_stream(params),
            "count": count_stream(params),
            "status": status(["scores"], never=["scores.early"]),
        },
        order=text("""
        ```text
        for each stage:
          command:    one word
          scores:     for i = 0 .. N - 1: one beat: score[i], valid[i]
          count:      one word, before the two below begin
          decisions:  for i = 0 .. N - 1: one beat: keep[i], valid[i], score[i]
          indices:    for each i with keep[i] = 1, ascending: one beat: i
          status:     one word
        ```

        The packet of scores says how many tokens there are. Where none is kept, `indices` has no
        beat.
        """),
        faults=text(f"""
        - A refused command takes one packet of scores with it and gives nothing but its status.
        - A packet of more than {most} scores is cut there and dropped up to and with its TLAST
          (`scores.late`); any shorter one is legal.
        - `keep` and `protect` may be larger than the number of tokens: all are kept.
        """),
        limits=(("tokens of a stage", most), ("least tokens of a stage", 1)),
        latency=(
            f"`count` at most 2 N + 128 cycles (N + 64 for scores of up to 8 bits) after the first"
            f" of N scores is taken, the last decision at most 3 N + 128: {3 * most + 128} for the"
            f" most tokens. {swept(params)}"
        ),
        throughput="One score a cycle in, then one decision a cycle out; stages in turn.",
        back_pressure=(
            "`decisions` and `indices` advance together: take both. `count` holds up the next"
            " stage's decision only."
        ),
        ahead={"command": 1, "scores": ANY},
        examples=_select_examples(params),
        constants=select_constants(params),
        encoder=("encode_select.py",),
        source="HeatViT (arXiv 2211.08110), SPViT (ECCV 2022), EViT (arXiv 2202.07800), CP-ViT"
        " (arXiv 2203.04570)",
    )


def swept(params: TokenSelectParams) -> str:
    """Say what a stage of selection does first."""
    cycles = BINS * (2 if params.score_format.width > BYTE else 1)
    return (
        f"After a reset or a `clear` nothing is taken for {cycles} cycles, in which counters are"
        " swept: what is offered waits."
    )


def selection(params: TokenSelectParams) -> str:
    """Say which tokens stay, as a stage of selection decides it."""
    bits, most, low = ratio_bits(params.max_tokens), params.max_tokens, params.score_format.low
    return text(f"""
    **Which tokens stay**, of N tokens i = 0 .. N - 1:

        candidate[i] = valid[i] and i >= protect and score[i] >= threshold
        quota        = min(keep, ceil(ratio * number of candidates / 2^{bits}))
        keep[i]      = i < protect, or candidate[i] and fewer than quota candidates come before i

    where a candidate comes before another if its score is greater, or equal and its number lower.
    With `ties` = 1, candidates whose score equals that of the last one kept are kept as well.
    The usual policies:

    | policy | `threshold` | `keep` | `ratio` | `ties` |
    |---|---|---|---|---|
    | all scores >= T | T | {most} | {1 << bits} | 0 |
    | the n highest | {low} | n | {1 << bits} | 0 |
    | the fraction f, rounded up | {low} | {most} | f, see below | 0 |
    | all at or above rank floor(r * M) from below, of M candidates | {low} | {most} | 1 - r | 1 |

    A ratio f is floor(f * 2^{bits}), and one more if ceil(that * n / 2^{bits}) is below ceil(f * n)
    for an n up to {most}.
    """)


def select_fields(params: TokenSelectParams) -> Mapping[str, Field]:
    """Describe what a command says of a selection."""
    bits, most = ratio_bits(params.max_tokens), params.max_tokens
    return {
        "threshold": Field("the least score of a candidate", numbers(params.score_format)),
        "keep": Field("the most that are kept of the candidates", f"0..{most}", "tokens"),
        "ratio": Field(
            "how much of the candidates is kept, rounded up",
            f"0..{1 << bits}, which is 1.0",
            f"1/{1 << bits}",
        ),
        "protect": Field(
            "so many first tokens are always kept, and not counted", f"0..{most}", "tokens"
        ),
        "ties": Field("1: what equals the last one kept is kept as well", "0, 1"),
    }


def scores_stream(params: TokenSelectParams) -> Stream:
    """Describe the scores of a stage."""
    return Stream(
        f"One beat a token; one packet a stage, of 1 to {params.max_tokens} beats.",
        {
            "data.score": Field("how important the token is", numbers(params.score_format)),
            "data.valid": Field("0: a token that does not count", "0, 1"),
        },
    )


def indices_stream(params: TokenSelectParams) -> Stream:
    """Describe the numbers of what is kept."""
    last = params.max_tokens - 1
    return Stream(
        "The numbers of the kept tokens, ascending; one packet a stage, none where `count` is 0.",
        {"data": Field("number of a kept token; the first token is 0", f"0..{last}")},
    )


def count_stream(params: TokenSelectParams) -> Stream:
    """Describe the count of what is kept."""
    return Stream(
        "One word a stage.",
        {"payload": Field("how many tokens are kept", f"0..{params.max_tokens}", "tokens")},
    )


def select_constants(params: TokenSelectParams) -> dict[str, int]:
    """Return what software needs to make a command."""
    return {
        "MAX_TOKENS": params.max_tokens,
        "RATIO_BITS": ratio_bits(params.max_tokens),
        "RATIO_ONE": 1 << ratio_bits(params.max_tokens),
        "LEAST_SCORE": params.score_format.low,
    }


def some_scores(params: TokenSelectParams) -> tuple[int, np.ndarray, np.ndarray]:
    """Return how many tokens an example has, their scores, and which are valid."""
    count = min(5, params.max_tokens)
    fmt = params.score_format
    scores = np.array([9, 2, 7, 2, 5])[:count] % (fmt.high + 1)
    valid = np.array([1, 1, 1, 1, 0])[:count]
    return count, scores, valid


def _select_examples(params: TokenSelectParams) -> tuple[Example, ...]:
    _, scores, valid = some_scores(params)
    arrays = {"scores": scores, "valid": valid}
    return (
        Example(
            "1: the two highest, and the first", arrays, {"policy": "topk", "keep": 2, "protect": 1}
        ),
        Example("2: the fraction 0.4", arrays, {"policy": "fraction", "fraction": 0.4}),
    )
