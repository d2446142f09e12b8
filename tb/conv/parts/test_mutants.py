# amaranth: UnusedElaboratable=no
"""The comparisons are seen to fail: each mutant breaks one line of the hardware."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.compile.convolution.encode_walk import decode, encode, padded
from gemmule.gen.compile.convolution.lower.views import gradient, im2col, loss, repeated
from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.lanes import to_words
from gemmule.golden.conv.operation import Method
from gemmule.hw.conv.generator import AddressGenerator
from gemmule.hw.conv.loader import Loader
from gemmule.hw.conv.operand import OperandBuffer
from gemmule.tb.common.module_mutants import mutant
from gemmule.tb.conv.programs.test_counters import count
from gemmule.tb.conv.test_views import grids

from .test_generators import BLOCKS, SPREAD
from .test_loader import BLOCK as LOADED
from .test_loader import PARAMS as LOADED_PARAMS
from .test_loader import Loaded, agrees, waits_for_a_bank
from .test_loader import program as loads_and_passes
from .test_operand import BLOCK as BUFFER
from .test_operand import FORMAT, LANES, program, sent
from .test_operand import PARAMS as BUFFER_PARAMS
from .test_writer import PARAMS as WRITER_PARAMS
from .test_writer import WRITER
from .test_writer import agrees as writes

BP = Method.BP_IM2COL

GENERATOR_MUTANTS = {
    "levels below do not restart": (
        "Mux(turns == 0, held.loops[number].turns, turns - 1)",
        "turns - (turns != 0)",
    ),
    "the lower edge is not tested": ("pixel.as_unsigned() < held.axes[axis].limit", "pixel >= 0"),
    "inserted zeros are not masked": ("return carry, part == 0", "return carry, Const(1)"),
    "a carry moves no address": ("Mux(carry, held.axes[axis].pitch, 0)", "0"),
}
BUFFER_MUTANTS = {
    "a beat overtakes its load": (
        "(beat.data.address < there) | ~beat.data.real",
        "(beat.data.address < there) | 1",
    ),
    "a bank is released too soon": ("((full != 0) | ~(beat.last & held.release))", "1"),
}
LOADER_MUTANTS = {
    "the way changes while vectors are under way": ("(load.turned == transposed) | idle", "1"),
    "what was just asked for is forgotten": ("~counting & (expected.level == 0)", "~counting"),
    "a bank closes with each load": ("self._closing = closes & ", "self._closing = "),
    "a bank closes with each request": ("closes & (requests == 1)", "closes"),
    "a square in front closes the bank": ("marks[1:], marks)", "marks, marks)"),
    "each load claims a bank": ("(take & ~opened)", "take"),
    "a bank is claimed before it is free": ("opened | (claimed != BANKS)", "opened | 1"),
    "a released bank stays claimed": (" - self.released", ""),
    "a request has a vector less": ("vectors == 1)", "vectors <= 2)"),
    "squares go straight through": (
        "Mux(transposed, square.o.payload.data, i.payload.data)",
        "i.payload.data",
    ),
    "counts of the load before": ("Mux(take, load.loops[level].count, loop.count)", "loop.count"),
}
WRITER_MUTANTS = {
    "masked places are written": ("keep.eq(take & beat.data.real)", "keep.eq(take)"),
    "copies lose their sign": ("copied[-1] & core", "copied[-1] & ~core"),
    "copies wait for results": ("Mux(held.copied, self.a.valid, self.c.valid)", "self.c.valid"),
    "results go with copies": ("walker.o.valid & ~held.copied & room", "walker.o.valid & room"),
    "a vector has no room": ("requests.i.ready & vectors.i.ready", "requests.i.ready"),
}
COUNTER_MUTANTS = {
    "time stands": ('running if name == "busy_cycles" else 0', "0"),
    "time goes on": (" & ~self.report)", ")"),
    "nothing begins anew": ("count.eq(0)", "count.eq(count)"),
}


def generator_agrees(component) -> bool:
    """Tell whether an address generator walks small layers as the golden model does."""
    walks = []
    for layer in list(grids())[::40]:
        walks += [im2col(layer, 2).walk, loss(layer, BP, 2).walk]
        walks.append(repeated(gradient(layer, BP).walk, 1))
    made = [padded(walk, SPREAD.golden).beats() for walk in walks]
    address, real = (np.concatenate(parts) for parts in zip(*made, strict=True))
    block = replace(BLOCKS["bp_im2col"], component=component)
    try:
        result = build_emitted(emit(block, SPREAD)).run(
            {"walk": encode(walks, SPREAD.golden)}, {"o": len(address)}, patience=500
        )
    except SimulationError:
        return False
    at, keep, _ = decode(result.received["o"], SPREAD.golden)
    return bool((keep == real).all() and (at[real] == address[real]).all())


def buffer_agrees(component) -> bool:
    """Tell whether an operand's buffer serves what was loaded."""

    def buffer(params):
        """Make a buffer of two lanes."""
        return component(params, FORMAT, LANES)

    block = replace(BUFFER, component=buffer)
    model = build_emitted(emit(block, BUFFER_PARAMS))
    for seed in range(6):
        loads, passes, out = program(seed)
        try:
            got = model.run(
                sent(loads, passes), {"o": len(out)}, stall=0.3, seed=seed, patience=500
            )
        except SimulationError:
            return False
        if not (got.received["o"][:, 0] & 0xFFFF == to_words((out, 8))[:, 0]).all():
            return False
    return True


def loader_agrees(component) -> bool:
    """Tell whether a loader fills banks with what a memory holds."""

    def loaded(params):
        """Make a loader and a buffer."""
        return Loaded(params, component)

    model = build_emitted(emit(replace(LOADED, component=loaded), LOADED_PARAMS))
    try:
        return waits_for_a_bank(model) and all(
            agrees(model, loads_and_passes(seed), stall=stall, seed=seed, patience=500)
            for seed in range(6)
            for stall in (0.0, 0.3)
        )
    except SimulationError:
        return False


COMPARED = {
    "generator": ("AddressGenerator", GENERATOR_MUTANTS, generator_agrees),
    "operand": ("OperandBuffer", BUFFER_MUTANTS, buffer_agrees),
    "loader": ("Loader", LOADER_MUTANTS, loader_agrees),
}
"""By module: the component, what breaks it, and the comparison that must see it."""


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part, (_, broken, _) in COMPARED.items() for name in broken]
)
def test_mutants_are_caught(part, name):
    component, broken, agrees_with_golden = COMPARED[part]
    module = mutant(f"gemmule.hw.conv.{part}", *broken[name])
    assert not agrees_with_golden(getattr(module, component))


@pytest.mark.parametrize("name", WRITER_MUTANTS)
def test_writer_mutants_are_caught(name):
    broken = mutant("gemmule.hw.conv.writer", *WRITER_MUTANTS[name])
    model = build_emitted(emit(replace(WRITER, component=broken.Writer), WRITER_PARAMS))
    assert not all(writes(model, seed, stall) for seed in range(4) for stall in (0.0, 0.3))


@pytest.mark.parametrize("name", COUNTER_MUTANTS)
def test_counter_mutants_are_caught(name):
    broken = mutant("gemmule.hw.conv.counters", *COUNTER_MUTANTS[name])
    with pytest.raises(AssertionError):
        count(broken.Counters(), 1)


def test_what_is_not_broken_agrees():
    assert generator_agrees(AddressGenerator)
    assert buffer_agrees(OperandBuffer)
    assert loader_agrees(Loader)
