"""The data sheet of `selector`: that of a selection, and that of the packing."""

from gemmule.gen.package.sheet import Example, Sheet, Stream
from gemmule.gen.package.sheet.parts import status, text
from gemmule.hw.tokens.params import SelectorParams

from .pack_sheet import (
    TOKENS,
    outputs,
    pack_constants,
    pack_fields,
    pack_latency,
    pack_limits,
    packed_streams,
    packing,
    some_tokens,
)
from .select_sheet import (
    count_stream,
    indices_stream,
    scores_stream,
    select_constants,
    select_fields,
    selection,
    some_scores,
    swept,
)

__all__ = ["selector_sheet"]


def selector_sheet(params: SelectorParams) -> Sheet:
    """Say what `selector` computes, and how it is driven."""
    command = {f"select.{name}": each for name, each in select_fields(params).items()}
    command |= {f"pack.{name}": each for name, each in pack_fields(params).items()}
    return Sheet(
        equation=f"{selection(params)}\n\n{packing(params)}",
        streams={
            "command": Stream("One word a stage.", command),
            "scores": scores_stream(params),
            "indices": indices_stream(params),
            "count": count_stream(params),
            **packed_streams(params),
            "status": status(["scores", "tokens"], never=["scores.early"]),
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
        {outputs(params, "          ")}
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
        limits=pack_limits(params),
        latency=(
            "`tokens` are taken at most 2 N + 128 cycles after the first of N scores, or as soon as"
            " the stage before has given its last beat of `package`, whichever is later."
            f" {pack_latency(params)} {swept(params)}"
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
        constants=select_constants(params) | pack_constants(params),
        encoder=("encode_select.py",),
        source="HeatViT (arXiv 2211.08110), SPViT (ECCV 2022)",
    )


def _selector_examples(params: SelectorParams) -> tuple[Example, ...]:
    count, scores, valid = some_scores(params)
    arrays = {"tokens": some_tokens(params, count), "scores": scores, "valid": valid}
    return (
        Example(
            "1: the two highest, and the mean of the others", arrays, {"policy": "topk", "keep": 2}
        ),
        Example(
            "2: scores of 5 and more, the sum of the others",
            arrays,
            {
                "policy": "threshold",
                "threshold": min(5, params.score_format.high),
                "package": "sum",
            },
        ),
    )
