# amaranth: UnusedElaboratable=no
"""The command line where all is well, with a block as small as can be."""

import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from gemmule.gen.catalog import catalog, find
from gemmule.gen.cli.app import VERBS, main
from gemmule.gen.cli.options import block_in, settings, spell_out_flags
from gemmule.gen.docs.examples.own_block import ADDER
from gemmule.golden.common.options import flag

RUNS = {name: inspect.signature(verb).parameters for name, verb in VERBS.items()}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Enter a folder of its own, with arrays for the adder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(catalog(), "adder", ADDER)
    rng = np.random.default_rng(1)
    np.savez("in.npz", **{name: rng.integers(-128, 128, (3, 8)) for name in "xy"})


@pytest.fixture
def gemmule(place, capfd):
    """Return a function that runs a command there, and returns what it prints."""

    def run(words: str, code: int = 0) -> str:
        assert main(words.split()) == code
        return capfd.readouterr().out

    return run


def test_list_names_every_block(gemmule):
    listed = {each["name"]: each for each in json.loads(gemmule("list --json"))}
    assert listed["gemm"]["family"] == "systolic"
    assert set(listed) == set(catalog())
    assert all(name in gemmule("list") for name in catalog())


@pytest.mark.parametrize("name", ["adder", *catalog()])
def test_show_tells_hardware_and_run_options_apart(gemmule, name):
    shown = json.loads(gemmule(f"show {name} --json"))
    hardware = {each["option"] for each in shown["hardware_options"]}
    run = {each["option"] for each in shown["run_options"]}
    assert shown["ports"]
    assert not hardware & run
    assert all(each["help"] for each in shown["hardware_options"] + shown["run_options"])
    assert shown["summary"] in gemmule(f"show {name}")


def test_generate_writes_the_same_bytes_twice(gemmule, tmp_path):
    files = json.loads(gemmule("generate adder --lanes 2 --board vc709 --out one --json"))["files"]
    gemmule("generate adder --lanes 2 --board vc709 --out two/deep")
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert sorted(written) == files
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "two/deep").iterdir()}
    assert json.loads(written["adder.json"])["params"] == {"lanes": 2, "format": "s8"}
    assert b"SPDX-License-Identifier: Apache-2.0" in written["adder.v"]


def test_generate_again_replaces_its_files_and_leaves_others(gemmule, tmp_path):
    gemmule("generate adder --out ip")
    (tmp_path / "ip" / "mine.txt").write_text("mine")
    gemmule("generate adder --lanes 2 --out ip")
    assert (tmp_path / "ip" / "mine.txt").read_text() == "mine"
    assert json.loads((tmp_path / "ip" / "adder.json").read_text())["params"]["lanes"] == 2


def test_simulate_reports_what_the_contract_says(gemmule, tmp_path):
    report = json.loads(gemmule("simulate adder --inputs in.npz --bias -2 --out out.npz --json"))
    assert report["golden_match"] is True
    assert report["outputs"] == {"total": {"shape": [3, 8], "dtype": "int16"}}
    assert report["utilization"] == report["macs"] / report["cycles"] / 4
    assert {"build_seconds", "run_seconds", "peak_macs_per_cycle", "packets"} <= set(report)
    with np.load("in.npz") as given, np.load("out.npz") as got:
        np.testing.assert_array_equal(got["total"], given["x"] + given["y"] - 2)
    assert "golden_match         yes" in gemmule("simulate adder --inputs in.npz --stall 0.5")


def test_results_may_go_to_stdout(place, capfdbinary):
    """F6: `--out -` is stdout, and the report is on stderr then."""
    for name in ("-", "/dev/stdout"):
        assert main(f"simulate adder --inputs in.npz --json --out {name}".split()) == 0
        out, err = capfdbinary.readouterr()
        assert json.loads(err)["golden_match"] is True
        with np.load("in.npz") as given, np.load(io.BytesIO(out)) as got:
            np.testing.assert_array_equal(got["total"], given["x"] + given["y"])


def test_options_come_from_presets_files_and_words_in_that_order(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("lanes = 8\nformat = 'u4'\nbias = 1\n")
    params, run = settings(ADDER, {"lanes": "16"}, config=config)
    assert (params.lanes, str(params.format), run.bias) == (16, "u4", 1)
    with_preset = type(ADDER)(**vars(ADDER) | {"presets": {"wide": {"lanes": 32, "format": "s4"}}})
    params, _run = settings(with_preset, {}, preset="wide", config=config)
    assert (params.lanes, str(params.format)) == (8, "u4")
    assert settings(with_preset, {}, preset="wide")[0].lanes == 32


def test_a_file_may_have_a_table_for_each_block(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("cols = 4\nrows = 2\n[gemm]\nrows = 3\n[array]\ncols = 5\n")
    sizes = [
        (params.rows, params.cols)
        for name in ("gemm", "array", "sparse_gemm")
        for params, _run in [settings(catalog()[name], {}, config=config)]
    ]
    assert sizes == [(3, 4), (2, 5), (2, 4)]


def test_options_may_stand_before_the_block():
    assert block_in(VERBS["simulate"], ["--inputs", "gemm", "--json", "adder"]) == "adder"
    assert block_in(VERBS["simulate"], ["--lanes=3", "adder", "gemm"]) == "adder"
    assert block_in(VERBS["simulate"], ["--json"]) is None


def test_flags_take_true_and_false():
    words = ["generate", "gemm", "--b-zero-points", "false", "--out", "true"]
    assert spell_out_flags(words) == ["generate", "gemm", "--no-b-zero-points", "--out", "true"]
    assert spell_out_flags(["--b-zero-points", "true"]) == ["--b-zero-points"]


def test_synth_counts_and_says_what_does_not_fit(gemmule, tmp_path):
    report = json.loads(gemmule("synth adder --board zcu102 --json"))
    assert report["ff"] == 4 * 10 + 2
    assert report["fits"] is True
    assert set(report["parts"]) == {"lane", "glue"}
    assert report["parts"]["lane"]["instances"] == 2  # beside those at the edges
    assert sum(part["ff"] for part in report["parts"].values()) == report["ff"]
    assert report["percent"]["ff"] == round(100 * report["ff"] / 548_160, 3)
    text = resources.files("gemmule.gen.boards").joinpath("zcu102.toml").read_text()
    text = text.replace('name = "zcu102"', 'name = "tiny"').replace("ff = 548_160", "ff = 41")
    (tmp_path / "tiny.toml").write_text(text)
    small = json.loads(gemmule("synth adder --board tiny.toml --json", code=1))
    assert (small["board"], small["fits"], small["ff"]) == ("tiny", False, report["ff"])


def test_doctor_finds_what_the_tests_run_on(gemmule):
    found = {tool["name"]: tool for tool in json.loads(gemmule("doctor --json"))}
    assert found["pyosys"]["version"] == "0.70"
    assert found["C++ compiler"]["path"]
    assert found["verilator"]["remedy"]
    assert "verilator" in gemmule("doctor")


def test_verify_and_bench_start_the_evidence_by_name(gemmule, monkeypatch):
    started = []

    def run(command, **_options):
        started.append(command)
        return type("Done", (), {"returncode": 1})

    monkeypatch.setattr("subprocess.run", run)
    gemmule("verify adder --lanes 2 --bias 1 --inputs in.npz", code=1)
    gemmule("bench gemm-cycles --quick --json", code=1)
    gemmule("demo", code=1)
    gemmule("verify --seed 7 --simulator icarus --json", code=1)
    module = [sys.executable, "-m", "gemmule.tb"]
    assert [words[:3] for words in started] == [module] * 4
    how = ["--stall=0.5", "--seed=1", "--simulator=verilator"]
    assert started[0][3:] == [
        "verify",
        "adder",
        "--params",
        '{"lanes": 2, "format": "s8"}',
        "--run",
        '{"bias": 1}',
        "--choice",
        "{}",
        "--inputs=in.npz",
        *how,
    ]
    again = ["verify", "--stall=0.5", "--seed=7", "--simulator=icarus", "--json"]
    assert started[1][3:] == ["bench", "gemm-cycles", "--out", "build/bench", "--quick", "--json"]
    assert [words[3:] for words in started[2:]] == [["demo"], again]


@pytest.mark.parametrize("simulator", ["verilator", pytest.param("icarus", marks=pytest.mark.full)])
def test_verify_reports_waves_and_exports(place, capfd, simulator):
    """The verb's options reach the process that it starts; the exported bench runs by itself."""
    if not shutil.which("iverilog"):
        pytest.skip("iverilog is not installed")
    how = f"--seed 3 --stall 0.25 --simulator {simulator}"
    assert main(f"verify prune24 --lanes 1 {how} --json --waves w.fst".split()) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["block"], report["passed"], report["failed"]) == ("prune24", True, 0)
    assert (report["seed"], report["stall"], report["simulator"]) == (3, 0.25, simulator)
    assert Path("w.fst").stat().st_size > 100
    if simulator == "verilator":
        return
    assert main(f"verify prune24 --lanes 1 {how} --export ci".split()) == 0
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COCOTB"))}
    command = ["make", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd="ci", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    design = Path("ci/prune24.v")
    design.write_text(re.sub(r"(rank_\d) >= (rank_\d)", r"\1 < \2", design.read_text()))
    done = subprocess.run(command, cwd="ci", env=environment, capture_output=True, text=True)
    assert done.returncode != 0


def test_a_board_is_named_in_every_report(gemmule):
    """`--board` chooses the cell in each verb, and the report says which and why."""
    np.savez("ab.npz", a=np.ones((3, 4), np.int8), b=np.ones((4, 2), np.int8))
    size = "--rows 2 --cols 2 --acc-depth 4 --json"
    reports = [
        json.loads(gemmule(f"{verb} gemm {size} --board vc709"))
        for verb in ("generate --out ip", "simulate --inputs ab.npz")
    ]
    for report in reports:
        assert (report["cell"], report["pack"], report["dataflow"]) == ("dsp48e1", "n", "ws")
        assert report["chosen"] == "for vc709"
    assert json.loads(Path("ip/gemm.json").read_text())["params"]["pack"] == "n"
    without = json.loads(gemmule("generate gemm --rows 2 --cols 2 --out other --json"))
    assert without["cell"] == "generic"
    assert "no --board" in without["chosen"]


def test_version_and_environment(gemmule):
    assert gemmule("--version") == f"gemmule {version('gemmule')}\n"
    lines = gemmule("env").splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "export PATH",
        "export VERILATOR_ROOT",
        "export MAKEFLAGS",
    ]
    script = "; ".join([*lines, "verilator --getenv VERILATOR_ROOT; echo $MAKEFLAGS"])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    root, flags = done.stdout.splitlines()
    assert f"export VERILATOR_ROOT={root}" in lines
    assert "CFG_CXXFLAGS_PCH_I=-include" in flags


@pytest.mark.parametrize("verb", ["generate", "simulate", "synth", "fit", "verify"])
def test_help_cuts_nothing_at_80_columns(gemmule, monkeypatch, verb):
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("gemm", "conv2d", "selector"):
        text = gemmule(f"{verb} {name} --help")
        assert max(map(len, text.splitlines())) <= 80
        words = " ".join(text.split())
        assert "..." not in words
        assert "\u2026" not in words
        kinds = [find(name).params, *([find(name).adapter.Run] if "run" in RUNS[verb] else [])]
        for each in (field for kind in kinds for field in fields(kind)):
            assert flag(each.name) in words
            assert "|".join(each.metadata["choices"] or ()) in words
            assert each.metadata["help"].split("-")[0] in words
