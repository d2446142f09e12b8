"""F3, F5: what the token blocks give where a packet is wrong.

`tb/blocks/test_fault_table.py` sees that each fault is reported and that the next job is right.
Here the results of the faulty job itself are the golden model's of packets that were filled with
zeros, or cut, whatever the stalls are.
"""

from fractions import Fraction

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.beats import from_tokens, score_beats, select_command
from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.tokens.faults import filled
from gemmule.golden.tokens.packing import Packing
from gemmule.golden.tokens.packing import pack as pack_tokens
from gemmule.golden.tokens.scores import Reduction, class_attention
from gemmule.golden.tokens.selection import Selection, select
from gemmule.tb.tokens.faults import PACK, SCORE, SELECT, SELECTOR, stage_arrays

from .reports import STALLS, faults_of, run_all


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
    jobs = [good.send | {"kept_count": to_words(([count], 4))} for count in counts]
    model, received = run_all("token_pack", PACK, jobs, stall)
    rows = from_tokens(received["kept"], PACK.token_format, PACK.lanes, 9)
    lasts = from_words(received["kept"], 16, 1, 1, signed=False).reshape(-1, beats)
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
    command = to_words(*select_command(SELECT, run))
    jobs = [{"command": command, "scores": score_beats(SELECT, scores, valid)}] * 2
    model, received = run_all("token_select", SELECT, jobs, stall)
    assert [faults_of(model, word) for word in received["status"]] == [{"scores.late": 1}] * 2
    most = SELECT.max_tokens
    golden = select(scores[:most], valid[:most], run=run)
    assert (received["indices"][:, 0].reshape(2, -1) & 15 == golden.indices).all()
    mask = from_words(received["decisions"], 0, 1, 1, signed=False).reshape(2, most)
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
    [
        ("column_max", False),
        ("column_max", True),
        ("first_column", False),
        ("first_column", True),
        ("class_attention", False),
    ],  # a mean is of unsigned attention
)
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
    lanes = from_words(sent, 0, 16, 2, signed=signed)
    parts = np.split(received["scores"], len(ends))
    for end, word, part in zip(ends, received["status"], parts, strict=True):
        early, late = {"attention.early": 1}, {"attention.late": 1}
        assert faults_of(model, word) == (early if end < whole else late if end > whole else {})
        rows = filled(lanes[:end], whole).reshape(heads, -1, 6)[:, :, :count]
        golden = Reduction(rows, maximum=score == "column_max").result()
        if score == "class_attention":
            golden = class_attention(rows[:, 0])
        width = params.result.width
        assert (from_words(part, 0, width, 1, signed=signed)[:, 0] == golden).all()


@pytest.mark.parametrize("stall", STALLS)
def test_pairs_and_previous_scores_of_a_wrong_length(stall):
    """F5: a head that lacks weighs nothing, one too many does not count."""
    rng = np.random.default_rng(7)
    heads, count = 3, 4
    layout = SCORE.command
    values = {"weighted": 1, "heads": heads, "final_token": count - 1}
    command = to_words(*(([values.get(name, 0)], layout[name].width) for name in layout.members))
    sizes = [(3, 3, 3, 3), (1, 3, 2, 1), (4, 3, 9, 5), (3, 1, 3, 7), (3, 3, 3, 3)]
    jobs, goldens = [], []
    empty = dict.fromkeys(("attention", "previous"), np.zeros((0, 2), np.uint32))
    for lengths in sizes:
        pairs = [rng.integers(0, 1 << 16, (2, size)) for size in lengths]
        beats = [to_words((s, 16), (w, 16), (last_of(len(s)), 1)) for s, w in pairs]
        jobs.append({"command": command, "pairs": np.concatenate(beats), **empty})
        for s, w in pairs:
            total = int((s[:heads] * w[:heads]).sum())
            goldens.append(round_half_even(total, int(w[:heads].sum())))
    model, received = run_all("token_score", SCORE, jobs, stall)
    early, late = {"pairs.early": 1}, {"pairs.late": 1}
    words = [faults_of(model, word) for word in received["status"]]
    assert words == [{}, early, late, early | late, {}]
    assert from_words(received["scores"], 0, 32, 1, signed=False)[:, 0].tolist() == goldens

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
        assert (from_words(part, 0, 32, 1, signed=False)[:, 0] == golden).all()


def round_half_even(numerator, denominator):
    return round(Fraction(numerator, denominator)) if denominator else 0
