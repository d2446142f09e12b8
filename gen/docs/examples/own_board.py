"""A board of one's own: a TOML file, and what comes of it in a package.

    python -m gemmule.gen.docs.examples.own_board build/own_board

The same file goes to any verb: `gemmule synth gemm --board FILE.toml`.
"""

import sys
from pathlib import Path

from gemmule.gen import generate
from gemmule.gen.boards import load_board
from gemmule.gen.catalog import find
from gemmule.gen.synthesis.choose import choose

__all__ = ["BOARD", "main"]

BOARD = """# Where each number is from belongs here: AMD DS180 for an Artix-7 35T.
name = "desk"
title = "The board on my desk"
part = "xc7a35tcpg236-1"
family = "xc7"     # of Yosys's synth_xilinx
cell = "dsp48e1"   # the DSP block of this device
cascade = 60       # DSP48E1 in a column
clock_mhz = 100.0

[resources]
lut = 20_800
ff = 41_600
carry = 5_200
dsp = 90
bram18 = 100
bram36 = 50
uram = 0
"""


def main(folder: Path) -> None:
    """Write the board, let it choose cell and packing, and write a package for it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "desk.toml"
    file.write_text(BOARD)
    board = load_board(file)
    block = find("gemm")
    # 8 x 8 products with two in each DSP block fit into 90 of them.
    params, choice = choose(block, {"rows": 8, "cols": 8}, {}, board)
    print(f"{board.title}: {choice.as_dict() if choice else {}}")
    written = generate(block, params, folder / "gemm", board=board)
    print(f"{len(written)} files in {folder / 'gemm'}, constrained to {board.clock_mhz:g} MHz")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/own_board"))
