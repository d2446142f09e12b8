"""The engine and its driver: that a good design passes, and that a bad one does not."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from gemmule.gen import tools
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.files import cache, sweep
from gemmule.gen.simulation.engine import build, build_emitted
from gemmule.gen.simulation.simulate import GoldenMismatch, compare, simulate
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.errors import UsageError
from gemmule.tb.common.verilog_mutants import mutated

PARAMS = AdderParams(lanes=3)
WIDE = AdderParams(lanes=9, format="u16")
RUN = ADDER.adapter.Run(bias=-1)
PACKETS, BEATS = 3, 40


def operands(params: AdderParams) -> dict[str, np.ndarray]:
    """Draw random rows behind one of the least and one of the greatest values."""
    rng = np.random.default_rng(7)
    low, high = params.format.low, params.format.high
    shape = (2, PACKETS, BEATS * params.lanes)
    x, y = rng.integers(low, high, size=shape, endpoint=True)
    x[0], y[0], x[1], y[1] = low, low, high, high
    return {"x": x, "y": y}


@pytest.fixture(scope="module")
def job():
    return ADDER.adapter.plan(PARAMS, RUN, operands(PARAMS))


@pytest.fixture(scope="module")
def model():
    return build(ADDER, PARAMS)


@pytest.mark.parametrize("stall", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("params", [PARAMS, WIDE], ids=["narrow", "wide"])
def test_outputs_are_the_golden_models(params, stall):
    result = simulate(ADDER, params, operands(params), run=RUN, stall=stall, seed=3)
    assert result.golden_match
    assert result.outputs["total"].shape == (PACKETS, BEATS * params.lanes)
    if not stall:
        assert result.cycles == PACKETS * BEATS + 1
        assert result.utilization == pytest.approx(PACKETS * BEATS / (PACKETS * BEATS + 1))


def test_stalls_differ_between_seeds_and_repeat_with_one(model, job):
    cycles = [model.run(job.send, job.receive, stall=0.5, seed=seed).cycles for seed in (1, 1, 2)]
    assert cycles[0] == cycles[1] != cycles[2]
    assert cycles[0] > 2 * PACKETS * BEATS


@pytest.mark.parametrize(
    "options", [{"shy": True}, {"reset_at": 50}, {"reset_at": 3, "stall": 0.3}]
)
def test_shy_sinks_and_resets_change_no_result(model, job, options):
    received = model.run(job.send, job.receive, **options).received
    compare("total", job.decode(received)["total"], job.golden["total"])


def test_a_beat_too_many_is_an_error(model, job):
    with pytest.raises(SimulationError, match="total offers a beat after the last of 119") as error:
        model.run(job.send, {"total": 119})
    assert error.value.kind == "surplus"


def test_a_beat_too_few_is_a_hang_that_lists_the_streams(model, job):
    with pytest.raises(SimulationError, match="nothing moved for 500 cycles") as error:
        model.run(job.send, {"total": 121}, patience=500)
    assert error.value.kind == "hang"
    assert "total 120 of 121 beats, valid 0, ready 1" in str(error.value)
    assert "x 120 of 120 beats" in str(error.value)


def test_an_offer_that_changes_is_an_error(job):
    hasty = build_emitted(mutated(emit(ADDER, PARAMS), "assign free = .*;", "assign free = 1'h1;"))
    with pytest.raises(SimulationError, match=r"total (changes|withdraws) beat") as error:
        hasty.run(job.send, job.receive, stall=0.5)
    assert error.value.kind == "offer"


def test_a_valid_that_waits_for_ready_hangs_on_shy_sinks(job):
    waits = mutated(emit(ADDER, PARAMS), "assign both = (.*);", r"assign both = \1 & total__ready;")
    model = build_emitted(waits)
    model.run(job.send, job.receive)
    with pytest.raises(SimulationError, match="nothing moved") as error:
        model.run(job.send, job.receive, shy=True)
    assert error.value.kind == "hang"


def test_progress_is_reported_on_long_runs(model, job):
    long = ADDER.adapter.plan(PARAMS, RUN, {k: np.zeros((1, 180_000), int) for k in "xy"})
    seen = []
    model.run(long.send, long.receive, stall=0.99, progress=lambda *now: seen.append(now))
    assert seen
    done, expected, _cycle = seen[-1]
    assert 0 < done <= expected == 180_001


def test_waves_are_written_as_fst(model, job, tmp_path):
    path = tmp_path / "a b.fst"
    result = model.run(job.send, job.receive, waves=path)
    assert result.cycles == PACKETS * BEATS + 1
    # An FST file begins with a header block: type 0, 329 bytes long.
    assert path.read_bytes()[:9] == b"\0" + (329).to_bytes(8, "big")


def test_the_first_difference_is_named():
    with pytest.raises(
        GoldenMismatch, match=r"y\[0, 1\] is 3, but the golden model says 2"
    ) as error:
        compare("y", np.array([[1, 3]]), np.array([[1, 2]]))
    assert (error.value.name, error.value.index) == ("y", (0, 1))
    assert (error.value.expected, error.value.got) == (2, 3)


def test_beats_that_do_not_fit_the_ports_are_refused(model, job):
    with pytest.raises(ValueError, match="asked to send"):
        model.run({"z": job.send["x"]}, {})
    with pytest.raises(ValueError, match="a beat of x is 1 words"):
        model.run({"x": np.zeros((1, 2), np.uint32)}, {})
    with pytest.raises(ValueError, match="a beat of x has 25 bits"):
        model.run({"x": np.full((1, 1), 1 << 25, np.uint32)}, {})


@pytest.mark.parametrize("stall", [-0.1, 1.0, float("nan")])
def test_impossible_stalls_are_refused(stall):
    with pytest.raises(UsageError, match=r"--stall must be in 0\.\.0\.999, not"):
        simulate(ADDER, PARAMS, operands(PARAMS), stall=stall)


def test_without_a_compiler_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="no C\\+\\+ compiler is on PATH"):
        build(ADDER, PARAMS)


BUILD = """
from gemmule.gen.simulation.engine import build
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
print(build(ADDER, AdderParams(lanes=2)).program.exists())
"""


def test_two_processes_may_build_at_once(tmp_path):
    for runtime in cache.folder().glob("runtime-*"):  # compiled already: not what is tested here
        shutil.copytree(runtime, tmp_path / runtime.name)
    environment = os.environ | {"GEMMULE_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", BUILD]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in both] == ["True\n", "True\n"]
    assert len(list(tmp_path.glob("model-*"))) == 1
    assert not list(tmp_path.glob(f"{sweep.PREFIX}*"))


def test_later_designs_of_a_process_use_precompiled_headers(model):
    # The fixture's, and one more, so that this is not the process's first.
    build(ADDER, AdderParams(lanes=2))
    headers = list(cache.folder().glob("header-*/verilated.h.gch"))
    assert headers
    assert all(each.stat().st_size > 1 << 20 for each in headers)


def test_an_unwritable_cache_is_replaced_by_a_temporary_folder(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path / "file" / "below"))
    assert cache.folder().is_dir()
    assert cache.folder() == cache.folder() != tmp_path / "file" / "below"


def test_a_failed_build_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("GEMMULE_CACHE", str(tmp_path))

    def fail(folder):
        (folder / "half").touch()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cache.kept("model-x", fail)
    assert not list(tmp_path.iterdir())


def test_the_survey_finds_what_runs_here():
    found = {tool.name: tool for tool in tools.survey()}
    for name in ("verilator", "C++ compiler", "make", "perl", "pyosys", "cocotb", "amaranth"):
        assert found[name].needed
        assert found[name].path, f"{name} was not found"
        assert found[name].version
