"""`--cell auto` and `--pack auto`: what the board says, and what the user does."""

import itertools

import pytest

from gemmule.gen.boards import load_board
from gemmule.gen.catalog import catalog, find
from gemmule.gen.cli.options import chosen_settings
from gemmule.gen.synthesis.choose import automatic
from gemmule.golden.common.errors import UsageError

BLOCKS = [name for name, block in catalog().items() if automatic(block.params)]
FORMATS = ("s2", "u4", "s8", "u8", "s16")
DATAFLOWS = (None, "ws", "os", "both")


def choice(name, words="", board=None):
    pairs = [word.split("=") for word in words.split()]
    target = board and load_board(board)
    params, _run, found = chosen_settings(find(name), dict(pairs), board=target)
    assert (params.cell, params.pack) == (found.cell, found.pack)
    return found.cell, found.pack, found.dataflow


def test_the_blocks_that_have_a_choice():
    assert set(BLOCKS) >= {"gemm", "sparse_gemm", "conv2d", "conv3d", "array", "sparse_array"}


CASES = [
    ("gemm", "", None, ("generic", "none", "both")),
    ("gemm", "", "zcu102", ("dsp48e2", "n", "ws")),
    ("gemm", "", "vc709", ("dsp48e1", "n", "ws")),
    ("gemm", "a_format=s4 b_format=s4", "zcu102", ("dsp48e2", "quad", "ws")),
    ("gemm", "a_format=s16 b_format=s16", "zcu102", ("dsp48e2", "none", "both")),
    ("gemm", "dataflow=both", "zcu102", ("dsp48e2", "none", "both")),
    ("gemm", "run_dataflow=os", "zcu102", ("dsp48e2", "none", "both")),
    ("gemm", "pack=none", "zcu102", ("dsp48e2", "none", "both")),
    ("gemm", "pack=m", "vc709", ("dsp48e1", "m", "ws")),
    ("gemm", "cell=generic", "vc709", ("generic", "none", "both")),
    ("gemm", "cell=generic pack=auto", "vc709", ("generic", "none", "both")),
    ("gemm", "cell=dsp48e2", None, ("dsp48e2", "none", "both")),
    ("gemm", "cell=dsp48e2 pack=auto", None, ("dsp48e2", "n", "ws")),
    ("gemm", "cell=dsp48e2 pack=n", None, ("dsp48e2", "n", "ws")),
    ("gemm", "rows=169", "zcu102", ("generic", "none", "both")),  # longer than a column of DSPs
    ("array", "", "zcu102", ("dsp48e2", "n", "ws")),
    ("sparse_gemm", "", "zcu102", ("dsp48e2", "m", "ws")),
    ("conv2d", "", "zcu102", ("dsp48e2", "n", "ws")),
    ("conv3d", "", "vc709", ("dsp48e1", "n", "ws")),
]


@pytest.mark.parametrize(("name", "words", "board", "expected"), CASES)
def test_the_best_that_the_board_has(name, words, board, expected):
    assert choice(name, words, board) == expected


REFUSED = [
    ("gemm", "pack=n", None, "--pack n needs a DSP block: name a --board, or --cell"),
    ("gemm", "pack=n cell=generic", None, "--pack n needs --cell dsp48e1 or dsp48e2"),
    ("gemm", "pack=n dataflow=both", "zcu102", "--pack n needs --dataflow ws, not both"),
    ("gemm", "cell=dsp48e1", "zcu102", "--cell must be dsp48e2 or generic on zcu102"),
    ("gemm", "pack=quad", "zcu102", "--pack quad has no room on dsp48e2"),
    ("gemm", "cell=dsp", "zcu102", "--cell must be one of"),
    ("gemm", "pack=two", "zcu102", "--pack must be one of"),
    ("gemm", "rows=0", "zcu102", "--rows must be in 1..256, not 0"),
    ("gemm", "rows=169 cell=dsp48e2", "zcu102", "--rows must be at most 168"),
    ("sparse_gemm", "pack=n", "zcu102", "--pack must be one of none, m"),
]


@pytest.mark.parametrize(("name", "words", "board", "says"), REFUSED)
def test_contradictions_are_refused(name, words, board, says):
    with pytest.raises(UsageError) as refusal:
        choice(name, words, board)
    assert says in str(refusal.value)


@pytest.mark.parametrize("board", [None, "zcu102", "vc709"])
def test_whatever_the_formats_a_choice_is_found(board):
    for a, b, dataflow in itertools.product(FORMATS, FORMATS, DATAFLOWS):
        words = f"a_format={a} b_format={b} acc_width=40"
        cell, pack, found = choice(
            "gemm", f"{words} dataflow={dataflow}" if dataflow else words, board
        )
        assert dataflow in (None, found)
        assert (cell == "generic") == (board is None)
        assert pack == "none" or found == "ws"
