"""What the parts of the product unit tell each other."""

from amaranth import unsigned
from amaranth.lib import data

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.soc.control.layouts import command_layout
from gemmule.hw.soc.dma.request import LENGTH_WIDTH

from .params import ProductUnitParams

__all__ = [
    "JOBS",
    "combine_layout",
    "issue_layout",
    "job_layout",
    "load_layout",
    "settings_layout",
    "store_layout",
    "walk_layout",
]

JOBS = 4
"""Commands under way in the unit. A power of two."""

STRIDE = 32


def job_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out a command with the cuts that were planned for it.

    ``tiles`` is n in vectors of b, ``vectors`` is k in vectors of a. A block has up to
    ``block_tiles`` tiles and ``block_rows`` rows, the last one along M up to ``most_rows``.
    ``sliced``: K is cut, too. ``resident``: a is loaded once, and walked for each block along N.
    """
    return data.StructLayout({
        "command": command_layout(params.address_width),
        "tiles": unsigned(DIM_WIDTH),
        "vectors": unsigned(DIM_WIDTH),
        "block_tiles": range(params.most_tiles + 1),
        "block_rows": range(params.most_rows + 1),
        "most_rows": range(params.most_rows + 1),
        "sliced": 1,
        "resident": 1,
    })


def load_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out the rows of an operand to load for a block.

    ``length`` bytes from ``offset`` on of each of ``rows`` rows, ``vectors`` in the scratchpad
    each. ``restart`` at the operand's first row; otherwise go on behind the last block's rows, or
    ``again`` at that block's first one. ``ahead`` is how many loads of b must have been asked for
    before, of those that it ``counts``.
    """
    return data.StructLayout({
        "job": range(JOBS),
        "base": unsigned(params.address_width),
        "stride": unsigned(STRIDE),
        "offset": unsigned(LENGTH_WIDTH),
        "length": unsigned(LENGTH_WIDTH),
        "rows": unsigned(DIM_WIDTH),
        "vectors": range(max(params.a_depth, params.b_depth) + 1),
        "restart": 1,
        "again": 1,
        "ahead": unsigned(6),
        "counts": 1,
    })


def walk_layout(depth: int, times: int) -> data.StructLayout:
    """Lay out a walk over a block of a scratchpad of ``depth`` vectors, up to so many ``times``.

    ``inner`` vectors ``step`` apart, ``middle`` such runs one vector apart, all of it ``outer``
    times, each ``skip`` vectors further. ``free``: nobody walks there again. ``rewind``: the next
    walk begins at the first block that was not freed. ``last``: a packet ends.
    """
    count = range(depth + 1)
    return data.StructLayout({
        "inner": count,
        "step": count,
        "middle": count,
        "outer": range(times + 1),
        "skip": 1,
        "free": 1,
        "rewind": 1,
        "last": 1,
    })


def issue_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out a product of a block: its sizes, and whether its settings are ``free`` behind it."""
    return data.StructLayout({
        "job": range(JOBS),
        "rows": range(params.most_rows + 1),
        "columns": range(params.most_tiles * params.cols + 1),
        "k": unsigned(DIM_WIDTH),
        "tiles": range(params.most_tiles + 1),
        "free": 1,
    })


def settings_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out the settings of a block of ``columns``, from the column ``start`` on."""
    return data.StructLayout({
        "job": range(JOBS),
        "raw": 1,
        "base": unsigned(params.address_width),
        "start": unsigned(DIM_WIDTH),
        "columns": range(params.most_tiles * params.cols + 1),
        "first": 1,
    })


def combine_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out the tiles of a block, whose rows are written together: ``2**size`` bytes a result.

    Rows and tiles are numbered from 0 on, up to their last ones.
    """
    return data.StructLayout({
        "size": 2,
        "last_row": range(params.most_rows),
        "last_tile": range(max(2, params.most_tiles)),
    })


def store_layout(params: ProductUnitParams) -> data.StructLayout:
    """Lay out where the results of a block of ``columns`` go."""
    return data.StructLayout({
        "job": range(JOBS),
        "base": unsigned(params.address_width),
        "stride": unsigned(STRIDE),
        "offset": unsigned(LENGTH_WIDTH),
        "size": 2,
        "rows": range(params.most_rows + 1),
        "columns": range(params.most_tiles * params.cols + 1),
        "restart": 1,
        "last": 1,
    })
