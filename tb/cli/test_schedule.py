"""`gemmule schedule`: chained products on one array, of a model or of a user's own file."""

import json

import pytest

from gemmule.gen.blocks.tokens.schedule import DEIT, SPVIT, Array, MatMul, Need, Plan, Schedule
from gemmule.gen.cli.app import main

TWO = """
[[product]]
name = "hidden"
m = 50
k = 64
n = 32

[[product]]
m = 50
k = 32
n = 8
a = {hidden = 0}
"""


def test_a_file_is_scheduled_as_the_plan_that_it_holds(tmp_path, capsys):
    file = tmp_path / "two.toml"
    file.write_text(TWO)
    assert main(["schedule", str(file), "--rows", "8", "--latency", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    plan = Plan()
    plan.add(MatMul(50, 32, 8), Need(plan.add(MatMul(50, 64, 32))))
    schedule = Schedule(8, 16, 5).run(plan)
    assert (
        (told["cycles"], told["chains"])
        == (schedule.cycles, schedule.chains)
        == (
            max(each["last_result"] for each in told["products"]) + 1,
            2,
        )
    )
    assert [each["product"] for each in told["products"]] == ["hidden", "product 2"]
    assert told["macs"] == 50 * 64 * 32 + 50 * 32 * 8
    assert main(["schedule", str(file)]) == 0
    assert "utilization" in capsys.readouterr().out


def test_a_model_takes_what_the_benchmark_counts(capsys):
    rates = ",".join(map(str, SPVIT))
    words = ["schedule", "deit-t", "--rows", "64", "--cols", "32", "--keep", rates, "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    found = Array(64, 32).encoder(DEIT["DeiT-T"], SPVIT)
    assert (told["cycles"], told["macs"]) == (found["cycles"], found["macs"])
    assert told["tokens"] == [197] * 3 + [123] * 3 + [75] * 3 + [29] * 3


@pytest.mark.parametrize(
    ("words", "text", "part"),
    [
        (["--rows", "0"], TWO, "--rows must be 1..256, not 0"),
        (["--keep", "1,1,1"], TWO, "--keep and --images are for"),
        ([], "product = 3", "must hold tables [[product]]"),
        ([], "[[product]]\nm = 1\nk = 2", "must have m, k and n"),
        ([], "[[product]]\nm = 0\nk = 2\nn = 1", "m must be a whole number of at least 1"),
        ([], TWO.replace("hidden = 0", "other = 0"), "reads other, which is no product before"),
        ([], TWO.replace("hidden = 0", "hidden = 32"), "from k = 32, not 0..31"),
        ([], "][", "is not TOML"),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(words, text, part, tmp_path, capsys):
    file = tmp_path / "plan.toml"
    file.write_text(text)
    assert main(["schedule", str(file), *words]) == 2
    assert part in capsys.readouterr().err
    assert main(["schedule", "deit-t", "--keep", "2"]) == 2
    assert main(["schedule", str(tmp_path / "none.toml")]) == 2
