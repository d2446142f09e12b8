"""The data sheet of `token_pack`, and what all sheets say of the packing."""

from collections.abc import Mapping

import numpy as np

from gemmule.gen.package.sheet import Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.tokens.cycles import SUMS, package_cycles
from gemmule.golden.tokens.packing import PACKAGE_WIDTH
from gemmule.hw.tokens.params import TokenPackParams

from .select_sheet import some_scores

__all__ = [
    "TOKENS",
    "outputs",
    "pack_constants",
    "pack_fields",
    "pack_latency",
    "pack_limits",
    "packed_streams",
    "packing",
    "some_tokens",
    "token_pack_sheet",
]


def token_pack_sheet(params: TokenPackParams) -> Sheet:
    """Say what `token_pack` computes, and how it is driven."""
    return Sheet(
        equation=packing(params),
        streams={
            "command": Stream("One word a stage.", pack_fields(params)),
            "kept_count": Stream(
                "One word a stage: how many of the decisions keep their token.",
                {"payload": Field("tokens that are kept", f"0..{params.max_tokens}", "tokens")},
            ),
            "decisions": Stream(
                "One beat a token; one packet a stage, which says how many tokens there are.",
                {
                    "data.keep": Field("1: the token is kept", "0, 1"),
                    "data.valid": Field("0: a token that is in no sum", "0, 1"),
                    "data.score": Field("its weight in the package", numbers(params.score_format)),
                },
            ),
            **packed_streams(params),
            "status": status(["decisions", "tokens", "kept_count"], never=["decisions.early"]),
        },
        order=text(f"""
        A token of D elements is E = ceil(D / {params.lanes}) beats; `final` is E - 1.

        ```text
        for each stage:
          command:     one word
          kept_count:  one word
          decisions:   for i = 0 .. N - 1: one beat: keep[i], valid[i], score[i]
          tokens:      if merge: for e = 0 .. E - 1: one beat of the earlier package (no decision)
                       for i = 0 .. N - 1, e = 0 .. E - 1: one beat:
                         lane j = token[i][{params.lanes} * e + j]
        {outputs(params, "          ")}
          status:      one word
        ```

        A decision and the beats of its token are taken together.
        """),
        faults=text(f"""
        - A refused command takes one `kept_count` and one packet each of `decisions` and `tokens`
          with it, and gives nothing but its status.
        - The number of decisions, 1 to {params.max_tokens}, is that of tokens; more are cut and
          dropped up to and with TLAST (`decisions.late`). {TOKENS}
        - Where more tokens are kept than `kept_count` says (`kept_count.early`) or fewer
          (`kept_count.late`), `compact` leaves out the last of them or appends zeros: `kept` has as
          many as were announced.
        """),
        limits=pack_limits(params),
        latency=pack_latency(params),
        throughput="One beat of tokens a cycle, kept or dropped.",
        back_pressure=(
            "Every output but `status` must be taken for a stage to end. `tokens` are ready only"
            " while `kept` is."
        ),
        ahead={"command": 0, "kept_count": 0, "decisions": 0, "tokens": 0},
        examples=_pack_examples(params),
        constants=pack_constants(params),
        source="HeatViT (arXiv 2211.08110, equation 10); SPViT leaves the division out",
    )


TOKENS = (
    "Tokens that end early go on as zeros (`tokens.early`), those that go on are dropped up to and"
    " with TLAST (`tokens.late`)."
)


def packing(params: TokenPackParams) -> str:
    """Say what becomes of the kept tokens and of the others."""
    low, high = -(1 << PACKAGE_WIDTH - 1), (1 << PACKAGE_WIDTH - 1) - 1
    return text(f"""
    **What becomes of them.** `kept` are the kept tokens in order (`compact` = 1), or all tokens,
    those that are not kept as zeros (`compact` = 0). Of the valid ones that are not kept one
    package token is made, element by element:

        weight     = sum of score[i] {{+ pack.weight of the earlier package}}
        sum[d]     = sum of score[i] * token[i][d] {{+ its weight * its element d}}
        package[d] = sum[d] / weight, rounded to nearest, a tie to even; 0 where weight is 0
                     (`package` = 0), or
                     min(max(sum[d], {low}), {high})   (`package` = 1)

    With `package` = 2 there is none: no beat of `package`, no word of `weight`. What stands in
    braces is there with `merge` = 1.
    """)


def pack_fields(params: TokenPackParams) -> Mapping[str, Field]:
    """Describe what a command says of the packing."""
    return {
        "final": Field(
            "beats of a token, less one"
            + (
                ""
                if 1 << (params.max_beats - 1).bit_length() > params.max_beats
                else "; `LENGTH` cannot occur, since no greater number fits the field"
            ),
            f"0..{params.max_beats - 1}",
            "beats",
        ),
        "package": Field("0: the mean; 1: the sum; 2: none", "0..2"),
        "compact": Field("1: dropped tokens go; 0: they stay as zeros", "0, 1"),
        "merge": Field(
            "1: an earlier package comes in front of the tokens: a mean, which is in the range of a"
            " token's elements as a sum need not be",
            "0, 1",
        ),
        "weight": Field(
            "the weight of the earlier package; 0 without one",
            f"0..{(1 << params.weight_width) - 1}",
        ),
    }


def packed_streams(params: TokenPackParams) -> Mapping[str, Stream]:
    """Describe the streams of the tokens, and of what is made of them."""
    most = (1 << params.weight.width) - 1
    return {
        "tokens": Stream(
            "All tokens of a stage, one packet; an earlier package in front of them with `merge`.",
            {"data": Field("elements of a token", numbers(params.token_format))},
        ),
        "kept": Stream(
            "The kept tokens (`compact`: these alone), one packet a stage; no beat where there is"
            " none.",
            {"data": Field("elements of a token", numbers(params.token_format))},
        ),
        "package": Stream(
            "The package token, one packet a stage; none with `package` = 2.",
            {"data": Field("elements of the package", f"signed {PACKAGE_WIDTH} bits")},
        ),
        "weight": Stream(
            "One word a stage, offered before the package; none with `package` = 2.",
            {"payload": Field("the sum of the scores in the package", f"0..{most}")},
        ),
    }


def outputs(params: TokenPackParams, indent: str) -> str:
    """Describe the order of beats of what is made, indented."""
    lines = [
        "kept:     for each kept i (all i where compact = 0), e = 0 .. E - 1: one beat, as tokens",
        "weight:   one word, if there is a package",
        "package:  if there is one: for e = 0 .. E - 1: one beat:",
        f"            lane j = package[{params.lanes} * e + j]",
    ]
    return "\n".join(indent + line for line in lines)


def pack_latency(params: TokenPackParams) -> str:
    """Say what the latency is, in cycles."""
    lanes, dividers = params.lanes, params.dividers
    mean, total = (
        package_cycles(1, lanes, dividers, params.token_format.width, divided=divided) - SUMS
        for divided in (True, False)
    )
    return (
        "A beat of `kept` follows its beat of `tokens` by 1 cycle. Beat e = 0, 1, ... of the"
        f" package follows the last beat of tokens by {SUMS} + {mean} * (e + 1) cycles for a mean,"
        f" {SUMS} + {total} * (e + 1) for a sum."
    )


def pack_limits(params: TokenPackParams) -> tuple:
    """List the largest sizes."""
    return (
        ("tokens of a stage", params.max_tokens),
        ("elements of a token", params.max_beats * params.lanes),
        ("beats of a token", params.max_beats),
    )


def pack_constants(params: TokenPackParams) -> dict[str, int]:
    """Return what software needs to send tokens."""
    return {
        "LANES": params.lanes,
        "MAX_BEATS": params.max_beats,
        "PACKAGE_MEAN": 0,
        "PACKAGE_SUM": 1,
        "PACKAGE_NONE": 2,
    }


def some_tokens(params: TokenPackParams, count: int) -> np.ndarray:
    """Return the tokens of an example."""
    length = min(params.lanes + 1 if params.lanes <= 4 else 3, params.max_length)
    fmt = params.token_format
    low, high = max(fmt.low, -40), min(fmt.high, 60)
    values = np.arange(count * length) * 29 % (high - low + 1) + low
    return values.reshape(count, length)


def _pack_examples(params: TokenPackParams) -> tuple[Example, ...]:
    count, scores, valid = some_scores(params)
    tokens = some_tokens(params, count)
    mask = np.array([1, 0, 1, 0, 0])[:count]
    arrays = {"tokens": tokens, "mask": mask, "scores": scores, "valid": valid}
    earlier = {"previous_package": tokens[0], "previous_weight": np.array([3])}
    return (
        Example("1: the mean of the dropped", arrays),
        Example(
            "2: a sum with an earlier package, zeros in place of the dropped",
            arrays | earlier,
            {"package": "sum", "mode": "zero"},
        ),
    )
