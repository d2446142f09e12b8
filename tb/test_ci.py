"""What CI runs: `make` lists its targets, and with GEMMULE_NO_SKIPS nothing skips."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

SKIPS = {
    "by a call": "import pytest\ndef test_it():\n    pytest.skip('no tool')\n",
    "by a mark": "import pytest\n@pytest.mark.skip('no tool')\ndef test_it():\n    pass\n",
    "as a module": "import pytest\npytest.importorskip('nothing')\ndef test_it():\n    pass\n",
}


@pytest.mark.parametrize("way", SKIPS)
@pytest.mark.parametrize("forbidden", [False, True])
def test_a_skip_is_a_failure_where_none_is_allowed(tmp_path, way, forbidden):
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "test_skips.py").write_text(SKIPS[way])
    (tmp_path / "test_runs.py").write_text("def test_it():\n    pass\n")
    environment = {name: it for name, it in os.environ.items() if not name.startswith("PYTEST")}
    environment["GEMMULE_NO_SKIPS"] = "1" if forbidden else ""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert bool(done.returncode) == forbidden, done.stdout
    assert ("no skip" in done.stdout) == forbidden


def test_make_lists_its_targets():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "test-full", "lint", "types", "docs", "clean"):
        assert f"  {target} " in done.stdout


def test_ci_is_a_script_that_bash_reads():
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", script], check=True)
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()
    assert "make docs" in script.read_text()
    assert "make lint types" in script.read_text()
