# amaranth: UnusedElaboratable=no
"""The comparisons are seen to fail: each mutant breaks one line of the hardware."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.conv.commands import pass_beats
from gemmule.gen.conv.walks import decode, encode, padded
from gemmule.gen.emit import emit
from gemmule.gen.engine import build_emitted
from gemmule.gen.model import SimulationError
from gemmule.golden.common.lanes import pack
from gemmule.golden.conv.sequences import bp_gradient, bp_loss, im2col
from gemmule.hw.conv.operand import OperandBuffer
from gemmule.tb.common.mutants import mutant

from .test_generators import BLOCKS, SPREAD
from .test_golden_sequences import grids
from .test_operand import BLOCK as BUFFER
from .test_operand import FORMAT, LANES, program
from .test_operand import PARAMS as BUFFER_PARAMS

GENERATOR_MUTANTS = {
    "levels below do not restart": ("Mux(turns == 0, held.loops[number].turns, turns - 1)",
                                    "turns - (turns != 0)"),
    "the lower edge is not tested": ("pixel.as_unsigned() < held.axes[axis].limit", "pixel >= 0"),
    "inserted zeros are not masked": ("return carry, part == 0", "return carry, Const(1)"),
    "a carry moves no address": ("Mux(carry, held.axes[axis].pitch, 0)", "0"),
}  # fmt: skip
BUFFER_MUTANTS = {
    "a beat overtakes its load": ("(beat.data.address < filled) | ~beat.data.real", "1"),
    "a bank is released too soon": ("(there & ~(beat.last & held.release))", "there"),
}


def generator_agrees(component) -> bool:
    """Whether an address generator walks small layers as the golden model does."""
    walks = [walk for layer in list(grids())[::40]
             for walk in (im2col(layer, 2), bp_loss(layer, 2), bp_gradient(layer))]  # fmt: skip
    made = [padded(walk, SPREAD).beats() for walk in walks]
    address, real = (np.concatenate(parts) for parts in zip(*made, strict=True))
    block = replace(BLOCKS["bp_im2col"], component=component)
    try:
        result = build_emitted(emit(block, SPREAD)).run(
            {"walk": encode(walks, SPREAD)}, {"o": len(address)}, patience=500
        )
    except SimulationError:
        return False
    at, keep, _ = decode(result.received["o"], SPREAD)
    return bool((keep == real).all() and (at[real] == address[real]).all())


def buffer_agrees(component) -> bool:
    """Whether an operand's buffer serves what was loaded."""

    def buffer(params):
        """A buffer of two lanes."""
        return component(params, FORMAT, LANES)

    block = replace(BUFFER, component=buffer)
    model = build_emitted(emit(block, BUFFER_PARAMS))
    for seed in range(6):
        loads, passes, out = program(seed)
        ends = np.concatenate([np.arange(len(v)) == len(v) - 1 for v in loads])
        send = {
            "load": pack((np.concatenate(loads), 8), (ends, 1)),
            "passes": pass_beats(passes, BUFFER_PARAMS, FORMAT.width),
        }
        try:
            got = model.run(send, {"o": len(out)}, stall=0.3, seed=seed, patience=500)
        except SimulationError:
            return False
        if not (got.received["o"][:, 0] & 0xFFFF == pack((out, 8))[:, 0]).all():
            return False
    return True


@pytest.mark.parametrize("name", GENERATOR_MUTANTS)
def test_generator_mutants_are_caught(name):
    broken = mutant("gemmule.hw.conv.generator", *GENERATOR_MUTANTS[name])
    assert not generator_agrees(broken.AddressGenerator)


@pytest.mark.parametrize("name", BUFFER_MUTANTS)
def test_buffer_mutants_are_caught(name):
    broken = mutant("gemmule.hw.conv.operand", *BUFFER_MUTANTS[name])
    assert not buffer_agrees(broken.OperandBuffer)


def test_what_is_not_broken_agrees():
    assert generator_agrees(BLOCKS["bp_im2col"].component)
    assert buffer_agrees(OperandBuffer)
