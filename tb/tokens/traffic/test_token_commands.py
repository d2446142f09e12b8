"""F3, P: token blocks carry out or refuse any command, and wait for no reader of `status`."""

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.tokens.faults import (
    PackRefusal,
    ScoreRefusal,
    SelectRefusal,
    pack_refusal,
    score_refusal,
    select_refusal,
    selector_refusal,
)
from gemmule.golden.tokens.selection import Selection, ratio_bits
from gemmule.tb.common.fault_table import patched, status_words
from gemmule.tb.tokens.faults import PACK, SCORE, SELECT, SELECTOR, stage_arrays

from .reports import faults_of, run_all


def commands(block, params, rng, number):
    """Yield commands whose fields are anything, and the widths of these."""
    layout = find(block).component(params).command.p.shape()
    widths = {name: layout[name].width for name in layout.members}
    for _ in range(number):
        yield {name: int(rng.integers(1 << width)) for name, width in widths.items()}, widths


def refused_selection(fields):
    return select_refusal(fields["ratio"], bits=ratio_bits(SELECT.max_tokens))


def refused_packing(fields):
    return pack_refusal(fields["package"], fields["final"], max_beats=PACK.max_beats)


def refused_scores(fields):
    return score_refusal(
        **fields, max_heads=SCORE.max_heads, max_tokens=SCORE.max_tokens, signed=False
    )


VERDICTS = {
    "token_select": (SELECT, refused_selection, SelectRefusal),
    "token_pack": (PACK, refused_packing, PackRefusal),
    "token_score": (SCORE, refused_scores, ScoreRefusal),
}


@pytest.mark.parametrize("block", VERDICTS)
def test_any_command_is_carried_out_or_refused(block):
    """F3: every field at random, in all its bits; the verdict is the golden one, and none hangs.

    The packets are of one length whatever the commands say, so that most are wrong as well.
    """
    params, verdict, refusals = VERDICTS[block]
    rng = np.random.default_rng(17)
    jobs, goldens = [], []
    arrays = {
        "token_select": {"scores": np.arange(9)},
        "token_pack": stage_arrays(PACK, 0),
        "token_score": {"attention": rng.integers(0, 99, (3, 5, 5)), "previous": np.arange(5)},
    }[block]
    runs = {"token_score": ScoreRun(score="column_max")}
    adapter = find(block).adapter
    good = adapter.plan(params, runs.get(block, adapter.Run()), arrays)
    for fields, widths in commands(block, params, rng, 250):
        why = verdict(fields)
        command = to_words(*(([fields[name]], width) for name, width in widths.items()))
        send = good.send | {"command": command}
        if block == "token_score":
            send |= packets_of(fields, why, good.send, rng)
        jobs.append(send)
        goldens.append(int(why))
    model, received = run_all(block, params, [*jobs, good.send], 0.0)
    words = status_words(model, received["status"])
    assert [word["refused"] for word in words[:-1]] == goldens
    assert set(goldens) >= {int(code) for code in refusals if code.name != "SIGNED"}
    assert not any(words[-1].values())
    ends = {name: received[name][len(received[name]) - n :] for name, n in good.receive.items()}
    outputs = good.decode(ends)
    for name, expected in good.golden.items():
        assert (outputs[name] == expected).all()


def packets_of(fields, why, sent, rng):
    """Make the packets that a command of `token_score` has, of random lengths."""
    heads, tokens = fields["heads"], fields["final_token"] + 1
    some = heads > 0
    count = some * fields["weighted"] * tokens
    sizes = rng.integers(1, 5, count)
    last = np.concatenate([last_of(size) for size in sizes] or [np.zeros(0, bool)])
    values = rng.integers(0, 1 << 16, (2, len(last)))
    return {
        "attention": sent["attention"][: len(sent["attention"]) * (some & ~fields["weighted"] & 1)],
        "previous": sent["previous"][: len(sent["previous"]) * (some * fields["carried"])],
        "pairs": to_words((values[0], 16), (values[1], 16), (last, 1)),
    }


def test_a_ratio_of_exactly_one_is_legal_and_one_above_is_not():
    """F3: the field has one bit more than the ratio needs."""
    block = find("token_select")
    good = block.adapter.plan(SELECT, Selection(keep=8), {"scores": np.arange(8)})
    model = build(block, SELECT)
    one = 1 << ratio_bits(SELECT.max_tokens)
    ratios = (one, one + 1, 2 * one - 1, one - 1, 0)
    command = good.send["command"][0]
    jobs = [
        good.send | {"command": patched(model, "command", command, {"ratio": ratio})[None]}
        for ratio in ratios
    ]
    model, received = run_all("token_select", SELECT, jobs, 0.3)
    words = [faults_of(model, word) for word in received["status"]]
    assert words == [{}, {"refused": 1}, {"refused": 1}, {}, {}]
    assert received["count"].ravel().tolist() == [8, 8, 0]
    lasts = from_words(received["indices"], 4, 1, 1, signed=False).ravel()
    assert np.flatnonzero(lasts).tolist() == [7, 15]


def test_the_verdict_on_a_stage_is_that_on_its_parts():
    """The codes of `selector` are those of its parts, the selection's first."""
    for select_code in SelectRefusal:
        for pack_code in PackRefusal:
            verdict = selector_refusal(select_code, pack_code)
            assert verdict.text == (select_code.text if select_code else pack_code.text)
            offset = len(SelectRefusal) - 1
            assert verdict == (select_code or (pack_code and pack_code + offset))


@pytest.mark.parametrize("block", ["token_score", "token_select", "token_pack", "selector"])
def test_status_stops_nothing(block):
    """E: nobody takes `status`, and every stage gives its results all the same."""
    params = {"token_score": SCORE, "token_select": SELECT, "token_pack": PACK}.get(block, SELECTOR)
    adapter = find(block).adapter
    arrays = stage_arrays(PACK, 0)
    arrays = {each.name: arrays[each.name] for each in adapter.inputs if each.name in arrays}
    if block == "token_score":
        arrays = {"attention": np.arange(75).reshape(3, 25)[:, :5]}
    good = adapter.plan(params, adapter.Run(), arrays)
    send = {name: np.concatenate([beats] * 40) for name, beats in good.send.items()}
    receive = {name: 40 * count for name, count in good.receive.items() if name != "status"}
    received = build(find(block), params).run(send, receive, untaken=["status"]).received
    parts = [np.split(beats, 40) for beats in received.values()]
    for number in range(40):
        part = dict(zip(received, (each[number] for each in parts), strict=True))
        outputs = good.decode(part)
        for name, expected in good.golden.items():
            assert (outputs[name] == expected).all()
