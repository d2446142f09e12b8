"""The table of blocks in README, which follows the catalog.

Names and summaries are the catalog's, in its order. Figures are kept; a block that was not counted
yet has dashes, until its row of `gemmule bench blocks` is put there.
"""

from gemmule.gen.catalog import catalog
from gemmule.gen.docs.tables import markdown

__all__ = ["with_blocks"]


def with_blocks(table: str) -> str:
    r"""Return the ``table`` with a row for each block of the catalog, and no other.

    Examples
    --------
    >>> head = "| block | what it does | LUT |\n| --- | --- | --: |\n"
    >>> made = with_blocks(f"{head}| `gemm` | Old words. | 7 |\n| `gone` | Gone. | 1 |\n")
    >>> [row for row in made.splitlines() if "`gemm`" in row or "gone" in row]
    ['| `gemm` | Multiply matrices of any size, with zero points, and requantize the result. | 7 |']
    """
    head, rule, *rows = map(_cells, table.splitlines())
    figures = {name: cells for name, _summary, *cells in rows}
    unknown = ["-"] * (len(head) - 2)
    made = [
        (f"`{name}`", block.summary, *figures.get(f"`{name}`", unknown))
        for name, block in catalog().items()
    ]
    return markdown(head, made, texts=rule.count("---"))


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]
