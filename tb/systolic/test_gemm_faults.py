"""The `gemm` block in trouble: bad packets, refused commands, reset in between."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.lanes import from_words, to_words
from gemmule.golden.systolic.beats import DIM_WIDTH, Refusal
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.systolic.stimuli import product

PARAMS = GemmParams(rows=4, cols=4, acc_depth=16)
BLOCK = find("gemm")
BY_ROW = replace(PARAMS, row_scales=True)
STATUS = {"refused": (0, 3), "a": (3, 2), "b": (5, 2), "scale": (7, 2), "row_scale": (9, 2)}
EARLY, LATE = 1, 2


def plan(shape, flow="ws", seed=0, params=PARAMS, *, swap="never"):
    arrays = product(params, np.random.default_rng(seed), shape)
    return BLOCK.adapter.plan(params, GemmRun(run_dataflow=flow, swap=swap), arrays)


def run(jobs, receive, params=PARAMS, **options):
    """Run the beats of several jobs, one after another; return what came out."""
    send = {stream: np.concatenate([job[stream] for job in jobs]) for stream in jobs[0]}
    return build(BLOCK, params).run(send, receive, **options).received


def statuses(received):
    return [
        {
            name: int(from_words(beat[None], at, width, 1, signed=False)[0, 0])
            for name, (at, width) in STATUS.items()
        }
        for beat in received["status"]
    ]


GOOD = {"refused": Refusal.NONE, "a": 0, "b": 0, "scale": 0, "row_scale": 0}


def cut(beats, width):
    """End a packet a beat too soon."""
    last = 1 << width % 32
    short = beats[:-1].copy()
    short[-1, width // 32] |= last
    return short


def stretch(beats, width):
    """Let a packet go on for three beats after its end."""
    last = 1 << width % 32
    head = np.array(beats)
    head[-1, width // 32] &= ~np.uint32(last)
    tail = np.zeros((3, beats.shape[1]), np.uint32)
    tail[-1, width // 32] = last
    return np.concatenate([head, tail])


def last_bits():
    streams = {s.name: s.width - 1 for s in emit(BLOCK, BY_ROW).manifest.streams}
    return {name: streams[name] for name in ("a", "b", "scale", "row_scale")}


LAST = last_bits()


@pytest.mark.parametrize("flow", ["ws", "os"])
@pytest.mark.parametrize("stream", ["a", "b", "scale"])
@pytest.mark.parametrize("fault", [cut, stretch])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_bad_packets(flow, stream, fault, stall):
    """A wrong ``last`` is reported; the command still gives all its rows; the next one is clean."""
    bad, good = plan((5, 6, 9), flow, seed=1), plan((6, 9, 5), flow, seed=2)
    broken = bad.send | {stream: fault(bad.send[stream], LAST[stream])}
    counts = bad.receive["c"], good.receive["c"]
    received = run(
        [broken, good.send, broken, good.send],
        {"c": 2 * sum(counts), "status": 4},
        stall=stall,
        seed=3,
    )
    wrong = GOOD | {stream: EARLY if fault is cut else LATE}
    assert statuses(received) == [wrong, GOOD, wrong, GOOD]
    rows = np.split(received["c"], np.cumsum([*counts, *counts])[:-1])
    for clean in (rows[1], rows[3]):
        np.testing.assert_array_equal(good.decode({"c": clean})["c"], good.golden["c"])
    if fault is stretch:
        np.testing.assert_array_equal(bad.decode({"c": rows[0]})["c"], bad.golden["c"])
    elif stream == "a":
        # The missing beat counts as zeros.
        assert (bad.decode({"c": rows[0]})["c"] != bad.golden["c"]).any()


@pytest.mark.parametrize("flow", ["ws", "os"])
@pytest.mark.parametrize("stream", ["a", "b", "row_scale"])
@pytest.mark.parametrize("fault", [cut, stretch])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_bad_packets_by_row(flow, stream, fault, stall):
    """As above, between commands that are scaled by column, which have no such packet."""
    bad = plan((5, 6, 9), flow, seed=1, params=BY_ROW, swap="always")
    columns = plan((6, 9, 5), flow, seed=2, params=BY_ROW)
    rows = plan((3, 7, 4), flow, seed=3, params=BY_ROW, swap="always")
    broken = bad.send | {stream: fault(bad.send[stream], LAST[stream])}
    order = [bad, columns, bad, rows, columns]
    sent = [broken if job is bad else job.send for job in order]
    counts = [job.receive["c"] for job in order]
    received = run(sent, {"c": sum(counts), "status": 5}, BY_ROW, stall=stall, seed=3)
    wrong = GOOD | {stream: EARLY if fault is cut else LATE}
    assert statuses(received) == [wrong, GOOD, wrong, GOOD, GOOD]
    found = np.split(received["c"], np.cumsum(counts)[:-1])
    for job, beats in zip(order, found, strict=True):
        if job is not bad or fault is stretch:
            np.testing.assert_array_equal(job.decode({"c": beats})["c"], job.golden["c"])
        elif stream == "row_scale":
            # The missing settings count as zeros: the last channel's results are the zero point.
            wrongs = job.decode({"c": beats})["c"] != job.golden["c"]
            assert wrongs[:, -1].any()
            assert not wrongs[:, :-1].any()


def command(m, n, k, output_stationary=0, by_row=None, rounding=0, clamp=(-(2**31), 2**31 - 1)):
    bound = PARAMS.out_width + 1
    return to_words(
        *(([size], DIM_WIDTH) for size in (m, n, k)),
        ([output_stationary], 1),
        ([rounding], 2),
        *(([value], bound) for value in (0, *clamp)),
        *([] if by_row is None else [([by_row], 1)]),
    )


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_refused_commands(stall):
    """A refused command says why; its packets are thrown away, where it can have any."""
    good = plan((5, 6, 9), seed=4)
    none = {s: good.send[s][:0] for s in ("a", "b", "scale")}
    refused = [
        none | {"command": command(0, 6, 9)},
        none | {"command": command(5, 0, 9)},
        none | {"command": command(5, 6, 0)},
        good.send | {"command": command(5, 6, 131_072)},
        good.send | {"command": command(5, 6, 9, rounding=3)},
        good.send | {"command": command(5, 6, 9, clamp=(1, 0))},
        good.send | {"command": command(5, 6, 9, clamp=(0, -1))},
    ]
    jobs = [good.send, *refused, good.send]
    received = run(jobs, {"c": 2 * good.receive["c"], "status": 9}, stall=stall, seed=5)
    zero, long = GOOD | {"refused": Refusal.ZERO_SIZE}, GOOD | {"refused": Refusal.K_TOO_LARGE}
    rounding = GOOD | {"refused": Refusal.NO_SUCH_ROUNDING}
    order = GOOD | {"refused": Refusal.CLAMP_ORDER}
    assert statuses(received) == [GOOD, zero, zero, zero, long, rounding, order, order, GOOD]
    for rows in np.split(received["c"], 2):
        np.testing.assert_array_equal(good.decode({"c": rows})["c"], good.golden["c"])


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_refused_commands_by_row(stall):
    """The packets of a refused command are those that its ``by_row`` says."""
    column = plan((5, 6, 9), seed=4, params=BY_ROW)
    row = plan((6, 5, 9), seed=5, params=BY_ROW, swap="always")
    nothing = {stream: beats[:0] for stream, beats in row.send.items()}
    order = [
        row.send,
        nothing | {"command": command(0, 6, 9, by_row=1)},
        row.send | {"command": command(5, 6, 131_072, by_row=1)},
        column.send | {"command": command(5, 6, 131_072, by_row=0)},
        row.send | {"command": command(5, 6, 131_072, by_row=1)},
        column.send,
        nothing | {"command": command(0, 6, 9, by_row=0)},
        row.send,
    ]
    counts = [job.receive["c"] for job in (row, column, row)]
    received = run(order, {"c": sum(counts), "status": 8}, BY_ROW, stall=stall, seed=5)
    zero, long = GOOD | {"refused": Refusal.ZERO_SIZE}, GOOD | {"refused": Refusal.K_TOO_LARGE}
    assert statuses(received) == [GOOD, zero, long, long, long, GOOD, zero, GOOD]
    found = np.split(received["c"], np.cumsum(counts)[:-1])
    for job, beats in zip((row, column, row), found, strict=True):
        np.testing.assert_array_equal(job.decode({"c": beats})["c"], job.golden["c"])


@pytest.mark.parametrize(("has", "lacks"), [("ws", 1), ("os", 0)])
def test_a_dataflow_that_is_not_there(has, lacks):
    params = replace(PARAMS, dataflow=has)
    arrays = product(params, np.random.default_rng(6), (3, 4, 5))
    job = BLOCK.adapter.plan(params, GemmRun(), arrays)
    send = {name: np.concatenate([beats, beats]) for name, beats in job.send.items()}
    send["command"] = np.concatenate([command(3, 4, 5, lacks), job.send["command"]])
    received = build(BLOCK, params).run(send, job.receive | {"status": 2}).received
    assert statuses(received) == [GOOD | {"refused": Refusal.NO_SUCH_DATAFLOW}, GOOD]
    np.testing.assert_array_equal(job.decode(received)["c"], job.golden["c"])


@pytest.mark.parametrize("flow", ["ws", "os"])
def test_reset_in_mid_packet(flow):
    """Whatever a reset interrupts, the job that follows it is whole."""
    job = plan((9, 10, 11), flow, seed=7)
    for at in range(3, 160, 7):
        received = run([job.send], job.receive, reset_at=at)
        np.testing.assert_array_equal(job.decode(received)["c"], job.golden["c"])


def test_reset_while_a_tall_array_drains():
    """Sums that were handed down when the reset came are not handed down after it."""
    params = GemmParams(rows=33, cols=2, dataflow="os", drain="cascade")
    job = plan((33, 3, 2), "os", seed=13, params=params)
    for at in range(3, 100, 4):
        received = run([job.send], job.receive, params, reset_at=at)
        np.testing.assert_array_equal(job.decode(received)["c"], job.golden["c"])


def test_outputs_do_not_wait_for_ready():
    job = plan((9, 10, 11), "auto", seed=8)
    received = run([job.send], job.receive, shy=True)
    np.testing.assert_array_equal(job.decode(received)["c"], job.golden["c"])


def test_lanes_beyond_n_are_zero():
    """What a lane beyond N held before does not leave the block."""
    wide, narrow = plan((5, 8, 9), seed=11), plan((5, 5, 9), seed=12)
    received = run([wide.send, narrow.send], {"c": 20, "status": 2})["c"]
    lanes = from_words(received[15:], 0, PARAMS.out_width, 4, signed=True)
    assert (lanes[:, 1:] == 0).all()
    assert (lanes[:, 0] == narrow.golden["c"][:, 4]).all()


@pytest.mark.parametrize("flow", ["ws", "os"])
def test_latency(flow):
    """One row through one tile takes exactly the stated cycles from its ``a`` to its ``c``."""
    # Output-stationary, K as long as the array is high: a shorter tile would wait for its drain.
    job = plan((1, 1, PARAMS.rows if flow == "os" else 1), flow, seed=9)
    model = build(BLOCK, PARAMS)
    cycles = model.run(job.send, job.receive).cycles
    # The skid buffer takes `a` in cycle 0; the scale, which is taken in cycle 4, lets it on in 5.
    issued = 5
    if flow == "ws":
        assert cycles - 1 == issued - 1 + model.manifest.latency
    else:
        # Row 0 leaves in the slot behind the tile's last beat, not by the bottom of the array.
        assert cycles - 1 == issued + PARAMS.rows + PARAMS.result_latency


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_status_stops_nothing(stall):
    """Row E: nobody takes ``status``, and every command gives its results all the same."""
    jobs = [plan((2, 3, 4), flow, seed=n) for n, flow in enumerate(["ws", "os"] * 12)]
    received = run(
        [job.send for job in jobs],
        {"c": sum(job.receive["c"] for job in jobs)},
        stall=stall,
        untaken=["status"],
    )
    edges = np.cumsum([job.receive["c"] for job in jobs])[:-1]
    for job, beats in zip(jobs, np.split(received["c"], edges), strict=True):
        np.testing.assert_array_equal(job.decode({"c": beats})["c"], job.golden["c"])
