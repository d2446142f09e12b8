"""The external memory of the simulator and of the cocotb bench, by a block that adds in it."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.block import Channel
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.package.generate import generate
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import compare, simulate
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.golden.common.errors import UsageError
from gemmule.tb.benches.verify import verify
from gemmule.tb.parts.copier import COPIER, CopierParams, elements

PARAMS = CopierParams(lanes=3)
SETTINGS = [(16, 32), (1, 0), (5, 3), (64, 1), (7, 100)]
TRACE = 6000


def work(sizes: list[tuple[int, int]]) -> dict[str, np.ndarray]:
    """Draw a row of vectors for each pair of sizes, of what is read and of what is written."""
    rng = np.random.default_rng(len(sizes))
    commands, at = [], 1
    for number, (size, sum_size) in enumerate(sizes):
        vectors, tail = int(rng.integers(2, 20)), number % PARAMS.lanes + 1
        end = at + (vectors * PARAMS.lanes << size)
        total = 2 * end - at
        commands.append((at, end, total, vectors, tail, size, sum_size))
        at = total + ((vectors - 1) * PARAMS.lanes + tail << sum_size)
    return {"image": rng.integers(256, size=at), "commands": np.array(commands)}


EACH = work([(size, sum_size) for size in range(4) for sum_size in range(4)])


@pytest.fixture(scope="module")
def job():
    return COPIER.adapter.plan(PARAMS, COPIER.adapter.Run(), EACH)


@pytest.fixture(scope="module")
def model():
    return build(COPIER, PARAMS)


@pytest.mark.parametrize("stall", [0.0, 0.4, 0.9])
@pytest.mark.parametrize(("width", "latency"), SETTINGS)
def test_the_image_is_the_golden_models(stall, width, latency):
    done = simulate(
        COPIER, PARAMS, EACH, stall=stall, seed=2, memory_width=width, memory_latency=latency
    )
    commands = EACH["commands"]
    read = 2 * commands[:, 3] * PARAMS.lanes << commands[:, 5]
    written = ((commands[:, 3] - 1) * PARAMS.lanes + commands[:, 4]) << commands[:, 6]
    assert done.counters == {
        "memory_bytes_read": read.sum(),
        "memory_bytes_written": written.sum(),
        "vectors": commands[:, 3].sum(),
        "slowest": latency + 2 * width,
    }


@pytest.mark.parametrize(
    "options",
    [{"shy": True}, {"reset_at": 60}, {"reset_at": 300, "stall": 0.3}, {"stall": (0, 0.5)}],
)
def test_shy_takers_and_resets_change_no_byte(model, job, options):
    result = model.run(job.send, job.receive, memory=job.memory, **options)
    compare("image", result.received["memory"], job.golden["image"])


def predicted(trace, commands, image, width, latency):
    """Apply the memory's rules by cycle: `valid` of what is read, `ready` of what is written.

    ``trace`` says which streams move when; ``image`` becomes what the memory holds.
    """
    lanes, rows, stores = PARAMS.lanes, [], []
    for x, y, total, vectors, tail, size, sum_size in commands.tolist():
        steps = np.arange(vectors) * lanes
        rows.append([[(address, size) for address in start + (steps << size)] for start in (x, y)])
        counts = [lanes] * (vectors - 1) + [tail]
        stores += zip(total + (steps << sum_size), counts, [sum_size] * vectors, strict=True)
    reads, writes, offers = deque(), deque(), (deque(), deque())
    asked = given = complete = paid = 0
    requests = [0, 0]
    for cycle, fired in enumerate(trace):
        room = asked - paid < 4, given - paid < 4
        budget = width
        while budget and (writes or reads):
            first = writes[0] if writes else reads[0]
            moved = min(budget, first[0])
            budget, first[0] = budget - moved, first[0] - moved
            if first[0]:
                continue
            if writes:
                writes.popleft()
                paid += 1
            else:
                _owed, channel, address, size = reads.popleft()
                offers[channel].append((cycle + latency, elements(image, address, lanes, size)))
        yield (*(bool(each) and each[0][0] <= cycle for each in offers), *room)
        asked, given = asked + fired[4], given + fired[5]
        if complete < min(asked, given):
            address, count, size = stores[complete]
            total = sum((offer[0][1] + 2**11) % 2**12 - 2**11 for offer in offers)[:count]
            octets = total.astype(f"<i{1 << size}").view(np.uint8)
            image[address : address + octets.size] = octets
            writes.append([octets.size])
            complete += 1
        for channel in (0, 1):
            if fired[2 * channel + 1]:
                offers[channel].popleft()
            if fired[2 * channel]:
                row = rows[requests[channel]][channel]
                reads.extend([lanes << size, channel, address, size] for address, size in row)
                requests[channel] += 1


def into_itself(size: int) -> dict[str, np.ndarray]:
    """Make each sum an operand a few vectors further: what is read depends on the cycle."""
    step = PARAMS.lanes << size
    commands = [(0, 5, shift * step, 20, 3, size, size) for shift in (1, 3, 6, 10)]
    image = np.random.default_rng(size).integers(256, size=30 * step)
    return {"image": image, "commands": np.array(commands)}


TIMED = {
    "each size": EACH,
    "more written than read": work([(0, 2)] * 4),
    "more read than written": work([(2, 0)] * 4),
    "into itself": into_itself(1),
}


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(("width", "latency"), [*SETTINGS, (8, 40), (12, 5), (3, 20)])
def test_each_cycle_is_as_the_rules_say(model, name, width, latency):
    arrays = TIMED[name]
    traced = COPIER.adapter.plan(PARAMS, COPIER.adapter.Run(trace=TRACE), arrays)
    memory = replace(traced.memory, width=width, latency=latency)
    result = model.run(traced.send, traced.receive, memory=memory)
    bits = result.received["trace"] >> np.arange(12) & 1
    fired = (bits[:, ::2] & bits[:, 1::2]).astype(bool)
    image = memory.image.copy()
    rows = list(predicted(fired, arrays["commands"], image, width, latency))
    compare("cycles", bits[:, [2, 6, 9, 11]].astype(bool), np.array(rows))
    compare("image", result.received["memory"], image)
    assert fired[:, 4].sum() == arrays["commands"][:, 3].sum()
    assert bits[:, [1, 5]].all()


@pytest.mark.parametrize("reset_at", [30, 150, 153, 156, 159])
def test_a_reset_restores_the_image_and_forgets_the_rest(model, reset_at):
    job = COPIER.adapter.plan(PARAMS, COPIER.adapter.Run(), into_itself(2))
    memory = replace(job.memory, width=3)  # writes wait for their bytes
    once, anew = (
        model.run(job.send, job.receive, memory=memory, reset_at=at) for at in (0, reset_at)
    )
    compare("image", anew.received["memory"], once.received["memory"])
    assert (anew.cycles, anew.moved) == (once.cycles, once.moved)


@pytest.mark.parametrize(
    ("column", "value", "stream"), [(0, 2**32 - 1, "x_request"), (2, 10**6, "sum_request")]
)
def test_what_is_outside_of_the_image_is_a_fault(model, job, column, value, stream):
    commands = job.send["command"].copy()
    commands[3, column] = value
    with pytest.raises(SimulationError, match=rf"{stream} asks for .* at address {value}") as error:
        model.run({"command": commands}, job.receive, memory=job.memory)
    assert (error.value.kind, error.value.stream) == ("memory", stream)


def test_a_memory_that_is_asked_in_vain_hangs(model, job):
    with pytest.raises(SimulationError, match="done 16 of 17 beats") as error:
        model.run(job.send, {"done": 17}, memory=job.memory, patience=300)
    assert error.value.kind == "hang"


def test_what_comes_after_the_end_is_an_error(model, job):
    with pytest.raises(SimulationError, match="beat after the") as error:
        model.run(job.send, {"done": 15}, memory=job.memory)
    assert error.value.kind == "surplus"


def test_channels_that_do_not_fit_the_ports_are_refused(model, job):
    for channel in (
        Channel("x_request", "z", 3, 12),
        Channel("done", "x", 3, 12),
        Channel("x_request", "done", 3, 12),
        Channel("x_request", "x", 3, 13),
    ):
        with pytest.raises(ValueError, match=r"channel is|must be a"):
            model.run({}, {}, memory=replace(job.memory, channels=(channel,)))


def test_options_of_the_memory_are_checked():
    operands = {"x": np.zeros((1, 4), int), "y": np.zeros((1, 4), int)}
    with pytest.raises(UsageError, match="--memory-width: adder has no external memory"):
        simulate(ADDER, AdderParams(), operands, memory_width=4)
    with pytest.raises(UsageError, match=r"--memory-width must be in 1\.\.4294967295, not 0"):
        simulate(COPIER, PARAMS, EACH, memory_width=0)
    with pytest.raises(UsageError, match=r"--memory-latency must be in 0\.\.4294967295, not -1"):
        simulate(COPIER, PARAMS, EACH, memory_latency=-1)


def test_the_cocotb_bench_sees_the_same_bytes():
    result = verify(COPIER, PARAMS, COPIER.adapter.Run(), EACH)
    assert result.passed, result.log
    assert result.ran == 3


def test_the_cocotb_bench_sees_a_fault():
    outside = EACH | {"image": EACH["image"][:-1]}
    result = verify(COPIER, PARAMS, COPIER.adapter.Run(), outside)
    assert result.failed == 3, result.log
    assert "sum_request asks for" in result.log


def test_its_streams_are_generated_as_any_others(tmp_path):
    written = generate(COPIER, PARAMS, tmp_path)
    text = (tmp_path / "copier_axis.v").read_text()
    assert "copier_axis.v" in written
    for port in ("m_axis_x_request_tdata", "s_axis_x_tdata", "m_axis_sum_tdata"):
        assert port in text
