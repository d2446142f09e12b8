"""Files (F6): regular ones or new names, whole folders or none, and nobody else's."""

import errno
import json
import os
import socket
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from gemmule.gen.boards import load_board
from gemmule.gen.catalog import find
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.files.atomic import check_writable, replacing, write_file, write_folder
from gemmule.gen.package.earlier import digest
from gemmule.gen.package.generate import generate
from gemmule.golden.common.errors import UsageError

ONE = AdderParams(lanes=1)


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def no_files(folder: Path) -> list[Path]:
    """Make what no file may take the place of: a folder, a pipe, a socket, a device."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(folder / "socket"))
    (folder / "link").symlink_to("/dev/null")
    return [*(folder / name for name in ("folder", "pipe", "socket", "link")), Path("/dev/null")]


def test_f6_only_regular_files_are_replaced(tmp_path):
    for path in no_files(tmp_path):
        with pytest.raises(UsageError, match=r"is a (folder|pipe|socket|device), not a file"):
            check_writable("--out", path)
        with pytest.raises(UsageError, match=r"is a (folder|pipe|socket|device), not a file"):
            write_file(path, "text")
        with pytest.raises(UsageError), replacing(path) as place:
            place.write_text("text")
    assert Path("/dev/null").is_char_device()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "pipe", "socket"]


def test_f6_a_symbolic_link_leads_to_its_target(tmp_path):
    (tmp_path / "there").mkdir()
    for name, write in {
        "file": lambda path: write_file(path, "new"),
        "folder": lambda path: write_folder(path.parent, {path.name: "new"}),
        "aside": lambda path: aside(path),
    }.items():
        (tmp_path / name).symlink_to(f"there/{name}")
        for _again in range(2):
            write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "there" / name).read_text() == "new"
    assert sorted(tree(tmp_path)) == [
        "aside",
        "file",
        "folder",
        "there",
        "there/aside",
        "there/file",
        "there/folder",
    ]


def aside(path):
    with replacing(path) as place:
        place.write_text("new")


def test_f6_a_file_keeps_its_mode(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o640)
    write_file(tmp_path / "x", "new")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("obstacle", ["a/b", "c", "sim/d.v"])
def test_f6_a_folder_is_written_as_a_whole_or_not_at_all(tmp_path, obstacle):
    """Try a folder or a pipe where a file should be, and a file where a folder should be."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_text("old")
    (tmp_path / "e").write_text("old")
    new = {"a/b": "new", "c": b"new", "sim/d.v": "new", "f": "new"}
    if obstacle == "sim/d.v":
        (tmp_path / "sim").write_text("a file")
    else:
        (tmp_path / obstacle).unlink(missing_ok=True)
        (tmp_path / obstacle).mkdir()
    before = tree(tmp_path)
    with pytest.raises(UsageError):
        write_folder(tmp_path, new, remove=["e"])
    assert tree(tmp_path) == before


@pytest.mark.parametrize("step", range(5))
def test_f6_what_was_done_is_undone(tmp_path, monkeypatch, step):
    """Whatever renaming fails, and whatever the disk holds when it is full."""
    (tmp_path / "b").write_text("old")
    (tmp_path / "gone").write_text("old")
    before = tree(tmp_path)
    renames = iter(range(9))
    rename = Path.rename

    def failing(self, target):
        if next(renames) == step:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    contents = {"a/new": "new", "b": "new", "sub/c": "new"}
    with pytest.raises(UsageError, match="Input/output error"):
        write_folder(tmp_path, contents, remove=["gone"])
    assert tree(tmp_path) == before

    def full(_file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UsageError, match="No space left on device"):
        write_folder(tmp_path / "x/y", {"a": "new", "b/c": full})
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path, {"b": "new", "c": lambda _file: interrupt()})
    assert tree(tmp_path) == before


def interrupt():
    raise KeyboardInterrupt


def test_f6_generate_takes_its_own_files_away_and_leaves_others(tmp_path):
    gemm, model = find("gemm"), tmp_path / "sim" / "dsp48e2.v"
    tiny = {"rows": 1, "cols": 1, "acc_depth": 1, "dataflow": "ws"}
    generic, with_dsp = gemm.params(**tiny), gemm.params(cell="dsp48e2", **tiny)
    generate(gemm, with_dsp, tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    assert model.exists()
    generate(gemm, generic, tmp_path)
    assert not model.exists()
    generate(gemm, with_dsp, tmp_path)
    model.write_text("mine now")
    generate(gemm, generic, tmp_path)
    assert model.read_text() == "mine now"
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_f6_generate_refuses_to_overwrite_what_is_not_its_own(tmp_path):
    (tmp_path / "adder.v").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=r"holds adder.v, .*--force"):
        generate(ADDER, ONE, tmp_path)
    assert tree(tmp_path) == before
    generate(ADDER, ONE, tmp_path, force=True)
    generate(ADDER, AdderParams(lanes=2), tmp_path)
    with (tmp_path / "adder.v").open("a") as file:
        file.write("// a change of mine\n")
    with pytest.raises(UsageError, match=r"holds adder.v, .*--force"):
        generate(ADDER, ONE, tmp_path)
    with pytest.raises(UsageError, match="--out needs the name of a folder"):
        generate(ADDER, ONE, "")


def test_f6_no_manifest_leads_out_of_the_folder(tmp_path):
    (tmp_path / "outside").write_text("mine")
    names = ("../outside", str(tmp_path / "outside"), "\0")
    listed = dict.fromkeys(names, digest("mine"))
    (tmp_path / "ip").mkdir()
    (tmp_path / "ip/adder.json").write_text(json.dumps({"name": "adder", "files": listed}))
    generate(ADDER, ONE, tmp_path / "ip")
    assert (tmp_path / "outside").read_text() == "mine"


BOARD = resources.files("gemmule.gen.boards").joinpath("zcu102.toml").read_text()
TEXTS = {
    "name": ["a\\nb", "a b", "../a", "", "a;b", "é", "a" * 65],
    "title": ["a\\nb", "a|b", "a`b", "a$b", "[b]", "{b", 'a\\"b', "", "a" * 121, "\\u001b[1m"],
    "part": ["x\\nvlnv: y", "x y", "", "-x", "x]", "a" * 65],
    "cell": ["dsp", "", "dsp48e2\\n"],
    "family": ["xcup\\n", "virtex"],
}


@pytest.mark.parametrize(("key", "text"), [(k, text) for k in TEXTS for text in TEXTS[k]])
def test_f7_texts_of_a_board_hold_nothing_that_other_languages_read(tmp_path, key, text):
    lines = [f'{key} = "{text}"' if s.startswith(f"{key} ") else s for s in BOARD.splitlines()]
    (tmp_path / "b.toml").write_text("\n".join(lines))
    tomllib.loads("\n".join(lines))
    with pytest.raises(UsageError, match=f"{key} in "):
        load_board(tmp_path / "b.toml")


@pytest.mark.parametrize(
    "line", ["clock_mhz = nan", "clock_mhz = inf", "cascade = 0", "lut = true"]
)
def test_f7_numbers_of_a_board_are_numbers(tmp_path, line):
    key = line.split()[0]
    lines = [line if s.startswith(f"{key} ") else s for s in BOARD.splitlines()]
    (tmp_path / "b.toml").write_text("\n".join(lines))
    with pytest.raises(UsageError, match=key):
        load_board(tmp_path / "b.toml")


def test_f7_a_board_named_like_ours_has_its_own_data(tmp_path):
    (tmp_path / "b.toml").write_text(BOARD.replace("clock_mhz = 300.0", "clock_mhz = 77.0"))
    generate(ADDER, ONE, tmp_path / "ip", board=tmp_path / "b.toml")
    assert "77 MHz" in (tmp_path / "ip/adder.xdc").read_text()
