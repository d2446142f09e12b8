"""A testbench in plain Verilog that replays a worked example through the package's top."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gemmule.gen.block import Beats, Block, Repeated
from gemmule.gen.verilog.axis import AxisStream
from gemmule.golden.common.options import Options

from .sheet.form import Example
from .sheet.words import lasts, to_bytes

__all__ = ["selftest_view"]


def selftest_view(
    block: Block, params: Options, streams: list[AxisStream], examples: list[Example]
) -> dict[str, Any] | None:
    """Return what the template `selftest.sv` needs; None where no example does without a memory."""
    for example in examples:
        job = block.simulated_by().plan(
            params, block.simulated_by().Run(**example.run), example.arrays
        )
        if job.memory is None and job.results:
            results = job.results()
            return {"streams": [_stream(each, job.send, results) for each in streams]}
    return None


def _stream(
    each: AxisStream, send: Mapping[str, Beats | Repeated], results: Mapping[str, Beats]
) -> dict[str, Any]:
    words = (send if each.is_input else results).get(each.name)
    return {
        "stream": each,
        "beats": [] if words is None else _beats(each, np.asarray(words)),
        "known": words is not None,
    }


def _beats(each: AxisStream, words: Beats) -> list[str]:
    """Return TLAST and TDATA of each beat, as a Verilog number."""
    step, ends = each.tdata_octets, lasts(each, words)
    made = []
    for number, word in enumerate(to_bytes(each, words)):
        for place in range(each.beats):
            final = place == each.beats - 1
            last = final and (ends is None or bool(ends[number])) and each.tlast is not None
            digits = word[place * step : (place + 1) * step].tobytes()[::-1].hex()
            made.append(f"{{1'b{int(last)}, {8 * step}'h{digits}}}")
    return made
