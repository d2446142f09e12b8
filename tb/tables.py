"""The table of blocks in README, which follows the catalog: `python -m gemmule.tb.tables`.

Names and summaries are the catalog's, in its order. Figures are kept; a block that was not counted
yet has dashes, until its row of `gemmule bench blocks` is put there.
"""

import sys
from pathlib import Path

from gemmule.gen.catalog import catalog

__all__ = ["README", "with_blocks"]

README = Path(__file__).resolve().parents[1] / "README.md"

BEGIN, END = "<!-- blocks -->\n", "<!-- end of blocks -->"


def with_blocks(text: str) -> str:
    r"""Return README's ``text`` with a row for each block of the catalog, and no other.

    Examples
    --------
    >>> head = f"{BEGIN}| block | what it does | LUT |\n| --- | --- | --: |\n"
    >>> made = with_blocks(f"{head}| `gemm` | Old words. | 7 |\n| `gone` | Gone. | 1 |\n{END}")
    >>> [row for row in made.splitlines() if "`gemm`" in row or "gone" in row]
    ['| `gemm` | Multiply matrices of any size, with zero points, and requantize the result. | 7 |']
    """
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    head, rule, *rows = table.splitlines()
    figures = {name: cells for name, _summary, *cells in map(_cells, rows)}
    unknown = ["-"] * (len(_cells(head)) - 2)
    made = [
        f"| {' | '.join([f'`{name}`', block.summary, *figures.get(f'`{name}`', unknown)])} |"
        for name, block in catalog().items()
    ]
    return "\n".join([before + BEGIN + head, rule, *made, END + after])


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


if __name__ == "__main__":
    README.write_text(with_blocks(README.read_text()))
    print(f"{README}: {len(catalog())} blocks", file=sys.stderr)
