"""F3, F5, P: what the token blocks give where a packet or a command is wrong.

`tb/common/test_fault_table.py` sees that each fault is told of and that the next job is right. Here
the results of the faulty job itself are the golden model's of packets that were filled with zeros,
or cut, whatever the stalls are; and `status`, which nobody takes, stops nothing.
"""

from fractions import Fraction

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.beats import from_tokens, score_beats, select_command
from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.lanes import last_of, pack, unpack
from gemmule.golden.tokens.faults import (
    PackRefusal,
    ScoreRefusal,
    SelectRefusal,
    filled,
    pack_refusal,
    score_refusal,
    select_refusal,
    selector_refusal,
)
from gemmule.golden.tokens.packing import Packing
from gemmule.golden.tokens.packing import pack as pack_tokens
from gemmule.golden.tokens.scores import Reduction, class_attention
from gemmule.golden.tokens.selection import Selection, ratio_bits, select
from gemmule.tb.common.fault_table import patched, status_words

from .faults import PACK, SCORE, SELECT, SELECTOR, stage_arrays

STALLS = (0.0, 0.5)


def faults_of(model, word):
    """Return the fields of a status word that are not 0."""
    return {name: value for name, value in status_words(model, [word])[0].items() if value}


def run_all(block, params, jobs, stall):
    """Run the jobs one after the other; return the model, and all that comes."""
    model = build(find(block), params)
    send = {name: np.concatenate([job[name] for job in jobs]) for name in jobs[0]}
    outputs = [each.name for each in model.manifest.streams if not each.is_input]
    received = model.run(send, dict.fromkeys(outputs), stall=stall, seed=9, quiet=900).received
    return model, received


def ended_at(beats, count, width):
    """Make a packet of ``count`` beats: ``beats`` cut, or with more of the same behind them."""
    longer = np.concatenate([beats] * (1 + count // len(beats)))[:count].copy()
    longer[:, width // 32] &= ~np.uint32(1 << width % 32)
    longer[-1, width // 32] |= np.uint32(1 << width % 32)
    return longer


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("package", ["mean", "sum", "none"])
def test_tokens_that_end_early_or_late(package, merge, stall):
    """F5: zeros follow, never what the wires hold; with an earlier package, its beats count too."""
    block, run = find("token_pack"), Packing(package=package)
    arrays = stage_arrays(PACK, 0)
    if not merge:
        arrays = {name: array for name, array in arrays.items() if "previous" not in name}
    good = block.adapter.plan(PACK, run, arrays)
    lanes, beats = PACK.lanes, 5
    whole = (len(arrays["tokens"]) + (merge and package != "none")) * beats
    ends = (1, 2, beats, beats + 1, whole - 1, whole, whole + 1, whole + 40)
    width = PACK.token_format.width * lanes
    jobs = [good.send | {"tokens": ended_at(good.send["tokens"], end, width)} for end in ends]
    model, received = run_all("token_pack", PACK, jobs, stall)
    place = dict.fromkeys(received, 0)
    for end, word in zip(ends, received["status"], strict=True):
        fault = {"tokens.early": 1} if end < whole else {"tokens.late": 1} if end > whole else {}
        assert faults_of(model, word) == fault
        given = from_tokens(good.send["tokens"], PACK.token_format, lanes, 10).reshape(-1, lanes)
        rows = filled(given[:end], whole).reshape(-1, beats * lanes)
        previous = None
        if whole > len(arrays["tokens"]) * beats:
            previous, rows = (rows[0], 300), rows[1:]
        golden = pack_tokens(rows, arrays["mask"], arrays["scores"], run=run, previous=previous)
        part = {}
        for name, count in good.receive.items():
            part[name] = received[name][place[name] : place[name] + count]
            place[name] += count
        kept = from_tokens(part["kept"], PACK.token_format, lanes, beats * lanes)
        assert (kept == golden.kept).all()
        if package != "none":
            fmt = type(PACK.token_format)(signed=True, width=32)
            assert (from_tokens(part["package"], fmt, lanes, beats * lanes) == golden.package).all()
            assert part["weight"][0, 0] == golden.weight
    assert all(place[name] == len(received[name]) for name in received)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("mode", ["compact", "zero"])
def test_a_kept_count_that_is_wrong(mode, stall):
    """F5: `kept` holds as many tokens as were announced, one `last`, and the package is right."""
    block, run = find("token_pack"), Packing(mode=mode)
    arrays = stage_arrays(PACK, 0)
    good = block.adapter.plan(PACK, run, arrays)
    kept, beats = int(arrays["mask"].sum()), 5
    counts = (0, 1, kept - 1, kept, kept + 1, kept + 2, 15)
    jobs = [good.send | {"kept_count": pack(([count], 4))} for count in counts]
    model, received = run_all("token_pack", PACK, jobs, stall)
    rows = from_tokens(received["kept"], PACK.token_format, PACK.lanes, 9)
    lasts = unpack(received["kept"], 16, 1, 1, signed=False).reshape(-1, beats)
    packages = np.split(received["package"], len(counts))
    begun = 0
    for count, word, package in zip(counts, received["status"], packages, strict=True):
        early, late = {"kept_count.early": 1}, {"kept_count.late": 1}
        assert faults_of(model, word) == (early if count < kept else late if count > kept else {})
        number = len(arrays["tokens"]) if mode == "zero" else count
        part, ends = rows[begun : begun + number], lasts[begun : begun + number].ravel()
        golden = good.golden["kept"]
        assert (part == (golden if mode == "zero" else filled(golden, count))).all()
        assert ends.tolist() == last_of(number * beats).tolist()
        assert (package == packages[0]).all()
        begun += number
    assert begun == len(rows)


@pytest.mark.parametrize("stall", STALLS)
def test_scores_beyond_the_most_are_cut(stall):
    """F5: the first of them count, in `token_select` and in `selector`."""
    rng = np.random.default_rng(3)
    scores, valid = rng.integers(0, 99, 20), rng.random(20) < 0.8
    run = Selection(policy="cpvit", rho=0.4, protect=1)
    command = pack(*select_command(SELECT, run))
    jobs = [{"command": command, "scores": score_beats(SELECT, scores, valid)}] * 2
    model, received = run_all("token_select", SELECT, jobs, stall)
    assert [faults_of(model, word) for word in received["status"]] == [{"scores.late": 1}] * 2
    most = SELECT.max_tokens
    golden = select(scores[:most], valid[:most], run=run)
    assert (received["indices"][:, 0].reshape(2, -1) & 15 == golden.indices).all()
    mask = unpack(received["decisions"], 0, 1, 1, signed=False).reshape(2, most)
    assert (mask == golden.mask).all()
    assert received["count"].ravel().tolist() == [golden.count] * 2

    arrays = stage_arrays(SELECTOR, 0)
    del arrays["mask"]
    good = find("selector").adapter.plan(SELECTOR, SelectorRun(keep=3), arrays)
    long = good.send | {"scores": ended_at(good.send["scores"], 17, 9)}
    model, received = run_all("selector", SELECTOR, [long, good.send], stall)
    assert [faults_of(model, word) for word in received["status"]] == [{"scores.late": 1}, {}]
    for name, count in good.receive.items():
        if name != "status":
            first, second = np.split(received[name], 2)
            assert len(first) == count
            assert (first == second).all(), name


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize(
    ("score", "signed"),
    [("column_max", False), ("column_max", True), ("first_column", False), ("first_column", True),
     ("class_attention", False)],  # a mean is of unsigned attention
)  # fmt: skip
def test_attention_of_a_wrong_length(score, signed, stall):
    """P: what follows a packet of one beat, or of any, is zeros; nothing of the job before it."""
    params = type(SCORE)(**SCORE.as_dict() | {"attention_format": "s16" if signed else "u16"})
    fmt = params.attention_format
    rng = np.random.default_rng(5)
    heads, count = 3, 5
    shape = (heads, count) if score == "class_attention" else (heads, count, count)
    attention = rng.integers(fmt.low, fmt.high, shape)
    good = find("token_score").adapter.plan(params, ScoreRun(score=score), {"attention": attention})
    sent = good.send["attention"]
    whole = len(sent)
    ends = (1, 2, 4, whole - 1, whole, whole + 1, 3 * whole)
    jobs = [good.send | {"attention": ended_at(sent, end, 32)} for end in ends]
    model, received = run_all("token_score", params, jobs, stall)
    lanes = unpack(sent, 0, 16, 2, signed=signed)
    parts = np.split(received["scores"], len(ends))
    for end, word, part in zip(ends, received["status"], parts, strict=True):
        early, late = {"attention.early": 1}, {"attention.late": 1}
        assert faults_of(model, word) == (early if end < whole else late if end > whole else {})
        rows = filled(lanes[:end], whole).reshape(heads, -1, 6)[:, :, :count]
        golden = Reduction(rows, maximum=score == "column_max").result()
        if score == "class_attention":
            golden = class_attention(rows[:, 0])
        width = params.result.width
        assert (unpack(part, 0, width, 1, signed=signed)[:, 0] == golden).all()


@pytest.mark.parametrize("stall", STALLS)
def test_pairs_and_previous_scores_of_a_wrong_length(stall):
    """F5: a head that lacks weighs nothing, one too many does not count."""
    rng = np.random.default_rng(7)
    heads, count = 3, 4
    layout = SCORE.command
    values = {"weighted": 1, "heads": heads, "final_token": count - 1}
    command = pack(*(([values.get(name, 0)], layout[name].width) for name in layout.members))
    sizes = [(3, 3, 3, 3), (1, 3, 2, 1), (4, 3, 9, 5), (3, 1, 3, 7), (3, 3, 3, 3)]
    jobs, goldens = [], []
    empty = dict.fromkeys(("attention", "previous"), np.zeros((0, 2), np.uint32))
    for lengths in sizes:
        pairs = [rng.integers(0, 1 << 16, (2, size)) for size in lengths]
        beats = [pack((s, 16), (w, 16), (last_of(len(s)), 1)) for s, w in pairs]
        jobs.append({"command": command, "pairs": np.concatenate(beats), **empty})
        for s, w in pairs:
            total = int((s[:heads] * w[:heads]).sum())
            goldens.append(round_half_even(total, int(w[:heads].sum())))
    model, received = run_all("token_score", SCORE, jobs, stall)
    early, late = {"pairs.early": 1}, {"pairs.late": 1}
    words = [faults_of(model, word) for word in received["status"]]
    assert words == [{}, early, late, early | late, {}]
    assert unpack(received["scores"], 0, 32, 1, signed=False)[:, 0].tolist() == goldens

    attention = rng.integers(0, 99, (2, 6, 6))
    previous = rng.integers(0, 1 << 20, 6)
    run = ScoreRun(score="column_max")
    arrays = {"attention": attention, "previous": previous}
    good = find("token_score").adapter.plan(SCORE, run, arrays)
    ends = (1, 5, 6, 7, 20)
    jobs = [good.send | {"previous": ended_at(good.send["previous"], end, 32)} for end in ends]
    model, received = run_all("token_score", SCORE, jobs, stall)
    parts = np.split(received["scores"], len(ends))
    for end, word, part in zip(ends, received["status"], parts, strict=True):
        early, late = {"previous.early": 1}, {"previous.late": 1}
        assert faults_of(model, word) == (early if end < 6 else late if end > 6 else {})
        golden = Reduction(attention, maximum=True).result() + filled(previous[:end], 6)
        assert (unpack(part, 0, 32, 1, signed=False)[:, 0] == golden).all()


def round_half_even(numerator, denominator):
    return round(Fraction(numerator, denominator)) if denominator else 0


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
        command = pack(*(([fields[name]], width) for name, width in widths.items()))
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
        "pairs": pack((values[0], 16), (values[1], 16), (last, 1)),
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
    lasts = unpack(received["indices"], 4, 1, 1, signed=False).ravel()
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
