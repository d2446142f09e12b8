"""Lists that follow the catalog, the boards and the verbs: nothing is left out of one unseen."""

import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from gemmule.gen.boards import board_names
from gemmule.gen.catalog import FAMILIES, catalog
from gemmule.gen.cli.app import VERBS, main
from gemmule.gen.cli.options import block_in, flags_of
from gemmule.tb.registry import stimuli

ROOT = Path(__file__).resolve().parents[1]


def test_every_block_that_takes_arrays_has_a_stimulus():
    """Without one `gemmule verify` could not go through all blocks."""
    assert set(stimuli()) == {name for name, block in catalog().items() if block.adapter}


def test_a_family_is_a_folder_with_blocks():
    folders = {path.parent.name for path in (ROOT / "gen" / "blocks").glob("*/__init__.py")}
    assert set(FAMILIES) == folders - {"common"}
    for name, block in catalog().items():
        assert block in import_module(f"gemmule.gen.blocks.{block.family}").BLOCKS, name
        assert block.params.__module__.startswith(f"gemmule.hw.{block.family}."), name


@pytest.mark.parametrize("name", catalog())
def test_a_summary_is_for_users(name):
    """It is one short sentence without names of Python, which `list` and README show."""
    block = catalog()[name]
    assert re.fullmatch(r"[A-Z][^.`]+(`[^`]+`[^.`]*)*\.", block.summary)
    assert len(block.summary) <= 90
    assert not re.search(r"\([Ss]ee|[a-z]_[a-z]|[a-z][A-Z]|[Gg]olden", block.summary)
    assert block.component.__name__ not in block.summary.split()


def test_boards_are_named_wherever_one_is_asked_for(capsys):
    readme = (ROOT / "README.md").read_text()
    assert all(f"`{board}`" in readme for board in board_names())
    for verb, function in VERBS.items():
        if "board" in get_type_hints(function):
            assert main([verb, "gemm", "--help"]) == 0
            shown = " ".join(capsys.readouterr().out.split())
            assert f"{', '.join(board_names())} or a .toml file" in shown, verb
    for words in (["synth", "gemm"], ["fit", "array"], ["synth", "gemm", "--board", "none"]):
        assert main(words) == 2
        assert ", ".join(board_names()) in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_no_switch_of_a_verb_takes_the_block_for_its_value(verb):
    function = VERBS[verb]
    hints = get_type_hints(function).values()
    switches = [hint for hint in hints if hint is bool or bool in get_args(hint)]
    found = flags_of(function)
    assert len({flag.removeprefix("--no-") for flag in found}) >= len(switches) > 0
    for flag in sorted(found):
        assert block_in(function, [flag, "gemm"]) == "gemm"
    assert block_in(function, ["--board", "gemm", "array"]) == "array"


def test_no_folder_holds_more_than_fourteen_modules():
    """What grows past a dozen is split by subject, on every floor."""
    floors = [ROOT / floor for floor in ("golden", "hw", "gen", "tb")]
    modules = [path for floor in floors for path in floor.rglob("*.py")]
    found = Counter(path.parent for path in modules if path.name != "__init__.py")
    crowded = {str(folder.relative_to(ROOT)): n for folder, n in found.items() if n > 14}
    assert not crowded, (
        f"{crowded} modules: put those of one subject into a folder below, with an __init__.py, and"
        " name it in `packages` of pyproject.toml"
    )
