"""What is installed: every package, its data, and the same bytes as from the checkout."""

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

GENERATE = """
import sys
from gemmule.gen import generate
from gemmule.gen.catalog import find
import gemmule.gen.package
block = find("gemm")
generate(block, block.params(rows=2, cols=2, acc_depth=8), sys.argv[1], board="zcu102")
print(gemmule.gen.package.__file__)
"""


@pytest.fixture(scope="module")
def setuptools():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel of the checkout; files that are new to git are in it, ignored ones are not."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    copy = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    names = subprocess.run(copy, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    done = subprocess.run([*command, str(folder), str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("gemmule-*.whl"))


def test_every_folder_of_code_is_packaged(setuptools):
    found = {
        ".".join([package, *path.parent.relative_to(ROOT / folder).parts])
        for package, folder in setuptools["package-dir"].items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert set(setuptools["packages"]) == found


def test_the_wheel_holds_every_file_that_code_reads(wheel, setuptools):
    packed = set(zipfile.ZipFile(wheel).namelist())
    kinds = {".py", ".toml", ".j2", ".xdc", ".tcl", ".v", ".cpp", ".h", ".npz", ".csv", ".typed"}
    wanted = {
        f"{package.replace('.', '/')}/{path.relative_to(ROOT / folder)}"
        for package, folder in setuptools["package-dir"].items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in kinds and tracked(path)
    }
    assert wanted <= packed


def test_the_wheel_writes_the_bytes_of_the_checkout(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False)
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    # The dependencies come from this environment; ours must not, and follows on the path.
    theirs = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{theirs}\n")
    environment = {name: it for name, it in os.environ.items() if name != "PYTHONPATH"}
    written = {}
    for name, python in (("wheel", tmp_path / "venv/bin/python"), ("checkout", sys.executable)):
        done = subprocess.run(
            [python, "-c", GENERATE, str(tmp_path / name)],
            cwd=tmp_path,
            env=environment | {"PYTHONHASHSEED": str(len(name))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert (str(tmp_path) in done.stdout) == (name == "wheel")
        folder = tmp_path / name
        written[name] = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    assert written["wheel"] == written["checkout"]
    assert len(written["wheel"]) > 8


def tracked(path: Path) -> bool:
    command = ["git", "-C", str(ROOT), "ls-files", "--error-unmatch", str(path)]
    return subprocess.run(command, capture_output=True).returncode == 0
