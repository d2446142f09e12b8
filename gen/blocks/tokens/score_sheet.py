"""The data sheet of `token_score`."""

from collections.abc import Mapping

import numpy as np

from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.common.formats import Format
from gemmule.hw.tokens.score_params import TokenScoreParams

__all__ = ["token_score_sheet"]


USUAL = (
    "| score | what comes | `weighted` | `maximum` | `mean` | `carried` |\n"
    "|---|---|---|---|---|---|\n"
    "| attention of the class token | its row of each head | 0 | 0 | 1 | 0 |\n"
    "| greatest of each column, summed from layer to layer | all rows of each head"
    " | 0 | 1 | 0 | 1; in the first layer 0 |\n"
    "| what each token gives the first | the first **column** of each head, as a row"
    " | 0 | 0 | 0 | 0 |\n"
    "| heads' classifiers, weighted | pairs | 1 | 0 | 0 | 0 |"
)
"""How the command's bits make the scores that papers use."""


def token_score_sheet(params: TokenScoreParams) -> Sheet:
    """Say what `token_score` computes, and how it is driven."""
    result = numbers(params.result)
    head = numbers(params.head_format)
    quotient = params.quotient.width
    return Sheet(
        equation=_equation(params),
        streams={
            "command": Stream("One word for the scores of a layer.", _command(params)),
            "attention": Stream(
                "The rows of all heads, one packet a command; a row of N tokens is"
                f" ceil(N / {params.lanes}) beats. Lanes beyond its end may hold anything. No"
                " packet where `weighted` is 1.",
                {"data": Field("what is given to the tokens", numbers(params.attention_format))},
            ),
            "previous": Stream(
                "What is added to the sums, one beat a token, one packet a command; none where"
                " `carried` is 0.",
                {"data": Field("earlier score of the token", result)},
            ),
            "pairs": Stream(
                "Each token's heads: one beat a head, one packet **a token**; none where `weighted`"
                " is 0.",
                {
                    "data.score": Field("the head's score of the token", head),
                    "data.weight": Field("the head's weight for the token", head),
                },
            ),
            "scores": Stream(
                "The results, one beat a token, one packet a command.",
                {"data": Field("score of the token", result)},
            ),
            "status": status(["attention", "previous", "pairs"]),
        },
        order=_order(params),
        faults=text("""
        - A refused command takes with it the packets that it would have had: one of `attention`
          with `weighted` = 0, one of `previous` with `carried` = 1, `final_token` + 1 of `pairs`
          with `weighted` = 1; none at all where `heads` is 0. It gives nothing but its status.
        - A packet of `attention` or `previous` that ends early goes on as zeros (`early`); of one
          that goes on, the rest is taken and thrown away up to and with TLAST (`late`).
        - The same holds for each token's packet of `pairs`: heads that are missing count as score 0
          and weight 0. The status tells whether any of the command's packets was wrong.
        - The next command is not affected.
        """),
        limits=(
            ("tokens", params.max_tokens),
            ("heads", params.max_heads),
            ("rows of a head, with `maximum`", params.max_tokens),
        ),
        latency=(
            "4 cycles from the last beat of `attention` to the first score of sums; one more"
            f" division for means, {quotient + 4} cycles; {params.head_format.width + 6} from a"
            " token's last pair to its score, more where all dividers are busy."
        ),
        throughput=(
            "One beat of `attention` a cycle, then"
            f" {params.lanes} scores in {params.lanes + 1} cycles, of means {params.dividers} in"
            f" {quotient + 4}; one pair a cycle until the {params.dividers} dividers are busy."
        ),
        back_pressure=(
            "Attention of the next command, and pairs, wait while scores are not taken; `previous`"
            " is taken while scores come out."
        ),
        ahead={"command": 1, "attention": 1, "previous": 0, "pairs": ANY},
        examples=_examples(params),
        constants={
            "LANES": params.lanes,
            "MAX_TOKENS": params.max_tokens,
            "MAX_HEADS": params.max_heads,
        },
        encoder=("encode_score.py",),
        source="CP-ViT (arXiv 2203.04570), EdgeQAT (X. Shen et al.), EViT (arXiv 2202.07800),"
        " HeatViT (arXiv 2211.08110)",
    )


def _equation(params: TokenScoreParams) -> str:
    fmt = params.result
    mean = (
        "Attention is signed here: commands with `mean` = 1 are refused."
        if params.attention_format.signed
        else "`maximum` and `mean` may both be 1."
    )
    return (
        text(f"""
    One score for each token n = 0 .. N - 1, from rows of attention or from the heads' own scores.
    With `weighted` = 0, over the heads h and, with `maximum` = 1, the rows q of each head:

        row[h][n] = maximum over q of attention[h][q][n]     (`maximum` = 1)
                    attention[h][0][n]                       (`maximum` = 0: one row a head)
        sum[n]    = sum over h of row[h][n]
        value[n]  = sum[n] + previous[n]                     (`carried` = 1)
                    divide(sum[n], heads)                    (`mean` = 1)
                    sum[n]                                   (both 0)

    With `weighted` = 1:

        value[n]  = divide(sum over h of score[n][h] * weight[n][h], sum over h of weight[n][h])

    `divide` rounds to the nearest integer, a tie to the even one; divided by 0 anything is 0. Then

        scores[n] = min(max(value[n], {fmt.low}), {fmt.high})

    {mean} The usual scores:
    """)
        + "\n\n"
        + USUAL
    )


def _command(params: TokenScoreParams) -> Mapping[str, Field]:
    most = params.max_tokens - 1
    of_mean = "0" if params.attention_format.signed else "0, 1"
    return {
        "weighted": Field(
            "1: `pairs` come; then `maximum`, `mean` and `final_row` are ignored", "0, 1"
        ),
        "maximum": Field("1: a head has `final_row` + 1 rows; 0: it has one", "0, 1"),
        "mean": Field("1: sums are divided by `heads`", of_mean),
        "carried": Field(
            "1: `previous` is added", "0, 1; 1 only where `mean` and `weighted` are 0"
        ),
        "heads": Field("how many heads", f"1..{params.max_heads}", "heads"),
        "final_row": Field("rows of a head, less one; without `maximum` ignored", f"0..{most}"),
        "final_token": Field("N - 1, the tokens less one", f"0..{most}", "tokens"),
    }


def _order(params: TokenScoreParams) -> str:
    lanes = params.lanes
    return text(f"""
    ```text
    for each command:
      command:  one word
      if weighted = 0:
        attention:  for h = 0 .. heads - 1:
                      for q = 0 .. final_row (maximum = 1), or one row:
                        for i = 0, {lanes}, {2 * lanes}, ... below N:
                          one beat: lane j = attention[h][q][i + j]
                    TLAST on the very last beat
        previous:   if carried: for n = 0 .. N - 1: one beat: previous[n]
      if weighted = 1:
        pairs:      for n = 0 .. N - 1:
                      for h = 0 .. heads - 1: one beat: score[n][h], weight[n][h]
                      TLAST on the token's last beat
      scores:   for n = 0 .. N - 1: one beat: scores[n]
      status:   one word
    ```
    """)


def _some(fmt: Format, shape: tuple[int, ...], step: int) -> np.ndarray:
    low, high = max(fmt.low, -40), min(fmt.high, 60)
    count = int(np.prod(shape))
    return (np.arange(count) * step % (high - low + 1) + low).reshape(shape)


def _examples(params: TokenScoreParams) -> tuple[Example, ...]:
    fmt, heads = params.attention_format, min(2, params.max_heads)
    count = min(3, params.max_tokens)
    rows = _some(fmt, (heads, count), 23)
    first = (
        Example(
            "1: what each token gives the first",
            {"attention": _some(fmt, (1, 2, 2), 23)},
            {"score": "first_column"},
        )
        if fmt.signed
        else Example(
            "1: the attention of the class token", {"attention": rows}, {"score": "class_attention"}
        )
    )
    # One head, where a row takes more than a beat: few enough beats for the run-ahead to be seen.
    maps = _some(fmt, (1, 2, 2), 29)
    return (
        first,
        Example(
            "2: the greatest of each column, with those of the layer before",
            {"attention": maps, "previous": _some(params.result, (2,), 7)},
            {"score": "column_max"},
        ),
        Example("3: two tokens of heads with weights", _classifiers(heads), {"score": "heatvit"}),
    )


def _classifiers(heads: int) -> dict[str, np.ndarray]:
    """Make arrays of the golden model's classifiers: the block itself sees their results alone."""
    made: dict[str, np.ndarray] = {}
    d = 4
    sizes = {
        "feature": (heads, d, d),
        "mlp1": (heads, d, d // 2),
        "mlp2": (heads, d // 2, d // 4),
        "mlp3": (heads, d // 4, 2),
        "head1": (heads, 2),
        "head2": (2, heads),
    }
    for name, size in sizes.items():
        bias = size[:-2] + size[-1:]
        made |= {
            f"{name}_weight": np.arange(np.prod(size)).reshape(size) * 37 % 101 - 50,
            f"{name}_bias": np.arange(np.prod(bias)).reshape(bias) * 300,
            f"{name}_multiplier": np.array([1]),
            f"{name}_shift": np.array([2]),
        }
    return made | {"tokens": np.arange(2 * d * heads).reshape(2, -1) * 53 % 200 - 100}
