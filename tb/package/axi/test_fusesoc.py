"""The generator of FuseSoC: a parent states options, and lints without a warning of ours."""

import json
import re
import subprocess
import sys

import pytest

from gemmule.gen.cli.app import main
from gemmule.gen.package.fusesoc.run import main as run
from gemmule.gen.package.fusesoc.run import words
from gemmule.gen.tools import verilator
from gemmule.golden.common.errors import UsageError

PARENT = """CAPI=2:
name: "::parent:1"
filesets:
  rtl:
    files: [parent.v]
    file_type: verilogSource
    depend: ["gemmule::generator"]
generate:
  machine:
    generator: gemmule
    parameters:
      block: accelerator
      name: machine
      options: {rows: 2, cols: 2, bank_bytes: 1024, data_width: 32, ring: false}
  dsp:
    generator: gemmule
    parameters: {block: array, name: dsp, board: zcu102, options: {rows: 2, cols: 2, pack: n}}
targets:
  default: &default {filesets: [rtl], generate: [machine, dsp]}
  lint:
    <<: *default
    toplevel: parent
    flow: lint
    flow_options: {tool: verilator, verilator_options: [-Wall]}
"""


def parent(names, ports):
    listed, instances = [], []
    for name in names:
        found = ports(name)
        listed += [f"{way} wire [{width - 1}:0] {name}_{port}" for way, port, width in found]
        pins = ", ".join(f".{port}({name}_{port})" for _, port, _ in found)
        instances.append(f"  {name} u_{name} ({pins});\n")
    joined = ",\n  ".join(listed)
    return f"module parent (\n  {joined}\n);\n{''.join(instances)}endmodule\n"


def lint(folder, core, *where):
    """Run the target `lint`; return what FuseSoC and Verilator say."""
    command = ["-m", "fusesoc.main", *where, "run", "--build", "--target=lint", core]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=verilator().environment,
        capture_output=True,
        text=True,
    )
    log = done.stdout + done.stderr
    assert not done.returncode, log
    return log


def test_a_parent_states_options_and_gets_no_warning_of_ours(tmp_path):
    assert main(["fusesoc", "--out", str(tmp_path / "gemmule")]) == 0
    (tmp_path / "parent.core").write_text(PARENT)
    for name, block, more in (
        (
            "machine",
            "accelerator",
            ["--bank-bytes", "1024", "--data-width", "32", "--ring", "false"],
        ),
        ("dsp", "array", ["--board", "zcu102", "--pack", "n"]),
    ):
        options = ["--name", name, "--rows", "2", "--cols", "2", *more]
        assert main(["generate", block, *options, "--out", str(tmp_path / "other" / name)]) == 0

    def ports(name):
        manifest = json.loads((tmp_path / "other" / name / f"{name}.json").read_text())
        return [(each["direction"], each["name"], each["width"]) for each in manifest["ports"]]

    (tmp_path / "parent.v").write_text(parent(("machine", "dsp"), ports))
    (tmp_path / "other" / "FUSESOC_IGNORE").touch()
    assert not re.search(r"(?i)warning", lint(tmp_path, "parent", "--cores-root", "."))


def test_a_package_with_axi_ports_lints_alone(copier):
    assert not re.search(r"(?i)warning", lint(copier, "gemmule::copier"))


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({}, "needs the parameter block"),
        ({"block": "array", "rows": 2}, "no parameter 'rows', only block, name"),
        ({"block": "array", "options": "rows"}, "must be a mapping"),
    ],
)
def test_parameters_that_there_are_not_are_refused(parameters, match):
    with pytest.raises(UsageError, match=match):
        words(parameters)


def test_a_wrong_option_ends_with_the_sentence_of_generate(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = '{vlnv: "::p-g:0", parameters: {block: array, options: {rows: 0}}}'
    (tmp_path / "input.yml").write_text(asked)
    assert run("input.yml") == 2
    assert "--rows must be in" in capsys.readouterr().err
    assert not (tmp_path / "ip").exists()
