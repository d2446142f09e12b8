"""What README says is so: its commands run, its refusals are ours, its table is the catalog."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gemmule.tb.docs.regions import filled

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Return a function that runs lines in an empty folder; PATH has our commands alone."""
    folder = tmp_path_factory.mktemp("readme")
    ours = folder / "bin"
    ours.mkdir()
    starts = {"gemmule": "-m gemmule.gen", "fusesoc": "-m fusesoc.main", "python": ""}
    for name, words in starts.items():
        (ours / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (ours / name).chmod(0o755)
    path = os.pathsep.join([str(ours), os.environ["PATH"]])

    def run(lines: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["sh", "-ec", lines],
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
        )

    return run


def test_commands_run_in_their_order(shell):
    first, *blocks = fenced("sh")
    targets = re.findall(r"^make (\S+)", first, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)
    assert sum(len(block.splitlines()) for block in blocks) >= 6
    for block in blocks:
        done = shell(block)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"


def test_python_runs(shell):
    says = ("cycles", "[[0 2 2]\n [2 3 4]]\n" * 2)
    for number, (text, said) in enumerate(zip(fenced("python"), says, strict=True)):
        done = shell(f"cat > script_{number}.py <<'EOF'\n{text}EOF\npython script_{number}.py")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout


def test_refusals_are_those_shown(shell):
    (text,) = fenced("console")
    for command, answer in re.findall(r"^\$ (.*)\n(.*)$", text, re.MULTILINE):
        done = shell(command)
        assert (done.returncode, done.stderr) == (2, f"{answer}\n")


def test_the_table_is_the_catalog():
    assert filled("README.md") == README, "run `python -m gemmule.tb.docs.regions`"
