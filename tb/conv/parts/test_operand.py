"""The operand's buffer: any order of loads and passes, waiting and not."""

from dataclasses import dataclass

import numpy as np
import pytest

from gemmule.gen.block import Block
from gemmule.gen.compile.convolution.lower.program import Pass
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import to_words
from gemmule.golden.conv.pattern import Axis, Loop, Walk
from gemmule.hw.conv.operand import OperandBuffer
from gemmule.hw.conv.walk_params import BpParams
from gemmule.tb.conv.programs.beats import pass_beats

LANES = 2
FORMAT = Format.parse("s8")


@dataclass(frozen=True, kw_only=True)
class BufferParams(BpParams):
    """The parameters of a small buffer."""


def component(params: BufferParams) -> OperandBuffer:
    """Make a buffer of two lanes."""
    return OperandBuffer(params, FORMAT, LANES)


BLOCK = Block("operand_buffer", "A part.", BufferParams, component)
PARAMS = BufferParams(address_width=4, size_width=5)


def program(seed: int) -> tuple[list[np.ndarray], list[Pass], np.ndarray]:
    """Draw loads and passes over them; return these and what comes out."""
    rng = np.random.default_rng(seed)
    loads, passes, out = [], [], []
    for _ in range(40):
        size = int(rng.choice([1, 2, 5, 15, 16]))
        loads.append(rng.integers(-128, 128, (size, LANES)))
        turns = int(rng.integers(1, 4))
        for turn in range(turns):
            axis = Axis(int(rng.integers(-2, 3)), int(rng.integers(1, size + 1)), 1)
            walk = Walk(axes=(axis,), loops=(Loop(int(rng.integers(1, 20)), (1,)),))
            step = Pass(walk, int(rng.integers(-128, 128)), turn == turns - 1, bool(turn % 2))
            address, real = walk.beats()
            vectors = loads[-1][np.where(real, address, 0)]
            out.append(np.where(real[:, None], vectors, step.pad))
            passes.append(step)
    return loads, passes, np.concatenate(out)


def sent(loads: list[np.ndarray], passes: list[Pass]) -> dict[str, np.ndarray]:
    """Encode loads and passes as beats."""
    ends = np.concatenate([np.arange(len(v)) == len(v) - 1 for v in loads])
    return {
        "load": to_words((np.concatenate(loads), 8), (ends, 1)),
        "passes": pass_beats(passes, PARAMS, FORMAT.width),
    }


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.7])
def test_loads_and_passes(stall):
    model = build(BLOCK, PARAMS)
    for seed in range(12):
        loads, passes, out = program(seed)
        result = model.run(sent(loads, passes), {"o": len(out)}, stall=stall, seed=seed)
        finals = [
            each.final and number == each.walk.length - 1
            for each in passes
            for number in range(each.walk.length)
        ]
        assert (result.received["o"] == to_words((out, 8), (finals, 1))).all(), seed
