"""The data sheets of the token blocks."""

from collections.abc import Mapping

import numpy as np

from gemmule.gen.package.sheet import ANY, Example, Field, Sheet, Stream
from gemmule.gen.package.sheet.parts import numbers, status, text
from gemmule.golden.tokens.packing import PACKAGE_WIDTH
from gemmule.golden.tokens.selection import ratio_bits
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams, TokenSelectParams

__all__ = ["selector_sheet", "token_pack_sheet", "token_select_sheet"]


def token_select_sheet(params: TokenSelectParams) -> Sheet:
    """What `token_select` computes, and how it is driven."""
    most = params.max_tokens
    return Sheet(
        equation=_selection(params),
        streams={
            "command": Stream("One word a stage.", _select_fields(params)),
            "scores": _scores(params),
            "decisions": Stream(
                "One beat a token, in the order of the scores; one packet a stage.",
                {
                    "data.keep": Field("1: the token is kept", "0, 1"),
                    "data.valid": Field("as it came", "0, 1"),
                    "data.score": Field("as it came", numbers(params.score_format)),
                },
            ),
            "indices": _indices(params),
            "count": _count(params),
            "status": status(["scores"]),
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
          (`scores.late`); any shorter one is legal, so `scores.early` is never set.
        - `keep` and `protect` may be larger than the number of tokens: all are kept.
        """),
        limits=(("tokens of a stage", most), ("least tokens of a stage", 1)),
        latency=(
            f"`count` at most 2 N + 128 cycles (N + 64 for scores of up to 8 bits) after the first"
            f" of N scores is taken, the last decision at most 3 N + 128: {3 * most + 128} for the"
            " most tokens. After a reset counters are swept for 512 cycles before the first command"
            " is taken (256 for scores of up to 8 bits)."
        ),
        throughput="One score a cycle in, then one decision a cycle out; stages in turn.",
        back_pressure=(
            "`decisions` and `indices` advance together: take both. `count` holds up the next"
            " stage's decision only."
        ),
        ahead={"command": 1, "scores": ANY},
        examples=_select_examples(params),
        constants=_select_constants(params),
        encoder=("encode_select.py",),
        source="HeatViT (arXiv 2211.08110), SPViT, EViT, CP-ViT (arXiv 2203.04570)",
    )


def token_pack_sheet(params: TokenPackParams) -> Sheet:
    """What `token_pack` computes, and how it is driven."""
    return Sheet(
        equation=_packing(params),
        streams={
            "command": Stream("One word a stage.", _pack_fields(params)),
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
            **_packed(params),
            "status": status(["decisions", "tokens", "kept_count"]),
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
        {_outputs(params, "          ")}
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
        limits=_pack_limits(params),
        latency=_pack_latency(params),
        throughput="One beat of tokens a cycle, kept or dropped.",
        back_pressure=(
            "Every output but `status` must be taken for a stage to end. `tokens` are ready only"
            " while `kept` is."
        ),
        ahead={"command": 0, "kept_count": 0, "decisions": 0, "tokens": 0},
        examples=_pack_examples(params),
        constants=_pack_constants(params),
        source="HeatViT (arXiv 2211.08110, equation 10); SPViT leaves the division out",
    )


def selector_sheet(params: SelectorParams) -> Sheet:
    """What `selector` computes, and how it is driven."""
    command = {f"select.{name}": each for name, each in _select_fields(params).items()}
    command |= {f"pack.{name}": each for name, each in _pack_fields(params).items()}
    return Sheet(
        equation=f"{_selection(params)}\n\n{_packing(params)}",
        streams={
            "command": Stream("One word a stage.", command),
            "scores": _scores(params),
            "indices": _indices(params),
            "count": _count(params),
            **_packed(params),
            "status": status(["scores", "tokens"]),
        },
        order=text(f"""
        A token of D elements is E = ceil(D / {params.lanes}) beats; `pack.final` is E - 1.

        ```text
        for each stage:
          command:  one word
          scores:   for i = 0 .. N - 1: one beat: score[i], valid[i]
          count:    one word
          tokens:   if pack.merge: for e = 0 .. E - 1: one beat of the earlier package
                    for i = 0 .. N - 1, e = 0 .. E - 1: one beat:
                      lane j = token[i][{params.lanes} * e + j]
          indices:  for each kept i, ascending: one beat: i
        {_outputs(params, "          ")}
          status:   one word
        ```

        The packet of scores says how many tokens there are: 1 to {params.max_tokens}. All scores
        are taken before the first beat of tokens. Where none is kept, `indices` has no beat.
        """),
        faults=text(f"""
        - A refused command takes one packet of scores and one of tokens with it, and gives nothing
          but its status.
        - A packet of more than {params.max_tokens} scores is cut there and dropped up to and with
          its TLAST (`scores.late`); any shorter one is legal. {TOKENS}
        - `keep` and `protect` may be larger than the number of tokens: all are kept.
        """),
        limits=_pack_limits(params),
        latency=(
            "`tokens` are taken at most 2 N + 128 cycles after the first of N scores, or as soon as"
            " the stage before has given its last beat of `package`, whichever is later."
            f" {_pack_latency(params)} After a reset counters are swept for 512 cycles before the"
            " first command is taken (256 for scores of up to 8 bits)."
        ),
        throughput="One score a cycle, then one beat of tokens a cycle; stages in turn.",
        back_pressure=(
            "Offer the command and the scores at once: a command is taken only with its scores."
            " `indices`, `kept` and `package` must be taken for a stage to end; `count` and"
            " `weight` are held for one stage, and the next waits until they are taken. `tokens`"
            " are ready only while `kept` is."
        ),
        ahead={"command": 0, "scores": 1, "tokens": 0},
        examples=_selector_examples(params),
        constants=_select_constants(params) | _pack_constants(params),
        encoder=("encode_select.py",),
        source="HeatViT (arXiv 2211.08110), SPViT (ECCV 2022)",
    )


TOKENS = (
    "Tokens that end early go on as zeros (`tokens.early`), those that go on are dropped up to and"
    " with TLAST (`tokens.late`)."
)


def _selection(params: TokenSelectParams) -> str:
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
    | all at or above the score of rank floor(r * N) from below | {low} | {most} | 1 - r | 1 |

    A ratio f is floor(f * 2^{bits}), and one more if ceil(that * n / 2^{bits}) is below ceil(f * n)
    for an n up to {most}.
    """)


def _packing(params: TokenPackParams) -> str:
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


def _select_fields(params: TokenSelectParams) -> Mapping[str, Field]:
    bits, most = ratio_bits(params.max_tokens), params.max_tokens
    return {
        "threshold": Field("the least score of a candidate", numbers(params.score_format)),
        "keep": Field("the most that are kept of the candidates", f"0..{most}", "tokens"),
        "ratio": Field(
            "how much of the candidates is kept, rounded up", f"0..{1 << bits}, which is 1.0",
            f"1/{1 << bits}",
        ),
        "protect": Field(
            "so many first tokens are always kept, and not counted", f"0..{most}", "tokens"
        ),
        "ties": Field("1: what equals the last one kept is kept as well", "0, 1"),
    }  # fmt: skip


def _pack_fields(params: TokenPackParams) -> Mapping[str, Field]:
    return {
        "final": Field("beats of a token, less one", f"0..{params.max_beats - 1}", "beats"),
        "package": Field("0: the mean; 1: the sum; 2: none", "0..2"),
        "compact": Field("1: dropped tokens go; 0: they stay as zeros", "0, 1"),
        "merge": Field("1: an earlier package comes in front of the tokens", "0, 1"),
        "weight": Field("the weight of the earlier package; 0 without one",
                        f"0..{(1 << params.weight_width) - 1}"),
    }  # fmt: skip


def _scores(params: TokenSelectParams) -> Stream:
    return Stream(
        f"One beat a token; one packet a stage, of 1 to {params.max_tokens} beats.",
        {
            "data.score": Field("how important the token is", numbers(params.score_format)),
            "data.valid": Field("0: a token that does not count", "0, 1"),
        },
    )


def _indices(params: TokenSelectParams) -> Stream:
    last = params.max_tokens - 1
    return Stream(
        "The numbers of the kept tokens, ascending; one packet a stage, none where `count` is 0.",
        {"data": Field("number of a kept token; the first token is 0", f"0..{last}")},
    )  # fmt: skip


def _count(params: TokenSelectParams) -> Stream:
    return Stream(
        "One word a stage.",
        {"payload": Field("how many tokens are kept", f"0..{params.max_tokens}", "tokens")},
    )


def _packed(params: TokenPackParams) -> Mapping[str, Stream]:
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


def _outputs(params: TokenPackParams, indent: str) -> str:
    lines = [
        "kept:     for each kept i (all i where compact = 0), e = 0 .. E - 1: one beat, as tokens",
        "weight:   one word, if there is a package",
        "package:  if there is one: for e = 0 .. E - 1: one beat:",
        f"            lane j = package[{params.lanes} * e + j]",
    ]
    return "\n".join(indent + line for line in lines)


def _pack_latency(params: TokenPackParams) -> str:
    steps = params.lanes // params.dividers
    mean = steps * (params.token_format.width + 2) + 3
    return (
        "A beat of `kept` follows its beat of `tokens` by 1 cycle. After the last beat of tokens, 3"
        f" cycles for the sums and then {mean} for each beat of a mean, {steps + 3} of a sum."
    )


def _pack_limits(params: TokenPackParams) -> tuple:
    return (
        ("tokens of a stage", params.max_tokens),
        ("elements of a token", params.max_beats * params.lanes),
        ("beats of a token", params.max_beats),
    )


def _select_constants(params: TokenSelectParams) -> dict[str, int]:
    return {
        "MAX_TOKENS": params.max_tokens,
        "RATIO_BITS": ratio_bits(params.max_tokens),
        "RATIO_ONE": 1 << ratio_bits(params.max_tokens),
        "LEAST_SCORE": params.score_format.low,
    }


def _pack_constants(params: TokenPackParams) -> dict[str, int]:
    return {
        "LANES": params.lanes,
        "MAX_BEATS": params.max_beats,
        "PACKAGE_MEAN": 0,
        "PACKAGE_SUM": 1,
        "PACKAGE_NONE": 2,
    }


def _numbers(params: TokenSelectParams) -> tuple[int, np.ndarray, np.ndarray]:
    count = min(5, params.max_tokens)
    fmt = params.score_format
    scores = np.array([9, 2, 7, 2, 5])[:count] % (fmt.high + 1)
    valid = np.array([1, 1, 1, 1, 0])[:count]
    return count, scores, valid


def _tokens(params: TokenPackParams, count: int) -> np.ndarray:
    length = min(params.lanes + 1 if params.lanes <= 4 else 3, params.max_length)
    fmt = params.token_format
    low, high = max(fmt.low, -40), min(fmt.high, 60)
    values = np.arange(count * length) * 29 % (high - low + 1) + low
    return values.reshape(count, length)


def _select_examples(params: TokenSelectParams) -> tuple[Example, ...]:
    _, scores, valid = _numbers(params)
    arrays = {"scores": scores, "valid": valid}
    return (
        Example("1: the two highest, and the first", arrays,
                {"policy": "topk", "keep": 2, "protect": 1}),
        Example("2: the fraction 0.4", arrays, {"policy": "fraction", "fraction": 0.4}),
    )  # fmt: skip


def _pack_examples(params: TokenPackParams) -> tuple[Example, ...]:
    count, scores, valid = _numbers(params)
    tokens = _tokens(params, count)
    mask = np.array([1, 0, 1, 0, 0])[:count]
    arrays = {"tokens": tokens, "mask": mask, "scores": scores, "valid": valid}
    earlier = {"previous_package": tokens[0], "previous_weight": np.array([3])}
    return (
        Example("1: the mean of the dropped", arrays),
        Example("2: a sum with an earlier package, zeros in place of the dropped",
                arrays | earlier, {"package": "sum", "mode": "zero"}),
    )  # fmt: skip


def _selector_examples(params: SelectorParams) -> tuple[Example, ...]:
    count, scores, valid = _numbers(params)
    arrays = {"tokens": _tokens(params, count), "scores": scores, "valid": valid}
    return (
        Example("1: the two highest, and the mean of the others", arrays,
                {"policy": "topk", "keep": 2}),
        Example("2: scores of 5 and more, the sum of the others", arrays,
                {"policy": "threshold", "threshold": min(5, params.score_format.high),
                 "package": "sum"}),
    )  # fmt: skip
