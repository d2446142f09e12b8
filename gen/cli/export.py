"""The verbs that write for other programs: a run's words for a board, a library for FuseSoC."""

from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.files.atomic import check_folder, folder_at
from gemmule.gen.files.user_files import read_arrays
from gemmule.gen.synthesis.choose import Choice
from gemmule.gen.verilog.axis import AxisForm
from gemmule.golden.common.options import Options

from .printing import JSON, print_json, progress, table
from .verbs import BOARD, FOLDER, INPUTS, STREAMS, TDATA_WIDTH

__all__ = ["export", "fusesoc"]


def export(
    block: Block,
    params: Options,
    run: Options,
    choice: Choice | None = None,
    *,
    inputs: INPUTS,
    out: FOLDER,
    board: BOARD = None,
    streams: STREAMS = "plain",
    tdata_width: TDATA_WIDTH = None,
    as_json: JSON = False,
) -> int:
    """Write the words that a run sends and receives into files for a DMA program."""
    from gemmule.gen.package.sheet.export import export as write

    adapter = block.simulated_by()
    folder = folder_at("--out", out)
    check_folder("--out", folder)
    arrays = read_arrays(inputs, adapter.inputs)
    with progress(f"writing a run of {block.name}"):
        given: dict[str, Any] = {"tdata_width": tdata_width}  # text, which the form reads
        form = AxisForm(streams=streams, **given)
        written = write(block, params, run, arrays, folder, form)
    if as_json:
        found = {"block": block.name, "out": str(folder), "files": sorted(written)}
        print_json(found | (choice.as_dict() if choice else {}))
    else:
        table(["file", "what"], written.items(), title=f"a run of {block.name} in {folder}")
    return 0


def fusesoc(*, out: FOLDER) -> int:
    """Write a FuseSoC library with the generator `gemmule`: a core of your own states options."""
    from gemmule.gen.package.fusesoc.library import write_library

    check_folder("--out", folder_at("--out", out))
    table(["file", "what"], write_library(out).items(), title=f"FuseSoC library in {out}")
    return 0
